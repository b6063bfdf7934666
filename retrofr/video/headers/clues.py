"""Clocks that a container holds beside its pictures. Naive where no zone is stated; nothing is corrected here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from retrofr.clock import ClockOrigin
from retrofr.video._pyav import InputContainer, recorded_streams, time_base

_MICROSECONDS = 1_000_000
# Before digital recorders, and after any: clocks that were never set say 1904, 1970 or 2036.
_YEARS = range(1990, 2100)

# Tags that hold a time, the more telling ones first. QuickTime's own carries a zone; the others are UTC by
# their standards, and many recorders write local time into them all the same.
_TIME_TAGS = (
    ("com.apple.quicktime.creationdate", "creation date in the container (QuickTime)"),
    ("creation_time", "creation time in the container: a hint, as many recorders write local time as if UTC"),
    ("date", "date tag in the container: a hint"),
)


def container_origins(container: InputContainer) -> tuple[ClockOrigin, ...]:
    """Every clock found in the container, the most trusted first; the same time is given once."""
    origins = [*_recorder_clock(container), *_tagged(container)]
    return tuple(origin for n, origin in enumerate(origins) if origin.at not in [o.at for o in origins[:n]])


def _recorder_clock(container: InputContainer) -> Iterator[ClockOrigin]:
    if container.format.name != "dhav":
        return
    starts = [
        stream.start_time * time_base(stream)
        for stream in recorded_streams(container)
        if stream.start_time is not None
    ]
    if starts and min(starts) > 0:
        # The recorder writes its local time; the demuxer counts it as if it were UTC.
        at = datetime(1970, 1, 1) + timedelta(microseconds=round(min(starts) * _MICROSECONDS))
        yield ClockOrigin(at, "recorder clock in the container (DHAV)", "recorder clock")


def _tagged(container: InputContainer) -> Iterator[ClockOrigin]:
    sources: list[Mapping[str, str]] = [container.metadata]
    sources += [stream.metadata for stream in recorded_streams(container)]
    for tag, source in _TIME_TAGS:
        for tags in sources:
            text = next((value for name, value in tags.items() if name.lower() == tag), "")
            at = _time_in(text)
            if at is not None:
                yield ClockOrigin(at, source, "creation time")


def _time_in(text: str) -> datetime | None:
    """A time of day with its date; a bare date is none."""
    text = text.strip("\0 ")
    try:
        at = datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None
    return at if at is not None and at.year in _YEARS else None
