"""Which part of the footage is searched: a time window, cameras, streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from fnmatch import fnmatchcase
from fractions import Fraction

from retrofr.clock import WallClock, format_seconds, iso_seconds
from retrofr.errors import ExhibitError, UsageError
from retrofr.given import parse_day, parse_stamp

Bound = Fraction | datetime | None
MediaWindow = tuple[Fraction | None, Fraction | None]
_SECONDS = re.compile(r"(-?)(\d+(?:\.\d{1,9})?)s?")
_CLOCK = re.compile(r"(-?)(?:(\d+):)?(\d{1,2}):(\d\d(?:\.\d{1,9})?)")
_LONG_MINUTES = re.compile(r"(-?)()(\d{3,}):(\d\d(?:\.\d{1,9})?)")
_LONGEST_MEDIA = 100 * 86_400  # a date without its hyphens must not pass for seconds
_NEIGHBOURHOOD = timedelta(hours=50)  # zones differ from UTC by up to 15 h, and change by up to 24 h
_HINT = "media time like 90, 1:30 or 0:01:30.5; wall-clock time like 2024-03-30T17:11"


@dataclass(frozen=True)
class TimeWindow:
    """From a time to a time, the first included, the last not; None is open.

    Args:
        start, end: both in seconds of media time, or both wall-clock times. Those are *adjusted* times;
            without a zone of their own they are read in the zone in which the exhibit's adjusted times are.
    """

    start: Bound = None
    end: Bound = None

    @classmethod
    def parse(cls, start: str | None, end: str | None) -> TimeWindow:
        """Read ``--from`` and ``--to``.

        Media time is ``90``, ``90s``, ``1:30`` or ``0:01:30.5``. Wall-clock time is
        ``2024-03-30T17:11``, with seconds and zone if wanted; of a date alone the whole day is meant. A time
        without a date is media time, but beside a wall-clock time it is a time of the same day.

        Raises:
            UsageError: not a time; one is media time and the other is not; the end is not after the start.
        """
        texts = {"--from": start, "--to": end}
        dated = [text[:10] for text in texts.values() if text is not None and _is_dated(text)]
        bounds = {
            flag: None if text is None else _parse_bound(text, flag, dated[0] if dated else None)
            for flag, text in texts.items()
        }
        window = cls(bounds["--from"], bounds["--to"])
        if window._is_empty():
            raise UsageError(f"{end} is not after --from {start}", subject="--to")
        return window

    @property
    def is_wall_clock(self) -> bool:
        return isinstance(self.start, datetime) or isinstance(self.end, datetime)

    @property
    def is_open(self) -> bool:
        """Whether everything is inside."""
        return self.start is None and self.end is None

    def __str__(self) -> str:
        kind = "wall-clock" if self.is_wall_clock else "media"
        named = [
            f"{word} {_named(at)}" for word, at in (("from", self.start), ("to", self.end)) if at is not None
        ]
        return f"{kind} time {' '.join(named)}" if named else "all of it"

    def media_windows(self, clock: WallClock, subject: str | None = None) -> tuple[MediaWindow, ...]:
        """The media times at which the exhibit's adjusted time is inside the window, in exact seconds.

        Several where an hour occurs twice; a moment that may be inside, as its clock has two readings, is
        inside. Never empty: where no moment is inside there is one window without length.

        Raises:
            ExhibitError: the window is in wall-clock time, and the exhibit's clock or its zone is not known.
        """
        if not isinstance(self.start, datetime) and not isinstance(self.end, datetime):
            return ((self.start, self.end),)
        self._refuse_unknown_clock(clock, subject)
        edges = sorted(set(self._edges(clock)))
        inside = [any(self._holds(reading) for reading in clock.readings_at(edge)) for edge in edges]
        windows: list[MediaWindow] = [(None, None)] if self.start is None else []
        taken = self.start is None
        for edge, now in zip(edges, inside, strict=True):
            if now and not taken:
                windows.append((edge, None))
            elif taken and not now:
                windows[-1] = (windows[-1][0], edge)
            taken = now
        return tuple(windows) or ((Fraction(0), Fraction(0)),)

    def _refuse_unknown_clock(self, clock: WallClock, subject: str | None) -> None:
        at = clock.origin.at
        if at is None:
            raise ExhibitError(
                f"the time window is wall-clock time, and this recording has no wall clock ({clock.source})",
                subject=subject,
                hint="give its start with --start, or in a sidecar with --sidecar",
            )
        bounds = [bound for bound in (self.start, self.end) if isinstance(bound, datetime)]
        if at.tzinfo is None and clock.zone is None and any(bound.tzinfo is not None for bound in bounds):
            raise ExhibitError(
                "the time window has a time zone, and the zone of this recording's clock is not known",
                subject=subject,
                hint="give it with --timezone, or leave the zone out of --from and --to",
            )

    def _is_empty(self) -> bool:
        start, end = self.start, self.end
        if isinstance(start, Fraction) and isinstance(end, Fraction):
            return end <= start
        if isinstance(start, datetime) and isinstance(end, datetime):
            if (start.tzinfo is None) != (end.tzinfo is None):
                raise UsageError(
                    "one of the two has a time zone and the other has not", subject="--from and --to"
                )
            return end <= start
        if start is not None and end is not None:
            raise UsageError(
                "one is media time and the other is wall-clock time", subject="--from and --to", hint=_HINT
            )
        return False

    def _holds(self, reading: datetime) -> bool:
        def shown_for(bound: datetime) -> datetime:
            return reading if bound.tzinfo is not None else reading.replace(tzinfo=None)

        late = not isinstance(self.start, datetime) or shown_for(self.start) >= self.start
        return late and (not isinstance(self.end, datetime) or shown_for(self.end) < self.end)

    def _edges(self, clock: WallClock) -> Iterator[Fraction]:
        """Media times between which being inside cannot change: it is only found out at each of them."""
        origin = clock.origin
        if origin.at is None:
            return
        for bound in (self.start, self.end):
            if isinstance(bound, datetime):
                for passed in _passed(bound, clock, origin.at):
                    yield Fraction(passed // timedelta(microseconds=1), 1_000_000) / origin.rate


def _passed(bound: datetime, clock: WallClock, at: datetime) -> Iterator[timedelta]:
    """What the clock may have counted since its origin when it crosses a bound, or its zone changes near it."""
    zone = clock.zone or at.tzinfo
    if zone is None:
        yield bound - (at + clock.offset)
        return
    instants, offsets = _instants(bound, zone)
    if at.tzinfo is None and _is_stamped(clock):
        local = (at + clock.offset).replace(tzinfo=UTC)
        yield from (instant + offset - local for instant in instants for offset in offsets)
        return
    for base in clock.readings_at(Fraction(0)):
        yield from (instant - base for instant in instants)


def _is_stamped(clock: WallClock) -> bool:
    """Whether each picture carries the recorder's clock, so that every reading stands by itself."""
    return clock.origin.kind == "recorder clock"


