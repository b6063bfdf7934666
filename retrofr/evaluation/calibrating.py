"""From labelled photos to operating points, with conditions by the quality of the worse of two faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from retrofr.calibration.fitting import Range, calibrate
from retrofr.calibration.operating import DataFacts, OperatingPoints
from retrofr.errors import UsageError
from retrofr.evaluation.evaluating import (
    Acquisition,
    LabelledFaces,
    acquisition,
    condition_values,
    describe_run,
)
from retrofr.evaluation.held_out import HALF, HeldOut, hold_out
from retrofr.evaluation.labels import Exclusion, excluded_pairs, not_in_material
from retrofr.evaluation.material import PhotoMaterial
from retrofr.evaluation.photos import PhotoFaces, score_matrix
from retrofr.nets import Nets
from retrofr.rates.comparisons import Comparisons, Mask, Scores, all_pairs
from retrofr.rates.verification import FMRS
from retrofr.scoring import comparison_key
from retrofr.settings import Settings

EDGES: dict[str, tuple[float, ...]] = {
    "eye_distance_pixels": (0.0, 16.0, 24.0, 36.0, 60.0, np.inf),
    "sharpness": (0.0, 0.3, 0.5, 0.6, np.inf),
    "yaw": (0.0, 0.25, 0.5, 0.75, np.inf),
}
"""Edges of the ranges of each measure of the worse face. They go where footage has faces, whether or not the photos
have them there: a range without data says so, instead of borrowing from its neighbours."""

CONDITIONS = "one photo against one photo"


@dataclass(frozen=True)
class About:
    """What the file says of its data.

    Args:
        name: what people call the data.
        conditions: what the photos are like, in a few words.
        made: the day, ISO 8601.
        command: how it was made.
    """

    name: str
    conditions: str
    made: str
    command: str


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Operating points, and how a part of the people who were not asked fares with them.

    Args:
        points: fitted to all people.
        held_out: claims of a part of the people, tried on the others.
        material, exclusions, strangers, acquisition: as of an evaluation.
        run: what it ran on, as plain values.
    """

    points: OperatingPoints
    held_out: HeldOut
    material: PhotoMaterial
    exclusions: tuple[Exclusion, ...]
    strangers: tuple[str, ...]
    acquisition: Acquisition
    run: dict[str, Any]


def calibrate_photos(
    labelled: LabelledFaces,
    settings: Settings,
    about: About,
    *,
    exclusions: Sequence[Exclusion] = (),
    hold_out_share: float = HALF,
) -> Calibrated:
    """Measure what the scores of a system are worth.

    A comparison of one person that could not be made counts as missed. One of two people that could not be made
    does not count at all: in a search only faces that could be compared are.

    Args:
        labelled: from :func:`retrofr.evaluation.evaluating.acquire`.
        settings: of the run.
        about: what the file says of its data.
        exclusions: pairs of people whose comparisons do not count.
        hold_out_share: of the people, on whom the claims of the others are tried.

    Raises:
        UsageError: nobody is on two photos, or no two people's faces were found.
        WeightsError: the weights' digest is not known, so that nobody could tell whose points these are.
    """
    material = labelled.material
    comparisons, counted = _counted(labelled, exclusions)
    default = labelled.nets.comparison.default_threshold
    points = calibrate(
        comparisons,
        system=describe_system(labelled.nets),
        data=_facts(material, comparisons, about),
        ranges=quality_ranges(labelled.faces, counted),
        extra_scores=() if default is None else (default,),
    )
    return Calibrated(
        points=points,
        held_out=hold_out(comparisons, FMRS, share=hold_out_share),
        material=material,
        exclusions=tuple(e for e in exclusions if set(e.people) <= set(material.names)),
        strangers=not_in_material(material, exclusions),
        acquisition=acquisition(labelled),
        run=describe_run(labelled.nets, labelled.started, settings),
    )


def _counted(labelled: LabelledFaces, exclusions: Sequence[Exclusion]) -> tuple[Comparisons, Mask]:
    """The comparisons that count, and which of all pairs of photos they are."""
    material = labelled.material
    out = excluded_pairs(material, exclusions)
    everything = all_pairs(score_matrix(labelled.faces, labelled.nets.comparison), material.people)
    made = np.isfinite(everything.scores)
    counted = np.asarray(~out[np.triu_indices(len(out), 1)] & (everything.mated | made))
    comparisons = everything.only(counted)
    if not everything.mated.any():
        raise _useless(material, "shows nobody twice")
    if not (everything.mated & made).any() or comparisons.mated.all():
        raise _useless(
            material, "has no two photos of one person, and of two people, on which faces were found"
        )
    return comparisons, counted


def _useless(material: PhotoMaterial, reason: str) -> UsageError:
    hint = "calibration needs several photos of each of many people"
    return UsageError(reason, subject=str(material.folder), hint=hint)


def _facts(material: PhotoMaterial, comparisons: Comparisons, about: About) -> DataFacts:
    return DataFacts(
        name=about.name,
        description=f"{len(material.photos)} photos of {len(material.names)} people",
        photos=len(material.photos),
        people=len(material.names),
        mated=int(comparisons.mated.sum()),
        non_mated=int((~comparisons.mated).sum()),
        made=about.made,
        conditions=about.conditions,
        command=about.command,
    )


def today() -> str:
    """The day, ISO 8601, in UTC."""
    return datetime.now(UTC).date().isoformat()


def describe_system(nets: Nets) -> dict[str, Any]:
    """What operating points hold for; they are found again by ``comparison_key``."""
    identity: Any = nets.comparison.identity()
    landmarks = identity["landmark_net"]
    return {
        "name": nets.comparison.name,
        "comparison_key": comparison_key(identity),
        "detector": nets.detector.name,
        "landmark_net": "none" if landmarks is None else str(landmarks["weights"]),
        "formula": identity["formula"],
        "weights": [f"{part['weights']} {part['weights_sha256']}" for part in identity["parts"]],
    }


def quality_ranges(faces: PhotoFaces, counted: Mask) -> list[Range]:
    """Ranges of each measure, and which of the comparisons that count lie in each, by the worse of their two faces.

    Args:
        faces: of all photos (n).
        counted: which of all pairs of photos count, in the order of :func:`retrofr.rates.comparisons.all_pairs`.
    """
    left, right = np.triu_indices(len(faces.acquired), 1)
    ranges = []
    for measure, values in condition_values(faces).items():
        worse = _worse(measure, values[left], values[right])[counted]
        ranges += [
            Range(measure, low, high, np.asarray((worse >= low) & (worse < high)))
            for low, high in pairwise(EDGES[measure])
        ]
    return ranges


def _worse(measure: str, one: Scores, other: Scores) -> Scores:
    """A head is worse the further it is turned; of anything else less is worse."""
    return np.asarray(np.maximum(one, other) if measure == "yaw" else np.minimum(one, other))
