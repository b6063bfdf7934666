"""Which frames are looked at."""

from __future__ import annotations

from fractions import Fraction


class SamplingGrid:
    """Decides, frame by frame, whether a frame is looked at.

    Each segment has its own grid of points ``k / rate`` seconds, anchored at the segment's first frame.
    Wanted is the first frame at or after each point; a gap that spans many points wants one frame, not one
    a point. So the first frame of every segment is always wanted, and no segment yields more than ``rate ×
    length + 1``.

    Args:
        rate: samples per second of media time; at or above the frame rate every frame is wanted.
        slack_seconds: how far before its point a frame still counts as on it. A container that rounds times
            to its ticks (Matroska: milliseconds) would otherwise lose every third frame when rate and frame
            rate agree; half a tick is right. Cut to half of ``1 / rate``.
    """

    def __init__(self, rate: float | Fraction, slack_seconds: Fraction = Fraction(0)) -> None:
        if rate <= 0:
            raise ValueError(f"rate: expected more than 0 samples/s, got {rate}")
        # repr gives the number the user wrote: 0.1 is 1/10, not its nearest binary fraction.
        self._rate = rate if isinstance(rate, Fraction) else Fraction(repr(float(rate)))
        self._slack = min(slack_seconds, 1 / self._rate / 2)
        self._segment: int | None = None
        self._anchor = Fraction(0)
        self._due = Fraction(0)

    def wants(self, segment: int, seconds: Fraction) -> bool:
        """Whether the frame of a segment at a media time is looked at; call once a frame, in order of time."""
        if segment != self._segment:
            self._segment, self._anchor, self._due = segment, seconds, seconds
        shown = seconds + self._slack
        if shown < self._due:
            return False
        self._due = self._anchor + (self._point(seconds) + 1) / self._rate
        return True

    @property
    def anchor(self) -> Fraction | None:
        """Media time of the first frame of the segment that was entered last; None before any."""
        return None if self._segment is None else self._anchor

    def crosses_point(self, before: Fraction, seconds: Fraction) -> bool:
        """Whether a frame of the segment at hand would be wanted if the one before it were at ``before``."""
        return self._point(seconds) > self._point(before)

    def _point(self, seconds: Fraction) -> int:
        return (seconds + self._slack - self._anchor) * self._rate // 1
