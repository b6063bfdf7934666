"""Who leads: the hits of each probe, and its best tracklets below the threshold, in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrofr.records import Candidate, Floats


@dataclass(eq=False, slots=True)
class Standing:
    """One tracklet's place with one probe: ``probe`` is its number, ``order`` counts the tracklets of the run.

    ``by_face`` (F,) are the scores of its faces. ``candidate`` is filled in once the place is sure to be kept for
    now; ``kept`` is False once it was lost.
    """

    probe: int
    tracklet: int
    order: int
    score: float
    hit: bool
    by_face: Floats
    candidate: Candidate | None = None
    kept: bool = True


class Standings:
    """The hits, and for each probe the best ``room`` tracklets below the threshold.

    Where scores are equal the tracklet that came first stays, in whatever order they are offered.
    """

    def __init__(self, probes: int, threshold: float, room: int) -> None:
        self.threshold = threshold
        self.room = room
        self._hits: list[Standing] = []
        self._below: list[list[tuple[float, int, Standing]]] = [[] for _ in range(probes)]
        self._new: list[Standing] = []
        self._needed = np.full(probes, threshold)

    def needed(self) -> npt.NDArray[np.float64]:
        """For each probe the lowest score that changes anything; the threshold while there is room below it."""
        return self._needed

    def open_places(self) -> npt.NDArray[np.int64]:
        """Numbers of the probes with room for more tracklets below the threshold."""
        return np.array([n for n, heap in enumerate(self._below) if len(heap) < self.room], np.int64)

    def open_places_of(self, probe: int) -> int:
        """How many more tracklets below the threshold a probe has room for."""
        return self.room - len(self._below[probe])

    def offer(self, probe: int, tracklet: int, order: int, score: float, by_face: Floats) -> None:
        """Take in a tracklet with its exact score, each at most once for a probe."""
        if score >= self.threshold:
            standing = Standing(probe, tracklet, order, score, True, by_face.copy())
            self._hits.append(standing)
            self._new.append(standing)
            return
        heap = self._below[probe]
        if not self.room or (len(heap) == self.room and (score, -order) <= heap[0][:2]):
            return
        standing = Standing(probe, tracklet, order, score, False, by_face.copy())
        self._new.append(standing)
        if len(heap) < self.room:
            heapq.heappush(heap, (score, -order, standing))
        else:
            heapq.heappushpop(heap, (score, -order, standing))[2].kept = False
        if len(heap) == self.room:
            self._needed[probe] = heap[0][0]

    def take_new(self) -> list[Standing]:
        """What was taken in since this was last asked and is still kept, in the order of tracklets."""
        new = sorted((s for s in self._new if s.kept), key=lambda s: (s.order, s.probe))
        self._new = []
        return new

    def hits(self) -> Iterator[Standing]:
        """All hits, in no order."""
        return iter(self._hits)

    def below(self) -> Iterator[Standing]:
        """The best tracklets below the threshold, in no order."""
        return (standing for heap in self._below for _, _, standing in heap)
