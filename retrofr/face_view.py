"""The part of a picture around one face, kept until it is known whether the face is among its tracklet's best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.alignment import LANDMARK_NET_SIDE, chip_corners, similarity_transform, upright_box
from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels

# Landmarks that are found once more lie elsewhere, by a twentieth of a face's size as a rule; chips move with them.
_MARGIN = 0.3


@dataclass(frozen=True, eq=False)
class FaceView:
    """Part of a picture, (H, W, 3) uint8 RGB, and the landmarks (5, 2) of a face in its pixels."""

    pixels: Pixels
    landmarks: Floats


def view_face(image: Pixels, landmarks: Floats, specs: Sequence[ChipSpec]) -> FaceView:
    """Copy what chips of a face can show, with a margin; cutting them from it gives what the whole picture gives.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) in its pixels.
        specs: of the chips that will be cut.
    """
    sides = [(spec.side_pixels, similarity_transform(spec.points, landmarks)) for spec in specs]
    sides.append((LANDMARK_NET_SIDE, upright_box(landmarks)))
    corners = [chip_corners(transform, side) for side, transform in sides if transform is not None]
    if not corners:  # no chip can be cut
        return FaceView(image[:1, :1].copy(), landmarks)
    low, high = np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0)
    margin = _MARGIN * (high - low)
    limit = [image.shape[1], image.shape[0]]
    left, top = np.clip(np.floor(low - margin), 0, limit).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), 0, limit).astype(int).tolist()
    part = image[top:bottom, left:right]
    if not part.size:  # it lies outside the picture
        return FaceView(image[:1, :1].copy(), landmarks - np.float32(max(image.shape)) * 4)
    return FaceView(part.copy(), landmarks - np.array([left, top], np.float32))
