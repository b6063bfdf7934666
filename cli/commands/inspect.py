"""``retrofr inspect``: what recordings are, before anything is searched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import OutputError
from retrofr.events import Event, Skipped

from ..footage_list import footage_argument
from ..footage_options import FootageFlags, footage_options, gather_request
from ..interrupts import STOPPING_AS_JSON, interruptible
from ..options import Command, Option, common_options, format_option, gather_settings, settings_options
from ..progress import progress_options, reporter
from ..reporters import JsonReporter, Reporter

if TYPE_CHECKING:
    from retrofr.video.inspected import Inspection

STOPPING = b"\nstopping: what was inspected so far will be shown; press Ctrl-C again to leave at once\n"

EXAMPLES = """\b
Examples:
  What is in a folder, and what is wrong with it:
    retrofr inspect footage/
  Decode everything, to find damage inside pictures:
    retrofr inspect footage/ --full
  Digests and facts of each stream, for a spreadsheet:
    retrofr inspect footage/ --format csv > footage.csv
  A sidecar to write down clocks and cameras in, then a search that uses it:
    retrofr inspect footage/ --write-sidecar sidecar.csv
    retrofr search footage/ --probe a.jpg --sidecar sidecar.csv

\b
Exit codes:
  0 no problems found   10 something lost or not readable   3 nothing readable
  2 usage or settings   4 not as listed   7 output   8 refused   130 stopped
"""


@click.command(cls=Command, epilog=EXAMPLES, short_help="Say what recordings are, without looking for faces.")
@footage_argument(required=True)
@click.option(
    "--full",
    is_flag=True,
    cls=Option,
    section="How to inspect",
    help="Decode every frame, which finds damage inside pictures. Without, headers and packets are read.",
)
@format_option
@click.option(
    "--write-sidecar",
    "write_sidecar",
    type=click.Path(path_type=Path),
    metavar="FILE",
    cls=Option,
    section="Result",
    help="Also write a sidecar to be filled in, a line for each recording. The file must not exist.",
)
@footage_options(without=("--sar", "--fps", "--from", "--to", "--camera", "--stream"))
@settings_options("How to inspect", example="video.stall_seconds=120")
@progress_options(told="problems")
@common_options
def command(
    footage: tuple[str, ...],
    full: bool,
    format_name: str | None,
    write_sidecar: Path | None,
    footage_flags: FootageFlags,
    settings_file: Path | None,
    assignments: tuple[str, ...],
    progress: str,
    quiet: bool,
    **flags: Any,
) -> int:
    """Say what recorded FOOTAGE (files, folders, globs) is: container, streams, real length, gaps, damage, clocks.

    Faces are not looked for, and nothing is written to the footage.
    """
    from retrofr.inspection import inspect

    settings = gather_settings(settings_file, assignments, flags)
    request = gather_request(footage_flags, settings)
    if write_sidecar is not None:
        _refuse_to_overwrite(write_sidecar)
    format_name = format_name or ("table" if sys.stdout.isatty() else "jsonl")
    listener = reporter(progress, quiet=quiet)
    with interruptible(STOPPING_AS_JSON if progress == "json" else STOPPING) as stop, listener:
        result = inspect(
            footage, full=full, settings=settings, request=request, listener=_heard(listener), stop=stop
        )
    written = None if write_sidecar is None else _write_sidecar(result, write_sidecar)
    _print(result, format_name, written)
    return result.exit_code


def _heard(listener: Reporter) -> Any:
    """What the listener is told: for a person, files that are not readable are in the result and said once."""
    if isinstance(listener, JsonReporter):
        return listener

    def hear(event: Event) -> None:
        if not isinstance(event, Skipped):
            listener(event)

    return hear


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OutputError(
            "exists already, and a sidecar is never overwritten",
            subject=str(path),
            hint="name another file, or move this one away",
        )


def _write_sidecar(result: Inspection, path: Path) -> str:
    from retrofr.documents import encoded
    from retrofr.inspection_tables import sidecar_text

    try:
        with path.open("xb") as file:
            file.write(encoded(sidecar_text(result)))
    except FileExistsError:
        _refuse_to_overwrite(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error
    return str(path)


def _print(result: Inspection, format_name: str, written: str | None) -> None:
    from ..output import table_output, writing_to_stdout

    if format_name == "table":
        from ..inspection import print_inspection

        with writing_to_stdout(), table_output(sys.stdout) as console:
            print_inspection(console, result, written)
        return
    from retrofr.documents import encoded

    with writing_to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(_document(result, format_name)))


def _document(result: Inspection, format_name: str) -> str:
    from retrofr.documents import json_text
    from retrofr.inspection_documents import file_document, inspection_document, run_document
    from retrofr.inspection_tables import csv_text

    if format_name == "csv":
        return csv_text(result)
    if format_name == "json":
        return json_text(inspection_document(result), indent=2) + "\n"
    documents = [*map(file_document, result.files), run_document(result)]
    return "".join(json_text(document) + "\n" for document in documents)
