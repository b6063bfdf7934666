"""The margin of a clip does not reach out of what an authority covers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from fixed_results import appearance
from retrofr.exporting.case_clips import within_windows
from retrofr.selection import MediaWindow


@pytest.mark.parametrize(
    ("windows", "shown"),
    [
        ([(None, None)], (8, 22)),
        ([(Fraction(9), Fraction(21))], (9, 21)),
        ([(None, Fraction(5)), (Fraction(10), None)], (10, 22)),
        ([(None, Fraction(20))], (8, 20)),
        ([(None, Fraction(15))], (8, 20)),
        ([(Fraction(30), Fraction(40))], (10, 20)),
        ([], (10, 20)),
    ],
)
def test_requirement_04_a_margin_stays_within_the_authoritys_time(
    windows: list[MediaWindow], shown: tuple[int, int]
) -> None:
    seen = appearance(1, 4.0, start=10, end=20)
    assert within_windows(seen, Fraction(8), Fraction(22), windows) == shown
