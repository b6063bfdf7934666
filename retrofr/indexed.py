"""What indexing a slice of footage gives, and how far a stream has come: what a case takes in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from retrofr.records import Tracklet
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume


@dataclass
class FaceCounts:
    """How many faces were found in samples, and how many of them were unfit to compare, by reason."""

    found: int = 0
    unfit: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class StreamProgress:
    """How far the reading of a stream has come; its numbers count from the stream's beginning.

    ``resume`` is how a new reading goes on right behind it; None where the stream is at its end.
    """

    facts: CoverageFacts
    counts: FaceCounts
    resume: Resume | None


@dataclass(frozen=True, eq=False)
class IndexedTracklet:
    """A tracklet and a picture of each face of ``tracklet.best``, upright, as JPEG; none where none are kept."""

    tracklet: Tracklet
    faces_jpeg: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.faces_jpeg and len(self.faces_jpeg) != len(self.tracklet.best):
            raise ValueError(f"{len(self.faces_jpeg)} pictures of {len(self.tracklet.best)} faces")


@dataclass(frozen=True, eq=False)
class IndexedSlice:
    """The tracklets of one slice of a stream, and how far the stream has come with it.

    ``number`` is the slice's; a stream's slices come in the order of their numbers, which may have gaps.
    """

    number: int
    tracklets: tuple[IndexedTracklet, ...]
    progress: StreamProgress
