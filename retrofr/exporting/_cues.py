"""Cues of an exhibit, for the formats that players show over the footage: whole milliseconds, rounded outwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from retrofr.exporting._words import (
    clock_words,
    gap_words,
    one_line,
    span_words,
    title_of,
    worth_of,
)
from retrofr.exporting.material import Material, Place, not_whole
from retrofr.records import TimeRange
from retrofr.results import Appearance


@dataclass(frozen=True, eq=False)
class Cue:
    """Lines of text shown in [start, end) of an exhibit's media time.

    ``appearance`` or ``stretch`` is what it is of; ``name`` tells it from the exhibit's other cues.
    """

    name: str
    start: Fraction
    end: Fraction
    lines: tuple[str, ...]
    appearance: Appearance | None = None
    stretch: TimeRange | None = None

    @property
    def milliseconds(self) -> tuple[int, int]:
        """Start and end, the start no later and the end no earlier than they are."""
        start = math.floor(self.start * 1000)
        return start, max(start + 1, math.ceil(self.end * 1000))


def cues_of(material: Material, place: Place) -> list[Cue]:
    """The cues of one exhibit in the order of time: its appearances, and what of it was not searched."""
    streams = {s.stream for s in material.streams_of(place)} | {
        a.stream for a in material.appearances_in(place)
    }
    several = len(streams) > 1
    cues = [*_appearing(material, place, several=several), *_not_searched(material, place, several=several)]
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def stamp(milliseconds: int, point: str) -> str:
    """``00:00:12.500``, with the given decimal point; hours have more digits where they need them."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def heading(material: Material, place: Place) -> tuple[str, ...]:
    """What the file is of, a line each."""
    return (
        f"{material.software}, {one_line(material.title)}",
        f"exhibit {one_line(place[0])}, SHA-256 {place[1]}",
        "times count from the exhibit's first video frame",
    )


def _appearing(material: Material, place: Place, *, several: bool) -> Iterator[Cue]:
    for number, a in enumerate(material.appearances_in(place), start=1):
        kind = ("hit" if a.hit else "candidate") if a.compared else f"person-{a.person}"
        # The exhibit is what is being watched: its name would say nothing.
        camera = f"{one_line(a.camera)}, " if a.camera else ""
        stream = f"stream {a.stream}, " if several else ""
        lines = (f"{title_of(a)}: {worth_of(a)}", f"{camera}{stream}{clock_words(a)}")
        name = f"{kind}-{a.rank if a.compared else number}"
        yield Cue(name, a.start_seconds, a.end_seconds, lines, appearance=a)


def _not_searched(material: Material, place: Place, *, several: bool) -> Iterator[Cue]:
    for stream in material.streams_of(place):
        at = f"stream {stream.stream} " if several else ""
        for number, stretch in enumerate(not_whole(stream), start=1):
            start, end = stretch.start_seconds, stretch.end_seconds
            lines = (f"{at}{gap_words(stretch)}, {span_words(start, end)}",)
            yield Cue(f"coverage-{stream.stream}-{number}", start, end, lines, stretch=stretch)
