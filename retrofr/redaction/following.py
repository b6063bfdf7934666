"""The first look through a clip: faces of every frame, joined to paths, and which of these are the candidate's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from retrofr.records import Detections, Floats, FrameRef, Sample
from retrofr.redaction.between import FacePath, interpolated
from retrofr.redaction.checking import PictureCheck
from retrofr.redaction.geometry import SAME_OVERLAP, are_same
from retrofr.settings import TrackSettings
from retrofr.tracking import Track, Tracker, box_overlaps

AT_ANCHOR = Fraction(1, 100)
"""A frame as near as this to a known place of the candidate is the frame of that place."""

ALONG = 0.8
"""A path that passes no known place is the candidate's where so much of it lies along the line between two."""

_BATCH = 8
_Sighting = tuple[Fraction, Floats, Floats]


@dataclass(frozen=True, eq=False)
class Followed:
    """A path with the landmarks (len(path.times), 5, 2) of its faces."""

    path: FacePath
    landmarks: Floats


@dataclass
class Course:
    """What was found: frames in their order, where new shots begin, and the faces that were followed."""

    frames: list[FrameRef] = field(default_factory=list)
    cuts: list[Fraction] = field(default_factory=list)
    found: list[Followed] = field(default_factory=list)

    @property
    def paths(self) -> list[FacePath]:
        """Of all faces."""
        return [each.path for each in self.found]


def looked_through(samples: Iterator[Sample], check: PictureCheck) -> Course:
    """Look for faces in every frame.

    Raises:
        ModelError: the detector cannot be used.
    """
    course = Course()
    tracker: Tracker[_Sighting] = Tracker(TrackSettings())
    ended: list[Track[_Sighting]] = []
    before: Sample | None = None
    for batch in _batches(samples):
        found = check.detector.detect([sample.image for sample in batch])
        for sample, faces in zip(batch, found, strict=True):
            if before is not None and sample.shot != before.shot:
                course.cuts.append(sample.frame.seconds)
            before = sample
            course.frames.append(sample.frame)
            ended += _followed(tracker, sample, faces)
    ended += tracker.finish()
    course.found = [_path(track) for track in ended]
    return course


def _followed(tracker: Tracker[_Sighting], sample: Sample, faces: Detections) -> list[Track[_Sighting]]:
    tracks, ended = tracker.update(sample.frame, sample.image, faces, sample.shot)
    for track, box, points in zip(tracks, faces.boxes, faces.landmarks, strict=True):
        track.kept.append((sample.frame.seconds, box, points))
    return ended


def _path(track: Track[_Sighting]) -> Followed:
    times, boxes, landmarks = zip(*track.kept, strict=True)
    path = FacePath(track.first.stream, track.first.segment, times, np.stack(boxes).astype(np.float32))
    return Followed(path, np.stack(landmarks).astype(np.float32))


def _batches(samples: Iterator[Sample]) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def told_apart(
    course: Course, candidate: Sequence[FacePath]
) -> tuple[tuple[Followed, ...], tuple[FacePath, ...]]:
    """The candidate's faces, and the paths of others without what is the candidate's face found twice."""
    paths = course.paths
    places = ((known, place) for known in candidate for place in range(len(known.times)))
    own = {at for known, place in places if (at := _at(paths, known, place)) is not None}
    taken = {(paths[i].segment, time) for i in own for time in paths[i].times}
    for i, path in enumerate(paths):
        here = {(path.segment, time) for time in path.times}
        if i not in own and not here & taken and _is_along(path, candidate, course.cuts):
            own.add(i)
            taken |= here
    shown = tuple(each for i, each in enumerate(course.found) if i in own)
    faces: dict[tuple[int, Fraction], list[Floats]] = {}
    for path in (each.path for each in shown):
        for time, box in zip(path.times, path.boxes, strict=True):
            faces.setdefault((path.segment, time), []).append(box)
    others = (_without(path, faces) for i, path in enumerate(paths) if i not in own)
    return shown, tuple(path for path in others if path is not None)


def _at(paths: Sequence[FacePath], known: FacePath, place: int) -> int | None:
    """Number of the path that has a face where the candidate is known to have been."""
    best: tuple[float, int] | None = None
    for i, path in enumerate(paths):
        if (path.stream, path.segment) != (known.stream, known.segment):
            continue
        near = min(range(len(path.times)), key=lambda n: abs(path.times[n] - known.times[place]))
        if abs(path.times[near] - known.times[place]) > AT_ANCHOR:
            continue
        overlap = float(box_overlaps(path.boxes[near][None], known.boxes[place][None])[0, 0])
        if overlap > SAME_OVERLAP and (best is None or overlap > best[0]):
            best = (overlap, i)
    return None if best is None else best[1]


def _is_along(path: FacePath, candidate: Sequence[FacePath], cuts: Sequence[Fraction]) -> bool:
    """Whether a path lies where the candidate went from one known place to the next."""
    along = 0
    for time, box in zip(path.times, path.boxes, strict=True):
        expected = interpolated(
            candidate, time, stream=path.stream, segment=path.segment, cuts=cuts, hold_seconds=Fraction(0)
        )
        along += bool(len(expected)) and float(box_overlaps(box[None], expected).max()) > SAME_OVERLAP
    return along >= ALONG * len(path.times)


def _without(path: FacePath, faces: Mapping[tuple[int, Fraction], list[Floats]]) -> FacePath | None:
    """A path without the frames in which it is the candidate's face found again; None where that is all of it."""
    rest = [
        place
        for place, (time, box) in enumerate(zip(path.times, path.boxes, strict=True))
        if not any(are_same(box[None], face)[0] for face in faces.get((path.segment, time), ()))
    ]
    if not rest:
        return None
    return dataclasses.replace(path, times=tuple(path.times[n] for n in rest), boxes=path.boxes[rest])
