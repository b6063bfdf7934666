"""Measures a system on labelled photos: one photo against one photo, and every photo searched among all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from retrofr.clustering import cluster
from retrofr.errors import EXIT_FINISHED, EXIT_GAPS, ExhibitError, UsageError
from retrofr.evaluation.grouping import GroupFigures, measure_groups
from retrofr.evaluation.labels import Exclusion, Groups, excluded_pairs, not_in_material
from retrofr.evaluation.material import LeftOut, PhotoMaterial
from retrofr.evaluation.measuring import InForce, Measured, in_force, measure
from retrofr.evaluation.photos import NO_FACE, PhotoFaces, Progress, embed_photos, no_progress, score_matrix
from retrofr.gallery.base import TemplateBlock
from retrofr.nets import Nets, describe_detector, load_nets
from retrofr.operating import find_operating_points
from retrofr.people import people_threshold
from retrofr.rates.clusters import BCubed, bcubed, purity
from retrofr.rates.comparisons import Comparisons, Mask, Scores, all_pairs
from retrofr.rates.identification import Searches
from retrofr.rates.intervals import Share, clopper_pearson
from retrofr.rates.verification import FMRS
from retrofr.scoring import Scorer
from retrofr.settings import Settings
from retrofr.versions import versions


@dataclass(frozen=True)
class Acquisition:
    """What became of photos.

    Args:
        failed: photos that could not be acquired, of all that can be read.
        failures: their names and why.
        unfit: those that have a template and that a search would not compare in footage, and why; where they are
            gated they are among the failures.
        gated: whether they are.
    """

    failed: Share
    failures: tuple[LeftOut, ...]
    unfit: tuple[LeftOut, ...]
    gated: bool


@dataclass(frozen=True)
class Clusters:
    """How well faces were clustered into persons, or why they were not."""

    faces: int = 0
    people: int = 0
    clusters: int = 0
    threshold: float | None = None
    bcubed: BCubed | None = None
    purity: float | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that was measured on labelled photos.

    Args:
        material: the photos that could be read.
        exclusions: pairs of people that were left out; ``strangers`` are people they name who are not there.
        acquisition: what became of photos.
        measured: error rates.
        in_force: what the thresholds of a search with these settings give here.
        clusters: B-cubed of clustering the photos.
        groups: rates by groups; None where none were given.
        run: what it ran on, as plain values.
    """

    material: PhotoMaterial
    exclusions: tuple[Exclusion, ...]
    strangers: tuple[str, ...]
    acquisition: Acquisition
    measured: Measured
    in_force: InForce
    clusters: Clusters
    groups: GroupFigures | None
    run: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0, or 10 where photos could not be read."""
        return EXIT_GAPS if self.material.unreadable else EXIT_FINISHED


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """Labelled photos with their faces, and the nets that made them."""

    material: PhotoMaterial
    faces: PhotoFaces
    nets: Nets
    started: datetime
    gated: bool

    def __post_init__(self) -> None:
        if len(self.material.photos) != len(self.faces.acquired):
            raise ValueError(f"{len(self.material.photos)} photos, {len(self.faces.acquired)} faces")


def acquire(
    material: PhotoMaterial, settings: Settings, progress: Progress = no_progress, *, gate: bool = False
) -> LabelledFaces:
    """Load the nets and embed all photos; those that cannot be read are left out of the material.

    Raises:
        ExhibitError: no photo can be read.
        UsageError: photos of only one person can be read.
        ModelError: a device, detector or embedder cannot be used.
    """
    nets = load_nets(settings)
    started = datetime.now(UTC)
    paths = [photo.path for photo in material.photos]
    faces = embed_photos(paths, nets.detector, nets.comparison, settings.quality, progress, gate=gate)
    unreadable = [
        LeftOut(photo.name, reason)
        for photo, reason in zip(material.photos, faces.unreadable, strict=True)
        if reason
    ]
    readable = np.array([not reason for reason in faces.unreadable], bool)
    rest = material.without(unreadable)
    if not readable.any():
        raise ExhibitError("none of its photos can be read", subject=str(material.folder))
    if len(rest.names) < 2:
        raise UsageError(
            f"only photos of {rest.names[0]} can be read, and error rates need at least two people",
            subject=str(material.folder),
        )
    return LabelledFaces(rest, faces.only(readable), nets, started, gate)


def evaluate_photos(
    labelled: LabelledFaces,
    settings: Settings,
    *,
    exclusions: Sequence[Exclusion] = (),
    groups: Groups | None = None,
    fmrs: Sequence[float] = FMRS,
) -> Evaluation:
    """Measure error rates on labelled photos.

    Args:
        labelled: from :func:`acquire`.
        settings: of the run.
        exclusions: pairs of people whose comparisons do not count.
        groups: which group people are in.
        fmrs: at which rates are told.

    Raises:
        UsageError: operating points that were asked for cannot be used.
    """
    material, comparison = labelled.material, labelled.nets.comparison
    matrix = score_matrix(labelled.faces, comparison)
    out = excluded_pairs(material, exclusions)
    everything = all_pairs(matrix, material.people)
    comparisons = counted_comparisons(everything, out)
    searches = Searches(matrix, material.people, material.people, out | np.eye(len(out), dtype=bool))
    identity = comparison.identity()
    operating = find_operating_points(settings.search, identity, labelled.nets.detector.name)
    measured = measure(comparisons, searches, fmrs, everything=everything if out.any() else None)
    return Evaluation(
        material=material,
        exclusions=tuple(e for e in exclusions if set(e.people) <= set(material.names)),
        strangers=not_in_material(material, exclusions),
        acquisition=acquisition(labelled),
        measured=measured,
        in_force=in_force(
            comparisons, operating, comparison.default_threshold, comparison.threshold_source, fmrs
        ),
        clusters=_clusters(labelled, comparison, settings),
        groups=None
        if groups is None
        else measure_groups(comparisons, material.names, groups, measured.verification),
        run=describe_run(labelled.nets, labelled.started, settings),
    )


def counted_comparisons(everything: Comparisons, out: Mask) -> Comparisons:
    """All pairs but those that are left out, ``out`` (n, n)."""
    return everything.only(~out[np.triu_indices(len(out), 1)])


def acquisition(labelled: LabelledFaces) -> Acquisition:
    """What became of the photos."""
    faces, photos = labelled.faces, labelled.material.photos
    failures = [LeftOut(p.name, why) for p, why in zip(photos, faces.failures, strict=True) if why]
    unfit = [
        LeftOut(photo.name, "; ".join(quality.problems))
        for photo, quality in zip(photos, faces.qualities, strict=True)
        if quality is not None and quality.problems
    ]
    share = clopper_pearson(len(failures), len(photos))
    return Acquisition(share, tuple(failures), tuple(unfit), labelled.gated)


def describe_run(nets: Nets, started: datetime, settings: Settings) -> dict[str, Any]:
    """What an evaluation records of what it ran on, as plain values."""
    return {
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": nets.device.describe(),
        "settings": settings.as_dict(),
        "detector": describe_detector(nets.detector),
        "embedder": nets.comparison.identity(),
        "versions": versions(),
    }


def _clusters(labelled: LabelledFaces, scorer: Scorer, settings: Settings) -> Clusters:
    from retrofr.case.gathering import gather

    faces, people = labelled.faces, labelled.material.people
    try:
        threshold = people_threshold(settings.people, scorer).score
    except UsageError as error:
        return Clusters(reason=error.reason)
    there = np.flatnonzero(faces.acquired)
    if not len(there):
        return Clusters(reason=NO_FACE)
    ids = np.arange(len(there))
    block = TemplateBlock(ids, np.ones(len(there), np.int64), faces.templates[there])
    read = gather(iter([block]), scorer)
    labels = cluster(read.points, read.curve.squared_at(threshold), neighbours=settings.people.neighbours)
    truth = people[there]
    return Clusters(
        len(there),
        len(np.unique(truth)),
        len(np.unique(labels)),
        threshold,
        bcubed(labels, truth),
        purity(labels, truth),
    )


def condition_values(faces: PhotoFaces) -> dict[str, Scores]:
    """(n,) each: the measures of every photo's face by which conditions are told apart; not a number without one."""
    names = ("eye_distance_pixels", "sharpness", "yaw")
    return {
        name: np.array([np.nan if q is None else getattr(q, name) for q in faces.qualities], np.float64)
        for name in names
    }
