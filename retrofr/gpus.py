"""The GPUs of this machine: whether there may be one, what torch sees, and what they are good at.

Loading torch takes seconds, so what can be told without it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# What the drivers of NVIDIA (also of its boards and inside WSL) and of AMD put into a Linux system.
SIGNS = ("dev/nvidia*", "dev/nvhost*", "dev/nvgpu*", "dev/dxg", "dev/kfd", "proc/driver/nvidia")
_DEVICES = "dev/nvidia[0-9]*"
_VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"

_QUICK_IN_HALF = (7, 0)
"""From this compute capability on (Volta, 2017) a GPU multiplies float16 much faster than float32."""


def may_be_there() -> bool:
    """Whether a GPU that torch calls ``cuda`` could be on this machine; False only where that is certain."""
    if sys.platform == "darwin":
        return False
    if sys.platform != "linux":
        return True
    return any(any(Path("/").glob(sign)) for sign in SIGNS)


def likely_count() -> int:
    """How many GPUs a process that loads torch would likely see; 0 also where only torch could tell.

    Counted are the devices of NVIDIA's driver, as far as CUDA_VISIBLE_DEVICES leaves them.
    """
    count = sum(1 for _ in Path("/").glob(_DEVICES))
    visible = os.environ.get(_VISIBLE_VARIABLE)
    if visible is None:
        return count
    chosen = [word.strip() for word in visible.split(",")]
    if "-1" in chosen:  # CUDA sees nothing from there on
        chosen = chosen[: chosen.index("-1")]
    return min(count, len([word for word in chosen if word]))


def names() -> list[str]:
    """The name of each GPU that torch can use, in the order of their numbers."""
    import torch

    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def is_quick_in_half(index: int) -> bool:
    """Whether that GPU computes faster in float16 than in float32."""
    import torch

    return torch.cuda.get_device_capability(index) >= _QUICK_IN_HALF
