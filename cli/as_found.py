"""``retrofr search --as-found``: hits on stdout while the search goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from retrofr.errors import UsageError
from retrofr.events import Event, Found

from .options import Option
from .reporters import Reporter

if TYPE_CHECKING:
    from retrofr.results import Coverage

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def as_found_option(function: Decorated) -> Decorated:
    """``--as-found`` of a search."""
    return click.option(
        "--as-found",
        is_flag=True,
        cls=Option,
        section="Result",
        help="With jsonl: also print each hit the moment it is found, as retrofr.found/1, before it is joined and "
        "ranked.",
    )(function)


class AsFound(Reporter):
    """Writes what is found to stdout, a line each, and leaves all else to another reporter."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner

    def __call__(self, event: Event) -> None:
        if isinstance(event, Found):
            from retrofr.documents import encoded, json_text

            from .output import writing_to_stdout

            with writing_to_stdout():  # which flushes: a reader waits for it
                sys.stdout.flush()
                sys.stdout.buffer.write(encoded(json_text(event.record) + "\n"))
                sys.stdout.buffer.flush()
        self._inner(event)

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)

    def coverage(self, coverage: Coverage) -> bool:
        return self._inner.coverage(coverage)


def printing_as_found(listener: Reporter, wanted: bool, format_name: str, case: Path | None) -> Reporter:
    """The listener, which prints what is found as well where that is wanted.

    Raises:
        UsageError: another format than JSON lines, or a case, whose search takes seconds.
    """
    if not wanted:
        return listener
    if format_name != "jsonl":
        raise UsageError("goes with --format jsonl", subject="--as-found", hint=f"not with {format_name}")
    if case is not None:
        raise UsageError(
            "goes without --case",
            subject="--as-found",
            hint="nothing is compared before all of the footage is indexed; then a search takes seconds",
        )
    return AsFound(listener)
