"""SMPTE timecode: which rates it can count, and how it counts them. ST 12-1 has the rule of dropped frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_NEAR = Fraction(1, 10_000)
DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Timecode:
    """A way to count frames.

    Args:
        rate: frames in a second.
        drop: frame numbers are dropped so that the count keeps up with the clock (29.97 and 59.94 frames/s).
    """

    rate: Fraction
    drop: bool = False

    @property
    def base(self) -> int:
        """How many frame numbers a second of timecode has."""
        return math.ceil(self.rate)

    def first(self, seconds: Fraction) -> int:
        """The frame that is shown at a time."""
        return math.floor(seconds * self.rate)

    def after(self, seconds: Fraction) -> int:
        """The first frame that begins no earlier than a time."""
        return math.ceil(seconds * self.rate)

    def text(self, frame: int) -> str:
        """``00:00:12:12``; with a semicolon before the frames where numbers are dropped.

        Raises:
            ValueError: the frame lies beyond 24 hours.
        """
        if self.drop:
            frame += self._dropped(frame)
        seconds, frames = divmod(frame, self.base)
        if seconds >= DAY_SECONDS:
            raise ValueError(f"frame {frame} lies beyond 24 hours")
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{seconds:02}{';' if self.drop else ':'}{frames:02}"

    def _dropped(self, frame: int) -> int:
        """How many numbers were dropped before a frame: 2 (of 59.94: 4) a minute, but in every tenth."""
        dropped = self.base // 15
        in_minute, in_ten = self.base * 60 - dropped, self.base * 600 - 9 * dropped
        tens, rest = divmod(frame, in_ten)
        minutes = 0 if rest < self.base * 60 else 1 + (rest - self.base * 60) // in_minute
        return dropped * (9 * tens + minutes)


STANDARD = (
    Timecode(Fraction(24000, 1001)),
    Timecode(Fraction(24)),
    Timecode(Fraction(25)),
    Timecode(Fraction(30000, 1001), drop=True),
    Timecode(Fraction(30)),
    Timecode(Fraction(50)),
    Timecode(Fraction(60000, 1001), drop=True),
    Timecode(Fraction(60)),
)
"""What editors count in."""

OTHERWISE = STANDARD[2]
"""What stands in for rates that timecode cannot count: 25 frames/s."""


def timecode_for(rate: Fraction | None) -> Timecode | None:
    """How a frame rate is counted; None where timecode cannot, or the rate is not known."""
    if not rate:
        return None
    return next((each for each in STANDARD if abs(rate - each.rate) <= each.rate * _NEAR), None)
