"""The luma of decoded frames at a few points, straight from the decoded plane where it is 8-bit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

Luma = npt.NDArray[np.uint8]

_LUMA_FIRST = frozenset(
    {
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuv444p",
        "yuvj444p",
        "yuv411p",
        "nv12",
        "nv21",
        "nv16",
        "gray",
    }
)


def luma_at(frame: VideoFrame, columns: int, rows: int) -> Luma:
    """Luma (rows, columns) at the middle of each cell of a grid over the frame."""
    if frame.format.name in _LUMA_FIRST:
        plane = frame.planes[0]
        flat = np.frombuffer(memoryview(plane), np.uint8)
        picked: Luma = flat[_places(frame.height, frame.width, plane.line_size, columns, rows)]
        return picked
    small = np.asarray(
        frame.to_ndarray(format="gray", width=2 * columns, height=2 * rows, threads=1), np.uint8
    )
    height, width = small.shape
    return np.ascontiguousarray(small.reshape(-1)[_places(height, width, width, columns, rows)])


@lru_cache(maxsize=16)
def _places(height: int, width: int, line_bytes: int, columns: int, rows: int) -> npt.NDArray[np.intp]:
    """Where the points lie in a plane. Its lines are padded: the picture is the first ``width`` bytes of each."""
    lines = (np.arange(rows) * 2 + 1) * height // (2 * rows)
    places = (np.arange(columns) * 2 + 1) * width // (2 * columns)
    return np.asarray(lines[:, None] * line_bytes + places[None, :], np.intp)
