"""Files that hold no pictures that can be searched, and files that try to make a reader open other files."""

from __future__ import annotations

import struct

import av

from recordings.studio import Clip, Studio, add_tone, tone_frame

_ENCRYPTION = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "00112233445566778899aabbccddeeff",
    "encryption_kid": "0123456789abcdef0123456789abcdef",
}


def make(studio: Studio) -> None:
    """Write them; needs the whole ones."""
    _not_video(studio)
    _tricks(studio)
    _encrypted(studio)


def _not_video(studio: Studio) -> None:
    studio.write("zero.mp4", b"")
    studio.write("blank.mp4", bytes(100_000))
    studio.write("text.mp4", b"this is not a video\n" * 200)
    studio.write("random.mp4", studio.random.randbytes(100_000))
    studio.write("sidecar.idx", bytes(64))
    studio.write("picture.avi", b"\xff\xd8\xff\xe0" + studio.random.randbytes(2000))
    studio.write("archive.mp4", b"PK\x03\x04" + studio.random.randbytes(2000))
    with av.open(str(studio.path("audio_only.mp4")), "w") as output:
        tone = add_tone(output)
        for n in range(50):
            output.mux(tone.encode(tone_frame(n, 1024)))
        output.mux(tone.encode(None))


def _tricks(studio: Studio) -> None:
    studio.write("playlist.mp4", b"ffconcat version 1.0\nfile ok.mp4\n")
    studio.write("playlist.ts", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nok.ts\n#EXT-X-ENDLIST\n")
    studio.write("playlist.mkv", b"[playlist]\nFile1=ok.mkv\nNumberOfEntries=1\n")
    studio.write("external.mov", _with_external_pictures(studio))


def _encrypted(studio: Studio) -> None:
    studio.encode("encrypted.mp4", Clip(frames=50, container_options=_ENCRYPTION))
    whole = bytearray(studio.read("ok.ts"))
    for at in range(0, len(whole) - 187, 188):
        number = (whole[at + 1] & 0x1F) << 8 | whole[at + 2]
        if number == 0x100:  # the first elementary stream that FFmpeg's muxer writes: the video
            whole[at + 3] |= 0x80  # scrambled with the even key
            start = at + 4 + (1 + whole[at + 4] if whole[at + 3] & 0x20 else 0)
            whole[start : at + 188] = studio.random.randbytes(at + 188 - start)
    studio.write("scrambled.ts", bytes(whole))


def _with_external_pictures(studio: Studio) -> bytes:
    """A QuickTime file whose index says that the pictures lie in another file, named by an alias record."""
    studio.encode("own.mov", Clip(frames=50, container_options={"movflags": "+faststart"}))
    whole = studio.take("own.mov")
    at = whole.index(b"dref") - 4
    (old_length,) = struct.unpack_from(">I", whole, at)
    alias = _alias("ok.mp4")
    new = struct.pack(">I4sII", 16 + len(alias), b"dref", 0, 1) + alias
    grown = len(new) - old_length
    changed = bytearray(whole[:at] + new + whole[at + old_length :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = whole.index(box) - 4
        (length,) = struct.unpack_from(">I", whole, place)
        struct.pack_into(">I", changed, place, length + grown)
    return bytes(changed)


def _alias(name: str) -> bytes:
    """A ``dref`` entry of kind ``alis``, as FFmpeg's demuxer reads it: volume, file name, then the whole path."""
    volume, encoded, path = b"disk", name.encode(), f"/disk/{name}".encode()
    record = bytes(10)
    record += bytes([len(volume)]) + volume.ljust(27, b"\0") + bytes(12)
    record += bytes([len(encoded)]) + encoded.ljust(63, b"\0") + bytes(16)
    record += struct.pack(">HH", 1, 1) + bytes(16)
    record += struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2)
    record += struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
