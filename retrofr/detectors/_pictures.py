"""Resizing pictures and cutting them into parts, for detectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from retrofr.records import Pixels


@dataclass(frozen=True)
class Span:
    """Part of an axis that is looked at, [start, stop), and of it the part whose faces count, [first, last)."""

    start: int
    stop: int
    first: float
    last: float


def spans(length: int, longest: int, overlap: int) -> list[Span]:
    """Cut an axis into parts of at most ``longest`` that overlap; each point counts in exactly one part.

    A face no larger than ``overlap`` lies whole in the part in which its centre counts.
    """
    if length <= longest:
        return [Span(0, length, -math.inf, math.inf)]
    count = math.ceil((length - overlap) / (longest - overlap))
    starts = [round(index * (length - longest) / (count - 1)) for index in range(count)]
    borders = [(one + longest + other) / 2 for one, other in pairwise(starts)]
    return [
        Span(start, start + longest, first, last)
        for start, first, last in zip(starts, [-math.inf, *borders], [*borders, math.inf], strict=True)
    ]


def resized(picture: Pixels, height: int, width: int, *, quick: bool = False) -> Pixels:
    """Averaged over area where it shrinks, bilinear where it grows.

    Args:
        quick: bilinear behind halvings as well. It takes a seventh of the time of averaging over parts of pixels, and
            the fine detail that it would fold over has been averaged away.
    """
    if picture.shape[:2] == (height, width):
        return picture
    smaller = height * width <= picture.shape[0] * picture.shape[1]
    halves = min(picture.shape[0] // (2 * height), picture.shape[1] // (2 * width)) if smaller else 0
    if halves:
        # OpenCV averages over a whole number of pixels several times faster than over parts of them.
        whole = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        picture = np.asarray(cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        if not quick or halves > 1 or picture.shape[:2] == (height, width):
            return resized(picture, height, width, quick=quick)
        smaller = False
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)
