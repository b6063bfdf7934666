"""What the accuracy benchmarks share: labelled photos, nets made ready, templates of given landmarks, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrofr import registry
from retrofr.comparison import Comparison, FaceChips, build_comparison
from retrofr.detectors.base import Detector
from retrofr.evaluation.labels import excluded_pairs, read_exclusions
from retrofr.evaluation.material import PhotoMaterial, read_photos
from retrofr.evaluation.photos import main_face
from retrofr.probe_files import read_picture
from retrofr.rates.intervals import Share
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device, resolve_device
from retrofr.settings import QualitySettings

EXCLUDED = Path(__file__).with_name("faces_excluded.toml")
EMBEDDER = "sface+dlib-resnet"
BATCH = 32


@dataclass(frozen=True, eq=False)
class Ready:
    """The default nets."""

    device: Device
    detector: Detector
    comparison: Comparison
    quality: QualitySettings


@dataclass(frozen=True, eq=False)
class Found:
    """The main face of each photo (n): boxes (n, 4), landmarks as detected (n, 5, 2), scores (n,); NaN without one."""

    boxes: Floats
    landmarks: Floats
    scores: Floats


def photos_or_skip(data: Path) -> PhotoMaterial | None:
    """The labelled photos; None, and one line that says so, where they are absent."""
    if not (data / "index.tsv").is_file():
        print(f"skipped: no labelled photos in {data}")
        return None
    return read_photos(data)


def ready(device: str = "auto") -> Ready:
    """The default detector and embedders, loaded."""
    chosen = resolve_device(device)
    module = registry.load("detectors", "yunet")
    detector = module.build(module.SETTINGS(), chosen)
    return Ready(chosen, detector, build_comparison(EMBEDDER, {}, chosen), QualitySettings())


def doubtful(material: PhotoMaterial) -> npt.NDArray[np.bool_]:
    """(n, n) True where two photos are of people whose labels are in doubt where they meet."""
    return excluded_pairs(material, read_exclusions(EXCLUDED))


def find_faces(images: Iterable[Pixels], detector: Detector) -> Found:
    """The main face of each picture, as ``retrofr evaluate`` chooses it."""
    boxes, landmarks, scores = [], [], []
    for image in images:
        found = detector.detect([image])[0]
        face = main_face(image, found)
        boxes.append(np.full(4, np.nan, np.float32) if face is None else found.boxes[face])
        landmarks.append(np.full((5, 2), np.nan, np.float32) if face is None else found.landmarks[face])
        scores.append(np.nan if face is None else found.scores[face])
    return Found(np.array(boxes), np.array(landmarks), np.array(scores, np.float32))


def pictures(material: PhotoMaterial) -> Iterable[Pixels]:
    """Every photo, decoded one after another."""
    return (read_picture(photo.path) for photo in material.photos)


def embed_in_batches(comparison: Comparison, faces: Iterable[FaceChips]) -> Floats:
    """Templates (n, D), a batch at a time."""
    vectors, waiting = [], []
    for face in faces:
        waiting.append(face)
        if len(waiting) == BATCH:
            vectors.append(comparison.templates(waiting))
            waiting = []
    if waiting or not vectors:
        vectors.append(comparison.templates(waiting))
    return np.concatenate(vectors)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown, the first column to the left and the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def per_cent(share: Share) -> str:
    """A share with its interval; where no error was seen, its bound alone."""
    if share.value is None:
        return "no data"
    if share.bound_only:
        return f"at most {share.high:.1%} (0 of {share.trials})"
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def distances(landmarks: Floats) -> Floats:
    """Pixels between the eyes (n,) of landmarks (n, 5, 2)."""
    return np.asarray(np.hypot(*(landmarks[:, 1] - landmarks[:, 0]).T), np.float32)


Statistic = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
