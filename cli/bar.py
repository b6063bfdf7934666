"""The progress bar on a terminal. Imports rich, so it is imported only when a bar is drawn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from retrofr.events import (
    Advanced,
    Digesting,
    Downloading,
    Event,
    ExhibitFinished,
    ExhibitStarted,
    RunStarted,
)

from .reporters import MessageReporter, digest_title
from .text import human_bytes, shown

FIELDS: dict[str, Any] = {"count": "", "facts": ""}


@dataclass
class _Exhibit:
    """How far one exhibit is. Media time adds up over its streams, as its declared duration does."""

    ordinal: int = 0
    duration: float | None = None
    position: float = 0.0
    stream_began: float = 0.0
    faces: int = 0

    def advance(self, event: Advanced) -> None:
        if event.position_seconds < self.position - self.stream_began:  # the next stream of the same exhibit
            self.stream_began = self.position
        self.position = self.stream_began + event.position_seconds
        self.faces = event.faces


@dataclass
class Pace:
    """How far a run is and how fast it goes, from the library's events alone.

    Several exhibits may be under way; the first of them is the one that is shown.
    """

    clock: Callable[[], float] = time.monotonic
    exhibits: int = 0
    _began: float | None = None
    _started: int = 0
    _finished_seconds: float = 0.0
    _known: list[float] = field(default_factory=list)
    _open: dict[str, _Exhibit] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.exhibits = event.exhibits
            case ExhibitStarted():
                self._begin(event)
            case Advanced():
                self._open.setdefault(event.exhibit, _Exhibit()).advance(event)
            case ExhibitFinished():
                self._finished_seconds += self._open.pop(event.exhibit, _Exhibit()).position

    def _begin(self, event: ExhibitStarted) -> None:
        self._began = self.clock() if self._began is None else self._began
        self._started = max(self._started, event.ordinal)
        self._open[event.exhibit] = _Exhibit(event.ordinal, event.duration_seconds)
        if event.duration_seconds is not None:
            self._known.append(event.duration_seconds)

    @property
    def shown(self) -> tuple[str, _Exhibit]:
        """The exhibit that is shown, and how far it is."""
        return min(self._open.items(), key=lambda item: item[1].ordinal, default=("", _Exhibit()))

    @property
    def beside(self) -> int:
        """How many exhibits more are under way."""
        return max(len(self._open) - 1, 0)

    @property
    def speed(self) -> float | None:
        """Media seconds a second of work; None before anything was done."""
        done = self._finished_seconds + sum(exhibit.position for exhibit in self._open.values())
        if self._began is None or not done:
            return None
        return done / max(self.clock() - self._began, 1e-6)

    @property
    def seconds_left(self) -> float | None:
        """Of the whole run; footage that was not opened yet is taken to be as long as the mean so far."""
        speed, under_way = self.speed, self._open.values()
        if not speed or not self._known or any(exhibit.duration is None for exhibit in under_way):
            return None
        mean = sum(self._known) / len(self._known)
        ahead = sum(max((exhibit.duration or 0.0) - exhibit.position, 0.0) for exhibit in under_way)
        return (ahead + mean * (self.exhibits - self._started)) / speed


class BarReporter(MessageReporter):
    """A bar for the exhibit that is being searched; messages stay above it."""

    def __init__(self, *, forced: bool = False) -> None:
        super().__init__()
        terminal = True if forced else None
        self.console = Console(file=sys.stderr, force_terminal=terminal, highlight=False, soft_wrap=False)
        self._pace = Pace()
        self._downloads: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.fields[count]}", style="dim", markup=False),
            TextColumn("{task.description}", markup=False, table_column=_column(ratio=2)),
            BarColumn(bar_width=None, table_column=Column(ratio=3, min_width=8)),
            TextColumn("{task.fields[facts]}", markup=False, table_column=_column()),
            console=self.console,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("getting ready", total=None, **FIELDS)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, Downloading):
            self._download(event)
            return
        if isinstance(event, Digesting):
            self._digest(event)
            return
        self._pace.take(event)
        if isinstance(event, ExhibitStarted | Advanced | ExhibitFinished):
            self._show()

    def _show(self) -> None:
        name, exhibit = self._pace.shown
        if not name:
            return
        more = f" and {self._pace.beside} more" if self._pace.beside else ""
        position, duration = exhibit.position, exhibit.duration
        self._bar.update(
            self._task,
            description=shown(name) + more,
            total=duration,
            completed=position if duration is None else min(position, duration),
            count=f"{exhibit.ordinal}/{self._pace.exhibits}",
            facts=self._facts() if position else "",
        )

    def _digest(self, event: Digesting) -> None:
        done = f"{human_bytes(event.done_bytes)} of {human_bytes(event.total_bytes)}"
        self._bar.update(
            self._task,
            description=digest_title(event),
            total=event.total_bytes,
            completed=event.done_bytes,
            count="",
            facts=done,
        )

    def _facts(self) -> str:
        pace, (_, exhibit) = self._pace, self._pace.shown
        position = whole_time(exhibit.position)
        if exhibit.duration is not None:
            position += f"/{whole_time(exhibit.duration)}"
        parts = [position]
        if self.console.width >= 100 and exhibit.faces:
            parts.append(f"{exhibit.faces:,} faces")
        if pace.speed is not None:
            parts.append(f"{pace.speed:.3g}× real time")
        if pace.seconds_left is not None:
            parts.append(f"{whole_time(pace.seconds_left)} left")
        return "  ".join(parts)

    def _download(self, event: Downloading) -> None:
        if event.name not in self._downloads:
            self._bar.update(self._task, visible=False)
            self._downloads[event.name] = self._bar.add_task(shown(event.name), total=None, **FIELDS)
        total = "" if event.total_bytes is None else f" of {human_bytes(event.total_bytes)}"
        self._bar.update(
            self._downloads[event.name],
            total=event.total_bytes,
            completed=event.done_bytes,
            facts=human_bytes(event.done_bytes) + total,
        )

    def _print(self, line: str) -> None:
        self._bar.console.print(line, markup=False, style="yellow" if line[:1] != " " else "dim")


def whole_time(seconds: float) -> str:
    """``0:07:03``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _column(ratio: int | None = None) -> Column:
    return Column(ratio=ratio, no_wrap=True, overflow="ellipsis")
