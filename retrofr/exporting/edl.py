"""CMX 3600 edit decision lists: one for each exhibit, its appearances one behind the other.

Source times count frames from the exhibit's first one, at 00:00:00:00. They are whole frames, rounded outwards; a
comment of each event has the exact times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from retrofr.exporting._timecode import DAY_SECONDS, OTHERWISE, Timecode, timecode_for
from retrofr.exporting._words import (
    clock_words,
    counted,
    file_names,
    named_few,
    one_line,
    title_of,
    where,
    worth_of,
)
from retrofr.exporting.material import Material, Options, Place
from retrofr.exporting.outputs import Output
from retrofr.results import LEADS_ONLY, Appearance

MOST_EVENTS = 999
"""Events have three digits."""

REEL_LETTERS = 8
EXACT = "EXACT SECONDS"
"""How the comment with exact times begins."""


def export(material: Material, options: Options, output: Output) -> Iterator[str]:  # noqa: ARG001  as all
    """A folder: a list for each exhibit in which somebody appears, called like it; several for over 999 events."""
    beyond, empty, uncounted = 0, 0, []
    for place, name in file_names(material.places, ".edl").items():
        found = material.appearances_in(place)
        streams = sorted({a.stream for a in found})
        empty += not found
        for stream in streams:
            rate = _rate(material, place, stream)
            counting = timecode_for(rate)
            if counting is None:
                uncounted.append(f"{place[0]} ({'unknown' if rate is None else f'{float(rate):g} frames/s'})")
            all_events = [a for a in found if a.stream == stream]
            events = [a for a in all_events if a.end_seconds < DAY_SECONDS - 1]
            beyond += len(all_events) - len(events)
            ending = f"-stream{stream}.edl" if len(streams) > 1 else ".edl"
            for part, chunk in enumerate(_chunks(events, counting or OTHERWISE), start=1):
                more = f"-{part}" if part > 1 else ""
                text = _list(material, place, chunk, counting or OTHERWISE)
                output.write(name.removesuffix(".edl") + more + ending, text.encode())
    if empty:
        yield f"{counted(empty, 'exhibit')} without an appearance, which have no file"
    if beyond:
        yield f"{counted(beyond, 'appearance')} after 24 hours of a recording, which timecode does not reach"
    if uncounted:
        yield f"the frames of {named_few(uncounted)}, which timecode cannot count: times are at 25 frames/s"


def _rate(material: Material, place: Place, stream: int) -> Fraction | None:
    exhibit = material.exhibits.get(place[1])
    streams = () if exhibit is None else exhibit.streams
    return next((s.average_rate for s in streams if s.index == stream), None)


def _chunks(events: Sequence[Appearance], counting: Timecode) -> Iterator[list[Appearance]]:
    """Events for one list each: no more than it can number, and no longer together than timecode counts."""
    chunk: list[Appearance] = []
    length = Fraction(0)
    for event in events:
        seconds = (counting.after(event.end_seconds) - counting.first(event.start_seconds)) / counting.rate
        if chunk and (len(chunk) == MOST_EVENTS or length + seconds >= DAY_SECONDS - 1):
            yield chunk
            chunk, length = [], Fraction(0)
        chunk.append(event)
        length += seconds
    if chunk:
        yield chunk


def _list(material: Material, place: Place, events: Sequence[Appearance], counting: Timecode) -> str:
    name = one_line(place[0])
    reel = re.sub(r"[^A-Z0-9]", "", name.rpartition("/")[2].upper())[:REEL_LETTERS] or "AX"
    lines = [f"TITLE: {one_line(material.title)}", f"FCM: {'' if counting.drop else 'NON-'}DROP FRAME"]
    # Readers take comments for those of the event before them, and none in front of the first.
    about = [
        f"* COMMENT: {LEADS_ONLY}",
        f"* COMMENT: {material.software}, SHA-256 {place[1]}, {counting.rate} frames/s",
    ]
    at = 0
    for number, event in enumerate(events, start=1):
        start, end = counting.first(event.start_seconds), counting.after(event.end_seconds)
        times = [counting.text(frame) for frame in (start, end, at, at + end - start)]
        at += end - start
        lines += [
            f"{number:03}  {reel:<{REEL_LETTERS}} V     C        {' '.join(times)}",
            f"* FROM CLIP NAME: {name}",
            f"* COMMENT: {title_of(event)}: {worth_of(event)}, {where(event)}, {clock_words(event)}",
            f"* COMMENT: {EXACT} {event.start_seconds} TO {event.end_seconds}",
            *about,
        ]
        about = []
    return "\n".join(lines) + "\n"
