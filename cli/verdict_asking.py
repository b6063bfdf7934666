"""What ``retrofr verdict give`` takes from options and files, and asks for on a terminal where that is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrofr.errors import UsageError
from retrofr.oversight.verdicts import FEATURES, SCALE, Alone, Conclusion, check_notes, parse_conclusion

if TYPE_CHECKING:
    from retrofr.case.store import Case

    from .verdict_view import Listed, Listing


def gather_features(given: tuple[str, ...]) -> dict[str, str]:
    """``HEADING=TEXT`` each; what is said of one heading in two of them is joined.

    Raises:
        UsageError: one of them is not of that form.
    """
    found: dict[str, str] = {}
    for text in given:
        heading, sign, what = text.partition("=")
        if not sign:
            raise UsageError("expected HEADING=TEXT", subject=f"--feature {text}")
        _add(found, heading, what)
    return found


def gather_notes(notes: str | None, file: Path | None) -> str:
    """The notes of ``--notes`` or ``--notes-file``; empty where there are none.

    Raises:
        UsageError: both are given, or the file cannot be read.
    """
    if notes is not None and file is not None:
        raise UsageError("give --notes or --notes-file, not both")
    if file is None:
        return notes or ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read ({error})", subject=str(file)) from error


@dataclass(frozen=True)
class Said:
    """What was said on the terminal; ``alone`` is what of it was noted before the probe was shown."""

    conclusion: Conclusion
    notes: str
    alone: Alone | None


def ask(
    case: Case,
    told: Listing,
    item: Listed,
    out: Path | None,
    notes: str,
    features: dict[str, str],
    warn: Callable[[object], None],
) -> Said:
    """Ask on the terminal: first what is seen of the candidate alone, then, with the probe beside it, for the rest.

    Args:
        case, told, item: which candidate, of which search.
        out: where its pictures are written; None where they are not.
        notes: what options gave; what is asked for is added.
        features: likewise, changed in place.
        warn: is told what cannot be written down.

    Raises:
        UsageError: this is no terminal.
    """
    if not at_a_terminal():
        words = ", ".join(step.word for step in SCALE)
        raise UsageError(
            "say what you conclude: this is no terminal to ask on",
            subject="--conclusion",
            hint=f"one of: {words}",
        )
    from retrofr.case.verdict_blindness import note_alone

    from .verdict_pictures import candidate_lines, probe_lines
    from .verdict_view import place_line

    _say(place_line(item, told.record.id))
    if out is None:
        _say("no pictures were written: `retrofr verdict pictures` does, or --out DIR here")
    else:
        _say(*candidate_lines(case, item, out, warn))
    _say(f"What do you see of the candidate? Headings: {', '.join(FEATURES)}.")
    alone = None
    said = _ask_lines(features)
    if out is not None:
        while not features:
            _say("Note at least one feature, as `heading: text`, before the probe is shown.")
            said += _ask_lines(features)
        alone = note_alone(case, item.candidate, "\n".join(said), features, listener=warn)
        _say(*probe_lines(case, told, item, out, warn))
    _say("And compared with the probe?")
    said += _ask_lines(features)
    notes = "\n".join(filter(None, (notes.strip(), *said)))
    return Said(_ask_conclusion(), notes, alone)


def _ask_lines(features: dict[str, str]) -> list[str]:
    """Lines up to an empty one; those that begin with a heading go to the features."""
    free = []
    _say("`heading: text`, or free text; an empty line ends")
    while line := str(click.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)).strip():
        try:
            check_notes(line, {})
        except UsageError as error:
            _say(str(error))
            continue
        heading, colon, text = line.partition(":")
        if colon and text.strip() and heading.strip().casefold() in FEATURES:
            _add(features, heading, text)
        else:
            free.append(line)
    return free


def _ask_conclusion() -> Conclusion:
    _say("What do you conclude?")
    _say(*(f"  {number}  {step.word:<20}{step.describe()}" for number, step in enumerate(SCALE, 1)))

    def parsed(text: str) -> Conclusion:
        if text.strip().isdigit() and 1 <= int(text) <= len(SCALE):
            return SCALE[int(text) - 1]
        try:
            return parse_conclusion(text)
        except UsageError as error:
            raise click.UsageError(str(error.reason)) from error  # click asks again

    found: Conclusion = click.prompt("Number or word", value_proc=parsed, err=True)
    return found


def _add(features: dict[str, str], heading: str, text: str) -> None:
    name = heading.strip().casefold()
    features[name] = "; ".join(filter(None, (features.get(name), text.strip())))


def _say(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)


def at_a_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
