"""``--unredacted``: shared by every command that writes pictures; a reason is demanded, and it is logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from retrofr.errors import UsageError

from .options import Option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def unredacted_option(pictures: str, section: str = "Result") -> Callable[[Decorated], Decorated]:
    """``--unredacted REASON``, given to the command as ``unredacted``: the reason, None where it is not given.

    Args:
        pictures: the option that has pictures written, for the help.
        section: of the help.
    """
    return click.option(
        "--unredacted",
        metavar="REASON",
        callback=_reason,
        cls=Option,
        section=section,
        help=f"Hide nobody in the pictures of {pictures}. The reason goes into the audit log and the result.",
    )


def refuse_without_pictures(unredacted: str | None, written: object, option: str) -> None:
    """Refuse ``--unredacted`` where no picture is written.

    Raises:
        UsageError: it is given, and what ``option`` names is not.
    """
    if unredacted is not None and written is None:
        raise UsageError(
            f"goes with {option}", subject="--unredacted", hint="without it no picture is written"
        )


def _reason(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value is None or ctx.resilient_parsing:
        return None
    from retrofr.redaction.record import reason_given

    return reason_given(value)
