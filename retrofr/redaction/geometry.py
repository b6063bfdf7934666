"""Which pixels are hidden where a candidate's face is shown among others.

1. A bystander's box is widened by ``MARGIN`` of its width and height on each side, and all of that is hidden.
2. The candidate's own box stays. Where it lies in a bystander's margin, the margin gives way: a margin holds hair and
   background, and the candidate's face is what the picture is for.
3. Where the boxes themselves overlap, a pixel belongs to the face to whose middle it is nearer, as a share of that
   face's size: whichever of the two is in front, it shows most of its own middle there. Equally near is hidden.
4. The inner part of a bystander's face (``INNER`` of its box: eyes, nose, mouth) is hidden also where rule 3 leaves it
   to the candidate. The bystander wins there: the candidate's face was compared before, and a picture of it that lacks
   a part is poorer, while a bystander that is shown was shown to everybody who gets the picture.
5. A face found in the middle of the candidate's own (``SAME_FACE``), or over most of it, is that face found again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats

Mask = npt.NDArray[np.bool_]

MARGIN = 0.3
"""A detector's box goes from the forehead to the chin; with this much more on each side hair and ears are in it."""

INNER = 0.7
"""The ellipse of this share of a box holds eyes, nose and mouth."""

SAME_FACE = 0.5
"""Of the candidate's half size: no other face has its middle nearer to the candidate's and is visible."""

SAME_OVERLAP = 0.4
"""Detectors give one face once: of two that overlap more than this (IoU), both are the same face."""


def widened(boxes: Floats, margin: float = MARGIN) -> Floats:
    """Boxes (K, 4) grown by a share of their width and height on each side."""
    grow = (boxes[:, 2:] - boxes[:, :2]) * np.float32(margin)
    grown: Floats = np.concatenate([boxes[:, :2] - grow, boxes[:, 2:] + grow], axis=1).astype(np.float32)
    return grown


def distances(box: Floats, points: Floats) -> Floats:
    """Of points (N, 2) from the middle of a box (4,), as a share of its half width and half height: the edge is 1."""
    middle, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, np.float32(1e-6))
    apart = (points - middle) / half
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]), np.float32)


def are_same(boxes: Floats, shown: Floats) -> Mask:
    """Which of the boxes (K, 4) of a picture are the shown face (4,) found again (rule 5), as (K,)."""
    if not len(boxes):
        return np.zeros(0, bool)
    low, high = np.maximum(boxes[:, :2], shown[:2]), np.minimum(boxes[:, 2:], shown[2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    sizes, size = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.prod(shown[2:] - shown[:2])
    overlap = shared / np.maximum(sizes + size - shared, np.float32(1e-6))
    inside = (distances(shown, (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)) <= SAME_FACE) & (
        sizes <= size
    )
    return np.asarray((overlap > SAME_OVERLAP) | inside, bool)


def hidden_pixels(
    width: int, height: int, others: Floats, shown: Sequence[Floats] = (), margins: Floats | None = None
) -> Mask:
    """The pixels of a picture that are hidden, as (height, width).

    Args:
        width, height: of the picture.
        others: boxes (K, 4) of the bystanders' faces as they were found.
        shown: boxes (4,) of the candidate's face; none where it is not in the picture.
        margins: (K, 4) what is hidden of each bystander; their boxes widened by ``MARGIN`` where None.
    """
    hidden = np.zeros((height, width), bool)
    for left, top, right, bottom in _pixels(widened(others) if margins is None else margins, width, height):
        hidden[top:bottom, left:right] = True
    for face in shown:
        ((left, top, right, bottom),) = _pixels(face[None], width, height)
        if left < right and top < bottom:
            kept = _kept(face, others, (left, top, right, bottom))
            hidden[top:bottom, left:right] &= ~kept
    return hidden


def _kept(face: Floats, others: Floats, place: tuple[int, int, int, int]) -> Mask:
    """The pixels of the candidate's box that stay (rules 2 to 4), as (its rows, its columns)."""
    left, top, right, bottom = place
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32) + np.float32(0.5)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    kept = np.ones(len(points), bool)
    nearness = distances(face, points)
    for other in others:
        away = distances(other, points)
        contested = ((points >= other[:2]) & (points <= other[2:])).all(axis=1)
        kept &= ~((contested & (away <= nearness)) | (away <= INNER))
    return kept.reshape(bottom - top, right - left)


def _pixels(boxes: Floats, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Whole pixels that boxes touch, inside the picture."""
    edge = np.array([width, height, width, height])
    corners = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    clipped = np.clip(np.nan_to_num(corners, nan=0.0), 0, edge).astype(int)
    return [(int(x1), int(y1), int(x2), int(y2)) for x1, y1, x2, y2 in clipped]
