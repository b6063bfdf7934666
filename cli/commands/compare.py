"""``retrofr compare``: the face of one picture against that of another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.settings import DetectSettings, EmbedSettings, SearchSettings

from ..operator_option import operator_option
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
from ..oversight_options import oversight_options
from ..progress import progress_options, reporter
from ..statement_options import operating_points_option

if TYPE_CHECKING:
    from retrofr.comparing import PictureComparison

EXAMPLES = """\b
Examples:
  Is the face of one picture like that of another?
    retrofr compare suspect.jpg still.png
  The second face from the left of a group photo, with a page to look at:
    retrofr compare suspect.jpg group.jpg#2 --out comparison/
  In a script:
    retrofr compare a.jpg b.jpg --format json

\b
Exit codes:
  0 compared, whatever the score   2 usage, settings or a picture
  6 model or device   7 output   8 refused by a policy or the authority
  130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Compare the faces of two pictures.")
@click.argument("left", metavar="A[#N]", type=click.Path())
@click.argument("right", metavar="B[#N]", type=click.Path())
@report_format_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    cls=Option,
    section="Result",
    help="Also write a page with both faces side by side to this folder. It must be new or empty.",
)
@setting_option("--fmr", SearchSettings, "fmr", section="Result", metavar="RATE")
@operating_points_option("Result")
@setting_option("--threshold", SearchSettings, "threshold", section="Result")
@setting_option(
    "--detector", DetectSettings, "detector", section="How to compare", type=PartName("detectors")
)
@setting_option("--embedder", EmbedSettings, "embedder", section="How to compare", type=PartName("embedders"))
@device_option("How to compare")
@oversight_options("Record", probes=False)
@operator_option("Record")
@settings_options("How to compare", example="parts.yunet.min_face_pixels=40")
@progress_options(told="errors")
@common_options
def command(
    left: str,
    right: str,
    format_name: str,
    out: Path | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Compare the face of picture A with the face of picture B.

    #N picks face N of a picture with several, left to right. Prints both faces' quality, their score, what a search
    would make of it, and what the score says for or against one person where that was validated.
    """
    from retrofr.comparing import compare_pictures

    settings = gather_settings(settings_file, assignments, flags)
    with reporter(progress, quiet=quiet) as listener:
        result = compare_pictures(left, right, settings=settings, listener=listener)
    written = None if out is None else _write(result, out)
    _print(result, format_name, written)
    return 0


def _write(result: PictureComparison, out: Path) -> str:
    from retrofr.comparing_page import write_comparison

    from ..comparing_view import comparison_rows
    from ..text import shown

    facts = [(row.label, row.text) for row in comparison_rows(result)]
    return f"{shown(str(out))}: {', '.join(write_comparison(result, facts, out))}"


def _print(result: PictureComparison, format_name: str, written: str | None) -> None:
    from ..output import table_output, writing_to_stdout

    with writing_to_stdout():
        if format_name == "json":
            from retrofr.comparing import comparison_document
            from retrofr.documents import encoded, json_text

            sys.stdout.flush()
            sys.stdout.buffer.write(encoded(json_text(comparison_document(result), indent=2) + "\n"))
            return
        from ..comparing_view import print_comparison

        with table_output(sys.stdout) as console:
            print_comparison(console, result, written)
