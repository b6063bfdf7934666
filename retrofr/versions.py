"""Versions of everything that can change a result, for the records of runs."""

from __future__ import annotations

import platform
from importlib.metadata import version

LIBRARIES = ("annoy", "av", "numpy", "onnx", "opencv-python-headless", "openvino", "pillow", "torch")


def versions() -> dict[str, str]:
    """Versions of retrofr, of Python and of every library that can change a result."""
    own = {"retrofr": version("retrofr"), "python": platform.python_version()}
    return own | {"platform": platform.platform()} | {name: version(name) for name in LIBRARIES}
