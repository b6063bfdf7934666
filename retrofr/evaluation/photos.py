"""One face and one template a photo; what could not be acquired is said, and never dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrofr.comparison import Comparison, FaceChips
from retrofr.detectors.base import Detector
from retrofr.errors import ProbeError
from retrofr.probe_files import read_picture
from retrofr.quality import measure_quality
from retrofr.rates.comparisons import FAILED, Mask, Scores
from retrofr.records import Detections, Floats, Pixels, Quality
from retrofr.scoring import Scorer
from retrofr.settings import QualitySettings

BATCH = 32
NO_FACE = "no face was found"
CLEARLY_FOUND = 0.1
"""How far below a photo's best detection score the face it is of may lie.

Of the 640 photos of the test data 31 show several faces, and the rule changes whose face 2 of them give, with any
value from 0 to 0.2. Without it TMR at FMR 1e-4 is 0.899, with it 0.904: far less than the interval of either.
"""

Progress = Callable[[int, int], None]
"""Told after each batch how many photos are done, of how many."""


def no_progress(done: int, total: int) -> None:
    """The progress of a caller who does not want to know."""


@dataclass(frozen=True, eq=False)
class PhotoFaces:
    """The faces of photos (n).

    Args:
        templates: (n, D); zeros where there is none.
        acquired: (n,) whether the photo has a template that may be compared.
        qualities: of the face of each photo; None where none was found.
        failures: why there is no template that may be compared; empty where there is one.
        unreadable: why the file could not be read at all; empty where it could. Such a photo is not acquired either.
    """

    templates: Floats
    acquired: Mask
    qualities: tuple[Quality | None, ...]
    failures: tuple[str, ...]
    unreadable: tuple[str, ...]

    def only(self, keep: Mask) -> PhotoFaces:
        """Those where ``keep`` (n,) is True."""
        places = np.flatnonzero(keep)
        return PhotoFaces(
            self.templates[keep],
            self.acquired[keep],
            tuple(self.qualities[n] for n in places),
            tuple(self.failures[n] for n in places),
            tuple(self.unreadable[n] for n in places),
        )


def main_face(image: Pixels, faces: Detections) -> int | None:
    """Number of the face that a photo (H, W, 3) is of: large and near the middle; None without faces.

    Of faces found with less than the best detection score by more than ``CLEARLY_FOUND`` none is chosen: whom a photo
    is of is seldom the one who is hard to make out.
    """
    if not len(faces):
        return None
    size = faces.boxes[:, 2:] - faces.boxes[:, :2]
    frame = np.array(image.shape[1::-1])
    away = np.hypot(*(((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 - frame / 2) / frame).T)
    worth = size.prod(axis=1) * (1 - away)
    clear = faces.scores >= faces.scores.max() - CLEARLY_FOUND
    return int(np.argmax(np.where(clear, worth, -np.inf)))


def embed_photos(
    photos: Sequence[Path],
    detector: Detector,
    comparison: Comparison,
    quality: QualitySettings,
    progress: Progress = no_progress,
    *,
    gate: bool = True,
) -> PhotoFaces:
    """Find the main face of every photo and embed it; memory does not grow with their number but for templates.

    Args:
        photos: files; one that cannot be read is listed in ``unreadable``.
        quality: limits below which a face is not compared.
        progress: told how far it is.
        gate: whether those limits make a failure to acquire; else only a photo without a face is one.
    """
    templates = np.zeros((len(photos), comparison.dimensions), np.float32)
    qualities: list[Quality | None] = [None] * len(photos)
    failures, unreadable = [""] * len(photos), [""] * len(photos)
    waiting: list[int] = []
    chips: list[FaceChips] = []
    for number, image in enumerate(_images(photos)):
        if isinstance(image, ProbeError):
            unreadable[number] = failures[number] = image.reason
        else:
            found = detector.detect([image])[0]
            face = main_face(image, found)
            if face is None:
                failures[number] = NO_FACE
            else:
                box, landmarks = found.boxes[face], found.landmarks[face]
                seen = measure_quality(image, box, landmarks, float(found.scores[face]), quality)
                qualities[number] = seen
                failures[number] = "; ".join(seen.problems) if gate else ""
                waiting.append(number)
                chips.append(comparison.cut(image, landmarks[None])[0])
        if len(chips) == BATCH or (chips and number == len(photos) - 1):
            templates[waiting] = comparison.templates(chips)
            waiting, chips = [], []
        if (number + 1) % BATCH == 0 or number == len(photos) - 1:
            progress(number + 1, len(photos))
    acquired = np.array([not failure for failure in failures], bool)
    return PhotoFaces(templates, acquired, tuple(qualities), tuple(failures), tuple(unreadable))


def _images(photos: Sequence[Path]) -> Iterator[Pixels | ProbeError]:
    for path in photos:
        try:
            yield read_picture(path)
        except ProbeError as error:
            yield error


def score_matrix(faces: PhotoFaces, scorer: Scorer) -> Scores:
    """(n, n) scores of every photo against every photo; ``FAILED`` where one of the two was not acquired."""
    scores = np.asarray(scorer.compare(faces.templates, faces.templates), np.float64)
    # Rounding must not make a comparison depend on which of the two is named first.
    scores = (scores + scores.T) / 2
    scores[~faces.acquired] = FAILED
    scores[:, ~faces.acquired] = FAILED
    return scores
