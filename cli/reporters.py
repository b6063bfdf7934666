"""Listeners that write no bar: plain lines, JSON lines or nothing.

Messages of the library appear once each. All of it goes to stderr.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from retrofr.events import Downloading, Event, Skipped, Warned

from .failures import PROGRESS_SCHEMA
from .text import human_bytes, shown

if TYPE_CHECKING:
    from retrofr.results import Coverage

LINES_EVERY_SECONDS = 30.0


class Reporter:
    """A listener that says nothing; also the base of the others. It is a context: leaving it clears the bar."""

    def __call__(self, event: Event) -> None:
        """Take one event of the library."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything from the screen that is not to stay."""

    def coverage(self, coverage: Coverage) -> bool:  # noqa: ARG002
        """Say what was searched where the result on stdout cannot; False leaves it to the caller."""
        return False


class MessageReporter(Reporter):
    """Warnings and skipped files, one line each, and nothing of the progress."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, event: Event) -> None:
        match event:
            case Skipped():
                self._say(f"not searched: {event.subject}: {event.reason}", event.hint)
            case Warned():
                self._say(f"warning: {event.subject}: {event.message}", None)

    def _say(self, text: str, hint: str | None) -> None:
        if text in self._said:
            return
        self._said.add(text)
        self._print(shown(text))
        for line in (hint or "").splitlines():
            self._print(f"  {shown(line)}")

    def _print(self, line: str) -> None:
        click.echo(line, err=True)


class LineReporter(MessageReporter):
    """Messages, and for a log file a line now and then about a download."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, Downloading):
            done = event.done_bytes == event.total_bytes
            now = time.monotonic()
            if done or now - self._last.get(event.name, -LINES_EVERY_SECONDS) >= LINES_EVERY_SECONDS:
                self._last[event.name] = now
                total = f" of {human_bytes(event.total_bytes)}" if event.total_bytes is not None else ""
                self._print(f"downloading {shown(event.name)}: {human_bytes(event.done_bytes)}{total}")


class JsonReporter(Reporter):
    """Every event as one JSON line, for scripts."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, event: Event) -> None:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        self._print({"event": name, **asdict(event)})

    def coverage(self, coverage: Coverage) -> bool:
        from retrofr.documents import coverage_document, json_text

        document = {"schema": PROGRESS_SCHEMA, "event": "coverage", "coverage": coverage_document(coverage)}
        click.echo(json_text(document), err=True)
        return True

    def _print(self, fields: dict[str, Any]) -> None:
        elapsed = round(time.monotonic() - self._started, 3)
        click.echo(json.dumps({"schema": PROGRESS_SCHEMA, **fields, "elapsed_seconds": elapsed}), err=True)
