"""What a report tells of, whether it comes from a search that just ended or from one that a case remembers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrofr.documents import search_statement
from retrofr.errors import ProbeError
from retrofr.probe_files import ProbePicture, ProbeSpec, around_face, read_probe_picture
from retrofr.probes import describe_probes
from retrofr.results import Appearance, Coverage, SearchResult

PROBE_SIDE_PIXELS = 480
PROBE_JPEG_QUALITY = 92


@dataclass(frozen=True)
class ProbeFace:
    """One picture of a probe.

    Args:
        path, sha256, eye_distance_pixels, warnings: as the run recorded them.
        picture: name of the file that shows the face; None where ``missing`` says why there is none.
    """

    path: str
    sha256: str
    eye_distance_pixels: float | None
    warnings: tuple[str, ...]
    picture: str | None
    missing: str | None = None


@dataclass(frozen=True)
class ProbeShown:
    """The person looked for: a name, and its pictures."""

    name: str
    faces: tuple[ProbeFace, ...]

    @property
    def picture(self) -> str | None:
        """The first picture that can be shown."""
        return next((face.picture for face in self.faces if face.picture), None)


@dataclass(frozen=True)
class PersonShown:
    """A person of a case on the contact sheet; nobody has said who it is."""

    number: int
    appearances: int
    places: tuple[str, ...]
    seen: str
    picture: str | None


@dataclass(frozen=True, eq=False)
class Searched:
    """A search as a report shows it.

    Args:
        hits, candidates: ranked, with the paths of their stills relative to the report.
        probes: who was looked for.
        threshold: the lowest score of a hit; ``threshold_source`` says who says so.
        compared: how many tracklets were compared.
        coverage: what was and was not searched.
        statement: a ``retrofr.statement/1`` document; empty where the search recorded none.
        index: which index ran and why, as plain values.
        run: what it ran on, as plain values; its keys are those of ``retrofr.run/1``.
        people: persons of the contact sheet.
        notes: what a reader must know of the search as a whole, a sentence each.
        pictures: files of the report beside the page, by name.
    """

    hits: tuple[Appearance, ...]
    candidates: tuple[Appearance, ...]
    probes: tuple[ProbeShown, ...]
    threshold: float
    threshold_source: str
    compared: int
    coverage: Coverage
    statement: Mapping[str, Any]
    index: Mapping[str, Any]
    run: Mapping[str, Any]
    people: tuple[PersonShown, ...] = ()
    notes: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def of_result(result: SearchResult) -> Searched:
    """A search that just ended.

    Args:
        result: as :func:`retrofr.outfolder.with_still_names` gives it; the pictures of its appearances are written
            with it, only those of the probes are among ``pictures``.
    """
    probes, pictures = shown_probes(describe_probes(result.probes))
    return Searched(
        hits=result.hits,
        candidates=result.candidates,
        probes=probes,
        threshold=result.threshold,
        threshold_source=result.statement.source,
        compared=result.compared,
        coverage=result.coverage,
        statement=search_statement(result.statement, result.coverage),
        index=dataclasses.asdict(result.use),
        run=result.run,
        pictures=pictures,
    )


def shown_probes(probes: Sequence[Mapping[str, Any]]) -> tuple[tuple[ProbeShown, ...], dict[str, bytes]]:
    """Probes with the pictures of their faces, from what a run recorded of them; and those pictures by name.

    A face is shown from the file that was the probe, where that is still there with the same digest.
    """
    pictures: dict[str, bytes] = {}
    found = []
    for probe in probes:
        faces = [_probe_face(image, pictures) for image in probe.get("images", ())]
        found.append(ProbeShown(str(probe["name"]), tuple(faces)))
    return tuple(found), pictures


def _probe_face(image: Mapping[str, Any], pictures: dict[str, bytes]) -> ProbeFace:
    path, digest = str(image["path"]), str(image["sha256"])
    name, missing = f"stills/probe-{len(pictures) + 1:04}.jpg", None
    try:
        pictures[name] = _face_jpeg(Path(path), digest, image["box"])
    except ProbeError as error:
        missing = error.reason.replace(
            "was changed while it was read", "is another picture now than when it was searched for"
        )
    return ProbeFace(
        path=path,
        sha256=digest,
        eye_distance_pixels=image.get("eye_distance_pixels"),
        warnings=tuple(image.get("warnings", ())),
        picture=None if missing else name,
        missing=missing,
    )


def _face_jpeg(path: Path, sha256: str, box: Sequence[float]) -> bytes:
    """The part of a probe's picture around its face, shrunk where it is large."""
    import cv2
    import numpy as np

    image = read_probe_picture(ProbePicture(ProbeSpec("", path), sha256))
    face = around_face(image, np.asarray(box, np.float32))
    if not face.size:
        raise ProbeError("has no face where it was recorded", subject=str(path))
    scale = PROBE_SIDE_PIXELS / max(face.shape[:2])
    if scale < 1:
        face = np.asarray(cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(face, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, PROBE_JPEG_QUALITY])[1])
