"""``retrofr search``: footage and probes in, a list of places to look at out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import OutputError, UsageError
from retrofr.settings import (
    DetectSettings,
    EmbedSettings,
    QualitySettings,
    SearchSettings,
)

from ..as_found import as_found_option, printing_as_found
from ..case_searching import CaseFlags, case_search_options, case_settings, search_in_case
from ..footage_list import footage_argument
from ..footage_options import FootageFlags, footage_options, gather_request
from ..interrupts import STOPPING, STOPPING_AS_JSON, interruptible
from ..operator_option import operator_option
from ..options import (
    Command,
    Option,
    PartName,
    common_options,
    device_option,
    format_option,
    gather_settings,
    setting_option,
    settings_options,
)
from ..oversight_options import oversight_options
from ..planning import plan_option, planned
from ..progress import progress_options, reporter
from ..redaction_option import refuse_without_pictures, unredacted_option
from ..reporters import Reporter
from ..sampling_options import sampling_options
from ..statement_options import operating_points_option

if TYPE_CHECKING:
    from retrofr.outfolder import OutFolder
    from retrofr.results import SearchResult

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

EXAMPLES = """\b
Examples:
  One photo, a folder of footage, a table on the terminal:
    retrofr search footage/ --probe suspect.jpg
  Keep a report to read and print, records, stills and what was run:
    retrofr search footage/ --probe suspect.jpg --out results/
  Two people, one of them with a folder of photos:
    retrofr search "cam*.mkv" --probe anna=anna-photos/ --probe ben.jpg
  The second face from the left of a group photo:
    retrofr search cam1.mp4 --probe wanted=group.jpg#2
  A threshold that one in 10,000 comparisons of different people reaches:
    retrofr search footage/ --probe suspect.jpg --fmr 1e-4
  Look closer, and list the ten best below the threshold as well:
    retrofr search cam1.mp4 --probe a.jpg --rate 5 --top 10
  One hour of the evening, the recorder's clock known to be 7 min 3 s fast:
    retrofr search footage/ --probe a.jpg --timezone Europe/London \\
      --from 2024-03-30T17:00 --to 2024-03-30T18:00 --clock-offset -7m3s
  In a case that was indexed before, as often as you like:
    retrofr search --case case-17/ --probe suspect.jpg
  Under an authority; footage outside of its scope is not looked at:
    retrofr search footage/ --probe suspect.jpg --authority RF-17.toml
  A missing-persons list, a folder or a picture a person:
    retrofr search --case case-17/ --probes-from missing/
  In a script:
    retrofr search footage/ --probe a.jpg --format csv --quiet > hits.csv
  A list of files, and hits as they are found:
    find /evidence -name '*.mp4' -print0 | \\
      retrofr search - --probe a.jpg --format jsonl --as-found

\b
Exit codes:
  0 finished (no hit is a result)   10 finished with gaps   3 nothing searched
  2 usage or settings   4 integrity   5 case   6 model or device   7 output
  8 refused   130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Search footage for a face: the whole way at once.")
@footage_argument(required=False)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    type=click.Path(),
    metavar="[NAME=]PATH[#N]",
    cls=Option,
    section="Who to look for",
    help="A picture of the person, or a folder of pictures of that one person. NAME names the probe; "
    "#N picks face N, left to right. Repeat it for more people, or with the same NAME for more pictures.",
)
@click.option(
    "--probes-from",
    "probe_lists",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    cls=Option,
    section="Who to look for",
    help="A list of persons: each picture in the folder, and each folder of pictures in it, is one of them. "
    "Pictures that cannot be used are listed, and the others searched.",
)
@case_search_options
@format_option
@as_found_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    cls=Option,
    section="Result",
    help="Also write report.html, hits.csv, hits.jsonl, stills/ and run.json to this folder. It must be new or empty.",
)
@click.option(
    "--force",
    is_flag=True,
    cls=Option,
    section="Result",
    help="Let --out replace what retrofr wrote there before; files of others stay.",
)
@unredacted_option("--out")
@setting_option("--fmr", SearchSettings, "fmr", section="Result", metavar="RATE")
@operating_points_option("Result")
@setting_option("--threshold", SearchSettings, "threshold", section="Result")
@setting_option("--top", SearchSettings, "top", section="Result")
@footage_options()
@sampling_options("How to search")
@setting_option("--detector", DetectSettings, "detector", section="How to search", type=PartName("detectors"))
@setting_option("--embedder", EmbedSettings, "embedder", section="How to search", type=PartName("embedders"))
@setting_option("--index", SearchSettings, "index", section="How to search", type=PartName("indexes"))
@setting_option(
    "--min-eye-distance", QualitySettings, "min_eye_distance_pixels", section="How to search", metavar="PX"
)
@device_option("How to search")
@oversight_options("Record", probes=True)
@operator_option("Record")
@settings_options("How to search", example="track.max_gap_seconds=2")
@plan_option
@progress_options(told="gaps")
@common_options
def command(
    footage: tuple[str, ...],
    probes: tuple[str, ...],
    probe_lists: tuple[Path, ...],
    case_flags: CaseFlags,
    format_name: str | None,
    as_found: bool,
    out: Path | None,
    force: bool,
    unredacted: str | None,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    plan: bool,
    progress: str,
    quiet: bool,
    footage_flags: FootageFlags,
    **flags: Any,
) -> int:
    """Search recorded FOOTAGE (files, folders, globs), or a case, for the faces of probes.

    Prints where and when each probe appears, best score first, then what was searched and what was not.
    With --case and no FOOTAGE all that is indexed in the case is searched, and no recording is opened; with both,
    the footage is indexed into the case first, and then searched there.
    """
    _refuse_pictures(footage)
    if plan:
        given = (settings_file, assignments, flags)
        return planned(
            footage, footage_flags, case_flags.path, given, format_name, reporter(progress, quiet=quiet)
        )
    _refuse_nothing(footage, probes, probe_lists, case_flags)
    searching = _searching(footage, case_flags, footage_flags, (settings_file, assignments, flags))
    if force and out is None:
        raise UsageError("--force goes with --out", hint="name the folder to write to with --out")
    refuse_without_pictures(unredacted, out, "--out")
    format_name = format_name or ("table" if sys.stdout.isatty() else "jsonl")
    listener = printing_as_found(reporter(progress, quiet=quiet), as_found, format_name, case_flags.path)
    how: dict[str, Any] = {"listener": listener, "lenient": bool(probe_lists)}
    pictures = {} if unredacted is None else {"unredacted": unredacted}
    with interruptible(STOPPING_AS_JSON if progress == "json" else STOPPING) as stop:
        if out is None:
            with listener:
                result = searching(_specs(probes, probe_lists), stop=stop, keep_stills=False, **how)
            _print(result, format_name, listener, None, quiet=quiet)
            return result.exit_code
        from retrofr.outfolder import OutFolder

        with OutFolder(out, force=force) as folder:
            with listener:
                result = searching(
                    _specs(probes, probe_lists), stop=stop, keep_stills=True, **pictures, **how
                )
            return _deliver(result, folder, format_name, listener, quiet=quiet)


