"""People who pass through made footage: real faces cut out of photos, and the ways they go."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

REACH = 1.3
"""How far a cut-out reaches from the middle of the face, in sides of the face: head, neck and shoulders."""

LEAST_SIDE, MOST_SIDE = 40.0, 160.0
"""Sides of faces in the footage, in pixels: of a square as large as the face's box."""

SHUTTER = 0.4
"""How much of a frame's time the shutter is open: so far a face moves while it is taken."""

FADE = 0.3
"""The outer share of a cut-out in which it fades away."""

SMALLEST_IN_PHOTO = 80
PHOTOS_OF_A_PERSON = 2


@dataclass(frozen=True, eq=False)
class CutOut:
    """A face and what is around it, (S, S, 3) BGR with S = 2 * REACH * side, and the face's box in it."""

    photo: str
    picture: Bytes
    box: tuple[float, float, float, float]

    @property
    def side(self) -> float:
        """Of a square as large as the face's box, in pixels of the cut-out."""
        return float(np.sqrt((self.box[2] - self.box[0]) * (self.box[3] - self.box[1])))


def cut_outs(faces: Path, work: Path) -> list[CutOut]:
    """The faces of photos in which exactly one face is found, and that is large enough.

    Both detectors of retrofr look, and what either finds counts: a photo on which only one of them sees the face
    is used as well, so that the footage prefers neither. Where the faces are is kept in ``work``.
    """
    known = work / "photos.json"
    if not known.exists():
        known.write_text(json.dumps(_single_faces(faces), indent=0), encoding="utf-8")
    return [
        _cut_out(faces, photo, np.array(box)) for photo, box in json.loads(known.read_text(encoding="utf-8"))
    ]


def _single_faces(faces: Path) -> list[tuple[str, list[float]]]:
    from _found import overlaps

    from retrofr import registry
    from retrofr.runtime import resolve_device

    device = resolve_device("cpu")
    detectors = []
    for name in ("yunet", "mtcnn"):
        module = registry.load("detectors", name)
        detectors.append(module.build(module.SETTINGS(), device))
    taken: dict[str, int] = {}
    kept: list[tuple[str, list[float]]] = []
    with (faces / "index.tsv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file, delimiter="\t"), key=lambda row: row["file"])
    for row in rows:
        if taken.get(row["identity"], 0) == PHOTOS_OF_A_PERSON:
            continue
        picture = np.ascontiguousarray(_read(faces / row["file"])[..., ::-1])
        boxes: list[npt.NDArray[Any]] = []
        for detector in detectors:
            for box in detector.detect([picture])[0].boxes:
                if not any(overlaps(box[None], other[None]).max() > 0.3 for other in boxes):
                    boxes.append(box)
        if len(boxes) != 1:
            continue
        x1, y1, x2, y2 = (float(value) for value in boxes[0])
        if np.sqrt((x2 - x1) * (y2 - y1)) >= SMALLEST_IN_PHOTO:
            taken[row["identity"]] = taken.get(row["identity"], 0) + 1
            kept.append((row["file"], [x1, y1, x2, y2]))
    return kept


def _read(path: Path) -> Bytes:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} is not a picture")
    return np.asarray(picture, np.uint8)


