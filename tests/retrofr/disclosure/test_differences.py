"""Two lists of candidates: what is the same within the tolerance, and each kind of difference."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from fixed_results import appearance
from retrofr.disclosure.differences import SCORE_TOLERANCE, compare_candidates
from retrofr.documents import record


def row(rank: int, score: float, start: Fraction | int = 10, end: Fraction | int = 20, **changes: Any) -> Any:
    return record(appearance(rank, score, "cam1.mp4", start, end, **changes))


def kinds(before: list[Any], now: list[Any], **options: Any) -> list[str]:
    return [each.kind for each in compare_candidates(before, now, **options).differences]


def test_equal_lists_do_not_differ() -> None:
    rows = [row(1, 0.9), row(2, 0.5, Fraction(1, 3), 5), row(3, 0.2, 30, 31)]
    found = compare_candidates(rows, list(reversed(rows)))
    assert (found.differences, found.pairs, found.largest, found.filled) == ((), 3, 0.0, 0)
    assert compare_candidates([], []).differences == ()


@pytest.mark.parametrize(("change", "expected"), [(0.9, []), (1.1, ["other score"])])
def test_scores_may_differ_by_the_tolerance_and_no_more(change: float, expected: list[str]) -> None:
    found = compare_candidates([row(1, 0.9)], [row(1, 0.9 + change * SCORE_TOLERANCE)])
    assert [each.kind for each in found.differences] == expected
    assert found.largest == pytest.approx(change * SCORE_TOLERANCE, abs=1e-6)


def test_a_score_that_is_no_number_differs() -> None:
    assert kinds([row(1, 0.9)], [row(1, 0.9) | {"score": float("nan")}]) == ["other score"]


def test_times_must_be_equal() -> None:
    later = compare_candidates([row(1, 0.9)], [row(1, 0.9, end=Fraction(2001, 100))])
    assert [each.sentence for each in later.differences] == [
        "hit 1 (cam1.mp4, 10 to 20 s, probe suspect, score 0.900000) is now 10 to 20.01 s"
    ]
    assert later.differences[0].kind == "other times"


def test_what_is_gone_and_what_is_new_is_told() -> None:
    found = compare_candidates([row(1, 0.9), row(2, 0.2, 50, 60)], [row(1, 0.9), row(2, 0.4, 70, 80)])
    assert [each.sentence for each in found.differences] == [
        "candidate 2 (cam1.mp4, 50 to 60 s, probe suspect, score 0.200000) is not found any more",
        "hit 2 (cam1.mp4, 70 to 80 s, probe suspect, score 0.400000) was not there",
    ]


def test_a_hit_that_is_none_any_more_differs_however_little_the_score_does() -> None:
    found = compare_candidates([row(1, 0.3631)], [row(1, 0.3629)])
    assert [each.sentence for each in found.differences] == [
        "hit 1 (cam1.mp4, 10 to 20 s, probe suspect, score 0.363100) is now below the threshold, score 0.362900"
    ]


@pytest.mark.parametrize(
    "other", [{"probe": "ann"}, {"exhibit_sha256": "ee" * 32}, {"stream": 1}, {"segment": 1}]
)
def test_another_place_is_another_candidate(other: dict[str, Any]) -> None:
    assert kinds([row(1, 0.9)], [row(1, 0.9, **other)]) == ["gone", "new"]


def test_two_at_the_same_times_are_told_apart_by_their_scores() -> None:
    rows = [row(1, 0.9), row(2, 0.5)]
    assert kinds(rows, [row(1, 0.9), row(2, 0.5)]) == []
    assert kinds(rows, [row(1, 0.9)]) == ["gone"]


def test_candidates_of_missing_recordings_are_left_out() -> None:
    gone = row(1, 0.9, exhibit_sha256="ee" * 32)
    there, filled = row(2, 0.5), row(3, 0.1, 40, 41)
    found = compare_candidates([gone, there], [there, filled], missing={"ee" * 32})
    assert (found.differences, found.pairs, found.filled) == ((), 1, 1)
    assert kinds([gone, there], [there, row(2, 0.6, 40, 41)], missing={"ee" * 32}) == ["new"]
