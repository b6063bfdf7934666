"""Where a threshold comes from, what is said of it, and what scores are worth under which condition."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import fakes
from fixed_results import DATA, fmr_point
from retrofr.errors import SettingsError, UsageError
from retrofr.operating import (
    NO_OPERATING_POINTS,
    Operating,
    Threshold,
    resolve_threshold,
    state_search,
    worst_condition,
)
from retrofr.settings import SearchSettings
from retrofr.statements import SearchStatement


class Points:
    """Operating points that say what they are asked."""

    data = DATA
    likelihood = None

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def threshold_for(self, fmr: float) -> Any:
        if fmr < 1.5e-5:
            raise UsageError("FMR 1e-6 is below what the calibration data can support")
        return fmr_point(3.1)

    def fmr_at(self, score: float) -> Any:
        return fmr_point(score, errors=0)

    def llr(self, score: float, condition: Any) -> Any:
        self.asked.append((score, dict(condition)))
        if condition["eye_distance_pixels"] < 30:
            return SimpleNamespace(
                llr=None, band="", at_bound=False, reason="not validated for this condition"
            )
        return SimpleNamespace(llr=2.5, band="strong", at_bound=True, reason=None)


def comparison(threshold: float | None = 3.5) -> Any:
    return SimpleNamespace(name="fake", default_threshold=threshold, threshold_source="measured somewhere")


MEASURED = Operating(Points(), "default of retrofr")  # type: ignore[arg-type]


def test_the_default_keeps_its_score_and_is_stated_with_its_error_rate() -> None:
    found = resolve_threshold(SearchSettings(), comparison(), MEASURED)
    assert (found.score, found.source, found.overridden) == (3.5, "documented default of fake", False)
    assert found.point == fmr_point(3.5, errors=0)
    assert found.points is MEASURED.points


def test_an_error_rate_sets_the_threshold() -> None:
    found = resolve_threshold(SearchSettings(fmr=1e-4), comparison(), MEASURED)
    assert (found.score, found.source) == (3.1, "for an FMR of at most 0.0001")
    assert (found.asked_fmr, found.overridden) == (1e-4, False)
    assert found.point == fmr_point(3.1)


def test_an_error_rate_that_the_data_cannot_support_is_refused() -> None:
    with pytest.raises(UsageError, match="below what the calibration data can support"):
        resolve_threshold(SearchSettings(fmr=1e-6), comparison(), MEASURED)


def test_a_score_is_an_override_with_the_error_rate_measured_at_it() -> None:
    found = resolve_threshold(SearchSettings(threshold=2.0), comparison(), MEASURED)
    assert (found.score, found.source, found.overridden) == (2.0, "given for this run (override)", True)
    assert found.point == fmr_point(2.0, errors=0)


def test_a_threshold_cannot_be_set_twice() -> None:
    with pytest.raises(SettingsError, match="set twice, by an error rate and by a score"):
        SearchSettings(threshold=2.0, fmr=1e-4)


def test_without_operating_points_the_search_runs_and_says_so() -> None:
    nothing = Operating(None, reason="no operating points for embedder fake, as it is set here")
    found = resolve_threshold(SearchSettings(), comparison(), nothing)
    assert (found.score, found.source, found.point) == (3.5, "measured somewhere", None)
    stated = state_search(found, compared=7, compared_faces=9, pictures=[1], fusion="best")
    assert (stated.point, stated.each_probe, stated.data, stated.notes) == (None, None, None, ())
    assert stated.reason == nothing.reason
    with pytest.raises(UsageError, match="no threshold can be set by an error rate: no operating points for"):
        resolve_threshold(SearchSettings(fmr=1e-4), comparison(), nothing)


def test_without_a_default_the_hint_names_what_can_be_given() -> None:
    with pytest.raises(UsageError, match="has no documented threshold yet\nset one with --fmr"):
        resolve_threshold(SearchSettings(), comparison(None), MEASURED)
    with pytest.raises(UsageError, match="has no documented threshold yet\nset one with --threshold"):
        resolve_threshold(SearchSettings(), comparison(None))


def test_the_worse_of_two_faces_decides_in_each_measure() -> None:
    small = replace(fakes.quality(), eye_distance_pixels=20.0, sharpness=0.9, yaw=0.1)
    turned = replace(fakes.quality(), eye_distance_pixels=80.0, sharpness=0.4, yaw=0.6)
    assert worst_condition([small, turned]) == {"eye_distance_pixels": 20.0, "sharpness": 0.4, "yaw": 0.6}


def test_requirement_18_evidence_is_a_ratio_or_a_reason() -> None:
    large = replace(fakes.quality(), eye_distance_pixels=80.0)
    told = MEASURED.evidence(4.5, [large, large])
    assert (told.llr, told.band, told.at_bound, told.reason) == (2.5, "strong", True, None)
    small = replace(fakes.quality(), eye_distance_pixels=12.0)
    untold = MEASURED.evidence(4.5, [large, small])
    assert (untold.llr, untold.band, untold.reason) == (None, "", "not validated for this condition")
    assert NO_OPERATING_POINTS.evidence(4.5, [large]).reason == "no operating points were looked for"


def test_points_of_another_detector_give_no_ratio_and_a_note() -> None:
    reason = "measured with detector yunet, and faces are found with mtcnn here"
    other = replace(MEASURED, other_detector=reason)
    assert other.evidence(4.5, [fakes.quality()]).reason == reason
    threshold = resolve_threshold(SearchSettings(), comparison(), other)
    stated = state_search(threshold, compared=7, compared_faces=9, pictures=[1], fusion="best")
    assert stated.notes[-1] == f"the error rates were {reason}"


@pytest.mark.parametrize(
    ("pictures", "fusion", "note"),
    [
        ([1, 3], "best", "probes have up to 3 pictures, and a face counts with the one it is most like"),
        ([3], "mean_score", "probes have up to 3 pictures, whose scores are averaged"),
        ([3], "mean_template", "probes have up to 3 pictures, whose templates are averaged"),
    ],
)
def test_several_pictures_are_noted(pictures: list[int], fusion: str, note: str) -> None:
    threshold = resolve_threshold(SearchSettings(), comparison(), MEASURED)
    stated = state_search(threshold, compared=7, compared_faces=9, pictures=pictures, fusion=fusion)
    assert len(stated.notes) == 3
    assert stated.notes[-1].startswith(note)


def test_one_picture_needs_no_note() -> None:
    threshold = resolve_threshold(SearchSettings(), comparison(), MEASURED)
    stated = state_search(threshold, compared=7, compared_faces=9, pictures=[1, 1], fusion="best")
    assert len(stated.notes) == 2
    assert stated.each_probe is not None
    assert stated.whole_search is not None
    assert (stated.each_probe.compared, stated.whole_search.compared) == (7, 14)


def test_a_statement_has_a_rate_or_a_reason() -> None:
    with pytest.raises(ValueError, match="an error rate, or the reason why there is none"):
        SearchStatement(1, 1, 1, 1, 3.5, "default")


def test_the_threshold_stands_alone_without_points() -> None:
    assert Threshold(3.5, "default").points is None
