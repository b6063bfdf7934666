"""OpenVINO, loaded so that it tells nobody what it does, and its converter only where it is needed."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from retrofr.errors import ModelError

if TYPE_CHECKING:
    import torch

_lock = threading.RLock()
_CONVERTER = "openvino.tools.ovc"


@dataclass(frozen=True)
class InputForm:
    """A net's input: the shape of one example, the axes whose size may differ from it, and its numpy type."""

    example_shape: tuple[int, ...]
    dynamic: tuple[int, ...]
    dtype: type[np.generic]

    def terms(self) -> dict[str, object]:
        """The same as plain values."""
        axes = sorted(set(self.dynamic))
        return {"shape": list(self.example_shape), "dynamic": axes, "dtype": self.dtype.__name__}


def import_openvino() -> Any:
    """Import OpenVINO to run nets, without its converter, which takes longer to load than all the rest.

    ``openvino.convert_model`` still works for a program that uses retrofr as a library: it is loaded when asked for.
    """
    with _lock:
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        with _hidden(_CONVERTER):
            openvino = import_module("openvino")
        openvino.__dict__["__getattr__"] = _converter_when_asked
        return openvino


def import_converter() -> Any:
    """Import OpenVINO's converter without its telemetry; gives the function ``convert_model``.

    OpenVINO reports its import and every conversion to a web service, without asking and with an identifier it
    keeps in the user's home, unless ``openvino_telemetry`` is missing; so it is hidden while the converter loads.
    """
    with _lock:
        import_openvino()
        with _hidden("openvino_telemetry"):
            converter = import_module(_CONVERTER)
            import_module(f"{_CONVERTER}.convert_impl")
            stub = import_module(f"{_CONVERTER}.telemetry_stub")
        # Where the calling program had imported OpenVINO before, its parts hold the real one already.
        for name, part in list(sys.modules.items()):
            if name.startswith(_CONVERTER) and hasattr(part, "tm"):
                part.__dict__["tm"] = stub
        return converter.convert_model


def convert(module: torch.nn.Module, form: InputForm) -> Any:
    """A torch module as an OpenVINO model.

    Raises:
        ModelError: OpenVINO cannot convert it.
    """
    import torch

    convert_model = import_converter()
    shape = [-1 if axis in form.dynamic else size for axis, size in enumerate(form.example_shape)]
    example = torch.from_numpy(np.zeros(form.example_shape, form.dtype))
    try:
        # One at a time: which warnings are shown is a setting of the whole process.
        with _lock, warnings.catch_warnings(), torch.inference_mode():
            # A traced module is what OpenVINO reads; torch has marked tracing as old. Left to itself OpenVINO
            # traces with a check that imports torch.distributed and sympy, which takes seconds.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                module.cpu().eval(), example, check_trace=False
            )
            model = convert_model(traced, example_input=example)
            model.reshape(shape)
    except RuntimeError as error:
        name = type(module).__name__
        raise ModelError(f"OpenVINO cannot convert this net ({error})", subject=name) from error
    return model


def _converter_when_asked(name: str) -> Any:
    if name == "convert_model":
        return import_converter()
    raise AttributeError(f"module 'openvino' has no attribute {name!r}")


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """A module that cannot be imported for a while; one that is there already is put back."""
    missing = object()
    kept = sys.modules.get(name, missing)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if kept is missing:
            del sys.modules[name]
        else:
            sys.modules[name] = kept  # type: ignore[assignment]
