"""What every index takes and gives.

An index is a file of this folder with ``SETTINGS`` and ``build(settings, vectors) -> Index``.
It only proposes: a search compares what it proposes exactly.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats


class Index(Protocol):
    """Proposes the nearest of the vectors it was built from, by Euclidean distance."""

    name: str
    size: int

    def nearest(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """The ids of the ``count`` nearest vectors to each query.

        Args:
            queries: (Q, D) float32.
            count: how many per query, at least 1.

        Returns:
            (Q, min(count, size)) int64, nearest first; -1 fills a row where fewer were found.
        """
        ...

    def within(self, queries: Floats, reach: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
        """The ids of all vectors at most ``reach`` (Q,) from each query (Q, D), however many; inf gives all.

        Some that are a little further, by rounding or because they were looked at anyway, may be among them.
        """
        ...
