"""Annoy: random-projection trees, approximate; what it misses is measured by the search and printed."""

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
    """How much effort goes into not missing a neighbour."""

    stage: ClassVar[str] = "parts.annoy"
    trees: int = setting(
        20, unit="trees", bounds=(1, 1000), help="More trees miss less and need more memory."
    )
    visited: int = setting(
        20_000, unit="nodes", bounds=(1, 10_000_000), help="How many nodes a query visits; more miss less."
    )
    seed: int = setting(20, bounds=(0, 2**31 - 1), help="Seed of the random projections.")


SETTINGS = Settings


class AnnoyNeighbours:
    """Annoy's trees over Euclidean distance; ids are dense from 0, built once, by one thread."""

    name = "annoy"

    def __init__(self, settings: Settings, vectors: Floats) -> None:
        from annoy import AnnoyIndex

        self.size = len(vectors)
        self._visited = settings.visited
        self._trees = AnnoyIndex(vectors.shape[1], "euclidean")
        self._trees.set_seed(settings.seed)
        for number, vector in enumerate(vectors):
            self._trees.add_item(number, vector)
        # One thread: the seed then makes a build repeatable on one machine.
        self._trees.build(settings.trees, n_jobs=1)

    def nearest(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """See :class:`retrofr.indexes.base.Index`."""
        count = min(count, self.size)
        found = np.full((len(queries), count), -1, np.int64)
        for row, query in enumerate(queries):
            ids = self._trees.get_nns_by_vector(query, count, search_k=self._visited)
            found[row, : len(ids)] = ids
        return found


def build(settings: Settings, vectors: Floats) -> Index:
    """Index ``vectors`` (M, D) float32 under ids 0 to M-1."""
    return AnnoyNeighbours(settings, vectors)
