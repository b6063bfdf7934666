"""``--authority``, ``--reason``, ``--probe-record``: what makes a search lawful, said to the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .options import Option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)


def authority_option(section: str) -> Callable[[Decorated], Decorated]:
    """``--authority FILE``; the command itself is given nothing, the library knows it while it runs."""
    return _declared(
        "--authority",
        section,
        type=_FILE,
        metavar="FILE",
        help="Record of who allowed this, for what, until when and of what (TOML).  "
        "[default RETROFR_AUTHORITY, else the case's; none: authority: not recorded]",
    )


def oversight_options(section: str, *, probes: bool) -> Callable[[Decorated], Decorated]:
    """``--authority``, ``--reason`` and, where there are probes, ``--probe-record``; given to the library alike."""

    def decorate(function: Decorated) -> Decorated:
        reason = _declared("--reason", section, metavar="TEXT", help="Why this is done; kept in the log.")
        record = _declared(
            "--probe-record",
            section,
            type=_FILE,
            metavar="FILE",
            help="Where the pictures came from, for those without a record beside them (suspect.jpg.toml).",
        )
        return authority_option(section)(reason(record(function) if probes else function))

    return decorate


def _declared(flag: str, section: str, **extra: Any) -> Callable[[Decorated], Decorated]:
    return click.option(flag, expose_value=False, callback=_declare, cls=Option, section=section, **extra)


def _declare(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is None or ctx.resilient_parsing:
        return
    from retrofr.oversight.declared import declare, undeclare

    declare(**{str(parameter.name): value})
    ctx.call_on_close(undeclare)
