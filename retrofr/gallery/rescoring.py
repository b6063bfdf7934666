"""Compares exactly, and keeps the standings: what a proposer found near goes in, each pair once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from retrofr.gallery.base import Ids, TemplateBlock
from retrofr.gallery.fusion import ComparesTemplates, face_scores, tracklet_score, tracklet_scores
from retrofr.gallery.scan import SCORE_ROUNDING, VectorBlock
from retrofr.gallery.standings import Standings
from retrofr.records import Floats

PAIRS_AT_ONCE = 1_000_000

Fetch = Callable[[Ids], Iterable[TemplateBlock]]


class Rescorer:
    """The exact comparisons of one block.

    Args:
        comparison: scores templates.
        sides: for each probe the templates that faces are compared with, (P, D).
        fusion: how the scores of a probe's pictures become one, see :mod:`retrofr.gallery.fusion`.
        owners: (Q,) the probe of each picture.
        standings: where scores go.
        block: whose tracklets are compared.
        first_order: place in the run of the block's first tracklet.
        fetch: gives the templates of tracklets by their ids, for a block that has none.
    """

    def __init__(
        self,
        comparison: ComparesTemplates,
        sides: Sequence[Floats],
        fusion: str,
        owners: Ids,
        standings: Standings,
        block: VectorBlock,
        first_order: int,
        fetch: Fetch,
    ) -> None:
        self._comparison = comparison
        self._sides = sides
        self._fusion = fusion
        self._owners = owners
        self._standings = standings
        self._block = block
        self._first_order = first_order
        self._fetch = fetch
        self._of_row = block.owners
        self._done = np.zeros(0, np.int64)

    def take_pairs(self, pieces: Iterable[tuple[Ids, Ids]]) -> None:
        """Compare what pairs (picture, row) point at."""
        waiting: list[Ids] = []
        for pictures, rows in pieces:
            codes = self._owners[pictures] * len(self._block.counts) + self._of_row[rows]
            waiting.append(np.unique(codes))
            if sum(map(len, waiting)) > PAIRS_AT_ONCE:
                self._compare(np.concatenate(waiting))
                waiting = []
        if waiting:
            self._compare(np.concatenate(waiting))

    def take_tracklets(self, probes: Ids, chosen: Iterable[Ids]) -> None:
        """Compare each of ``probes`` with the tracklets chosen for it, by their numbers in the block."""
        codes = [p * len(self._block.counts) + own for p, own in zip(probes.tolist(), chosen, strict=True)]
        if codes:
            self._compare(np.concatenate(codes))

    def done(self, probes: Ids) -> int:
        """The largest number of tracklets that any of these probes was compared with so far."""
        counts = np.bincount(self._done // len(self._block.counts), minlength=len(self._sides))
        return int(counts[probes].max(initial=0))

    def _compare(self, codes: Ids) -> None:
        codes = np.setdiff1d(codes, self._done)
        if not len(codes):
            return
        self._done = np.union1d(self._done, codes)
        probes, tracklets = np.divmod(codes, len(self._block.counts))
        templates, counts, numbers = self._templates(np.unique(tracklets))
        starts = np.cumsum(counts) - counts
        edges = np.flatnonzero(np.diff(probes, prepend=-1, append=-1))
        for first, after in pairwise(edges.tolist()):
            place = np.searchsorted(numbers, tracklets[first:after])
            self._compare_probe(int(probes[first]), numbers[place], templates, starts[place], counts[place])

    def _compare_probe(self, probe: int, tracklets: Ids, templates: Floats, starts: Ids, counts: Ids) -> None:
        rows = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        by_face = self._by_face(probe, templates[rows])
        scores = tracklet_scores(by_face, counts)
        threshold = self._standings.threshold
        ends = np.cumsum(counts)
        for number in np.flatnonzero(np.abs(scores - threshold) <= SCORE_ROUNDING * max(1.0, abs(threshold))):
            # Alone, as it is compared anywhere else: the last digits must not decide differently here and there.
            own = slice(int(ends[number] - counts[number]), int(ends[number]))
            by_face[own] = self._by_face(probe, templates[rows[own]])
            scores[number] = tracklet_score(by_face[own])
        needed = -np.inf if self._standings.open_places_of(probe) else self._standings.needed()[probe]
        for number in np.flatnonzero(scores >= needed):
            place = int(tracklets[number])
            self._standings.offer(
                probe,
                int(self._block.tracklets[place]),
                self._first_order + place,
                float(scores[number]),
                by_face[ends[number] - counts[number] : ends[number]],
            )

    def _by_face(self, probe: int, templates: Floats) -> Floats:
        return face_scores(self._comparison.compare(self._sides[probe], templates), self._fusion)

    def _templates(self, tracklets: Ids) -> tuple[Floats, Ids, Ids]:
        """Templates of some tracklets of the block, how many each has, and their numbers in the block."""
        if self._block.templates is not None:
            return self._block.templates, self._block.counts, np.arange(len(self._block.counts))
        fetched = list(self._fetch(self._block.tracklets[tracklets]))
        ids = np.concatenate([each.tracklets for each in fetched])
        order = {
            tracklet: number for number, tracklet in enumerate(self._block.tracklets[tracklets].tolist())
        }
        numbers = tracklets[[order[each] for each in ids.tolist()]]
        if not np.array_equal(numbers, tracklets):
            raise ValueError(f"asked for the templates of {len(tracklets)} tracklets and got other ones")
        counts = np.concatenate([each.counts for each in fetched])
        return np.concatenate([each.templates for each in fetched]), counts, numbers
