"""Where exports write to: into memory for one file, or into a new folder, which is there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from retrofr.errors import OutputError
from retrofr.integrity import sha256_file

PARTIAL_PREFIX = ".retrofr-partial-"


class Output(Protocol):
    """Takes the files of an export."""

    def write(self, name: str, data: bytes) -> None:
        """Write one file.

        Args:
            name: relative to the folder, with slashes; of a format of one file whatever describes it.
            data: all of it.
        """
        ...

    def take(self, name: str, path: Path) -> None:
        """Take over a file that was made elsewhere, which is gone then; see :meth:`write`."""
        ...


class OneFile:
    """Takes the one file of a format, and keeps it in ``data``."""

    def __init__(self) -> None:
        self.data = b""
        self._taken = False

    def write(self, name: str, data: bytes) -> None:
        """See :class:`Output`."""
        if self._taken:
            raise ValueError(f"a second file, {name}, of a format of one")
        self._taken, self.data = True, data

    def take(self, name: str, path: Path) -> None:
        """See :class:`Output`."""
        self.write(name, path.read_bytes())
        path.unlink()

    @property
    def files(self) -> int:
        """How many files were taken."""
        return int(self._taken)

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return hashlib.sha256(self.data).hexdigest()


class NewFolder:
    """Takes files into a folder that :func:`new_folder` made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests: dict[str, str] = {}

    def write(self, name: str, data: bytes) -> None:
        """See :class:`Output`."""
        self._new(name).write_bytes(data)
        self._digests[name] = hashlib.sha256(data).hexdigest()

    def take(self, name: str, path: Path) -> None:
        """See :class:`Output`."""
        digest = sha256_file(path)
        shutil.move(path, self._new(name))
        self._digests[name] = digest

    def _new(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or name in self._digests:
            raise ValueError(f"{name!r} is no new name inside a folder")
        path = self._folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def files(self) -> int:
        """How many files were taken."""
        return len(self._digests)

    @property
    def sha256(self) -> str:
        """The digest of the list of files that ``sha256sum`` would print, in the order of their names."""
        listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._digests.items()))
        return hashlib.sha256(listed.encode()).hexdigest()


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[NewFolder]:
    """A folder to export to, which must be new or empty; what was written is there once this ends without error.

    Raises:
        OutputError: there is something by that name already, or it cannot be written to. Nothing is left then.
    """
    check_new_folder(path)
    staging: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.with_name(f"{PARTIAL_PREFIX}{uuid.uuid4().hex}")
        staging.mkdir()  # with the rights that the user's folders have; mkdtemp gives others none
        yield NewFolder(staging)
        staging.replace(path)  # also over an empty folder
        staging = None
    except OSError as error:
        raise OutputError(f"cannot be written to ({error.strerror})", subject=str(path)) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def check_new_folder(path: Path) -> None:
    """Refuse what is no place for a new folder.

    Raises:
        OutputError: it is a file, or a folder that is not empty.
    """
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise OutputError("is not a folder", subject=str(path), hint="name a new folder with --out")
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    if not empty:
        raise OutputError(
            "is not empty, and nothing is overwritten",
            subject=str(path),
            hint="name another folder with --out",
        )
