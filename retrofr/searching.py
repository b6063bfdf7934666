"""Compares the tracklets of galleries with probes: what is a hit, and what is best below the threshold.

A proposer says which tracklets can matter to which probe, and only those are compared exactly. The exact one
leaves out nothing; an approximate one is used where it was measured to be faster, and its recall is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retrofr.appearances import rank_appearances
from retrofr.continuity import Continuity
from retrofr.gallery.base import Gallery
from retrofr.gallery.choice import IndexChoice
from retrofr.gallery.fusion import ComparesTemplates, fused_templates
from retrofr.gallery.gallery_index import IndexedGallery
from retrofr.gallery.proposing import Proposer
from retrofr.gallery.rescoring import Rescorer
from retrofr.gallery.resident import vector_blocks
from retrofr.gallery.scan import Pictures, Reach, VectorBlock, Wide
from retrofr.gallery.standings import Standing, Standings
from retrofr.operating import NO_OPERATING_POINTS, Operating, Threshold, resolve_threshold, state_search
from retrofr.records import Candidate, Evidence, Floats, Probe, Quality, Tracklet
from retrofr.results import Appearance, IndexUse
from retrofr.settings import SearchSettings
from retrofr.statements import SearchStatement

__all__ = ["Search", "Threshold", "resolve_threshold"]


class Search:
    """One search in progress: galleries are looked through, appearances come out at the end.

    Args:
        probes: at least one, as many as there are.
        comparison: scores templates.
        settings: of the search.
        parts: settings of parts by name, as ``Settings.parts`` holds them.
        operating: the operating points of the run, or why there are none.

    ``reach`` is the distance of index vectors that a hit can have.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        comparison: ComparesTemplates,
        settings: SearchSettings,
        parts: Mapping[str, Mapping[str, Any]],
        operating: Operating = NO_OPERATING_POINTS,
    ) -> None:
        self.probes = tuple(probes)
        self.settings = settings
        self.comparison = comparison
        self.threshold = resolve_threshold(settings, comparison, operating)
        self.compared = 0
        self.compared_templates = 0
        self._sides = [fused_templates(probe.templates, settings.fusion) for probe in self.probes]
        self._owners = np.concatenate([np.full(len(side), i) for i, side in enumerate(self._sides)])
        self._pictures = Pictures(comparison.index_vectors(np.concatenate(self._sides)))
        self._reach = Reach(comparison, self._sides[0][0])
        self._standings = Standings(len(self.probes), self.threshold.score, settings.top)
        self.reach = float(self._reach.of(self.threshold.score))
        self._choice = IndexChoice(settings, parts, self._pictures, comparison, self.reach)

    def look_through(self, gallery: Gallery) -> list[Candidate]:
        """Compare every tracklet of a gallery; candidates get all that is known of them before this returns.

        Returns:
            The hits in it, in the order of its tracklets, by themselves: not joined, not ranked.
        """
        proposer = self._choice.for_gallery(gallery)
        if isinstance(gallery, IndexedGallery) and proposer is not None:
            self._take(gallery.block, proposer, gallery)
        else:
            inner = gallery.gallery if isinstance(gallery, IndexedGallery) else gallery
            for block in vector_blocks(inner, self.comparison):
                self._take(block, self._choice.for_block(block, self.compared), gallery)
        return self._complete(gallery)

    def _take(self, block: VectorBlock, proposer: Proposer, gallery: Gallery) -> None:
        rescorer = Rescorer(
            self.comparison,
            self._sides,
            self.settings.fusion,
            self._owners,
            self._standings,
            block,
            self.compared,
            gallery.blocks,
        )
        hungry = self._standings.open_places() if self.settings.top else np.zeros(0, np.int64)
        rescorer.take_pairs(proposer.within(block, self._reach_needed()))
        if len(hungry):
            # Room below the threshold: the nearest fill it, and what may be better than the last of them comes after.
            pictures = np.flatnonzero(np.isin(self._owners, hungry))
            count = self.settings.top + rescorer.done(hungry)
            owners = np.searchsorted(hungry, self._owners[pictures])
            rescorer.take_tracklets(hungry, proposer.closest(block, pictures, owners, count))
            rescorer.take_pairs(proposer.within(block, self._reach_needed(), pictures))
        self.compared += len(block.counts)
        self.compared_templates += int(block.counts.sum())

    def _reach_needed(self) -> Wide:
        """For each picture (Q,) how far a face may be that can still change its probe's standings."""
        return np.asarray(self._reach.of(self._standings.needed())[self._owners])

    def _complete(self, gallery: Gallery) -> list[Candidate]:
        """Make candidates of what was taken in and is still among the best; gives the hits."""
        tracklet, number, hits = None, -1, []
        for standing in self._standings.take_new():
            if tracklet is None or standing.order != number:  # they come in the order of tracklets
                tracklet, number = gallery.tracklet(standing.tracklet), standing.order
            standing.candidate = self._candidate(standing, tracklet, gallery)
            if standing.hit:
                hits.append(standing.candidate)
        return hits

    def _candidate(self, standing: Standing, tracklet: Tracklet, gallery: Gallery) -> Candidate:
        best = int(standing.by_face.argmax())
        return Candidate(
            probe=self.probes[standing.probe].name,
            tracklet=tracklet,
            score=standing.score,
            supporting=int((standing.by_face >= self.threshold.score).sum()),
            best=tracklet.best[best],
            still=gallery.still(standing.tracklet, best),
            person=gallery.person(standing.tracklet),
            evidence=self._evidence(standing, tracklet, best),
        )

    def _evidence(self, standing: Standing, tracklet: Tracklet, best: int) -> Evidence:
        pictures = self._pictures_behind(self.probes[standing.probe], tracklet.templates[best])
        faces = [*pictures, tracklet.best[best].quality]
        return self.threshold.operating.evidence(standing.score, faces)

    def _pictures_behind(self, probe: Probe, template: Floats) -> list[Quality]:
        """The pictures that a face's score comes from: the one it is most like, or all where they are averaged."""
        if self.settings.fusion != "best" or len(probe.images) == 1:
            return [image.quality for image in probe.images]
        scores = self.comparison.compare(probe.templates, template[None])[:, 0]
        return [probe.images[int(scores.argmax())].quality]

    def found(self) -> tuple[tuple[Standing, ...], tuple[Standing, ...]]:
        """Hits, and the best below the threshold: each with its gallery's id and its candidate, best score first."""
        hits, below = (
            sorted(standings, key=lambda s: (-s.score, s.probe, s.order))
            for standings in (self._standings.hits(), self._standings.below())
        )
        return tuple(hits), tuple(below)

    def appearances(
        self, continuity: Continuity | None = None
    ) -> tuple[tuple[Appearance, ...], tuple[Appearance, ...]]:
        """The hits so far and the best candidates below the threshold, ranked over all probes.

        Args:
            continuity: finds what tracklets that were cut by a slice's edge go on in.
        """
        hits, below = ([s.candidate for s in found if s.candidate] for found in self.found())
        gap = self.settings.join_gap_seconds
        return rank_appearances(hits, below, join_gap_seconds=gap, continuity=continuity)

    def statement(self) -> SearchStatement:
        """What is known of the errors of the search so far."""
        return state_search(
            self.threshold,
            compared=self.compared,
            compared_faces=self.compared_templates,
            pictures=[len(probe.images) for probe in self.probes],
            fusion=self.settings.fusion,
        )

    def use(self) -> IndexUse:
        """Which index ran and why, and what it was measured to miss."""
        return self._choice.use(self.compared_templates)
