"""``retrofr index``: footage into a case, so that any number of searches need no footage any more."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import RetrofrError, UsageError
from retrofr.settings import DetectSettings, EmbedSettings, IndexSettings, QualitySettings

from ..case_options import case_option, opened_case, wait_option
from ..footage_list import footage_argument
from ..footage_options import FootageFlags, footage_options, gather_request
from ..interrupts import STOPPING_AS_JSON, interruptible
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
from ..planning import plan_option, planned
from ..progress import progress_options, reporter
from ..sampling_options import sampling_options

if TYPE_CHECKING:
    from retrofr.case.store import Case
    from retrofr.indexing import IndexResult

STOPPING = b"\nstopping: what was indexed so far stays in the case; press Ctrl-C again to leave at once\n"

EXAMPLES = """\b
Examples:
  Index a folder into a case; the case is made where it is not there:
    retrofr index footage/ --case case-17/
  Go on after an interruption, and take in what was added since:
    retrofr index footage/ --case case-17/
  Search it, as often as you like:
    retrofr search --case case-17/ --probe suspect.jpg

\b
Exit codes:
  0 finished   10 finished with gaps   3 nothing indexed   2 usage or settings
  4 integrity   5 case   6 model or device   7 output   8 refused
  130 stopped; what was indexed stays
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Index footage into a case, once.")
@footage_argument(required=True)
@case_option(required=True)
@wait_option
@click.option(
    "--again",
    is_flag=True,
    cls=Option,
    section="Case",
    help="Index with other settings than the case was indexed with before; the old templates stay in it.",
)
@report_format_option
@footage_options()
@sampling_options("How to index")
@setting_option("--detector", DetectSettings, "detector", section="How to index", type=PartName("detectors"))
@setting_option("--embedder", EmbedSettings, "embedder", section="How to index", type=PartName("embedders"))
@setting_option(
    "--min-eye-distance", QualitySettings, "min_eye_distance_pixels", section="How to index", metavar="PX"
)
@setting_option("--engine", IndexSettings, "engine", section="How to index", type=PartName("engines"))
@setting_option("--workers", IndexSettings, "workers", section="How to index")
@click.option(
    "--ray-address",
    "parts__ray__address",
    metavar="auto|HOST:PORT",
    cls=Option,
    section="How to index",
    help="Ray cluster to join, with --engine ray; without it Ray is started on this machine.",
)
@device_option("How to index")
@oversight_options("Record", probes=False)
@operator_option("Record")
@settings_options("How to index", example="track.max_gap_seconds=2")
@plan_option
@progress_options(told="gaps")
@common_options
def command(
    footage: tuple[str, ...],
    case_path: Path,
    wait_seconds: float,
    again: bool,
    format_name: str,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    plan: bool,
    progress: str,
    quiet: bool,
    footage_flags: FootageFlags,
    **flags: Any,
) -> int:
    """Find, track and embed every face of recorded FOOTAGE (files, folders, globs) and keep it in a case.

    What is in the case already is not done again, and a run that was stopped or killed is gone on with. Settings
    that are not given are those the case was indexed with before.
    """
    from retrofr.indexing import index
    from retrofr.recipe import setting_values

    given = gather_settings(settings_file, assignments, flags)  # a slip of the pen makes no case
    if flags["parts__ray__address"] is not None and given.index.engine != "ray":
        raise UsageError("goes with --engine ray alone", subject="--ray-address", hint="add --engine ray")
    listener = reporter(progress, quiet=quiet)
    if plan:
        flagged = (settings_file, assignments, flags)
        return planned(footage, footage_flags, case_path, flagged, format_name, listener)
    with _case_to_index(case_path, footage, wait_seconds, quiet=quiet) as case:
        from retrofr.case.exhibits import active_recipe

        recipe = active_recipe(case)
        base = None if recipe is None else setting_values(recipe)
        settings = gather_settings(settings_file, assignments, flags, base)
        request = gather_request(footage_flags, settings)
        with interruptible(STOPPING_AS_JSON if progress == "json" else STOPPING) as stop, listener:
            result = index(
                footage,
                case,
                settings=settings,
                request=request,
                again=again,
                listener=listener,
                stop=stop,
            )
        _print(result, case, case_path, format_name)
        return result.exit_code


def _case_to_index(path: Path, footage: tuple[str, ...], wait_seconds: float, *, quiet: bool) -> Case:
    """The case, opened for writing; a new one where there is nothing yet and there is footage for it."""
    if path.is_dir() and any(path.iterdir()):
        return opened_case(path, write=True, wait=wait_seconds)
    if path.exists() and not path.is_dir():
        return opened_case(path, write=True, wait=wait_seconds)
    from retrofr.case.keys import KeyStore
    from retrofr.case.permitting import retention_of_new
    from retrofr.case.store import create_case

    from ..text import shown

    _refuse_what_is_none(footage)
    keys = KeyStore()
    create_case(path, keys=keys, retain_until=retention_of_new(None)).close()
    if not quiet:
        click.echo(f"made a new case, {shown(str(path))}; its key is in {shown(str(keys.folder))}", err=True)
    return opened_case(path, write=True, wait=wait_seconds)


def _refuse_what_is_none(footage: tuple[str, ...]) -> None:
    """Before a case is made: what is no footage makes none. The log tells of it as of a run that it ended."""
    from retrofr.case.audit import acting
    from retrofr.video.footage import find_footage

    try:
        find_footage(footage)
    except RetrofrError as error:
        with acting(None, "index"):
            raise error


def _print(result: IndexResult, case: Case, path: Path, format_name: str) -> None:
    from ..output import table_output, writing_to_stdout

    with writing_to_stdout():
        if format_name == "json":
            from retrofr.documents import encoded, json_text
            from retrofr.index_documents import index_document

            sys.stdout.flush()
            sys.stdout.buffer.write(encoded(json_text(index_document(result, case), indent=2) + "\n"))
            return
        from ..index_view import print_index

        with table_output(sys.stdout) as console:
            print_index(console, result, path)
