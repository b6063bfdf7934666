"""``retrofr completion``: makes the shell complete commands, options and names."""

from __future__ import annotations

import os
from pathlib import Path

import click

from retrofr.errors import UsageError

from ..options import Command, common_options

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = """\b
Examples:
  bash:  retrofr completion bash >> ~/.bashrc
  zsh:   retrofr completion zsh >> ~/.zshrc
  fish:  retrofr completion fish > ~/.config/fish/completions/retrofr.fish
Then open a new shell.
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Make the shell complete commands and options.")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@common_options
def command(shell: str | None) -> int:
    """Print the script that makes SHELL complete retrofr's commands and options.

    Without SHELL, the one of $SHELL is taken.
    """
    own = Path(os.environ.get("SHELL", "")).name
    chosen = shell or (own if own in SHELLS else None)
    if chosen is None:
        raise UsageError(
            "which shell is it for?", hint=f"name one of {', '.join(SHELLS)}: retrofr completion bash"
        )
    from click.shell_completion import get_completion_class

    from ..main import COMPLETION_VARIABLE, cli

    kind = get_completion_class(chosen)
    assert kind is not None
    click.echo(kind(cli, {}, "retrofr", COMPLETION_VARIABLE).source())
    return 0
