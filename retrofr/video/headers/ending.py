"""Whether a file ends where its structure says it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retrofr.video.headers.diagnosis import boxes

_TS_PACKETS = {0: 188, 4: 192}  # where the first sync byte is, and how long a packet is
_SEGMENT = b"\x18\x53\x80\x67"
_HEAD_BYTES = 4096


def cut_off(path: Path, format_name: str) -> list[str]:
    """A sentence if a file of a format that states its length ends before it; else nothing."""
    if format_name == "mpegts":
        return ["the file is cut off: its last packet is not complete"] if _is_ragged(path) else []
    check = next((check for name, check in _CHECKS.items() if name in format_name.split(",")), None)
    missing = check(path) if check is not None else 0
    if not missing:
        return []
    many = "1 byte" if missing == 1 else f"{missing:,} bytes"
    return [f"the file is cut off: by its own structure it lacks {many} at its end"]


def _mp4(path: Path) -> int:
    """A length below 8 means to the end of the file, or nonsense."""
    size = path.stat().st_size
    last = boxes(path)[-1:]
    return max(0, last[0][1] - size) if last and last[0][1] > size else 0


def _avi(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(12)
    stated = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or not stated or stated == 0xFFFFFFFF:  # never filled in
        return 0
    return max(0, 8 + stated - path.stat().st_size)


def _is_ragged(path: Path) -> bool:
    """Whether a transport stream ends inside a packet."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for first, length in _TS_PACKETS.items():
        if head[first::length] and set(head[first::length]) == {0x47}:
            return path.stat().st_size % length != 0
    return False


def _matroska(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    at = head.find(_SEGMENT)
    if at < 0 or at + 12 >= len(head):
        return 0
    width = 9 - head[at + 4].bit_length()
    if not 1 <= width <= 8:
        return 0
    start = at + 4 + width
    unknown = (1 << 7 * width) - 1
    stated = int.from_bytes(head[at + 4 : start], "big") & unknown
    return 0 if stated == unknown else max(0, start + stated - path.stat().st_size)


_CHECKS: dict[str, Callable[[Path], int]] = {
    "mp4": _mp4,
    "avi": _avi,
    "matroska": _matroska,
}
