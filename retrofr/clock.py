"""Media time and wall-clock time.

Media time is ``pts × time_base`` in exact fractions, counted from the first video frame of the exhibit.
Wall-clock time is media time plus a sourced origin. Two readings are kept apart: the *original*, what the
recorder's clock showed, and the *adjusted* time, with the offset from a check of that clock and its zone applied.
Both are cut to the microsecond, never rounded up: a time shown is a time that had been reached.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from typing import Literal, get_args

OriginKind = Literal["examiner", "recorder clock", "file name", "creation time", "overlay"]
TRUST: tuple[OriginKind, ...] = get_args(OriginKind)
"""Where a wall clock may come from, the most trusted first."""

_SECOND = timedelta(seconds=1)
_AGREEING = 2 * _SECOND
_QUARTER_HOUR = timedelta(minutes=15)
_ZONES_SPAN = timedelta(hours=26)  # UTC-12:00 to UTC+14:00


@dataclass(frozen=True)
class ClockOrigin:
    """What the wall clock showed at media time zero, and how that is known.

    Args:
        at: naive where the zone is unknown; None where nothing usable was found.
        source: for example ``file name`` or ``none: no clock in the file name``; shown in every output.
        kind: where it was looked for. A ``recorder clock`` is stamped on the pictures themselves, so its
            readings follow the recorder's clock even where that is set; every other origin is one reading,
            and media time is counted on from it.
        rate: seconds of this clock in a second of media time; not 1 where a burnt-in clock was measured to run
            faster or slower than the recording is played.
    """

    at: datetime | None
    source: str
    kind: OriginKind = "file name"
    rate: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"rate: expected more than 0, got {self.rate}")

    def passed(self, seconds: Fraction) -> timedelta:
        """What this clock counts in so much media time, cut to the microsecond (OverflowError beyond time)."""
        return timedelta(microseconds=math.floor(seconds * self.rate * 1_000_000))

    def time_at(self, seconds: Fraction) -> datetime | None:
        """What the clock shows at a media time if it just runs on; None where unknown or beyond the calendar."""
        try:
            return None if self.at is None else self.at + self.passed(seconds)
        except OverflowError:
            return None


NO_CLOCK = ClockOrigin(None, "none: no clock in the file name")


@dataclass(frozen=True)
class ClockCheck:
    """A recorder's clock compared with the true time: both read at the same moment, when and by whom.

    Both times are local times without a zone, or both have one.
    """

    recorder_time: datetime
    true_time: datetime
    checked_on: date | None = None
    checked_by: str | None = None

    def __post_init__(self) -> None:
        if (self.recorder_time.tzinfo is None) != (self.true_time.tzinfo is None):
            raise ValueError("recorder_time and true_time: expected both with a zone or both without")

    @property
    def offset(self) -> timedelta:
        """True time less recorder time: what is added to the recorder's readings."""
        return self.true_time - self.recorder_time


