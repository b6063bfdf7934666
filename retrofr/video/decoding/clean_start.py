"""Whether a decoder that begins at a keyframe shows it and all behind it as one that came from further back would.

After an I-picture that is no IDR, H.264 and HEVC allow pictures that are predicted from before it; a decoder that
begins there holds some back or calls them damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from av.packet import Packet

_START_CODE = re.compile(rb"\x00\x00\x01")
# Parameter sets and notes stand before the picture; more of them than this are not looked through.
_MOST_UNITS = 64
# H.264, table 7-1: slices are 1 to 5, an IDR's is 5. HEVC, table 7-1: slices are 0 to 31, an IDR's are 19 and 20.
_PICTURES = {"h264": (range(1, 6), (5,)), "hevc": (range(32), (19, 20))}


def is_clean_start(packet: Packet[Any], codec: str, extradata: bytes | None) -> bool:
    """Whether everything stored from this keyframe on can be decoded without what is stored before it.

    Args:
        packet: a keyframe.
        codec: canonical name; keyframes of codecs other than ``h264`` and ``hevc`` are taken to be clean.
        extradata: of the stream; says how units are told apart.
    """
    if codec not in _PICTURES:
        return True
    pictures, clean = _PICTURES[codec]
    for kind, _ in units(bytes(packet), codec, extradata):
        if kind in pictures:
            return kind in clean
    return False


def units(content: bytes, codec: str, extradata: bytes | None) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each unit of a packet of H.264 or HEVC, up to its first picture, which comes empty."""
    pictures, _ = _PICTURES[codec]
    length_bytes = _length_bytes(codec, extradata or b"")
    for start in _starts(content, length_bytes):
        if start >= len(content):
            continue
        kind = content[start] & 0x1F if codec == "h264" else content[start] >> 1 & 0x3F
        if kind in pictures:
            yield kind, b""
            return
        yield kind, content[start : _end(content, start, length_bytes)]


def _length_bytes(codec: str, extradata: bytes) -> int:
    """How many bytes tell a unit's length; 0 where start codes stand between units (ISO/IEC 14496-15)."""
    if not extradata or extradata[0] != 1:
        return 0
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if len(extradata) > at else 0


def _starts(content: bytes, length_bytes: int) -> Iterator[int]:
    if not length_bytes:
        for _, found in zip(range(_MOST_UNITS), _START_CODE.finditer(content), strict=False):
            yield found.end()
        return
    at = 0
    for _ in range(_MOST_UNITS):
        start = at + length_bytes
        if start >= len(content):
            return
        yield start
        at = _end(content, start, length_bytes)


def _end(content: bytes, start: int, length_bytes: int) -> int:
    if length_bytes:
        return start + int.from_bytes(content[start - length_bytes : start], "big")
    following = _START_CODE.search(content, start)
    return len(content) if following is None else following.start()
