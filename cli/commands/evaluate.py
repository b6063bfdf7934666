"""``retrofr evaluate``: error rates measured on labelled material."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import UsageError
from retrofr.settings import DetectSettings, EmbedSettings

from ..evaluation_options import exclude_option, gate_option
from ..interrupts import interruptible
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
from ..statement_options import operating_points_option
from ..text import counted

if TYPE_CHECKING:
    from retrofr.evaluation.evaluating import Evaluation
    from retrofr.settings import Settings

    from ..reporters import Reporter

EXAMPLES = """\b
Examples:
  Error rates on photos, a folder for each person or an index.tsv:
    retrofr evaluate photos/
  The same with a page to look at, labels in doubt left out:
    retrofr evaluate photos/ --exclude doubtful.toml --out evaluation/
  By groups whose labels you hold (identity, group):
    retrofr evaluate photos/ --groups groups.csv
  Searches over footage of which somebody wrote down who is in it:
    retrofr evaluate probes/ --footage cam1.mp4 --truth truth.tsv
  For a script:
    retrofr evaluate photos/ --format json > evaluation.json

\b
Exit codes:
  0 measured   10 something could not be read   2 usage, settings or labels
  3 nothing readable   6 model or device   7 output   130 stopped
"""
WITH = "How to compare"
STOPPING = b"\nstopping: what was looked at so far will be measured; press Ctrl-C again to leave at once\n"


@click.command(cls=Command, epilog=EXAMPLES, short_help="Measure error rates on labelled material.")
@click.argument("folder", type=click.Path(path_type=Path))
@exclude_option
@click.option(
    "--groups",
    "groups_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Material",
    help="Table with the columns identity and group: rates by groups too. retrofr infers no groups.",
)
@gate_option
@click.option(
    "--footage",
    multiple=True,
    type=click.Path(),
    metavar="PATH",
    cls=Option,
    section="Material",
    help="Search this footage for the people of FOLDER (a picture or a folder of pictures each), and hold what is "
    "found against --truth. Repeatable.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Material",
    help="Who is in the footage and when: a table of scenes (start, end, person) or of faces (frame, x1, y1, x2, y2, "
    "person).",
)
@click.option(
    "--fmr",
    "fmrs",
    type=click.FloatRange(1e-9, 0.5),
    multiple=True,
    metavar="RATE",
    cls=Option,
    section="Result",
    help="An FMR at which to tell the others. Repeatable.  [default 0.01 0.001 0.0001 0.00001]",
)
@report_format_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    cls=Option,
    section="Result",
    help="Also write a page with plots, and the figures as JSON, to this folder. It must be new or empty.",
)
@operating_points_option("Result")
@setting_option("--detector", DetectSettings, "detector", section=WITH, type=PartName("detectors"))
@setting_option("--embedder", EmbedSettings, "embedder", section=WITH, type=PartName("embedders"))
@device_option(WITH)
@settings_options(WITH, example="parts.yunet.min_face_pixels=40")
@progress_options(told="gaps")
@common_options
def command(
    folder: Path,
    exclude: Path | None,
    groups_file: Path | None,
    gate: bool,
    footage: tuple[str, ...],
    truth: Path | None,
    fmrs: tuple[float, ...],
    format_name: str,
    out: Path | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Measure error rates on the labelled photos of FOLDER: a folder for each person, or index.tsv or index.csv.

    Says how often photos of one person reach a threshold, and photos of two people; how searches fare; and where
    the material is too small to say it.
    """
    settings = gather_settings(settings_file, assignments, flags)
    if out is not None:
        from retrofr.pages.folder import check_folder

        check_folder(out)
    from retrofr.rates.verification import FMRS

    fmrs = tuple(sorted(set(fmrs), reverse=True)) or FMRS
    if footage or truth is not None:
        _refuse_photo_options(footage, truth, exclude, groups_file, gate)
        assert truth is not None
        return _footage(
            folder, settings, footage, truth, fmrs, format_name, out, reporter(progress, quiet=quiet)
        )
    result = _photos(folder, settings, exclude, groups_file, gate, fmrs, progress, quiet)
    _give_out(result, format_name, out)
    return result.exit_code


def _refuse_photo_options(
    footage: tuple[str, ...], truth: Path | None, exclude: Path | None, groups_file: Path | None, gate: bool
) -> None:
    if not footage or truth is None:
        raise UsageError(
            "footage and its truth go together",
            subject="--truth" if not footage else "--footage",
            hint="give --footage PATH and --truth FILE",
        )
    given = (("--exclude", exclude is not None), ("--groups", groups_file is not None), ("--gate", gate))
    for flag, is_given in given:
        if is_given:
            raise UsageError("is for photos, and not for footage", subject=flag, hint="leave it out")


def _footage(
    folder: Path,
    settings: Settings,
    footage: tuple[str, ...],
    truth: Path,
    fmrs: tuple[float, ...],
    format_name: str,
    out: Path | None,
    listener: Reporter,
) -> int:
    from retrofr.evaluation.footage import check_footage, evaluate_footage
    from retrofr.evaluation.footage_documents import footage_document
    from retrofr.evaluation.truth import read_truth
    from retrofr.probe_files import probe_list

    from ..evaluation_footage import footage_sections
    from ..evaluation_output import print_report, write_out

    known = read_truth(truth)
    files = check_footage(footage, known)
    probes = probe_list(folder)
    with interruptible(STOPPING) as stop, listener:
        result = evaluate_footage(files, probes, known, settings, fmrs=fmrs, listener=listener, stop=stop)
    sections, document = footage_sections(result), footage_document(result)
    title = f"Error rates on {counted(result.recordings, 'recording')}"
    written = None if out is None else write_out(sections, result.measured, document, title, out)
    print_report(sections, document, format_name, written)
    return result.exit_code


def _photos(
    folder: Path,
    settings: Settings,
    exclude: Path | None,
    groups_file: Path | None,
    gate: bool,
    fmrs: tuple[float, ...],
    progress: str,
    quiet: bool,
) -> Evaluation:
    from retrofr.evaluation.evaluating import acquire, evaluate_photos
    from retrofr.evaluation.labels import read_exclusions, read_groups
    from retrofr.evaluation.material import read_photos

    from ..evaluation_progress import PhotoProgress

    exclusions = () if exclude is None else read_exclusions(exclude)
    material = read_photos(folder)
    # Here, so that a mistake in it shows before the work.
    groups = None if groups_file is None else read_groups(groups_file, material.names)
    with PhotoProgress(progress, quiet=quiet) as told:
        labelled = acquire(material, settings, told, gate=gate)
    return evaluate_photos(
        labelled,
        settings,
        exclusions=exclusions,
        groups=groups,
        fmrs=fmrs,
    )


def _give_out(result: Evaluation, format_name: str, out: Path | None) -> None:
    from retrofr.evaluation.documents import evaluation_document

    from ..evaluation_output import print_report, write_out
    from ..evaluation_words import photo_sections

    sections, document = photo_sections(result), evaluation_document(result)
    title = f"Error rates on {result.material.folder.resolve().name}"
    written = None if out is None else write_out(sections, result.measured, document, title, out)
    print_report(sections, document, format_name, written)
