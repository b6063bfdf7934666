"""What a search finds of who is there, and of who is not."""

from __future__ import annotations

import numpy as np
import pytest

from retrofr.rates.comparisons import FAILED
from retrofr.rates.identification import Searches, best_mate_ranks, cmc, identification

#            gallery: person 0  person 1  person 2  nobody known
SCORES = np.array(
    [
        [0.9, 0.2, 0.1, 0.95],  # 0 is found first; who is not known counts neither way
        [0.6, 0.5, 0.1, 0.0],  # 1 is second
        [0.1, 0.7, FAILED, 0.0],  # 2 could not be acquired
        [0.3, 0.8, 0.2, 0.0],  # 5 is not in the gallery
    ]
)
SEARCHES = Searches(SCORES, np.array([0, 1, 2, 5]), np.array([0, 1, 2, -1]))


def test_ranks_count_everybody_else_before_the_mate() -> None:
    assert best_mate_ranks(SEARCHES).tolist() == [1, 2, 3, 0]
    found = {point.rank: point.found.errors for point in cmc(SEARCHES, (1, 2, 3, 9))}
    assert found == {1: 1, 2: 2, 3: 3}


def test_an_equal_score_of_somebody_else_goes_before_the_mate() -> None:
    tied = Searches(np.array([[0.5, 0.5]]), np.array([0]), np.array([0, 1]))
    assert best_mate_ranks(tied).tolist() == [2]


def test_requirement_20_false_candidates_and_missed_mates() -> None:
    found = identification(SEARCHES, 0.55)
    assert (found.fpir.errors, found.fpir.trials) == (3, 4)
    assert (found.fnir.errors, found.fnir.trials) == (2, 3)
    assert found.false_candidates == 3
    assert found.entries == pytest.approx((2 + 2 + 2 + 3) / 4)
    first = identification(SEARCHES, 0.4, rank=1)
    assert first.fnir.errors == 2  # 1 reaches the threshold, and not the first rank


def test_a_photo_is_no_trial_of_itself() -> None:
    matrix = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.3], [0.1, 0.3, 1.0]])
    people = np.array([0, 0, 1])
    searches = Searches(matrix, people, people, np.eye(3, dtype=bool))
    assert best_mate_ranks(searches).tolist() == [1, 1, 0]


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"expected scores of shape \(2, 3\)"):
        Searches(np.zeros((2, 2)), np.zeros(2, np.int64), np.zeros(3, np.int64))
