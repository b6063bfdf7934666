"""Listeners that write no bar: plain lines, JSON lines or nothing.

Messages of the library appear once each. All of it goes to stderr.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from retrofr.events import Digesting, Downloading, Event, Found, Skipped, Warned

from .failures import PROGRESS_SCHEMA
from .text import human_bytes, shown

if TYPE_CHECKING:
    from retrofr.results import Coverage

LINES_EVERY_SECONDS = 30.0
JSON_EVERY_SECONDS = 1.0


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


class Pacer:
    """Lets through what comes often only now and then: each subject's first, its last, and one in between."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._last: dict[object, float] = {}

    def due(self, subject: object, *, last: bool) -> bool:
        """Whether it is time to say something about ``subject``; ``last`` where nothing more will come."""
        now = time.monotonic()
        due = last or now - self._last.get(subject, -math.inf) >= self._every
        if due:
            self._last[subject] = now
        return due


class LineReporter(MessageReporter):
    """Messages, and for a log file a line now and then about a download or the digest of a large exhibit."""

    def __init__(self) -> None:
        super().__init__()
        self._downloads = Pacer(LINES_EVERY_SECONDS)
        self._digest: tuple[str, bool] | None = None
        self._digest_told = 0.0

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        match event:
            case Downloading():
                if self._downloads.due(event.name, last=event.done_bytes == event.total_bytes):
                    total = f" of {human_bytes(event.total_bytes)}" if event.total_bytes is not None else ""
                    self._print(f"downloading {shown(event.name)}: {human_bytes(event.done_bytes)}{total}")
            case Digesting():
                self._tell_digest(event)

    def _tell_digest(self, event: Digesting) -> None:
        """Nothing at all about a digest that is taken in a moment."""
        now = time.monotonic()
        if self._digest != (event.exhibit, event.after):
            self._digest, self._digest_told = (event.exhibit, event.after), now
        elif now - self._digest_told >= LINES_EVERY_SECONDS:
            self._digest_told = now
            done = f"{human_bytes(event.done_bytes)} of {human_bytes(event.total_bytes)}"
            self._print(f"{digest_title(event)}: {done}")


def digest_title(event: Digesting) -> str:
    """What is being done, for a person."""
    return f"taking the digest of {shown(event.exhibit)}{' again' if event.after else ''}"


class JsonReporter(Reporter):
    """Every event as one JSON line, for scripts; of a digest one a second."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._digests = Pacer(JSON_EVERY_SECONDS)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Digesting):
            last = event.done_bytes == event.total_bytes
            if not self._digests.due((event.exhibit, event.after), last=last):
                return
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        fields = {"record": event.record} if isinstance(event, Found) else asdict(event)
        self._print({"event": name, **fields})

    def coverage(self, coverage: Coverage) -> bool:
        from retrofr.documents import coverage_document, json_text

        document = {"schema": PROGRESS_SCHEMA, "event": "coverage", "coverage": coverage_document(coverage)}
        click.echo(json_text(document), err=True)
        return True

    def _print(self, fields: dict[str, Any]) -> None:
        from retrofr.documents import json_text

        elapsed = round(time.monotonic() - self._started, 3)
        click.echo(json_text({"schema": PROGRESS_SCHEMA, **fields, "elapsed_seconds": elapsed}), err=True)
