"""Digests of files and bytes, and what follows when one is not the one expected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from retrofr.errors import ExhibitError, IntegrityError
from retrofr.hash_lists import Expected

CHUNK_BYTES = 1 << 20
NOT_LISTED = "not in the hash list"
"""What stands in a coverage in place of a listed digest, where a list was given and does not hold the exhibit."""
NOT_AS_LISTED = "it is another file, or was altered after the list was made; obtain it again from its source"


def sha256_bytes(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str | Path, progress: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file's content, as 64 lower-case hexadecimal digits; else as :func:`digest_file`."""
    return digest_file(path, ("sha256",), progress)["sha256"]


def digest_file(
    path: str | Path, algorithms: Iterable[str], progress: Callable[[int], None] | None = None
) -> dict[str, str]:
    """Digests of a file's content by several algorithms, the file read once.

    Args:
        path: a regular file; it is read in pieces of 1 MiB.
        algorithms: of ``md5``, ``sha1``, ``sha256``; one named twice is computed once.
        progress: called after each piece with the number of bytes read so far.

    Returns:
        Lower-case hexadecimal digits by algorithm.

    Raises:
        ExhibitError: the file cannot be opened or read to its end.
    """
    # Old algorithms are compared with lists here and protect nothing; a hardened machine may refuse them else.
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    done = 0
    try:
        with Path(path).open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                for digest in digests.values():
                    digest.update(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done)
    except OSError as error:
        raise ExhibitError(f"cannot be read ({error.strerror or error})", subject=str(path)) from error
    return {name: digest.hexdigest() for name, digest in digests.items()}


def algorithms_for(expected: Expected | None) -> tuple[str, ...]:
    """What a file is digested by: the exhibit's own SHA-256, and what the hash list gives of it."""
    return ("sha256",) if expected is None else ("sha256", expected.algorithm)


def check_as_listed(name: str, digests: Mapping[str, str], expected: Expected | None) -> str:
    """Hold a file's digests against the one that a hash list says.

    Args:
        name: the exhibit, as outputs call it.
        digests: from :func:`digest_file`, those of :func:`algorithms_for` among them.
        expected: what the list says of the file; None where it does not name it.

    Returns:
        What was found, for the coverage: ``sha256 as in hashes.txt, line 3``, or :data:`NOT_LISTED`.

    Raises:
        IntegrityError: they differ; both are named, with the list and its line.
    """
    if expected is None:
        return NOT_LISTED
    found = digests[expected.algorithm]
    if found != expected.digest:
        raise IntegrityError(
            f"its {expected.algorithm} is {found}, and {expected.place}, says {expected.digest}",
            subject=name,
            hint=NOT_AS_LISTED,
        )
    return f"{expected.algorithm} as in {expected.place}"