def _cut_out(faces: Path, photo: str, box: npt.NDArray[np.float64]) -> CutOut:
    picture = _read(faces / photo)
    side = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
    reach = round(REACH * side)
    padded = cv2.copyMakeBorder(picture, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    x, y = (round((box[i] + box[i + 2]) / 2) for i in (0, 1))  # the crop's corner, in the padded photo
    crop = np.ascontiguousarray(padded[y : y + 2 * reach, x : x + 2 * reach], np.uint8)
    own = box + np.array([reach - x, reach - y] * 2)
    return CutOut(photo, crop, (float(own[0]), float(own[1]), float(own[2]), float(own[3])))


@dataclass(frozen=True, eq=False)
class Visit:
    """One person's way through the picture, ready to be laid over frames.

    ``planes`` are luma (S, S) and two of chroma (S/2, S/2), already multiplied by how opaque they are; ``clear``
    (S, S) and its half are what is left of the background there. ``points`` (F, 2) are even: where the cut-out's
    corner is in each frame from ``start`` on. ``box`` (4,) is the face's, in the cut-out.
    """

    number: int
    photo: str
    planes: tuple[Bytes, Bytes, Bytes]
    clear: tuple[Bytes, Bytes]
    points: npt.NDArray[np.int64]
    start: int
    box: tuple[float, float, float, float]

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + len(self.points)

    @property
    def side(self) -> float:
        """Of a square as large as the face's box."""
        return float(np.sqrt((self.box[2] - self.box[0]) * (self.box[3] - self.box[1])))

    def cut_to(self, frames: int, width: int) -> Visit:
        """The visit from where its face is well inside the picture on: through a door, and gone by another."""
        middle = self.points[:, 0] + (self.box[0] + self.box[2]) / 2
        first = int(np.argmax((middle > self.side) & (middle < width - self.side)))
        return replace(self, points=self.points[first : first + frames])

    def box_at(self, frame: int) -> npt.NDArray[np.float64]:
        """(4,) x1, y1, x2, y2 of the face in the picture; may lie outside."""
        x, y = self.points[frame - self.start]
        return np.asarray(np.array(self.box) + np.array([x, y, x, y]), np.float64)


def visit(
    number: int, cut_out: CutOut, size: tuple[int, int], start: int, speed: float, random: np.random.Generator
) -> Visit:
    """A way across the picture from one side to the other, with a pause here and there.

    Args:
        number: of the visit.
        cut_out: who comes.
        size: width and height of the picture.
        start: first frame.
        speed: mean, in pixels a frame.
        random: decides on the way, the size and the side.
    """
    width, height = size
    side = float(np.exp(random.uniform(np.log(LEAST_SIDE), np.log(MOST_SIDE))))
    if random.integers(2):
        cut_out = _mirrored(cut_out)
    planes, clear = _laid_out(cut_out, side, speed)
    extent = len(planes[0])
    # The middle of the face stays inside the picture's height.
    lowest, highest = -extent / 2 + side, height - extent / 2 - side
    places = np.array(
        [
            (-extent, random.uniform(lowest, highest)),
            (random.uniform(0.1, 0.45) * width - extent / 2, random.uniform(lowest, highest)),
            (random.uniform(0.55, 0.9) * width - extent / 2, random.uniform(lowest, highest)),
            (width, random.uniform(lowest, highest)),
        ]
    )
    if random.integers(2):
        places = places[::-1]
    points = _smooth_way(places, speed)
    ratio = extent / len(cut_out.picture)
    x1, y1, x2, y2 = (value * ratio for value in cut_out.box)
    return Visit(number, cut_out.photo, planes, clear, points, start, (x1, y1, x2, y2))


def _mirrored(cut_out: CutOut) -> CutOut:
    x1, y1, x2, y2 = cut_out.box
    width = cut_out.picture.shape[1]
    flipped = np.ascontiguousarray(cut_out.picture[:, ::-1])
    return CutOut(cut_out.photo, flipped, (width - x2, y1, width - x1, y2))


def _laid_out(
    cut_out: CutOut, side: float, speed: float
) -> tuple[tuple[Bytes, Bytes, Bytes], tuple[Bytes, Bytes]]:
    """The cut-out in its size, as planes whose edge fades, a little smeared by its own motion."""
    extent = round(len(cut_out.picture) * side / cut_out.side / 2) * 2
    method = cv2.INTER_AREA if extent < len(cut_out.picture) else cv2.INTER_CUBIC
    picture = cv2.resize(cut_out.picture, (extent, extent), interpolation=method)
    picture = cv2.blur(picture, (max(1, round(SHUTTER * speed)), 1))
    away = np.hypot(*((np.indices((extent, extent)) + 0.5) / extent * 2 - 1))
    opaque = np.clip((1 - away) / FADE, 0, 1)
    half = cv2.resize(opaque, (extent // 2, extent // 2), interpolation=cv2.INTER_AREA)
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb).astype(np.float32))
    luma = 16 + luma * (219 / 255)  # video levels
    shares = (opaque, half, half)
    small = [cv2.resize(plane, half.shape[::-1], interpolation=cv2.INTER_AREA) for plane in (blue, red)]
    chroma = [128 + (plane - 128) * (224 / 255) for plane in small]
    y, u, v = (_bytes(plane * share) for plane, share in zip((luma, *chroma), shares, strict=True))
    return (y, u, v), (_bytes(255 * (1 - opaque)), _bytes(255 * (1 - half)))


def _bytes(plane: npt.NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(plane.round(), np.uint8)


def _smooth_way(places: npt.NDArray[np.float64], speed: float) -> npt.NDArray[np.int64]:
    """(F, 2) even whole points along ``places``, slow near each of them."""
    ways = []
    for one, other in pairwise(places):
        frames = max(2, round(float(np.hypot(*(other - one))) / speed))
        share = np.arange(frames)[:, None] / frames
        ways.append(one + (other - one) * (0.35 * share + 0.65 * share**2 * (3 - 2 * share)))
    return (np.concatenate(ways) / 2).round().astype(np.int64) * 2


def visible(boxes: Sequence[npt.NDArray[np.float64]], size: tuple[int, int]) -> list[float]:
    """Which share of each face is inside the picture and not behind one of those that were laid over it later."""
    shares = []
    for i, box in enumerate(boxes):
        area = (box[2] - box[0]) * (box[3] - box[1])
        inside = _common(box, np.array([0, 0, *size])) / area
        hidden = max((_common(box, _head(other)) / area for other in boxes[i + 1 :]), default=0.0)
        shares.append(max(0.0, inside - hidden))
    return shares


def _head(box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What a cut-out hides for certain: more than the face, less than the cut-out."""
    grown = 0.3 * (box[2:] - box[:2])
    return np.concatenate([box[:2] - grown, box[2:] + grown])


def _common(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(np.prod(np.maximum(sides, 0)))