def _specs(probes: tuple[str, ...], lists: tuple[Path, ...]) -> tuple[Any, ...]:
    """What is looked for: as it was named, and the persons of lists."""
    if not lists:
        return probes
    from retrofr.probe_files import probe_list

    return (*probes, *(spec for folder in lists for spec in probe_list(folder)))


def _refuse_nothing(
    footage: tuple[str, ...], probes: tuple[str, ...], lists: tuple[Path, ...], case_flags: CaseFlags
) -> None:
    if not footage and case_flags.path is None:
        raise UsageError(
            "no footage was named",
            hint="name files or folders, or a case that was indexed before with --case",
        )
    if not probes and not lists:
        raise UsageError("no probe was named", hint="name a picture of the person with --probe suspect.jpg")


def _searching(
    footage: tuple[str, ...],
    case_flags: CaseFlags,
    footage_flags: FootageFlags,
    given: tuple[Path | None, tuple[str, ...], dict[str, Any]],
) -> Callable[..., SearchResult]:
    """What does the search, of footage alone or in a case; ``given`` is what was said of settings."""
    if case_flags.path is None:
        settings = gather_settings(*given)
        return partial(_search, footage, request=gather_request(footage_flags, settings), settings=settings)
    return partial(
        search_in_case,
        case_flags,
        footage,
        footage_flags=footage_flags,
        settings_of=lambda case: case_settings(case, *given, footage=bool(footage)),
    )


def _search(footage: tuple[str, ...], probes: tuple[Any, ...], **how: Any) -> SearchResult:
    from retrofr.pipeline import search  # here, as it brings torch in

    return search(footage, probes, **how)


def _deliver(
    result: SearchResult, folder: OutFolder, format_name: str, listener: Reporter, *, quiet: bool
) -> int:
    """Write the folder, then print. What could not be written is still printed: it cost hours."""
    from retrofr.outfolder import with_still_names
    from retrofr.reporting.folder import report_files
    from retrofr.reporting.searched import of_result

    named = with_still_names(result)
    try:
        names = folder.write(named, report_files(of_result(named)))
    except OutputError:
        _print(result, format_name, listener, None, quiet=quiet)
        raise
    _print(named, format_name, listener, _written(folder.path, names), quiet=quiet)
    return result.exit_code


def _print(
    result: SearchResult, format_name: str, listener: Reporter, written: str | None, *, quiet: bool
) -> None:
    from ..output import export_to_stdout, table_output, writing_to_stdout

    if format_name == "table":
        from ..render import print_result

        with writing_to_stdout(), table_output(sys.stdout) as console:
            print_result(console, result, written)
        return
    states_coverage = export_to_stdout(format_name, result)
    if quiet:
        return
    if not states_coverage and not listener.coverage(result.coverage):
        from ..render import print_coverage

        with table_output(sys.stderr) as console:
            print_coverage(console, result, written)


def _written(folder: Path, names: list[str]) -> str:
    from ..text import counted, shown

    plain = [name for name in names if "/" not in name]
    pictures = [name for name in names if "/" in name]
    listed = ", ".join(plain) + (f", {counted(len(pictures), 'picture')} in stills/" if pictures else "")
    return f"{shown(str(folder))}: {listed}"


def _refuse_pictures(footage: tuple[str, ...]) -> None:
    """`--probe a.jpg b.jpg` makes b.jpg footage, which nobody means."""
    for item in footage:
        if item.lower().endswith(PICTURE_SUFFIXES) and Path(item).is_file():
            raise UsageError(
                "is a picture, and footage is video",
                subject=item,
                hint="give --probe once for each picture: --probe a.jpg --probe b.jpg",
            )
