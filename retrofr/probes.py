"""Probes: from pictures to the one face that is looked for, and its template.

Which pictures there are, and their digests, is found first and needs no net (:mod:`retrofr.probe_files`); so a
template that is known already need not be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrofr.detectors.base import Detector
from retrofr.errors import ProbeError
from retrofr.events import Listener, Warned
from retrofr.probe_files import (
    IMAGE_SUFFIXES,
    LONGEST_SIDE_PIXELS,
    ProbePicture,
    ProbeProblem,
    ProbeSpec,
    digest_pictures,
    find_pictures,
    parse_probe,
    probe_list,
    probe_pictures,
    read_picture,
    read_probe_picture,
)
from retrofr.records import Detections, Floats, Pixels, Probe, ProbeImage, Quality
from retrofr.settings import QualitySettings

if TYPE_CHECKING:
    from retrofr.comparison import Comparison, FaceChips

__all__ = [
    "IMAGE_SUFFIXES",
    "LONGEST_SIDE_PIXELS",
    "ProbePicture",
    "ProbeProblem",
    "ProbeSpec",
    "describe_probes",
    "digest_pictures",
    "embed_probe_picture",
    "embed_probe_pictures",
    "find_pictures",
    "gather_probes",
    "load_probes",
    "parse_probe",
    "probe_list",
    "probe_pictures",
    "read_picture",
]

BATCH_PICTURES = 32
BATCH_PIXELS = 16_000_000
"""Pictures that are held and worked on at once: at most so many, and no more pixels than that (or one picture)."""

Nets = Callable[[], "tuple[Detector, Comparison]"]
"""Gives the nets that probes are embedded with; called only where a picture must be embedded."""


def load_probes(
    pictures: Mapping[str, Sequence[ProbeSpec]],
    detector: Detector,
    comparison: Comparison,
    quality: QualitySettings,
    listener: Listener,
) -> tuple[Probe, ...]:
    """Find the one face of every picture, as :func:`probe_pictures` gives them, and embed it.

    Raises:
        ProbeError: a picture cannot be read, or shows no face, or several of which none was chosen.
    """
    digested, problems = digest_pictures(pictures)
    if problems:
        raise problems[0].error
    images = []
    found = embed_probe_pictures(digested, lambda: (detector, comparison), quality, listener)
    for picture, image in zip(digested, found, strict=True):
        if isinstance(image, ProbeProblem):
            raise image.error
        images.append((picture.spec.name, image))
    return gather_probes(images)


def gather_probes(images: Iterable[tuple[str, ProbeImage]]) -> tuple[Probe, ...]:
    """One probe a name, in the order in which the names come first; its pictures in their order."""
    by_name: dict[str, list[ProbeImage]] = {}
    for name, image in images:
        by_name.setdefault(name, []).append(image)
    return tuple(Probe(name, tuple(own)) for name, own in by_name.items())


def embed_probe_picture(
    picture: ProbePicture, nets: Nets, quality: QualitySettings, listener: Listener
) -> ProbeImage:
    """Find the one face of a picture and embed it.

    Raises:
        ProbeError: it cannot be read, was changed, or shows no face, or several of which none was chosen.
    """
    (image,) = embed_probe_pictures([picture], nets, quality, listener)
    if isinstance(image, ProbeProblem):
        raise image.error
    return image


def embed_probe_pictures(
    pictures: Iterable[ProbePicture], nets: Nets, quality: QualitySettings, listener: Listener
) -> Iterator[ProbeImage | ProbeProblem]:
    """Find the one face of each of many pictures and embed it; memory does not grow with their number.

    Args:
        pictures: from :func:`digest_pictures`; any number.
        nets: called once, and not where there is no picture that can be read.
        quality: what makes a face a poor probe.
        listener: is told of poor probes.

    Returns:
        One ProbeImage a picture, in order, or why it cannot be a probe: then the others are embedded all the same.
    """
    ready: tuple[Detector, Comparison] | None = None
    for batch in _batches(pictures):
        unread = [ProbeProblem(each.spec, error) for each, error in batch if isinstance(error, ProbeError)]
        if len(unread) == len(batch):
            yield from unread
            continue
        ready = ready or nets()
        yield from _embed(batch, ready, quality, listener)


_Batch = list[tuple[ProbePicture, Pixels | ProbeError]]


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The face of a picture that is the probe, ready to be embedded."""

    picture: ProbePicture
    box: Floats
    quality: Quality
    chips: FaceChips


