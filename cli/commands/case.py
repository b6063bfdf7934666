"""``retrofr case``: make cases, see what is in them, check them, carry their keys."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import click

from retrofr.errors import OutputError, UsageError

from ..case_options import SECTION, case_option, one_case, opened_case
from ..options import Command, Option, common_options, report_format_option
from ..oversight_options import authority_option
from ._case_oversight import OVERSIGHT_COMMANDS
from ._case_retention import COMMANDS, last_day, retain_options

EXAMPLES = """\b
Examples:
  retrofr case create cases/harbour --name "Op Harbour"
  retrofr case show cases/harbour
  retrofr case list cases/
  retrofr case verify --case cases/harbour
  retrofr case key export --case cases/harbour --out harbour.key
  retrofr case purge --case cases/harbour --reason "retention ended"
"""

CREATE_EXAMPLES = """\b
Examples:
  retrofr case create cases/harbour
  retrofr case create cases/harbour --name "Op Harbour" --retain-days 90
"""

SHOW_EXAMPLES = """\b
Examples:
  retrofr case show cases/harbour
  retrofr case show --case cases/harbour --format json
"""

LIST_EXAMPLES = """\b
Examples:
  retrofr case list
  retrofr case list cases/ archive/ --format json
"""

VERIFY_EXAMPLES = """\b
Examples:
  retrofr case verify --case cases/harbour

\b
Exit codes:
  0 every byte is as it was written   5 it is damaged, or cannot be opened
"""

KEY_EXAMPLES = """\b
Examples:
  retrofr case key export --case cases/harbour --out harbour.key
  retrofr case key import harbour.key
