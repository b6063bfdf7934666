"""Follows a stream frame by frame as shown: its segments, its grid of samples, its windows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrofr.video.decoding.timing import Break, SegmentClock
from retrofr.video.decoding.windows import Window, in_windows
from retrofr.video.sampling import SamplingGrid


@dataclass(frozen=True)
class Step:
    """What is known of a frame by its time.

    Args:
        broken: the break in front of it, if there is one.
        segment: its number.
        wanted: the sampling grid wants it looked at.
        inside: it is in a window.
        usual: seconds between frames before it, where those were all about the same and damage was reported in
            front of it; else None.
    """

    broken: Break | None
    segment: int
    wanted: bool
    inside: bool
    usual: Fraction | None


class Course:
    """Takes the times of all frames in the order shown, also of those that are not decoded.

    So a reading that begins in the middle cuts the same segments and wants the same frames as one from the start.

    Args:
        clock: finds the breaks.
        grid: chooses the samples.
        windows: media time that is looked at; empty for all.
    """

    def __init__(self, clock: SegmentClock, grid: SamplingGrid, windows: tuple[Window, ...]) -> None:
        self.clock = clock
        self._grid = grid
        self._windows = windows
        self._segment = -1  # counted from where this reading began to look
        self._offset = 0
        self._was_inside = True
        self._passed: Step | None = None

    def enter(self, seconds: Fraction, damaged: bool, *, can_look: bool = True) -> Step:
        """Take the next frame's time.

        Args:
            damaged: damage was reported in front of it.
            can_look: it is decoded; where it is not and a frame is due, the next one that is is wanted.
        """
        if not damaged and not can_look and not self._windows and self._segment >= 0:
            return self._pass(seconds)
        usual = self.clock.usual_step() if damaged and self.clock.is_steady() else None
        broken = self.clock.enter(seconds, damaged)
        if broken is not None or self._segment < 0:
            self._segment += 1
        inside = in_windows(seconds, self._windows)
        # The first frame of a window is looked at, or a short window between two points would have no sample.
        wanted = can_look and (self._grid.wants(self._segment, seconds) or not self._was_inside)
        self._was_inside = inside and (can_look or self._was_inside)
        return Step(broken, self._segment + self._offset, wanted and inside, inside, usual)

    def _pass(self, seconds: Fraction) -> Step:
        """The same of a frame that is not decoded, where there are no windows; most are such."""
        broken = self.clock.enter(seconds, damaged=False)
        if (
            broken is None
            and self._passed is not None
            and self._passed.segment == self._segment + self._offset
        ):
            return self._passed
        self._segment += broken is not None
        step = Step(broken, self._segment + self._offset, False, True, None)
        self._passed = step if broken is None else None
        return step

    def settle(self, segment: int) -> None:
        """The latest frame is in the segment of this number; before any frame: the first one will be."""
        self._offset = segment - max(self._segment, 0)
