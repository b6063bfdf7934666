"""Operating points: measured, written, read, and what they say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from retrofr.calibration.fitting import Range, calibrate, fit_likelihood, threshold_table
from retrofr.calibration.operating import (
    DataFacts,
    OperatingPoints,
    read_operating_points,
    write_operating_points,
)
from retrofr.errors import SettingsError, UsageError
from retrofr.rates.comparisons import FAILED, Comparisons, all_pairs
from retrofr.rates.intervals import clopper_pearson
from retrofr.rates.verification import rates_at, threshold_at

SYSTEM = {"name": "made", "comparison_key": "a" * 64, "detector": "yunet"}


def faces(seed: int, people: int = 60, photos: int = 5) -> Comparisons:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((people, 24))
    made = np.repeat(centres, photos, axis=0) + 0.8 * random.standard_normal((people * photos, 24))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    matrix = made @ made.T
    matrix[7] = matrix[:, 7] = FAILED
    return all_pairs(matrix, np.repeat(np.arange(people), photos))


def facts(comparisons: Comparisons) -> DataFacts:
    mated = int(comparisons.mated.sum())
    return DataFacts(
        "made faces", "300 photos", 300, 60, mated, len(comparisons) - mated, "2026-01-01", "made", "none"
    )


@pytest.fixture(scope="module")
def comparisons() -> Comparisons:
    return faces(0)


@pytest.fixture(scope="module")
def points(comparisons: Comparisons) -> OperatingPoints:
    random = np.random.default_rng(0)
    size = random.uniform(0, 100, len(comparisons))
    ranges = [
        Range("eye_distance_pixels", 0.0, 1.0, size < 1),
        Range("eye_distance_pixels", 1.0, np.inf, size >= 1),
    ]
    return calibrate(comparisons, system=SYSTEM, data=facts(comparisons), ranges=ranges, extra_scores=[0.625])


def test_the_table_goes_down_to_what_the_data_support(
    points: OperatingPoints, comparisons: Comparisons
) -> None:
    rates = [point.fmr for point in points.thresholds]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.5
    assert rates[-1] == 0
    assert points.thresholds[-1].high <= 3 / points.data.non_mated or points.thresholds[-1].high < 1e-4
    assert 0.625 in [point.score for point in points.thresholds]
    for point in points.thresholds[::10]:
        found = rates_at(comparisons, point.score)
        assert (point.errors, point.fmr) == (found.fmr.errors, found.fmr.value)
        # Never narrower than for independent comparisons, of which these are none.
        assert point.low <= found.fmr.low
        assert point.high >= found.fmr.high


def test_requirement_15_a_threshold_is_an_error_target(
    points: OperatingPoints, comparisons: Comparisons
) -> None:
    for fmr in (0.1, 0.01, 0.001):
        found = points.threshold_for(fmr)
        assert found.fmr <= fmr
        assert found.score >= threshold_at(comparisons, fmr)
        # The table is fine enough to waste little.
        assert found.fmr > fmr / 1.5


def test_requirement_15_a_target_below_what_the_data_support_is_refused(points: OperatingPoints) -> None:
    count = points.data.non_mated
    with pytest.raises(
        UsageError,
        match=f"an FMR of 1e-06 is below what the calibration data can support: {count:,} non-mated comparisons of "
        "60 people carry no claim below",
    ) as caught:
        points.threshold_for(1e-6)
    assert caught.value.hint is not None
    assert f"--fmr {points.lowest_fmr:g}" in caught.value.hint
    assert points.threshold_for(points.lowest_fmr)
    with pytest.raises(UsageError, match="lies between 0 and 1"):
        points.threshold_for(0.0)


def test_what_is_known_of_any_score_is_never_better_than_measured(
    points: OperatingPoints, comparisons: Comparisons
) -> None:
    for score in (-3.0, 0.1, 0.3333, 0.625, 5.0):
        real = rates_at(comparisons, score).fmr.value
        assert real is not None
        assert points.fmr_at(score).fmr >= real
    assert points.fmr_at(5.0).errors == 0
    assert points.fmr_at(-3.0).fmr == 1


def test_requirement_17_ratios_are_bounded_and_rise_with_the_score(points: OperatingPoints) -> None:
    assert points.likelihood is not None
    told = [points.llr(score, {"eye_distance_pixels": 50.0}) for score in np.linspace(-1, 1, 41)]
    values = [each.llr for each in told]
    assert all(value is not None for value in values)
    assert all(b >= a - 0.2 for a, b in pairwise(values))  # type: ignore[operator]
    for each in told:
        assert each.llr is not None
        assert points.likelihood.llr_low - 1 <= each.llr <= points.likelihood.llr_high + 1
        assert -np.log10(points.data.mated + 1) <= each.llr <= np.log10(points.data.non_mated + 1)
    assert told[0].band.endswith("two people rather than one")
    assert told[-1].band.endswith("one person rather than two")
    assert told[-1].at_bound


def test_requirement_18_a_condition_without_data_has_no_ratio(points: OperatingPoints) -> None:
    told = points.llr(0.9, {"eye_distance_pixels": 0.4})
    assert (told.llr, told.band) == (None, "")
    assert told.reason == "not validated for this condition (0 px between the eyes; enough data from 1)"
    assert points.llr(0.9, {}).reason == "not validated for this condition (px between the eyes not known)"


def test_requirement_18_few_comparisons_give_no_ratio_and_say_so(comparisons: Comparisons) -> None:
    few = comparisons.of_people(np.arange(8))
    found, why = fit_likelihood(few)
    assert found is None
    assert why.startswith("76 mated and 665 non-mated comparisons of 8 people; 50, 1,000 and 10 are needed")


def test_they_are_read_as_they_were_written(points: OperatingPoints, tmp_path: Path) -> None:
    path = tmp_path / "points.toml"
    write_operating_points(points, path)
    again = read_operating_points(path)
    assert (again.system, again.data, again.thresholds) == (points.system, points.data, points.thresholds)
    assert [replace(c, likelihood=None) for c in again.conditions] == [
        replace(c, likelihood=None) for c in points.conditions
    ]
    for score in (-0.5, 0.2, 0.7):
        for size in (0.4, 30.0):
            condition = {"eye_distance_pixels": size}
            assert again.llr(score, condition) == points.llr(score, condition)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[: len(text) // 2] + '"', "is not a TOML file"),
        (lambda text: text.replace("retrofr.operating-points", "other"), "is not a file of operating points"),
        (lambda text: text.replace("version = 1", "version = 2"), "is of version 2 of its format"),
        (lambda text: text.replace("comparison_key", "key"), "expected comparison_key"),
        (lambda text: text.replace("photos = 300", 'pictures = "many"'), "is not a file of operating points"),
        (lambda text: text[: text.index("[[threshold]]")], "lacks threshold"),
        (lambda text: text.replace('kind = "', 'kind = "un'), "not the parameters of such a calibration"),
    ],
)
def test_what_is_no_such_file_is_refused(
    points: OperatingPoints, tmp_path: Path, change: object, reason: str
) -> None:
    path = tmp_path / "points.toml"
    write_operating_points(points, path)
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(SettingsError, match=reason) as caught:
        read_operating_points(path)
    assert caught.value.subject == str(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_operating_points(tmp_path / "none.toml")


@pytest.mark.slow
def test_claimed_rates_hold_on_other_people() -> None:
    """The claim of one half of the people, with its interval, against what the other half shows."""
    inside = claims = 0
    for seed in range(12):
        train, test = faces(100 + seed, people=50), faces(500 + seed, people=50)
        table = threshold_table(train, seed=seed)
        for fmr in (1e-2, 1e-3):
            point = next(point for point in table if point.fmr <= fmr)
            found = rates_at(test, point.score).fmr.value
            assert found is not None
            claims += 1
            inside += point.low <= found <= point.high
    assert inside >= 0.85 * claims, f"{inside} of {claims}"


def test_the_true_rate_lies_in_the_stated_interval_and_often_not_in_one_for_independent_trials() -> None:
    """Comparisons share people: counting them as independent would claim far too much."""
    random = np.random.default_rng(99)
    # One pair each of so many people: the rate of the population, to within 4 %.
    one, other = random.standard_normal((2, 300_000, 24))
    alike = (one * other).sum(axis=1)
    alike /= np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    stated = plain = 0
    for seed in range(12):
        random = np.random.default_rng(1000 + seed)
        centres = random.standard_normal((24, 24))
        made = np.repeat(centres, 5, axis=0) + 0.8 * random.standard_normal((120, 24))
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        table = threshold_table(all_pairs(made @ made.T, np.repeat(np.arange(24), 5)), seed=seed)
        point = next(point for point in table if point.fmr <= 1e-2)
        true = float((alike >= point.score).mean())
        independent = clopper_pearson(point.errors, point.non_mated)
        stated += point.low <= true <= point.high
        plain += independent.low <= true <= independent.high
    assert stated >= 11
    assert plain <= 10
