"""A bundle as a folder in the form of BagIt 1.0 (RFC 8493): its tag files, and what may lie in it.

Names are those that retrofr gives, plain ASCII without ``..``: nothing in a bag leads out of it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrofr.documents import encoded
from retrofr.errors import IntegrityError, UsageError
from retrofr.integrity import sha256_bytes

DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = "signature.json"
PAYLOAD = "data/"
LISTED_TAGS = (DECLARATION, INFO, MANIFEST)
"""Tag files that the tag manifest lists; it and the signature over it are listed nowhere."""
DECLARED = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
LARGEST_TAG_BYTES = 64 << 20
MOST_FILES = 200_000

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True)
class BagFile:
    """A file of a bag: its name with ``/``, where it lies, its size."""

    name: str
    path: Path
    size_bytes: int


def tag_files(payload: Mapping[str, bytes], info: Mapping[str, str]) -> dict[str, bytes]:
    """The tag files of a bag, but for the signature.

    Args:
        payload: content by name, each below ``data/``.
        info: labels and values of ``bag-info.txt``; the Payload-Oxum is added.

    Raises:
        ValueError: a name is none for a bag.
    """
    wrong = [name for name in payload if not (name.startswith(PAYLOAD) and is_name(name))]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name for a file of a bag")
    oxum = f"{sum(map(len, payload.values()))}.{len(payload)}"
    lines = [f"{label}: {_on_a_line(value)}" for label, value in {**info, "Payload-Oxum": oxum}.items()]
    tags = {
        DECLARATION: DECLARED,
        INFO: encoded("".join(f"{line}\n" for line in lines)),
        MANIFEST: manifest(payload),
    }
    return {**tags, TAG_MANIFEST: manifest(tags)}


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The lines that ``sha256sum`` would print of these files, in the order of their names."""
    return "".join(f"{sha256_bytes(data)}  {name}\n" for name, data in sorted(files.items())).encode()


def is_name(name: str) -> bool:
    """Whether a file of a bag may be called so."""
    return _NAME.fullmatch(name) is not None


def parse_manifest(data: bytes, name: str) -> dict[str, str]:
    """Digests by the names of files.

    Raises:
        IntegrityError: a line is none of a manifest, names what may not be in a bag, or names it twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("ascii", "replace").split("\n")[:-1], start=1):
        read = _LINE.fullmatch(line)
        if read is None or not is_name(read[2]) or read[2] in found:
            raise IntegrityError(f"line {number} names no file of a bundle, or one twice", subject=name)
        found[read[2]] = read[1]
    return found


def files_of(folder: Path) -> dict[str, BagFile]:
    """All files of a bag by their names. Nothing is read, and no link is followed.

    Raises:
        UsageError: it is no folder, or cannot be looked through.
        IntegrityError: something in it has no place in a bag: a link, a device, a name that leads out, too many files.
    """
    if not folder.is_dir():
        reason = "is not a folder" if os.path.lexists(folder) else "no such folder"
        raise UsageError(reason, subject=str(folder), hint="name the folder of a bundle")
    found: dict[str, BagFile] = {}
    waiting = [folder]
    while waiting:
        try:
            entries = sorted(os.scandir(waiting.pop()), key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(f"cannot be read ({error.strerror})", subject=str(folder)) from error
        for entry in entries:
            name = Path(entry.path).relative_to(folder).as_posix()
            facts = entry.stat(follow_symlinks=False)
            if not is_name(name) or not (stat.S_ISDIR(facts.st_mode) or stat.S_ISREG(facts.st_mode)):
                raise IntegrityError("has no place in a bundle", subject=name)
            if stat.S_ISDIR(facts.st_mode):
                waiting.append(Path(entry.path))
            else:
                found[name] = BagFile(name, Path(entry.path), facts.st_size)
            if len(found) > MOST_FILES:
                raise IntegrityError(f"holds more than {MOST_FILES:,} files", subject=str(folder))
    return found


def read_tag(files: Mapping[str, BagFile], name: str) -> bytes:
    """The bytes of a tag file.

    Raises:
        IntegrityError: it is missing, cannot be read, or is larger than any tag file of a bundle.
    """
    file = files.get(name)
    if file is None:
        raise IntegrityError("is missing", subject=name)
    if file.size_bytes > LARGEST_TAG_BYTES:
        raise IntegrityError(f"is larger than {LARGEST_TAG_BYTES >> 20} MiB", subject=name)
    try:
        with file.path.open("rb") as opened:
            return opened.read(LARGEST_TAG_BYTES + 1)
    except OSError as error:
        raise IntegrityError(f"cannot be read ({error.strerror})", subject=name) from error


def _on_a_line(value: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())
