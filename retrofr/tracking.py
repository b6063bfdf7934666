"""Joins the faces of consecutive samples into tracks without claiming who anybody is.

Wrongly joining two people does harm, wrongly cutting one person in two costs little (appearances join them again),
so doubt starts a new track. A face continues a track, the surest pairs first, where one of these holds:

1. Its box overlaps the track's last one, or where that should be by now, and its thumbnail is not unlike.
2. It lies where the track could have got to and looks alike in both ways, the more so the further it is off the way.
3. The pixels of one face are found again at the other: it may be half hidden, or cut by the edge of the picture.
4. It was hidden for longer, up to twice as long as a face may be missed, and comes back looking the same.
5. Of all faces and tracks that are left over, only these two are near each other, and they overlap.

A shot cut, a new segment or a longer gap ends all tracks. The limits were chosen on the busy clips of
benchmarks/tracking.py with the seeds 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from retrofr.looks import Look, closer_look, take_looks
from retrofr.records import Detections, Floats, FrameRef, Pixels
from retrofr.settings import TrackSettings

REACH_FACE_WIDTHS_PER_SECOND = 5.0
"""How far a face may move off its way, in its own widths: a person walking across close to the camera."""

ALIKE, ALIKE_PER_FACE_WIDTH = 0.65, 0.05
"""How alike two faces must be whose boxes do not overlap (mean of both ways to look), and how much more for each
face width between the new one and where the track should be by now."""

FOUND_AGAIN = 0.88
"""From here on a face's pixels count as found again at another (see ``closer_look``)."""

HIDDEN_LIKENESS = (0.65, 0.88)
"""What a face that was hidden must reach by either way to look at it, and by one of them."""

HIDDEN_REACH_FACE_WIDTHS = 6.0

LEFT_OVER_LIKENESS, LEFT_OVER_SECONDS = 0.6, 1.0
"""How alike (pixels) and how near in time those are that are joined because nothing else is left."""

FACE_ASPECT = 0.77
"""Width by height of a detector's box around a whole face."""

STEADY_SECONDS = 1.6
"""Nobody is expected to go straight on for longer."""

_EDGE_PIXELS = 2
_MOST_LOOKS, _SAME_LOOK = 4, 0.9
_LONGEST_STEP_SECONDS = Fraction(5)

Kept = TypeVar("Kept")
_Flags = npt.NDArray[np.bool_]


