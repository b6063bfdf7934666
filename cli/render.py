"""A search result for a person: hits, then what lies below the threshold, then what was and was not searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.results import LEADS_ONLY, Appearance, SearchResult

from .coverage import Row, coverage_rows
from .oversight_view import authority_line
from .statement_view import evidence_cell, evidence_notes, statement_rows
from .text import counted, enumerated, shown
from .times import media_time, time_notes, wall_clock

GUTTER = 2
DAMAGE = "!"
LLR = "log10 LR"


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
    """Print what is known of the search's errors, what was searched and what was not, and on what terms."""
    print_rows(console, [*statement_rows(result), Row("", ""), *coverage_rows(result, written)])
    console.print()
    console.print(Text(authority_line(result.run)))
    console.print(Text(LEADS_ONLY, style="italic"))


def print_rows(console: Console, rows: Iterable[Row]) -> None:
    """Print labelled sentences."""
    grid = Table.grid(padding=(0, GUTTER, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for row in rows:
        style = "yellow" if row.warns else "dim" if row.aside else ""
        grid.add_row(row.label, Text(row.text, style=style))
    console.print(grid)


def _print_no_hits(console: Console, result: SearchResult) -> None:
    found = {hit.probe for hit in result.hits}
    missing = [shown(probe.name) for probe in result.probes if probe.name not in found]
    if not missing:
        return
    names = enumerated(missing, 12)
    if not any(stream.frames for stream in result.coverage.streams):
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
    for note in time_notes(appearances):
        console.print(Text(note, style="dim"))
    for note in evidence_notes(appearances):
        console.print(Text(note, style="dim"))
    for warning in _warnings(appearances):
        console.print(Text(warning, style="yellow"))
    console.print()


def _wide(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """Media time and wall clock side by side, one line each."""
    clock = any(a.start_time for a in appearances)
    table = _table(appearances, "exhibit", "media time", *(["wall clock"] if clock else []))
    for a in appearances:
        places = [_exhibit(a, several), media_time(a), *([wall_clock(a)] if clock else [])]
        _add(table, a, *places)
    return table


def _narrow(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The wall clock below the media time."""
    clock = any(a.start_time for a in appearances)
    table = _table(appearances, "exhibit", "media time / wall clock" if clock else "media time")
    for a in appearances:
        _add(table, a, _exhibit(a, several), _times(a, clock=clock))
    return table


def _stacked(appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The times below the exhibit, where its name is too long to stand beside them."""
    clock = any(a.start_time for a in appearances)
    table = _table(appearances, "exhibit / media time / wall clock" if clock else "exhibit / media time")
    for a in appearances:
        _add(table, a, Text(f"{_exhibit(a, several)}\n").append_text(_times(a, clock=clock)))
    return table


def _fitting(console: Console, appearances: Sequence[Appearance], several: set[str]) -> Table:
    """The most compact layout in which no name is broken."""
    tables = [layout(appearances, several) for layout in (_wide, _narrow, _stacked)]
    endless = console.options.update(width=10_000)
    fitting = (t for t in tables if console.measure(t, options=endless).maximum <= console.width)
    return next(fitting, tables[-1])


def _table(appearances: Sequence[Appearance], *place_columns: str) -> Table:
    table = Table(box=None, padding=(0, GUTTER, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("probe", overflow="fold")
    if any(a.person is not None for a in appearances):
        table.add_column("person", justify="right", no_wrap=True)
    for title in place_columns:
        table.add_column(title, overflow="fold")
    table.add_column("score", justify="right", no_wrap=True, style="bold")
    if any(a.evidence is not None and a.evidence.llr is not None for a in appearances):
        table.add_column(LLR, justify="right", no_wrap=True)
    table.add_column("faces", justify="right", no_wrap=True)
    return table


def _add(table: Table, appearance: Appearance, *places: str | Text) -> None:
    cells = [Text(place) if isinstance(place, str) else place for place in places]
    mark = DAMAGE if appearance.faces_suspect else ""
    rank, faces = Text(str(appearance.rank)), Text(f"{appearance.faces:,}{mark}")
    headers = {column.header for column in table.columns}
    if "person" in headers:
        cells.insert(0, Text("–" if appearance.person is None else str(appearance.person)))
    cells.append(Text(f"{appearance.score:.3f}"))
    if LLR in headers:
        cells.append(Text(evidence_cell(appearance.evidence)))
    table.add_row(rank, Text(shown(appearance.probe)), *cells, faces)


def _times(appearance: Appearance, *, clock: bool) -> Text:
    times = Text(media_time(appearance))
    return times.append(f"\n{wall_clock(appearance)}", style="dim") if clock else times


def _exhibit(appearance: Appearance, several: set[str]) -> str:
    name = shown(appearance.exhibit)
    if appearance.exhibit_sha256 in several:
        name += f", stream {appearance.stream}"
    if appearance.camera is not None:
        name += f" [{shown(appearance.camera)}]"
    return f"{name} ALTERED" if appearance.exhibit_changed else name


def _warnings(appearances: Sequence[Appearance]) -> list[str]:
    """What casts doubt on single appearances."""
    warnings = []
    if damaged := [a for a in appearances if a.faces_suspect]:
        ranks = enumerated(
            [f"#{a.rank}{' (the best face too)' if a.best_suspect else ''}" for a in damaged], 12
        )
        warnings.append(f"{DAMAGE} damage was reported in pictures that were compared: {ranks}")
    if changed := [f"#{a.rank}" for a in appearances if a.exhibit_changed]:
        warnings.append(f"ALTERED: the file changed while it was searched: {enumerated(changed, 12)}")
    return warnings
