"""Annoy over the templates of a gallery: built once, asked by each picture of a probe, its recall measured."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from retrofr.errors import CaseError
from retrofr.gallery.base import Gallery, GalleryOver, Ids
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.gallery.resident import vector_blocks
from retrofr.gallery.scan import Pictures, VectorBlock, Wide
from retrofr.indexes import annoy
from retrofr.records import Floats

RECALL_QUERIES = 200
RECALL_NEIGHBOURS = 10


@dataclass(frozen=True)
class GalleryRecall:
    """What an index was measured to propose of what an exact search finds.

    Args:
        reach: the truth is every tracklet with a face at most so far from the query ...
        neighbours: ... and this many of the nearest tracklets.
        queries: how many templates asked, each for other tracklets than its own.
        recall: share of those tracklets that were proposed; None where there were none.
    """

    reach: float
    neighbours: int
    queries: int
    recall: float | None


@dataclass(frozen=True, eq=False)
class IndexedGallery(GalleryOver):
    """A gallery with an index over its templates; a search through it reads only what the index proposes.

    ``block`` holds all tracklets and no vectors; a row's number is its id in the index.
    """

    gallery: Gallery
    block: VectorBlock
    index: annoy.AnnoyNeighbours
    measured: GalleryRecall


class GalleryProposer:
    """Proposes what the index over a gallery finds; see :class:`retrofr.gallery.proposing.Proposer`."""

    def __init__(self, index: annoy.AnnoyNeighbours, vectors: Floats) -> None:
        self._index = index
        self._vectors = vectors

    def within(self, block: VectorBlock, reach: Wide, only: Ids | None = None) -> Iterator[tuple[Ids, Ids]]:
        """Picture by picture."""
        for picture in range(len(self._vectors)) if only is None else only.tolist():
            one = slice(picture, picture + 1)
            (rows,) = self._index.within(self._vectors[one], reach[one] + block.error)
            yield np.full(len(rows), picture), rows

    def closest(self, block: VectorBlock, pictures: Ids, owners: Ids, count: int) -> Iterator[Ids]:
        """Asks for twice as many rows until they belong to enough tracklets."""
        of_row = block.owners
        count = min(count, len(block.counts))
        for owner in range(int(owners[-1]) + 1):
            queries = self._vectors[pictures[owners == owner]]
            asked = annoy.FIRST_ASKED
            while True:
                rows = self._index.nearest(queries, asked)
                tracklets = np.unique(of_row[rows[rows >= 0]])
                if len(tracklets) >= count or asked >= self._index.size:
                    break
                asked *= 2
            yield tracklets


def build_index(
    gallery: Gallery, comparison: ComparesTemplates, settings: annoy.Settings, reach: float
) -> IndexedGallery:
    """Build an index over a gallery and measure its recall.

    Args:
        reach: the distance of index vectors that hits can have, from :meth:`retrofr.gallery.scan.Reach.of`.

    Raises:
        CaseError: the gallery is empty.
    """
    first = next(iter(vector_blocks(gallery, comparison)), None)
    if first is None:
        raise CaseError("there are no templates to build an index over")
    tracklets: list[Ids] = []
    counts: list[Ids] = []
    errors: list[float] = []

    def vectors() -> Iterator[Floats]:
        for block in vector_blocks(gallery, comparison):
            tracklets.append(block.tracklets)
            counts.append(block.counts)
            errors.append(block.error)
            yield block.float_vectors()

    index = annoy.build_from(settings, first.vectors.shape[1], vectors())
    none = np.zeros((0, 1), np.float32)
    block = VectorBlock(np.concatenate(tracklets), np.concatenate(counts), none, error=max(errors))
    unmeasured = IndexedGallery(gallery, block, index, GalleryRecall(reach, 0, 0, None))
    return measure(unmeasured, comparison, reach, 0)


def measure(
    indexed: IndexedGallery, comparison: ComparesTemplates, reach: float, neighbours: int
) -> IndexedGallery:
    """The same with its recall measured against an exact scan, on a fixed random sample of its own templates.

    Args:
        reach: counts every tracklet with a face within it, but the query's own.
        neighbours: counts so many of the nearest tracklets as well.
    """
    of_row = indexed.block.owners
    chosen = sorted(random.Random(0).sample(range(len(of_row)), min(RECALL_QUERIES, len(of_row))))
    queries = _rows_of(indexed.gallery, comparison, np.array(chosen))
    truth = _truth(indexed.gallery, comparison, queries, of_row[chosen], reach, neighbours)
    proposer = GalleryProposer(indexed.index, queries)
    everyone = np.arange(len(chosen))
    proposed = [
        set(of_row[rows].tolist()) for _, rows in proposer.within(indexed.block, np.full(len(chosen), reach))
    ]
    if neighbours:
        close = proposer.closest(indexed.block, everyone, everyone, neighbours + 1)
        proposed = [near | set(more.tolist()) for near, more in zip(proposed, close, strict=True)]
    wanted = sum(map(len, truth))
    found = sum(len(true & near) for true, near in zip(truth, proposed, strict=True))
    recall = GalleryRecall(reach, neighbours, len(chosen), found / wanted if wanted else None)
    return replace(indexed, measured=recall)


def _rows_of(gallery: Gallery, comparison: ComparesTemplates, rows: Ids) -> Floats:
    """Index vectors of some templates, by their places in the gallery, ascending."""
    first, parts = 0, []
    for block in vector_blocks(gallery, comparison):
        own = rows[(rows >= first) & (rows < first + len(block.vectors))] - first
        parts.append(block.float_vectors(own))
        first += len(block.vectors)
    return np.concatenate(parts)


def _truth(
    gallery: Gallery, comparison: ComparesTemplates, queries: Floats, own: Ids, reach: float, neighbours: int
) -> list[set[int]]:
    """For each query the tracklets, by their places in the gallery, that an exact search finds but its ``own``."""
    pictures, everyone = Pictures(queries), np.arange(len(queries))
    found: list[list[tuple[float, int]]] = [[] for _ in queries]
    first = 0
    for block in vector_blocks(gallery, comparison):
        near = pictures.nearest(block, everyone, everyone)
        here = (own >= first) & (own < first + len(block.counts))
        near[here, own[here] - first] = np.inf
        for row, pairs in zip(near, found, strict=True):
            kept = np.flatnonzero(row <= reach**2)
            if neighbours:
                kept = np.union1d(kept, np.argsort(row)[:neighbours])
            pairs.extend(zip(row[kept].tolist(), (kept + first).tolist(), strict=True))
        first += len(block.counts)
    return [
        {tracklet for distance, tracklet in pairs if distance <= reach**2}
        | {tracklet for distance, tracklet in sorted(pairs)[:neighbours] if distance < np.inf}
        for pairs in found
    ]
