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

    def within(self, queries: Floats, reach: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
        """See :class:`retrofr.indexes.base.Index`."""
        own = (queries.astype(np.float64) ** 2).sum(axis=1)
        squared = np.where(reach < 0, -np.inf, reach**2)
        found: list[list[npt.NDArray[np.int64]]] = [[] for _ in queries]
        for start in range(0, self.size, self._block):
            block = slice(start, start + self._block)
            norms = self._norms[block]
            largest = np.sqrt(norms.max(initial=0)) + np.sqrt(own)
            # What float32 may be off in a squared distance (Higham, 2002, section 3.1).
            slack = 2 * (queries.shape[1] + 8) * 2.0**-24 * largest**2
            near = norms - 2 * (queries @ self._vectors[block].T) <= (squared - own + slack)[:, None]
            for row, ids in zip(found, near, strict=True):
                row.append(np.flatnonzero(ids) + start)
        return [np.concatenate(row) if row else np.zeros(0, np.int64) for row in found]


def build(settings: Settings, vectors: Floats) -> Index:
    """Index ``vectors`` (M, D) float32 under ids 0 to M-1."""
    return ExactIndex(settings, vectors)
