"""Joins the faces of consecutive samples into tracks without claiming who anybody is.

A face joins a track when its box overlaps the track's last one, or lies where it could have walked, and looks
alike. Wrongly joining two people does harm, wrongly cutting one person in two costs little (appearances join
them again), so every doubt starts a new track. A shot cut, a new segment or a long gap ends all tracks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
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

_LONGEST_STEP_SECONDS = Fraction(5)

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
        over = [self._is_over(track, frame, since_sample) for track in self.live]
        ended = [track for track, is_over in zip(self.live, over, strict=True) if is_over]
        self.live = [track for track, is_over in zip(self.live, over, strict=True) if not is_over]
        return ended

    def _is_over(self, track: Track[Kept], frame: FrameRef, since_sample: Fraction) -> bool:
        gap = frame.seconds - track.last.seconds
        length = frame.seconds - track.first.seconds
        # Where samples lie further apart than that (keyframes alone), neighbouring ones can be joined all the same.
        longest = max(self.settings.max_gap_seconds, float(min(since_sample, _LONGEST_STEP_SECONDS)))
        return gap > longest or length > self.settings.max_length_seconds

    def _assign(self, frame: FrameRef, boxes: Floats, thumbnails: Floats) -> dict[int, Track[Kept]]:
        """Each detection to at most one live track, the surest pairs first."""
        if not self.live or not len(boxes):
            return {}
        sureness = self._sureness(frame, boxes, thumbnails)
        pairs = [(float(sureness[t, i]), t, i) for t, i in np.argwhere(np.isfinite(sureness)).tolist()]
        chosen: dict[int, Track[Kept]] = {}
        taken: set[int] = set()
        for _, t, i in sorted(pairs, reverse=True):
            if t not in taken and i not in chosen:
                taken.add(t)
                chosen[i] = self.live[t]
        return chosen

    def _sureness(self, frame: FrameRef, boxes: Floats, thumbnails: Floats) -> Floats:
        """How surely each box (K, 4) continues each live track, (T, K); -inf where it cannot."""
        elapsed = np.array([float(frame.seconds - track.last.seconds) for track in self.live], np.float32)
        last = np.stack([track.box for track in self.live])
        steps = np.stack([track.velocity for track in self.live]) * elapsed[:, None]
        predicted = last + np.tile(steps, 2)
        likeness = np.stack([track.thumbnail for track in self.live]) @ thumbnails.T
        overlap = np.maximum(box_overlaps(last, boxes), box_overlaps(predicted, boxes))
        widths, own_widths = boxes[:, 2] - boxes[:, 0], last[:, 2] - last[:, 0]
        ratio = widths[None] / np.maximum(own_widths, np.float32(1e-6))[:, None]
        apart = _centres(boxes)[None] - _centres(predicted)[:, None]
        step = np.hypot(apart[..., 0], apart[..., 1]) / np.maximum(widths[None], own_widths[:, None])
        overlaps = overlap >= self.settings.min_overlap
        reached = (step <= REACH_FACE_WIDTHS_PER_SECOND * elapsed[:, None]) & (
            likeness >= LIKENESS_WITHOUT_OVERLAP
        )
        possible = np.where(overlaps, likeness >= self.settings.min_likeness, reached)
        possible &= (ratio >= 0.5) & (ratio <= 2.0)
        sureness = np.where(overlaps, overlap + likeness, likeness - step / 10)
        found: Floats = np.where(possible, sureness, -np.inf).astype(np.float32)
        return found


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


def _follow(track: Track[Kept], frame: FrameRef, box: Floats, thumbnail: Floats) -> None:
    elapsed = float(frame.seconds - track.last.seconds)
    if elapsed > 0:
        moved = _centres(box[None])[0] - _centres(track.box[None])[0]
        track.velocity = (moved / elapsed).astype(np.float32)
    track.last, track.box, track.thumbnail = frame, box, thumbnail


def _centres(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)


def _thumbnails(image: Pixels, landmarks: Floats) -> Floats:
    """(K, 576) float32 grey pictures of faces, zero mean, unit length: their dot product is a correlation."""
    chips = cut_chips(image, landmarks, THUMBNAIL).astype(np.float32).mean(axis=3)
    flat = chips.reshape(len(chips), THUMBNAIL.side_pixels**2)
    flat = flat - flat.mean(axis=1, keepdims=True)
    lengths: Floats = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return np.asarray(flat / lengths, np.float32)
