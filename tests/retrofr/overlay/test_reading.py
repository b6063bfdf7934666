from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from retrofr.overlay.reading import NoOverlayClock, OverlayReading, read_overlay_clock
from retrofr.overlay.text_reader import TextLine
from retrofr.records import FrameRef, Pixels, Sample

START = datetime(2024, 3, 30, 17, 11, 5, 400_000)
TIMES = tuple(Fraction(137 * n, 50) for n in range(20))
TextAt = Callable[[Fraction], str]


class ScriptedReader:
    """Gives out what it was told to, one list of lines a frame."""

    def __init__(self, frames: Sequence[Sequence[TextLine]]) -> None:
        self._frames = iter(frames)

    def read_lines(self, image: Pixels) -> list[TextLine]:
        return list(next(self._frames))


def line(text: str, left: int = 20, top: int = 10, height: int = 20) -> TextLine:
    return TextLine(text, (left, top, left + 10 * len(text), top + height))


def sample(seconds: Fraction) -> Sample:
    where = FrameRef(0, 0, 0, None, Fraction(1, 25), seconds, seconds, "pts")
    return Sample(where, np.zeros((2, 2, 3), np.uint8))


def clock(layout: str = "%Y-%m-%d %H:%M:%S", start: datetime = START, rate: float = 1.0) -> TextAt:
    return lambda seconds: (start + timedelta(seconds=float(seconds) * rate)).strftime(layout)


def read_frames(
    frames: Sequence[Sequence[TextLine]], times: Sequence[Fraction] = TIMES
) -> OverlayReading | NoOverlayClock:
    return read_overlay_clock((sample(time) for time in times), ScriptedReader(frames))


def found(*texts: TextAt, misread: dict[int, str] | None = None) -> OverlayReading:
    """The clock read from frames whose lines lie below each other, far apart."""
    frames = []
    for n, time in enumerate(TIMES):
        said = [text(time) for text in texts]
        said[0] = (misread or {}).get(n, said[0])
        frames.append([line(text, top=10 + 100 * row) for row, text in enumerate(said) if text])
    reading = read_frames(frames)
    assert isinstance(reading, OverlayReading), reading
    return reading


def refused(text_at: TextAt, times: Sequence[Fraction] = TIMES) -> NoOverlayClock:
    reading = read_frames([[line(text_at(time))] if text_at(time) else [] for time in times], times)
    assert isinstance(reading, NoOverlayClock), reading
    return reading


def test_a_clock_is_an_origin_of_the_least_trusted_kind() -> None:
    reading = found(clock())
    assert (reading.origin.kind, reading.origin.rate) == ("overlay", 1)
    assert reading.origin.source == "burnt-in clock (OCR of 20 frames: 20 read, 20 agree)"
    assert reading.origin.at is not None
    assert abs(reading.origin.at - START) <= timedelta(seconds=reading.uncertainty_seconds)
    assert reading.uncertainty_seconds < 0.2
    assert (reading.problems, reading.alternatives, len(reading.stretches)) == ((), (), 1)
    assert [text.text for text in reading.texts] == [clock()(time) for time in TIMES]


def test_misread_digits_are_outvoted_and_reported() -> None:
    misread = {3: "2024-03-30 17:11:73", 4: "2074-03-30 17:11:16", 9: "2024-03-30 77:11:30", 12: "?"}
    reading = found(clock(), misread=misread)
    assert reading.origin.at is not None
    assert abs(reading.origin.at - START) < timedelta(seconds=0.5)
    assert (reading.read, reading.agreeing) == (17, 16)
    assert reading.problems == ("1 of 17 readings of the burnt-in clock do not fit the others",)
    assert [text.text for text in reading.texts if not text.agrees] == [misread[4]]


def test_a_fast_clock_has_a_rate_and_says_so() -> None:
    reading = found(clock(rate=1.1))
    assert float(reading.origin.rate) == pytest.approx(1.1, abs=reading.rate_uncertainty)
    assert len(reading.problems) == 1
    assert reading.problems[0].startswith("the burnt-in clock runs 1.")
    at = reading.origin.time_at(Fraction(50))
    assert at is not None
    assert abs(at - (START + timedelta(seconds=55))) < timedelta(seconds=0.5)


def test_a_jump_leaves_no_single_origin_but_two_stretches() -> None:
    reading = found(lambda t: clock(start=START + timedelta(hours=t > 30))(t))
    sentence = "the burnt-in clock jumps by +1:00:00 between media times 0:00:27.400 and 0:00:30.140"
    assert (reading.origin.at, reading.origin.source) == (None, f"none: {sentence}")
    assert reading.problems == (sentence,)
    starts = [stretch.at for stretch in reading.stretches]
    assert None not in starts
    assert starts[1] - starts[0] == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=0.5))
    assert [(s.first_seconds, s.readings) for s in reading.stretches] == [(0, 11), (TIMES[11], 9)]


