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

from retrofr.video.luma import luma_at

Points = npt.NDArray[np.int16]

_COLUMNS, _ROWS = 48, 36
_USUAL_FRAMES = 12
_MOST_TIMES_USUAL = 3.0
_ABOVE_USUAL = 6.0


def points_of(frame: VideoFrame) -> Points:
    """The luma of a frame by which cuts are told, (36, 48) grey levels."""
    return luma_at(frame, _COLUMNS, _ROWS).astype(np.int16)


def change_between(before: Points, now: Points) -> float:
    """Mean change from one frame to another, in grey levels; no cut is smaller than the setting says."""
    return float(np.abs(now - before).mean())


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
        self._before: Points | None = None
        self._usual: deque[float] = deque(maxlen=_USUAL_FRAMES)
        self._passed = 0

    def passes(self, frames: int) -> None:
        """So many frames were left out: the next one may differ from the last by the motion of all of them."""
        self._passed += frames

    def forget(self) -> None:
        """Frames were left out: the next one is compared with none."""
        self._before = None

    def cuts(self, points: Points) -> bool:
        """Whether the frame of these points begins a new shot; call once a frame. The first frame begins none."""
        before, self._before = self._before, points
        if before is None:
            return False
        change = change_between(before, points)
        usual = max(median(self._usual), self._usual[-1]) if self._usual else 0.0
        passed, self._passed = self._passed, 0
        blind = passed > 0 and not self._usual  # it is not known how much motion there is
        self._usual.append(change / (passed + 1))
        limit = max(_MOST_TIMES_USUAL, 2 * (passed + 1)) * usual + _ABOVE_USUAL
        if blind or change < max(self._difference, limit):
            return False
        self.shot += 1
        return True
