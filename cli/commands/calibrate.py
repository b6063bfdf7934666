"""``retrofr calibrate``: operating points measured on labelled photos."""

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import OutputError, UsageError
from retrofr.settings import DetectSettings, EmbedSettings

from ..evaluation_options import exclude_option, gate_option
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
from ..progress import progress_options

if TYPE_CHECKING:
    from retrofr.evaluation.calibrating import About, Calibrated
    from retrofr.settings import Settings

EXAMPLES = """\b
Examples:
  Measure operating points on your own photos, a folder for each person:
    retrofr calibrate photos/ --out operating-points.toml --name lobby
  Search by them:
    retrofr search footage/ --probe a.jpg --fmr 1e-4 \\
        --operating-points operating-points.toml
  For all searches of a case:
    retrofr calibrate photos/ --out CASE/operating-points.toml

\b
Exit codes:
  0 written   10 something could not be read   2 usage, settings or labels
  3 nothing readable   6 model or device   7 output   130 stopped
"""
WITH = "How to compare"
SAID = "What the file says"


@click.command(cls=Command, epilog=EXAMPLES, short_help="Measure thresholds and likelihood ratios.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Where to write the operating points. The file must not exist.",
)
@report_format_option
@exclude_option
@gate_option
@click.option(
    "--hold-out",
    type=click.FloatRange(0.1, 0.9),
    default=0.5,
    metavar="SHARE",
    cls=Option,
    section="Material",
    help="Share of the people on whom the claims of the others are tried; the file is fitted to all.  [default 0.5]",
)
@click.option(
    "--name",
    metavar="TEXT",
    cls=Option,
    section=SAID,
    help="What the data are called.  [default the folder's name]",
)
@click.option(
    "--conditions",
    metavar="TEXT",
    cls=Option,
    section=SAID,
    help="What the photos are like.  [default one photo against one photo]",
)
@click.option(
    "--date", "made", metavar="DAY", cls=Option, section=SAID, help="When it was measured.  [default today]"
)
@setting_option("--detector", DetectSettings, "detector", section=WITH, type=PartName("detectors"))
@setting_option("--embedder", EmbedSettings, "embedder", section=WITH, type=PartName("embedders"))
@device_option(WITH)
@settings_options(WITH, example="parts.yunet.min_face_pixels=40")
@progress_options(told="gaps")
@common_options
def command(
    folder: Path,
    out: Path,
    format_name: str,
    exclude: Path | None,
    gate: bool,
    hold_out: float,
    name: str | None,
    conditions: str | None,
    made: str | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Measure on the labelled photos of FOLDER what scores are worth, and write it to a file that searches go by.

    Thresholds with their error rates; likelihood ratios with the bounds that the data carry; both by the size,
    sharpness and turn of the worse face. People who had no part in it confirm it or not.
    """
    from retrofr.calibration.operating import write_operating_points
    from retrofr.evaluation.calibrating import CONDITIONS, About, today
    from retrofr.evaluation.calibration_documents import calibration_document, exit_code

    from ..calibration_words import calibration_sections
    from ..evaluation_output import print_report

    settings = gather_settings(settings_file, assignments, flags)
    _check_out(out)
    about = About(
        name or folder.resolve().name,
        conditions or CONDITIONS,
        today() if made is None else _day(made),
        _command(folder, exclude, gate, flags),
    )
    calibrated = _calibrated(folder, settings, exclude, gate, hold_out, about, progress, quiet)
    _check_out(out)
    write_operating_points(calibrated.points, out)
    document = calibration_document(calibrated, out)
    print_report(calibration_sections(calibrated), document, format_name, str(out))
    return exit_code(calibrated)


def _calibrated(
    folder: Path,
    settings: Settings,
    exclude: Path | None,
    gate: bool,
    hold_out: float,
    about: About,
    progress: str,
    quiet: bool,
) -> Calibrated:
    from retrofr.evaluation.calibrating import calibrate_photos
    from retrofr.evaluation.evaluating import acquire
    from retrofr.evaluation.labels import read_exclusions
    from retrofr.evaluation.material import read_photos

    from ..evaluation_progress import PhotoProgress

    exclusions = () if exclude is None else read_exclusions(exclude)
    material = read_photos(folder)
    with PhotoProgress(progress, quiet=quiet) as told:
        labelled = acquire(material, settings, told, gate=gate)
    return calibrate_photos(labelled, settings, about, exclusions=exclusions, hold_out_share=hold_out)


def _check_out(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise OutputError(
            "exists already, and operating points are never overwritten",
            subject=str(out),
            hint="name another file with --out, or move this one away",
        )
    if not out.parent.is_dir():
        raise OutputError("there is no such folder to write to", subject=str(out.parent))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day like 2026-11-23", subject="--date") from error


def _command(folder: Path, exclude: Path | None, gate: bool, flags: dict[str, Any]) -> str:
    """How the file can be made again, as far as it concerns the figures."""
    words = ["retrofr", "calibrate", str(folder)]
    words += ["--exclude", str(exclude)] if exclude is not None else []
    words += ["--gate"] if gate else []
    for name, flag in (("detect__detector", "--detector"), ("embed__embedder", "--embedder")):
        words += [flag, str(flags[name])] if flags.get(name) is not None else []
    return shlex.join(words)
