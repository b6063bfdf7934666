"""Joins the faces of consecutive samples into tracks without claiming who anybody is.

A face joins a track when its box overlaps the track's last one, or lies where it could have walked, and looks
alike. Wrongly joining two people does harm, wrongly cutting one person in two costs little (appearances join
them again), so every doubt starts a new track. A shot cut, a new segment or a long gap ends all tracks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from retrofr.alignment import cut_chips
from retrofr.embedders.base import ChipSpec
from retrofr.records import Detections, Face, Floats, FrameRef, Pixels
from retrofr.settings import TrackSettings

THUMBNAIL = ChipSpec(24, ((7.5, 8.0), (16.5, 8.0), (12.0, 13.0), (8.5, 17.5), (15.5, 17.5)))
"""The small aligned picture that likeness between neighbouring samples is judged by."""

REACH_FACE_WIDTHS_PER_SECOND = 5.0
"""How far a face may move, in its own widths: a person walking across close to the camera."""

LIKENESS_WITHOUT_OVERLAP = 0.55
"""How alike two faces must be whose boxes do not overlap. On photos of different people 88 % are less alike;
in footage the reach, the size and the better pair that is taken first rule out most of the rest."""

Kept = TypeVar("Kept")


@dataclass
class Track(Generic[Kept]):
    """A tracklet in the making. ``kept`` are its best faces, with whatever the caller keeps beside each.

    ``first_box`` and ``box`` are where its first and its latest detection were.
    """

    first: FrameRef
    last: FrameRef
    box: Floats
    thumbnail: Floats
    velocity: Floats
    first_box: Floats
    faces: int = 0
    kept: list[tuple[Face, Kept]] = field(default_factory=list)

    def would_keep(self, face: Face, most: int) -> bool:
        """Whether ``keep`` would keep this face now; lets the caller cut chips only for faces that stay."""
        return face.quality.comparable and self._superfluous(face, most) is not face

    def keep(self, face: Face, beside: Kept, most: int) -> None:
        """Keep this face, dropping another when there are more than ``most``."""
        drop = self._superfluous(face, most)
        self.kept.append((face, beside))
        if drop is not None:
            self.kept = [pair for pair in self.kept if pair[0] is not drop]

    def _superfluous(self, new: Face, most: int) -> Face | None:
        """The face worth least: poor, or crowded in time by another. The best of all is never dropped."""
        faces = sorted([pair[0] for pair in self.kept] + [new], key=lambda face: face.frame.seconds)
        if len(faces) <= most:
            return None
        times = [float(face.frame.seconds) for face in faces]
        spacing = max((times[-1] - times[0]) / most, 1e-6)
        gaps = [spacing, *(later - earlier for earlier, later in pairwise(times)), spacing]
        room = [min(1.0, gaps[i] / spacing, gaps[i + 1] / spacing) for i in range(len(faces))]
        best = max(faces, key=lambda face: face.quality.rank)
        others = [i for i in range(len(faces)) if faces[i] is not best]
        return faces[min(others, key=lambda i: faces[i].quality.rank * room[i])]


class Tracker(Generic[Kept]):
    """Tracks the faces of one stream, sample by sample."""

    def __init__(self, settings: TrackSettings) -> None:
        self.settings = settings
        self.live: list[Track[Kept]] = []
        self._last: FrameRef | None = None
        self._shot = 0

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
        thumbnails = _thumbnails(image, detections.landmarks)
        chosen = self._assign(frame, detections.boxes, thumbnails)
        tracks = []
        for i in range(len(detections)):
            track = chosen.get(i)
            if track is None:
                box = detections.boxes[i]
                track = Track(frame, frame, box, thumbnails[i], np.zeros(2, np.float32), first_box=box)
                self.live.append(track)
            else:
                _follow(track, frame, detections.boxes[i], thumbnails[i])
            track.faces += 1
            tracks.append(track)
        return tracks, ended

    def finish(self) -> list[Track[Kept]]:
        """End all tracks."""
        ended, self.live = self.live, []
        return ended

    def _ended(self, frame: FrameRef, shot: int) -> list[Track[Kept]]:
        if self._last is not None and (shot != self._shot or frame.segment != self._last.segment):
            return self.finish()
        ended = [track for track in self.live if self._is_over(track, frame)]
        self.live = [track for track in self.live if not self._is_over(track, frame)]
        return ended

    def _is_over(self, track: Track[Kept], frame: FrameRef) -> bool:
        gap = frame.seconds - track.last.seconds
        length = frame.seconds - track.first.seconds
        return gap > self.settings.max_gap_seconds or length > self.settings.max_length_seconds

    def _assign(self, frame: FrameRef, boxes: Floats, thumbnails: Floats) -> dict[int, Track[Kept]]:
        """Each detection to at most one live track, the surest pairs first."""
        pairs = []
        for t, track in enumerate(self.live):
            elapsed = float(frame.seconds - track.last.seconds)
            for i, (box, thumbnail) in enumerate(zip(boxes, thumbnails, strict=True)):
                sureness = self._sureness(track, box, thumbnail, elapsed)
                if sureness is not None:
                    pairs.append((sureness, t, i))
        chosen: dict[int, Track[Kept]] = {}
        taken: set[int] = set()
        for _, t, i in sorted(pairs, reverse=True):
            if t not in taken and i not in chosen:
                taken.add(t)
                chosen[i] = self.live[t]
        return chosen

    def _sureness(self, track: Track[Kept], box: Floats, thumbnail: Floats, elapsed: float) -> float | None:
        """How surely a box continues a track, None where it cannot."""
        width, track_width = box[2] - box[0], track.box[2] - track.box[0]
        if not 0.5 <= width / max(track_width, 1e-6) <= 2.0:
            return None
        likeness = float(track.thumbnail @ thumbnail)
        predicted = track.box + np.tile(track.velocity * np.float32(elapsed), 2)
        overlap = max(box_overlap(track.box, box), box_overlap(predicted, box))
        if overlap >= self.settings.min_overlap:
            return overlap + likeness if likeness >= self.settings.min_likeness else None
        step = float(np.hypot(*(_centre(box) - _centre(predicted)))) / float(max(width, track_width))
        if step > REACH_FACE_WIDTHS_PER_SECOND * elapsed or likeness < LIKENESS_WITHOUT_OVERLAP:
            return None
        return likeness - step / 10


def box_overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes (4,), 0 to 1."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / union if union > 0 else 0.0


def _follow(track: Track[Kept], frame: FrameRef, box: Floats, thumbnail: Floats) -> None:
    elapsed = float(frame.seconds - track.last.seconds)
    if elapsed > 0:
        track.velocity = ((_centre(box) - _centre(track.box)) / elapsed).astype(np.float32)
    track.last, track.box, track.thumbnail = frame, box, thumbnail


def _centre(box: Floats) -> Floats:
    return (box[:2] + box[2:]) * np.float32(0.5)


def _thumbnails(image: Pixels, landmarks: Floats) -> Floats:
    """(K, 576) float32 grey pictures of faces, zero mean, unit length: their dot product is a correlation."""
    chips = cut_chips(image, landmarks, THUMBNAIL).astype(np.float32).mean(axis=3)
    flat = chips.reshape(len(chips), THUMBNAIL.side_pixels**2)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths: Floats = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return np.asarray(flat / lengths, np.float32)
