"""``retrofr case purge``, ``extend``, ``hold``, ``forget-others``, ``certificate``: how long data is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import UsageError

from ..case_options import SECTION, case_option, opened_case, wait_option
from ..operator_option import operator_option
from ..options import Command, Option, common_options, report_format_option

if TYPE_CHECKING:
    from retrofr.case.retention import Retention

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PURGE_EXAMPLES = """\b
Examples:
  retrofr case purge --case cases/harbour --reason "retention ended"
  retrofr case purge --case cases/harbour --yes --certificate destroyed.json

\b
Exit codes:
  0 destroyed   8 the case is on hold, or no proof could be kept
  2 usage   5 no case, or it cannot be opened   7 something cannot be written
"""

EXTEND_EXAMPLES = """\b
Examples:
  retrofr case extend --case cases/harbour --until 2027-06-30 --reason "trial"
"""

HOLD_EXAMPLES = """\b
Examples:
  retrofr case hold --case cases/harbour --on --reason "court order 12/4"
  retrofr case hold --case cases/harbour --off --reason "order lifted"
"""

FORGET_EXAMPLES = """\b
Examples:
  retrofr case forget-others --case cases/harbour --reason "search finished"
"""

CERTIFICATE_EXAMPLES = """\b
Examples:
  retrofr case certificate destroyed.json

\b
Exit codes:
  0 it is as it was signed   4 it was altered, or is no certificate
"""


class Day(click.ParamType):  # type: ignore[type-arg]
    """``YYYY-MM-DD``."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day that a text names."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"expected a day as YYYY-MM-DD, got {value!r}", param, ctx)


def reason_option(required: bool) -> Callable[[Decorated], Decorated]:
    """``--reason TEXT``."""
    return click.option(
        "--reason",
        metavar="TEXT",
        required=required,
        cls=Option,
        section=SECTION,
        help="Why; kept in the log.",
    )


def retain_options(function: Decorated) -> Decorated:
    """``--retain-until`` and ``--retain-days`` of ``case create``."""
    days = click.option(
        "--retain-days",
        type=click.IntRange(0, 36500),
        metavar="N",
        cls=Option,
        section=SECTION,
        help="Keep it for N days from today.",
    )
    until = click.option(
        "--retain-until",
        type=Day(),
        metavar="DATE",
        cls=Option,
        section=SECTION,
        help="The last day (UTC) it is kept, as YYYY-MM-DD; from then on it can only be purged or extended.",
    )
    return until(days(function))


def last_day(until: date | None, days: int | None) -> date | None:
    """The day that the two options name; None where neither is given (UsageError where both are)."""
    from datetime import timedelta

    from retrofr.case.retention import today

    if until is not None and days is not None:
        raise UsageError("give --retain-until or --retain-days, not both")
    return until if days is None else today() + timedelta(days=days)


@click.command("purge", cls=Command, epilog=PURGE_EXAMPLES, short_help="Destroy a case and its key.")
@case_option(required=True)
@reason_option(required=False)
@click.option("--yes", is_flag=True, cls=Option, section=SECTION, help="Do not ask.")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    cls=Option,
    section=SECTION,
    help="Write the signed certificate to this new file too.",
)
@wait_option
@operator_option("Record")
@common_options
def purge(
    case_path: Path, reason: str | None, yes: bool, certificate: Path | None, wait_seconds: float
) -> int:
    """Destroy a case: its key, then every file that retrofr wrote in its folder.

    A certificate of it, signed by the operator's key, is kept beside the audit log outside of cases. One that was
    interrupted is finished by running it again.
    """
    from retrofr.case.purging import purge_case

    from ..text import counted

    if not yes:
        _ask(case_path)
    done = purge_case(
        case_path, reason=reason, certificate=certificate, wait_seconds=wait_seconds, listener=_warn
    )
    deleted = done.certificate["deleted"]
    what = [
        counted(deleted["exhibits"], "exhibit"),
        counted(deleted["templates"], "template"),
        counted(deleted["face_pictures"] + deleted["probe_pictures"], "picture"),
    ]
    lines = [f"purged the case {done.name}: {', '.join(what)}; its key is destroyed"]
    if done.resumed:
        lines.append("finished a purge that was interrupted")
    lines += [f"certificate: {path}" for path in done.paths]
    if done.left:
        lines.append(f"left in the folder, not written there by retrofr: {', '.join(done.left)}")
    _tell(*lines)
    return 0


