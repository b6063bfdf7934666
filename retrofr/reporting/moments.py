"""Times as a report shows them: media time, the recorder's wall clock, and the adjusted one with its status."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from retrofr.clock import format_seconds
from retrofr.results import Appearance

CLOCKLESS = "wall clock unknown"


def media_time(appearance: Appearance) -> str:
    """``0:00:12.500 – 0:00:17.000``; how it is known where that is not the recording's own time stamps."""
    times = f"{format_seconds(appearance.start_seconds)} – {format_seconds(appearance.end_seconds)}"
    return times if appearance.time_source == "pts" else f"{times} ({appearance.time_source})"


def adjusted(appearance: Appearance) -> str:
    """The true time as far as it is known, with what is known of it."""
    shown = interval(appearance.start_time_adjusted, appearance.end_time_adjusted)
    if shown is None:
        return CLOCKLESS
    return f"{shown} ({', '.join(_status(appearance))})"


def recorder(appearance: Appearance) -> str:
    """What the recorder's clock showed."""
    shown = interval(appearance.start_time, appearance.end_time)
    return f"{CLOCKLESS}: {appearance.clock_source.removeprefix('none: ')}" if shown is None else shown


def interval(start_iso: str | None, end_iso: str | None) -> str | None:
    """``2024-01-14 22:58:24 – 22:58:29``: the start cut and the end rounded up to seconds; None where unknown."""
    if start_iso is None or end_iso is None:
        return None
    start, end = datetime.fromisoformat(start_iso), datetime.fromisoformat(end_iso)
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    last = end.strftime("%H:%M:%S" if start.date() == end.date() else "%Y-%m-%d %H:%M:%S")
    changed = start.utcoffset() != end.utcoffset()
    zone = start.strftime("%z") if changed else ""
    return f"{start:%Y-%m-%d %H:%M:%S}{zone} – {last}{end:%z}"


def length(seconds: Fraction) -> str:
    """Media time to the second: ``1:02:03``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _status(appearance: Appearance) -> list[str]:
    told = [appearance.clock_status]
    if appearance.clock_offset_seconds:
        sign = "" if appearance.clock_offset_seconds < 0 else "+"
        told.append(f"adjusted by {sign}{format_seconds(appearance.clock_offset_seconds)}")
    return told
