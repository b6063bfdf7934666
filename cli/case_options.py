"""``--case`` and what comes with it: shared by every command that works on a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

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
        metavar="DIR",
        cls=Option,
        section=SECTION,
        help="The case: its folder, or its file case.db.",
    )


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


def opened_case(path: Path, *, write: bool = False, wait: float = 0.0) -> Case:
    """Open a case with its key of the key store, asking nothing; a context manager.

    Raises:
        CaseError: as :func:`retrofr.case.store.open_case`.
    """
    from retrofr.case.store import open_case

    return open_case(path, write=write, wait_seconds=wait)
