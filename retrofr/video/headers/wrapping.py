"""What is wrapped around a recording: makers' headers, programs that play themselves, bytes of something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 4096
_SEARCHED_BYTES = 64 << 20

# Where a bare stream can first be decoded: its parameter sets. H.264: a sequence parameter set of a known
# profile; HEVC: a video parameter set; MPEG-1/2: a sequence header; MPEG-4: a visual object sequence or layer.
_STREAM_STARTS = {
    "h264": rb"\x00?\x00\x00\x01[\x07\x27\x47\x67][\x42\x4d\x58\x64\x6e\x7a\xf4\x2c\x53\x56\x76\x80]",
    "hevc": rb"\x00?\x00\x00\x01\x40\x01",
    "mpegvideo": rb"\x00?\x00\x00\x01\xb3",
    "m4v": rb"\x00?\x00\x00\x01[\xb0\x20-\x2f]",
    "mpeg": rb"\x00\x00\x01\xba",
}
_WITHOUT_TIMES = frozenset(_STREAM_STARTS) - {"mpeg"}


def notices(path: Path, format_name: str) -> list[str]:
    """What an examiner should know of the bytes around a recording that opened, one sentence each."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"IMKH"):
        return ["Hikvision private header (IMKH) in front of the stream; what it holds is not read"]
    pattern = _STREAM_STARTS.get(format_name)
    if head.startswith(b"MZ"):
        at = _first(path, pattern) if pattern else None
        where = f"; its video starts at byte {at}" if at else ""
        told = f"a program (.exe) with video inside, as recorders export it to play itself{where}"
    elif pattern is None or head.startswith((b"\0\0\1", b"\0\0\0\1")):
        return []
    else:
        told = _carved(format_name, _first(path, pattern))
    inside = recording_inside(path) if format_name in _WITHOUT_TIMES else None
    return [told] if inside is None else [told, _lost_container(*inside)]


def _carved(format_name: str, at: int | None) -> str:
    if at is None:
        return "container unknown, carved: it does not begin with a stream, and no start of one was found"
    kind = "MPEG program stream" if format_name == "mpeg" else "stream"
    return f"container unknown, carved: the {kind} starts at byte {at}; what is before it was not read"


def _lost_container(kind: str, at: int) -> str:
    return (
        f"what looks like {kind} begins at byte {at}: read as a bare stream it has no times; "
        "a copy from there on has them"
    )


def _first(path: Path, pattern: bytes) -> int | None:
    return next((at for at, _ in _found(path, re.compile(pattern, re.DOTALL))), None)


def _found(path: Path, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes]]:
    """Places of a pattern in the first part of a file, each with the bytes from there on."""
    with path.open("rb") as file:
        base, data = 0, file.read(_CHUNK_BYTES)
        while data and base < _SEARCHED_BYTES:
            following = file.read(_CHUNK_BYTES)
            # What begins near the end is found again with what follows it.
            end = len(data) - _OVERLAP_BYTES if following else len(data)
            for found in pattern.finditer(data):
                if found.start() < end:
                    yield base + found.start(), data[found.start() :]
            if not following:
                return
            base += end
            data = data[end:] + following


def recording_inside(path: Path) -> tuple[str, int] | None:
    """Kind and first byte of what looks like a recording behind other bytes, such as a program's; or None.

    Programs that play recordings hold these marks as text too, so each is checked against what has to follow.
    """
    marks = re.compile(b"|".join(re.escape(mark) for mark, _, _ in _INSIDE))
    for at, data in _found(path, marks):
        for mark, kind, holds in _INSIDE:
            first = at - 4 if mark == b"ftyp" else at
            if first > 0 and data.startswith(mark) and holds(data):
                return kind, first
    return None


def _holds_dahua(data: bytes) -> bool:
    length = int.from_bytes(data[12:16], "little")
    return data[4] in (0xF0, 0xF1, 0xFB, 0xFC, 0xFD) and data[length - 8 : length - 4] == b"dhav"


def _holds_program_stream(data: bytes) -> bool:
    stuffing = data[13] & 7 if len(data) > 13 else 0
    return data[4] >> 6 == 1 and data[14 + stuffing : 17 + stuffing] == b"\0\0\1"


_INSIDE: tuple[tuple[bytes, str, Callable[[bytes], bool]], ...] = (
    (b"DHAV", "a Dahua recording (DHAV)", _holds_dahua),
    (b"IMKH", "a Hikvision recording (IMKH)", lambda data: b"\0\0\1\xba" in data[4:64]),
    (b"RIFF", "an AVI file", lambda data: data[8:16] == b"AVI LIST"),
    (
        b"ftyp",
        "an MP4 file",
        lambda data: re.match(rb"ftyp[a-zA-Z0-9 ]{4}\x00\x00..", data, re.DOTALL) is not None,
    ),
    (b"\x1aE\xdf\xa3", "a Matroska file", lambda data: b"matroska" in data[:64] or b"webm" in data[:64]),
    (b"\0\0\1\xba", "an MPEG program stream", _holds_program_stream),
)
