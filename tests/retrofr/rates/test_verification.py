"""FMR, FNMR, thresholds and intervals over people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrofr.rates.comparisons import FAILED, Comparisons, all_pairs
from retrofr.rates.intervals import least_trials, resample_people
from retrofr.rates.verification import (
    Weighted,
    det,
    equal_error_rate,
    rates_at,
    supports,
    threshold_at,
    verification,
)


def made(people: int = 30, photos: int = 4, seed: int = 0) -> Comparisons:
    """All pairs of photos of made people in a plane of many dimensions."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((people, 16))
    faces = np.repeat(centres, photos, axis=0) + 0.6 * random.standard_normal((people * photos, 16))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    return all_pairs(faces @ faces.T, np.repeat(np.arange(people), photos))


scores_and_labels = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.sampled_from([FAILED, -1.0, 0.0, 0.5, 1.0, 2.0])),
        arrays(np.int64, n, elements=st.integers(0, 3)),
        arrays(np.int64, n, elements=st.integers(0, 3)),
    )
)


@given(scores_and_labels, st.floats(0.001, 0.999))
def test_a_threshold_keeps_its_fmr_and_no_lower_one_does(
    made: tuple[np.ndarray, np.ndarray, np.ndarray], fmr: float
) -> None:
    comparisons = Comparisons(*made)
    non_mated = comparisons.non_mated_scores
    if not len(non_mated) or not np.isfinite(non_mated).any():
        return
    threshold = threshold_at(comparisons, fmr)
    assert (non_mated >= threshold).mean() <= fmr + 1e-9
    lower = non_mated[non_mated < threshold]
    if len(lower) and np.isfinite(lower.max()):
        assert (non_mated >= lower.max()).mean() > fmr - 1e-9


@given(scores_and_labels)
def test_a_failure_to_acquire_reaches_no_threshold(made: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    comparisons = Comparisons(*made)
    found = rates_at(comparisons, -1e300)
    failed = np.isneginf(comparisons.scores)
    assert found.fnmr.errors == (failed & comparisons.mated).sum()
    assert found.fmr.errors == (~failed & ~comparisons.mated).sum()


def test_rates_are_shares_of_each_kind() -> None:
    comparisons = Comparisons(
        np.array([3.0, 1.0, FAILED, 2.0, 0.0]), np.array([0, 0, 1, 0, 0]), np.array([0, 0, 1, 1, 1])
    )
    found = rates_at(comparisons, 2.0)
    assert (found.fmr.errors, found.fmr.trials) == (1, 2)
    assert (found.fnmr.errors, found.fnmr.trials) == (2, 3)


def test_requirement_20_claims_that_the_data_cannot_carry_are_not_made() -> None:
    comparisons = made()
    points = verification(comparisons, (1e-1, 1e-3, 1e-6), resamples=50)
    first, second, third = points
    assert first.tmr is not None
    assert first.tmr_low is not None
    assert first.tmr_high is not None
    assert first.tmr_low <= first.tmr <= first.tmr_high
    assert second.threshold is not None
    assert (third.threshold, third.tmr, third.false_matches) == (None, None, None)
    assert third.reason == (
        "insufficient data: an FMR of 1e-06 needs at least 2,995,731 non-mated comparisons"
    )
    assert third.non_mated == 6960


def test_nobody_missed_is_no_proof_that_nobody_ever_is() -> None:
    people = np.repeat(np.arange(12), 3)
    comparisons = all_pairs(np.where(people[:, None] == people[None], 0.9, 0.1), people)
    (point,) = verification(comparisons, (1e-2,), resamples=50)
    assert (point.mated, point.tmr, point.tmr_high) == (36, 1.0, 1.0)
    assert point.tmr_low == pytest.approx(0.05 ** (1 / 36))


def test_nobody_on_two_photos_is_insufficient_data() -> None:
    comparisons = made(photos=1, people=120)
    assert verification(comparisons, (1e-2,))[0].reason == "insufficient data: nobody is on two photos"


def test_the_rule_of_three() -> None:
    assert least_trials(1e-4) == 29_956  # the exact figure; 3 / 1e-4 is its rule of thumb
    assert supports(1e-4, 29_956)
    assert not supports(1e-4, 29_955)


def test_requirement_20_the_bootstrap_draws_people() -> None:
    comparisons = made(people=12, photos=3)
    weighted = Weighted(comparisons, (0.05, 0.2))
    low, high = resample_people(comparisons, weighted.tmr, resamples=40, seed=3)
    random, naive = np.random.default_rng(3), []
    for _ in range(40):
        times = np.bincount(random.integers(0, 12, 12), minlength=12)
        # Each comparison so often as both its people were drawn; a mated one as often as its person was.
        often = np.where(
            comparisons.mated,
            times[comparisons.probes],
            times[comparisons.probes] * times[comparisons.subjects],
        )
        repeated = Comparisons(
            *(np.repeat(a, often) for a in (comparisons.scores, comparisons.probes, comparisons.subjects))
        )
        naive.append(
            [1 - (rates_at(repeated, threshold_at(repeated, fmr)).fnmr.value or 0) for fmr in (0.05, 0.2)]
        )
    wanted = np.percentile(naive, [2.5, 97.5], axis=0)
    np.testing.assert_allclose([low, high], wanted, atol=1e-9)


def test_more_people_give_narrower_intervals() -> None:
    few, many = (verification(made(people), (0.01,), resamples=200)[0] for people in (15, 120))
    assert few.tmr_low is not None
    assert few.tmr_high is not None
    assert many.tmr_low is not None
    assert many.tmr_high is not None
    assert many.tmr_high - many.tmr_low < few.tmr_high - few.tmr_low


def test_the_curve_falls_in_fmr_and_rises_in_fnmr() -> None:
    comparisons = made()
    curve = det(comparisons)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.fmr) <= 0).all()
    assert (np.diff(curve.fnmr) >= 0).all()
    assert curve.fmr[-1] == 0
    for place in (0, 60, 120):
        found = rates_at(comparisons, float(curve.thresholds[place]))
        assert (found.fmr.value, found.fnmr.value) == pytest.approx((curve.fmr[place], curve.fnmr[place]))
    rate = equal_error_rate(comparisons)
    assert rate is not None
    assert 0 < rate < 0.2


def test_arrays_of_different_lengths_and_nans_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Comparisons(np.zeros(3), np.zeros(2, np.int64), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="not a number"):
        Comparisons(np.array([np.nan]), np.zeros(1, np.int64), np.zeros(1, np.int64))