@dataclass(frozen=True)
class WallClock:
    """The wall clock of an exhibit: an origin, and what is known about how right it is.

    Args:
        origin: the most trusted of those found; its ``at`` may be None.
        zone: the zone of the place. A naive origin is a local time in it; the adjusted times of an origin
            that has a zone of its own are shown in it.
        offset: true time less the recorder's; that of the check where there is one.
        check: the record of the check that the offset comes from.
        hints: the other origins that were found; see :func:`disagreement`.
    """

    origin: ClockOrigin
    zone: tzinfo | None = None
    offset: timedelta = timedelta(0)
    check: ClockCheck | None = None
    hints: tuple[ClockOrigin, ...] = ()

    def __post_init__(self) -> None:
        if self.check is None:
            return
        if self.offset not in (timedelta(0), self.check.offset):
            raise ValueError(f"offset: {self.offset} is not that of the check, {self.check.offset}")
        object.__setattr__(self, "offset", self.check.offset)

    @property
    def source(self) -> str:
        """How the origin is known; starts with ``none: `` where there is none."""
        return self.origin.source

    @property
    def status(self) -> str:
        """What is known about how right the clock is, in words for every output."""
        if self.origin.at is None:
            return "no clock"
        if self.check is None:
            return "clock offset given, no record of a check" if self.offset else "clock unverified"
        on = f" {self.check.checked_on:%Y-%m-%d}" if self.check.checked_on else ""
        by = f" by {self.check.checked_by}" if self.check.checked_by else ""
        return f"clock checked{on}{by}" if on and by else f"clock checked{on}{by}, record incomplete"

    @property
    def origins(self) -> tuple[ClockOrigin, ...]:
        """The origin in use and the hints: everything that was found."""
        return (self.origin, *self.hints)

    def original_at(self, seconds: Fraction) -> datetime | None:
        """What the recorder's clock showed at a media time, if it just ran on from the origin."""
        return self.origin.time_at(seconds)

    def adjusted_at(self, seconds: Fraction) -> datetime | None:
        """The true time at a media time as far as it is known: with the offset, aware where the zone is known.

        Counted in real seconds from the origin, through UTC, so that a change of the clocks does not shift
        it; of a ``recorder clock`` each reading is taken by itself. Where there are two readings it is
        the earlier one, and :meth:`note_at` names both. Its zone is a fixed offset: times can be compared.
        """
        readings = self.readings_at(seconds)
        return readings[0] if readings else None

    def readings_at(self, seconds: Fraction) -> tuple[datetime, ...]:
        """Every true time that a media time may be: none, one, or two where a local time occurs twice."""
        at, zone = self.origin.at, self.zone
        if at is None:
            return ()
        try:
            passed = self.origin.passed(seconds)
            if at.tzinfo is not None:
                return (_shown(at.astimezone(UTC) + self.offset + passed, zone or at.tzinfo),)
            if zone is None:
                return (at + self.offset + passed,)
            if self.origin.kind == "recorder clock":
                return local_readings(at + self.offset + passed, zone)
            starts = local_readings(at + self.offset, zone)
            return tuple(_shown(start.astimezone(UTC) + passed, zone) for start in starts)
        except OverflowError:
            return ()

    def note_at(self, seconds: Fraction) -> str | None:
        """What a person must know about the adjusted time of a moment: that its local time occurs twice, with
        both readings, or never; that the clocks changed since the recording's start. None if there is nothing.
        """
        readings = self.readings_at(seconds)
        if self.origin.at is None:
            return None
        if not readings:
            return "this moment lies outside the calendar: the recording's times are wrong, or its clock"
        if self.zone is None:
            return None
        return "; ".join(self._notes(seconds, readings, self.zone)) or None

    def _notes(self, seconds: Fraction, readings: tuple[datetime, ...], zone: tzinfo) -> Iterable[str]:
        at, shown, name = self.origin.at, readings[0], zone_name(zone)
        stamped = self.origin.kind == "recorder clock"
        either = " or ".join(iso_seconds(reading) for reading in readings)
        if at is not None and at.tzinfo is None:
            start = at + self.offset
            local = start + self.origin.passed(seconds) if stamped else start
            what = "the clock's reading" if stamped else "the recording's start"
            if len(readings) == 2:
                yield f"{what}, {iso_seconds(local)}, occurs twice in {name}: this is {either}"
                return
            if is_skipped(local, zone):
                never = f"{what}, {iso_seconds(local)}, never occurs in {name}"
                yield f"{never}: read as if that clock had not been put forward"
            began = local_readings(start, zone)[0]
            if not stamped and began.utcoffset() != shown.utcoffset():
                yield (
                    f"the clocks in {name} changed after the recording's start, from {_offset(began)} to "
                    f"{_offset(shown)}; the original is what a clock shows that ran on unchanged"
                )
        twice = local_readings(shown.replace(tzinfo=None), zone)
        if len(twice) == 2:
            which = "first" if twice[0].utcoffset() == shown.utcoffset() else "second"
            named = " and ".join(iso_seconds(reading) for reading in twice)
            yield f"this local time occurs twice in {name}, {named}: it is the {which}"


