"""Where faces are at times between those at which they were seen, wide enough to hold them.

Samples are half a second apart, and a best face seconds. Between two sightings of one path a box moves straight from
one to the other and grows: by ``DRIFT`` of its size for each second to the nearer sighting, as people sway, and by a
share of the way that the path itself goes in that time, as nobody walks evenly. Before the first sighting and after
the last it is held for ``HOLD_SECONDS`` where it was, growing by the whole of that way. No box is carried over a shot
cut, into another segment or another stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from retrofr.records import Floats, Tracklet

HOLD_SECONDS = Fraction(1, 2)
"""A face that turns away or is covered is found again, or lost, within about this time; a sample is as far apart."""

DRIFT = 0.5
"""Of a box's size, each second: a head that sways or nods moves about half its width in a second."""

UNEVEN = 0.5
"""Of the way gone in the time to the nearer sighting: how far somebody can be off an even pace. Beyond the ends of a
path it is the whole way: nobody knows if the face went on or stood still."""


@dataclass(frozen=True, eq=False)
class FacePath:
    """Where one face was seen: ``times`` in order, no two alike, with ``boxes`` (len(times), 4).

    ``stream`` and ``segment`` are those of all its frames. It lies within one shot. ``held_before`` and ``held_after``
    are False where nobody is to be expected beyond that end, as it is the part of a path that goes on there.
    """

    stream: int
    segment: int
    times: tuple[Fraction, ...]
    boxes: Floats
    held_before: bool = True
    held_after: bool = True

    def __post_init__(self) -> None:
        if not self.times or self.boxes.shape != (len(self.times), 4):
            raise ValueError(f"boxes: expected ({len(self.times)}, 4), at least one, got {self.boxes.shape}")
        if list(self.times) != sorted(set(self.times)):
            raise ValueError("times: expected them in order, each once")


def path_of(tracklet: Tracklet) -> FacePath | None:
    """The path of a tracklet as far as it is kept: its first and its last box, and its best faces between.

    None where none of these is known.
    """
    seen: dict[Fraction, Floats] = {}
    if tracklet.first_box is not None:
        seen[tracklet.first.seconds] = tracklet.first_box
    if tracklet.last_box is not None:
        seen[tracklet.last.seconds] = tracklet.last_box
    seen |= {face.frame.seconds: face.box for face in tracklet.best}
    if not seen:
        return None
    times = tuple(sorted(seen))
    boxes = np.stack([seen[time] for time in times]).astype(np.float32)
    return FacePath(tracklet.first.stream, tracklet.first.segment, times, boxes)


def interpolated(
    paths: Iterable[FacePath],
    seconds: Fraction,
    *,
    stream: int = 0,
    segment: int = 0,
    cuts: Sequence[Fraction] = (),
    hold_seconds: Fraction = HOLD_SECONDS,
) -> Floats:
    """Boxes (K, 4) of the faces that are, or may be, in the frame of a time.

    Args:
        paths: of faces.
        seconds: the frame's media time; ``stream`` and ``segment`` are the frame's as well.
        cuts: media times, in order, of the first frames of new shots: nothing is carried over one.
        hold_seconds: how long a path's ends are held.
    """
    found = [
        box
        for path in paths
        if (path.stream, path.segment) == (stream, segment)
        and (box := _box_at(path, seconds, cuts, hold_seconds)) is not None
    ]
    return np.stack(found).astype(np.float32) if found else np.zeros((0, 4), np.float32)


def _box_at(
    path: FacePath, seconds: Fraction, cuts: Sequence[Fraction], hold_seconds: Fraction
) -> Floats | None:
    times = path.times
    after = bisect_right(times, seconds)
    if after and times[after - 1] == seconds:
        return _grown(path.boxes[after - 1], 0.0, 0.0)
    # Inside a path there is no cut, as a tracklet ends at each; one that is told of all the same is believed.
    ends = [
        place
        for place in (after - 1, after)
        if 0 <= place < len(times) and not _is_cut(cuts, seconds, times[place])
    ]
    if len(ends) == 2:
        return _between(path, after - 1, seconds)
    if not ends or abs(seconds - times[ends[0]]) > hold_seconds:
        return None
    (end,) = ends
    if not (path.held_before if seconds < times[end] else path.held_after):
        return None
    return _grown(path.boxes[end], float(abs(seconds - times[end])), _speed_at(path, end))


def _between(path: FacePath, before: int, seconds: Fraction) -> Floats:
    earlier, later = path.times[before], path.times[before + 1]
    share = np.float32((seconds - earlier) / (later - earlier))
    box = path.boxes[before] * (1 - share) + path.boxes[before + 1] * share
    away = min(seconds - earlier, later - seconds)
    return _grown(box.astype(np.float32), float(away), UNEVEN * _speed(path, before))


def _is_cut(cuts: Sequence[Fraction], one: Fraction, other: Fraction) -> bool:
    """Whether a new shot begins between two times: after the earlier, at or before the later."""
    return bisect_right(cuts, max(one, other)) > bisect_right(cuts, min(one, other))


def _speed_at(path: FacePath, end: int) -> float:
    """Pixels a second at an end of a path; 0 where it was seen once."""
    return 0.0 if len(path.times) < 2 else _speed(path, min(end, len(path.times) - 2))


def _speed(path: FacePath, leg: int) -> float:
    one, other = path.boxes[leg], path.boxes[leg + 1]
    way = np.hypot(*(((other[:2] + other[2:]) - (one[:2] + one[2:])) / 2))
    return float(way) / float(path.times[leg + 1] - path.times[leg])


def _grown(box: Floats, seconds: float, speed: float) -> Floats:
    """A box with room for what the face does in a time at a speed, in pixels a second, whichever way it goes."""
    drift = np.float32(DRIFT * seconds) * (box[2:] - box[:2])
    room = drift + np.float32(seconds * speed)
    return np.concatenate([box[:2] - room, box[2:] + room]).astype(np.float32)
