"""Options that say which frames of footage are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from retrofr.settings import SamplingSettings

from .options import KEYFRAMES, STAGE_JOINT, Option, setting_option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class _Rate(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.5 on
    """A number, or the word that stands for keyframes alone."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        if value == KEYFRAMES:
            return KEYFRAMES
        try:
            return float(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is neither a number nor {KEYFRAMES}", param, ctx)


def sampling_options(section: str) -> Callable[[Decorated], Decorated]:
    """``--rate`` and ``--no-gate``, whose values go to :func:`gather_settings`."""

    def decorate(function: Decorated) -> Decorated:
        no_gate = click.option(
            "--no-gate",
            f"{SamplingSettings.stage}{STAGE_JOINT}gate",
            flag_value=False,
            type=click.BOOL,
            default=None,
            cls=Option,
            section=section,
            help="Look at every sample, also where nothing in the picture has changed.",
        )
        rate = setting_option(
            "--rate", SamplingSettings, "rate", section=section, type=_Rate(), metavar=f"NUMBER|{KEYFRAMES}"
        )
        return rate(no_gate(function))

    return decorate
