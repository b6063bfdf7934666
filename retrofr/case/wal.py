"""Commits that a damaged write-ahead log has lost.

SQLite takes the first page of a log that fails its checksum for the torn end of what was never committed, and
leaves out in silence what follows. After a crash that is right. Where whole commits follow, it is damage: their
pages were synced one after the other, so a crash cannot leave a hole before them.

Source: "WAL File Format" in SQLite's documentation. Headers of pages are not encrypted.
"""

from __future__ import annotations

import struct
import time
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from retrofr.case._sqlite import PAGE_BYTES
from retrofr.errors import CaseError

_PAUSE_SECONDS = 0.2
_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682  # its last bit says in which byte order checksums are counted


def check_log(path: Path, subject: str) -> None:
    """Refuse a log that has lost commits; nothing happens where it is whole or not there.

    Another process may be writing to it meanwhile, so that damage counts only where it is seen twice.

    Raises:
        CaseError: commits are lost, or the log cannot be read.
    """
    if not lost_commits(path):
        return
    time.sleep(_PAUSE_SECONDS)
    lost = lost_commits(path)
    if lost:
        raise CaseError(
            f"its log {path.name} is damaged, and what was committed behind the damage cannot be read "
            f"(commits: {lost})",
            subject=subject,
            hint=f"use a copy of the whole folder; to go on without them, move {path.name} away",
        )


def lost_commits(path: Path) -> int:
    """How many commits a log holds behind its first damaged page; 0 where it is whole or not there.

    Raises:
        CaseError: the log cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _lost(file)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise CaseError(f"cannot be read ({error.strerror})", subject=str(path)) from error


def _lost(file: BinaryIO) -> int:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return 0
    magic, _, page_bytes, _, salt, other_salt, *checksum = _HEADER.unpack(header)
    order = ">" if magic & 1 else "<"
    sums = _summed(header[:24], (0, 0), order)
    trusted = magic & ~1 == _MAGIC and sums == tuple(checksum)
    page_bytes = page_bytes if trusted else PAGE_BYTES
    whole, lost = trusted, 0
    while len(frame := file.read(_FRAME.size)) == _FRAME.size:
        data = file.read(page_bytes)
        _, pages_after_commit, *salts, first, second = _FRAME.unpack(frame)
        if len(data) < page_bytes:
            break  # torn
        current = not trusted or salts == [salt, other_salt]  # else left over from before it was begun anew
        if whole:
            sums = _summed(data, _summed(frame[:8], sums, order), order)
            whole = current and sums == (
                first,
                second,
            )  # the first that fails may be torn: those behind it tell
        elif current and pages_after_commit:
            lost += 1
    return lost


def _summed(data: bytes, sums: tuple[int, ...], order: str) -> tuple[int, ...]:
    """SQLite's checksum, begun with ``sums``.

    Word by word it is s += x + t, then t += y + s: linear modulo 2**32, so that powers of one matrix say with which
    weight each word ends up in it, and a page is a few products of arrays.
    """
    words = np.frombuffer(data, f"{order}u4").astype(np.uint32).reshape(-1, 2)
    even, both = words[:, 0], words[:, 0] + words[:, 1]
    powers = _powers(len(words))
    (a, b), (c, d) = powers[-1]
    s, t = (np.uint32(value) for value in sums)
    with np.errstate(over="ignore"):
        weights = powers[-2::-1]
        first = a * s + b * t + np.sum(weights[:, 0, 0] * even + weights[:, 0, 1] * both, dtype=np.uint32)
        second = c * s + d * t + np.sum(weights[:, 1, 0] * even + weights[:, 1, 1] * both, dtype=np.uint32)
    return int(first), int(second)


@lru_cache(maxsize=8)
def _powers(count: int) -> npt.NDArray[np.uint32]:
    """(count + 1, 2, 2): the powers 0 to ``count`` of ((1, 1), (1, 2)), modulo 2**32."""
    powers, (a, b, c, d) = [], (1, 0, 0, 1)
    for _ in range(count + 1):
        powers.append(((a, b), (c, d)))
        a, b, c, d = ((a + b), (a + 2 * b), (c + d), (c + 2 * d))
        a, b, c, d = (value & 0xFFFFFFFF for value in (a, b, c, d))
    return np.array(powers, np.uint32)
