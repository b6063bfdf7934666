"""How far the embedding of photos is, on stderr."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from .failures import PROGRESS_SCHEMA
from .reporters import LINES_EVERY_SECONDS

if TYPE_CHECKING:
    from rich.progress import Progress


class PhotoProgress:
    """Tells how many photos are done: a bar, JSON lines, a line now and then, or nothing.

    It is a context: leaving it clears the bar.
    """

    def __init__(self, mode: str, *, quiet: bool) -> None:
        silent = mode == "none" or (quiet and mode != "json")
        drawn = mode == "bar" or (mode == "auto" and sys.stderr.isatty())
        self._mode = "none" if silent else "json" if mode == "json" else "bar" if drawn else "lines"
        self._started = self._told = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Take how far it is."""
        now = time.monotonic()
        if self._mode == "json":
            fields = {"schema": PROGRESS_SCHEMA, "event": "photos", "done": done, "total": total}
            click.echo(json.dumps({**fields, "elapsed_seconds": round(now - self._started, 3)}), err=True)
        elif self._mode == "lines" and now - self._told >= LINES_EVERY_SECONDS:
            self._told = now
            click.echo(f"{done:,} of {total:,} photos", err=True)
        elif self._mode == "bar":
            self._draw(done, total)

    def _draw(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
            self._bar.add_task("photos", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)
