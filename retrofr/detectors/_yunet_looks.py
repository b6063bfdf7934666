"""The two looks of YuNet: levels and tiles of the glance, decoding, the second look at small faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from retrofr.detectors._found import Found, as_detections, by_size, check_frames, join
from retrofr.detectors._pictures import resized, spans
from retrofr.records import Detections, Floats, Pixels
from retrofr.runtime import Runner

STRIDES = (8, 16, 32)

# Sizes of a face at the net's input, in pixels (side of a square as large as its box). Measured on photos shrunk
# step by step, see docs/detectors.md: at 12 px 99 % get a score of at least 0.1, at 48 px all get 0.8, up to 400 px
# they keep it, at 800 px few do. Landmarks are off by a third of the distance between the eyes at 12 px, by a
# twentieth from 48 px on.
GLANCE_FACE = 12
GLANCE_THRESHOLD = 0.1
LARGEST_FACE = 400
SURE_FACE = 48

# The second look: an enlarged picture of this side in which the face takes up so much.
SECOND_LOOK_SIDE = 128
SECOND_LOOK_FACE = 56

LEVEL_STEP = 4
MAX_ENLARGEMENT = 1.5

# Limits on memory: the largest picture that goes through the net at once, how many pixels of frames are worked on
# together, and how many second looks.
TILE_SIDE = 2048
TILE_OVERLAP = 480
BATCH_PIXELS = 1 << 25
BATCH_CROPS = 128


class Limits(Protocol):
    """The settings used here."""

    @property
    def min_face_pixels(self) -> int: ...
    @property
    def score_threshold(self) -> float: ...
    @property
    def max_overlap(self) -> float: ...


class TwoLooks:
    """Finds faces with a compiled YuNet."""

    def __init__(self, net: Runner, limits: Limits) -> None:
        self._net = net
        self._net_for_crops = net.in_batches(cpu=8, gpu=BATCH_CROPS)
        self._limits = limits
        self._scale = min(GLANCE_FACE / limits.min_face_pixels, MAX_ENLARGEMENT)

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        check_frames(frames)
        results = [Detections.none()] * len(frames)
        for numbers in by_size(frames, BATCH_PIXELS):
            group = [frames[number] for number in numbers]
            for number, detections in zip(numbers, self._detect_same_size(group), strict=True):
                results[number] = detections
        return results

    def _detect_same_size(self, frames: list[Pixels]) -> list[Detections]:
        sure, unsure = [], []
        height, width = frames[0].shape[:2]
        for scale in level_scales(height, width, self._scale):
            found = self._glance(frames, scale)
            sizes = found.sizes * scale
            if scale < self._scale:
                # The next finer level sees these LEVEL_STEP times larger.
                found, sizes = found.pick(sizes >= 2 * GLANCE_FACE), sizes[sizes >= 2 * GLANCE_FACE]
            sure.append(found.pick((sizes >= SURE_FACE) & (found.scores >= self._limits.score_threshold)))
            unsure.append(found.pick(sizes < SURE_FACE))
        again = self._look_again(frames, join(unsure).best(0.5))
        found = join([*sure, again])
        found = found.pick(found.sizes >= 0.8 * self._limits.min_face_pixels)
        return as_detections(found.best(self._limits.max_overlap), frames)

    def _glance(self, frames: list[Pixels], scale: float) -> Found:
        """Candidates of a level, in frame pixels."""
        height, width = (max(1, round(side * scale)) for side in frames[0].shape[:2])
        pictures = [resized(frame, height, width, quick=True) for frame in frames]
        to_frame = np.array([[frames[0].shape[1] / width, frames[0].shape[0] / height]], np.float32)
        parts = []
        for rows in spans(height, TILE_SIDE, TILE_OVERLAP):
            for columns in spans(width, TILE_SIDE, TILE_OVERLAP):
                tiles = [
                    picture[rows.start : rows.stop, columns.start : columns.stop] for picture in pictures
                ]
                found = decode(self._net(padded(tiles)), GLANCE_THRESHOLD)
                offset = np.array([[columns.start, rows.start]], np.float32)
                found = found.placed(np.ones((1, 2), np.float32), offset, found.owners)
                x, y = found.centres.T
                inside = (x >= columns.first) & (x < columns.last) & (y >= rows.first) & (y < rows.last)
                parts.append(
                    found.pick(inside).placed(to_frame, np.zeros((1, 2), np.float32), found.owners[inside])
                )
        return join(parts)

    def _look_again(self, frames: list[Pixels], candidates: Found) -> Found:
        """What an enlarged picture of each candidate shows, in frame pixels."""
        parts = []
        for first in range(0, len(candidates), BATCH_CROPS):
            some = candidates.pick(slice(first, first + BATCH_CROPS))
            sides = np.maximum(4, np.round(some.sizes * (SECOND_LOOK_SIDE / SECOND_LOOK_FACE))).astype(
                np.intp
            )
            corners = np.floor(some.centres - sides[:, None] / 2).astype(np.intp)
            crops = np.zeros((len(some), SECOND_LOOK_SIDE, SECOND_LOOK_SIDE, 3), np.uint8)
            for crop, owner, (x, y), side in zip(crops, some.owners, corners, sides, strict=True):
                cut_into(crop, frames[owner], int(x), int(y), int(side))
            found = decode(self._net_for_crops(crops), self._limits.score_threshold)
            # A neighbour at the crop's edge may be cut; it is a candidate of its own.
            off_centre = np.abs(found.centres - SECOND_LOOK_SIDE / 2).max(axis=1, initial=0.0)
            found = found.pick(off_centre <= SECOND_LOOK_SIDE / 4)
            scale = (sides / SECOND_LOOK_SIDE).astype(np.float32)[found.owners]
            offset = corners[found.owners].astype(np.float32)
            parts.append(found.placed(scale[:, None].repeat(2, axis=1), offset, some.owners[found.owners]))
        return join(parts)


def level_scales(height: int, width: int, finest: float) -> list[float]:
    """Scales of the glance, finest first, so that a face as large as the frame is found on one of them."""
    scales = [finest]
    while min(height, width) * scales[-1] > LARGEST_FACE:
        scales.append(scales[-1] / LEVEL_STEP)
    return scales


def padded(pictures: list[Pixels]) -> Pixels:
    """One batch of pictures of the same size, with black at the right and below up to multiples of 32."""
    height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in pictures[0].shape[:2])
    batch = np.zeros((len(pictures), height, width, 3), np.uint8)
    for room, picture in zip(batch, pictures, strict=True):
        room[: picture.shape[0], : picture.shape[1]] = picture
    return batch


def cut_into(crop: Pixels, frame: Pixels, x: int, y: int, side: int) -> None:
    """Fill a square picture with a square of a frame; what lies outside the frame stays as it is."""
    scale = len(crop) / side
    top, left = max(y, 0), max(x, 0)
    part = frame[top : max(y + side, 0), left : max(x + side, 0)]
    if not part.size:
        return
    first_row, first_column = round((top - y) * scale), round((left - x) * scale)
    last_row = round((top - y + part.shape[0]) * scale)
    last_column = round((left - x + part.shape[1]) * scale)
    if last_row > first_row and last_column > first_column:
        crop[first_row:last_row, first_column:last_column] = resized(
            part, last_row - first_row, last_column - first_column
        )


def decode(outputs: tuple[Floats, ...], threshold: float) -> Found:
    """Faces of the net's outputs with at least that score, in pixels of its input, overlapping ones included."""
    parts = []
    for stride, scores, geometry in zip(STRIDES, outputs[::2], outputs[1::2], strict=True):
        owners, rows, columns = np.nonzero(scores >= threshold)
        values = geometry[owners, :, rows, columns]
        cells = np.stack([columns, rows], axis=1).astype(np.float32)
        centres = (cells + values[:, :2]) * stride
        half = np.exp(np.clip(values[:, 2:4], -8.0, 8.0)) * (stride / 2)
        landmarks = (values[:, 4:].reshape(-1, 5, 2) + cells[:, None]) * stride
        boxes = np.concatenate([centres - half, centres + half], axis=1)
        parts.append(Found(owners, boxes, landmarks, scores[owners, rows, columns]))
    return join(parts)
