"""Digests of files and bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from retrofr.errors import ExhibitError

CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str | Path, progress: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file's content, as 64 lower-case hexadecimal digits.

    Args:
        path: a regular file; it is read in pieces of 1 MiB.
        progress: called after each piece with the number of bytes read so far.

    Raises:
        ExhibitError: the file cannot be opened or read to its end.
    """
    digest = hashlib.sha256()
    done = 0
    try:
        with Path(path).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done)
    except OSError as error:
        raise ExhibitError(f"cannot be read ({error.strerror or error})", subject=str(path)) from error
    return digest.hexdigest()
