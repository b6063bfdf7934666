"""Isotonic regression (pool adjacent violators) from scores to likelihood ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from retrofr.rates.comparisons import Mask, Scores


@dataclass(frozen=True, eq=False)
class Pav:
    """Between the points of ``scores`` (k,), rising, the probability at even odds goes in a straight line.

    ``probabilities`` (k,) rise from 0 to 1 at most.
    """

    kind: ClassVar[str] = "isotonic"
    scores: Scores
    probabilities: Scores

    def llr(self, scores: Scores) -> Scores:
        """log10 likelihood ratios (n,), as the data has them, without bounds."""
        chance = np.interp(np.asarray(scores, np.float64), self.scores, self.probabilities)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log10(chance) - np.log10(1 - chance))

    def as_dict(self) -> dict[str, Any]:
        return {"scores": self.scores.tolist(), "probabilities": self.probabilities.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        scores = np.asarray(values["scores"], np.float64)
        chances = np.asarray(values["probabilities"], np.float64)
        if not len(scores) or scores.shape != chances.shape or (np.diff(scores) <= 0).any():
            raise ValueError("isotonic: expected rising scores and as many probabilities")
        if (np.diff(chances) < 0).any() or chances[0] < 0 or chances[-1] > 1:
            raise ValueError("isotonic: expected probabilities that rise from 0 to 1 at most")
        return cls(scores, chances)


def fit_pav(scores: Scores, mated: Mask, *, misleading: int = 0) -> Pav:
    """Fit to labelled scores, both kinds of comparisons having the same weight in all.

    Args:
        misleading: so many non-mated comparisons above, and mated ones below all others are added, so that no ratio
            is infinite.
    """
    from scipy.optimize import isotonic_regression

    scores, labels = np.asarray(scores, np.float64), np.asarray(mated, np.float64)
    if misleading:
        ends = np.repeat([scores.max() + 1, scores.min() - 1], misleading)
        scores = np.concatenate([scores, ends])
        labels = np.concatenate([labels, np.repeat([0.0, 1.0], misleading)])
    share = labels.mean()
    weights = labels * (1 - share) + (1 - labels) * share
    places, inverse = np.unique(scores, return_inverse=True)
    weight = np.bincount(inverse, weights)
    means = np.bincount(inverse, weights * labels) / weight
    risen = np.asarray(isotonic_regression(means, weights=weight).x)
    # A straight line's inner points say nothing.
    edge = np.ones(len(risen), bool)
    edge[1:-1] = (risen[1:-1] != risen[:-2]) | (risen[1:-1] != risen[2:])
    return Pav(places[edge], np.clip(risen[edge], 0.0, 1.0))
