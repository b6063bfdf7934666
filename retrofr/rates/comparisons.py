"""Labelled comparisons: scores, and whose two faces were compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FAILED = -np.inf
"""The score of a comparison with a face that could not be acquired: it reaches no threshold."""


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Scores of many comparisons, each of two faces with a label.

    Args:
        scores: (n,) higher is more alike; ``FAILED`` where one of the faces could not be acquired.
        probes: (n,) number of the person on one side.
        subjects: (n,) number of the person on the other side.
    """

    scores: Scores
    probes: Numbers
    subjects: Numbers

    def __post_init__(self) -> None:
        shapes = {np.shape(self.scores), np.shape(self.probes), np.shape(self.subjects)}
        if len(shapes) != 1 or len(np.shape(self.scores)) != 1:
            raise ValueError(f"comparisons: expected three arrays of one length, got shapes {sorted(shapes)}")
        if np.isnan(self.scores).any() or np.isposinf(self.scores).any():
            raise ValueError("comparisons: a score is not a number or infinite")

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def mated(self) -> Mask:
        """(n,) True where both faces are one person's."""
        return np.asarray(self.probes == self.subjects)

    @property
    def mated_scores(self) -> Scores:
        return self.scores[self.mated]

    @property
    def non_mated_scores(self) -> Scores:
        return self.scores[~self.mated]

    @property
    def people(self) -> int:
        """How many different people there are on either side."""
        return len(np.union1d(self.probes, self.subjects))

    def only(self, keep: Mask) -> Comparisons:
        """Those where ``keep`` (n,) is True."""
        return Comparisons(self.scores[keep], self.probes[keep], self.subjects[keep])

    def of_people(self, people: Numbers) -> Comparisons:
        """Those with both sides among these people."""
        return self.only(np.isin(self.probes, people) & np.isin(self.subjects, people))


def all_pairs(matrix: Scores, people: Numbers) -> Comparisons:
    """Every pair of different photos once, from a symmetric matrix of scores (n, n) and whose each photo is (n,)."""
    left, right = np.triu_indices(len(people), 1)
    scores = np.asarray(matrix, np.float64)[left, right]
    return Comparisons(scores, np.asarray(people, np.int64)[left], np.asarray(people, np.int64)[right])
