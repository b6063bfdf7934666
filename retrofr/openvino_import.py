"""OpenVINO, loaded so that it tells nobody what it does."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import Any

_lock = threading.Lock()


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    OpenVINO reports its import and every conversion to a web service, without asking and with an identifier it
    keeps in the user's home, unless ``openvino_telemetry`` is missing; so it is hidden while OpenVINO loads.
    """
    with _lock:
        missing = object()
        kept = sys.modules.get("openvino_telemetry", missing)
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        try:
            openvino = import_module("openvino")
            import_module("openvino.tools.ovc.convert_impl")
            stub = import_module("openvino.tools.ovc.telemetry_stub")
        finally:
            if kept is missing:
                del sys.modules["openvino_telemetry"]
            else:
                sys.modules["openvino_telemetry"] = kept  # type: ignore[assignment]
        # Where the calling program had imported OpenVINO before, its parts hold the real one already.
        for name, part in list(sys.modules.items()):
            if name.startswith("openvino.tools.ovc") and hasattr(part, "tm"):
                part.__dict__["tm"] = stub
        return openvino
