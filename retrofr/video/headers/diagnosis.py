"""Why a file does not open, as far as its first bytes and its box structure show it."""

from __future__ import annotations

import struct
from pathlib import Path

from retrofr.video.headers.wrapping import recording_inside

_HEAD_BYTES = 4096
# Enough for a test of evenness; see _noise.
_NOISE_BYTES = 64 << 10
# A fragmented recording of days has tens of thousands of boxes; one that has more is not walked to its end.
_MAX_BOXES = 1_000_000

_MAGIC = (
    (b"\xff\xd8\xff", "is a picture (JPEG), not footage"),
    (b"\x89PNG", "is a picture (PNG), not footage"),
    (b"BM", "is a picture (BMP), not footage"),
    (b"II*\0", "is a picture (TIFF), not footage"),
    (b"MM\0*", "is a picture (TIFF), not footage"),
    (b"%PDF", "is a PDF document, not footage"),
    (b"PK\x03\x04", "is a zip archive, not footage"),
    (b"7z\xbc\xaf", "is a 7z archive, not footage"),
    (b"Rar!", "is a rar archive, not footage"),
    (b"\x1f\x8b", "is a gzip archive, not footage"),
    (b"ID3", "holds sound only, no video stream"),
    (b"fLaC", "holds sound only, no video stream"),
)
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"[playlist]")
_BOX_KINDS = frozenset(b"ftyp moov mdat free skip wide moof styp sidx pnot uuid".split())
_NOT_VIDEO = "is not a video that can be decoded"
_UNKNOWN = "no known container was recognised in it"
PROGRAM = "is a program without video that can be decoded"


def why_not_opened(path: Path) -> tuple[str, str | None]:
    """A reason and, where there is one, a hint, for a file that the decoder refused to open."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        return f"cannot be read ({error.strerror})", None
    if not head:
        return (
            "is empty (0 bytes)",
            "the recording or the copy was cut short; copy it from the recorder again",
        )
    for magic, reason in _MAGIC:
        if head.startswith(magic):
            return reason, "unpack it and name the recordings in it" if "archive" in reason else None
    if head.startswith(b"MZ"):
        return _program(path)
    if head.startswith(b"RIFF"):
        return _riff(head)
    if _looks_like_boxes(head):
        return _why_boxes(path)
    return _text(head) or _blank(path, head) or (_NOT_VIDEO, _noise(path) or _inside(path) or _UNKNOWN)


def _program(path: Path) -> tuple[str, str | None]:
    inside = _inside(path)
    if inside is not None:
        return "is a program with a recording inside that cannot be read in place", inside
    return PROGRAM, "if it plays a recording, export the recording itself, as MP4 or AVI"


def _inside(path: Path) -> str | None:
    """A hint where something that can be read lies behind bytes that cannot."""
    found = recording_inside(path)
    if found is None:
        return None
    kind, at = found
    return f"what looks like {kind} begins at byte {at} in it; a copy from there on may be readable"


def _noise(path: Path) -> str | None:
    """A hint where every value of a byte is as frequent as any other, as in encrypted data.

    Compressed video and archives have headers and structure, which put the chi-square statistic of a stretch
    of this length at thousands; that of noise is 255 with a standard deviation of 22.6. Six of them are allowed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size // 2 - _NOISE_BYTES // 2))
        data = file.read(_NOISE_BYTES)
    if len(data) < _NOISE_BYTES:
        return None
    expected = len(data) / 256
    spread = sum((data.count(value) - expected) ** 2 / expected for value in range(256))
    if abs(spread - 255) > 6 * 22.6:
        return None
    return (
        "its bytes are as evenly spread as those of an encrypted file; the maker's player or a key is needed"
    )


def _riff(head: bytes) -> tuple[str, str | None]:
    kind = head[8:12]
    if kind == b"WAVE":
        return "holds sound only, no video stream", None
    if kind == b"WEBP":
        return "is a picture (WebP), not footage", None
    return "this AVI file's header is damaged, so none of it could be searched", None


def _text(head: bytes) -> tuple[str, str | None] | None:
    if b"\0" in head:
        return None
    if head.startswith(b"version https://git-lfs"):
        return (
            "is a Git LFS pointer, a text file that stands for the video",
            "fetch the file it stands for (git lfs pull)",
        )
    if any(mark in head[:256] for mark in _PLAYLISTS):
        return (
            "is a playlist, a text file that points at others; retrofr does not follow it",
            "name the files that it lists",
        )
    readable = head.decode("utf-8", "replace")
    odd = sum(c == "\N{REPLACEMENT CHARACTER}" or not (c.isprintable() or c in "\r\n\t\f") for c in readable)
    if odd <= 0.05 * len(readable):
        return "is a text file, not a video", None
    return None


def _blank(path: Path, head: bytes) -> tuple[str, str | None] | None:
    if any(head):
        return None
    return (
        f"begins with {len(head)} zero bytes, so no recording was recognised in it",
        f"the file has {path.stat().st_size} bytes; a copy that failed often looks like this",
    )


def _looks_like_boxes(head: bytes) -> bool:
    return head[4:8] in _BOX_KINDS


def why_index_unusable(path: Path) -> str | None:
    """The reason, if an MP4 or QuickTime file has an index that is cut off; None for any other file."""
    with path.open("rb") as file:
        if not _looks_like_boxes(file.read(8)):
            return None
    found = boxes(path)
    size = path.stat().st_size
    if any(kind == b"moov" and end > size for kind, end in found):
        return "its video index (moov) is cut off, so none of it could be searched"
    return None


def boxes(path: Path) -> list[tuple[bytes, int]]:
    """Kind and declared end, in bytes, of each top-level box of an MP4 or QuickTime file."""
    size = path.stat().st_size
    boxes: list[tuple[bytes, int]] = []
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size and len(boxes) < _MAX_BOXES:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                large = file.read(8)
                length = struct.unpack(">Q", large)[0] if len(large) == 8 else 0
            boxes.append((kind, at + length))
            if length < 8:  # 0: to the end of the file; 2 to 7: nonsense
                break
            at += length
    return boxes


def _why_boxes(path: Path) -> tuple[str, str | None]:
    kinds = {kind for kind, _ in boxes(path)}
    if b"moov" in kinds:
        cut = why_index_unusable(path)
        return cut or "its video index (moov) is damaged, so none of it could be searched", None
    if b"moof" in kinds:
        return (
            "holds pieces of a stream (moof) without their header, so none of it could be searched",
            "join it to its init segment from the same recording",
        )
    return (
        "no video index (moov) in this file, so none of it could be searched",
        "likely a recording cut by power loss, or a copy cut short; "
        "an untruncated sibling from the same recorder can repair a copy",
    )
