"""Asks for an authority on the terminal, one question after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from retrofr.errors import UsageError
from retrofr.oversight.authority import TARGETS, URGENT_HOURS, Authority, authority_of
from retrofr.oversight.scope import Scope
from retrofr.oversight.toml_records import Fields

_TEXTS = (
    ("reference", "Reference, by which outputs and the log call it"),
    ("purpose", "Purpose: what is to be found out"),
    ("legal_basis", "Legal basis: act and section"),
)
_REASONS = (
    ("necessity", "Why it is necessary: why nothing less would do"),
    ("proportionality", "Why it is proportionate: what weighs against it, and why that is outweighed"),
)
_SCOPE = (
    ("exhibits", "Only these recordings (names, patterns or beginnings of SHA-256, with commas between)"),
    ("cameras", "Only these cameras (names or patterns, with commas between)"),
    ("probes", "Only these persons (names of probes, with commas between)"),
)


def ask_authority() -> Authority:
    """Ask for each field, again where an answer makes no sense, and whether all is right.

    Raises:
        click.Abort: it is not right, or the questions were broken off.
        UsageError: the answers do not go together.
    """
    answers: dict[str, Any] = {name: _text(question) for name, question in _TEXTS}
    about = click.prompt("It is about", type=click.Choice(TARGETS), default="offence", err=True)
    answers[about] = _text(f"Which {about.replace('_', ' ')}")
    answers |= {name: _text(question) for name, question in _REASONS}
    answers["authorised_by"] = {"name": _text("Authorised by, name"), "role": _text("Authorised by, role")}
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    answers["valid_from"] = start = _time("Valid from (UTC)", default=_shown(now))
    answers["valid_until"] = _time(
        "Valid until (UTC); a day means its end", default=_shown(now + timedelta(days=28)), after=start
    )
    answers["urgent"] = click.confirm(
        f"Urgent: it blocks after {URGENT_HOURS} hours unless it is confirmed", default=False, err=True
    )
    click.echo("What it covers; leave empty what is not limited.", err=True)
    scope: dict[str, Any] = {name: _list(question) for name, question in _SCOPE}
    scope["from"] = start = _time("Only footage from (its wall clock)")
    scope["to"] = _time("Only footage until (its wall clock)", after=start)
    answers["scope"] = {name: value for name, value in scope.items() if value}
    authority = authority_of(Fields("the answers", "", answers))
    from .oversight_view import authority_lines

    click.echo("\n".join(["", *authority_lines(authority), ""]), err=True)
    click.confirm("Record this", default=True, abort=True, err=True)
    return authority


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"


def _text(question: str) -> str:
    def said(text: str) -> str:
        if not text.strip():
            raise click.UsageError("please say something")
        return text.strip()

    return str(click.prompt(question, value_proc=said, err=True))


def _list(question: str) -> list[str]:
    text: str = click.prompt(question, default="", show_default=False, err=True)
    return [item.strip() for item in text.split(",") if item.strip()]


def _time(question: str, *, default: str = "", after: str = "") -> str:
    """A time that can be read and is later than ``after``, or the empty text where that is the default."""

    def said(text: str) -> str:
        if not text and not default:
            return text
        try:
            answers = Fields("", "", {"from": after, "to": text} if after else {"to": text})
            Scope(start=answers.wall_clock("from"), end=answers.wall_clock("to", end=True))
        except UsageError as error:
            raise click.UsageError(
                error.reason if error.subject != "to" else f"is not after {after}"
            ) from error
        return text

    return str(click.prompt(question, default=default, show_default=bool(default), value_proc=said, err=True))
