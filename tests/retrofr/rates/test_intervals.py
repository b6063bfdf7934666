"""Intervals of shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from retrofr.rates.intervals import clopper_pearson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))))
def test_requirement_20_it_is_scipys_exact_interval(counts: tuple[int, int]) -> None:
    errors, trials = counts
    theirs = stats.binomtest(errors, trials).proportion_ci(0.95, "exact")
    found = clopper_pearson(errors, trials)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("trials", [1, 30, 10_000, 201_792])
def test_requirement_20_no_error_gives_a_bound_and_never_nothing(trials: int) -> None:
    found = clopper_pearson(0, trials)
    assert found.bound_only
    assert found.low == 0
    # So many trials without an error happen in one of twenty where the rate is at the bound.
    assert (1 - found.high) ** trials == pytest.approx(0.05, rel=1e-6)
    assert found.high <= 3 / trials


def test_without_trials_nothing_is_known() -> None:
    found = clopper_pearson(0, 0)
    assert (found.value, found.low, found.high) == (None, 0.0, 1.0)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for errors in random.binomial(5000, 0.004, 400):
        found = clopper_pearson(int(errors), 5000)
        inside += found.low <= 0.004 <= found.high
    assert 0.94 <= inside / 400 <= 1.0


def test_more_errors_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 3 errors, got 4"):
        clopper_pearson(4, 3)
