"""Reads templates for clustering: a mean vector for each tracklet, and how scores follow from distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrofr.clustering import Points
from retrofr.gallery.base import Ids, TemplateBlock
from retrofr.records import Floats

CURVE_PAIRS, CURVE_STEPS = 64, 33


class Scores(Protocol):
    """What clustering needs of a comparison; see :class:`retrofr.comparison.Comparison`."""

    def compare(self, probes: Floats, templates: Floats) -> Floats: ...

    def index_vectors(self, templates: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """How the score falls with the squared distance of index vectors: both (N,), rising and falling."""

    squared: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    @classmethod
    def measured(cls, comparison: Scores, templates: Floats) -> ScoreCurve:
        """Sample the curve from templates (N, D), N at least 1.

        Each is compared with another, and with its own values shuffled, as all others may be equal; and with
        mixes of the two, so that no stretch of the curve is left out.
        """
        random = np.random.default_rng(0)
        left, right = templates[random.integers(0, len(templates), (2, CURVE_PAIRS))]
        pairs = zip([*left, *left], [*right, *random.permuted(left, axis=1)], strict=True)
        shares = np.linspace(0, 1, CURVE_STEPS, dtype=np.float32)[:, None]
        squared, scores = [], []
        for a, b in pairs:
            mixes = a + shares * (b - a)
            scores.append(comparison.compare(a[None], mixes)[0])
            vectors = comparison.index_vectors(np.concatenate([a[None], mixes])).astype(np.float64)
            squared.append(((vectors[1:] - vectors[0]) ** 2).sum(axis=1))
        distances, first = np.unique(np.concatenate(squared), return_index=True)
        # Rounding makes neighbours on the curve rise by a hair, which np.interp could not turn round.
        falling = np.minimum.accumulate(np.concatenate(scores).astype(np.float64)[first])
        kept = np.concatenate([[True], np.diff(falling) < 0])
        return cls(distances[kept], falling[kept])

    def score(self, squared: Floats) -> Floats:
        """Scores of squared distances; beyond the farthest that was sampled the curve goes on straight."""
        inside = np.interp(squared, self.squared, self.scores)
        beyond = np.maximum(np.asarray(squared) - self.squared[-1], 0)
        return np.asarray(inside - self._slope * beyond, np.float32)

    def squared_at(self, score: float) -> float:
        """The squared distance at which the score is this; negative where no pair is that much alike."""
        if score > self.scores[0]:
            return -1.0
        if score < self.scores[-1]:
            return (
                float(self.squared[-1] + (self.scores[-1] - score) / self._slope) if self._slope else np.inf
            )
        return float(np.interp(-score, -self.scores, self.squared))

    @property
    def _slope(self) -> float:
        """How much the score falls from the first sampled distance to the last, per unit."""
        if len(self.scores) < 2:
            return 0.0
        return float((self.scores[0] - self.scores[-1]) / (self.squared[-1] - self.squared[0]))


@dataclass(frozen=True, eq=False)
class Gathered:
    """Tracklets read for clustering: their ids (T,), as points, and how distance turns into score."""

    ids: Ids
    points: Points
    curve: ScoreCurve


def gather(blocks: Iterable[TemplateBlock], comparison: Scores) -> Gathered:
    """Read templates; only the mean vector of each tracklet stays in memory."""
    ids, means, squares, sampled = [], [], [], []
    for block in blocks:
        vectors = comparison.index_vectors(block.templates)
        starts = np.cumsum(block.counts) - block.counts
        ids.append(block.tracklets)
        means.append((np.add.reduceat(vectors, starts) / block.counts[:, None]).astype(np.float32))
        lengths = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
        squares.append((np.add.reduceat(lengths, starts) / block.counts).astype(np.float32))
        sampled.append(block.templates[:: max(1, len(block.templates) // CURVE_PAIRS)])
    if not ids:
        nothing = Points(np.zeros((0, 1), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
        return Gathered(np.zeros(0, np.int64), nothing, ScoreCurve(np.zeros(1), np.zeros(1)))
    points = Points(np.concatenate(means), np.concatenate(squares), np.ones(sum(map(len, ids)), np.int64))
    return Gathered(np.concatenate(ids), points, ScoreCurve.measured(comparison, np.concatenate(sampled)))
