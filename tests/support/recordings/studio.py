"""Writes recordings with PyAV: every frame numbered, every byte the same each time."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from recordings.picture import HEIGHT, WIDTH, Grey, picture

os.environ.setdefault("SVT_LOG", "0")  # its encoder writes to stderr otherwise

RATE = 25
FRAMES = 250
# Encoders for clips of some seconds: quick, one thread, so that the same bytes come out each time.
_X264 = {
    "g": "25",
    "bf": "0",
    "sc_threshold": "0",
    "preset": "ultrafast",
    "crf": "20",
    "x264-params": "threads=1",
}
_X265 = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=25:pools=1:frame-threads=1"}
_AV1 = {"preset": "11", "crf": "30", "svtav1-params": "lp=1:keyint=25"}
_ENCODERS = {
    "libx264": _X264,
    "libx265": _X265,
    "libsvtav1": _AV1,
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
B_FRAMES = {"bf": "3", "preset": "veryfast", "b-adapt": "0"}


@dataclass(frozen=True)
class Clip:
    """What to encode.

    Args:
        codec, pixel_format, size, options: of the encoder.
        container, container_options: of the muxer; the container is chosen by the file's name if None.
        frames: how many; frame ``n`` shows ``first_number + n``.
        ticks: seconds a tick, and ``times`` each frame's time in ticks; without them frame ``n`` is at n / 25.
        metadata: of the container.
        sound: add a tone.
        aspect: width of a pixel over its height, as the container declares it.
        rotation: degrees counter-clockwise that a player turns it by.
        draw: what frame ``number`` shows at a width and height.
    """

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (WIDTH, HEIGHT)
    options: dict[str, str] = field(default_factory=dict)
    container: str | None = None
    container_options: dict[str, str] = field(default_factory=dict)
    frames: int = FRAMES
    first_number: int = 0
    ticks: Fraction | None = None
    times: Sequence[int] | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    sound: bool = False
    aspect: Fraction | None = None
    rotation: int | None = None
    draw: Callable[[int, int, int], Grey] = picture


class Studio:
    """Makes files in one folder. Pictures are drawn once; ``random`` starts from the same seed each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = random.Random(5)
        self._drawn: dict[tuple[object, ...], av.VideoFrame] = {}

    def path(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        self.path(name).write_bytes(content)

    def take(self, name: str) -> bytes:
        """Content of a file that was only needed to make others; it is removed."""
        content = self.read(name)
        self.path(name).unlink()
        return content

    def encode(self, name: str, clip: Clip = Clip()) -> None:
        """Encode a clip into a file of this name."""
        with self.open(name, clip) as output:
            output.metadata.update(clip.metadata)
            stream = self.add_stream(output, clip)
            tone = add_tone(output) if clip.sound else None
            for n in range(clip.frames):
                self._encode_one(output, stream, clip, n)
                if tone is not None and n % 3 == 0:
                    output.mux(tone.encode(tone_frame(n // 3, 960)))
            output.mux(stream.encode(None))
            if tone is not None:
                output.mux(tone.encode(None))

    def open(self, name: str, clip: Clip) -> Any:
        """Open a file for writing; nothing random or of the day goes into it."""
        options = {"fflags": "+bitexact"} | clip.container_options
        return av.open(str(self.path(name)), "w", format=clip.container, options=options)

    def add_stream(self, output: Any, clip: Clip) -> Any:
        """A video stream in an open file, its encoder set up for this clip."""
        stream: Any = output.add_stream(clip.codec, rate=RATE)
        stream.width, stream.height = clip.size
        stream.pix_fmt = clip.pixel_format
        if clip.aspect is not None:
            stream.sample_aspect_ratio = clip.aspect
        if clip.ticks is not None:
            stream.codec_context.time_base = clip.ticks
        if clip.rotation is not None:
            stream.set_display_rotation(clip.rotation)
        stream.options = _ENCODERS.get(clip.codec, {}) | clip.options
        stream.codec_context.thread_count = 1
        return stream

    def _encode_one(self, output: Any, stream: Any, clip: Clip, n: int) -> None:
        frame = self.frame(clip.first_number + n, clip)
        frame.pts = clip.times[n] if clip.times is not None else n
        frame.time_base = clip.ticks or Fraction(1, RATE)
        output.mux(stream.encode(frame))

    def frame(self, number: int, clip: Clip) -> av.VideoFrame:
        """Frame ``number`` as this clip shows it."""
        key = (number, clip.size, clip.pixel_format, clip.draw)
        if key not in self._drawn:
            drawn = clip.draw(number, *clip.size)
            frame = av.VideoFrame.from_ndarray(drawn, format="gray")
            self._drawn[key] = (
                frame if clip.pixel_format == "gray" else frame.reformat(format=clip.pixel_format)
            )
        frame = self._drawn[key]
        frame.pict_type = 0  # the encoder before this one wrote its own into it
        return frame

    def packets(self, name: str) -> list[tuple[bytes, bool]]:
        """Content of each video packet, in order of storage, and whether it is a keyframe."""
        with av.open(str(self.path(name))) as source:
            return [(bytes(p), p.is_keyframe) for p in source.demux(video=0) if p.size]

    def flip_bits(self, content: bytes, count: int = 60, start: float = 0.4, end: float = 0.6) -> bytes:
        """Flip ``count`` random bits between these shares of the content."""
        flipped = bytearray(content)
        for _ in range(count):
            at = self.random.randrange(int(len(flipped) * start), int(len(flipped) * end))
            flipped[at] ^= 1 << self.random.randrange(8)
        return bytes(flipped)


def add_tone(output: Any) -> Any:
    """A stream for sound in an open file."""
    stream = output.add_stream("aac", rate=8000)
    stream.layout = "mono"
    return stream


def tone_frame(n: int, length: int) -> av.AudioFrame:
    """The ``n``-th ``length`` samples of a tone."""
    samples = (np.sin(np.arange(length) / 9) * 9000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.rate = 8000
    frame.pts = n * length
    return frame


def cut(content: bytes, share: float, extra: int = 0) -> bytes:
    """The first ``share`` of the content, and ``extra`` bytes."""
    return content[: int(len(content) * share) + extra]
