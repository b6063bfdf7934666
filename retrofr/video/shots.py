"""Finds shot cuts while decoding: where the picture changes as a whole from one frame to the next.

Recorders splice: motion-triggered pieces, several cameras in turn, joined files. A face before a cut and one
after it are not the same track, however alike their places are; and the first picture of a new shot is always
looked at, since it may show someone who has turned away by the next sample.
"""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

_COLUMNS, _ROWS = 48, 36
_USUAL_FRAMES = 12
_MOST_TIMES_USUAL = 3.0
_ABOVE_USUAL = 6.0
_LUMA_FIRST = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "nv12", "nv21", "gray"}
)


class ShotCounter:
    """Counts shots over the frames of one stream, in the order in which they are shown.

    A cut is a mean change of the luma, on a grid of 48 × 36 points, of at least ``difference`` grey levels and
    far above what the last dozen frames and the very last one changed by: motion and noise are no cuts.

    Args:
        difference: grey levels, 0 to 255.
    """

    def __init__(self, difference: float) -> None:
        self.shot = 0
        self._difference = difference
        self._before: npt.NDArray[np.int16] | None = None
        self._usual: deque[float] = deque(maxlen=_USUAL_FRAMES)

    def forget(self) -> None:
        """Frames were left out: the next one is compared with none."""
        self._before = None

    def cuts(self, frame: VideoFrame) -> bool:
        """Whether this frame begins a new shot; call once a frame. The first frame begins none."""
        return self.changes_to(_points(frame))

    def changes_to(self, points: npt.NDArray[np.int16]) -> bool:
        """As :meth:`cuts`, from the luma at the grid's points."""
        before, self._before = self._before, points
        if before is None:
            return False
        change = float(np.abs(points - before).mean())
        usual = max(median(self._usual), self._usual[-1]) if self._usual else 0.0
        self._usual.append(change)
        if change < max(self._difference, _MOST_TIMES_USUAL * usual + _ABOVE_USUAL):
            return False
        self.shot += 1
        return True


def _points(frame: VideoFrame) -> npt.NDArray[np.int16]:
    """Luma at the middle of each cell of the grid, straight from the decoded plane where it is 8-bit."""
    if frame.format.name in _LUMA_FIRST:
        plane = frame.planes[0]
        # Lines are padded: the picture is the first `width` bytes of each.
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : frame.height, : frame.width
        ]
    else:
        small = frame.to_ndarray(format="gray", width=2 * _COLUMNS, height=2 * _ROWS)
        luma = np.asarray(small, np.uint8)
    height, width = luma.shape
    rows = (np.arange(_ROWS) * 2 + 1) * height // (2 * _ROWS)
    columns = (np.arange(_COLUMNS) * 2 + 1) * width // (2 * _COLUMNS)
    points: npt.NDArray[np.int16] = luma[rows][:, columns].astype(np.int16)
    return points
