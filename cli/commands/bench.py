"""``retrofr bench``: how fast this machine indexes given footage, and where the time goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from retrofr.settings import DetectSettings, EmbedSettings

from ..footage_list import footage_argument
from ..interrupts import STOPPING_AS_JSON, interruptible
from ..options import (
    Command,
    Option,
    PartName,
    common_options,
    device_option,
    gather_settings,
    report_format_option,
    setting_option,
    settings_options,
)
from ..progress import progress_options, reporter
from ..sampling_options import sampling_options

if TYPE_CHECKING:
    from retrofr.speed.measured import SpeedResult

STOPPING = b"\nstopping: what was measured so far will be shown; press Ctrl-C again to leave at once\n"

EXAMPLES = """\b
Examples:
  How fast is a recording indexed here, and how long would 500 hours take?
    retrofr bench camera-1.mp4 --hours 500
  Does a first pass over keyframes pay?
    retrofr bench camera-1.mp4 --rate keyframes
  A quick look at a folder, for a script:
    retrofr bench footage/ --seconds 20 --rounds 1 --format json

\b
Exit codes:
  0 measured   10 some of it was not, or is damaged   3 nothing was measured
  2 usage or settings   6 model or device   7 output   8 refused   130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Measure how fast footage is indexed here.")
@footage_argument(required=True)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=86_400),
    default=60.0,
    metavar="NUMBER",
    cls=Option,
    section="How to measure",
    help="Read so much of each recording, from its beginning.  [default 60 s of media time]",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=3,
    metavar="NUMBER",
    cls=Option,
    section="How to measure",
    help="Measure so often; medians are shown.  [default 3]",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    metavar="NUMBER",
    cls=Option,
    section="How to measure",
    help="Also say how long so many hours of such footage would take.",
)
@report_format_option
@sampling_options("How to index")
@setting_option("--detector", DetectSettings, "detector", section="How to index", type=PartName("detectors"))
@setting_option("--embedder", EmbedSettings, "embedder", section="How to index", type=PartName("embedders"))
@device_option("How to index")
@settings_options("How to index", example="parts.yunet.min_face_pixels=40")
@progress_options(told="what was not measured")
@common_options
def command(
    footage: tuple[str, ...],
    seconds: float,
    rounds: int,
    hours: float | None,
    format_name: str,
    settings_file: Any,
    assignments: tuple[str, ...],
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Measure how fast recorded FOOTAGE (files, folders, globs) is indexed on this machine, beside decoding it alone.

    Faces are found, tracked and embedded as by `retrofr index`, counted and forgotten: nothing is written or kept.
    No case is needed. Other work on the machine spoils the figures; how much there was is shown.
    """
    from retrofr.speed.measuring import measure_speed

    settings = gather_settings(settings_file, assignments, flags)
    listener = reporter(progress, quiet=quiet)
    with interruptible(STOPPING_AS_JSON if progress == "json" else STOPPING) as stop, listener:
        result = measure_speed(
            footage, settings=settings, seconds=seconds, rounds=rounds, listener=listener, stop=stop
        )
    _print(result, hours, format_name)
    return result.exit_code


def _print(result: SpeedResult, hours: float | None, format_name: str) -> None:
    from ..output import table_output, writing_to_stdout

    with writing_to_stdout():
        if format_name == "json":
            from retrofr.documents import encoded, json_text
            from retrofr.speed.documents import speed_document

            sys.stdout.flush()
            sys.stdout.buffer.write(encoded(json_text(speed_document(result, hours), indent=2) + "\n"))
            return
        from ..speed_view import print_speed

        with table_output(sys.stdout) as console:
            print_speed(console, result, hours)
