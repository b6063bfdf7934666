"""Files that only their user may read or change: keys, and the log outside of cases."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

KEYS_FOLDER_VARIABLE = "RETROFR_KEYS"
LOCK_SECONDS = 20.0
_POLL_SECONDS = 0.02


def keys_folder() -> Path:
    """Where keys are kept: what the variable RETROFR_KEYS says, else a folder of the user's."""
    override = os.environ.get(KEYS_FOLDER_VARIABLE)
    return Path(override) if override else Path(platformdirs.user_data_dir("retrofr")) / "keys"


def write_privately(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all (OSError where that fails)."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names of files in a folder survive the loss of power, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made where it is missing; the kernel lets go of it when its holder ends.

    Raises:
        OSError: it cannot be made, or another process held it for longer than ``LOCK_SECONDS``.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)
