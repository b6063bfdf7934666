"""``retrofr audit``: what was done and by whom, whether that record is whole, and the figures of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import IntegrityError

from ..case_options import case_option, opened_case
from ..options import Command, Option, common_options, format_option, report_format_option

if TYPE_CHECKING:
    from rich.console import Console

    from retrofr.oversight.log import Entry

    from ..audit_view import Checked

EXAMPLES = """\b
Examples:
  What was done in a case, by whom, and under which authority:
    retrofr audit show --case DIR
  Is that record whole?
    retrofr audit verify --case DIR
  The figures of a year, over all cases of this user:
    retrofr audit summary --format csv

\b
Exit codes:
  0 done, nothing was altered   4 the log was altered; the entry is named
  2 usage   5 case   7 a log cannot be read
"""

SHOW_EXAMPLES = """\b
Examples:
  retrofr audit show --case DIR
  retrofr audit show --action denied --last 20
  retrofr audit show --case DIR --format json > log.json
"""

VERIFY_EXAMPLES = """\b
Examples:
  retrofr audit verify --case DIR
  retrofr audit verify --format json

\b
Exit codes:
  0 nothing was altered   4 something was; the entry and how are named
  5 the case cannot be opened, or its bytes are damaged
"""

SUMMARY_EXAMPLES = """\b
Examples:
  retrofr audit summary
  retrofr audit summary --case DIR --format json
"""


@click.group(epilog=EXAMPLES, short_help="Show what was done and by whom; check that record.")
def command() -> None:
    """Show what was done and by whom, check that this record is whole, count for an oversight report.

    There is a log in each case, and one outside of cases that survives them: the one that is meant without --case.
    The variable RETROFR_AUDIT names another folder for it.
    """


@command.command("show", cls=Command, epilog=SHOW_EXAMPLES, short_help="List what was done.")
@case_option(required=False)
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="ACTION",
    cls=Option,
    section="Result",
    help="Only this action, for example search or denied. Repeatable.",
)
@click.option(
    "--last",
    type=click.IntRange(1),
    metavar="N",
    cls=Option,
    section="Result",
    help="Only the last N of them.",
)
@format_option
@common_options
def show(case_path: Path | None, actions: tuple[str, ...], last: int | None, format_name: str | None) -> int:
    """List the entries of a log, the newest last. As jsonl they are the bytes that their digests were taken of."""
    from retrofr.oversight.log import canonical

    from ..audit_view import LOG_SCHEMA, entries_csv, print_entries

    _check_actions(actions)
    entries, heads, altered = _log(case_path)
    chosen = [entry for entry in entries if not actions or entry["action"] in actions]
    chosen = chosen if last is None else chosen[-last:]
    document = {"schema": LOG_SCHEMA, "entries": chosen, "heads": heads, "altered": altered}
    _print(
        format_name,
        table=lambda console: print_entries(console, chosen, altered),
        csv=lambda: entries_csv(chosen),
        json_lines=lambda: [canonical(entry).decode() for entry in chosen],
        document=document,
    )
    return 0


@command.command("verify", cls=Command, epilog=VERIFY_EXAMPLES, short_help="Check that nothing was altered.")
@case_option(required=False)
@report_format_option
@common_options
def verify(case_path: Path | None, format_name: str) -> int:
    """Check the digests, the chain and the signatures of a log; name the first entry that was altered, and how.

    With --case that is the log of the case, held against the one outside of cases, and then that one too.
    """
    from ..audit_view import checks_document, print_checks

    checks = _checks(case_path)
    _print(
        format_name,
        table=lambda console: print_checks(console, checks),
        document=checks_document(checks),
    )
    for check in checks:
        if check.findings is not None:
            raise IntegrityError(
                f"the {check.name} was altered: {check.findings.first.sentence}",
                subject=check.path,
                hint="go on with a copy that is whole, and keep this one as it is",
            )
    return 0


@command.command("summary", cls=Command, epilog=SUMMARY_EXAMPLES, short_help="Count for an oversight report.")
@case_option(required=False)
@format_option
@common_options
def summary(case_path: Path | None, format_name: str | None) -> int:
    """Count searches, denials, verdicts and erasures, month by month, from the log alone; nobody is named."""
    from retrofr.oversight.summary import summarise, summary_document

    from ..audit_view import print_summary, summary_csv

    entries, _, altered = _log(case_path)
    if altered:
        click.echo(
            f"warning: {altered} of the entries were altered and are not counted: retrofr audit verify",
            err=True,
        )
    figures = summarise(entries)
    document = summary_document(figures)
    _print(
        format_name,
        table=lambda console: print_summary(console, figures),
        csv=lambda: summary_csv(figures),
        json_lines=lambda: [json.dumps(month) for month in document["months"]],
        document=document,
    )
    return 0


def _check_actions(actions: tuple[str, ...]) -> None:
    from retrofr.errors import UsageError
    from retrofr.oversight.log import OPERATIONS

    for action in actions:
        if action not in OPERATIONS:
            raise UsageError("no such action", subject=action, hint=f"there are: {', '.join(OPERATIONS)}")


def _log(case_path: Path | None) -> tuple[list[Entry], list[dict[str, Any]], int]:
    """Whole entries and heads of a log, and how many entries are not whole."""
    from retrofr.oversight.log import parse_head
    from retrofr.oversight.outside import OutsideLog

    if case_path is None:
        log = OutsideLog.of_user()
        entries = log.entries()
        found = [parse_head(line.rstrip(b"\n")) for line in log.head_lines()]
        heads = [head for head in found if head is not None]
        altered = len(log.entry_lines()) - len(entries)
    else:
        from retrofr.case.audit_log import entries as entries_of
        from retrofr.case.audit_log import heads as heads_of
        from retrofr.case.audit_log import stored_count

        with opened_case(case_path, past_due=True) as case:
            entries, heads = entries_of(case), heads_of(case)
            altered = stored_count(case) - len(entries)
    return entries, [json.loads(head.encoded()) for head in heads], altered


def _checks(case_path: Path | None) -> list[Checked]:
    from retrofr.case.audit_log import verify_audit, verify_outside
    from retrofr.oversight.outside import OutsideLog

    from ..audit_view import Checked

    checks = []
    if case_path is not None:
        with opened_case(case_path, past_due=True) as case:
            checks.append(Checked("log of the case", str(case.path), verify_audit(case)))
    outside = OutsideLog.of_user()
    return [*checks, Checked("log outside of cases", str(outside.folder), verify_outside(outside))]


def _print(
    format_name: str | None,
    *,
    table: Callable[[Console], None],
    document: dict[str, Any],
    csv: Callable[[], str] | None = None,
    json_lines: Callable[[], list[str]] | None = None,
) -> None:
    from ..output import table_output, writing_to_stdout

    format_name = format_name or ("table" if sys.stdout.isatty() else "jsonl")
    with writing_to_stdout():
        if format_name == "csv" and csv is not None:
            click.echo(csv(), nl=False)
        elif format_name == "jsonl" and json_lines is not None:
            for line in json_lines():
                click.echo(line)
        elif format_name == "json":
            click.echo(json.dumps(document, indent=2))
        else:
            with table_output(sys.stdout) as console:
                table(console)
