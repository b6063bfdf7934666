"""Decides which index a search uses, and keeps account of why and of what it was measured to miss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrofr import registry
from retrofr.gallery.base import Gallery
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.gallery.gallery_index import (
    RECALL_NEIGHBOURS,
    GalleryProposer,
    GalleryRecall,
    IndexedGallery,
    measure,
)
from retrofr.gallery.probe_index import ProbeIndex
from retrofr.gallery.proposing import ExactProposer, Proposer
from retrofr.gallery.scan import Pictures, VectorBlock
from retrofr.indexes import auto
from retrofr.results import IndexUse
from retrofr.settings import SearchSettings

EXACT_IS_FASTER = "at every size that was measured it is faster than annoy (benchmarks/search.py)"

LEAST_RECALL = 0.999
"""An index that was measured to propose less than this share of the truth is not used."""


class IndexChoice:
    """One search's choice.

    Args:
        settings: of the search; ``index`` is ``auto``, ``exact`` or another part's name.
        parts: settings of parts by name, as ``Settings.parts`` holds them.
        pictures: of all probes.
        comparison: what templates are compared with.
        reach: the distance of index vectors that a hit can have.

    Raises:
        UsageError, ModelError, SettingsError: the index or its settings cannot be used.
    """

    def __init__(
        self,
        settings: SearchSettings,
        parts: Mapping[str, Mapping[str, Any]],
        pictures: Pictures,
        comparison: ComparesTemplates,
        reach: float,
    ) -> None:
        self._asked = settings.index
        self._top = settings.top
        self._comparison = comparison
        self._pictures = pictures
        self._reach = reach
        self._part, self._chosen = registry.load_with_settings("indexes", settings.index, parts)
        self._rule = auto.Settings.from_mapping(parts.get("auto", {}))
        self._exact = ExactProposer(pictures)
        self._over_probes: ProbeIndex | None = None
        self._measured: GalleryRecall | None = None
        self._ran = "exact"
        self._why = ""
        self._fell_back = False

    def for_gallery(self, gallery: Gallery) -> GalleryProposer | None:
        """What proposes through the gallery's own index; None where the gallery is to be scanned."""
        if isinstance(gallery, IndexedGallery):
            return self._for_indexed(gallery)
        name = self._asked
        if name == "auto" and len(self._pictures) < self._rule.annoy_probes:
            self._why = EXACT_IS_FASTER
        elif name == "exact":
            self._why = "asked for"
        elif self._top:
            self._why = f"{name} over probe pictures cannot say what is best below the threshold (top)"
            self._fell_back = True
        elif self._over_probes is None and not self._fell_back:
            index = self._part.build(self._chosen, self._pictures.vectors)
            self._over_probes = ProbeIndex(index, self._pictures)
            self._ran = index.name
            self._why = (
                "asked for" if name != "auto" else f"from {self._rule.annoy_probes:,} probe pictures on"
            )
        return None

    def _for_indexed(self, gallery: IndexedGallery) -> GalleryProposer | None:
        templates, pictures = gallery.index.size, len(self._pictures)
        small = templates < self._rule.annoy_templates or pictures > self._rule.annoy_pictures
        if self._asked == "exact" or (self._asked == "auto" and small):
            self._why = "asked for" if self._asked == "exact" else EXACT_IS_FASTER
            return None
        neighbours = RECALL_NEIGHBOURS if self._top else 0
        known = gallery.measured
        if known.reach < self._reach or known.neighbours < neighbours:
            known = measure(gallery, self._comparison, self._reach, neighbours).measured
        self._measured = known
        if known.recall is None or known.recall < LEAST_RECALL:
            self._refuse("annoy")
            return None
        self._ran = "annoy"
        self._why = (
            "asked for"
            if self._asked == "annoy"
            else f"an index is open, and {self._rule.annoy_templates:,} templates or more lie beyond what was measured"
        )
        return GalleryProposer(gallery.index, self._pictures.vectors)

    def for_block(self, block: VectorBlock, compared: int) -> Proposer:
        """What proposes tracklets of a block that is scanned; ``compared`` counts the tracklets before it."""
        index = self._over_probes
        if index is None or self._fell_back:
            return self._exact
        index.measure(block)
        if index.recall is not None and index.recall < LEAST_RECALL:
            self._refuse(self._ran, compared)
            return self._exact
        return index

    def _refuse(self, name: str, compared: int = 0) -> None:
        recall = self._measured.recall if self._measured else self._over_probes and self._over_probes.recall
        share = "could not be measured" if recall is None else f"was measured at {recall:.4f}"
        self._why = f"the recall of {name} {share}, and below {LEAST_RECALL} nothing may rest on it"
        if compared:
            self._why += (
                f"; the first {compared:,} tracklets had been compared through it, with what it proposed"
            )
        self._ran, self._fell_back = "exact", True

    def use(self, templates: int) -> IndexUse:
        """Which index ran and why; ``templates`` were compared."""
        count, queries, recall = len(self._pictures), 0, None
        if self._measured is not None:
            queries, recall = self._measured.queries, self._measured.recall
        elif self._over_probes is not None:
            queries, recall = self._over_probes.queries, self._over_probes.recall
        noun = "probe picture" if count == 1 else "probe pictures"
        counted = f"{templates:,} {'template' if templates == 1 else 'templates'} × {count:,} {noun}"
        reason = f"{self._ran}: {counted}" + (f"; {self._why}" if self._why else "")
        return IndexUse(self._ran, queries, recall, reason, self._fell_back)
