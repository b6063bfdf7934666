"""``retrofr case authorise``, ``authority``, ``probes``: under which authority, and who is looked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retrofr.errors import UsageError

from ..case_options import SECTION, case_option, one_case, opened_case
from ..operator_option import operator_option
from ..options import Command, Option, common_options, report_format_option
from ._case_retention import reason_option

if TYPE_CHECKING:
    from retrofr.oversight.authority import Authority

AUTHORISE_EXAMPLES = """\b
Examples:
  Answer questions, one after the other:
    retrofr case authorise cases/harbour
  In a script:
    retrofr case authorise cases/harbour --file RF-17.toml

\b
Exit codes:
  0 recorded   2 the file is no authority   5 no case
  8 one of this reference was rejected
"""

AUTHORITY_EXAMPLES = """\b
Examples:
  retrofr case authority show cases/harbour
  retrofr case authority confirm cases/harbour --by "A. Smith" --role judge
  retrofr case authority reject cases/harbour --reason "not needed" --yes
"""

PROBES_EXAMPLES = """\b
Examples:
  retrofr case probes cases/harbour
  retrofr case probes cases/harbour --format json
"""

CASE = click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
REFERENCE = click.option(
    "--reference",
    metavar="TEXT",
    cls=Option,
    section=SECTION,
    help="Which authority, where the case has several.",
)


@click.command(
    "authorise", cls=Command, epilog=AUTHORISE_EXAMPLES, short_help="Record an authority in a case."
)
@CASE
@case_option(required=False)
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    cls=Option,
    section=SECTION,
    help="The authority as TOML; docs/authority.md has an example.  [default ask on the terminal]",
)
@operator_option("Record")
@common_options
def authorise(folder: Path | None, case_path: Path | None, file: Path | None) -> int:
    """Record who allowed what is done in a case: for what, why it is necessary, until when, and of what.

    The latest valid one counts for all that is indexed and searched in the case from then on: what lies outside of its
    scope yields no template, and without a valid one nothing is done any more.
    """
    from retrofr.case.authorities import put_authority
    from retrofr.oversight.authority import read_authority

    from ..text import shown

    path = one_case(folder, case_path)
    if file is not None:
        authority = read_authority(file)
    elif sys.stdin.isatty():
        from ..asking_authority import ask_authority

        opened_case(path).close()  # so that nobody answers questions for a case that is not there
        authority = ask_authority()
    else:
        raise UsageError(
            "no authority: this is no terminal to ask on",
            hint="name a file with --file; docs/authority.md has one",
        )
    with opened_case(path) as case:
        put_authority(case, authority)
    if file is None:
        _print(shown(f"recorded {authority.reference} in {path}"))
    else:
        _tell(authority)
    return 0


@click.group(
    "authority", epilog=AUTHORITY_EXAMPLES, short_help="Show, confirm or reject the authorities of a case."
)
def authority_group() -> None:
    """Show the authorities of a case, confirm an urgent one, reject one."""


@authority_group.command(
    "show", cls=Command, epilog=AUTHORITY_EXAMPLES, short_help="Show the authorities of a case."
)
@CASE
@case_option(required=False)
@report_format_option
@common_options
def show(folder: Path | None, case_path: Path | None, format_name: str) -> int:
    """Show every authority that was recorded in a case or given with a command, and whether it holds now."""
    from retrofr.case.authorities import authorities

    from ..oversight_view import authorities_document, stored_lines

    with opened_case(one_case(folder, case_path), past_due=True) as case:
        stored = authorities(case)
    _print(
        json.dumps(authorities_document(stored), indent=2)
        if format_name == "json"
        else "\n".join(stored_lines(stored))
    )
    return 0


@authority_group.command(
    "confirm",
    cls=Command,
    epilog=AUTHORITY_EXAMPLES,
    short_help="Write down that an urgent one was confirmed.",
)
@CASE
@case_option(required=False)
@REFERENCE
@click.option("--by", metavar="NAME", required=True, cls=Option, section=SECTION, help="Who confirmed it.")
@click.option("--role", metavar="TEXT", required=True, cls=Option, section=SECTION, help="In which role.")
@operator_option("Record")
@common_options
def confirm(folder: Path | None, case_path: Path | None, reference: str | None, by: str, role: str) -> int:
    """Write down that an urgent authority was confirmed, so that it holds as long as it says.

    Without that it blocks 48 hours after it was given.
    """
    from retrofr.case.authorities import confirm_authority
    from retrofr.oversight.authority import Person

    if not (by.strip() and role.strip()):
        raise UsageError("is empty", subject="--by or --role")
    with opened_case(one_case(folder, case_path)) as case:
        stored = confirm_authority(case, reference, Person(by.strip(), role.strip()))
    _tell(stored.authority)
    return 0


@authority_group.command(
    "reject", cls=Command, epilog=AUTHORITY_EXAMPLES, short_help="Reject one, and purge."
)
@CASE
@case_option(required=False)
@REFERENCE
@reason_option(required=True)
@click.option(
    "--yes", is_flag=True, cls=Option, section=SECTION, help="Do not ask before what came from it is purged."
)
@operator_option("Record")
@common_options
def reject(folder: Path | None, case_path: Path | None, reference: str | None, reason: str, yes: bool) -> int:
    """Write down that an authority was rejected: nothing is done under it any more.

    Where all that was indexed and searched in the case was done under it, the case is destroyed, with a signed
    certificate. Where other things were done in it as well, what came from it is named, and you decide.
    """
    from retrofr.case.authorities import reject_authority
    from retrofr.oversight.operators import current_operator

    path = one_case(folder, case_path)
    with opened_case(path) as case:
        stored, came = reject_authority(case, reference, current_operator().name, reason)
    authority = stored.authority
    _tell(authority)
    if came.is_all:
        _purge(path, authority.reference, reason, yes=yes)
    elif came.is_nothing:
        _print("nothing was indexed or searched under it")
    else:
        _print(
            f"came from it and is still there: {came.describe()}\n"
            "other things were done in the case as well, so it was not purged: "
            f"`retrofr case purge --case {path}` destroys all of it"
        )
    return 0


def _purge(path: Path, reference: str, reason: str, *, yes: bool) -> None:
    from retrofr.case.purging import purge_case
    from retrofr.oversight.log import LONGEST_TEXT

    question = f"All that was done in {path} came from it. Destroy the case and its key, for good?"
    if not yes and not (sys.stdin.isatty() and click.confirm(question, err=True)):
        _print(
            f"all that was done in the case came from it, and is still there: `retrofr case purge --case {path}`"
        )
        return
    why = f"authority {reference} was rejected: {reason}"[:LONGEST_TEXT]
    done = purge_case(path, reason=why, authority=reference)
    _print("\n".join([f"purged the case {done.name}", *(f"certificate: {each}" for each in done.paths)]))


@click.command("probes", cls=Command, epilog=PROBES_EXAMPLES, short_help="Show who was looked for, and why.")
@CASE
@case_option(required=False)
@report_format_option
@common_options
def probes(folder: Path | None, case_path: Path | None, format_name: str) -> int:
    """Show every picture that was a probe in a case, and why.

    With where it came from, under which authority it was used, and in which searches.
    """
    from retrofr.case.probe_register import probe_register

    from ..oversight_view import probe_lines, probes_document

    with opened_case(one_case(folder, case_path), past_due=True) as case:
        register = probe_register(case)
    _print(
        json.dumps(probes_document(register), indent=2)
        if format_name == "json"
        else "\n".join(probe_lines(register))
    )
    return 0


OVERSIGHT_COMMANDS: tuple[click.Command, ...] = (authorise, authority_group, probes)
"""Registered on ``retrofr case``."""


def _tell(authority: Authority) -> None:
    from ..oversight_view import authority_lines

    _print("\n".join(authority_lines(authority)))


def _print(text: str) -> None:
    from ..output import writing_to_stdout

    with writing_to_stdout():
        click.echo(text)
