"""Compares the faces of footage with probes: what is a hit, what is a candidate, what the index missed.

The index proposes probes for each face, and what it proposes is compared exactly. The share of true
nearest probes that it proposes is measured on a sample of the same faces, and reported with the result.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrofr import registry
from retrofr.appearances import join_appearances
from retrofr.comparison import Comparison
from retrofr.errors import UsageError
from retrofr.indexes.base import Index
from retrofr.indexes.exact import ExactIndex
from retrofr.records import Candidate, Floats, Probe, Still, Tracklet
from retrofr.results import Appearance, IndexRecall
from retrofr.settings import SearchSettings

RECALL_SAMPLE = 1000
RECALL_NEIGHBOURS = 10

StillMaker = Callable[[int], Still | None]


@dataclass(frozen=True)
class Threshold:
    """The lowest score of a hit, and who says so."""

    score: float
    source: str


def resolve_threshold(settings: SearchSettings, comparison: Comparison) -> Threshold:
    """The threshold that was given, or the comparison's documented default.

    Raises:
        UsageError: neither is there.
    """
    if settings.threshold is not None:
        return Threshold(settings.threshold, "given for this run (override)")
    if comparison.default_threshold is None:
        raise UsageError(
            "has no documented threshold yet",
            subject=f"embedder {comparison.name}",
            hint="set one with --threshold, from scores measured on labelled material",
        )
    return Threshold(comparison.default_threshold, comparison.threshold_source)


def tracklet_score(scores: Floats) -> float:
    """One score from those of a probe's pictures (rows) against a tracklet's faces (columns), (P, F).

    Each face counts with the picture it is most like; the tracklet with the mean of its better half, so that
    one lucky face does not make a hit and one bad still does not spoil one.
    """
    best = np.sort(scores.max(axis=0))[::-1]
    return float(best[: (len(best) + 1) // 2].mean())


class Search:
    """One search in progress: tracklets go in as they are found, appearances come out at the end."""

    def __init__(
        self,
        probes: Sequence[Probe],
        comparison: Comparison,
        settings: SearchSettings,
        parts: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.probes = tuple(probes)
        self.settings = settings
        self.comparison = comparison
        self.threshold = resolve_threshold(settings, comparison)
        self.compared = 0
        self._hits: list[Candidate] = []
        self._below: list[list[tuple[float, int, Candidate]]] = [[] for _ in self.probes]
        self._order = itertools.count()
        self._gallery = [probe.templates for probe in self.probes]
        self._owners = np.concatenate([np.full(len(g), i) for i, g in enumerate(self._gallery)])
        self._vectors = comparison.index_vectors(np.concatenate(self._gallery))
        self._index = _build_index(settings.index, self._vectors, parts)
        self._recall = _RecallSample(self._index, self._vectors)

    def add(self, tracklet: Tracklet, make_still: StillMaker) -> None:
        """Compare one tracklet; ``make_still(i)`` is asked for the still of best face ``i`` of a candidate."""
        if not len(tracklet.templates):
            return
        self.compared += 1
        queries = self.comparison.index_vectors(tracklet.templates)
        self._recall.take(queries)
        proposed = self._index.nearest(queries, self.settings.proposals)
        for number in np.unique(self._owners[proposed[proposed >= 0]]):
            self._compare(int(number), tracklet, make_still)

    def _compare(self, number: int, tracklet: Tracklet, make_still: StillMaker) -> None:
        scores = self.comparison.compare(self._gallery[number], tracklet.templates)
        score = tracklet_score(scores)
        by_face = scores.max(axis=0)
        best = int(by_face.argmax())
        hit = score >= self.threshold.score
        heap = self._below[number]
        room = self.settings.top
        if not hit and (not room or (len(heap) >= room and score <= heap[0][0])):
            return
        candidate = Candidate(
            probe=self.probes[number].name,
            tracklet=tracklet,
            score=score,
            supporting=int((by_face >= self.threshold.score).sum()),
            best=tracklet.best[best],
            still=make_still(best),
        )
        if hit:
            self._hits.append(candidate)
            return
        heapq.heappush(heap, (score, next(self._order), candidate))
        if len(heap) > room:
            heapq.heappop(heap)

    def appearances(self) -> tuple[tuple[Appearance, ...], tuple[Appearance, ...]]:
        """The hits so far and the best candidates below the threshold, ranked."""
        hits = join_appearances(self._hits, hit=True, join_gap_seconds=self.settings.join_gap_seconds)
        below = (candidate for heap in self._below for _, _, candidate in heap)
        return hits, join_appearances(below, hit=False, join_gap_seconds=None, first_rank=len(hits) + 1)

    def recall(self) -> IndexRecall:
        """What share of the truly nearest probe templates the index proposed."""
        return self._recall.measured()


def _build_index(name: str, vectors: Floats, parts: Mapping[str, Mapping[str, Any]]) -> Index:
    part, chosen = registry.load_with_settings("indexes", name, parts)
    index: Index = part.build(chosen, vectors)
    return index


class _RecallSample:
    """A fixed-size sample of queries, every query of the run equally likely to be in it."""

    def __init__(self, index: Index, vectors: Floats) -> None:
        self._index, self._vectors = index, vectors
        self._random = random.Random(0)
        self._seen = 0
        self._kept: list[Floats] = []

    def take(self, queries: Floats) -> None:
        for query in queries:
            self._seen += 1
            if len(self._kept) < RECALL_SAMPLE:
                self._kept.append(query)
            elif (slot := self._random.randrange(self._seen)) < RECALL_SAMPLE:
                self._kept[slot] = query

    def measured(self) -> IndexRecall:
        if not self._kept:
            return IndexRecall(self._index.name, 0, None)
        queries = np.stack(self._kept)
        exact = ExactIndex(registry.load("indexes", "exact").SETTINGS(), self._vectors)
        truth = exact.nearest(queries, RECALL_NEIGHBOURS)
        found = self._index.nearest(queries, RECALL_NEIGHBOURS)
        shared = sum(len(set(t) & set(f)) for t, f in zip(truth.tolist(), found.tolist(), strict=True))
        return IndexRecall(self._index.name, len(queries), shared / truth.size)
