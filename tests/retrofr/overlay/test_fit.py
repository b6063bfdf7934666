from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.overlay.fit import Piece, Reading, fit_pieces

START = 63_847_000_000.37


def readings(
    *,
    rate: float = 1.0,
    span: float = 60,
    count: int = 20,
    step: int = 1,
    misread: int = 0,
    jump_after: float = math.inf,
    jump: int = 3600,
    seed: int = 0,
) -> list[Reading]:
    """What a clock that started at START shows at random moments, ``misread`` of them with a wrong digit."""
    chance = random.Random(seed)
    times = sorted(Fraction(round(chance.uniform(0, span) * 25), 25) for _ in range(count))
    wrong = set(chance.sample(range(count), misread))
    made = []
    for n, seconds in enumerate(times):
        clock = START + rate * float(seconds) + (jump if seconds > jump_after else 0)
        shown = math.floor(clock / step) * step
        if n in wrong:
            shown += chance.choice([7, 10, -60, 600, 7200, 86400]) + n
        made.append(Reading(seconds, Fraction(shown), Fraction(step)))
    return made


def only(pieces: list[Piece]) -> Piece:
    assert len(pieces) == 1
    return pieces[0]


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), span=st.floats(8, 100_000), misread=st.integers(0, 8))
def test_an_even_clock_is_found_within_its_stated_uncertainty_whatever_is_misread(
    seed: int, span: float, misread: int
) -> None:
    made = readings(span=span, misread=misread, seed=seed)
    piece = only(fit_pieces(made))
    assert piece.rate == 1
    assert len(piece.members) >= 20 - misread
    # Half the step where one reading is all there is; less with more of them.
    assert abs(float(piece.start_shown) - START) <= piece.uncertainty_seconds + 0.2
    assert piece.uncertainty_seconds <= 0.5


@pytest.mark.parametrize("rate", [0.5, 0.98, 1.02, 2.0, 25.0, 1000.0])
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), misread=st.integers(0, 4))
def test_another_rate_is_measured(rate: float, seed: int, misread: int) -> None:
    piece = fit_pieces(readings(rate=rate, span=300, misread=misread, seed=seed))[0]
    assert abs(float(piece.rate) - rate) <= piece.rate_uncertainty
    assert len(piece.members) >= 20 - misread - 1


def test_a_rate_too_close_to_1_to_be_told_from_it_is_1_and_says_how_close() -> None:
    piece = only(fit_pieces(readings(rate=1.0007, span=60)))
    assert piece.rate == 1
    assert piece.rate_uncertainty > 0.0007
    assert only(fit_pieces(readings(rate=1.0007, span=7200))).rate == pytest.approx(1.0007, abs=1e-4)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    at=st.floats(20, 40),
    by=st.sampled_from([3600, -3600, 60, -7, 86400]),
)
def test_a_jump_is_a_second_stretch_with_the_difference(seed: int, at: float, by: int) -> None:
    made = readings(jump_after=at, jump=by, count=24, seed=seed)
    after = {n for n, reading in enumerate(made) if reading.seconds > at}
    if not 4 <= len(after) <= 20:
        return
    pieces = sorted(fit_pieces(made), key=lambda piece: piece.members)
    assert [set(piece.members) for piece in pieces] == [set(range(24)) - after, after]
    assert float(pieces[1].start_shown - pieces[0].start_shown) == pytest.approx(by, abs=1)


def test_a_clock_without_seconds_is_found_to_a_part_of_a_minute() -> None:
    piece = only(fit_pieces(readings(step=60, span=600)))
    assert abs(float(piece.start_shown) - START) <= piece.uncertainty_seconds + 0.2


@pytest.mark.parametrize(
    "made",
    [
        [],
        readings(count=1),
        readings(count=2),
        [Reading(Fraction(n), Fraction(45_000), Fraction(1)) for n in range(20)],
        [Reading(Fraction(n), Fraction(45_000 - n), Fraction(1)) for n in range(20)],
        [Reading(Fraction(5), Fraction(45_000 + n), Fraction(1)) for n in range(3)],
    ],
    ids=["none", "one", "two", "still", "backward", "one moment"],
)
def test_what_does_not_run_is_no_clock(made: list[Reading]) -> None:
    assert fit_pieces(made) == []


def test_the_line_is_said_for_any_moment() -> None:
    piece = only(fit_pieces(readings()))
    assert piece.at(Fraction(10)) == piece.start_shown + 10
