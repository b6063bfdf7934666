"""Recordings that were cut short, and recordings with holes and flipped bits."""

from __future__ import annotations

import struct

from recordings.studio import Clip, Studio, cut

_KEPT = 0.6
_PACKET = 188  # of MPEG-TS


def make(studio: Studio) -> None:
    """Write them; needs the whole ones."""
    _cut(studio)
    _cut_in_first_frame(studio)
    _flip(studio)
    _punch(studio)
    _late_start(studio)
    _lose_chunks(studio)
    _lie(studio)


def _cut(studio: Studio) -> None:
    studio.write("trunc_moov_lost.mp4", cut(studio.read("ok.mp4"), _KEPT))
    studio.write("trunc_faststart.mp4", cut(studio.read("faststart.mp4"), _KEPT))
    studio.write("trunc_frag.mp4", cut(studio.read("frag.mp4"), _KEPT))
    studio.write("trunc_cluster.mkv", cut(studio.read("ok.mkv"), _KEPT))
    studio.write("trunc.avi", cut(studio.read("ok.avi"), _KEPT))
    studio.write("trunc.ts", cut(studio.read("ok.ts"), _KEPT, 77))
    whole = studio.read("ok.avi")
    studio.write("noidx.avi", whole[: whole.rfind(b"idx1")])
    fragments = studio.read("frag.mp4")
    first = fragments.index(b"moof") - 4
    studio.write("frag_no_header.mp4", fragments[first:])
    studio.write("frag_only_header.mp4", fragments[:first])


def _cut_in_first_frame(studio: Studio) -> None:
    whole = studio.read("faststart.mp4")
    pictures = whole.index(b"mdat") + 4
    studio.write("cut_in_header.mp4", whole[:300])
    studio.write("cut_in_index.mp4", whole[: pictures // 2])
    studio.write("cut_in_first_frame.mp4", whole[: pictures + 300])


def _flip(studio: Studio) -> None:
    for kind, source in (("mp4", "faststart.mp4"), ("h264", "raw.h264"), ("ts", "ok.ts"), ("mkv", "ok.mkv")):
        studio.write(f"bitflip.{kind}", studio.flip_bits(studio.read(source)))
    studio.write("bitflip265.mp4", studio.flip_bits(studio.read("ok265.mp4")))
    studio.write("bitflip.h265", studio.flip_bits(studio.read("raw.h265")))
    for name in ("mjpeg.avi", "mpeg4.avi", "mpeg2.mpg"):
        studio.write(f"bitflip_{name}", studio.flip_bits(studio.read(name)))


def _punch(studio: Studio) -> None:
    whole = studio.read("faststart.mp4")
    half, hole = len(whole) // 2, min(65536, len(whole) // 8)
    studio.write("hole64k.mp4", whole[:half] + bytes(hole) + whole[half + hole :])
    whole = studio.read("ok.mkv")
    half, hole = len(whole) // 2, len(whole) // 8
    studio.write("hole.mkv", whole[:half] + bytes(hole) + whole[half + hole :])
    whole = studio.read("ok.ts")
    packets = len(whole) // _PACKET
    half, lost = packets // 2 * _PACKET, packets // 8 * _PACKET
    studio.write("hole.ts", whole[:half] + whole[half + lost :])


def _late_start(studio: Studio) -> None:
    whole = studio.read("raw.h264")
    studio.write("midgop.h264", whole[int(len(whole) * 0.13) :])
    whole = studio.read("ok.ts")
    studio.write("midgop.ts", whole[len(whole) // _PACKET // 9 * _PACKET :])


def _lose_chunks(studio: Studio) -> None:
    """An AVI in which the heads of three frames are gone: whoever counts frames is three late from then on."""
    whole = bytearray(studio.read("ok.avi"))
    at, number = whole.index(b"movi"), -1
    while number < 160:
        at, number = whole.index(b"00dc", at + 4), number + 1
        if number in (60, 110, 160):
            whole[at : at + 4] = bytes(4)
    studio.write("lost_chunks.avi", bytes(whole))


def _lie(studio: Studio) -> None:
    """Headers that declare ten hours, or ten thousand frames, of a recording of ten seconds."""
    whole = bytearray(studio.read("faststart.mp4"))
    for kind, at in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16)):
        place = whole.index(kind) + 4 + at
        (ticks,) = struct.unpack_from(">I", whole, place)
        struct.pack_into(">I", whole, place, ticks * 3600)
    studio.write("hours_declared.mp4", bytes(whole))
    whole = bytearray(studio.read("ok.avi"))
    struct.pack_into("<I", whole, whole.index(b"avih") + 8 + 16, 90_000)
    struct.pack_into("<I", whole, whole.index(b"strh") + 8 + 32, 90_000)
    studio.write("hours_declared.avi", bytes(whole))
    studio.encode("short.mkv", Clip(frames=100))
    whole = bytearray(studio.take("short.mkv").replace(b"00:00:04.0", b"01:00:00.0"))
    struct.pack_into(">d", whole, whole.index(b"\x44\x89\x88") + 3, 3_600_000.0)  # the segment's duration
    studio.write("hours_declared.mkv", bytes(whole))