def choose_origin(
    candidates: Iterable[ClockOrigin],
    *,
    zone: tzinfo | None = None,
    offset: timedelta = timedelta(0),
    check: ClockCheck | None = None,
) -> WallClock:
    """A wall clock from all the origins that were found: the most trusted is used, the others become hints.

    Of several of one kind the first is used. If none has a time, the first that says why is the origin.
    """
    found = sorted(candidates, key=lambda origin: TRUST.index(origin.kind))
    timed = [origin for origin in found if origin.at is not None]
    used = timed or [origin for origin in found if origin != NO_CLOCK] or [NO_CLOCK]
    return WallClock(used[0], zone, offset, check, tuple(timed[1:]))


def disagreement(clock: WallClock) -> tuple[str, ...]:
    """A sentence for each hint that differs from the origin in use by more than 2 s, the difference named.

    A naive time is compared in the clock's zone; without one, by what the clocks show.
    """
    return tuple(text for hint in clock.hints if (text := _difference(clock, hint)))


def _difference(clock: WallClock, hint: ClockOrigin) -> str | None:
    used = clock.origin
    if used.at is None or hint.at is None:
        return None
    one, other = used.at, hint.at
    zones_known = clock.zone is not None or (one.tzinfo is None) == (other.tzinfo is None)
    if clock.zone is not None:
        one, other = (at if at.tzinfo else local_readings(at, clock.zone)[0] for at in (one, other))
    elif not zones_known:
        one, other = (at.replace(tzinfo=None) for at in (one, other))
    apart = other - one
    if abs(apart) <= _AGREEING:
        return None
    step = 2 * _QUARTER_HOUR if zones_known else _QUARTER_HOUR
    zone_like = abs(apart) <= _ZONES_SPAN and (abs(apart) + _AGREEING) % step <= 2 * _AGREEING
    why = "; a difference of time zone or daylight saving is likely" if zone_like else ""
    size = f"{abs(apart)}" if abs(apart).days else format_seconds(Fraction(abs(apart) / _SECOND))
    return (
        f"{hint.source} gives {iso_seconds(hint.at)}, {used.source} {iso_seconds(used.at)}: "
        f"{size} {'later' if apart > timedelta(0) else 'earlier'}{why}"
    )


def local_readings(local: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """The moments at which the clocks of a zone show a naive local time, the earlier first.

    Two where it occurs twice. A time that never occurs is read as if the clock had not been put forward yet.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    moments = [_shown(first.astimezone(UTC), zone)]
    if (first.utcoffset() or timedelta(0)) > (second.utcoffset() or timedelta(0)):
        moments.append(_shown(second.astimezone(UTC), zone))
    return tuple(moments)


def is_skipped(local: datetime, zone: tzinfo) -> bool:
    """Whether a naive local time never occurs in a zone, as its clocks were put forward past it."""
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    return before < after


def _shown(moment: datetime, zone: tzinfo) -> datetime:
    """In a zone's time with a fixed offset: Python compares times of one ZoneInfo by their digits alone."""
    there = moment.astimezone(zone)
    return there.replace(tzinfo=timezone(there.utcoffset() or timedelta(0)), fold=0)


def zone_name(zone: tzinfo) -> str:
    """A zone as a person gives it: ``Europe/London``, ``+01:00``."""
    key = getattr(zone, "key", None)
    return str(key) if key else _offset(datetime(2000, 1, 1, tzinfo=zone)).removeprefix("UTC") or "UTC"


def _offset(at: datetime) -> str:
    return f"UTC{at.isoformat()[len(at.replace(tzinfo=None).isoformat()) :]}"


def iso_seconds(at: datetime) -> str:
    """ISO 8601, with microseconds only where there are any."""
    return at.isoformat(timespec="auto")


def format_seconds(seconds: Fraction | float) -> str:
    """Media time for a person: ``0:07:03.480``."""
    sign = "-" if seconds < 0 else ""
    milliseconds = round(abs(Fraction(seconds)) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
