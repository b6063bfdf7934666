"""The three stages of MTCNN over batches of frames.

Equal to facenet-pytorch's ``detect_face`` but for its batching: averages over areas come from summed-area tables,
and the crops of all frames go through R-Net and O-Net together.
Source: Zhang et al., Joint Face Detection and Alignment using MTCNN, 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.detectors._boxes import Indices, keep_best
from retrofr.detectors._found import Found, as_detections, by_size, check_frames, join
from retrofr.detectors._pictures import Span, resized, spans
from retrofr.records import Detections, Floats, Pixels
from retrofr.runtime import Runner

PROPOSAL_CELL = 12
PROPOSAL_STRIDE = 2
REFINE_SIDE = 24
OUTPUT_SIDE = 48

# Limits on memory: pixels of frames worked on together, crops cut at once, and the sides of the parts into which
# larger frames are cut.
BATCH_PIXELS = 1 << 23
BATCH_CROPS = 512
LARGEST_SIDE = 4096
TILE_OVERLAP = 1024

Sums = npt.NDArray[np.int32]


class Limits(Protocol):
    """The settings used here."""

    @property
    def min_face_pixels(self) -> int: ...
    @property
    def pyramid_factor(self) -> float: ...
    @property
    def proposal_threshold(self) -> float: ...
    @property
    def refine_threshold(self) -> float: ...
    @property
    def score_threshold(self) -> float: ...


@dataclass(frozen=True)
class Nets:
    """P-Net, R-Net and O-Net, each compiled to take (N, H, W, 3) float32 RGB in 0…255."""

    proposal: Runner
    refine: Runner
    output: Runner


class Stages:
    """Finds faces with the three compiled nets."""

    def __init__(self, nets: Nets, limits: Limits) -> None:
        self._nets = nets
        self._limits = limits

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        check_frames(frames)
        results = [Detections.none()] * len(frames)
        for numbers in by_size(frames, BATCH_PIXELS):
            group = [frames[number] for number in numbers]
            found = self._find(group) if max(group[0].shape) <= LARGEST_SIDE else self._find_in_parts(group)
            for number, detections in zip(numbers, as_detections(found, group), strict=True):
                results[number] = detections
        return results

    def _find_in_parts(self, frames: list[Pixels]) -> Found:
        """Frames too large for one go: overlapping parts for small faces, the shrunk whole for large ones."""
        height, width = frames[0].shape[:2]
        shrink = LARGEST_SIDE / max(height, width)
        size = max(1, round(height * shrink)), max(1, round(width * shrink))
        back = np.array([[width / size[1], height / size[0]]], np.float32)
        whole = self._find([resized(frame, *size) for frame in frames])
        parts = [whole.placed(back, np.zeros((1, 2), np.float32), whole.owners)]
        for rows in spans(height, LARGEST_SIDE, TILE_OVERLAP):
            for columns in spans(width, LARGEST_SIDE, TILE_OVERLAP):
                parts.append(self._find_in_part(frames, rows, columns))
        return join(parts).best(0.5)

    def _find_in_part(self, frames: list[Pixels], rows: Span, columns: Span) -> Found:
        cut = [frame[rows.start : rows.stop, columns.start : columns.stop] for frame in frames]
        found = self._find(cut)
        offset = np.array([[columns.start, rows.start]], np.float32)
        found = found.placed(np.ones((1, 2), np.float32), offset, found.owners)
        x, y = found.centres.T
        counts = (x >= columns.first) & (x < columns.last) & (y >= rows.first) & (y < rows.last)
        return found.pick(counts)

    def _find(self, frames: list[Pixels]) -> Found:
        """All faces of frames of one size."""
        # Sums may wrap around at 2³²; their differences over less than 2²⁴ pixels are right all the same.
        sums = [np.asarray(cv2.integral(frame, sdepth=cv2.CV_32S), np.int32) for frame in frames]
        owners, boxes = self._propose(sums)
        owners, boxes = self._refine(sums, owners, boxes)
        return self._output(sums, owners, boxes)

    def _propose(self, sums: list[Sums]) -> tuple[Indices, Floats]:
        """Square boxes that P-Net takes for faces on any level of the pyramid, and the frame of each."""
        height, width = (side - 1 for side in sums[0].shape[:2])
        all_owners, all_boxes, all_shifts, all_scores = [], [], [], []
        for scale in self._scales(height, width):
            level = (int(height * scale + 1), int(width * scale + 1))
            pictures = np.stack([shrunk(table, *level) for table in sums])
            shifts, scores = self._nets.proposal(pictures)
            owners, rows, columns = np.nonzero(scores >= np.float32(self._limits.proposal_threshold))
            corners = np.stack([columns, rows], axis=1).astype(np.float32) * PROPOSAL_STRIDE
            ends = [np.floor((corners + shift) / np.float32(scale)) for shift in (1, PROPOSAL_CELL)]
            boxes, kept_scores = np.concatenate(ends, axis=1), scores[owners, rows, columns]
            kept = keep_best(boxes, kept_scores, 0.5, groups=owners)
            all_owners.append(owners[kept])
            all_boxes.append(boxes[kept])
            all_shifts.append(shifts[owners, :, rows, columns][kept])
            all_scores.append(kept_scores[kept])
        if not all_boxes:
            return np.zeros(0, np.intp), np.zeros((0, 4), np.float32)
        owners, boxes = np.concatenate(all_owners), np.concatenate(all_boxes)
        kept = keep_best(boxes, np.concatenate(all_scores), 0.7, groups=owners)
        return owners[kept], square(shifted(boxes[kept], np.concatenate(all_shifts)[kept], one=0.0))

    def _refine(self, sums: list[Sums], owners: Indices, boxes: Floats) -> tuple[Indices, Floats]:
        """The boxes that R-Net takes for faces, put right and made square."""
        owners, boxes, (shifts, scores) = self._on_crops(self._nets.refine, REFINE_SIDE, sums, owners, boxes)
        passed = np.flatnonzero(scores > np.float32(self._limits.refine_threshold))
        passed = passed[keep_best(boxes[passed], scores[passed], 0.7, groups=owners[passed])]
        return owners[passed], square(shifted(boxes[passed], shifts[passed]))

    def _output(self, sums: list[Sums], owners: Indices, boxes: Floats) -> Found:
        """What O-Net takes for faces, with landmarks."""
        owners, boxes, (shifts, points, scores) = self._on_crops(
            self._nets.output, OUTPUT_SIDE, sums, owners, boxes
        )
        passed = np.flatnonzero(scores > np.float32(self._limits.score_threshold))
        owners, boxes, scores = owners[passed], boxes[passed], scores[passed]
        # O-Net gives five x, then five y, in parts of the box.
        landmarks = points[passed].reshape(-1, 2, 5).transpose(0, 2, 1)
        landmarks = landmarks * (boxes[:, None, 2:] - boxes[:, None, :2] + 1) + boxes[:, None, :2] - 1
        boxes = shifted(boxes, shifts[passed])
        kept = keep_best(boxes, scores, 0.7, groups=owners, of_smaller=True, one=1.0)
        return Found(owners[kept], boxes[kept], np.ascontiguousarray(landmarks[kept]), scores[kept])

    def _on_crops(
        self, net: Runner, side: int, sums: list[Sums], owners: Indices, boxes: Floats
    ) -> tuple[Indices, Floats, tuple[Floats, ...]]:
        """Run a net on the boxes' crops; boxes with nothing of the frame in them are left out."""
        height, width = (length - 1 for length in sums[0].shape[:2])
        bounds = boxes.astype(np.int64)
        bounds[:, :2] = np.maximum(bounds[:, :2], 1) - 1
        bounds[:, 2:] = np.minimum(bounds[:, 2:], (width, height))
        there = np.flatnonzero((bounds[:, 2] > bounds[:, 0]) & (bounds[:, 3] > bounds[:, 1]))
        parts = []
        for first in range(0, max(len(there), 1), BATCH_CROPS):
            some = there[first : first + BATCH_CROPS]
            crops = np.empty((len(some), side, side, 3), np.float32)
            for crop, which in zip(crops, some, strict=True):
                x1, y1, x2, y2 = bounds[which]
                crop[:] = shrunk(sums[owners[which]][y1 : y2 + 1, x1 : x2 + 1], side, side)
            parts.append(net(crops))
        outputs = tuple(np.concatenate(output) for output in zip(*parts, strict=True))
        return owners[there], boxes[there], outputs

    def _scales(self, height: int, width: int) -> list[float]:
        scale = PROPOSAL_CELL / self._limits.min_face_pixels
        shortest = min(height, width) * scale
        scales = []
        while shortest >= PROPOSAL_CELL:
            scales.append(scale)
            scale *= self._limits.pyramid_factor
            shortest *= self._limits.pyramid_factor
        return scales


