"""Rates of groups, and figures of clusters."""

from __future__ import annotations

import numpy as np
import pytest

from retrofr.rates.clusters import bcubed, purity
from retrofr.rates.comparisons import all_pairs
from retrofr.rates.groups import group_rates, inequity, threshold_for_every_group
from retrofr.rates.intervals import clopper_pearson
from retrofr.rates.verification import rates_at

PEOPLE, PHOTOS = 40, 3


def two_groups(likeness: float) -> tuple[object, dict[int, str]]:
    """Half the people share so much of their looks."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((PEOPLE, 12))
    centres[PEOPLE // 2 :] += likeness * random.standard_normal(12)
    faces = np.repeat(centres, PHOTOS, axis=0) + 0.5 * random.standard_normal((PEOPLE * PHOTOS, 12))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    numbers = np.repeat(np.arange(PEOPLE), PHOTOS)
    return all_pairs(faces @ faces.T, numbers), {n: "b" if n >= PEOPLE // 2 else "a" for n in range(PEOPLE)}


def test_requirement_21_a_group_whose_people_look_alike_has_more_false_matches() -> None:
    comparisons, groups = two_groups(1.2)
    one, other = group_rates(comparisons, groups, 0.6)
    assert (one.group, one.people, one.small, other.group) == ("a", 20, False, "b")
    assert one.fmr.trials == 20 * 19 // 2 * PHOTOS**2
    assert (one.fmr.value or 0) < (other.fmr.value or 0)
    found = inequity([(each.group, each.fmr) for each in (one, other)])
    assert found.worst == "b"
    assert found.max_over_geometric_mean is not None
    assert found.max_over_geometric_mean > 1.5


def test_requirement_21_the_threshold_for_every_group_is_that_of_the_worst() -> None:
    comparisons, groups = two_groups(1.2)
    found = threshold_for_every_group(comparisons, groups, 0.01)
    assert found.deciding == "b"
    assert found.threshold is not None
    for each in group_rates(comparisons, groups, found.threshold):
        assert each.fmr.value is not None
        assert each.fmr.value <= 0.01


def test_a_group_without_enough_comparisons_has_no_threshold() -> None:
    comparisons, groups = two_groups(0.0)
    groups[0] = groups[1] = "c"
    found = threshold_for_every_group(comparisons, groups, 0.01)
    assert found.threshold is None
    assert found.insufficient == (
        ("c", "insufficient data: an FMR of 0.01 needs at least 299 non-mated comparisons, and it has 9"),
    )
    assert [each.small for each in group_rates(comparisons, groups, 0.5)] == [False, False, True]


def test_requirement_21_parity_is_one_and_no_error_counts_with_its_bound() -> None:
    same = [("a", clopper_pearson(5, 100)), ("b", clopper_pearson(5, 100))]
    assert inequity(same).max_over_geometric_mean == pytest.approx(1.0)
    bounded = inequity(
        [("a", clopper_pearson(0, 100)), ("b", clopper_pearson(12, 100)), ("c", clopper_pearson(0, 0))]
    )
    assert (bounded.worst, bounded.bounded, bounded.left_out) == ("b", ("a",), ("c",))
    bound = clopper_pearson(0, 100).high
    assert bounded.max_over_geometric_mean == pytest.approx(0.12 / np.sqrt(0.12 * bound))
    assert (
        inequity([("a", clopper_pearson(0, 10)), ("b", clopper_pearson(0, 9))]).max_over_geometric_mean
        is None
    )


def test_bounds_so_wide_that_the_worst_would_be_better_than_parity_say_nothing() -> None:
    found = inequity([("few", clopper_pearson(0, 10)), ("many", clopper_pearson(1, 1000))])
    assert (found.max_over_geometric_mean, found.worst) == (None, None)
    assert found.bounded == ("few",)


def test_people_outside_all_groups_are_left_out() -> None:
    comparisons, groups = two_groups(0.0)
    del groups[3]
    rates = group_rates(comparisons, groups, 0.5)
    assert [each.people for each in rates] == [19, 20]
    whole = rates_at(comparisons, 0.5)
    assert sum(each.fnmr.trials for each in rates) == whole.fnmr.trials - 3


def test_bcubed_of_a_known_case() -> None:
    clusters, truth = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    found = bcubed(clusters, truth)
    assert found is not None
    assert found.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert found.recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert purity(clusters, truth) == pytest.approx(4 / 5)
    assert bcubed(np.zeros(0, np.int64), np.zeros(0, np.int64)) is None
    perfect = bcubed(np.array([7, 7, 3]), np.array([1, 1, 9]))
    assert perfect is not None
    assert perfect.f == 1
