"""Recordings whose pictures are unusual: turned, interlaced, odd sizes, other pixels, two cameras in one file."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from recordings.picture import woven_picture
from recordings.studio import RATE, Clip, Studio

_INTERLACED = {"flags": "+ildct+ilme", "x264-params": "tff=1:threads=1"}


def make(studio: Studio) -> None:
    """Write them."""
    studio.encode("interlaced.mp4", Clip(options=_INTERLACED))
    studio.encode("combed.mp4", Clip(options=_INTERLACED, frames=100, draw=woven_picture))
    studio.encode("combed_unflagged.mp4", Clip(frames=50, draw=woven_picture))
    studio.encode("rot90.mp4", Clip(rotation=90))
    studio.encode("rot180.mp4", Clip(rotation=180))
    studio.encode("odd.mp4", Clip(pixel_format="yuv444p", size=(321, 241)))
    studio.encode("odd_mjpeg.avi", Clip("mjpeg", "yuvj420p", (321, 241)))
    studio.encode("padded.mp4", Clip(size=(322, 242), frames=50))
    studio.encode("gray.mkv", Clip("ffv1", "gray"))
    studio.encode("gray264.mp4", Clip(pixel_format="gray"))
    studio.encode("full_range.mp4", Clip(pixel_format="yuvj420p", frames=50))
    studio.encode("tenbit265.mp4", Clip("libx265", "yuv420p10le"))
    studio.encode("sar_flagged.mp4", Clip(aspect=Fraction(16, 11)))
    studio.encode("halfd1_unflagged.avi", Clip(size=(704, 288), frames=60))
    _two_cameras(studio)
    _size_changes(studio)


def _two_cameras(studio: Studio) -> None:
    """The second camera's pictures are numbered from 1000."""
    clip = Clip(frames=100)
    with studio.open("two_video.mkv", clip) as output:
        streams: list[Any] = [studio.add_stream(output, clip) for _ in range(2)]
        for n in range(clip.frames):
            for camera, stream in enumerate(streams):
                frame = studio.frame(n + 1000 * camera, clip)
                frame.pts, frame.time_base = n, Fraction(1, RATE)
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))


def _size_changes(studio: Studio) -> None:
    own_times = {"mpegts_copyts": "1"}
    step = 90_000 // RATE
    for kind, container in (("ts", "mpegts"), ("h264", "h264")):
        for size, first in (((320, 240), 0), ((640, 480), 100)):
            clip = Clip(
                size=size,
                container=container,
                container_options=own_times if kind == "ts" else {},
                frames=100,
                first_number=first,
                ticks=Fraction(1, 90_000),
                times=[(first + n) * step for n in range(100)],
            )
            studio.encode(f"part{first}.{kind}", clip)
        studio.write(f"reschange.{kind}", studio.take(f"part0.{kind}") + studio.take(f"part100.{kind}"))
