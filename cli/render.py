"""A search result for a person: hits, then what lies below the threshold, then what was and was not searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.clock import format_seconds
from retrofr.results import LEADS_ONLY, Appearance, SearchResult

from .coverage import coverage_rows
from .text import counted, enumerated, shown

GUTTER = 2


def print_result(console: Console, result: SearchResult, written: str | None = None) -> None:
    """Print everything a search found and looked at.

    Args:
        console: where to.
        result: what to print.
        written: what was written to the output folder, for the last row; None where nothing was.
    """
    console.print()
    if result.hits:
        heading = f"{counted(len(result.hits), 'hit')}, scoring {result.threshold:.3f} or more"
        _print_section(console, heading, result.hits, result, style="bold")
    _print_no_hits(console, result)
    if result.candidates:
        number = counted(len(result.candidates), "candidate")
        heading = f"Below the threshold: {number}, no hits, listed because of --top"
        _print_section(console, heading, result.candidates, result, style="dim")
    print_coverage(console, result, written)


def print_coverage(console: Console, result: SearchResult, written: str | None = None) -> None:
    """Print what was searched, what was not, and on what terms."""
    grid = Table.grid(padding=(0, GUTTER, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for row in coverage_rows(result, written):
        style = "yellow" if row.warns else "dim" if row.aside else ""
        grid.add_row(row.label, Text(row.text, style=style))
    console.print(grid)
    console.print()
    console.print(Text(LEADS_ONLY, style="italic"))


def _print_no_hits(console: Console, result: SearchResult) -> None:
    found = {hit.probe for hit in result.hits}
    missing = [shown(probe.name) for probe in result.probes if probe.name not in found]
    if not missing:
        return
    names = enumerated(missing, 12)
    if not result.coverage.streams:
        reason = "Nothing could be searched."
    elif not result.compared:
        reason = "No face was found that could be compared."
    else:
        reason = f"No face in what was searched scores {result.threshold:.3f} or more."
    console.print(Text.assemble((f"No hit for {names}.", "bold"), f" {reason}"))
    console.print()


def _print_section(
    console: Console, heading: str, appearances: Sequence[Appearance], result: SearchResult, style: str
) -> None:
    console.print(Text(heading, style=style))
    streams = Counter(stream.exhibit_sha256 for stream in result.coverage.streams)
    several = {digest for digest, number in streams.items() if number > 1}
    console.print(_fitting(console, appearances, several))
    for note in _time_notes(appearances):
        console.print(Text(note, style="dim"))
    console.print()


def _wide(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """Media time and wall clock side by side, one line each."""
    clock = any(a.start_time for a in appearances)
    table = _table("exhibit", "media time", *(["wall clock"] if clock else []))
    for a in appearances:
        places = [_exhibit(a, several), _media_time(a), *([_wall_clock(a)] if clock else [])]
        _add(table, a, *places)
    return table


def _narrow(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The wall clock below the media time."""
    clock = any(a.start_time for a in appearances)
    table = _table("exhibit", "media time / wall clock" if clock else "media time")
    for a in appearances:
        _add(table, a, _exhibit(a, several), _times(a, clock=clock))
    return table


def _stacked(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The times below the exhibit, where its name is too long to stand beside them."""
    clock = any(a.start_time for a in appearances)
    table = _table("exhibit / media time / wall clock" if clock else "exhibit / media time")
    for a in appearances:
        _add(table, a, Text(f"{_exhibit(a, several)}\n").append_text(_times(a, clock=clock)))
    return table


def _fitting(console: Console, appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The most compact layout in which no name is broken."""
    tables = [layout(appearances, several) for layout in (_wide, _narrow, _stacked)]
    endless = console.options.update(width=10_000)
    fitting = (t for t in tables if console.measure(t, options=endless).maximum <= console.width)
    return next(fitting, tables[-1])


def _table(*place_columns: str) -> Table:
    table = Table(box=None, padding=(0, GUTTER, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("probe", overflow="fold")
    for title in place_columns:
        table.add_column(title, overflow="fold")
    table.add_column("score", justify="right", no_wrap=True, style="bold")
    table.add_column("faces", justify="right", no_wrap=True)
    return table


def _add(table: Table, appearance: Appearance, *places: str | Text) -> None:
    cells = [Text(place) if isinstance(place, str) else place for place in places]
    rank, faces = Text(str(appearance.rank)), Text(f"{appearance.faces:,}")
    table.add_row(rank, Text(shown(appearance.probe)), *cells, Text(f"{appearance.score:.3f}"), faces)


def _times(appearance: Appearance, *, clock: bool) -> Text:
    times = Text(_media_time(appearance))
    return times.append(f"\n{_wall_clock(appearance)}", style="dim") if clock else times


def _exhibit(appearance: Appearance, several: set[str]) -> str:
    name = shown(appearance.exhibit)
    return f"{name}, stream {appearance.stream}" if appearance.exhibit_sha256 in several else name


def _media_time(appearance: Appearance) -> str:
    mark = "" if appearance.time_source == "pts" else "~"
    start, end = format_seconds(appearance.start_seconds), format_seconds(appearance.end_seconds)
    return f"{mark}{start} – {mark}{end}"


def _wall_clock(appearance: Appearance) -> str:
    """To the second, the start cut and the end rounded up: the interval shown holds the whole appearance."""
    if appearance.start_time is None or appearance.end_time is None:
        return "wall clock unknown"
    start, end = (datetime.fromisoformat(t) for t in (appearance.start_time, appearance.end_time))
    if end.microsecond:
        end = datetime.fromtimestamp(end.timestamp() // 1 + 1, end.tzinfo)
    first = start.strftime("%Y-%m-%d %H:%M:%S")
    last = end.strftime("%H:%M:%S" if start.date() == end.date() else "%Y-%m-%d %H:%M:%S")
    return f"{first} – {last}{end.strftime('%z')}"


def _time_notes(appearances: Sequence[Appearance]) -> list[str]:
    """Where the times come from; one line where all come from the same place."""
    notes = []
    clocks = _exhibits_by(appearances, "clock_source")
    for source, exhibits in clocks.items():
        whose = "" if len(clocks) == 1 else f" ({enumerated(exhibits, 3)})"
        notes.append(f"wall clock: {shown(source)}{whose}")
    for source, exhibits in _exhibits_by(appearances, "time_source").items():
        if source != "pts":
            notes.append(f"~ media time: {shown(source)} ({enumerated(exhibits, 3)})")
    return notes


def _exhibits_by(appearances: Sequence[Appearance], attribute: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for appearance in appearances:
        names = groups.setdefault(getattr(appearance, attribute), [])
        if (name := shown(appearance.exhibit)) not in names:
            names.append(name)
    return groups
