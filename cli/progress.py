"""Which listener the user sees the library through: a bar, JSON lines, plain lines or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .options import Option
from .reporters import JsonReporter, LineReporter, MessageReporter, Reporter

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
MODES = ("auto", "bar", "json", "none")


def reporter(mode: str, *, quiet: bool) -> Reporter:
    """The reporter for ``--progress`` and ``--quiet``."""
    if mode == "json":
        return JsonReporter()
    if quiet:
        return Reporter()
    if mode == "bar" or (mode == "auto" and sys.stderr.isatty()):
        from .bar import BarReporter

        return BarReporter(forced=mode == "bar")
    return LineReporter() if mode == "auto" else MessageReporter()


def progress_options(*, told: str) -> Callable[[Decorated], Decorated]:
    """``--progress`` and ``--quiet``; ``told`` is what the exit code tells of all the same."""

    def decorate(function: Decorated) -> Decorated:
        quiet = click.option(
            "--quiet",
            is_flag=True,
            cls=Option,
            section="On the way",
            help=f"Print no progress and no messages but errors. The exit code still tells of {told}.",
        )
        progress = click.option(
            "--progress",
            type=click.Choice(MODES),
            default="auto",
            callback=_progress_mode,
            is_eager=True,  # it says how other options are complained about
            cls=Option,
            section="On the way",
            help="What to show on stderr: a bar, JSON lines for scripts, or nothing.  "
            "[default a bar on a terminal]",
        )
        return progress(quiet(function))

    return decorate


def _progress_mode(ctx: click.Context, _: click.Parameter, value: str) -> str:
    ctx.find_root().command.json_failures = value == "json"  # type: ignore[attr-defined]
    return value
