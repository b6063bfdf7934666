"""Media time and wall-clock time.

Media time is ``pts × time_base`` in exact fractions, counted from the first video frame of the exhibit.
Wall-clock time is media time plus a sourced origin; where there is no source, that is said, with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
    milliseconds = round(abs(Fraction(seconds)) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


# Recorders write the four-digit year as 19xx or 20xx; two-digit years have no safe reading.
_YEAR = r"(?:19|20)\d\d"
_BETWEEN = r"(?:[ _.\-]?T[ _.\-]?|[ _.\-]{1,3}|_?at_?|)"
_COMPACT_TIME = r"(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?P<f>\d{3})?"
_SPACED_TIME = r"(?P<H>\d\d)[\-_.:h](?P<M>\d\d)[\-_.:m](?P<S>\d\d)(?:[.,](?P<f>\d{3})(?=[._\- Z]))?"
_ZONE = r"(?:(?:[ _.\-]?(?P<half>[AaPp])[Mm]| ?(?P<zone>Z|[+]\d\d:?\d\d))(?![0-9A-Za-z]))?"
_DATES = {
    "ymd": (
        rf"(?P<y>{_YEAR})(?P<m>\d\d)(?P<d>\d\d)",
        rf"(?P<y>{_YEAR})(?P<sep>[\-_.])(?P<m>\d\d)(?P=sep)(?P<d>\d\d)",
    ),
    "dmy": (
        rf"(?P<d>\d\d)(?P<m>\d\d)(?P<y>{_YEAR})",
        rf"(?P<d>\d\d)(?P<sep>[\-_.])(?P<m>\d\d)(?P=sep)(?P<y>{_YEAR})",
    ),
}


def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    made = []
    for order, (compact, spaced) in _DATES.items():
        for date in (compact, spaced):
            for time in (_COMPACT_TIME, _SPACED_TIME):
                # A bare run of 14 digits is read year first only; day first it could be anything.
                between = _BETWEEN if order == "ymd" else _BETWEEN.replace("|)", ")")
                text = rf"(?<!\d){date}{between}{time}(?!\d){_ZONE}"
                made.append((order, re.compile(text)))
    return made


_PATTERNS = _patterns()
_EPOCH = re.compile(r"(?i)(?:epoch|unix(?:time)?|timestamp)[ _\-=]?(?P<s>1\d{9})(?P<f>\d{3})?(?!\d)")


def clock_from_file_name(name: str) -> ClockOrigin:
    """Read the wall-clock time at which a recording starts from its file name.

    Understood, anywhere in the last part of a path, digits on neither side:

    - ``20240330171105``, ``20240330_171105``, ``20240330-171105``, ``20240330T171105``, each also with
      three more digits of milliseconds (``20240330171105123``);
    - ``2024-03-30_17-11-05``, ``2024-03-30T17:11:05``, ``2024.03.30 17.11.05.123.mkv``,
      ``2024-03-30T171105``;
    - ``30-03-2024_17-11-05`` and ``30032024_171105``, where only one of day and month first is a possible
      date;
    - a following ``Z`` or ``+0100`` (the time then has a zone), ``AM`` or ``PM`` (twelve-hour clock);
    - ``epoch1711818665`` or ``unix_1711818665000``: seconds or milliseconds since 1970, only where labelled
      (UTC);
    - two of these, start and end: the first is taken, if the second is not earlier.

    Everything without a zone is naive local time of the recorder. Nothing is read from two-digit years, from
    dates without seconds of time, or from folders. What could be read in two ways is not read: the source
    then says why.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    times: list[tuple[int, datetime]] = []
    refused: list[str] = []
    for start, text, readings in _found(name):
        possible = sorted({reading for reading in readings if reading is not None}, key=str)
        if len(possible) == 1:
            times.append((start, possible[0]))
        elif possible:
            days = " or ".join(f"{reading:%Y-%m-%d}" for reading in possible)
            refused.append(f"{text} in the file name can be read as {days}")
        else:
            refused.append(f"{text} in the file name is not a possible time")
    if refused:
        return ClockOrigin(None, f"none: {refused[0]}")
    if not times:
        return NO_CLOCK
    at = [time for _, time in sorted(times, key=lambda found: found[0])]
    if len(at) > 2:
        return ClockOrigin(None, f"none: the file name holds {len(at)} times")
    if len(at) == 2 and at[1].replace(tzinfo=None) < at[0].replace(tzinfo=None):
        return ClockOrigin(None, "none: the file name holds two times, the second earlier than the first")
    return ClockOrigin(at[0], "file name")


def _found(name: str) -> list[tuple[int, str, list[datetime | None]]]:
    """Each stretch of the name that looks like a time, with its readings (None: not a possible time)."""
    spans: dict[tuple[int, int], list[datetime | None]] = {}
    for order, pattern in _PATTERNS:
        for found in pattern.finditer(name):
            readings = spans.setdefault(found.span(), [])
            readings.append(_reading(found, found["d"], found["m"]))
            if order == "dmy":
                readings.append(_reading(found, found["m"], found["d"]))
    for found in _EPOCH.finditer(name):
        at = datetime.fromtimestamp(int(found["s"]), UTC) + timedelta(milliseconds=int(found["f"] or 0))
        spans.setdefault(found.span(), []).append(at)
    widest = [span for span in spans if not any(_inside(span, other) for other in spans)]
    return [(start, name[start:end], spans[start, end]) for start, end in widest]


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _reading(found: re.Match[str], day: str, month: str) -> datetime | None:
    hour = int(found["H"])
    if found["half"] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    zone = found["zone"]
    try:
        at = datetime(int(found["y"]), int(month), int(day), hour, int(found["M"]), int(found["S"]))
        offset = datetime.strptime(zone, "%z").tzinfo if zone else None
    except ValueError:
        return None
    return at.replace(microsecond=int(found["f"] or 0) * 1000, tzinfo=offset)
