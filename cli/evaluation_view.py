"""A report of sections on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .coverage import Row
from .render import GUTTER, print_rows

if TYPE_CHECKING:
    from retrofr.evaluation.page import Grid, Section


def print_sections(console: Console, sections: Sequence[Section], written: str | None = None) -> None:
    """Print a report."""
    for section in sections:
        console.print()
        console.print(Text(section.title, style="bold"))
        for text in section.texts:
            console.print(Text(text))
        for grid in section.grids:
            console.print(_table(grid))
        if section.lines:
            print_rows(console, [Row(line.label, line.text, warns=line.warns) for line in section.lines])
    if written is not None:
        console.print()
        print_rows(console, [Row("written", written)])


def _table(grid: Grid) -> Table:
    table = Table(
        box=None, padding=(0, GUTTER, 0, 0), pad_edge=False, header_style="dim", title_justify="left"
    )
    for number, title in enumerate(grid.columns):
        table.add_column(title, justify="left" if number == 0 else "right", overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
