"""``--footage`` and ``--margin`` of exports that are cut from the recordings."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from retrofr.errors import UsageError

from .options import Option
from .text import counted, shown

if TYPE_CHECKING:
    from retrofr.case.store import Case
    from retrofr.exporting.formats import Format
    from retrofr.exporting.material import ClipSource, Material

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

MARGIN = 2.0
LONGEST_MARGIN = 600.0


def clip_options(section: str) -> Callable[[Decorated], Decorated]:
    """``--footage DIR`` and ``--margin SECONDS``, given as ``footage`` and ``margin``; None where not given."""

    def decorate(command: Decorated) -> Decorated:
        margin = click.option(
            "--margin",
            type=click.FloatRange(0, LONGEST_MARGIN),
            metavar="SECONDS",
            cls=Option,
            section=section,
            help=f"Shown in a clip before and after each appearance.  [default {MARGIN:g}]",
        )
        footage = click.option(
            "--footage",
            type=click.Path(path_type=Path),
            metavar="DIR",
            cls=Option,
            section=section,
            help="Where the recordings lie that clips are cut from; they are known by their SHA-256.",
        )
        return footage(margin(command))

    return decorate


def check_clip_options(wanted: Format, footage: Path | None, margin: float | None) -> Fraction:
    """The margin, once the options fit the format.

    Raises:
        UsageError: the format is cut from footage and none is given, or it is not and an option for it is given.
    """
    name = f"--format {wanted.name}"
    if wanted.needs_footage and footage is None:
        hint = "name the folder that they lie in with --footage"
        raise UsageError("is cut from the recordings", subject=name, hint=hint)
    for option, given in (("--footage", footage), ("--margin", margin)):
        if given is not None and not wanted.needs_footage:
            raise UsageError("goes with --format clips", subject=option, hint=f"leave out {option}")
    return Fraction(str(MARGIN if margin is None else margin))


@contextlib.contextmanager
def clips_of(
    case: Case, material: Material, footage: Path | None, unredacted: str | None
) -> Iterator[ClipSource | None]:
    """What cuts clips; None where no footage is given. Whom they hide is said on stderr."""
    if footage is None:
        yield None
        return
    from retrofr.exporting.case_clips import case_clips
    from retrofr.redaction.record import NOBODY_HIDDEN

    number, drawn = len(material.appearances), sys.stderr.isatty()

    def told(name: str, begun: int) -> None:
        if drawn:
            print(f"\r\x1b[Kclip {begun:,} of {number:,}: {shown(name)}", end="", file=sys.stderr, flush=True)

    with case_clips(case, material, footage, redact=unredacted is None, told=told) as clips:
        saying = (
            f"{NOBODY_HIDDEN} ({shown(unredacted)})" if unredacted is not None else clips.check.how.describe()
        )
        print(f"{counted(number, 'clip')}: {saying}", file=sys.stderr)
        try:
            yield clips
        finally:
            if drawn:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
