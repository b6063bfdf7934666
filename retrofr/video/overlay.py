"""Which frames of a recording are enough to read its burnt-in clock.

Reading text costs about half a second a frame, so a few frames stand for the recording: from its start to its end,
so that a rate other than 1 and a jump show, in pairs little more than a second apart, so that a clock that steps
once a second is caught at different points of the second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

from retrofr.records import Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.plan import ReadingPlan

FRAMES = 20
_PAIR_SECONDS = Fraction(34, 25)
_CLOSEST_SECONDS = Fraction(3, 10)
# Steps of the golden ratio spread evenly over the second, however many there are.
_PHASE = Fraction(618, 1000)
# Wide enough to hold a frame of a recording at one frame a second.
_WINDOW_SECONDS = Fraction(3, 2)


def overlay_times(start_seconds: Fraction, end_seconds: Fraction) -> tuple[Fraction, ...]:
    """The media times at which a frame is wanted, rising, at most 20, in [start, end).

    A recording under half a minute has them spread over it, fewer where it is very short; one without length
    has its start.
    """
    length = end_seconds - start_seconds
    if length <= 0:
        return (start_seconds,)
    pairs = FRAMES // 2
    if length < pairs * (2 * _PAIR_SECONDS + _CLOSEST_SECONDS):
        count = min(FRAMES, max(1, int(length / _CLOSEST_SECONDS)))
        return tuple(start_seconds + length * (n + (_PHASE * n) % 1) / count for n in range(count))
    between = (length - _PAIR_SECONDS - 1) / (pairs - 1)
    firsts = [start_seconds + math.floor(between * n) + (_PHASE * n) % 1 for n in range(pairs)]
    return tuple(sorted(time for first in firsts for time in (first, first + _PAIR_SECONDS)))


def overlay_plan(
    start_seconds: Fraction, end_seconds: Fraction, video: VideoSettings | None = None
) -> ReadingPlan:
    """How to read only what :func:`choose_samples` takes: short windows at those times."""
    windows: list[tuple[Fraction | None, Fraction | None]] = []
    for time in overlay_times(start_seconds, end_seconds):
        last = windows[-1][1] if windows else None
        if last is not None and time <= last:
            windows[-1] = (windows[-1][0], time + _WINDOW_SECONDS)
        else:
            windows.append((time, time + _WINDOW_SECONDS))
    return ReadingPlan(
        SamplingSettings(rate=float(2 / _CLOSEST_SECONDS), gate=False),
        video or VideoSettings(),
        windows=tuple(windows),
    )


def choose_samples(samples: Iterable[Sample], times: Iterable[Fraction]) -> Iterator[Sample]:
    """Of samples as they come, the first at or after each of the times; none is given twice.

    Nothing is held back, so this can sit in a pass that reads every frame for another purpose. Where media time
    steps back (a new segment), samples are passed over until the next time that is still wanted.
    """
    wanted = sorted(times)
    due = 0
    for sample in samples:
        if due == len(wanted):
            return
        if sample.frame.seconds >= wanted[due]:
            yield sample
            while due < len(wanted) and wanted[due] <= sample.frame.seconds:
                due += 1
