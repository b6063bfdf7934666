"""A page in a folder of its own, with what lies beside it: written as a whole or not at all, over nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from retrofr.errors import OutputError


def check_folder(folder: Path) -> None:
    """Whether a folder can take a page: before the work, so that none is lost.

    Raises:
        OutputError: it is no folder, or is not empty.
    """
    if folder.is_dir():
        if any(folder.iterdir()):
            raise OutputError(
                "is not empty, and nothing is overwritten",
                subject=str(folder),
                hint="name another folder with --out",
            )
    elif folder.exists() or folder.is_symlink():
        raise OutputError("is not a folder", subject=str(folder), hint="name a folder with --out")


def write_folder(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write files in their order, the page last: where it is, all of it is. Gives their names.

    Args:
        files: by their paths in the folder.
        folder: new or empty.

    Raises:
        OutputError: as :func:`check_folder`, or it cannot be written to; then nothing new is left in it.
    """
    check_folder(folder)
    written: list[Path] = []
    inside = {(folder / name).parent for name in files} - {folder}
    made = [path for path in (*inside, folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            with path.open("xb") as file:
                file.write(content)
    except OSError as error:
        _remove(written, made)
        raise OutputError(
            f"cannot be written to ({error.strerror})",
            subject=str(folder),
            hint="name a folder you may write to with --out",
        ) from error
    return list(files)


def _remove(files: list[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