@dataclass
class Track(Generic[Kept]):
    """A tracklet in the making. ``kept`` is the caller's: what it holds of the best faces.

    ``first_box`` and ``box`` are where its first and its latest detection were; ``place`` is the latest as it would
    be if the picture went on behind its edge; ``looks`` are of some detections, the latest last.
    """

    first: FrameRef
    last: FrameRef
    first_box: Floats
    box: Floats
    place: Floats
    looks: list[Look]
    velocity: Floats = field(default_factory=lambda: np.zeros(2, np.float32))
    faces: int = 1
    kept: list[Kept] = field(default_factory=list)

    def follow(self, frame: FrameRef, box: Floats, place: Floats, look: Look) -> None:
        """Go on in a detection. Of looks that are nearly the same the later one stays."""
        elapsed = float(frame.seconds - self.last.seconds)
        if elapsed > 0:
            moved = _centres(place[None])[0] - _centres(self.place[None])[0]
            self.velocity = (moved / elapsed).astype(np.float32)
        self.last, self.box, self.place = frame, box, place
        if len(self.looks) > 1 and self.looks[-2].thumbnail @ self.looks[-1].thumbnail > _SAME_LOOK:
            self.looks.pop()
        self.looks = [*self.looks, look][-_MOST_LOOKS:]
        self.faces += 1


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Each live track beside each detection, all (T, K) but ``elapsed`` seconds (T, 1).

    ``overlap`` and ``near`` (in face widths) are to the last place or the expected one, whichever is nearer;
    ``off`` is to the expected one. ``ratio`` is of widths, ``likeness`` of thumbnails.
    """

    elapsed: Floats
    overlap: Floats
    near: Floats
    off: Floats
    ratio: Floats
    likeness: Floats

    def like_size(self, most: float) -> _Flags:
        """Whether no face is more than so many times as wide as the other."""
        return (self.ratio <= most) & (self.ratio >= 1 / most)


class Tracker(Generic[Kept]):
    """Tracks the faces of one stream, sample by sample."""

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        self.live: list[Track[Kept]] = []
        self._last: FrameRef | None = None
        self._shot = 0
        self._gap = 0.0

    def update(
        self, frame: FrameRef, image: Pixels, detections: Detections, shot: int = 0
    ) -> tuple[list[Track[Kept]], list[Track[Kept]]]:
        """Take one sample.

        Args:
            frame: where the sample is; later than the one before, unless its segment is new.
            image: (H, W, 3) uint8 RGB.
            detections: its faces.
            shot: the number of its shot; a new one ends all tracks.

        Returns:
            The track each detection belongs to, in their order, and the tracks that ended before this sample.
        """
        ended = self._ended(frame, shot)
        self._last, self._shot = frame, shot
        looks = take_looks(image, detections)
        places = whole_boxes(detections.boxes, image.shape[1], image.shape[0])
        chosen = self._assign(frame, places, looks)
        tracks = []
        for i, (box, place, look) in enumerate(zip(detections.boxes, places, looks, strict=True)):
            track = chosen.get(i)
            if track is None:
                track = Track(frame, frame, box, box, place, [look])
                self.live.append(track)
            else:
                track.follow(frame, box, place, look)
            tracks.append(track)
        return tracks, ended

    def hold(self, frame: FrameRef) -> None:
        """Take a frame that shows what the last sample shows: the faces of that one are still there.

        A frame of another segment than that sample's says nothing.
        """
        last = self._last
        if last is None or frame.segment != last.segment:
            return
        for track in self.live:
            if track.last is last:
                track.last = frame
        self._last = frame

    def finish(self) -> list[Track[Kept]]:
        """End all tracks."""
        ended, self.live = self.live, []
        return ended

    def _ended(self, frame: FrameRef, shot: int) -> list[Track[Kept]]:
        if self._last is not None and (shot != self._shot or frame.segment != self._last.segment):
            return self.finish()
        since_sample = Fraction(0) if self._last is None else frame.seconds - self._last.seconds
        # Where samples lie further apart than that (keyframes alone), neighbouring ones can be joined all the same.
        self._gap = max(self.settings.max_gap_seconds, float(min(since_sample, _LONGEST_STEP_SECONDS)))
        over = [self._is_over(track, frame) for track in self.live]
        ended = [track for track, is_over in zip(self.live, over, strict=True) if is_over]
        self.live = [track for track, is_over in zip(self.live, over, strict=True) if not is_over]
        return ended

    def _is_over(self, track: Track[Kept], frame: FrameRef) -> bool:
        longest = max(self._gap, 2 * self.settings.max_gap_seconds)
        too_long = frame.seconds - track.first.seconds > self.settings.max_length_seconds
        return too_long or frame.seconds - track.last.seconds > longest

    def _assign(self, frame: FrameRef, places: Floats, looks: Sequence[Look]) -> dict[int, Track[Kept]]:
        """Each detection to at most one live track: the surest pairs first, then what is left over."""
        if not self.live or not looks:
            return {}
        pairs = _pairs(self.live, frame, places, looks)
        asked, hidden = self._in_question(pairs)
        found_again = np.zeros_like(pairs.likeness)
        for t, i in np.argwhere(asked | hidden).tolist():
            for look in self.live[t].looks[:-3:-1]:
                if found_again[t, i] < FOUND_AGAIN:
                    found_again[t, i] = max(found_again[t, i], closer_look(look, looks[i]))
        possible = self._possible(pairs, asked, hidden, found_again)
        sureness = np.where(possible, pairs.likeness + pairs.overlap - pairs.off / 10 - hidden / 5, -np.inf)
        free_tracks, free = np.ones(len(self.live), bool), np.ones(len(looks), bool)
        chosen: dict[int, Track[Kept]] = {}
        for place in np.argsort(-sureness, axis=None, kind="stable").tolist():
            t, i = divmod(place, len(looks))
            if possible[t, i] and free_tracks[t] and free[i]:
                chosen[i], free_tracks[t], free[i] = self.live[t], False, False
        near = (pairs.near <= 1) & free_tracks[:, None] & free
        lone = near & (near.sum(axis=0) == 1) & (near.sum(axis=1, keepdims=True) == 1)
        lone &= (pairs.overlap >= self.settings.min_overlap) & pairs.like_size(5 / 3)
        lone &= (found_again >= LEFT_OVER_LIKENESS) & (pairs.elapsed <= min(self._gap, LEFT_OVER_SECONDS))
        return chosen | {i: self.live[t] for t, i in np.argwhere(lone).tolist()}

    def _in_question(self, pairs: _Pairs) -> tuple[_Flags, _Flags]:
        """Which pairs must be looked at more closely: those within reach and not plain, and those hidden for long."""
        recent, reach = pairs.elapsed <= self._gap, REACH_FACE_WIDTHS_PER_SECOND * pairs.elapsed
        most = np.minimum(reach, HIDDEN_REACH_FACE_WIDTHS)
        near = (pairs.overlap >= self.settings.min_overlap) | (pairs.near <= most)
        asked = recent & ((near & pairs.like_size(3)) | ((pairs.off <= reach) & pairs.like_size(2)))
        hidden = ~recent & (pairs.near <= HIDDEN_REACH_FACE_WIDTHS) & pairs.like_size(1.5)
        return asked & ~self._plain(pairs), hidden

    def _plain(self, pairs: _Pairs) -> _Flags:
        """Rule 1."""
        overlaps = pairs.overlap >= self.settings.min_overlap
        alike = pairs.likeness >= self.settings.min_likeness
        return (pairs.elapsed <= self._gap) & overlaps & alike & pairs.like_size(2)

    def _possible(self, pairs: _Pairs, asked: _Flags, hidden: _Flags, found_again: Floats) -> _Flags:
        """Rules 1 to 4."""
        either, both = np.minimum(pairs.likeness, found_again), (pairs.likeness + found_again) / 2
        reached = asked & (pairs.overlap < self.settings.min_overlap) & pairs.like_size(2)
        reached &= pairs.off <= REACH_FACE_WIDTHS_PER_SECOND * pairs.elapsed
        possible = self._plain(pairs)
        possible |= reached & (both >= ALIKE + ALIKE_PER_FACE_WIDTH * pairs.off)
        possible |= asked & (found_again >= FOUND_AGAIN)
        least, most = HIDDEN_LIKENESS
        return possible | (hidden & (either >= least) & (np.maximum(pairs.likeness, found_again) >= most))


def whole_boxes(boxes: Floats, width: int, height: int) -> Floats:
    """Boxes (K, 4) as they would be if the picture went on: those cut by one of its edges get a face's shape."""
    whole = boxes.copy()
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    for low, least, limit in ((0, FACE_ASPECT * high, width), (1, wide / FACE_ASPECT, height)):
        size = np.maximum(boxes[:, low + 2] - boxes[:, low], least)
        before, behind = boxes[:, low] <= _EDGE_PIXELS, boxes[:, low + 2] >= limit - _EDGE_PIXELS
        whole[:, low] = np.where(before & ~behind, boxes[:, low + 2] - size, boxes[:, low])
        whole[:, low + 2] = np.where(behind & ~before, boxes[:, low] + size, boxes[:, low + 2])
    return whole