def shrunk(sums: Sums, height: int, width: int) -> Floats:
    """Averages (height, width, 3) over areas of a picture, from its summed-area table (H + 1, W + 1, 3).

    The areas are those of torch's ``interpolate(mode="area")``: whole pixels, overlapping where the sizes do not
    divide; where the picture is smaller than asked for, pixels repeat.
    """
    top, bottom = _edges(sums.shape[0] - 1, height)
    left, right = _edges(sums.shape[1] - 1, width)
    bands = sums[bottom] - sums[top]
    totals: Floats = (bands[:, right] - bands[:, left]).astype(np.float32)
    areas: Floats = ((bottom - top)[:, None, None] * (right - left)[None, :, None]).astype(np.float32)
    averages: Floats = totals / areas
    return averages


def _edges(length: int, count: int) -> tuple[Indices, Indices]:
    steps = np.arange(count, dtype=np.intp)
    return steps * length // count, -(-(steps + 1) * length // count)


def shifted(boxes: Floats, shifts: Floats, one: float = 1.0) -> Floats:
    """Boxes moved by what a net says, in parts of their width and height."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(one)
    moved: Floats = boxes + shifts * np.concatenate([sides, sides], axis=1)
    return moved


def square(boxes: Floats) -> Floats:
    """The smallest squares around the same centres."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(axis=1, keepdims=True)
    corners = boxes[:, :2] + sides * np.float32(0.5) - longest * np.float32(0.5)
    return np.concatenate([corners, corners + longest], axis=1)
