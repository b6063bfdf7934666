"""Compares with every vector, in blocks of bounded memory; the truth other indexes are measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from retrofr.indexes.base import Index
from retrofr.records import Floats
from retrofr.settings import StageSettings, setting


@dataclass(frozen=True)
class Settings(StageSettings):
    """How much is compared at once."""

    stage: ClassVar[str] = "parts.exact"
    block_vectors: int = setting(
        65_536, unit="vectors", bounds=(1, 10_000_000), help="How many vectors are compared at once."
    )


SETTINGS = Settings


class ExactIndex:
    """Brute force by squared Euclidean distance."""

    name = "exact"

    def __init__(self, settings: Settings, vectors: Floats) -> None:
        self.size = len(vectors)
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._norms = (self._vectors**2).sum(axis=1)
        self._block = settings.block_vectors

    def nearest(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """See :class:`retrofr.indexes.base.Index`."""
        count = min(count, self.size)
        best = np.full((len(queries), 0), -1, np.int64)
        distance = np.zeros((len(queries), 0), np.float32)
        for start in range(0, self.size, self._block):
            block = slice(start, start + self._block)
            # The query's own norm is the same along a row and does not change the order.
            new = self._norms[block] - 2 * (queries @ self._vectors[block].T)
            ids = np.broadcast_to(np.arange(start, start + new.shape[1]), new.shape)
            distance = np.concatenate([distance, new], axis=1)
            best = np.concatenate([best, ids], axis=1)
            order = np.argsort(distance, axis=1, kind="stable")[:, :count]
            distance = np.take_along_axis(distance, order, axis=1)
            best = np.take_along_axis(best, order, axis=1)
        return best


def build(settings: Settings, vectors: Floats) -> Index:
    """Index ``vectors`` (M, D) float32 under ids 0 to M-1."""
    return ExactIndex(settings, vectors)