def box_overlaps(ones: Floats, others: Floats) -> Floats:
    """Intersection over union, 0 to 1, of each of the boxes (A, 4) with each of the others (B, 4), as (A, B)."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (ones, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    overlap: Floats = np.where(union > 0, shared / np.maximum(union, np.float32(1e-12)), 0).astype(np.float32)
    return overlap


def box_overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes (4,), 0 to 1."""
    return float(box_overlaps(one[None], other[None])[0, 0])


def _pairs(live: Sequence[Track[Kept]], frame: FrameRef, places: Floats, looks: Sequence[Look]) -> _Pairs:
    elapsed = np.array([[float(frame.seconds - track.last.seconds)] for track in live], np.float32)
    last = np.stack([track.place for track in live])
    steps = np.stack([track.velocity for track in live]) * np.minimum(elapsed, np.float32(STEADY_SECONDS))
    expected = last + np.tile(steps, 2)
    widths, own = places[:, 2] - places[:, 0], np.maximum(last[:, 2:3] - last[:, :1], np.float32(1e-6))
    thumbnails = np.stack([look.thumbnail for look in looks])
    seen = [np.stack([look.thumbnail for look in track.looks]) @ thumbnails.T for track in live]

    def apart(ones: Floats) -> Floats:
        gaps = _centres(places)[None] - _centres(ones)[:, None]
        return np.asarray(np.hypot(gaps[..., 0], gaps[..., 1]) / np.maximum(widths, own), np.float32)

    off = apart(expected)
    return _Pairs(
        elapsed=elapsed,
        overlap=np.maximum(box_overlaps(last, places), box_overlaps(expected, places)),
        near=np.minimum(off, apart(last)),
        off=off,
        ratio=np.maximum(widths, np.float32(1e-6)) / own,
        likeness=np.stack([each.max(axis=0) for each in seen]),
    )


def _centres(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
