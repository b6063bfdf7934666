"""Options that decide on the threshold and on what error rates are taken from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .options import STAGE_JOINT, Option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def operating_points_option(section: str) -> Callable[[Decorated], Decorated]:
    """``--operating-points``; what it holds is found by :func:`retrofr_cli.options.gather_settings`."""
    return click.option(
        "--operating-points",
        f"search{STAGE_JOINT}operating_points",
        metavar="FILE",
        default=None,
        cls=Option,
        section=section,
        help="What error rates and likelihood ratios are taken from, as `retrofr calibrate` writes it.  "
        "[default what was measured of the embedder]",
    )
