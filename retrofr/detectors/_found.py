"""Faces found in a batch of pictures, as flat arrays with the number of the picture each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrofr.detectors._boxes import Indices, keep_best
from retrofr.records import Detections, Floats, Pixels


@dataclass(frozen=True, eq=False)
class Found:
    """``owners`` (K,) number the picture, ``boxes`` (K, 4), ``landmarks`` (K, 5, 2), ``scores`` (K,)."""

    owners: Indices
    boxes: Floats
    landmarks: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def sizes(self) -> Floats:
        """(K,) side in pixels of a square as large as the box."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return np.sqrt(sides[:, 0] * sides[:, 1])

    @property
    def centres(self) -> Floats:
        """(K, 2)."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) * np.float32(0.5)

    def pick(self, which: Any) -> Found:
        """Those of the given indices or truth values."""
        return Found(self.owners[which], self.boxes[which], self.landmarks[which], self.scores[which])

    def placed(self, scale: Floats, offset: Floats, owners: Indices) -> Found:
        """The same faces in other coordinates, position × scale + offset (each (K or 1, 2)), of other pictures."""
        boxes = self.boxes.reshape(-1, 2, 2) * scale[:, None] + offset[:, None]
        landmarks = self.landmarks * scale[:, None] + offset[:, None]
        return Found(owners, boxes.reshape(-1, 4), landmarks, self.scores)

    def best(self, max_overlap: float) -> Found:
        """Without those that overlap a better one of the same picture by more than ``max_overlap`` (IoU)."""
        return self.pick(keep_best(self.boxes, self.scores, max_overlap, groups=self.owners))


def join(parts: Sequence[Found]) -> Found:
    """All of them in one."""
    if not parts:
        empty = Detections.none()
        return Found(np.zeros(0, np.intp), empty.boxes, empty.landmarks, empty.scores)
    return Found(
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def as_detections(found: Found, frames: Sequence[Pixels]) -> list[Detections]:
    """One Detections per frame, best first, boxes clipped to the frame; those wholly outside are dropped."""
    results = []
    for number, frame in enumerate(frames):
        mine = found.pick(found.owners == number)
        height, width = frame.shape[:2]
        boxes = np.clip(mine.boxes, 0, np.array([width, height, width, height], np.float32))
        inside = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
        order = inside[np.argsort(-mine.scores[inside], kind="stable")]
        results.append(Detections(boxes[order], mine.landmarks[order], mine.scores[order]))
    return results


def check_frames(frames: Sequence[Pixels]) -> None:
    """Raise ValueError for what is not a picture."""
    for frame in frames:
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
            raise ValueError(f"frame: expected (H, W, 3) uint8, got {frame.shape} {frame.dtype}")


def by_size(frames: Sequence[Pixels], largest_pixels: int) -> list[list[int]]:
    """Numbers of frames of the same size, in groups that hold no more pixels than that (or one frame)."""
    sizes: dict[tuple[int, ...], list[int]] = {}
    for number, frame in enumerate(frames):
        sizes.setdefault(frame.shape, []).append(number)
    groups = []
    for shape, numbers in sizes.items():
        count = max(1, largest_pixels // (shape[0] * shape[1]))
        groups += [numbers[first : first + count] for first in range(0, len(numbers), count)]
    return groups
