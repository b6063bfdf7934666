"""From the samples of one video stream to tracklets with templates.

Only the few best faces of a tracklet are cut out and embedded; of all others only the count and the reason
they are unfit remain. Nothing here outlives its tracklet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Literal, TypeVar

import numpy as np

from retrofr.comparison import Comparison
from retrofr.detectors.base import Detector
from retrofr.face_view import FaceView, view_face
from retrofr.indexed import FaceCounts
from retrofr.quality import measure_quality
from retrofr.records import Detections, Exhibit, Face, Floats, FrameRef, Sample, Still, Tracklet
from retrofr.redaction.checking import PictureCheck
from retrofr.settings import Settings
from retrofr.stills import FACE_PICTURE, StillSource, frame_as_jpeg
from retrofr.tracking import Track, Tracker

# So many batches of faces wait to be embedded at most; each holds a few megabytes of pictures.
_MOST_EMBEDDING = 2

Mark = TypeVar("Mark")
Keeps = Literal["nothing", "faces", "frames"]
"""What is kept of pictures beside templates: nothing, the aligned faces, or those and the frames they are in."""

COPY = 0.92
"""From this correlation of thumbnails on, two faces of a tracklet are one picture taken twice: somebody stands still.
Only the better one is embedded. At 0.87 the weakest true scene of benchmarks/composite.py begins to lose."""


@dataclass(frozen=True, eq=False)
class Kept:
    """One of a tracklet's best faces, and what is held beside it until the tracklet has been compared.

    ``thumbnail`` (576,) is that of its look; ``others`` are the boxes (K, 4) of the other faces in its frame.
    """

    face: Face
    thumbnail: Floats
    view: FaceView
    frame_jpeg: bytes | None
    others: Floats


@dataclass(frozen=True, eq=False)
class FoundTracklet:
    """A finished tracklet and what its stills can be made from."""

    tracklet: Tracklet
    sources: tuple[StillSource | None, ...]

    def still(self, number: int, check: PictureCheck | None) -> Still | None:
        """The still of face ``number`` of ``tracklet.best``; None where frames are not kept.

        ``check`` and errors are those of :meth:`retrofr.stills.StillSource.still`.
        """
        source = self.sources[number]
        if source is None or source.frame_jpeg is None:
            return None
        return source.still(self.tracklet.best[number], check)

    def faces_jpeg(self) -> tuple[bytes, ...]:
        """The picture of each face of ``tracklet.best``; none where none are kept."""
        pairs = zip(self.tracklet.best, self.sources, strict=True)
        return tuple(source.face_jpeg(face) for face, source in pairs if source is not None)


def beside_another(kept: Sequence[Kept], face: Face, thumbnail: Floats, most: int) -> list[Kept] | None:
    """Which of a tracklet's best faces stay when another is found; None where the other does not become one.

    Of copies only the best stays. Of more than ``most`` faces that one goes that is worth least: poor, or crowded in
    time by another; never the best of all.
    """
    rank = face.quality.rank
    copies = [one for one in kept if float(one.thumbnail @ thumbnail) >= COPY]
    if any(one.face.quality.rank >= rank for one in copies):
        return None
    rest = [one for one in kept if one not in copies]
    drop = _superfluous([one.face for one in rest] + [face], most)
    return None if drop is face else [one for one in rest if one.face is not drop]


def _superfluous(faces: Sequence[Face], most: int) -> Face | None:
    if len(faces) <= most:
        return None
    faces = sorted(faces, key=lambda face: face.frame.seconds)
    times = [float(face.frame.seconds) for face in faces]
    spacing = max((times[-1] - times[0]) / most, 1e-6)
    gaps = [spacing, *(later - earlier for earlier, later in pairwise(times)), spacing]
    room = [min(1.0, gaps[i] / spacing, gaps[i + 1] / spacing) for i in range(len(faces))]
    best = max(faces, key=lambda face: face.quality.rank)
    others = [i for i in range(len(faces)) if faces[i] is not best]
    return faces[min(others, key=lambda i: faces[i].quality.rank * room[i])]


@dataclass(frozen=True, eq=False)
class _Embedding:
    """Tracklets of one slice whose faces are being embedded; ``templates`` are those of all their best faces."""

    tracks: list[Track[Kept]]
    templates: Future[Floats]
    slice: int


class FaceFinder(Generic[Mark]):
    """Finds, tracks, judges and embeds the faces of one stream, slice by slice.

    ``counts`` are those of the stream. Every tracklet ends with its slice, so that what a slice gives does not
    depend on who worked on the one before; appearances join what was one. What is found is given in its order, some
    time later; where a slice is over comes a mark of the caller's.

    Args:
        keeps: what of pictures is kept beside templates.
        counts: of an earlier run that this one goes on from.
        aside: a thread that embeds while the next faces are found; nobody else uses the comparison's nets then. None:
            faces are embedded where tracklets are given.
    """

    def __init__(
        self,
        exhibit: Exhibit,
        detector: Detector,
        comparison: Comparison,
        settings: Settings,
        *,
        keeps: Keeps,
        counts: FaceCounts | None = None,
        aside: Executor | None = None,
    ) -> None:
        self.counts = counts or FaceCounts()
        self._exhibit = exhibit
        self._detector, self._comparison = detector, comparison
        self._settings, self._keeps = settings, keeps
        self._chips = [FACE_PICTURE, *(part.chip for part in comparison.embedders)]
        self._tracker: Tracker[Kept] = Tracker(settings.track)
        self._waiting: list[Track[Kept]] = []
        self._aside = aside
        self._embedding: deque[_Embedding | Mark] = deque()
        self._number = self._slice = 0

    def begin_slice(self, number: int) -> None:
        """What is looked at from here on lies in slice ``number``."""
        self._slice = number

    def look_at(self, samples: Sequence[Sample]) -> Iterator[FoundTracklet | Mark]:
        """Take samples in their order; gives tracklets that ended, of these or of earlier ones, and marks."""
        for sample, found in zip(
            samples, self._detector.detect([sample.image for sample in samples]), strict=True
        ):
            self._waiting += self._take(sample, found)
        if sum(len(track.kept) for track in self._waiting) >= self._settings.embed.batch_faces:
            self._embed()
        while self._embedding and (len(self._embedding) > _MOST_EMBEDDING or self._is_next_ready()):
            yield from self._embedded()

    def hold(self, frames: Sequence[FrameRef]) -> None:
        """Frames behind the last sample that show what it shows: its faces are still there."""
        for frame in frames:
            self._tracker.hold(frame)

    def end_slice(self, mark: Mark | None = None) -> None:
        """End all tracklets of the slice; ``mark`` is given behind them."""
        self._waiting += self._tracker.finish()
        self._embed()
        if mark is not None:
            self._embedding.append(mark)

    def finish(self) -> Iterator[FoundTracklet | Mark]:
        """Give all that was not given yet."""
        while self._embedding:
            yield from self._embedded()

    def _is_next_ready(self) -> bool:
        following = self._embedding[0]
        return not isinstance(following, _Embedding) or following.templates.done()

    def _take(self, sample: Sample, found: Detections) -> list[Track[Kept]]:
        self.hold(sample.held)
        tracks, ended = self._tracker.update(sample.frame, sample.image, found, sample.shot)
        most = self._settings.quality.best_faces
        frame_jpeg: bytes | None = None
        for number, track in enumerate(tracks):
            face = self._judge(sample, found, number)
            self.counts.found += 1
            if not face.quality.comparable:
                self.counts.unfit += 1
                self.counts.reasons.update(face.quality.problems[:1])
                continue
            thumbnail = track.looks[-1].thumbnail
            stays = beside_another(track.kept, face, thumbnail, most)
            if stays is not None:
                if self._keeps == "frames":
                    frame_jpeg = frame_jpeg or frame_as_jpeg(sample.image)
                view = view_face(sample.image, face.landmarks, self._chips)  # cut only for faces that stay
                others = np.delete(found.boxes, number, axis=0)
                track.kept = [*stays, Kept(face, thumbnail, view, frame_jpeg, others)]
        return ended

    def _judge(self, sample: Sample, found: Detections, number: int) -> Face:
        box, landmarks = found.boxes[number], found.landmarks[number]
        score = float(found.scores[number])
        quality = measure_quality(sample.image, box, landmarks, score, self._settings.quality)
        return Face(sample.frame, box, landmarks, score, quality)

    def _embed(self) -> None:
        waiting, self._waiting = self._waiting, []
        views = [kept.view for track in waiting for kept in track.kept]
        if self._aside is not None:
            templates = self._aside.submit(self._templates, views)
        else:
            templates = Future()
            templates.set_result(self._templates(views))
        self._embedding.append(_Embedding(waiting, templates, self._slice))

    def _embedded(self) -> Iterator[FoundTracklet | Mark]:
        """The tracklets whose faces were the first to be embedded, or the mark that comes first."""
        done = self._embedding.popleft()
        if not isinstance(done, _Embedding):
            self._number = 0
            yield done
            return
        templates = done.templates.result()
        start = 0
        for track in done.tracks:
            end = start + len(track.kept)
            yield self._tracklet(track, templates[start:end], done.slice)
            start = end

    def _templates(self, views: Sequence[FaceView]) -> Floats:
        """Chips are cut here: most faces that were once among their tracklet's best are not when it ends."""
        step, cut = self._settings.embed.batch_faces, self._comparison.cut
        parts = []
        for start in range(0, len(views), step):
            some = views[start : start + step]
            parts.append(
                self._comparison.templates([cut(view.pixels, view.landmarks[None])[0] for view in some])
            )
        empty = np.zeros((0, self._comparison.dimensions), np.float32)
        return np.concatenate([empty, *parts])

    def _tracklet(self, track: Track[Kept], templates: Floats, number_of_slice: int) -> FoundTracklet:
        order = sorted(range(len(track.kept)), key=lambda i: -track.kept[i].face.quality.rank)
        self._number += 1
        tracklet = Tracklet(
            exhibit=self._exhibit,
            number=self._number,
            first=track.first,
            last=track.last,
            faces=track.faces,
            best=tuple(track.kept[i].face for i in order),
            templates=templates[order],
            slice=number_of_slice,
            first_box=track.first_box,
            last_box=track.box,
        )
        return FoundTracklet(tracklet, tuple(self._still(track.kept[i]) for i in order))

    def _still(self, kept: Kept) -> StillSource | None:
        if self._keeps == "nothing":
            return None
        return StillSource(kept.view, kept.frame_jpeg, kept.others)
