"""Results to stdout: bytes of an exporter, or a table."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from retrofr.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from retrofr.results import SearchResult

WIDTH_IN_A_PIPE = 120


@contextlib.contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Turn a failure to write into an OutputError; a reader that went away stays a BrokenPipeError."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(
            "the disk is full, so what was written is incomplete"
            if full
            else f"cannot be written to ({error})",
            subject="standard output",
            hint="send it to another place",
        ) from error


def export_to_stdout(format_name: str, result: SearchResult) -> bool:
    """Write a result in the format of an exporter; gives whether the format itself states the coverage."""
    from retrofr import registry

    part = registry.load("exporters", format_name)
    exporter = part.build(part.SETTINGS())
    with writing_to_stdout():
        sys.stdout.flush()
        exporter.write(result, sys.stdout.buffer)
    return bool(exporter.states_coverage)


@contextlib.contextmanager
def table_output(stream: TextIO) -> Iterator[Console]:
    """A console for tables on stdout or stderr.

    On a terminal it is as wide as the terminal; elsewhere it is plain, without trailing blanks, and as wide as
    COLUMNS says, else 120 columns.
    """
    from rich.console import Console

    if stream.isatty():
        yield Console(file=stream, highlight=False)
        return
    buffer = io.StringIO()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() and int(columns) > 0 else WIDTH_IN_A_PIPE
    yield Console(file=buffer, highlight=False, width=width, color_system=None)
    stream.writelines(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())
