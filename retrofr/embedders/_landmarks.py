"""MTCNN's output net as a finder of landmarks, ready to run; torch is loaded only where the net is converted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from retrofr.records import Floats, Pixels
from retrofr.runtime import Device, compile_weights
from retrofr.weights import WeightsFile

if TYPE_CHECKING:
    from torch import nn


def build_landmark_net(file: WeightsFile, device: Device, side: int) -> Callable[[Pixels], Floats]:
    """Load the net from MTCNN's weights of it.

    Returns:
        Takes (N, side, side, 3) uint8 RGB, gives (N, 5, 2) as fractions of the side.

    Raises:
        WeightsError: they are absent or do not fit the net.
    """
    run = compile_weights(
        file,
        partial(_net, file.name),
        device,
        (2, side, side, 3),
        dtype=np.uint8,
        cpu_batch=64,
        half=True,
        kind="landmarks",
        when_needed=True,
    )

    def find(faces: Pixels) -> Floats:
        return run(faces)[0].reshape(-1, 2, 5).transpose(0, 2, 1)

    return find


def _net(name: str, content: bytes) -> nn.Module:
    from retrofr.embedders._landmark_net import read_landmark_net

    return read_landmark_net(content, name)