def _batches(pictures: Iterable[ProbePicture]) -> Iterator[_Batch]:
    """Pictures with their pixels, or with why they have none."""
    batch: _Batch = []
    held = 0
    for picture in pictures:
        image: Pixels | ProbeError
        try:
            image = read_probe_picture(picture)
        except ProbeError as error:
            image = error
        size = 0 if isinstance(image, ProbeError) else image.shape[0] * image.shape[1]
        if batch and (len(batch) == BATCH_PICTURES or held + size > BATCH_PIXELS):
            yield batch
            batch, held = [], 0
        batch.append((picture, image))
        held += size
    if batch:
        yield batch


def _embed(
    batch: _Batch,
    nets: tuple[Detector, Comparison],
    quality: QualitySettings,
    listener: Listener,
) -> Iterator[ProbeImage | ProbeProblem]:
    detector, comparison = nets
    images = [image for _, image in batch if not isinstance(image, ProbeError)]
    found = iter(detector.detect(images))
    faces: list[_Chosen | ProbeProblem] = []
    for picture, image in batch:
        try:
            if isinstance(image, ProbeError):
                raise image
            faces.append(_chosen(picture, image, next(found), comparison, quality))
        except ProbeError as error:
            faces.append(ProbeProblem(picture.spec, error))
    chips = [face.chips for face in faces if isinstance(face, _Chosen)]
    templates = iter(comparison.templates(chips) if chips else ())
    for face in faces:
        if isinstance(face, ProbeProblem):
            yield face
            continue
        spec = face.picture.spec
        for reason in (*face.quality.problems, *face.quality.warnings):
            listener(Warned(str(spec.path), f"a poor probe: {reason}"))
        yield ProbeImage(spec.path, face.picture.sha256, face.box, face.quality, next(templates))


def _chosen(
    picture: ProbePicture,
    image: Pixels,
    found: Detections,
    comparison: Comparison,
    settings: QualitySettings,
) -> _Chosen:
    from retrofr.quality import measure_quality

    chosen = _choose(picture.spec, found)
    box, landmarks = found.boxes[chosen], found.landmarks[chosen]
    quality = measure_quality(image, box, landmarks, float(found.scores[chosen]), settings)
    return _Chosen(picture, box, quality, comparison.cut(image, landmarks[None])[0])


def _choose(spec: ProbeSpec, found: Detections) -> int:
    """Which detection is the probe's face."""
    order = np.argsort(found.boxes[:, 0], kind="stable")
    subject = str(spec.path)
    if not len(found):
        raise ProbeError(
            "no face was found in this picture",
            subject=subject,
            hint="use a picture that shows the face larger, sharper and less turned",
        )
    listed = "\n".join(f"#{n}: {_describe(found, int(i))}" for n, i in enumerate(order, 1))
    if spec.face is not None:
        if not 1 <= spec.face <= len(found):
            raise ProbeError(f"there is no face #{spec.face} in this picture", subject=subject, hint=listed)
        return int(order[spec.face - 1])
    if len(found) > 1:
        raise ProbeError(
            f"{len(found)} faces were found, and a probe is one",
            subject=subject,
            hint=f"{listed}\nchoose one, left to right, for example --probe '{spec.path}#1'",
        )
    return 0


def _describe(found: Detections, number: int) -> str:
    x1, y1, x2, y2 = (round(float(v)) for v in found.boxes[number])
    eyes = float(np.hypot(*(found.landmarks[number, 1] - found.landmarks[number, 0])))
    return f"x {x1} to {x2}, y {y1} to {y2}, {eyes:.0f} px between the eyes"


def describe_probes(probes: Sequence[Probe]) -> list[dict[str, Any]]:
    """What run.json says of the probes; no template."""
    return [
        {
            "name": probe.name,
            "images": [
                {
                    "path": str(image.path),
                    "sha256": image.sha256,
                    "box": [round(float(v), 2) for v in image.box],
                    "eye_distance_pixels": round(image.quality.eye_distance_pixels, 2),
                    "warnings": [*image.quality.problems, *image.quality.warnings],
                }
                for image in probe.images
            ],
        }
        for probe in probes
    ]
