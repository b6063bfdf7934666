"""An approximate index over the pictures of many probes: each face asks which pictures are near it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from retrofr.gallery.base import Ids
from retrofr.gallery.proposing import ExactProposer
from retrofr.gallery.scan import Pictures, VectorBlock, Wide
from retrofr.indexes.base import Index
from retrofr.indexes.exact import ExactIndex, Settings

RECALL_SAMPLE = 100
"""How many faces of a block also ask exactly."""

RECALL_NEIGHBOURS = 10


class ProbeIndex:
    """Proposes through an index over pictures, and measures on samples of the same faces what it misses.

    Args:
        index: over the pictures.
        pictures: the same.
    """

    def __init__(self, index: Index, pictures: Pictures) -> None:
        self._index = index
        self._truth = ExactIndex(Settings(), pictures.vectors)
        self._exact = ExactProposer(pictures)
        self._random = np.random.default_rng(0)
        self.queries = 0
        self._found = 0
        self._wanted = 0

    @property
    def recall(self) -> float | None:
        """Share of the truly nearest pictures that the index proposed so far; None where nothing was asked."""
        return self._found / self._wanted if self._wanted else None

    def measure(self, block: VectorBlock) -> None:
        """Ask for the pictures nearest to some faces of a block, exactly and through the index."""
        count = min(RECALL_SAMPLE, len(block.vectors))
        chosen = self._random.choice(len(block.vectors), count, replace=False)
        queries = block.float_vectors(chosen)
        truth = self._truth.nearest(queries, RECALL_NEIGHBOURS)
        found = self._index.nearest(queries, RECALL_NEIGHBOURS)
        self._found += sum(len(set(t) & set(f)) for t, f in zip(truth.tolist(), found.tolist(), strict=True))
        self._wanted += truth.size
        self.queries += count

    def within(self, block: VectorBlock, reach: Wide, only: Ids | None = None) -> Iterator[tuple[Ids, Ids]]:
        """See :class:`retrofr.gallery.proposing.Proposer`; every picture is looked for as far as the farthest reach."""
        assert only is None
        vectors = block.float_vectors()
        far = np.full(len(vectors), reach.max(initial=0) + block.error)
        for row, pictures in enumerate(self._index.within(vectors, far)):
            if len(pictures):
                yield pictures, np.full(len(pictures), row)

    def closest(self, block: VectorBlock, pictures: Ids, owners: Ids, count: int) -> Iterator[Ids]:
        """Exactly: an index over pictures says which pictures are near a face, not which faces are near them."""
        return self._exact.closest(block, pictures, owners, count)
