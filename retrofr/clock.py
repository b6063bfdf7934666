"""Media time and wall-clock time.

Media time is ``pts × time_base`` in exact fractions, counted from the first video frame of the exhibit.
Wall-clock time is media time plus a sourced origin; where there is no source, that is said, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction


@dataclass(frozen=True)
class ClockOrigin:
    """What the wall clock showed at media time zero, and how that is known.

    Args:
        at: naive where the zone is unknown; None where there is no source at all.
        source: for example ``file name`` or ``none: no clock in the file name``; shown in every output.
    """

    at: datetime | None
    source: str

    def time_at(self, seconds: Fraction) -> datetime | None:
        """Wall-clock time at a media time, rounded to the microsecond; None where the origin is unknown."""
        if self.at is None:
            return None
        return self.at + timedelta(microseconds=round(seconds * 1_000_000))


NO_CLOCK = ClockOrigin(None, "none: no clock in the file name")


def format_seconds(seconds: Fraction | float) -> str:
    """Media time for a person: ``0:07:03.480``."""
    sign = "-" if seconds < 0 else ""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
