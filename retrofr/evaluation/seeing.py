"""What was found of the faces that are in footage, and whose each tracklet is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.evaluation.truth import FrameTruth, Scene, Truth, paired
from retrofr.evaluation.watching import Look, Watched
from retrofr.rates.intervals import Share, clopper_pearson
from retrofr.records import Floats, FrameRef, Tracklet

PLAIN = 0.9
"""Share of a face that must be seen for its being missed to count."""


@dataclass(frozen=True)
class Whose:
    """Whose a tracklet is.

    Args:
        person: a name, "" for nobody (a face was seen where there is none), None where nobody knows.
        sightings: how many of its faces could be put to somebody, ``own`` of them to this person.
    """

    person: str | None
    sightings: int = 0
    own: int = 0


@dataclass(frozen=True)
class Presence:
    """Somebody is there for a while: in a scene, or with boxes in a whole recording.

    ``tracklets`` are theirs, by place; ``possible`` those and others of the scene that nobody knows.
    """

    file: str
    person: str
    tracklets: tuple[int, ...]
    possible: tuple[int, ...]


@dataclass(frozen=True)
class Seen:
    """What was found in the frames that were looked at.

    Args:
        looks: how many frames.
        missed: faces that are there and were not found. Scenes say only how many people are there: then a face
            found in the wrong place counts as found, and this is the least that were missed.
        false: frames without anybody in which a face was found.
        absent: presences without any tracklet.
        by_boxes: whether faces were held against boxes.
    """

    looks: int
    missed: Share
    false: Share
    absent: Share
    by_boxes: bool


def scene_at(scenes: Sequence[Scene], seconds: float) -> Scene | None:
    """The scene of a moment; None where the truth says nothing of it."""
    return next((scene for scene in scenes if scene.start - 1e-3 <= seconds < scene.end - 1e-3), None)


def whose(tracklet: Tracklet, truth: Truth) -> Whose:
    """Whose a tracklet is, by where its first, its last and its best faces lie."""
    frames, scenes = truth.frames_of(tracklet.exhibit.name), truth.scenes_of(tracklet.exhibit.name)
    width = tracklet.exhibit.streams[0].width if tracklet.exhibit.streams else 0
    votes: Counter[str] = Counter()
    person: str | None
    for frame, box in _sightings(tracklet):
        if truth.has_boxes:
            person = _in_frame(frames.get(frame.ordinal), box)
        else:
            person = _in_scene(scene_at(scenes, float(frame.seconds)), box, width)
        if person is not None:
            votes[person] += 1
    if not votes:
        return Whose(None)
    ((commonest, own),) = votes.most_common(1)
    return Whose(commonest, sum(votes.values()), own)


def _sightings(tracklet: Tracklet) -> Iterator[tuple[FrameRef, Floats]]:
    seen = {}
    for frame, box in ((tracklet.first, tracklet.first_box), (tracklet.last, tracklet.last_box)):
        if box is not None:
            seen[frame.ordinal] = (frame, box)
    for face in tracklet.best:
        seen[face.frame.ordinal] = (face.frame, face.box)
    yield from seen.values()


def _in_frame(known: FrameTruth | None, box: Floats) -> str:
    if known is None:
        return ""
    pairs = paired(np.asarray(box, np.float64)[None], known.boxes)
    return known.people[pairs[0][1]] if pairs else ""


def _in_scene(scene: Scene | None, box: Floats, width: int) -> str | None:
    """The person of a scene in whose part of the picture a box lies."""
    if scene is None or scene.others:
        return None
    if not scene.people:
        return ""
    middle = float(box[0] + box[2]) / 2
    return scene.people[min(max(int(middle / max(1, width) * len(scene.people)), 0), len(scene.people) - 1)]


def presences(watched: Watched, owners: Sequence[Whose], truth: Truth) -> list[Presence]:
    """Who is there, of the recordings that were looked at."""
    found = []
    for file in dict.fromkeys(look.exhibit for look in watched.looks):
        own = [n for n, tracklet in enumerate(watched.tracklets) if tracklet.exhibit.name == file]
        if truth.has_boxes:
            plain = {
                name
                for frame in truth.frames_of(file).values()
                for name, seen in zip(frame.people, frame.visible, strict=True)
                if seen >= PLAIN
            }
            for name in sorted(plain):
                theirs = tuple(n for n in own if owners[n].person == name)
                found.append(Presence(file, name, theirs, theirs))
            continue
        for scene in truth.scenes_of(file):
            inside = [n for n in own if _overlaps(watched.tracklets[n], scene)]
            for name in scene.people:
                theirs = tuple(n for n in inside if owners[n].person == name)
                unknown = tuple(n for n in inside if owners[n].person is None) if scene.others else ()
                found.append(Presence(file, name, theirs or unknown, (*theirs, *unknown)))
    return found


def _overlaps(tracklet: Tracklet, scene: Scene) -> bool:
    return (
        float(tracklet.first.seconds) < scene.end - 1e-3
        and float(tracklet.last.seconds) >= scene.start - 1e-3
    )


def seen_of(watched: Watched, there: Sequence[Presence], truth: Truth) -> Seen:
    """What was found of the faces that are there."""
    counts = np.zeros(4, np.int64)
    for look in watched.looks:
        counts += _with_boxes(look, truth) if truth.has_boxes else _with_scenes(look, truth)
    missed, faces, false, empty = counts.tolist()
    lost = sum(not presence.tracklets for presence in there)
    return Seen(
        len(watched.looks),
        clopper_pearson(missed, faces),
        clopper_pearson(false, empty),
        clopper_pearson(lost, len(there)),
        truth.has_boxes,
    )


def _with_boxes(look: Look, truth: Truth) -> tuple[int, int, int, int]:
    """Faces missed, faces there, whether a face was found where nobody is, and whether nobody is."""
    known = truth.frames_of(look.exhibit).get(look.frame.ordinal)
    if known is None:
        return 0, 0, int(len(look.boxes) > 0), 1
    found = {j for _, j in paired(look.boxes, known.boxes)}
    plain = np.flatnonzero(known.visible >= PLAIN).tolist()
    return sum(j not in found for j in plain), len(plain), 0, 0


def _with_scenes(look: Look, truth: Truth) -> tuple[int, int, int, int]:
    scene = scene_at(truth.scenes_of(look.exhibit), float(look.frame.seconds))
    if scene is None or scene.others:
        return 0, 0, 0, 0
    if not scene.people:
        return 0, 0, int(len(look.boxes) > 0), 1
    there = len(scene.people)
    return max(0, there - len(look.boxes)), there, 0, 0
