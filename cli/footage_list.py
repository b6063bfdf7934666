"""FOOTAGE as a list of paths on standard input, for pipelines: ``find … -print0 | retrofr search - --probe a.jpg``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from retrofr.errors import RefusedError, UsageError
from retrofr.refusals import RECORDED_ONLY

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

LIST = "-"
MOST_BYTES = 64 << 20
"""Of a list: some million paths. What is longer is more likely a recording."""

# What no path has in practice and every recording has soon; line ends and the ends of names are told apart before.
_NOT_IN_PATHS = bytes(sorted(set(range(1, 32)) - set(b"\t\n\r")))
_EXAMPLE = "for example: find evidence/ -name '*.mp4' -print0 | retrofr search - --probe suspect.jpg"


def footage_argument(*, required: bool) -> Callable[[Decorated], Decorated]:
    """``FOOTAGE`` of a command: names as they were given, those of a list put in place of ``-``."""
    return click.argument("footage", nargs=-1, required=required, type=click.Path(), callback=_listed)


def _listed(_: click.Context, __: click.Parameter, footage: tuple[str, ...]) -> tuple[str, ...]:
    if LIST not in footage:
        return footage
    if footage.count(LIST) > 1:
        raise UsageError("is named twice, and there is one standard input", subject=LIST)
    at = footage.index(LIST)
    return (*footage[:at], *read_list(), *footage[at + 1 :])


def read_list() -> tuple[str, ...]:
    """The paths on standard input, each ended by NUL if there is one in it, else by a line's end.

    Raises:
        UsageError: standard input is a terminal, or holds no path.
        RefusedError: what comes is no list of paths; a recording itself is not read from standard input.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("a list of files is expected on standard input", subject=LIST, hint=_EXAMPLE)
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES or data.translate(None, _NOT_IN_PATHS) != data:
        raise RefusedError(
            "what comes on standard input is no list of paths",
            subject=LIST,
            hint=f"{RECORDED_ONLY}\n{_EXAMPLE}",
        )
    if b"\0" in data:
        names = data.split(b"\0")
    else:
        names = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    paths = tuple(os.fsdecode(name) for name in names if name)
    if not paths:
        raise UsageError("the list on standard input is empty", subject=LIST, hint=_EXAMPLE)
    return paths