"""


@click.group(epilog=EXAMPLES, short_help="Make cases, show what is in them, check them.")
def command() -> None:
    """Make cases, show what is in them, check them, carry their keys.

    A case is a folder with one encrypted file. Its key is kept in the user's key store, outside the case; the
    variable RETROFR_KEYS names another folder for it.
    """


@command.command("create", cls=Command, epilog=CREATE_EXAMPLES, short_help="Make a new case in a folder.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--name", metavar="TEXT", cls=Option, section=SECTION, help="What people call it.  [default DIR's name]"
)
@retain_options
@authority_option(SECTION)
@common_options
def create(folder: Path, name: str | None, retain_until: date | None, retain_days: int | None) -> int:
    """Make an empty case, and a key of its own in the key store.

    Without its key nobody can read the case, so keep a copy of it: see `retrofr case key export`.
    """
    from retrofr.case.audit import acting
    from retrofr.case.authorities import put_authority
    from retrofr.case.keys import KeyStore
    from retrofr.case.permitting import retention_of_new
    from retrofr.case.retention import RETAIN_UNTIL, retention_of
    from retrofr.case.store import create_case
    from retrofr.oversight.declared import declared_authority

    from ..output import writing_to_stdout
    from ..text import shown

    keys = KeyStore()
    authority = declared_authority()
    until = retention_of_new(last_day(retain_until, retain_days))
    with create_case(folder, name=name, keys=keys, retain_until=until) as case:
        with acting(case, "create") as act:
            if until is not None:
                act.details["retain_until"] = str(until)
                act.covers("meta", RETAIN_UNTIL)
        if authority is not None:
            put_authority(case, authority)
        told = [
            f"created the case {case.name}: {case.path}",
            f"its key is in {keys.folder}; without it nobody can read the case",
            f"a copy of the key: retrofr case key export --case {folder} --out FILE",
        ]
        if until is not None:
            told.append(f"retention: {retention_of(case).describe()}")
        if authority is not None:
            told.append(authority.line())
    with writing_to_stdout():
        for line in told:
            click.echo(shown(line))
    return 0


@command.command("show", cls=Command, epilog=SHOW_EXAMPLES, short_help="Show what is in a case.")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@case_option(required=False)
@report_format_option
@common_options
def show(folder: Path | None, case_path: Path | None, format_name: str) -> int:
    """Show sizes, exhibits, counts, and what can be searched with which embedder."""
    from retrofr.case.describe import describe_case

    from ..case_view import facts_document, print_facts
    from ..output import table_output, writing_to_stdout

    with opened_case(one_case(folder, case_path), past_due=True) as case:
        facts = describe_case(case)
    with writing_to_stdout():
        if format_name == "json":
            click.echo(json.dumps(facts_document(facts), indent=2))
            return 0
        with table_output(sys.stdout) as console:
            print_facts(console, facts)
    return 0


@command.command("list", cls=Command, epilog=LIST_EXAMPLES, short_help="Find cases, and keys of cases.")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@report_format_option
@common_options
def list_cases(folders: tuple[Path, ...], format_name: str) -> int:
    """List the cases below some folders, by default the current one, and those of which there is a key.

    Nothing is opened.
    """
    from retrofr.case.finding import find_cases

    from ..case_view import list_document, print_list
    from ..output import table_output, writing_to_stdout

    found = find_cases(folders or (Path(),))
    with writing_to_stdout():
        if format_name == "json":
            click.echo(json.dumps(list_document(found), indent=2))
            return 0
        with table_output(sys.stdout) as console:
            print_list(console, found)
    return 0


@command.command("verify", cls=Command, epilog=VERIFY_EXAMPLES, short_help="Check every byte of a case.")
@case_option(required=True)
@common_options
def verify(case_path: Path) -> int:
    """Read and authenticate every page of a case, and hold its tables against each other."""
    from retrofr.case.verifying import verify_case

    from ..output import writing_to_stdout
    from ..text import counted, human_bytes, shown

    with opened_case(case_path) as case:
        checked = verify_case(case)
        path = case.path
    size = human_bytes(checked.pages * checked.page_bytes)
    with writing_to_stdout():
        click.echo(f"{shown(str(path))}: whole ({counted(checked.pages, 'page')}, {size}, all authenticated)")
    return 0


for other_command in (*COMMANDS, *OVERSIGHT_COMMANDS):
    command.add_command(other_command)


@command.group("key", epilog=KEY_EXAMPLES, short_help="Carry the key of a case, under a passphrase.")
def key() -> None:
    """Carry the key of a case to another machine or a safe, wrapped by a passphrase."""


PASSPHRASE_OPTION = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    cls=Option,
    section="Passphrase",
    help="Take the passphrase from the first line of a file.  [default ask on the terminal]",
)


@key.command("export", cls=Command, epilog=KEY_EXAMPLES, short_help="Write the key of a case to a file.")
@case_option(required=True)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section=SECTION,
    help="The file to make; one that is there is not replaced.",
)
@PASSPHRASE_OPTION
@common_options
def export_key(case_path: Path, out: Path, passphrase_file: Path | None) -> int:
    """Write the key of a case to a file that only a passphrase opens."""
    from retrofr.case.keys import KeyStore, write_privately
    from retrofr.case.wrapping import export_key as export

    if out.exists():
        raise OutputError("is there already", subject=str(out), hint="name another file with --out")
    with opened_case(case_path) as case:
        case_id, name = case.id, case.name
    data = export(KeyStore(), case_id, _passphrase(passphrase_file, confirm=True), name=name)
    try:
        write_privately(out, data)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(out)) from error
    _tell(f"wrote the key of the case {name}, wrapped by the passphrase: {out}")
    return 0


@key.command("import", cls=Command, epilog=KEY_EXAMPLES, short_help="Put a key into the key store.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@PASSPHRASE_OPTION
@common_options
def import_key(file: Path, passphrase_file: Path | None) -> int:
    """Put an exported key into the key store, so that its case can be opened."""
    from retrofr.case.keys import KeyStore
    from retrofr.case.wrapping import import_key as take_in

    try:
        with file.open("rb") as opened:
            data = opened.read(1 << 16)
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(file)) from error
    keys = KeyStore()
    brought = take_in(keys, data, _passphrase(passphrase_file, confirm=False), subject=str(file))
    _tell(f"the key of the case {brought.name or brought.case_id} is in {keys.folder}")
    return 0


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    """From a file or the terminal; never from the command line, which other users of a machine can read."""
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot be read ({error})", subject=str(file)) from error
        if not lines or not lines[0]:
            raise UsageError("its first line is empty", subject=str(file))
        return lines[0]
    if not _at_a_terminal():
        raise UsageError("no passphrase: this is no terminal", hint="name a file with --passphrase-file FILE")
    text: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return text


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _tell(line: str) -> None:
    from ..output import writing_to_stdout
    from ..text import shown

    with writing_to_stdout():
        click.echo(shown(line))
