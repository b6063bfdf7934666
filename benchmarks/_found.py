"""Faces found are held against each other and against what is known to be there."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
FoundFaces = Mapping[int, Boxes]
"""Boxes (K, 4) by the number of the frame; a frame that was looked at in vain has an empty one."""

SAME = 0.4
"""From this overlap (IoU) on two boxes are of the same face."""

PLAIN_TO_SEE = 0.9
"""Share of a face that must be in the picture and not be hidden for its being missed to count."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Who is where in one frame: boxes (K, 4), visits (K,), and which share of each face can be seen (K,)."""

    boxes: Boxes
    visits: npt.NDArray[np.int64]
    visible: npt.NDArray[np.float64]


NOBODY = Truth(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))


def read_truth(path: Path) -> dict[int, Truth]:
    """Who is where, by the number of the frame; a frame without anybody is not in it."""
    frames: dict[int, list[tuple[float, ...]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            values = (float(row[name]) for name in ("visit", "x1", "y1", "x2", "y2", "visible"))
            frames.setdefault(int(row["frame"]), []).append(tuple(values))
    known = {}
    for frame, rows in frames.items():
        table = np.array(rows)
        known[frame] = Truth(table[:, 1:5], table[:, 0].astype(np.int64), table[:, 5])
    return known


def overlaps(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(K, L) IoU of boxes (K, 4) and (L, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2, dtype=np.float64)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64) for boxes in (one, other)]
    together = areas[0][:, None] + areas[1][None] - common
    return np.asarray(common / np.maximum(together, 1e-9), np.float64)


def same_faces(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(K, L) whether boxes are of the same face: they overlap by SAME, or each has the other's middle inside.

    Detectors draw a face's box differently: with or without forehead and chin.
    """
    return (overlaps(one, other) >= SAME) | (_holds_middle(one, other) & _holds_middle(other, one).T)


def _holds_middle(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    middle = (other[:, :2] + other[:, 2:]) / 2
    inside = (middle[None] >= one[:, None, :2]) & (middle[None] <= one[:, None, 2:])
    return np.asarray(inside.all(axis=2), np.bool_)


def pairs(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Which box of one is which of the other: one to one, the largest overlaps first."""
    if not len(one) or not len(other):
        return []
    same, share = same_faces(one, other), overlaps(one, other)
    found: list[tuple[int, int]] = []
    for place in np.argsort(-share, axis=None):
        i, j = divmod(int(place), len(other))
        if same[i, j] and all(i != a and j != b for a, b in found):
            found.append((i, j))
    return found


@dataclass(frozen=True)
class Against:
    """Two detectors on the same samples: how many faces each found, and of how many the other found them too."""

    samples: int
    ours: int
    theirs: int
    common: int
    theirs_true: int
    common_true: int

    @property
    def share(self) -> float:
        """Of their faces, that we find too."""
        return self.common / max(1, self.theirs)

    @property
    def true_share(self) -> float:
        """The same of those of their faces that truth knows."""
        return self.common_true / max(1, self.theirs_true)


def compare(ours: FoundFaces, theirs: FoundFaces, truth: Mapping[int, Truth]) -> Against:
    """Count, over the samples that both looked at, the faces that one finds of the other's."""
    frames = sorted(ours.keys() & theirs.keys())
    counts = np.zeros(5, np.int64)
    for frame in frames:
        known = truth.get(frame, NOBODY)
        found = {j for _, j in pairs(ours[frame], theirs[frame])}
        true = {i for i, _ in pairs(theirs[frame], known.boxes)}
        counts += (len(ours[frame]), len(theirs[frame]), len(found), len(true), len(true & found))
    return Against(len(frames), *counts.tolist())


@dataclass(frozen=True)
class Recall:
    """What was found of the faces that are there and plain to see, and what was found where nobody is."""

    there: int
    found: int
    false: int
    visits: int
    visits_found: int

    @property
    def share(self) -> float:
        """Of the faces."""
        return self.found / max(1, self.there)


def recall(found: FoundFaces, truth: Mapping[int, Truth], frames: Sequence[int] | None = None) -> Recall:
    """Hold what was found against the truth; a face that is partly hidden counts neither way.

    Args:
        found: by the number of the frame.
        truth: likewise.
        frames: those that count; by default those that were looked at.
    """
    there = hits = false = 0
    seen: set[int] = set()
    visits: set[int] = set()
    for frame in found if frames is None else frames:
        known = truth.get(frame, NOBODY)
        boxes = found.get(frame, np.zeros((0, 4)))
        matched = pairs(boxes, known.boxes)
        plain = known.visible >= PLAIN_TO_SEE
        there += int(plain.sum())
        hits += sum(bool(plain[j]) for _, j in matched)
        false += len(boxes) - len(matched)
        visits |= set(known.visits[plain].tolist())
        seen |= {int(known.visits[j]) for _, j in matched}
    return Recall(there, hits, false, len(visits), len(seen & visits))
