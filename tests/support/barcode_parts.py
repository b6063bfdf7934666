"""A detector that sees a face in numbered frames, at known times, so that results can be compared with the truth.

The face is there in the first half of every 50 frames: from 0 to 24, from 50 to 74, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

import fakes
from recordings import number_in
from retrofr.embedders.base import ChipSpec
from retrofr.records import Detections, Floats, Pixels

PERIOD, SHOWN = 50, 25
_BOX = np.array([100, 60, 180, 140], np.float32)


def visit_of(number: int) -> tuple[int, int]:
    """First number of the visit that a number belongs to, and the number at which it has ended."""
    first = number // PERIOD * PERIOD
    return first, first + SHOWN


class BarcodeDetector:
    """Finds one face, always at the same place, in frames whose number says so."""

    name = "barcode"
    weights = (fakes.NO_WEIGHTS,)

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Pixels) -> Detections:
        number = number_in(frame) if min(frame.shape[:2]) >= 200 else None
        if number is None or number % PERIOD >= SHOWN:
            return Detections.none()
        landmarks = _BOX[:2] + fakes.LANDMARKS * (_BOX[2:] - _BOX[:2])
        return Detections(_BOX[None].copy(), landmarks[None], np.full(1, 0.9, np.float32))


class OnePersonEmbedder:
    """Every face is the same."""

    name = "one person"
    dimensions = 2
    chip = ChipSpec(32, tuple((float(x) * 32, float(y) * 32) for x, y in fakes.LANDMARKS))
    weights = fakes.NO_WEIGHTS

    def embed(self, chips: Pixels) -> Floats:
        return np.ones((len(chips), 2), np.float32)

    def compare(self, left: Floats, right: Floats) -> Floats:
        return np.asarray(1 - np.linalg.norm(left[:, None] - right[None], axis=2), np.float32)

    def index_vectors(self, vectors: Floats) -> Floats:
        return vectors


SETTINGS = {
    "detect": {"detector": "fake"},
    "embed": {"embedder": "fake"},
    "search": {"threshold": 0.8, "join_gap_seconds": 0.0},
    "sampling": {"rate": 5.0},
    # The face is a stretch of the moving background: only its place says that it is one.
    "track": {"min_likeness": -1.0, "max_gap_seconds": 0.3},
}


def entry_points() -> dict[str, object]:
    """What the registry finds as installed parts, by kind."""
    detector, embedder = vars(fakes.FAKE_DETECTOR).copy(), vars(fakes.FAKE_EMBEDDER).copy()
    detector["build"] = lambda _settings, _device: BarcodeDetector()
    embedder["build"] = lambda _settings, _device: OnePersonEmbedder()
    return {
        "detectors": fakes.as_entry_point(SimpleNamespace(**detector)),
        "embedders": fakes.as_entry_point(SimpleNamespace(**embedder)),
    }
