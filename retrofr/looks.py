"""What a face looks like to the tracker: two small pictures of it, and how like each other two faces are in them.

A thumbnail is aligned by the face's landmarks, which is right where all of a face can be seen and its head may turn.
A patch is cut by its box alone: part of a face is found again in it where it is half hidden or cut by the edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from retrofr.alignment import cut_chips
from retrofr.embedders.base import ChipSpec
from retrofr.records import Detections, Floats, Pixels

THUMBNAIL = ChipSpec(24, ((7.5, 8.0), (16.5, 8.0), (12.0, 13.0), (8.5, 17.5), (15.5, 17.5)))
"""The small aligned picture that likeness between samples is judged by."""

_PATCH_PIXELS, _PATCH_MARGIN, _SEARCHED_PIXELS = 32, 0.4, 24


@dataclass(frozen=True, eq=False)
class Look:
    """What one detection looks like.

    ``thumbnail`` (576,) float32 is the aligned grey face, zero mean, unit length: a dot product is a correlation.
    ``patch`` (H, W) uint8 is the grey picture around its box, at most 32 pixels a side of the box; ``box`` (4,) is
    the box in it, and ``scale`` the pixels of the patch to one of the picture.
    """

    thumbnail: Floats
    patch: Pixels
    box: Floats
    scale: float


def take_looks(image: Pixels, found: Detections) -> list[Look]:
    """A look of each face of a sample, (H, W, 3) uint8 RGB, in the order of its detections."""
    chips = cut_chips(image, found.landmarks, THUMBNAIL).astype(np.float32).mean(axis=3)
    flat = chips.reshape(len(chips), THUMBNAIL.side_pixels**2)
    flat = flat - flat.mean(axis=1, keepdims=True)
    thumbnails = np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32)
    return [Look(thumbnails[i], *_patch(image, box)) for i, box in enumerate(found.boxes)]


def closer_look(one: Look, other: Look) -> float:
    """How well the pixels of one face are found at the other, -1 to 1; the better of both directions.

    Wherever inside the other's patch they fit best, in the size they have; what of a face can be seen need not be all
    of it, nor must its landmarks be right. 0 where there is too little to compare.
    """
    high = max(float(look.box[3] - look.box[1]) / look.scale for look in (one, other))
    if high <= 0:
        return 0.0
    resized = [_resized(look, _SEARCHED_PIXELS / high / look.scale) for look in (one, other)]
    best = 0.0
    for (patch, box), (within, _) in (resized, resized[::-1]):
        x1, y1, x2, y2 = np.maximum(np.round(box), 0).astype(int).tolist()
        sought = patch[y1:y2, x1:x2]
        fits = sought.shape[0] <= within.shape[0] and sought.shape[1] <= within.shape[1]
        if fits and min(sought.shape) >= 5 and sought.size >= 100:
            best = max(best, float(cv2.matchTemplate(within, sought, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _patch(image: Pixels, box: Floats) -> tuple[Pixels, Floats, float]:
    """Patch, box and scale of a look."""
    size, limit = box[2:] - box[:2], np.array(image.shape[1::-1])
    left, top = np.clip(np.floor(box[:2] - _PATCH_MARGIN * size), 0, limit - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(box[2:] + _PATCH_MARGIN * size), (left + 1, top + 1), limit).astype(int)
    grey = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    corner = np.array([left, top] * 2, np.float32)
    whole = Look(np.zeros(0, np.float32), np.asarray(grey, np.uint8), box - corner, 1.0)
    scale = min(1.0, _PATCH_PIXELS / max(float(size.max()), 1e-6))
    return *_resized(whole, scale), scale


def _resized(look: Look, times: float) -> tuple[Pixels, Floats]:
    size = [max(1, round(side * times)) for side in look.patch.shape[::-1]]
    patch = cv2.resize(look.patch, size, interpolation=cv2.INTER_AREA)
    return np.asarray(patch, np.uint8), np.asarray(look.box * np.float32(times), np.float32)
