"""Annoy: random-projection trees, approximate; what it misses is measured by the search and printed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from retrofr.errors import CaseError
from retrofr.records import Floats
from retrofr.settings import StageSettings, setting

FIRST_ASKED = 50
"""How many neighbours are asked for first; twice as many each time until the farthest is out of reach."""

VISITED_EACH = 20
"""A query visits at least so many nodes for each neighbour asked for."""

PIECE_BYTES = 16 * 1024 * 1024


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
    """Annoy's trees over Euclidean distance; ids are dense from 0, built once, by one thread.

    Args:
        trees: of the annoy library, built or loaded.
        visited: how many nodes a query visits.
    """

    name = "annoy"

    def __init__(self, trees: Any, visited: int) -> None:
        self._trees = trees
        self._visited = visited
        self.size: int = trees.get_n_items()
        self.dimensions: int = trees.f

    def nearest(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """See :class:`retrofr.indexes.base.Index`."""
        count = min(count, self.size)
        found = np.full((len(queries), count), -1, np.int64)
        for row, query in enumerate(queries):
            ids = self._trees.get_nns_by_vector(query, count, search_k=max(self._visited, count))
            found[row, : len(ids)] = ids
        return found

    def within(self, queries: Floats, reach: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
        """See :class:`retrofr.indexes.base.Index`; asks for twice as many until the farthest is out of reach."""
        return [self._widened(query, float(far)) for query, far in zip(queries, reach, strict=True)]

    def _widened(self, query: Floats, reach: float) -> npt.NDArray[np.int64]:
        count = min(FIRST_ASKED, self.size)
        while True:
            visited = max(self._visited, count * VISITED_EACH)
            ids, distances = self._trees.get_nns_by_vector(query, count, visited, include_distances=True)
            if count >= self.size and reach == math.inf:
                return np.arange(self.size)
            # A relative 1e-5 for the rounding of float32 in annoy's distances.
            if count >= self.size or (len(ids) and distances[-1] > reach * (1 + 1e-5) + 1e-6):
                kept = np.asarray(distances) <= reach * (1 + 1e-5) + 1e-6
                return np.asarray(ids, np.int64)[kept]
            count = min(2 * count, self.size)

    def saved(self) -> Iterator[bytes]:
        """The trees in pieces of at most 16 MiB, to be read by :func:`load`. They touch no disk.

        Raises:
            CaseError: this system cannot give a file in memory, so the index cannot be saved.
        """
        with _memory_file() as number:
            if not self._trees.save(_path(number)):
                raise CaseError("not enough memory to save the index")
            # The file that the library wrote to is this one, by another descriptor: its place is still 0.
            while piece := os.read(number, PIECE_BYTES):
                yield piece


def load(settings: Settings, dimensions: int, pieces: Iterable[bytes]) -> AnnoyNeighbours:
    """An index from what :meth:`AnnoyNeighbours.saved` gave, mapped from memory, never from a disk.

    Raises:
        CaseError: this system cannot give a file in memory, or the pieces are no index of such vectors.
    """
    from annoy import AnnoyIndex

    trees = AnnoyIndex(dimensions, "euclidean")
    with _memory_file() as number:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(number, view) :]
        try:
            trees.load(_path(number))
        except OSError as error:
            raise CaseError(
                f"the saved index cannot be read ({error})", hint="it is built again when it is used next"
            ) from error
        # Mapped now: the memory lives as long as the mapping, also without the descriptor.
    return AnnoyNeighbours(trees, settings.visited)


def can_be_saved() -> bool:
    """Whether this system has files in memory, which the library needs to save and load."""
    return hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()


@contextmanager
def _memory_file() -> Iterator[int]:
    """Descriptor of a nameless file that lies in memory alone."""
    if not can_be_saved():
        raise CaseError(
            "this system has no files in memory (memfd), so an index can be used but not saved",
            hint="it is built again for each search",
        )
    number = os.memfd_create("retrofr-index", os.MFD_CLOEXEC)
    try:
        yield number
    finally:
        os.close(number)


def _path(number: int) -> str:
    return f"/proc/self/fd/{number}"


def build(settings: Settings, vectors: Floats) -> AnnoyNeighbours:
    """Index ``vectors`` (M, D) float32 under ids 0 to M-1."""
    return build_from(settings, vectors.shape[1], [vectors])


def build_from(settings: Settings, dimensions: int, blocks: Iterable[Floats]) -> AnnoyNeighbours:
    """Index the rows of blocks (N, dimensions) float32 under ids that go on from block to block."""
    from annoy import AnnoyIndex

    trees = AnnoyIndex(dimensions, "euclidean")
    trees.set_seed(settings.seed)
    number = 0
    for block in blocks:
        for vector in block:
            trees.add_item(number, vector)
            number += 1
    # One thread: the seed then makes a build repeatable on one machine.
    trees.build(settings.trees, n_jobs=1)
    return AnnoyNeighbours(trees, settings.visited)
