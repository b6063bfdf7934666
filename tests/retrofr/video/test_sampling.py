from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.video.sampling import SamplingGrid

rates = st.fractions(min_value=Fraction(1, 100), max_value=120, max_denominator=1000)
steps = st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=30, max_denominator=1000), max_size=80)


def wanted(rate: float | Fraction, times: list[Fraction], slack: Fraction = Fraction(0)) -> list[Fraction]:
    grid = SamplingGrid(rate, slack)
    return [t for t in times if grid.wants(0, t)]


def times_from(start: Fraction, gaps: list[Fraction]) -> list[Fraction]:
    times = [start]
    for gap in gaps:
        times.append(times[-1] + gap)
    return times


@settings(deadline=None)
@given(rates, st.fractions(min_value=-100, max_value=10**6), steps)
def test_wanted_is_the_first_frame_at_or_after_each_grid_point(
    rate: Fraction, start: Fraction, gaps: list[Fraction]
) -> None:
    times = times_from(start, gaps)
    points = range(int((times[-1] - start) * rate) + 1)
    # The definition, word by word: for each grid point, the first frame that is not before it.
    expected = {next(t for t in times if t >= start + k / rate) for k in points}
    assert wanted(rate, times) == sorted(expected)


@settings(deadline=None)
@given(rates, steps)
def test_no_more_than_the_rate_even_after_gaps(rate: Fraction, gaps: list[Fraction]) -> None:
    times = times_from(Fraction(0), gaps)
    assert len(wanted(rate, times)) <= times[-1] * rate + 1


@settings(deadline=None)
@given(rates, steps, st.integers(1, 5))
def test_the_first_frame_of_every_segment_is_wanted(
    rate: Fraction, gaps: list[Fraction], segments: int
) -> None:
    grid = SamplingGrid(rate)
    for segment in range(segments):
        first, *rest = times_from(Fraction(0), gaps)
        assert grid.wants(segment, first)
        for seconds in rest:
            grid.wants(segment, seconds)


def test_a_gap_does_not_cause_a_burst() -> None:
    times = [Fraction(n, 25) for n in range(5)] + [600 + Fraction(n, 25) for n in range(5)]
    assert wanted(2.0, times) == [Fraction(0), Fraction(600)]


def test_a_rate_is_the_number_that_was_written() -> None:
    times = [Fraction(n, 10) for n in range(101)]
    assert wanted(0.1, times) == [Fraction(0), Fraction(10)]


def test_slack_keeps_every_frame_of_a_container_that_rounds_to_milliseconds() -> None:
    times = [Fraction(round(n * 1000 / 30), 1000) for n in range(300)]
    assert len(wanted(30.0, times)) < 300
    assert wanted(30.0, times, Fraction(1, 2000)) == times


def test_a_rate_above_the_frame_rate_wants_every_frame() -> None:
    times = [Fraction(n, 25) for n in range(50)]
    assert wanted(120.0, times) == times


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_has_to_be_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="more than 0 samples/s"):
        SamplingGrid(rate)
