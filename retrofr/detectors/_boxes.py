"""Overlap of boxes, and keeping the best of those that overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats

Indices = npt.NDArray[np.intp]


def keep_best(
    boxes: Floats,
    scores: Floats,
    max_overlap: float,
    *,
    groups: Indices | None = None,
    of_smaller: bool = False,
    one: float = 0.0,
) -> Indices:
    """Greedy non-maximum suppression.

    Args:
        boxes: (K, 4) x1, y1, x2, y2.
        scores: (K,).
        max_overlap: a box that overlaps a better one by more than this is dropped.
        groups: (K,) numbers from 0; boxes of different groups do not touch one another.
        of_smaller: overlap is the share of the smaller box that is covered, instead of intersection over union.
        one: added to each width and height; 1 where corners are pixel centres.

    Returns:
        Indices of the kept boxes, best score first; equal scores in the order given.
    """
    if not len(boxes):
        return np.zeros(0, np.intp)
    order = np.argsort(-scores, kind="stable")
    kept: list[Indices] = []
    numbers = np.zeros(len(boxes), np.intp) if groups is None else groups
    by_group = order[np.argsort(numbers[order], kind="stable")]
    edges = np.flatnonzero(np.diff(numbers[by_group])) + 1
    for members in np.split(by_group, edges):
        kept.append(members[_keep_sorted(boxes[members].astype(np.float64), max_overlap, of_smaller, one)])
    chosen = np.concatenate(kept)
    return chosen[np.argsort(-scores[chosen], kind="stable")] if len(kept) > 1 else chosen


def _keep_sorted(boxes: npt.NDArray[np.float64], max_overlap: float, of_smaller: bool, one: float) -> Indices:
    """Indices kept of boxes that are sorted best first."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1 + one) * (y2 - y1 + one)
    left = np.arange(len(boxes))
    kept = []
    while len(left):
        best, rest = left[0], left[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]) + one
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]) + one
        shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        if of_smaller:
            whole = np.minimum(areas[best], areas[rest])
        else:
            whole = areas[best] + areas[rest] - shared
        left = rest[shared <= max_overlap * whole]
    return np.array(kept, np.intp)
