"""``--operator``: who acts, for the audit log and for what is signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .options import Option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def operator_option(section: str) -> Callable[[Decorated], Decorated]:
    """``--operator NAME``; the command itself is given nothing, the library knows who acts while it runs."""
    return click.option(
        "--operator",
        metavar="NAME",
        expose_value=False,
        callback=_declare,
        cls=Option,
        section=section,
        help="Who does this, for the audit log.  [default RETROFR_OPERATOR, else the system's user, as not stated]",
    )


def _declare(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None or ctx.resilient_parsing:
        return
    from retrofr.oversight.operators import declare

    declare(value)
    ctx.call_on_close(lambda: declare(None))
