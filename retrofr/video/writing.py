"""Writes frames as a clip that any player shows: H.264 in MP4, without sound, each frame at its own time."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from retrofr.errors import OutputError
from retrofr.records import Pixels
from retrofr.video._pyav import AV_FAILURES

TICKS = 90_000
"""A second of the clip: a multiple of the usual frame rates, and fine enough for any other."""

QUALITY = "19"
"""x264's constant rate factor: faces keep what an embedder sees of them."""

_GROUP_FRAMES = 50
_PARTIAL = ".part"


class ClipWriter:
    """Writes one clip; a context manager. Leaving it by an error leaves no file.

    Args:
        path: of the clip; it must not exist.
        width, height: of all frames; where one is odd, its last column or row is there twice, as the format wants.

    Raises:
        OutputError: the file exists already or cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        if path.exists() or path.is_symlink():
            raise OutputError(
                "exists already, and nothing is overwritten",
                subject=str(path),
                hint="name another file, or move this one away",
            )
        self._path, self._partial = path, path.with_name(path.name + _PARTIAL)
        self.size = (width, height)
        self._durations: dict[int, int] = {}
        self._first: Fraction | None = None
        self._last = -1
        try:
            self._container = av.open(
                str(self._partial), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._opened(width, height)
        except AV_FAILURES as error:
            raise self._unwritable(error) from error

    def _opened(self, width: int, height: int) -> VideoStream:
        # Frames that refer to later ones would make players begin before zero.
        options = {"crf": QUALITY, "preset": "veryfast", "bf": "0", "g": str(_GROUP_FRAMES)}
        stream = self._container.add_stream("libx264", options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        return stream

    def write(self, image: Pixels, seconds: Fraction, until_seconds: Fraction) -> None:
        """Add a frame.

        Args:
            image: (height, width, 3) uint8 RGB.
            seconds: media time at which it is shown, later than the one before; the first is the clip's zero.
            until_seconds: when it stops being shown.

        Raises:
            OutputError: the file cannot be written to.
            ValueError: the picture has another size, or its time is not later.
        """
        if (image.shape[1], image.shape[0]) != self.size:
            raise ValueError(f"image: expected {self.size}, got {(image.shape[1], image.shape[0])}")
        first = self._first = seconds if self._first is None else self._first
        pts = round((seconds - first) * TICKS)
        if pts <= self._last:
            raise ValueError(f"seconds: expected a time after the frame before, got {seconds}")
        self._last = pts
        width, height = self.size
        if width % 2 or height % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, Fraction(1, TICKS)
        self._durations[pts] = max(1, round((until_seconds - seconds) * TICKS))
        self._encode(frame)

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                packet.duration = self._durations.pop(packet.pts or 0, 1)
                self._container.mux(packet)
        except AV_FAILURES as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Finish the clip and give the file its name.

        Raises:
            OutputError: the file cannot be written to; nothing is left of it.
        """
        try:
            if self._first is not None:
                self._encode(None)
            self._container.close()
            self._partial.rename(self._path)
        except AV_FAILURES as error:
            self._drop()
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._drop()

    def _drop(self) -> None:
        with contextlib.suppress(*AV_FAILURES):  # what was written so far is removed anyway
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _unwritable(self, error: Exception) -> OutputError:
        why = getattr(error, "strerror", None) or str(error)
        return OutputError(f"cannot be written ({why})", subject=str(self._path))
