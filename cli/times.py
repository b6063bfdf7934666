"""The times of appearances for a person: cells of a table, and the notes below it that say how they are known."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from retrofr.clock import format_seconds
from retrofr.results import Appearance

from .text import enumerated, shown

ASSUMED = "~"
UNVERIFIED = "?"
OFFSET = "±"
MOST_NAMES = 3


def media_time(appearance: Appearance) -> str:
    """``0:00:12.500 – 0:00:17.000``, with a mark where the times are not those of the recording itself."""
    mark = "" if appearance.time_source == "pts" else ASSUMED
    start, end = format_seconds(appearance.start_seconds), format_seconds(appearance.end_seconds)
    return f"{mark}{start} – {mark}{end}"


def wall_clock(appearance: Appearance) -> str:
    """The adjusted time, marked where it is unverified or was offset; below it the recorder's, if it differs."""
    original = _interval(appearance.start_time, appearance.end_time)
    adjusted = _interval(appearance.start_time_adjusted, appearance.end_time_adjusted) or original
    if original is None or adjusted is None:
        return "wall clock unknown"
    mark = _mark(appearance)
    first = f"{adjusted} {mark}".rstrip()
    # A zone that is known of a clock that needs no correction makes no second time of it.
    return first if adjusted.startswith(original) else f"{first}\nrecorder: {original}"


def time_notes(appearances: Sequence[Appearance]) -> list[str]:
    """Where the times come from and what is known about them; one line where it is the same for all."""
    clocks: dict[Hashable, list[Appearance]] = {}
    for a in appearances:
        clocks.setdefault((a.clock_source, a.clock_status, a.clock_offset_seconds), []).append(a)
    notes = []
    for group in clocks.values():
        whose = "" if len(clocks) == 1 else f" ({_exhibits(group)})"
        notes.append(f"{_clock(group[0])}{whose}")
    notes += [f"{_ranks(group)}: {shown(note)}" for note, group in _by_clock_note(appearances).items()]
    assumed: dict[str, list[Appearance]] = {}
    for a in appearances:
        if a.time_source != "pts":
            assumed.setdefault(a.time_source, []).append(a)
    return notes + [
        f"{ASSUMED} media time: {shown(source)} ({_exhibits(group)})" for source, group in assumed.items()
    ]


def _clock(appearance: Appearance) -> str:
    text = f"wall clock: {shown(appearance.clock_source)}"
    if appearance.start_time is None:
        return text
    if appearance.clock_offset_seconds:
        text += f", adjusted by {signed(appearance.clock_offset_seconds)}"
    return f"{_mark(appearance)} {text}; {shown(appearance.clock_status)}".lstrip()


def signed(seconds: Fraction) -> str:
    """A difference of clocks: ``+0:07:03.000``."""
    return format_seconds(seconds) if seconds < 0 else f"+{format_seconds(seconds)}"


def _mark(appearance: Appearance) -> str:
    if appearance.clock_offset_seconds:
        return OFFSET
    return UNVERIFIED if appearance.clock_status == "clock unverified" else ""


def _interval(start_iso: str | None, end_iso: str | None) -> str | None:
    """To the second, the start cut and the end rounded up: what is shown holds the whole appearance."""
    if start_iso is None or end_iso is None:
        return None
    start, end = datetime.fromisoformat(start_iso), datetime.fromisoformat(end_iso)
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    first = start.strftime("%Y-%m-%d %H:%M:%S")
    last = end.strftime("%H:%M:%S" if start.date() == end.date() else "%Y-%m-%d %H:%M:%S")
    changed = start.utcoffset() != end.utcoffset()
    return f"{first}{start.strftime('%z') if changed else ''} – {last}{end.strftime('%z')}"


def _by_clock_note(appearances: Sequence[Appearance]) -> dict[str, list[Appearance]]:
    groups: dict[str, list[Appearance]] = {}
    for a in appearances:
        if a.clock_note is not None:
            groups.setdefault(a.clock_note, []).append(a)
    return groups


def _ranks(appearances: Sequence[Appearance]) -> str:
    return enumerated([f"#{a.rank}" for a in appearances], 2 * MOST_NAMES)


def _exhibits(appearances: Sequence[Appearance]) -> str:
    return enumerated(dict.fromkeys(shown(a.exhibit) for a in appearances), MOST_NAMES)
