"""Where an export goes: checked before the work, a file or folder that is there whole or not at all."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrofr.errors import OutputError, UsageError

from .output import writing_to_stdout

if TYPE_CHECKING:
    from retrofr.exporting.formats import Format
    from retrofr.exporting.material import Options
    from retrofr.exporting.outputs import NewFolder, OneFile

TIMESKETCH_SUFFIXES = (".jsonl", ".csv")


def checked_options(wanted: Format, out: Path | None, *, bom: bool) -> Options:
    """The options of an export, once they fit together and the place is free.

    Raises:
        UsageError: the format is not written like this.
        OutputError: there is something at the place already.
    """
    from retrofr.exporting.material import Options
    from retrofr.exporting.outputs import check_new_folder

    name = f"--format {wanted.name}"
    if bom and wanted.name != "csv":
        raise UsageError("only CSV may begin with a byte-order mark", subject=name, hint="leave out --bom")
    if out is None and wanted.folder:
        raise UsageError("writes a folder of files", subject=name, hint="name a new one with --out")
    if out is None and wanted.binary and sys.stdout.isatty():
        raise UsageError("is not text for a terminal", subject=name, hint="name a file with --out")
    suffix = "" if out is None else out.suffix.lower()
    if wanted.name == "timesketch" and out is not None and suffix not in TIMESKETCH_SUFFIXES:
        raise UsageError(
            "Timesketch tells its formats by the ending",
            subject=str(out),
            hint=f"end it in {' or '.join(TIMESKETCH_SUFFIXES)}",
        )
    if out is not None and wanted.folder:
        check_new_folder(out)
    elif out is not None:
        refuse_to_overwrite(out)
    return Options(bom=bom, table=suffix == ".csv")


@contextlib.contextmanager
def destination(wanted: Format, out: Path | None) -> Iterator[NewFolder | OneFile]:
    """What an exporter writes to; at the end without error it goes to its place, or to stdout."""
    from retrofr.exporting.outputs import OneFile, new_folder

    if wanted.folder:
        assert out is not None
        with new_folder(out) as folder:
            yield folder
        return
    file = OneFile()
    yield file
    if out is not None:
        write_file(out, file.data)
        return
    with writing_to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(file.data)


def refuse_to_overwrite(path: Path) -> None:
    """Refuse a file that is there already."""
    if path.exists() or path.is_symlink():
        raise OutputError(
            "exists already, and nothing is overwritten",
            subject=str(path),
            hint="name another file, or move this one away",
        )


def write_file(path: Path, data: bytes) -> None:
    """To a file that must not exist; of one that cannot be written whole nothing is left."""
    made = False
    try:
        with path.open("xb") as file:
            made = True
            file.write(data)
    except FileExistsError:
        refuse_to_overwrite(path)
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error
