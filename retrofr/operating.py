"""Which operating points a search goes by, and what they say of its threshold and of single scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrofr.errors import UsageError, WeightsError
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.records import Evidence, Quality
from retrofr.scoring import comparison_key
from retrofr.settings import SearchSettings
from retrofr.statements import (
    NOTE_AVERAGED,
    NOTE_PHOTOS,
    NOTE_PICTURES,
    NOTE_TRACKLETS,
    SearchStatement,
)

if TYPE_CHECKING:
    from retrofr.calibration.operating import FmrPoint, OperatingPoints

CASE_FILE = "operating-points.toml"
"""The file in a case's folder whose operating points its searches go by."""

OVERRIDE = "given for this run (override)"


@dataclass(frozen=True, eq=False)
class Operating:
    """The operating points of a run.

    Args:
        points: None where there are none for the embedder.
        origin: where they come from, for a person; empty without points.
        reason: why there are none; empty with points.
        other_detector: a sentence where they were measured with another detector than the run's; else empty.
    """

    points: OperatingPoints | None
    origin: str = ""
    reason: str = ""
    other_detector: str = ""

    def evidence(self, score: float, faces: Sequence[Quality]) -> Evidence:
        """What a score says for or against one person.

        Args:
            score: a comparison score.
            faces: all faces that are behind it; the worst of them in each measure decides on the condition.
        """
        if self.points is None:
            return Evidence(None, reason=self.reason)
        if self.other_detector:
            return Evidence(None, reason=self.other_detector)
        stated = self.points.llr(score, worst_condition(faces))
        if stated.llr is None:
            return Evidence(None, reason=stated.reason or "not validated for this condition")
        return Evidence(float(stated.llr), stated.band, bool(stated.at_bound))


NO_OPERATING_POINTS = Operating(None, reason="no operating points were looked for")


def worst_condition(faces: Sequence[Quality]) -> dict[str, float]:
    """The measures by which conditions are told apart, each of the worst of the faces."""
    return {
        "eye_distance_pixels": min(face.eye_distance_pixels for face in faces),
        "sharpness": min(face.sharpness for face in faces),
        "yaw": max(face.yaw for face in faces),
    }


def find_operating_points(
    settings: SearchSettings,
    identity: Mapping[str, Any],
    detector: str,
    *,
    case_folder: Path | None = None,
) -> Operating:
    """The operating points of a run: a named file's, else those in the case's folder, else the default ones.

    Args:
        settings: of the search; ``operating_points`` names a file.
        identity: of the comparison, from :meth:`retrofr.scoring.Scorer.identity`.
        detector: name of the detector that finds the faces.
        case_folder: of the case that is searched; None outside of one.

    Raises:
        UsageError: a file cannot be read, or is for another embedder, other weights or other settings.
    """
    from retrofr.calibration.operating import default_operating_points, read_operating_points

    name = str(identity["name"])
    try:
        key = comparison_key(identity)
    except WeightsError as error:
        return Operating(None, reason=f"no operating points for embedder {name}: {error.reason}")
    file, origin = _file(settings, case_folder)
    points = default_operating_points(key) if file is None else read_operating_points(file)
    if points is None:
        return Operating(None, reason=f"no operating points for embedder {name}, as it is set here")
    if file is not None and points.system["comparison_key"] != key:
        raise UsageError(
            f"is for {points.system['name']} with other weights or settings than {name} has here",
            subject=str(file),
            hint="measure them with this embedder: retrofr calibrate FOLDER --out operating-points.toml",
        )
    measured_with = str(points.system["detector"])
    other = ""
    if measured_with != detector:
        other = f"measured with detector {measured_with}, and faces are found with {detector} here"
    return Operating(points, origin, other_detector=other)


def _file(settings: SearchSettings, case_folder: Path | None) -> tuple[Path | None, str]:
    if settings.operating_points is not None:
        return Path(settings.operating_points), f"file {settings.operating_points}"
    if case_folder is not None and (case_folder / CASE_FILE).exists():
        return case_folder / CASE_FILE, f"{case_folder / CASE_FILE}, beside the case"
    return None, "default of retrofr"