def _instants(bound: datetime, zone: tzinfo) -> tuple[list[datetime], set[timedelta]]:
    """The moments that a bound may mean and the changes of the zone around it; the zone's offsets there."""
    middle = bound.astimezone(UTC) if bound.tzinfo is not None else bound.replace(tzinfo=UTC)
    hours = [
        middle - _NEIGHBOURHOOD + timedelta(hours=n) for n in range(2 * _NEIGHBOURHOOD // timedelta(hours=1))
    ]
    shown = [_offset(hour, zone) for hour in hours]
    changes = [
        _change(hours[n], hours[n + 1], zone) for n in range(len(hours) - 1) if shown[n] != shown[n + 1]
    ]
    offsets = set(shown)
    meant = [middle] if bound.tzinfo is not None else [middle - offset for offset in offsets]
    return [*meant, *changes], offsets


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first second at which the zone's offset is another than before."""
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _is_dated(text: str) -> bool:
    return re.match(r"\s*\d{4}-", text) is not None


def _parse_bound(text: str, flag: str, day: str | None) -> Fraction | datetime:
    text = text.strip()
    if _is_dated(text):
        if len(text) > 10:
            return parse_stamp(text, flag, seconds=False)
        midnight = datetime.combine(parse_day(text, flag), time())
        return midnight + timedelta(days=1) if flag == "--to" else midnight
    if day is not None and re.fullmatch(r"\d\d?:\d\d(:\d\d(\.\d{1,6})?)?", text):
        return parse_stamp(f"{day}T{'0' if text[1] == ':' else ''}{text}", flag, seconds=False)
    return _parse_media(text, flag)


def _parse_media(text: str, flag: str) -> Fraction:
    seconds, clock = _SECONDS.fullmatch(text), _CLOCK.fullmatch(text) or _LONG_MINUTES.fullmatch(text)
    if seconds is not None:
        sign, value = seconds[1], Fraction(seconds[2])
    elif clock is not None and Fraction(clock[4]) < 60 and (not clock[2] or int(clock[3]) < 60):
        sign, value = clock[1], 3600 * int(clock[2] or 0) + 60 * int(clock[3]) + Fraction(clock[4])
    else:
        raise UsageError(f"expected a time, got {text!r}", subject=flag, hint=_HINT)
    if value > _LONGEST_MEDIA:
        raise UsageError(f"{text} is more than 100 days of media time", subject=flag, hint=_HINT)
    return -value if sign else value


def _named(bound: Fraction | datetime) -> str:
    return iso_seconds(bound) if isinstance(bound, datetime) else format_seconds(bound)


@dataclass(frozen=True)
class Selection:
    """What of the footage is searched.

    Args:
        window: the part of the time.
        cameras: names or patterns (``*``, ``?``) of cameras, upper and lower case alike; empty for all.
        streams: numbers of streams inside a file; empty for all video streams.
    """

    window: TimeWindow = field(default_factory=TimeWindow)
    cameras: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether everything is meant."""
        return self.window.is_open and not (self.cameras or self.streams)

    def why_not_camera(self, camera: str | None) -> str | None:
        """Why a recording of this camera is left out; None if it is searched."""
        if not self.cameras or (camera is not None and any(_fits(name, camera) for name in self.cameras)):
            return None
        wanted = " or ".join(self.cameras)
        if camera is None:
            return f"its camera is not known, and {wanted} was asked for (--camera)"
        return f"it is of camera {camera}, and {wanted} was asked for (--camera)"

    def why_not_exhibit(self, name: str, sha256: str | None = None) -> str | None:  # noqa: ARG002
        """Why a recording is left out by its name or digest; None if it is searched, or its digest decides."""
        return None

    def takes_stream(self, index: int) -> bool:
        """Whether the stream of this number is searched."""
        return not self.streams or index in self.streams

    def unused_cameras(self, cameras: Iterable[str | None]) -> list[str]:
        """Those asked for that no recording is of; a mistyped name must not pass for a camera without faces."""
        known = [camera for camera in cameras if camera is not None]
        return [name for name in self.cameras if not any(_fits(name, camera) for camera in known)]


def _fits(name: str, camera: str) -> bool:
    return fnmatchcase(camera.casefold(), name.casefold())
