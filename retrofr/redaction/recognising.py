"""Whether the face on a candidate's path is the candidate's all along: it is compared anew, and hidden where in doubt.

Two people who cross can change places in a path. So faces on the candidate's own paths are embedded once more: every
``CHECK_SECONDS``, at both ends, on both sides of frames in which the face was lost or jumped, and in every frame in
which another face is near. What does not compare with the candidate's templates is hidden, and so is all between it
and the next faces that do.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from retrofr.comparison import Comparison
from retrofr.records import Floats, Sample
from retrofr.redaction.between import FacePath, interpolated
from retrofr.redaction.following import Course, Followed
from retrofr.tracking import box_overlaps

CHECK_SECONDS = Fraction(1, 5)
"""Longest time between two faces of a path that are compared: nobody takes another's place unseen in less."""

NEAR = 1.5
"""Another face is near where the middles are closer than this many times the mean of both sizes."""

STEADY_OVERLAP = 0.5
"""A face whose box overlaps that of the frame before less (IoU) may be another."""


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Says which faces compare with a candidate's.

    Args:
        comparison: the embedders that the templates were made with.
        templates: of the candidate (N, D), N at least 1.
        threshold: the lowest score of a face that is the candidate's, with the best of these.
    """

    comparison: Comparison
    templates: Floats
    threshold: float

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or not len(self.templates):
            raise ValueError(f"templates: expected (N, D), N at least 1, got {self.templates.shape}")

    def scores(self, sample: Sample, landmarks: Floats) -> Floats:
        """The best score (K,) of each face of a picture with the templates; ``landmarks`` (K, 5, 2)."""
        faces = self.comparison.templates(self.comparison.cut(sample.image, landmarks))
        best: Floats = self.comparison.compare(self.templates, faces).max(axis=0)
        return best

    def describe(self) -> str:
        """A clause for people."""
        return f"compared anew at {self.threshold:.3f} or more ({self.comparison.name})"


@dataclass(frozen=True)
class Recognised:
    """The parts of the candidate's paths: ``shown`` compare with the candidate, ``doubtful`` do not, or may not."""

    shown: tuple[FacePath, ...]
    doubtful: tuple[FacePath, ...]


def recognised(
    samples: Iterable[Sample],
    course: Course,
    own: Sequence[Followed],
    others: Sequence[FacePath],
    recogniser: Recogniser,
) -> Recognised:
    """Compare faces on the candidate's paths with the candidate anew.

    Args:
        samples: those of the course, read again.
        course: of the clip.
        own: the candidate's faces, as they were followed.
        others: paths of everybody else.
        recogniser: compares.

    Raises:
        ModelError: an embedder ran out of memory.
    """
    order = {frame.seconds: number for number, frame in enumerate(course.frames)}
    asked = [_asked(number, own, others, course, order) for number in range(len(own))]
    wanted: dict[tuple[int, Fraction], list[tuple[int, int]]] = {}
    for number, (each, places) in enumerate(zip(own, asked, strict=True)):
        for place in places:
            wanted.setdefault((each.path.segment, each.path.times[place]), []).append((number, place))
    passed: set[tuple[int, int]] = set()
    for sample in samples:
        if faces := wanted.get((sample.frame.segment, sample.frame.seconds)):
            scores = recogniser.scores(sample, np.stack([own[n].landmarks[place] for n, place in faces]))
            best = int(np.argmax(scores))  # nobody is in one frame twice
            if scores[best] >= recogniser.threshold and not sample.frame.suspect:
                passed.add(faces[best])
    shown: list[FacePath] = []
    doubtful: list[FacePath] = []
    for number, (each, places) in enumerate(zip(own, asked, strict=True)):
        good = {place for place in places if (number, place) in passed}
        for is_good, part in _parts(each.path, places, good, order):
            (shown if is_good else doubtful).append(part)
    return Recognised(tuple(shown), tuple(doubtful))


def _asked(
    number: int,
    own: Sequence[Followed],
    others: Sequence[FacePath],
    course: Course,
    order: dict[Fraction, int],
) -> list[int]:
    """Places of a path whose faces are compared, in order."""
    path = own[number].path
    rivals = [*others, *(each.path for n, each in enumerate(own) if n != number)]
    asked = {0, len(path.times) - 1}
    since = path.times[0]
    for place, time in enumerate(path.times):
        if place and not _steady(path, place, order):
            asked |= {place - 1, place}
        if time - since >= CHECK_SECONDS:
            asked.add(place)
            since = time
        elif _is_near(path, place, rivals, course.cuts):
            asked.add(place)
    return sorted(asked)


def _steady(path: FacePath, place: int, order: dict[Fraction, int]) -> bool:
    """Whether a face was seen in the frame before as well, and there nearly where it is."""
    if _is_gap(path, place, order):
        return False
    overlap = box_overlaps(path.boxes[place - 1][None], path.boxes[place][None])
    return float(overlap[0, 0]) >= STEADY_OVERLAP


def _is_gap(path: FacePath, place: int, order: dict[Fraction, int]) -> bool:
    """Whether frames lie between a place and the one before, in which the face was not found."""
    return order[path.times[place]] - order[path.times[place - 1]] > 1


def _is_near(path: FacePath, place: int, rivals: Sequence[FacePath], cuts: Sequence[Fraction]) -> bool:
    there = interpolated(rivals, path.times[place], stream=path.stream, segment=path.segment, cuts=cuts)
    if not len(there):
        return False
    box = path.boxes[place]
    way = (there[:, :2] + there[:, 2:] - box[:2] - box[2:]) / 2
    sizes = ((there[:, 2:] - there[:, :2]) + (box[2:] - box[:2])) / 2
    return bool((np.abs(way) < NEAR * sizes).all(axis=1).any())


def _parts(
    path: FacePath, places: Sequence[int], good: set[int], order: dict[Fraction, int]
) -> Iterator[tuple[bool, FacePath]]:
    """A path cut where it begins or ceases to be the candidate's, each part with whether it is."""
    is_good = np.zeros(len(path.times), bool)
    is_good[sorted(good)] = True
    for one, other in itertools.pairwise(places):
        is_good[one + 1 : other] = one in good and other in good
    edges = [0, *(np.flatnonzero(np.diff(is_good)) + 1).tolist(), len(path.times)]
    for start, stop in itertools.pairwise(edges):
        # A doubtful part is carried on beyond its ends, as others are, but not over faces that compare.
        part = dataclasses.replace(
            path,
            times=path.times[start:stop],
            boxes=path.boxes[start:stop],
            held_before=start == 0 or _is_gap(path, start, order),
            held_after=stop == len(path.times) or _is_gap(path, stop, order),
        )
        yield bool(is_good[start]), part