@dataclass(frozen=True, eq=False)
class Threshold:
    """The lowest score of a hit, who says so, and what was measured at it.

    Args:
        score: the threshold.
        source: who says so.
        overridden: a score was given, in place of an error rate.
        asked_fmr: the error rate that was asked for, if any.
        point: the error rates measured at it; None where there are no operating points.
        operating: the operating points, or why there are none.
    """

    score: float
    source: str
    overridden: bool = False
    asked_fmr: float | None = None
    point: FmrPoint | None = None
    operating: Operating = NO_OPERATING_POINTS

    @property
    def points(self) -> OperatingPoints | None:
        """The operating points; None where there are none."""
        return self.operating.points


def state_search(
    threshold: Threshold, *, compared: int, compared_faces: int, pictures: Sequence[int], fusion: str
) -> SearchStatement:
    """What is known of the errors of a search.

    Args:
        threshold: of the search.
        compared: tracklets that each probe was compared with.
        compared_faces: their faces.
        pictures: how many each probe has.
        fusion: how they count.
    """
    from retrofr.calibration.statement import expected_false

    points, point = threshold.points, threshold.point
    most = max(pictures, default=0)
    return SearchStatement(
        compared=compared,
        compared_faces=compared_faces,
        probes=len(pictures),
        pictures=most,
        threshold=threshold.score,
        source=threshold.source,
        overridden=threshold.overridden,
        asked_fmr=threshold.asked_fmr,
        point=point,
        data=None if points is None else points.data,
        origin=threshold.operating.origin,
        reason=threshold.operating.reason if point is None else None,
        likelihood=None if points is None else points.likelihood,
        each_probe=None if point is None else expected_false(compared, point),
        whole_search=None if point is None else expected_false(compared * len(pictures), point),
        notes=() if point is None else _notes(threshold.operating, most, fusion),
    )


def _notes(operating: Operating, pictures: int, fusion: str) -> tuple[str, ...]:
    notes = [NOTE_PHOTOS, NOTE_TRACKLETS]
    if pictures > 1 and fusion == "best":
        notes.append(NOTE_PICTURES.format(pictures=pictures))
    elif pictures > 1:
        what = "scores are" if fusion == "mean_score" else "templates are"
        notes.append(NOTE_AVERAGED.format(pictures=pictures, what=what))
    if operating.other_detector:
        notes.append(f"the error rates were {operating.other_detector}")
    return tuple(notes)


def resolve_threshold(
    settings: SearchSettings, comparison: ComparesTemplates, operating: Operating = NO_OPERATING_POINTS
) -> Threshold:
    """The threshold of the error rate that was asked for, the one that was given, or the documented default.

    Raises:
        UsageError: the error rate is below what the data can support, or there are no operating points to take a
            threshold from; or nothing was given and there is no default.
    """
    points = operating.points
    if settings.fmr is not None:
        if points is None:
            raise UsageError(
                f"no threshold can be set by an error rate: {operating.reason}",
                subject="--fmr",
                hint="`retrofr calibrate` measures operating points; --threshold sets a score without any",
            )
        point = points.threshold_for(settings.fmr)
        source = f"for an FMR of at most {settings.fmr:g}"
        return Threshold(point.score, source, False, settings.fmr, point, operating)
    if settings.threshold is not None:
        score, source = settings.threshold, OVERRIDE
    elif comparison.default_threshold is not None:
        # With operating points the figures are said in full; the short sentence would say them twice.
        score = comparison.default_threshold
        source = comparison.threshold_source if points is None else f"documented default of {comparison.name}"
    else:
        raise UsageError(
            "has no documented threshold yet",
            subject=f"embedder {comparison.name}",
            hint="set one with --threshold, from scores measured on labelled material"
            if points is None
            else "set one with --fmr, for example --fmr 1e-4",
        )
    point_there = None if points is None else points.fmr_at(score)
    return Threshold(score, source, settings.threshold is not None, None, point_there, operating)