@click.command("extend", cls=Command, epilog=EXTEND_EXAMPLES, short_help="Keep a case longer, with a reason.")
@case_option(required=True)
@click.option(
    "--until",
    type=Day(),
    required=True,
    metavar="DATE",
    cls=Option,
    section=SECTION,
    help="The new last day (UTC), as YYYY-MM-DD.",
)
@reason_option(required=True)
@operator_option("Record")
@common_options
def extend(case_path: Path, until: date, reason: str) -> int:
    """Keep a case longer than its retention date says, also one that is past due; recorded with the reason."""
    from retrofr.case.retention import extend_retention

    with opened_case(case_path, past_due=True) as case:
        _told_retention(extend_retention(case, until, reason))
    return 0


@click.command(
    "hold", cls=Command, epilog=HOLD_EXAMPLES, short_help="Forbid the purge of a case, or allow it."
)
@case_option(required=True)
@click.option(
    "--on/--off", "on", default=None, cls=Option, section=SECTION, help="Put it on hold, or take it off."
)
@reason_option(required=True)
@operator_option("Record")
@common_options
def hold(case_path: Path, on: bool | None, reason: str) -> int:
    """Put a case on legal hold, so that it cannot be purged, or take it off; recorded with the reason."""
    from retrofr.case.retention import set_hold

    if on is None:
        raise UsageError("say which: --on or --off")
    with opened_case(case_path, past_due=True) as case:
        _told_retention(set_hold(case, on, reason))
    return 0


@click.command(
    "forget-others",
    cls=Command,
    epilog=FORGET_EXAMPLES,
    short_help="Remove whoever is no candidate of a search.",
)
@case_option(required=True)
@reason_option(required=True)
@wait_option
@operator_option("Record")
@common_options
def forget(case_path: Path, reason: str, wait_seconds: float) -> int:
    """Remove every template, face picture and tracklet that is no candidate of any search recorded in the case.

    Later searches say of the footage that others were forgotten, and when. Nothing brings them back but indexing the
    footage again into another case.
    """
    from retrofr.case.forgetting import forget_others

    with opened_case(case_path, write=True, wait=wait_seconds) as case:
        done = forget_others(case, reason=reason, listener=_warn)
    _tell(done.describe())
    return 0


@click.command(
    "certificate", cls=Command, epilog=CERTIFICATE_EXAMPLES, short_help="Check a certificate of destruction."
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@report_format_option
@common_options
def certificate(file: Path, format_name: str) -> int:
    """Check the signature of a certificate, and say what it says."""
    from retrofr.oversight.certificate import read_certificate
    from retrofr.oversight.operators import known_keys

    from ..text import counted

    found, _ = read_certificate(file)
    fields = found.fields
    if format_name == "json":
        _tell(json.dumps({**fields, "public_key": found.key}, indent=2))
        return 0
    who = fields["operator"]["name"]
    known = known_keys().get(who) == found.key
    deleted = fields["deleted"]
    _tell(
        f"{file}: as it was signed",
        f"case: {fields['case']['name']} ({fields['case']['id']})",
        f"destroyed: {fields['finished']} by {who}; reason: {fields['reason'] or 'not recorded'}",
        f"held: {counted(deleted['exhibits'], 'exhibit')}, {counted(deleted['templates'], 'template')}",
        f"key of the signature: {found.key} ({'' if known else 'not '}a key of {who} on this machine)",
    )
    return 0


COMMANDS = (purge, extend, hold, forget, certificate)
"""Registered on ``retrofr case``."""


def _ask(case_path: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "purging destroys the case for good, and this is no terminal to ask on",
            subject=str(case_path),
            hint="add --yes",
        )
    click.confirm(f"Destroy the case in {case_path} and its key, for good?", abort=True, err=True)


def _warn(event: Any) -> None:
    from retrofr.events import Warned

    from ..text import shown

    if isinstance(event, Warned):
        click.echo(f"warning: {shown(event.subject)}: {shown(event.message)}", err=True)


def _told_retention(retention: Retention) -> None:
    _tell(f"retention: {retention.describe()}")


def _tell(*lines: str) -> None:
    from ..output import writing_to_stdout
    from ..text import shown

    with writing_to_stdout():
        for text in lines:
            for line in text.split("\n"):
                click.echo(shown(line))
