"""Measures a system on footage of which a person wrote down who is in it and when.

Scenes say who is there, from left to right: a tracklet is put to the person in whose part of the picture it lies.
Boxes say where each face is: a tracklet is put to the person whose boxes it covers most often. Where somebody
unlabelled is in a scene, nobody knows whose its tracklets are, and they count for and against nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from retrofr.case.gathering import gather
from retrofr.clustering import cluster
from retrofr.errors import UsageError
from retrofr.evaluation.evaluating import Clusters, describe_run
from retrofr.evaluation.measuring import InForce, Measured, in_force, measure
from retrofr.evaluation.seeing import Presence, Seen, Whose, presences, seen_of, whose
from retrofr.evaluation.truth import Truth
from retrofr.evaluation.watching import Watched, watch
from retrofr.events import Listener, ignore, never
from retrofr.gallery.base import TemplateBlock
from retrofr.gallery.fusion import face_scores, fused_templates, tracklet_scores
from retrofr.nets import load_nets
from retrofr.operating import Threshold, find_operating_points, resolve_threshold
from retrofr.people import people_threshold
from retrofr.probe_files import ProbeSpec
from retrofr.probe_gathering import make_probes, name_pictures
from retrofr.rates.clusters import bcubed, purity
from retrofr.rates.comparisons import FAILED, Comparisons, Scores
from retrofr.rates.identification import Identification, Searches, identification
from retrofr.rates.intervals import Share, clopper_pearson
from retrofr.rates.verification import FMRS
from retrofr.records import Probe, Tracklet
from retrofr.results import Coverage, Unsearched
from retrofr.scoring import Scorer
from retrofr.settings import SearchSettings, Settings
from retrofr.video.footage import Footage, find_footage


@dataclass(frozen=True, eq=False)
class FootageEvaluation:
    """All that was measured on footage.

    Args:
        truth: who is in it.
        recordings: how many files.
        probes: who was looked for; ``absent`` are those of them who are nowhere in the truth.
        seen: what was found of the faces that are there.
        tracklets: how many; ``labelled`` of them are known to be of one person or of nobody.
        impure: share of the sightings of tracklets that are not of the tracklet's own person.
        appearances: at the threshold in force, share of the times that a probe's person is there that were missed.
        at_threshold: searches at the threshold in force.
        threshold: that one.
        measured: error rates of each probe against each tracklet.
        in_force, clusters: as of photos.
        coverage: of the footage; ``unusable`` are probes' pictures that could not be used.
        run: what it ran on, as plain values.
    """

    truth: Truth
    recordings: int
    probes: tuple[str, ...]
    absent: tuple[str, ...]
    seen: Seen
    tracklets: int
    labelled: int
    impure: Share
    appearances: Share
    at_threshold: Identification
    threshold: Threshold
    measured: Measured
    in_force: InForce
    clusters: Clusters
    coverage: Coverage
    unusable: tuple[Unsearched, ...]
    run: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """As of a search: 10 with gaps, 3 where nothing could be looked at, 130 where it was stopped."""
        return replace(self.coverage, unsearched=(*self.coverage.unsearched, *self.unusable)).exit_code


def check_footage(footage: Sequence[str | Path], truth: Truth) -> Footage:
    """The recordings, if the truth can be about them.

    Raises:
        UsageError: the truth names a recording that is not there, or none while there are several.
    """
    files = find_footage(footage)
    names = {file.name for file in files.files} | {file.path.name for file in files.files}
    missing = [name for name in truth.files if name and name not in names]
    if missing:
        raise UsageError(f"names {missing[0]}, which is not in the footage", subject=str(truth.source))
    if "" in truth.files and len(files.files) > 1:
        raise UsageError(
            f"does not say which of {len(files.files)} recordings it is about",
            subject=str(truth.source),
            hint="add a column file with the recording's name",
        )
    return files


def evaluate_footage(
    footage: Footage,
    probes: Sequence[ProbeSpec],
    truth: Truth,
    settings: Settings,
    *,
    fmrs: Sequence[float] = FMRS,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> FootageEvaluation:
    """Search footage for people and hold it against the truth.

    Args:
        footage: from :func:`check_footage`.
        probes: pictures of people, called as the truth calls them.
        truth: who is there.
        settings: of the run; where the truth has boxes every frame is decoded, so that frames can be counted.
        fmrs: at which rates are told.
        listener, stop: as of a search.

    Raises:
        UsageError: nobody who is looked for is in the truth.
        ProbeError, ModelError: as of a search.
    """
    if truth.has_boxes:
        settings = replace(settings, video=replace(settings.video, decode="all"))
    named = name_pictures(list(probes), lenient=True)
    nets = load_nets(settings)
    started = datetime.now(UTC)
    ready = (nets.detector, nets.comparison)
    loaded, unusable = make_probes(named, lambda: ready, settings.quality, listener, lenient=True)
    operating = find_operating_points(settings.search, nets.comparison.identity(), nets.detector.name)
    threshold = resolve_threshold(settings.search, nets.comparison, operating)
    absent = _absent(loaded, truth)
    watched = watch(footage, nets, settings, listener, stop)
    found = _Found(watched, loaded, nets.comparison, settings, truth)
    return FootageEvaluation(
        truth=truth,
        recordings=len(footage.files),
        probes=tuple(probe.name for probe in loaded),
        absent=absent,
        seen=seen_of(watched, found.there, truth),
        tracklets=len(watched.tracklets),
        labelled=sum(owner.person is not None for owner in found.owners),
        impure=_impure(found.owners),
        appearances=_missed(found.there, loaded, found.searches.scores, threshold.score),
        at_threshold=identification(found.searches, threshold.score),
        threshold=threshold,
        measured=measure(found.comparisons, found.searches, fmrs),
        in_force=in_force(found.comparisons, operating, threshold.score, threshold.source, fmrs),
        clusters=_clusters(watched, found.owners, nets.comparison, settings),
        coverage=watched.coverage,
        unusable=unusable,
        run=describe_run(nets, started, settings),
    )


def _absent(probes: Sequence[Probe], truth: Truth) -> tuple[str, ...]:
    absent = tuple(probe.name for probe in probes if probe.name not in truth.people)
    if len(absent) == len(probes):
        raise UsageError(
            f"nobody who is looked for is in it ({', '.join(absent[:6])})",
            subject=str(truth.source),
            hint="probes are called as their file or folder, and the truth must call them the same",
        )
    return absent


class _Found:
    """What was watched, held against the truth: whose tracklets are, who is there, and the searches."""

    def __init__(
        self, watched: Watched, probes: Sequence[Probe], scorer: Scorer, settings: Settings, truth: Truth
    ) -> None:
        self.owners = [whose(tracklet, truth) for tracklet in watched.tracklets]
        self.there = presences(watched, self.owners, truth)
        gallery = _Gallery(watched.tracklets, self.owners, self.there, truth)
        self.searches = gallery.searches(probes, gallery.scores(probes, scorer, settings.search))
        self.comparisons = comparisons_of(self.searches)


class _Gallery:
    """What is searched: tracklets, and an entry that nothing reaches for each presence without a tracklet."""

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        owners: Sequence[Whose],
        there: Sequence[Presence],
        truth: Truth,
    ) -> None:
        self._tracklets = tracklets
        self._lost = [presence.person for presence in there if not presence.tracklets]
        self._numbers = {name: number for number, name in enumerate(("", *truth.people))}
        entries = [-1 if owner.person is None else self._numbers[owner.person] for owner in owners]
        self.people = np.array([*entries, *(self._numbers[name] for name in self._lost)], np.int64)

    def scores(self, probes: Sequence[Probe], scorer: Scorer, settings: SearchSettings) -> Scores:
        """(P, G) as a search scores them; ``FAILED`` where no face of a tracklet could be compared."""
        table = np.full((len(probes), len(self.people)), FAILED)
        fit = [number for number, tracklet in enumerate(self._tracklets) if len(tracklet.templates)]
        if not fit:
            return table
        counts = np.array([len(self._tracklets[number].templates) for number in fit], np.int64)
        templates = np.concatenate([self._tracklets[number].templates for number in fit])
        for row, probe in enumerate(probes):
            side = fused_templates(probe.templates, settings.fusion)
            by_face = face_scores(scorer.compare(side, templates), settings.fusion)
            table[row, fit] = tracklet_scores(by_face, counts)
        return table

    def searches(self, probes: Sequence[Probe], scores: Scores) -> Searches:
        """The searches; a probe who is not in the truth has a number of its own."""
        extra = {
            name: len(self._numbers) + place for place, name in enumerate(probe.name for probe in probes)
        }
        numbers = [self._numbers.get(probe.name, extra[probe.name]) for probe in probes]
        return Searches(scores, np.array(numbers, np.int64), self.people)


def comparisons_of(searches: Searches) -> Comparisons:
    """Each probe against each entry of whom somebody knows who it is."""
    known = np.broadcast_to(searches.gallery[None] >= 0, searches.scores.shape)
    if searches.apart is not None:
        known = known & ~searches.apart
    probes = np.broadcast_to(searches.probes[:, None], searches.scores.shape)
    entries = np.broadcast_to(searches.gallery[None], searches.scores.shape)
    return Comparisons(searches.scores[known], probes[known], entries[known])


def _impure(owners: Sequence[Whose]) -> Share:
    sightings = sum(owner.sightings for owner in owners)
    return clopper_pearson(sightings - sum(owner.own for owner in owners), sightings)


def _missed(there: Sequence[Presence], probes: Sequence[Probe], scores: Scores, threshold: float) -> Share:
    rows = {probe.name: row for row, probe in enumerate(probes)}
    wanted = [presence for presence in there if presence.person in rows]
    missed = [
        not any(scores[rows[presence.person], place] >= threshold for place in presence.possible)
        for presence in wanted
    ]
    return clopper_pearson(sum(missed), len(missed))


def _clusters(watched: Watched, owners: Sequence[Whose], scorer: Scorer, settings: Settings) -> Clusters:
    """B-cubed of the tracklets whose person is known; the others are clustered with them and do not count."""
    try:
        threshold = people_threshold(settings.people, scorer).score
    except UsageError as error:
        return Clusters(reason=error.reason)
    fit = [number for number, tracklet in enumerate(watched.tracklets) if len(tracklet.templates)]
    known = np.array([bool(owners[number].person) for number in fit], bool)
    if not known.any():
        return Clusters(reason="insufficient data: no tracklet of a known person could be compared")
    counts = np.array([len(watched.tracklets[number].templates) for number in fit], np.int64)
    templates = np.concatenate([watched.tracklets[number].templates for number in fit])
    read = gather(iter([TemplateBlock(np.arange(len(fit)), counts, templates)]), scorer)
    labels = cluster(read.points, read.curve.squared_at(threshold), neighbours=settings.people.neighbours)[
        known
    ]
    names = [str(owners[number].person) for number in np.array(fit)[known]]
    truth = np.unique(names, return_inverse=True)[1].astype(np.int64)
    people, clusters = len(set(names)), len(np.unique(labels))
    return Clusters(len(names), people, clusters, threshold, bcubed(labels, truth), purity(labels, truth))
