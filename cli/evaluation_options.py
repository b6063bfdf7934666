"""Options of the commands that measure on labelled photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .options import Option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def exclude_option(function: Decorated) -> Decorated:
    """``--exclude``: pairs of people whose labels are in doubt."""
    return click.option(
        "--exclude",
        type=click.Path(path_type=Path),
        metavar="FILE",
        cls=Option,
        section="Material",
        help="Pairs of people whose labels are in doubt, TOML: [[pair]] with people and reason. What they compare "
        "does not count.",
    )(function)


def gate_option(function: Decorated) -> Decorated:
    """``--gate``: whether a face that a search would not compare is a failure to acquire."""
    return click.option(
        "--gate",
        is_flag=True,
        cls=Option,
        section="Material",
        help="Count a face that a search would not compare in footage (too small, turned away) as not found.",
    )(function)
