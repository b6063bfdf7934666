"""How well clusters fit the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrofr.rates.comparisons import Numbers


@dataclass(frozen=True)
class BCubed:
    """B-cubed figures (Bagga and Baldwin, 1998), each 0 to 1, over items."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Their harmonic mean."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def bcubed(clusters: Numbers, truth: Numbers) -> BCubed | None:
    """B-cubed of items (n,) with the number of their cluster and of their person; None without items."""
    if not len(truth):
        return None
    own, whose, together = _together(clusters, truth)
    return BCubed(
        float((together / np.bincount(own)[own]).mean()), float((together / np.bincount(whose)[whose]).mean())
    )


def purity(clusters: Numbers, truth: Numbers) -> float | None:
    """Share of items that are of the commonest person of their cluster; None without items."""
    if not len(truth):
        return None
    own, _, together = _together(clusters, truth)
    commonest = np.zeros(own.max() + 1)
    np.maximum.at(commonest, own, together)
    return float(commonest.sum() / len(truth))


def _together(clusters: Numbers, truth: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Clusters and people numbered from 0, and how many items share both with each (n,)."""
    own, whose = (np.unique(each, return_inverse=True)[1] for each in (clusters, truth))
    _, pair, counts = np.unique(
        own.astype(np.int64) * (int(whose.max()) + 1) + whose, return_inverse=True, return_counts=True
    )
    return own, whose, np.asarray(counts[pair], np.int64)
