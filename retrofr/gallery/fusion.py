"""From scores of pictures and faces to one score of a probe and a tracklet; how a probe's pictures are fused.

``best``: each face counts with the picture it is most like. ``mean_score``: with the mean of its scores over the
pictures. ``mean_template``: the pictures' templates are averaged, and faces are compared with that one. Which is
the default was measured: ``benchmarks/probe_fusion.py``, docs/search.md.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats
from retrofr.settings import FUSIONS

__all__ = [
    "FUSIONS",
    "ComparesTemplates",
    "face_scores",
    "fused_templates",
    "tracklet_score",
    "tracklet_scores",
]


class ComparesTemplates(Protocol):
    """What a search needs of a comparison, no net: :class:`retrofr.scoring.Scorer` has it."""

    name: str
    default_threshold: float | None
    threshold_source: str
    dimensions: int

    def compare(self, probes: Floats, templates: Floats) -> Floats:
        """Scores (P, M) float32 of (P, D) against (M, D); higher is more alike."""
        ...

    def index_vectors(self, templates: Floats) -> Floats:
        """(N, E) float32 of (N, D): the Euclidean distance of two falls as their score rises."""
        ...


def fused_templates(templates: Floats, fusion: str) -> Floats:
    """The templates that faces are compared with, of a probe's own (P, D): the same, or their mean (1, D).

    A mean needs no normalising here: every embedder scales as it compares, and averages a face with its mirror
    image in the same way.
    """
    if fusion == "mean_template":
        return np.asarray(templates.mean(axis=0, keepdims=True, dtype=np.float64), np.float32)
    return templates


def face_scores(scores: Floats, fusion: str) -> Floats:
    """One score a face (F,) from those of the probe's pictures against the faces (P, F)."""
    if fusion == "mean_score":
        return np.asarray(scores.mean(axis=0, dtype=np.float64), np.float32)
    return np.asarray(scores.max(axis=0))


def tracklet_score(by_face: Floats) -> float:
    """One score of a tracklet from those of its faces (F,): the mean of the better half.

    So one lucky face does not make a hit and one bad still does not spoil one.
    """
    best = np.sort(by_face)[::-1]
    return float(best[: (len(best) + 1) // 2].mean())


def tracklet_scores(by_face: Floats, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The same of many tracklets at once (T,): ``by_face`` (sum of counts,) tracklet after tracklet.

    It may differ from :func:`tracklet_score` by the last digits of float32.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(by_face)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((len(counts), int(counts.max(initial=1))), -np.inf)
    table[rows, places] = by_face
    table = -np.sort(-table, axis=1)
    half = (counts + 1) // 2
    kept = np.where(np.arange(table.shape[1]) < half[:, None], table, 0.0)
    return np.asarray(kept.sum(axis=1) / half)
