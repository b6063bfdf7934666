"""Small records, and a detector and embedder for drawn faces: a colour is a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import cv2
import numpy as np

from clips import numbered_picture
from retrofr.clock import NO_CLOCK, WallClock
from retrofr.embedders.base import ChipSpec
from retrofr.records import (
    Detections,
    Exhibit,
    Face,
    Floats,
    FrameRef,
    Pixels,
    Quality,
    Tracklet,
    VideoStream,
)
from retrofr.settings import StageSettings
from retrofr.weights import WeightsFile

LANDMARKS = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32)
NO_WEIGHTS = WeightsFile("fake", "fake", "0" * 64, 0, "none", "drawn in the test", "nothing")
CLOCKLESS = WallClock(NO_CLOCK)
COLOURS = {"red": (230, 30, 30), "green": (30, 200, 30), "blue": (30, 60, 230), "yellow": (230, 220, 30)}


def draw_face(image: Pixels, colour: tuple[int, int, int], x: int, y: int, side: int = 60) -> None:
    """Draw a face that the fake detector finds and quality measures take for one."""
    cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), colour, -1)
    for fx, fy in LANDMARKS:
        centre = (x + round(float(fx) * side), y + round(float(fy) * side))
        cv2.circle(image, centre, max(1, side // 14), tuple(c // 3 for c in colour), -1)


def scene(width: int = 320, height: int = 240, grey: int = 110) -> Pixels:
    """An empty frame."""
    return np.full((height, width, 3), grey, np.uint8)


def walker(number: int, width: int, height: int) -> Pixels:
    """A numbered picture in which the person in red has come a little further."""
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 40 + number, 80, 60)
    return image


@dataclass(frozen=True)
class NoSettings(StageSettings):
    """Nothing to set."""

    stage: ClassVar[str] = "parts.fake"


class ColourDetector:
    """Finds patches of strong colour."""

    name = "fake"
    weights = (NO_WEIGHTS,)

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Pixels) -> Detections:
        strong = ((frame.max(axis=2).astype(int) - frame.min(axis=2)) > 40).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(strong)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:] if area > 100]
        if not boxes:
            return Detections.none()
        array = np.array(sorted(boxes), np.float32)
        sizes = array[:, None, 2:] - array[:, None, :2]
        return Detections(array, array[:, None, :2] + LANDMARKS * sizes, np.full(len(array), 0.9, np.float32))


class ColourEmbedder:
    """A face's mean colour, 0 to 1; the score is 1 minus the distance of colours."""

    name = "fake"
    dimensions = 3
    chip = ChipSpec(32, tuple((float(x) * 32, float(y) * 32) for x, y in LANDMARKS))
    weights = NO_WEIGHTS

    def embed(self, chips: Pixels) -> Floats:
        return (chips.reshape(len(chips), -1, 3).mean(axis=1) / 255).astype(np.float32)

    def compare(self, left: Floats, right: Floats) -> Floats:
        return 1 - np.linalg.norm(left[:, None] - right[None], axis=2).astype(np.float32)

    def index_vectors(self, vectors: Floats) -> Floats:
        return vectors


def as_entry_point(part: SimpleNamespace) -> SimpleNamespace:
    """What the registry takes for an installed entry point that loads ``part`` as a module."""
    module = ModuleType("fake", part.__doc__)
    vars(module).update(vars(part))
    return SimpleNamespace(load=lambda: module)


FAKE_DETECTOR = SimpleNamespace(
    __doc__="Finds patches of strong colour.",
    SETTINGS=NoSettings,
    WEIGHTS=(),
    build=lambda _settings, _device: ColourDetector(),
)
FAKE_EMBEDDER = SimpleNamespace(
    __doc__="A face's mean colour.",
    SETTINGS=NoSettings,
    WEIGHTS=(),
    build=lambda _settings, _device: ColourEmbedder(),
)


def quality(rank: float = 0.5, problems: tuple[str, ...] = ()) -> Quality:
    """A quality with nothing remarkable but its rank and problems."""
    return Quality(40.0, 0.8, 0.5, 0.2, 0.1, 0.1, 0.0, False, problems, (), rank)


def frame_ref(seconds: float, *, segment: int = 0, stream: int = 0, lasts: float = 0.04) -> FrameRef:
    """A frame at a time; 1000 ticks a second."""
    exact = Fraction(round(seconds * 1000), 1000)
    return FrameRef(
        stream=stream,
        segment=segment,
        ordinal=round(seconds * 25),
        pts=round(seconds * 1000),
        time_base=Fraction(1, 1000),
        seconds=exact,
        until_seconds=exact + Fraction(round(lasts * 1000), 1000),
        time_source="pts",
    )


def face(seconds: float, *, rank: float = 0.5, box: tuple[float, ...] = (10, 10, 60, 60)) -> Face:
    """A face at a time."""
    array = np.array(box, np.float32)
    return Face(frame_ref(seconds), array, array[:2] + LANDMARKS * 50, 0.9, quality(rank))


def exhibit(name: str = "cam1.mp4", clock: WallClock = CLOCKLESS) -> Exhibit:
    """An exhibit that was never on a disk."""
    stream = VideoStream(0, "h264", 320, 240, Fraction(25), Fraction(60))
    return Exhibit(Path(name), name, "ab" * 32, 1000, "mov,mp4", (stream,), clock)


def tracklet(
    start: float,
    end: float,
    vector: Sequence[float] = (1, 0, 0),
    *,
    of: Exhibit | None = None,
    number: int = 1,
    segment: int = 0,
) -> Tracklet:
    """A tracklet of two faces with the same template."""
    templates = np.array([vector, vector], np.float32)
    return Tracklet(
        exhibit=of or exhibit(),
        number=number,
        first=frame_ref(start, segment=segment),
        last=frame_ref(end, segment=segment),
        faces=2,
        best=(face(start), face(end)),
        templates=templates,
    )
