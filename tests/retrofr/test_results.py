"""What a result says of itself: sums, gaps, exit codes, exhibits that changed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest

from fixed_results import appearance, search_result, stream
from retrofr.errors import ExhibitError, IntegrityError
from retrofr.records import RangeKind
from retrofr.results import NOT_SEARCHED, Coverage, Unsearched, mark_changed

ALTERED = Unsearched("b.mp4", "its sha256 is another", kind="integrity")
UNREADABLE = Unsearched("b.mp4", "it is empty")
WHOLE = stream("a.mp4")
CHANGED = stream("a.mp4", sha256_after="f" * 64)


def exit_code(**coverage: Any) -> int:
    return search_result(coverage=Coverage(**coverage)).exit_code


@pytest.mark.parametrize(
    ("coverage", "code"),
    [
        ({"streams": (WHOLE,)}, 0),
        ({"streams": (stream("a.mp4", sha256_after=WHOLE.exhibit_sha256),)}, 0),
        ({"streams": (WHOLE,), "ignored": ("a.txt",), "not_in_footage": ("b.mp4",)}, 0),
        ({"streams": (WHOLE,), "unsearched": (UNREADABLE,)}, 10),
        ({"unsearched": (UNREADABLE,)}, 3),
        ({"streams": (stream("a.mp4", frames=0),)}, 3),
        ({"unsearched": (ALTERED,)}, 4),
        ({"streams": (WHOLE,), "unsearched": (UNREADABLE, ALTERED)}, 4),
        ({"streams": (WHOLE, CHANGED)}, 4),
        ({"streams": (CHANGED,), "unsearched": (ALTERED,), "interrupted": True}, 130),
    ],
)
def test_exit_codes(coverage: dict[str, Any], code: int) -> None:
    assert exit_code(**coverage) == code


@pytest.mark.parametrize("kind", get_args(RangeKind))
def test_what_was_not_searched_whole_is_a_gap(kind: RangeKind) -> None:
    short = stream("a.mp4", **{f"{kind}_seconds": Fraction(1, 25)})
    gap = kind in ("suspect", *NOT_SEARCHED)
    assert short.has_gaps is gap
    assert exit_code(streams=(WHOLE, short)) == (10 if gap else 0)


@pytest.mark.parametrize("changes", [{"suspect_frames": 1}, {"problems": ("2 packets are damaged",)}])
def test_damage_without_a_length_is_a_gap_as_well(changes: dict[str, Any]) -> None:
    assert exit_code(streams=(stream("a.mp4", **changes),)) == 10


@pytest.mark.parametrize("kind", get_args(RangeKind))
def test_sums_run_over_all_streams(kind: RangeKind) -> None:
    streams = [stream("a.mp4", **{f"{kind}_seconds": Fraction(1, n)}) for n in (2, 3)]
    assert Coverage(tuple(streams)).seconds(kind) == Fraction(5, 6)


def test_hits_of_an_exhibit_that_changed_are_marked() -> None:
    mine, other = appearance(1, 0.9, "a.mp4"), appearance(2, 0.8, "b.mp4")
    coverage = Coverage((stream("a.mp4", sha256_after="f" * 64), stream("b.mp4")))
    assert coverage.changed == ("a.mp4",)
    assert [a.exhibit_changed for a in mark_changed((mine, other), coverage)] == [True, False]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ExhibitError("it is empty", hint="copy it"), Unsearched("a.mp4", "it is empty", "copy it")),
        (
            IntegrityError("was altered", subject="b.mp4"),
            Unsearched("b.mp4", "was altered", None, "integrity"),
        ),
    ],
)
def test_an_error_becomes_what_was_not_searched(error: ExhibitError, expected: Unsearched) -> None:
    assert Unsearched.because(error, "a.mp4") == expected
