"""Recordings as makers of recorders write them, and streams found where no container is left.

No recording of a real recorder is among them. The DHAV files follow the layout that FFmpeg's demuxer reads, the
IMKH file is an MPEG program stream behind a header of 40 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta

from recordings.picture import HEIGHT, WIDTH
from recordings.studio import RATE, Studio

START = datetime(2024, 3, 31, 0, 59, 55)
_H264, _HEVC = 2, 12


def make(studio: Studio) -> None:
    """Write them; needs the whole ones."""
    pictures = studio.packets("raw.h264")
    studio.write("dahua.dav", dav(pictures))
    studio.write("dahua_clockback.dav", dav(pictures, set_back_at=125))
    whole = studio.read("dahua.dav")
    studio.write("dahua_trunc.dav", whole[: int(len(whole) * 0.6)])
    studio.write("dahua_b.dav", dav(studio.packets("raw_b.h264")))
    studio.write("dahua265.dav", dav(studio.packets("raw.h265"), codec=_HEVC))
    header = b"IMKH" + bytes.fromhex("01010000020000010011000100000000") + bytes(20)
    studio.write("hik_imkh.mp4", header + studio.read("ok.ps"))
    bare = studio.read("raw.h264")
    studio.write("junk_prefix.h264", b"HXVS" + studio.random.randbytes(2044) + bare)
    studio.write("pe.exe", b"MZ" + studio.random.randbytes(4094) + bare)
    studio.write("player.exe", b"MZ" + studio.random.randbytes(8190))
    studio.write("ext_lies.mp4", studio.read("ok.avi"))


def dav(pictures: Sequence[tuple[bytes, bool]], codec: int = _H264, set_back_at: int | None = None) -> bytes:
    """A DHAV recording: each frame carries the recorder's local time, to the second, and milliseconds.

    From frame ``set_back_at`` on the recorder's clock is an hour earlier.
    """
    written = bytearray()
    for n, (content, is_key) in enumerate(pictures):
        milliseconds = n * 1000 // RATE
        at = START + timedelta(milliseconds=milliseconds)
        if set_back_at is not None and n >= set_back_at:
            at -= timedelta(hours=1)
        facts = (
            bytes([0x81, 0, codec, RATE, 0x82, 0, 0, 0]) + struct.pack("<HH", WIDTH, HEIGHT)
            if is_key
            else b""
        )
        length = 24 + len(facts) + len(content) + 8
        written += b"DHAV" + bytes([0xFD if is_key else 0xFC, 0, 0, 0])
        written += struct.pack("<III", n, length, _packed(at))
        written += struct.pack("<HBB", milliseconds & 0xFFFF, len(facts), 0)
        written += facts + content + b"dhav" + struct.pack("<I", length)
    return bytes(written)


def _packed(at: datetime) -> int:
    return at.second | at.minute << 6 | at.hour << 12 | at.day << 17 | at.month << 22 | (at.year - 2000) << 26
