"""Small video clips for tests, each frame with its number in the pixels.

The number is a row of black and white blocks along the top of the coded picture; :func:`number_in` reads it back.
Pictures survive compression, so a test can say exactly which frames came out. Everything is made in milliseconds
with PyAV; nothing is kept in the repository.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Picture = Callable[[int, int, int], Image]

WIDTH, HEIGHT, RATE = 320, 240, 25
_BITS = 16
_BLOCK_HEIGHT = 24


def numbered_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """(height, width, 3) RGB: a moving disc on a gradient, and ``number`` (12 bits and 4 check bits) on top."""
    rows, columns = np.ogrid[:height, :width]
    grey = np.broadcast_to(60 + 100 * columns // width, (height, width)).astype(np.uint8).copy()
    centre = (30 + number * 3) % width
    grey[(columns - centre) ** 2 + (rows - height * 2 // 3) ** 2 < (height // 8) ** 2] = 230
    check = (number ^ (number >> 4) ^ (number >> 8)) & 15
    word = (number & 0xFFF) | (check << 12)
    for bit in range(_BITS):
        left, right = bit * width // _BITS, (bit + 1) * width // _BITS
        grey[:_BLOCK_HEIGHT, left:right] = 235 if word >> bit & 1 else 16
    return np.repeat(grey[:, :, None], 3, axis=2)


def number_in(image: Image) -> int | None:
    """The number in an upright picture of any width; None where its check bits are wrong."""
    width = image.shape[1]
    row = image[6 : _BLOCK_HEIGHT - 6].astype(np.float32).mean(axis=(0, 2))
    word = 0
    for bit in range(_BITS):
        left, right = bit * width // _BITS, (bit + 1) * width // _BITS
        margin = (right - left) // 4
        word |= int(row[left + margin : right - margin].mean() > 128) << bit
    number = word & 0xFFF
    return number if (number ^ (number >> 4) ^ (number >> 8)) & 15 == word >> 12 else None


def plain_picture(colour_at: Callable[[int], tuple[int, int, int]]) -> Picture:
    """Pictures of one colour, given by frame number; for fake detectors that look at colours."""
    return lambda number, width, height: np.full((height, width, 3), colour_at(number), np.uint8)


def make_clip(
    path: Path,
    *,
    frames: int = 50,
    rate: int | Fraction = RATE,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    keyframe_every: int = 25,
    b_frames: int = 0,
    time_base: Fraction | None = None,
    times: Sequence[int] | None = None,
    start: int = 0,
    first_number: int = 0,
    pixel_aspect: Fraction | None = None,
    rotation: int | None = None,
    sound: bool = False,
    metadata: dict[str, str] | None = None,
    picture: Picture = numbered_picture,
) -> Path:
    """Write a clip and give its path.

    Args:
        path: its ending chooses the container, unless ``container`` names one.
        frames: how many; frame ``n`` shows ``first_number + n``.
        size: coded width and height.
        time_base, times: seconds a tick, and each frame's time in ticks: a variable rate. Without them frame
            ``n`` is at ``n / rate``.
        start: ticks added to every time.
        rotation: degrees counter-clockwise that a player turns the coded picture by.
        sound: add a second stream with a tone.
        picture: what frame ``number`` shows at a width and height, (height, width, 3) RGB.
    """
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        output.metadata.update(metadata or {})
        stream: Any = output.add_stream(codec, rate=rate)
        _set_up(stream, size, pixel_format, codec, keyframe_every, b_frames, options)
        if pixel_aspect is not None:
            stream.sample_aspect_ratio = pixel_aspect
        if time_base is not None:
            stream.codec_context.time_base = time_base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        tone: Any = _add_tone_stream(output) if sound else None
        for n in range(frames):
            frame = _frame(picture(first_number + n, *size), pixel_format)
            frame.pts = start + (times[n] if times is not None else n)
            frame.time_base = time_base or 1 / Fraction(rate)
            output.mux(stream.encode(frame))
            if tone is not None:
                output.mux(tone.encode(_tone(n, int(8000 / Fraction(rate)))))
        output.mux(stream.encode(None))
        if tone is not None:
            output.mux(tone.encode(None))
    return path


def _set_up(
    stream: Any,
    size: tuple[int, int],
    pixel_format: str,
    codec: str,
    keyframe_every: int,
    b_frames: int,
    options: dict[str, str] | None,
) -> None:
    stream.width, stream.height = size
    stream.pix_fmt = pixel_format
    chosen: dict[str, str] = {}
    if codec == "libx264":
        chosen = {"g": str(keyframe_every), "bf": str(b_frames), "sc_threshold": "0", "crf": "20"}
        chosen |= {
            "preset": "veryfast" if b_frames else "ultrafast",
            "b-adapt": "0",
            "x264-params": "threads=1",
        }
    elif codec == "libx265":
        parameters = f"log-level=none:keyint={keyframe_every}:bframes={b_frames}:pools=1:frame-threads=1"
        chosen = {"preset": "ultrafast", "x265-params": parameters}
    stream.options = chosen | (options or {})
    stream.codec_context.thread_count = 1


def _frame(image: Image, pixel_format: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        format=pixel_format
    )


def _add_tone_stream(output: Any) -> Any:
    stream = output.add_stream("aac", rate=8000)
    stream.layout = "mono"
    return stream


def _tone(n: int, length: int) -> av.AudioFrame:
    samples = (np.sin(np.arange(length) / 9) * 9000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.rate = 8000
    frame.pts = n * length
    return frame


def make_sound(path: Path) -> Path:
    """A file with sound and no video."""
    with av.open(str(path), "w") as output:
        stream = _add_tone_stream(output)
        for n in range(20):
            output.mux(stream.encode(_tone(n, 1024)))
        output.mux(stream.encode(None))
    return path


def make_two_cameras(path: Path, *, frames: int = 50, second_starts: int = 0) -> Path:
    """Two video streams; the second shows numbers from 1000 and starts ``second_starts`` frames later."""
    with av.open(str(path), "w") as output:
        streams: list[Any] = []
        for _ in range(2):
            stream: Any = output.add_stream("libx264", rate=RATE)
            _set_up(stream, (WIDTH, HEIGHT), "yuv420p", "libx264", 25, 0, None)
            streams.append(stream)
        for n in range(frames):
            for camera, stream in enumerate(streams):
                frame = _frame(numbered_picture(n + 1000 * camera), "yuv420p")
                frame.pts, frame.time_base = n + second_starts * camera, Fraction(1, RATE)
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    return path


def make_size_change(path: Path) -> Path:
    """An MPEG-TS that goes from 320x240 to 640x480 after 50 frames, time going on."""
    small = make_clip(
        path.with_suffix(".small.ts"), container="mpegts", container_options={"mpegts_copyts": "1"}
    )
    large = make_clip(
        path.with_suffix(".large.ts"),
        container="mpegts",
        container_options={"mpegts_copyts": "1"},
        size=(640, 480),
        first_number=50,
        start=50,
    )
    return join([small, large], path)


def join(parts: Sequence[Path], path: Path) -> Path:
    """Put files behind each other, byte by byte, and remove them."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def packets_of(path: Path) -> list[tuple[bytes, bool, int, int]]:
    """Content, key or not, place in the file and size of each video packet, in order of storage."""
    with av.open(str(path)) as source:
        packets = [p for p in source.demux(video=0) if p.size]
        return [(bytes(p), p.is_keyframe, p.pos or 0, p.size) for p in packets]


