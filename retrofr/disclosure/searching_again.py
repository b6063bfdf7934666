"""The search of a bundle, done once more in a case that holds its recordings, and held against the bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from retrofr.case.exhibits import exhibits
from retrofr.case.reading import stored_tracklet, tracklet_table
from retrofr.case.store import Case
from retrofr.case_gallery import CaseGallery
from retrofr.case_selection import CaseSelection, tracklets_within
from retrofr.disclosure.contents import RecordedSearch
from retrofr.disclosure.differences import Compared, Difference, compare_candidates
from retrofr.documents import record
from retrofr.events import Listener
from retrofr.gallery.base import Ids
from retrofr.nets import load_nets
from retrofr.operating import Threshold, find_operating_points, resolve_threshold
from retrofr.probe_files import ProbePicture
from retrofr.probe_gathering import NamedPictures, make_probes
from retrofr.records import Probe
from retrofr.scoring import Scorer
from retrofr.searching import Search
from retrofr.selection import MediaWindow, Selection
from retrofr.settings import Settings
from retrofr.timeline import continuity_of

BOX_TOLERANCE_PIXELS = 1.0
"""How far the face of a probe may lie from where it was; a box is recorded to a hundredth of a pixel."""


def threshold_of(settings: Settings, scorer: Scorer) -> Threshold:
    """The threshold that follows from the settings of a bundle.

    Raises:
        UsageError: an error rate is asked for, and nothing says which threshold it has.
    """
    operating = find_operating_points(settings.search, scorer.identity(), settings.detect.detector)
    return resolve_threshold(settings.search, scorer, operating)


class SearchAgain:
    """A search of a bundle, to be done again.

    Args:
        recorded: the search.
        settings, scorer: of the bundle, with the device of this machine.
        pictures: of the probes, in the order of the bundle.
        listener: is told what happens.

    ``device`` says what the nets ran on, once they did.
    """

    def __init__(
        self,
        recorded: RecordedSearch,
        settings: Settings,
        scorer: Scorer,
        pictures: Sequence[ProbePicture],
        listener: Listener,
    ) -> None:
        self.device = ""
        self.recorded, self.settings, self._scorer = recorded, settings, scorer
        self._pictures, self.listener = pictures, listener

    def probes(self) -> tuple[Probe, ...]:
        """The probes, embedded anew."""
        nets = load_nets(self.settings)
        self.device = nets.device.describe()
        named = NamedPictures(tuple(self._pictures), ())
        loaded = (nets.detector, nets.comparison)
        return make_probes(named, lambda: loaded, self.settings.quality, self.listener, lenient=False)[0]

    def search(self, case: Case, persons: Sequence[Probe], missing: set[str]) -> tuple[Compared, int]:
        """Compare, and hold what is found against the bundle; gives how many tracklets were compared as well."""
        recorded, settings = self.recorded, self.settings
        found = [*self._other_threshold(), *self._other_faces(persons)]
        terms = recorded.recipe.terms["comparison"]
        operating = find_operating_points(settings.search, terms, settings.detect.detector)
        # The threshold is the one that was: that another one follows from the same data is told by itself.
        own = dataclasses.replace(settings.search, fmr=None, threshold=recorded.threshold)
        searching = Search(persons, self._scorer, own, settings.parts, operating)
        searching.look_through(CaseGallery(case, recorded.recipe.key, _compared(case, recorded)))
        continuity = continuity_of(case, recorded.recipe, recorded.threshold, recorded.selection)
        rows = [record(each) for ranked in searching.appearances(continuity) for each in ranked]
        compared = compare_candidates(recorded.candidates, rows, missing=missing)
        together = (*found, *compared.differences)
        return dataclasses.replace(compared, differences=together), searching.compared

    def _other_threshold(self) -> list[Difference]:
        if self.settings.search.fmr is not None and self.settings.search.operating_points is None:
            return []  # what it followed from is not in the bundle, which says so
        now = threshold_of(self.settings, self._scorer).score
        if now == self.recorded.threshold:
            return []
        sentence = (
            f"the threshold was {self.recorded.threshold:.6f}, and from the same data follows {now:.6f}"
        )
        return [Difference("threshold", sentence)]

    def _other_faces(self, persons: Sequence[Probe]) -> list[Difference]:
        now = {(probe.name, image.sha256): image.box for probe in persons for image in probe.images}
        return [
            Difference("probe", f"the face in {picture.file} of {picture.probe} is found at another place")
            for picture in self.recorded.pictures
            if np.abs(now[picture.probe, picture.sha256] - np.asarray(picture.box)).max()
            > BOX_TOLERANCE_PIXELS
        ]


def _compared(case: Case, recorded: RecordedSearch) -> Ids:
    """The tracklets that the search went through, ascending ids."""
    table = tracklet_table(case, recorded.recipe.key)
    known = {exhibit.sha256: exhibit for exhibit in recorded.exhibits}
    stored = {item.id: known[item.exhibit.sha256] for item in exhibits(case)}
    selection = CaseSelection(
        Selection(streams=tuple(recorded.selection.get("streams", ()))),
        min_quality=float(recorded.selection.get("min_quality", 0.0)),
    )
    windows = {number: exhibit.compared for number, exhibit in stored.items()}
    ids = table.ids[tracklets_within(case, table, windows, selection)]
    limited = {exhibit.sha256: exhibit.covered for exhibit in known.values() if exhibit.covered is not None}
    if not limited:
        return ids
    return np.asarray([number for number in ids if _covered(case, int(number), limited)], np.int64)


def _covered(case: Case, number: int, limited: Mapping[str, Sequence[MediaWindow]]) -> bool:
    """Whether every face of a tracklet lies in the time that the authority covers."""
    tracklet = stored_tracklet(case, number)
    windows = limited.get(tracklet.exhibit.sha256)
    return windows is None or all(
        any((low is None or low <= at) and (high is None or at < high) for low, high in windows)
        for at in (face.frame.seconds for face in tracklet.best)
    )
