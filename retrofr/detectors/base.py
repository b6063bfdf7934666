"""What every face detector takes and gives.

A detector is a file of this folder with ``SETTINGS`` (a StageSettings class) and
``build(settings, device) -> Detector``. It imports torch inside ``build``, so that listing parts stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from retrofr.records import Detections, Pixels
from retrofr.weights import WeightsFile


class Detector(Protocol):
    """Finds faces in batches of frames."""

    name: str
    weights: tuple[WeightsFile, ...]

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        """Find the faces in each frame.

        Args:
            frames: each (H, W, 3) uint8 RGB, upright, with square pixels; sizes may differ from frame to frame.

        Returns:
            One Detections per frame, in order, best detection score first; empty where there is no face. Boxes
            are in that frame's pixels, half-open, clipped to it; landmarks may lie outside when a face leaves
            the frame. A batch gives what its frames give one by one.

        Raises:
            ModelError: the device ran out of memory even with one frame a batch.
        """
        ...
