"""``retrofr doctor``: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from retrofr.errors import ModelError

from ..options import Command, common_options, report_format_option

if TYPE_CHECKING:
    from ..diagnosis import Finding

SCHEMA = "retrofr.doctor/1"
STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}

EXAMPLES = """\b
Examples:
  retrofr doctor
  retrofr doctor --format json > machine.json

\b
Exit codes:
  0 a plain search can run on this machine   6 it cannot
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Check this machine, and say what to do.")
@report_format_option
@common_options
def command(format_name: str) -> int:
    """Check versions, devices, codecs, detectors, embedders, weights and free space.

    Every detector and embedder is really loaded, which takes a few seconds. Nothing is sent anywhere.
    """
    from ..diagnosis import Level, diagnose

    findings = []
    problems = 0
    area = ""
    for finding in diagnose():
        findings.append(finding)
        problems += finding.level is Level.PROBLEM
        if format_name == "table":
            if finding.area != area:
                area = finding.area
                _print_heading(area)
            _print_finding(finding)
    if format_name == "json":
        _print_json(findings, problems)
    else:
        _print_verdict(problems, sum(f.level is Level.NOTE for f in findings))
    return ModelError.exit_code if problems else 0


def _print_heading(area: str) -> None:
    from ..output import table_output, writing_to_stdout

    with writing_to_stdout(), table_output(sys.stdout) as console:
        console.print()
        console.print(area, style="bold", markup=False)


def _print_finding(finding: Finding) -> None:
    """As soon as it is known: the loading of large nets takes a moment."""
    from rich.table import Table
    from rich.text import Text

    from ..output import table_output, writing_to_stdout
    from ..text import shown

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=7, no_wrap=True)
    grid.add_column(width=26, overflow="fold")
    grid.add_column(overflow="fold")
    text = Text(shown(finding.detail))
    if finding.advice:
        text.append(f"\n→ {shown(finding.advice)}", style="dim")
    grid.add_row(Text(finding.level, style=STYLES[finding.level]), shown(finding.name), text)
    with writing_to_stdout(), table_output(sys.stdout) as console:
        console.print(grid)


def _print_verdict(problems: int, notes: int) -> None:
    from ..output import table_output, writing_to_stdout
    from ..text import counted

    if problems:
        verdict = f"{counted(problems, 'problem')}: a plain search cannot run on this machine."
    else:
        verdict = "A plain search can run on this machine."
        if notes:
            verdict += f" ({counted(notes, 'note')} above.)"
    with writing_to_stdout(), table_output(sys.stdout) as console:
        console.print()
        console.print(verdict, style="bold red" if problems else "bold green", markup=False)


def _print_json(findings: Iterable[Finding], problems: int) -> None:
    from ..output import writing_to_stdout

    document = {
        "schema": SCHEMA,
        "can_search": not problems,
        "findings": [asdict(finding) for finding in findings],
    }
    with writing_to_stdout():
        click.echo(json.dumps(document, indent=2))
