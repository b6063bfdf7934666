"""The people of the sample footage: heads and shoulders cut from portraits, one from behind, and how they walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Layer = npt.NDArray[np.float32]

HERE = Path(__file__).resolve().parent
FACE = (1.15, 1.1, 2.05)
"""A face reaches this far from between the eyes to either side, up and down, in distances between the eyes."""
WALK_SPEED = 20.0
"""Distances between the eyes a second: about 1.3 m/s, as eyes are 63 mm apart."""


@dataclass(frozen=True)
class Eyes:
    """Where the eyes are in a portrait: the point between them, their distance, their tilt in degrees."""

    x: float
    y: float
    distance: float
    tilt: float


EYES = {
    "obama-2012": Eyes(294.9, 125.1, 64.0, 1.2),
    "obama-2010": Eyes(294.9, 185.9, 64.0, 3.9),
    "biden-2010": Eyes(294.5, 175.4, 64.0, 10.1),
    "hopper-1984": Eyes(214.0, 155.4, 64.0, 1.3),
    "collins-1992": Eyes(217.6, 102.2, 47.1, 1.0),
}


@dataclass(frozen=True)
class Figure:
    """What is laid into a frame: colour times matte, and matte, float32 in 0…255 and 0…1, with its eyes."""

    colour: Layer
    matte: Layer
    eyes: Eyes

    @cached_property
    def halved(self) -> Figure:
        """The same at half the size, for faces that are drawn small."""
        size = (self.matte.shape[1] // 2, self.matte.shape[0] // 2)
        ratio = size[0] / self.matte.shape[1]
        eyes = Eyes(self.eyes.x * ratio, self.eyes.y * ratio, self.eyes.distance * ratio, self.eyes.tilt)
        shrunk = (
            cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in (self.colour, self.matte)
        )
        colour, matte = (np.asarray(layer, np.float32) for layer in shrunk)
        return Figure(colour, matte, eyes)


def read_figure(name: str) -> Figure:
    """A portrait with its matte, the clothes drawn on downwards to where a counter or the frame hides them."""
    colour = cv2.imread(str(HERE / "portraits" / f"{name}.jpg"), cv2.IMREAD_COLOR)
    matte = cv2.imread(str(HERE / "portraits" / f"{name}-matte.png"), cv2.IMREAD_GRAYSCALE)
    if colour is None or matte is None:
        raise SystemExit(f"samples/portraits: {name}.jpg or {name}-matte.png is missing")
    eyes = EYES[name]
    return _figure(np.asarray(colour, np.float32), _shares(matte), eyes)


def _shares(matte: cv2.typing.MatLike) -> Layer:
    return np.asarray(np.asarray(matte, np.float32) / 255, np.float32)


def _figure(colour: Layer, matte: Layer, eyes: Eyes) -> Figure:
    longer = round(6 * eyes.distance)
    strip = 4
    hem = cv2.blur(colour[-strip:], (9, 1)).mean(axis=0, keepdims=True)
    fade = np.linspace(1, 0.55, longer, dtype=np.float32)[:, None, None]
    colour = np.concatenate([colour, hem.astype(np.float32) * fade])
    matte = np.concatenate([matte, np.repeat(matte[-strip:].mean(axis=0, keepdims=True), longer, axis=0)])
    matte = np.pad(matte, ((0, 0), (2, 2)))
    colour = np.pad(colour, ((0, 0), (2, 2), (0, 0)))
    eyes = Eyes(eyes.x + 2, eyes.y, eyes.distance, eyes.tilt)
    laid = np.asarray(colour * matte[:, :, None], np.float32)
    return Figure(laid, np.asarray(matte, np.float32), eyes)


def figure_from_behind(coat: tuple[int, int, int], hair: tuple[int, int, int]) -> Figure:
    """Somebody with their back to the camera: drawn, no face. Colours are BGR."""
    unit, width, height = 64.0, 500, 480
    middle, eye_row = width / 2, 170.0
    colour, matte = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(middle + x * unit), round(eye_row + y * unit)

    def paint(shade: tuple[int, int, int], *points: tuple[float, float]) -> None:
        corners = np.array([at(*point) for point in points], np.int32)
        for image, value in ((colour, shade), (matte, (255, 0, 0))):
            cv2.fillPoly(image, [corners], value, cv2.LINE_AA)

    def oval(shade: tuple[int, int, int], centre: tuple[float, float], axes: tuple[float, float]) -> None:
        size = (round(axes[0] * unit), round(axes[1] * unit))
        for image, value in ((colour, shade), (matte, (255, 0, 0))):
            cv2.ellipse(image, at(*centre), size, 0, 0, 360, value, -1, cv2.LINE_AA)

    skin = (118, 146, 188)
    for side in (-1, 1):
        oval(skin, (1.22 * side, 0.25), (0.16, 0.36))
    paint(skin, (-0.75, 0.6), (0.75, 0.6), (0.85, 2.3), (-0.85, 2.3))
    oval(hair, (0, -0.15), (1.18, 1.5))
    back = [(-0.9, 1.75), (0.9, 1.75), (1.5, 2.15), (2.9, 2.6), (3.3, 3.3), (3.6, 9), (-3.6, 9), (-3.3, 3.3)]
    paint(coat, *back, (-2.9, 2.6), (-1.5, 2.15))
    darker = tuple(int(c * 0.72) for c in coat)
    paint((darker[0], darker[1], darker[2]), (-1.0, 1.7), (1.0, 1.7), (0.85, 2.1), (-0.85, 2.1))
    cv2.line(colour, at(0, 2.1), at(0.05, 9), darker, 3, cv2.LINE_AA)
    grain = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 26, (height, width)), (0, 0), 1.6)
    light = np.linspace(1.15, 0.8, width, dtype=np.float32)[None, :, None]
    shaded = cv2.GaussianBlur(colour, (0, 0), 1.2).astype(np.float32) * light + grain[:, :, None]
    soft = _shares(cv2.GaussianBlur(matte, (0, 0), 1.2))
    return _figure(np.asarray(np.clip(shaded, 0, 255), np.float32), soft, Eyes(middle, eye_row, unit, 0))


@dataclass(frozen=True)
class Pose:
    """Where somebody is in one frame: the point between the eyes, their distance, tilt, light, speed in px/s."""

    x: float
    y: float
    eyes: float
    tilt: float
    light: float
    speed: float


def lay(picture: Picture, figure: Figure, pose: Pose, tint: Sequence[float]) -> Layer:
    """Lay a figure into a picture; gives its matte in the picture."""
    height, width = picture.shape[:2]
    chosen = figure.halved if pose.eyes < 0.62 * figure.eyes.distance else figure
    scale = pose.eyes / chosen.eyes.distance
    turn = cv2.getRotationMatrix2D((chosen.eyes.x, chosen.eyes.y), pose.tilt, scale)
    turn[:, 2] += np.array((pose.x - chosen.eyes.x, pose.y - chosen.eyes.y))
    left = max(0, int(pose.x - scale * chosen.eyes.x - 8))
    right = min(width, int(pose.x + scale * (chosen.matte.shape[1] - chosen.eyes.x) + 8))
    matte = np.zeros((height, width), np.float32)
    if left >= right:
        return matte
    top = max(0, int(pose.y - scale * chosen.eyes.y - 8))
    turn[:, 2] -= np.array((left, top))
    size = (right - left, height - top)
    colour = cv2.warpAffine(chosen.colour, turn, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(chosen.matte, turn, size, flags=cv2.INTER_LINEAR)
    blur = 2 * int(abs(pose.speed) / 220 / 2) + 1  # shutter 1/220 s
    if blur > 1:
        colour, cover = cv2.blur(colour, (blur, 1)), cv2.blur(cover, (blur, 1))
    lit = colour * np.asarray(np.array(tint) * pose.light, np.float32)
    mixed = picture[top:, left:right] * (1 - cover[:, :, None]) + lit
    picture[top:, left:right] = np.clip(mixed, 0, 255).astype(np.uint8)
    matte[top:, left:right] = cover
    return matte


@dataclass(frozen=True)
class Visit:
    """One walk through the picture: in from behind an edge, slower in the middle, out behind an edge.

    Args:
        figure: a portrait's name, or ``behind`` for somebody seen from behind; the person is what stands before
            the first ``-``.
        start: seconds at which the whole face has come out from behind the edge.
        end: seconds at which the face begins to go behind an edge again.
        from_left: whether they come from behind the left edge, otherwise from behind the right one.
        to_left: whether they leave behind the left edge.
        slow: where they are when they have slowed down and when they speed up again, as fractions of the way
            between the two edges.
        eyes: pixels between the eyes when they come and when they leave.
    """

    figure: str
    start: float
    end: float
    from_left: bool
    to_left: bool
    slow: tuple[float, float]
    eyes: tuple[float, float]

    @property
    def person(self) -> str:
        return self.figure.partition("-")[0]

    def eye_distance(self, seconds: float) -> float:
        done = min(1.0, max(0.0, (seconds - self.start) / (self.end - self.start)))
        return self.eyes[0] + (self.eyes[1] - self.eyes[0]) * done * done * (3 - 2 * done)

    def place(self, seconds: float, edges: tuple[float, float]) -> float:
        """The column between the eyes; ``edges`` are the columns of the left and the right edge."""
        left, right = edges
        inner = [left + (right - left) * part for part in self.slow]
        ways = [(self.from_left, self.eyes[0]), (self.to_left, self.eyes[1])]
        outer = [left + FACE[0] * e if is_left else right - FACE[0] * e for is_left, e in ways]
        speeds = [WALK_SPEED * e * (1 if is_left else -1) for is_left, e in ways]
        if seconds <= self.start:
            return outer[0] + speeds[0] * (seconds - self.start)
        if seconds >= self.end:
            return outer[1] - speeds[1] * (seconds - self.end)
        slowing = [1.9 * abs(i - o) / abs(s) for i, o, s in zip(inner, outer, speeds, strict=True)]
        first, last = self.start + slowing[0], self.end - slowing[1]
        if last <= first:
            raise ValueError(f"{self.figure} at {self.start} s: no time to slow down; make the visit longer")
        drift = (inner[1] - inner[0]) / (last - first)
        if seconds < first:
            return _curve(seconds, (self.start, first), (outer[0], inner[0]), (speeds[0], drift))
        if seconds < last:
            return inner[0] + drift * (seconds - first)
        return _curve(seconds, (last, self.end), (inner[1], outer[1]), (drift, -speeds[1]))


def _curve(
    seconds: float, times: tuple[float, float], places: tuple[float, float], speeds: tuple[float, float]
) -> float:
    """A cubic through two places with the given speeds at either end."""
    length = times[1] - times[0]
    u = (seconds - times[0]) / length
    return float(
        places[0] * (1 + 2 * u) * (1 - u) ** 2
        + places[1] * u * u * (3 - 2 * u)
        + speeds[0] * length * u * (1 - u) ** 2
        + speeds[1] * length * u * u * (u - 1)
    )
