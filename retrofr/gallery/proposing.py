"""Which tracklets of a block are worth an exact comparison with which probes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from retrofr.gallery.base import Ids
from retrofr.gallery.scan import PICTURES_AT_ONCE, Pictures, VectorBlock, Wide


class Proposer(Protocol):
    """Proposes; what it proposes is compared exactly. Pictures count over all probes, rows and tracklets from 0."""

    def within(self, block: VectorBlock, reach: Wide, only: Ids | None = None) -> Iterator[tuple[Ids, Ids]]:
        """Pairs (picture, row) that may be at most ``reach`` (Q,) apart, of all pictures or of ``only``."""
        ...

    def closest(self, block: VectorBlock, pictures: Ids, owners: Ids, count: int) -> Iterator[Ids]:
        """For each owner the ``count`` tracklets nearest to any of its pictures, fewer where there are fewer.

        ``owners`` (len(pictures),) ascends from 0.
        """
        ...


class ExactProposer:
    """Leaves nothing out: every row of the block is measured against every picture."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def within(self, block: VectorBlock, reach: Wide, only: Ids | None = None) -> Iterator[tuple[Ids, Ids]]:
        """See :class:`Proposer`."""
        return self._pictures.within(block, reach, only)

    def closest(self, block: VectorBlock, pictures: Ids, owners: Ids, count: int) -> Iterator[Ids]:
        """See :class:`Proposer`."""
        count = min(count, len(block.counts))
        edges = np.append(np.flatnonzero(np.diff(owners, prepend=-1)), len(owners))
        first = 0
        while first < len(edges) - 1:
            # As many owners as have few enough pictures together, and one at least.
            after = int(np.searchsorted(edges, edges[first] + PICTURES_AT_ONCE, side="right")) - 1
            after = max(after, first + 1)
            part = slice(int(edges[first]), int(edges[after]))
            table = self._pictures.nearest(block, pictures[part], owners[part] - first)
            for row in table:
                yield np.argpartition(row, count - 1)[:count]
            first = after
