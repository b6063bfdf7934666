"""What an indexing run did, for a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from .coverage import Row, footage_rows
from .oversight_view import authority_line
from .render import print_rows
from .text import counted, shown

if TYPE_CHECKING:
    from retrofr.indexing import IndexResult


def print_index(console: Console, result: IndexResult, case: Path) -> None:
    """Print what was added to a case, what the footage gave, and how to go on."""
    console.print()
    footage = footage_rows(result.coverage, "--format json", done="indexed", digested="indexing")
    print_rows(console, [Row("added", _added(result)), *footage])
    console.print()
    console.print(Text(authority_line(result.oversight)))
    command = f"retrofr search --case {shown(str(case))} --probe PICTURE"
    console.print(Text.assemble("Search it: ", (command, "bold")), soft_wrap=True)


def _added(result: IndexResult) -> str:
    counts = result.counts
    text = (
        f"{counted(counts.slices, 'slice')}, {counted(counts.tracklets, 'tracklet')}, "
        f"{counted(counts.templates, 'template')}"
    )
    if counts.streams_known:
        text += f"; {counted(counts.streams_known, 'stream was', 'streams were')} indexed before"
    if counts.streams_continued:
        text += f"; {counted(counts.streams_continued, 'stream was', 'streams were')} gone on with"
    return text
