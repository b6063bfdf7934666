"""``--case`` and what comes with it: shared by every command that works on a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import RefusedError, UsageError
from retrofr.refusals import CASES_APART

from .options import Option

if TYPE_CHECKING:
    from retrofr.case.store import Case

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SECTION = "Case"


def case_option(required: bool) -> Callable[[Decorated], Decorated]:
    """``--case DIR``, given to the command as ``case_path``: a Path, None where it may be left out and is."""
    return click.option(
        "--case",
        "case_path",
        type=click.Path(path_type=Path),
        required=required,
        multiple=True,
        callback=lambda _ctx, _option, paths: at_most_one_case(paths),
        metavar="DIR",
        cls=Option,
        section=SECTION,
        help="The case: its folder, or its file case.db.",
    )


def one_case(folder: Path | None, case_path: Path | None) -> Path:
    """The case that was named as DIR or with ``--case DIR``: one of the two (UsageError)."""
    if (folder is None) == (case_path is None):
        raise UsageError(
            "name one case, as DIR or with --case DIR", hint="`retrofr case list` says which there are"
        )
    return folder or case_path or Path()


def at_most_one_case(paths: Sequence[Path]) -> Path | None:
    """The case that was named, None where none was; two are refused instead of taking the last, as click would.

    Raises:
        RefusedError: more than one was named.
    """
    if len(paths) > 1:
        raise RefusedError("one case at a time", subject="--case", hint=CASES_APART)
    return paths[0] if paths else None


def wait_option(function: Decorated) -> Decorated:
    """``--wait SECONDS`` of commands that write, given as ``wait_seconds``."""
    return click.option(
        "--wait",
        "wait_seconds",
        type=click.FloatRange(0),
        default=0.0,
        metavar="SECONDS",
        cls=Option,
        section=SECTION,
        help="How long to wait where another process is writing to the case.  [default 0 s]",
    )(function)


def opened_case(path: Path, *, write: bool = False, wait: float = 0.0, past_due: bool = False) -> Case:
    """Open a case with its key of the key store, asking nothing; a context manager.

    ``past_due``: also after its retention date.

    Raises:
        CaseError, RefusedError: as :func:`retrofr.case.store.open_case`.
    """
    from retrofr.case.store import open_case

    return open_case(path, write=write, wait_seconds=wait, past_due=past_due)
