"""``retrofr policy``: what an organisation demands of every search, and where it says so."""

from __future__ import annotations

import json
from pathlib import Path

import click

from retrofr.errors import OutputError, UsageError

from ..case_options import case_option
from ..options import Command, Option, common_options, report_format_option

EXAMPLES = """\b
Examples:
  What is demanded here, and by which file:
    retrofr policy show
  Begin with a template, change it, and see whether it can be read:
    retrofr policy write uk-police-rfr --out policy.toml
    retrofr policy check policy.toml
"""

SHOW_EXAMPLES = """\b
Examples:
  retrofr policy show
  retrofr policy show --case cases/harbour --format json
"""

CHECK_EXAMPLES = """\b
Examples:
  retrofr policy check policy.toml

\b
Exit codes:
  0 it can be read; what it demands is printed
  2 it cannot; file, line and field are named
"""

WRITE_EXAMPLES = """\b
Examples:
  retrofr policy write open
  retrofr policy write eu-ai-act-26-10 --out policy.toml
"""


@click.group(epilog=EXAMPLES, short_help="What is demanded of every search, and by whom.")
def command() -> None:
    """Show, check and write policies: what must be there before anything is searched.

    A policy is a TOML file of the machine, of the user, of a case, or the one that RETROFR_POLICY names. All that are
    there apply, and the strictest demand of each counts. What does not meet it is refused (exit code 8) and logged.
    """


@command.command("show", cls=Command, epilog=SHOW_EXAMPLES, short_help="Show what is demanded here.")
@case_option(required=False)
@report_format_option
@common_options
def show(case_path: Path | None, format_name: str) -> int:
    """Show what the policies that apply demand together, and which file demands it; with --case also that of a case."""
    from retrofr.oversight.policy import applying_policy, policy_paths

    from ..oversight_view import policy_document, policy_lines
    from ..text import shown

    folder = None if case_path is None else _folder(case_path)
    policy = applying_policy(folder)
    if format_name == "json":
        _print(json.dumps(policy_document(policy), indent=2))
        return 0
    if not policy.files:
        looked = [f"  {whose}: {shown(str(path))}" for whose, path in policy_paths(folder).items()]
        _print("\n".join(["no policy applies, so nothing is demanded; looked for:", *looked]))
        return 0
    _print("\n".join(policy_lines(policy)))
    return 0


@command.command("check", cls=Command, epilog=CHECK_EXAMPLES, short_help="See whether a policy can be read.")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@report_format_option
@common_options
def check(file: Path, format_name: str) -> int:
    """Read a policy, and say what it demands."""
    from retrofr.oversight.policy import read_policy

    from ..oversight_view import policy_document, policy_lines

    policy = read_policy(file)
    as_json = format_name == "json"
    _print(json.dumps(policy_document(policy), indent=2) if as_json else "\n".join(policy_lines(policy)))
    return 0


@command.command("write", cls=Command, epilog=WRITE_EXAMPLES, short_help="Write a template of a policy.")
@click.argument("name", metavar="NAME")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="The file to make; one that is there is not replaced.  [default standard output]",
)
@common_options
def write(name: str, out: Path | None) -> int:
    """Write a template: open (demands nothing), uk-police-rfr or eu-ai-act-26-10, each with its sources.

    They are starting points and no legal advice; where a line is our reading, it says so.
    """
    from retrofr.oversight.policy import template

    text = template(name)
    if out is None:
        _print(text.rstrip("\n"))
        return 0
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise OutputError(
            "is there already", subject=str(out), hint="name another file with --out"
        ) from error
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(out)) from error
    _print(
        f"wrote {out}; it applies where RETROFR_POLICY names it, or as policy.toml in the folder of a case"
    )
    return 0


def _folder(case: Path) -> Path:
    folder = case if case.is_dir() else case.parent
    if not (folder / "case.json").is_file():
        raise UsageError("there is no such case", subject=str(case))
    return folder


def _print(text: str) -> None:
    from ..output import writing_to_stdout

    with writing_to_stdout():
        click.echo(text)
