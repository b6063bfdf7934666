"""Compares the face of one picture with that of another: the check that an operator asks for, in a search's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from retrofr.case.audit import Act, acting
from retrofr.case.permitting import permit, threshold_of
from retrofr.detectors.base import Detector
from retrofr.errors import ProbeError, UsageError
from retrofr.events import Event, Listener, Warned, ignore
from retrofr.nets import describe_detector, load_nets
from retrofr.operating import (
    Operating,
    Threshold,
    find_operating_points,
    resolve_threshold,
    worst_condition,
)
from retrofr.probe_files import (
    ProbePicture,
    ProbeProblem,
    ProbeSpec,
    around_face,
    digest_pictures,
    parse_probe,
    read_picture,
)
from retrofr.probes import embed_probe_pictures
from retrofr.records import Evidence, Pixels, ProbeImage, Quality
from retrofr.results import LEADS_ONLY
from retrofr.selection import Selection
from retrofr.settings import QualitySettings, Settings
from retrofr.statements import (
    data_document,
    evidence_document,
    likelihood_document,
    point_document,
)
from retrofr.versions import versions

COMPARISON_SCHEMA = "retrofr.comparison/1"
NAMES = ("A", "B")


@dataclass(frozen=True, eq=False)
class ComparedFace:
    """One side of a comparison: the face, and (H, W, 3) uint8 RGB pixels of its picture around it, not resampled."""

    name: str
    image: ProbeImage
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class PictureComparison:
    """What comes of comparing two pictures.

    Args:
        faces: both sides.
        score: their comparison score.
        threshold: the score from which on a search would list it, with the error rates measured there.
        evidence: what the score says for or against one person.
        run: what it ran on, as plain values.
    """

    faces: tuple[ComparedFace, ComparedFace]
    score: float
    threshold: Threshold
    evidence: Evidence
    run: dict[str, Any]

    @property
    def reaches_threshold(self) -> bool:
        """Whether a search would call it a hit."""
        return self.score >= self.threshold.score


def compare_pictures(
    left: str | Path,
    right: str | Path,
    *,
    settings: Settings | None = None,
    listener: Listener = ignore,
) -> PictureComparison:
    """Compare the face of one picture with that of another.

    Args:
        left, right: ``PATH[#FACE]`` each: a picture, and where it shows several faces which, from left to right.
        settings: those of ``detect``, ``quality``, ``embed``, ``search`` and ``device`` count.
        listener: is told of downloads; what is poor about a face is in the result.

    Raises:
        ProbeError: a picture cannot be read, or shows no face, or several of which none was chosen.
        UsageError: an error rate that the data cannot support, operating points of another embedder.
        RefusedError: a policy or the authority does not allow it.
        ModelError: a device, detector or embedder that cannot be used.
    """
    with acting(None, "compare", listener=listener) as act:
        result = _compare(left, right, act, settings or Settings(), listener)
        act.details["pictures"] = [face.image.sha256 for face in result.faces]
    return result


def _compare(
    left: str | Path, right: str | Path, act: Act, settings: Settings, listener: Listener
) -> PictureComparison:
    pictures = _pictures(left, right)
    permission = permit(
        None,
        act,
        selection=Selection(),
        detector=settings.detect.detector,
        embedder=settings.embed.embedder,
        threshold=partial(threshold_of, settings),
        listener=listener,
    )
    started = datetime.now(UTC)
    nets = load_nets(settings)
    identity = nets.comparison.identity()
    operating = find_operating_points(settings.search, identity, nets.detector.name)
    threshold = resolve_threshold(settings.search, nets.comparison, operating)
    images = _embedded(pictures, nets.detector, nets.comparison, settings.quality, listener)
    one, other = (image.template[None] for image in images)
    score = float(nets.comparison.compare(one, other)[0, 0])
    first, second = (
        ComparedFace(name, image, around_face(read_picture(image.path), image.box))
        for name, image in zip(NAMES, images, strict=True)
    )
    return PictureComparison(
        faces=(first, second),
        score=score,
        threshold=threshold,
        evidence=_evidence(operating, score, images),
        run={
            "started": started.isoformat(timespec="seconds"),
            "device": nets.device.describe(),
            "settings": settings.as_dict(),
            "detector": describe_detector(nets.detector),
            "embedder": identity,
            "versions": versions(),
            **permission.as_dict(),
        },
    )


def _evidence(operating: Operating, score: float, images: list[ProbeImage]) -> Evidence:
    """What the score says; nothing where both faces come from one file, as no two of the calibration did."""
    if images[0].sha256 == images[1].sha256:
        return Evidence(None, reason="both faces are in the same file, bit for bit")
    return operating.evidence(score, [image.quality for image in images])


def _pictures(left: str | Path, right: str | Path) -> list[ProbePicture]:
    specs = [parse_probe(path) for path in (left, right)]
    for spec in specs:
        if not spec.path.exists():
            raise ProbeError("no such file", subject=str(spec.path), hint="check the path")
        if spec.path.is_dir():
            raise UsageError("is a folder, and one picture is compared with another", subject=str(spec.path))
    digested, problems = digest_pictures({name: [spec] for name, spec in zip(NAMES, specs, strict=True)})
    if problems:
        raise problems[0].error
    return digested


def _embedded(
    pictures: list[ProbePicture],
    detector: Detector,
    comparison: Any,
    quality: QualitySettings,
    listener: Listener,
) -> list[ProbeImage]:
    def without_warnings(event: Event) -> None:
        if not isinstance(event, Warned):  # what is poor about a face stands in the result
            listener(event)

    images = []
    for image in embed_probe_pictures(pictures, lambda: (detector, comparison), quality, without_warnings):
        if isinstance(image, ProbeProblem):
            raise _in_these_words(image.error, image.spec)
        images.append(image)
    return images


def _in_these_words(error: ProbeError, spec: ProbeSpec) -> ProbeError:
    """The same error for somebody who named no probe."""
    hint = None if error.hint is None else error.hint.replace(f"--probe '{spec.path}#1'", f"'{spec.path}#1'")
    return ProbeError(
        error.reason.replace("a probe is one", "one is compared"), subject=error.subject, hint=hint
    )


def comparison_document(result: PictureComparison) -> dict[str, Any]:
    """A comparison as one document of plain values."""
    threshold = result.threshold
    points, point = threshold.points, threshold.point
    origin = threshold.operating.origin
    return {
        "schema": COMPARISON_SCHEMA,
        "note": LEADS_ONLY,
        "faces": [_face(face) for face in result.faces],
        "score": round(result.score, 6),
        "reaches_threshold": result.reaches_threshold,
        "threshold": {
            "score": threshold.score,
            "source": threshold.source,
            "overridden": threshold.overridden,
            "asked_fmr": threshold.asked_fmr,
        },
        "operating_point": None if point is None else point_document(point),
        "operating_points": None if points is None else data_document(points.data, origin),
        "reason": threshold.operating.reason or None,
        "likelihood": None
        if points is None or points.likelihood is None
        else likelihood_document(points.likelihood),
        "condition": worst_condition([face.image.quality for face in result.faces]),
        **evidence_document(result.evidence),
        "run": result.run,
    }


def _face(face: ComparedFace) -> dict[str, Any]:
    image, quality = face.image, face.image.quality
    return {
        "name": face.name,
        "path": str(image.path),
        "sha256": image.sha256,
        "box": [round(float(side), 1) for side in image.box],
        "quality": quality_document(quality),
    }


def quality_document(quality: Quality) -> dict[str, Any]:
    """What was measured of a face, as plain values."""
    return {
        "eye_distance_pixels": round(quality.eye_distance_pixels, 1),
        "sharpness": round(quality.sharpness, 3),
        "brightness": round(quality.brightness, 3),
        "contrast": round(quality.contrast, 3),
        "yaw": round(quality.yaw, 3),
        "pitch": round(quality.pitch, 3),
        "roll_degrees": round(quality.roll_degrees, 1),
        "problems": list(quality.problems),
        "warnings": list(quality.warnings),
    }
