"""The value objects that travel between the parts. All are frozen; each checks its own shapes.

Boxes are x1, y1, x2, y2 in pixels of the upright, square-pixel frame, half-open. Landmarks are left eye,
right eye, nose tip, left and right mouth corner as the viewer sees them. Scores grow with likeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from retrofr.clock import WallClock

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def _expect(name: str, array: npt.NDArray[np.generic], tail: tuple[int, ...], kind: type) -> None:
    if array.ndim != len(tail) + 1 or array.shape[1:] != tail or array.dtype != kind:
        wanted = ", ".join(["N", *map(str, tail)])
        raise ValueError(f"{name}: expected ({wanted}) {kind.__name__}, got {array.shape} {array.dtype}")


@dataclass(frozen=True)
class VideoStream:
    """One video stream of an exhibit, as its container declares it.

    ``width`` and ``height`` are coded pixels; ``declared_seconds`` is None where nothing is declared.
    """

    index: int
    codec: str
    width: int
    height: int
    average_rate: Fraction | None
    declared_seconds: Fraction | None


@dataclass(frozen=True)
class Exhibit:
    """One item of video evidence: a closed, regular file.

    ``name`` is how outputs call it; ``camera`` is what the examiner or a file-name pattern calls the camera.
    """

    path: Path
    name: str
    sha256: str
    size_bytes: int
    container: str
    streams: tuple[VideoStream, ...]
    clock: WallClock
    camera: str | None = None

    def declared_seconds(self) -> float | None:
        """What its streams declare, added up; None where none declares anything."""
        declared = [stream.declared_seconds for stream in self.streams if stream.declared_seconds is not None]
        return float(sum(declared)) if declared else None


RangeKind = Literal["searched", "suspect", "missing", "gap", "lost", "unreadable", "static", "outside"]


@dataclass(frozen=True)
class TimeRange:
    """A stretch [start, end) of one stream's media time with one fate.

    Kinds: ``searched``: decoded, and its samples looked at, without reported damage. ``suspect``: decoded and
    looked at, but its pictures may be damaged. ``missing``: declared by the container, or evidently lost, and
    no picture was there. ``gap``: the recording's clock jumps; nothing says that anything was recorded there.
    ``lost``: the decoder crashed or hung. ``unreadable``: packets or pictures were there and could not be
    decoded. ``static``: not looked at because nothing moved. ``outside``: outside the time window asked for.
    """

    kind: RangeKind
    start_seconds: Fraction
    end_seconds: Fraction
    segment: int
    reason: str = ""

    @property
    def seconds(self) -> Fraction:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True)
class FrameRef:
    """Where a frame is. ``ordinal`` counts decoded frames of the stream from 0.

    ``seconds`` is exact media time from the exhibit's first video frame; ``until_seconds`` is when the frame
    stops being shown. ``time_source`` says how the time is known: ``pts``, ``dts``, ``interpolated`` or
    ``assumed rate``. ``packet`` is the number of the stream's packet it was made from, counted from 0 in the
    order of storage; None where the decoder does not say. ``suspect``: damage was reported in it, or in what
    it was predicted from.
    """

    stream: int
    segment: int
    ordinal: int
    pts: int | None
    time_base: Fraction
    seconds: Fraction
    until_seconds: Fraction
    time_source: str
    packet: int | None = None
    suspect: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """A frame that is looked at: (H, W, 3) uint8 RGB, upright, with square pixels; ``shot`` counts cuts.

    ``held`` are frames between the sample before and this one that were due as well and were not looked at because
    they show what that sample shows.
    """

    frame: FrameRef
    image: Pixels
    shot: int = 0
    held: tuple[FrameRef, ...] = ()

    def __post_init__(self) -> None:
        _expect("image", self.image, (*self.image.shape[1:2], 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces of one frame: boxes (K, 4), landmarks (K, 5, 2), detection scores (K,), all float32."""

    boxes: Floats
    landmarks: Floats
    scores: Floats

    def __post_init__(self) -> None:
        _expect("boxes", self.boxes, (4,), np.float32)
        _expect("landmarks", self.landmarks, (5, 2), np.float32)
        _expect("scores", self.scores, (), np.float32)
        if not len(self.boxes) == len(self.landmarks) == len(self.scores):
            raise ValueError(
                f"faces differ in number: {len(self.boxes)} boxes, {len(self.landmarks)} landmarks, "
                f"{len(self.scores)} scores"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Detections:
        """A frame without a face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Quality:
    """What can be measured of a face picture, and why it cannot be compared, if it cannot.

    Args:
        eye_distance_pixels: between the eye landmarks, in frame pixels.
        sharpness: 0 (smeared) to 1 (crisp).
        brightness: mean grey level of the face, 0 to 1.
        contrast: standard deviation of its grey levels, 0 to 1.
        yaw: turn of the head from landmarks, 0 (frontal) to 1 (profile), either side.
        pitch: nod of the head from landmarks, 0 (level) to 1, either way.
        roll_degrees: tilt of the line between the eyes, clockwise positive.
        cut_by_edge: the box or a landmark leaves the frame.
        problems: reasons not to compare it; empty where it can be compared.
        warnings: reasons for care that do not stop a comparison.
        rank: 0 to 1, orders the faces of a tracklet; higher is better.
    """

    eye_distance_pixels: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll_degrees: float
    cut_by_edge: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    rank: float

    @property
    def comparable(self) -> bool:
        return not self.problems


@dataclass(frozen=True, eq=False)
class Face:
    """One detection with where it was and how good it is: box (4,), landmarks (5, 2) in frame pixels."""

    frame: FrameRef
    box: Floats
    landmarks: Floats
    detection_score: float
    quality: Quality


@dataclass(frozen=True, eq=False)
class Still:
    """Pictures of one face, encoded: the whole frame with the face's box drawn (None where it is not kept), and
    the aligned face.

    ``hidden`` counts the other faces that are hidden in them; None where nobody is hidden, as somebody gave a reason.
    """

    frame_jpeg: bytes | None
    face_png: bytes
    hidden: int | None = None


@dataclass(frozen=True, eq=False)
class Tracklet:
    """Detections of consecutive samples joined without claiming identity.

    ``faces`` counts the detections, ``best`` are those kept for comparing (best first, at most a few),
    ``templates`` (len(best), D) are theirs. ``best`` is empty where no face was fit to compare. It lies in one
    slice of its stream; ``number`` counts from 1 in that slice. ``first_box`` and ``last_box`` (4,) are where
    its first and last detection were.
    """

    exhibit: Exhibit
    number: int
    first: FrameRef
    last: FrameRef
    faces: int
    best: tuple[Face, ...]
    templates: Floats
    slice: int = 0
    first_box: Floats | None = None
    last_box: Floats | None = None

    def __post_init__(self) -> None:
        if self.templates.ndim != 2 or len(self.templates) != len(self.best):
            raise ValueError(f"templates: expected ({len(self.best)}, D), got {self.templates.shape}")


@dataclass(frozen=True, eq=False)
class ProbeImage:
    """One picture of a probe, the face chosen in it, and its template (D,)."""

    path: Path
    sha256: str
    box: Floats
    quality: Quality
    template: Floats


@dataclass(frozen=True, eq=False)
class Probe:
    """The face looked for: a name and one or more pictures of that one person."""

    name: str
    images: tuple[ProbeImage, ...]

    @property
    def templates(self) -> Floats:
        """(number of images, D) float32."""
        return np.stack([image.template for image in self.images])


@dataclass(frozen=True)
class Evidence:
    """How much more a score is to be expected of one person than of two, by a calibration.

    Args:
        llr: log10 of the likelihood ratio, never beyond the bounds of the calibration's data; None where there is
            none for this condition, and ``reason`` says why.
        band: the verbal equivalent; empty without a ratio.
        at_bound: the ratio was cut to a bound: the data carries no stronger statement.
        reason: why there is no ratio.
    """

    llr: float | None
    band: str = ""
    at_bound: bool = False
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.llr is None) != (self.reason is not None):
            raise ValueError("a likelihood ratio, or the reason why there is none")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A tracklet compared with a probe. ``supporting`` counts its faces that reach the threshold alone.

    ``person`` is the number of the person that the tracklet was put to; None where it was put to none.
    ``tracklet_id`` is the tracklet's in the case; None outside of one. ``evidence`` is None in searches that
    are older than it.
    """

    probe: str
    tracklet: Tracklet
    score: float
    supporting: int
    best: Face
    still: Still | None
    person: int | None = None
    tracklet_id: int | None = None
    evidence: Evidence | None = None
