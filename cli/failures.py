"""From an exception to what the user reads and the exit code that scripts read."""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass, field

import click

from retrofr.errors import EXIT_BUG, EXIT_INTERRUPTED, RetrofrError, UsageError

from .text import shown

PROGRESS_SCHEMA = "retrofr.progress/1"


@dataclass(frozen=True)
class Failure:
    """Why the command ended early. ``cause`` is kept for the traceback and not part of any output."""

    exit_code: int
    reason: str
    subject: str | None = None
    hint: str | None = None
    cause: BaseException | None = field(default=None, repr=False, compare=False)


def failure_of(error: BaseException) -> Failure:
    """What an exception means for the user; anything unforeseen is a bug, and says so."""
    match error:
        case RetrofrError() if error.exit_code != EXIT_BUG:
            return Failure(error.exit_code, error.reason, error.subject, error.hint, error)
        case click.exceptions.NoArgsIsHelpError():
            return Failure(UsageError.exit_code, error.format_message(), cause=error)
        case click.UsageError():
            return Failure(UsageError.exit_code, _plain(error.format_message()), hint=_where_to_look(error))
        case click.ClickException():
            return Failure(error.exit_code, _plain(error.format_message()))
        case KeyboardInterrupt() | click.Abort():
            return Failure(EXIT_INTERRUPTED, "interrupted; nothing was written")
    return Failure(
        EXIT_BUG,
        f"{type(error).__name__}: {error}",
        subject="a bug in retrofr",
        hint="please report it with the traceback, which --debug shows",
        cause=error,
    )


def report(failure: Failure, *, as_json: bool, debug: bool) -> None:
    """Say on stderr what went wrong, for a person or as a JSON line."""
    if debug and failure.cause is not None:
        traceback.print_exception(failure.cause, file=sys.stderr)
    if isinstance(failure.cause, click.exceptions.NoArgsIsHelpError):
        click.echo(failure.reason, err=True)
        return
    if as_json:
        fields = {name: value for name, value in asdict(failure).items() if name != "cause"}
        click.echo(json.dumps({"schema": PROGRESS_SCHEMA, "event": "failed"} | fields), err=True)
        return
    subject = f"{failure.subject}: " if failure.subject else ""
    click.echo(f"{_label('error:')} {shown(subject + failure.reason)}", err=True)
    for line in (failure.hint or "").splitlines():
        click.echo(f"       {shown(line)}", err=True)


def _label(word: str) -> str:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return click.style(word, fg="red", bold=True) if coloured else word


def _plain(message: str) -> str:
    """A message of click's in our own form: no capital, no full stop."""
    if message[:1].isupper() and not message[1:2].isupper():
        message = message[0].lower() + message[1:]
    return message.rstrip(".")


def _where_to_look(error: click.UsageError) -> str:
    return f"`{error.ctx.command_path if error.ctx else 'retrofr'} --help` says what it takes"
