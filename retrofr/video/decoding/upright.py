"""From a decoded frame to the picture that is looked at: RGB, upright, with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from retrofr.records import Pixels

# Real pixel aspects lie between 8:15 (720x576 shown tall) and 4:1 (704x144 fields); others are damaged
# headers.
_LOWEST_ASPECT, _HIGHEST_ASPECT = Fraction(1, 4), Fraction(4)


def upright_rgb(frame: VideoFrame, pixel_aspect: Fraction, rotation: int) -> Pixels:
    """Convert a frame to (H, W, 3) uint8 RGB as a player would show it.

    Order: colour conversion at coded size; then pixel aspect, by making the picture wider where pixels are
    wide (aspect above 1) and taller where they are tall, never smaller; then the container's rotation.

    Args:
        frame: any size and pixel format that FFmpeg converts.
        pixel_aspect: width of a coded pixel over its height.
        rotation: degrees counter-clockwise, as the container has it.
    """
    # An explicit format: plain to_ndarray refuses odd sizes and gives 16 bits for 10-bit video.
    image: npt.NDArray[Any] = frame.to_ndarray(format="rgb24", threads=1)
    height, width = image.shape[:2]
    if pixel_aspect != 1:
        image = _stretched(image, max(1, pixel_aspect) * width, max(1, 1 / pixel_aspect) * height)
    quarter_turns = round(rotation / 90) % 4  # counter-clockwise, as np.rot90 counts
    if quarter_turns:
        image = np.rot90(image, k=quarter_turns)
    return np.ascontiguousarray(image, dtype=np.uint8)


def _stretched(image: npt.NDArray[Any], width: Fraction, height: Fraction) -> npt.NDArray[Any]:
    import cv2  # takes a decoder process longer to load than all else, and few recordings need it

    return cv2.resize(image, (round(width), round(height)), interpolation=cv2.INTER_LINEAR)


def believable_aspect(pixel_aspect: Fraction | None) -> Fraction:
    """The pixel aspect, or 1 where there is none or it can only be a damaged header."""
    if pixel_aspect is None or not _LOWEST_ASPECT <= pixel_aspect <= _HIGHEST_ASPECT:
        return Fraction(1)
    return Fraction(pixel_aspect.numerator, pixel_aspect.denominator)