def test_an_order_of_day_and_month_that_nothing_decides_is_not_chosen() -> None:
    reading = found(clock("%d/%m/%Y %H:%M:%S", datetime(2024, 4, 3, 12)))
    assert reading.origin.at is None
    assert reading.origin.source == (
        "none: the burnt-in clock, '03/04/2024 12:00:00', can be read as 2024-03-04 or 2024-04-03"
    )
    assert [at.date() for at in reading.alternatives] == [date(2024, 3, 4), date(2024, 4, 3)]
    assert reading.agreeing == 20


def test_midnight_decides_the_order_of_day_and_month() -> None:
    reading = found(clock("%d/%m/%Y %H:%M:%S", datetime(2024, 4, 3, 23, 59, 40)))
    assert reading.origin.at is not None
    assert reading.origin.at.date() == date(2024, 4, 3)


def test_a_weekday_decides_the_order_and_a_wrong_one_is_reported() -> None:
    reading = found(clock("%a %d/%m/%Y %H:%M:%S", datetime(2024, 4, 3, 12)))
    assert reading.origin.at is not None
    assert reading.origin.at.date() == date(2024, 4, 3)
    odd = found(lambda t: f"Mon {clock()(t)}")
    assert odd.problems == (
        "the weekday shown is not that of the date in 20 readings, for example 'Mon 2024-03-30 17:11:05'",
    )


def test_a_time_without_a_date_gives_no_origin_but_the_time() -> None:
    reading = found(clock("%H:%M:%S", datetime(2024, 3, 30, 23, 59, 50)))
    assert reading.origin.at is None
    assert reading.origin.source.startswith(
        "none: the burnt-in clock shows no date that could be read; at media time 0 it shows 23:59:5"
    )
    assert (reading.read, reading.agreeing, reading.alternatives) == (20, 20, ())


def test_a_counter_of_elapsed_time_is_not_taken_for_a_clock() -> None:
    reading = found(clock("%H:%M:%S.%f", datetime(2024, 3, 30)))
    assert reading.origin.at is None
    assert reading.origin.source == (
        "none: what is burnt in counts from 0 with the recording: elapsed time, not a clock"
    )


@pytest.mark.parametrize(
    "place",
    [(330, 10), (20, 34), (1500, 700)],
    ids=["beside", "below", "in the other corner"],
)
def test_a_date_of_its_own_belongs_to_the_time(place: tuple[int, int]) -> None:
    frames = [
        [line("CAM 7", left=900), line(clock("%H:%M:%S")(t), left=220), line("30/03/2024", *place)]
        for t in TIMES
    ]
    reading = read_frames(frames)
    assert isinstance(reading, OverlayReading)
    assert reading.origin.at is not None
    assert reading.origin.at.date() == date(2024, 3, 30)


def test_text_beside_the_clock_and_plates_do_not_disturb() -> None:
    plates = itertools.cycle(["AB12 CDE", "LJ05 XYZ 171105", "12:30"])
    reading = found(clock(), lambda _: "OPEN 08:30:00", lambda _: next(plates))
    assert (reading.agreeing, reading.problems) == (20, ())


def test_a_second_clock_is_reported_with_the_difference() -> None:
    reading = found(clock(), clock(start=START + timedelta(minutes=7)))
    assert reading.origin.at is not None
    assert [problem[:24] for problem in reading.problems] == ["another clock is burnt i"]
    assert reading.problems[0].endswith(": +0:07:00 from the one used")


@pytest.mark.parametrize(
    ("text_at", "reason"),
    [
        (lambda _: "", "no text was found in the 20 frames looked at for a burnt-in clock"),
        (
            lambda _: "CAMERA 04",
            "no time was found in the text of the 20 frames looked at for a burnt-in clock",
        ),
        (lambda _: "12:30:00", "the time shown in 20 of 20 frames, '12:30:00', does not move in 52.1 s"),
        (
            lambda t: clock()(t) if t < 4 else "rain",
            "a time was read in only 2 of 20 frames, at least 3 are needed",
        ),
        (
            lambda t: clock(start=START - timedelta(hours=int(t)))(t),
            "a time was read in 20 of 20 frames, but it does not run with the recording",
        ),
    ],
    ids=["nothing", "no time", "still", "too few", "backward"],
)
def test_no_clock_has_a_reason(text_at: TextAt, reason: str) -> None:
    reading = refused(text_at)
    assert reading.reason == reason
    assert reading.origin.at is None
    assert (reading.origin.source, reading.origin.kind) == (f"none: {reason}", "overlay")


def test_times_that_mostly_disagree_are_no_clock() -> None:
    reading = refused(lambda t: clock(start=START + timedelta(minutes=int(t * t * 91) % 1400))(t))
    assert reading.origin.at is None
    assert len(reading.texts) == 20


def test_no_frames_are_said() -> None:
    reading = refused(clock(), times=())
    assert reading.reason == "no frame was looked at for a burnt-in clock"


def test_few_frames_with_a_clock_are_reported() -> None:
    reading = found(lambda t: clock()(t) if t < 20 else "fog")
    assert reading.problems == ("the burnt-in clock was read in only 8 of 20 frames",)
