"""The command ``retrofr``: finds its commands, and turns every ending into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from retrofr import __version__

from .failures import Failure, failure_of, report

COMMANDS = (
    "search",
    "compare",
    "index",
    "people",
    "verdict",
    "export",
    "report",
    "verify",
    "replay",
    "case",
    "audit",
    "policy",
    "inspect",
    "evaluate",
    "calibrate",
    "bench",
    "models",
    "doctor",
    "completion",
)
NAME = "retrofr"  # whatever the file is called that was started
COMPLETION_VARIABLE = "_RETROFR_COMPLETE"  # set by the script that `retrofr completion` prints
EXIT_READER_GONE = 141  # what a shell gives for a program that SIGPIPE ended


class Retrofr(click.Group):
    """Imports a command when it is asked for, and ends alike in a process and under a test runner.

    ``debug`` and ``json_failures`` are set by options of the command that runs.
    """

    debug = False
    json_failures = False

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f".commands.{cmd_name}", __package__).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            known = ", ".join(COMMANDS)
            raise click.UsageError(f"no command is called {args[0]!r}; there are: {known}", ctx) from error

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run and exit; nothing but SystemExit leaves here.

        Click's own ``main`` is not used: it exits with 1 where the reader of stdout went away and on Ctrl-C.
        """
        self.debug = bool(os.environ.get("RETROFR_DEBUG"))
        self.json_failures = False
        if instruction := os.environ.get(COMPLETION_VARIABLE):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, NAME, COMPLETION_VARIABLE, instruction))
        try:
            code = self._run(sys.argv[1:] if args is None else list(args), extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_the_reader()
            code = EXIT_READER_GONE
        except (Exception, KeyboardInterrupt) as error:
            code = self._fail(failure_of(error))
        sys.exit(code)

    def _run(self, args: list[str], extra: dict[str, Any]) -> int:
        for name in ("prog_name", "complete_var", "standalone_mode"):  # what click's own would take
            extra.pop(name, None)
        try:
            with self.make_context(NAME, args, **extra) as ctx:
                result = self.invoke(ctx)
        except click.exceptions.Exit as leaving:  # --help and --version
            return leaving.exit_code
        return result if isinstance(result, int) else 0

    def _fail(self, failure: Failure) -> int:
        try:
            report(failure, as_json=self.json_failures, debug=self.debug)
        except BrokenPipeError:
            _forget_the_reader()
        return failure.exit_code


def _forget_the_reader() -> None:
    """Point stdout and stderr at nothing, so that flushing at exit does not complain about the closed pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nothing, stream.fileno())


@click.group(
    cls=Retrofr,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nFor example:\n"
    "  retrofr search footage/ --probe suspect.jpg --out results/\n"
    "  retrofr search cam1.mp4 cam2.mkv --probe anna=photos-of-anna/ --top 10\n"
    "  retrofr doctor\n\n"
    "Results go to stdout, messages and progress to stderr. Exit codes: 0 finished (no hit is a result), "
    "1 a replay differs, 10 finished with gaps, 2 usage, 3 nothing could be searched, 4 integrity, 6 model, "
    "7 output, 8 refused, 70 a bug, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", message="retrofr %(version)s")
def cli() -> None:
    """Search recorded footage for a face and list where to look.

    What comes out are investigative leads, to be examined by a person: places in the footage, how well they
    compare, and what was not searched.
    """


def main() -> NoReturn:
    """The entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets an escape in its place, not a crash.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli.main()