def break_packets(path: Path, numbers: Sequence[int]) -> Path:
    """Overwrite the content of these video packets with 0xFF, so that each fails to decode."""
    data = bytearray(path.read_bytes())
    packets = packets_of(path)
    for number in numbers:
        content, _, near, size = packets[number]
        at = data.index(content[:32], near)  # some containers point at a header in front of it
        data[at : at + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first ``share`` of the file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def make_dav(
    path: Path,
    *,
    start: datetime.datetime,
    frames: int = 50,
    b_frames: int = 0,
    set_back_at: int | None = None,
) -> Path:
    """A DHAV recording as Dahua recorders write it: every frame carries the recorder's local time.

    Written from the layout that FFmpeg's demuxer reads. ``set_back_at``: from this frame on the clock is an hour
    earlier.
    """
    elementary = make_clip(path.with_suffix(".h264"), container="h264", frames=frames, b_frames=b_frames)
    written = bytearray()
    for n, (content, is_key, _, _) in enumerate(packets_of(elementary)):
        milliseconds = n * 1000 // RATE
        at = start + datetime.timedelta(milliseconds=milliseconds)
        if set_back_at is not None and n >= set_back_at:
            at -= datetime.timedelta(hours=1)
        date = (
            at.second
            | at.minute << 6
            | at.hour << 12
            | at.day << 17
            | at.month << 22
            | (at.year - 2000) << 26
        )
        extra = (
            bytes([0x81, 0, 2, RATE, 0x82, 0, 0, 0]) + struct.pack("<HH", WIDTH, HEIGHT) if is_key else b""
        )
        length = 24 + len(extra) + len(content) + 8
        written += b"DHAV" + bytes([0xFD if is_key else 0xFC, 0, 0, 0])
        written += struct.pack("<III", n, length, date)
        written += struct.pack("<HBB", milliseconds & 0xFFFF, len(extra), 0)
        written += extra + content + b"dhav" + struct.pack("<I", length)
    elementary.unlink()
    path.write_bytes(bytes(written))
    return path
