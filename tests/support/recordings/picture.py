"""The known picture that every frame of a recording shows, and what is left of it in a decoded frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

import clips

Grey = npt.NDArray[np.uint8]

WIDTH, HEIGHT = clips.WIDTH, clips.HEIGHT
# A decoded frame is good where each of these blocks is this near to what was drawn, in grey levels.
_BLOCK = 16
_GOOD_WITHIN = 30.0
_BAR_HEIGHT = 24


@cache
def _ground(width: int, height: int) -> Grey:
    """Grey blocks of 8 pixels: damage that shifts or repeats a part of the picture shows."""
    blocks = np.random.default_rng(1).integers(60, 180, (height // 8 + 1, width // 8 + 1)).astype(np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)[:height, :width]


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Grey:
    """(height, width) grey: a disc that moves over the ground, and ``number`` as :mod:`clips` writes it."""
    image = _ground(width, height).copy()
    draw_disc(image, number)
    image[:_BAR_HEIGHT] = clips.numbered_picture(number, width, _BAR_HEIGHT)[:, :, 0]
    return image


def draw_disc(image: Grey, number: float) -> None:
    """Draw the disc where it is at frame ``number``; between frames for the second field of interlaced video."""
    height, width = image.shape
    rows, columns = np.ogrid[:height, :width]
    across = (40 + number * 3) % width
    down = height // 2 + int(30 * np.sin(number / 9))
    image[(columns - across) ** 2 + (rows - down) ** 2 < 30**2] = 230


def woven_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Grey:
    """Two fields of an interlaced camera: the odd rows show a moment half a frame later, six pixels on.

    The disc moves four times as fast as in :func:`picture`, so that combing shows.
    """
    fields = []
    for moment in (number, number + 0.5):
        image = _ground(width, height).copy()
        draw_disc(image, moment * 4)
        fields.append(image)
    woven = fields[0]
    woven[1::2] = fields[1][1::2]
    woven[:_BAR_HEIGHT] = clips.numbered_picture(number, width, _BAR_HEIGHT)[:, :, 0]
    return woven


def combing(image: npt.NDArray[np.uint8]) -> float:
    """How much neighbouring rows alternate below the bar, in grey levels; a still picture has next to none."""
    grey = _to_grey(image)[_BAR_HEIGHT + 8 :].astype(np.float32)
    above, row, below = grey[:-2], grey[1:-1], grey[2:]
    between = np.minimum(np.abs(row - above), np.abs(row - below))
    alternates = (row - above) * (row - below) > 0
    return float((between * alternates).mean())


@dataclass(frozen=True)
class Look:
    """What a decoded frame shows: its number, None where that cannot be read, and whether it is as drawn."""

    number: int | None
    good: bool


def look_at(image: npt.NDArray[np.uint8], sizes: tuple[tuple[int, int], ...], rotation: int = 0) -> Look:
    """Compare an upright RGB frame with what was drawn.

    Args:
        sizes: coded width and height of the pictures that were drawn.
        rotation: degrees counter-clockwise by which the reader turned it.
    """
    coded = np.ascontiguousarray(np.rot90(image, k=-rotation // 90))
    number = clips.number_in(coded)
    if number is None:
        return Look(None, False)
    grey = _to_grey(coded)
    height, width = grey.shape
    if (width, height) not in sizes:
        width, height = sizes[0]
        grey = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    difference = cv2.absdiff(grey, picture(number, width, height)).astype(np.float32)
    blocks = cv2.resize(difference, (width // _BLOCK, height // _BLOCK), interpolation=cv2.INTER_AREA)
    return Look(number, bool(blocks.max() < _GOOD_WITHIN))


def number_in(image: npt.NDArray[np.uint8]) -> int | None:
    """The number in a frame that may have been turned."""
    for turns in range(4):
        number = clips.number_in(np.ascontiguousarray(np.rot90(image, k=turns)))
        if number is not None:
            return number
    return None


def _to_grey(image: npt.NDArray[np.uint8]) -> Grey:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)
