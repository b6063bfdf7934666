"""What chance gives, and the words for likelihood ratios."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.calibration.bands import verbal_band
from retrofr.calibration.points import FmrPoint
from retrofr.calibration.statement import expected_false


def point(fmr: float, errors: int = 3) -> FmrPoint:
    return FmrPoint(3.0, fmr, fmr / 2, min(1.0, fmr * 2), errors, 1000, 0.1, 0.05, 0.2)


@given(st.integers(0, 10**7), st.floats(1e-9, 0.5))
def test_requirement_16_expectation_and_chance_are_exact(compared: int, fmr: float) -> None:
    getcontext().prec = 60
    found = expected_false(compared, point(fmr))
    rate = Decimal(fmr)
    assert found.expected == pytest.approx(float(rate * compared), rel=1e-9)
    exact = 1 - (Decimal(compared) * (1 - rate).ln()).exp()
    assert found.at_least_one == pytest.approx(float(exact), abs=1e-9, rel=1e-9)
    assert found.at_least_one_low <= found.at_least_one <= found.at_least_one_high


def test_requirement_16_the_table_of_the_standards() -> None:
    found = expected_false(10_000, point(1e-4))
    assert found.expected == pytest.approx(1)
    assert found.at_least_one == pytest.approx(0.632, abs=1e-3)
    assert expected_false(1000, point(1e-6)).at_least_one == pytest.approx(0.001, abs=1e-6)


def test_where_no_error_was_seen_only_the_bound_may_be_said() -> None:
    assert expected_false(5, point(0.0, errors=0)).bound_only
    assert expected_false(0, point(1.0)).at_least_one == 0
    assert expected_false(1, point(1.0)).at_least_one == 1
    with pytest.raises(ValueError, match="expected 0 or more"):
        expected_false(-1, point(0.1))


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1, "no support for either"),
        (2, "no support for either"),
        (2.1, "weak support for one person rather than two"),
        (10, "weak support for one person rather than two"),
        (100, "moderate support for one person rather than two"),
        (1_000, "moderately strong support for one person rather than two"),
        (10_000, "strong support for one person rather than two"),
        (10_001, "very strong support for one person rather than two"),
        (1e6, "very strong support for one person rather than two"),
        (1.1e6, "extremely strong support for one person rather than two"),
    ],
)
def test_the_bands_of_enfsi(ratio: float, words: str) -> None:
    assert verbal_band(math.log10(ratio)) == words
    assert verbal_band(-math.log10(ratio)) == words.replace(
        "one person rather than two", "two people rather than one"
    )


def test_no_band_says_who_somebody_is() -> None:
    for power in range(-8, 9):
        assert not {"match", "identified", "identical"} & set(verbal_band(power).split())
    with pytest.raises(ValueError, match="no wording"):
        verbal_band(math.nan)
