"""What every embedder takes and gives.

An embedder is a file of this folder with ``SETTINGS`` (a StageSettings class), ``WEIGHTS`` (a tuple of
WeightsFile), ``build(settings, device) -> Embedder`` and ``scorer(settings) -> TemplateScorer``, which compares
without a net; a file without ``scorer`` is built whole even to compare. ``build`` and ``scorer`` import nothing heavy
but what they need: torch only where a net is converted or run by it, see :func:`retrofr.runtime.compile_weights`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from retrofr.records import Floats, Pixels
from retrofr.weights import WeightsFile


@dataclass(frozen=True)
class ChipSpec:
    """How a face is cut for an embedder: side in pixels, and where the five landmarks go, (x, y) in chip pixels."""

    side_pixels: int
    landmarks: tuple[tuple[float, float], ...]

    @property
    def points(self) -> Floats:
        """(5, 2) float32."""
        return np.array(self.landmarks, np.float32)


class TemplateScorer(Protocol):
    """What an embedder says of itself and how it compares vectors, for which it needs no net."""

    name: str
    dimensions: int
    weights: WeightsFile

    def compare(self, left: Floats, right: Floats) -> Floats:
        """Scores (L, R) float32 of (L, D) against (R, D); higher is more alike.

        The first line of the docstring of the class that defines this is recorded as its formula.
        """
        ...

    def index_vectors(self, vectors: Floats) -> Floats:
        """Vectors (N, D) for the index: their Euclidean distance falls as the score rises."""
        ...


class Embedder(TemplateScorer, Protocol):
    """Turns aligned face chips into vectors and compares vectors."""

    chip: ChipSpec

    def embed(self, chips: Pixels) -> Floats:
        """Embed aligned faces: (N, S, S, 3) uint8 RGB to (N, D) float32; a batch gives what singles give."""
        ...
