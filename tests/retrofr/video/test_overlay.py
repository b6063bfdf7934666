from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrofr.records import FrameRef, Sample
from retrofr.video.overlay import FRAMES, choose_samples, overlay_plan, overlay_times

STARTS = st.fractions(-100, 10**6, max_denominator=1000)
LENGTHS = st.fractions(0, 10**6, max_denominator=1000)


def sample(seconds: Fraction) -> Sample:
    where = FrameRef(0, 0, 0, None, Fraction(1, 25), seconds, seconds, "pts")
    return Sample(where, np.zeros((2, 2, 3), np.uint8))


@given(start=STARTS, length=LENGTHS)
def test_times_rise_within_the_recording_and_are_few(start: Fraction, length: Fraction) -> None:
    times = overlay_times(start, start + length)
    assert times == tuple(sorted(set(times)))
    assert 1 <= len(times) <= FRAMES
    assert times[0] == start
    assert all(time < start + max(length, Fraction(1, 10**6)) for time in times)
    assert times[-1] - start >= length * Fraction(3, 5) or len(times) < 3


def test_a_long_recording_is_read_to_its_end_in_close_pairs() -> None:
    times = overlay_times(Fraction(0), Fraction(3600))
    assert len(times) == FRAMES
    assert times[-1] > 3590
    assert all(1 < later - first < 2 for first, later in zip(times[::2], times[1::2], strict=True))


@given(length=st.fractions(20, 10**5, max_denominator=50))
def test_the_points_of_the_second_differ(length: Fraction) -> None:
    phases = sorted(float(time % 1) for time in overlay_times(Fraction(0), length))
    gaps = [after - before for before, after in zip(phases, [*phases[1:], phases[0] + 1], strict=True)]
    assert max(gaps) < 2 / 3


def test_of_passing_samples_the_first_at_each_time_is_taken_once() -> None:
    passing = [sample(Fraction(n, 5)) for n in range(50)]
    chosen = choose_samples(passing, [Fraction(0), Fraction(1, 10), Fraction(33, 10), Fraction(7)])
    assert [taken.frame.seconds for taken in chosen] == [0, Fraction(1, 5), Fraction(17, 5), 7]


def test_two_times_between_two_samples_take_one_sample() -> None:
    passing = [sample(Fraction(0)), sample(Fraction(10))]
    chosen = choose_samples(passing, [Fraction(1), Fraction(2), Fraction(3)])
    assert [taken.frame.seconds for taken in chosen] == [10]


def test_nothing_is_read_past_the_last_wanted_sample() -> None:
    passing = iter([sample(Fraction(n)) for n in range(10)])
    assert len(list(choose_samples(passing, [Fraction(0), Fraction(2)]))) == 2
    assert next(passing).frame.seconds == 4  # one was looked at to see that no more is wanted


@given(start=STARTS, length=LENGTHS)
def test_the_plan_reads_every_wanted_time_in_separate_windows(start: Fraction, length: Fraction) -> None:
    windows = overlay_plan(start, start + length).windows
    for time in overlay_times(start, start + length):
        assert sum(a is not None and b is not None and a <= time < b for a, b in windows) == 1
    ends = [edge for window in windows for edge in window if edge is not None]
    assert ends == sorted(set(ends))
