"""Which streams of a file are encrypted, where the container shows it.

MP4: ISO/IEC 23001-7 (Common Encryption) names an encrypted video track's sample entries ``encv``. MPEG-TS:
ISO/IEC 13818-1 has two scrambling bits in each packet's header and two in each PES header. Matroska: FFmpeg's
demuxer gives the key's id as the stream's tag ``enc_key_id``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from retrofr.video._pyav import InputContainer, recorded_streams

_ENCRYPTED_ENTRIES = frozenset((b"encv", b"drmi"))
_MAX_BOXES = 100_000

_SYNC = 0x47
_PACKET_SIZES = (188, 192, 204)
# Looked at in this many places over the file, so that a clear beginning is not taken for the whole.
_PLACES = 8
_PLACE_BYTES = 256 << 10
_MOSTLY = 0.9


def encrypted_streams(container: InputContainer, path: Path) -> frozenset[int]:
    """Indices of the recorded streams that cannot be decoded without a key, as far as the container shows it."""
    streams = recorded_streams(container)
    tagged = {stream.index for stream in streams if "enc_key_id" in stream.metadata}
    if "mp4" in container.format.name:
        tracks = _encrypted_tracks(path)
        tagged |= {stream.index for stream in streams if stream.id in tracks}
    elif container.format.name == "mpegts":
        tagged |= {stream.index for stream in streams if _is_scrambled(path, stream.id)}
    return frozenset(tagged)


def _encrypted_tracks(path: Path) -> frozenset[int]:
    """Ids of the MP4 tracks all of whose sample entries are encrypted."""
    found = set()
    with path.open("rb") as file:
        size = path.stat().st_size
        for moov in _inside(file, 0, size, b"moov"):
            for start, end in _inside(file, *moov, b"trak"):
                entries = _sample_entries(file, start, end)
                if entries and entries <= _ENCRYPTED_ENTRIES:
                    found |= _track_id(file, start, end)
    return frozenset(found)


def _sample_entries(file: BinaryIO, start: int, end: int) -> set[bytes]:
    entries: set[bytes] = set()
    for mdia in _inside(file, start, end, b"mdia"):
        for minf in _inside(file, *mdia, b"minf"):
            for stbl in _inside(file, *minf, b"stbl"):
                for body, stop in _inside(file, *stbl, b"stsd"):
                    entries |= {kind for kind, _, _ in _boxes(file, body + 8, stop)}
    return entries


def _track_id(file: BinaryIO, start: int, end: int) -> set[int]:
    for body, _ in _inside(file, start, end, b"tkhd"):
        file.seek(body)
        header = file.read(24)
        if len(header) == 24:
            at = 20 if header[0] == 1 else 12
            return {struct.unpack_from(">I", header, at)[0]}
    return set()


def _inside(file: BinaryIO, start: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each box of one kind."""
    for kind, body, stop in _boxes(file, start, end):
        if kind == wanted:
            yield body, stop


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box in a stretch of the file."""
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return
        length, kind = struct.unpack_from(">I4s", header)
        body = at + 8
        if length == 1 and len(header) == 16:
            length, body = struct.unpack_from(">Q", header, 8)[0], at + 16
        elif length == 0:
            length = end - at
        if length < 8:
            return
        yield kind, body, min(at + length, end)
        at += length


def _is_scrambled(path: Path, pid: int) -> bool:
    """Whether the packets of one MPEG-TS stream are scrambled: flagged so, and without readable structure.

    The flags alone do not do: there are recorders that set them on clear streams, and single bits get damaged.
    """
    packets = flagged = starts = flagged_starts = clear_starts = 0
    for packet in _ts_packets(path):
        if (packet[1] & 0x1F) << 8 | packet[2] != pid or not packet[3] & 0x10:
            continue
        packets += 1
        flagged += bool(packet[3] & 0xC0)
        if packet[1] & 0x40:
            payload = packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]
            starts += 1
            flagged_starts += _has_scrambled_pes(payload)
            clear_starts += _has_clear_pes(payload)
    if not starts or clear_starts > (1 - _MOSTLY) * starts:
        return False
    return flagged >= _MOSTLY * packets or flagged_starts >= _MOSTLY * starts


def _has_scrambled_pes(payload: bytes) -> bool:
    return payload[:3] == b"\0\0\1" and len(payload) > 6 and bool(payload[6] & 0x30)


def _has_clear_pes(payload: bytes) -> bool:
    """A PES header followed by the start code of a video unit."""
    if payload[:3] != b"\0\0\1" or len(payload) < 9:
        return False
    body = payload[9 + payload[8] :]
    return body[:3] == b"\0\0\1" or body[:4] == b"\0\0\0\1"


def _ts_packets(path: Path) -> Iterator[bytes]:
    """188-byte packets from places spread over the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for place in range(_PLACES):
            file.seek(size * place // _PLACES)
            yield from _aligned(file.read(min(_PLACE_BYTES, size // _PLACES + 1024)))


def _aligned(data: bytes) -> Iterator[bytes]:
    for step in _PACKET_SIZES:
        for at in range(min(step, len(data))):
            if len(data) > at + 4 * step and all(data[at + n * step] == _SYNC for n in range(5)):
                yield from (data[n : n + 188] for n in range(at, len(data) - 188, step) if data[n] == _SYNC)
                return
