"""Finds pictures in which nothing has changed since one was last looked at, so that they need not be looked at.

Most recorded hours show nothing that moves. A face that was not there before, or moved, changes the mean of some
small block of the picture by far more than noise does.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame

from retrofr.records import Floats
from retrofr.video.luma import luma_at

LONGEST_SECONDS = Fraction(10)
"""A picture is looked at at least this often, whatever it shows."""

# Points along the longer side, and points of a block along a side: at 1920 pixels a point is every fourth pixel, a
# block 16 pixels wide. What is left of a sensor's noise in a mean of 16 points is a quarter.
_POINTS, _BLOCK = 480, 4
# Grey levels that some block has to change by against all others, how many times as much as blocks usually do (which
# is noise: 5.4 of its standard deviations), and grey levels by which the whole picture may grow lighter or darker.
_LEAST_CHANGE, _TIMES_USUAL, _MOST_LIGHT = 5.0, 8.0, 8.0


class StillnessGate:
    """Says of samples whether they are to be looked at, in the order in which they are shown."""

    def __init__(self) -> None:
        self._seen: Floats | None = None
        self._at = Fraction(0)

    def forget(self) -> None:
        """The sample that was to be looked at last was not: what comes next is compared with none."""
        self._seen = None

    def looks_at(self, frame: VideoFrame, seconds: Fraction, *, always: bool) -> bool:
        """Whether something may have changed since a sample was last looked at.

        Args:
            frame: the sample.
            seconds: its media time.
            always: it is looked at whatever it shows.
        """
        blocks = block_means(frame)
        seen = self._seen
        if not always and seen is not None and seen.shape == blocks.shape:
            short = 0 <= seconds - self._at < LONGEST_SECONDS
            if short and not has_changed(seen, blocks):
                return False
        self._seen, self._at = blocks, seconds
        return True


def has_changed(before: Floats, now: Floats) -> bool:
    """Whether some block differs by more than noise and light do; (R, C) float32 grey levels."""
    change = now - before
    light = float(np.median(change))
    own = np.abs(change - np.float32(light))
    return bool(
        abs(light) > _MOST_LIGHT or own.max() > max(_LEAST_CHANGE, _TIMES_USUAL * float(np.median(own)))
    )


def block_means(frame: VideoFrame) -> Floats:
    """Mean luma of the blocks of a frame, (R, C) float32."""
    longer = max(frame.width, frame.height)
    columns, rows = (
        max(1, side * min(_POINTS, longer) // longer // _BLOCK) * _BLOCK
        for side in (frame.width, frame.height)
    )
    points = luma_at(frame, columns, rows).reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    means: Floats = points.mean(axis=(1, 3), dtype=np.float32)
    return means
