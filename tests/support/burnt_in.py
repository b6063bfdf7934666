"""Pictures and clips with text burnt in, as recorders do it: light letters, dark outline, over a moving scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

import clips

Image = npt.NDArray[np.uint8]
Font = str
FONTS: tuple[Font, ...] = ("blocks", "smooth", "strokes", "strokes bold")
"""Pillow's bitmap font enlarged, its outline font, and OpenCV's two plotter fonts."""


@dataclass(frozen=True)
class Words:
    """A line of text: where its left upper corner is, as shares of the picture's width and height."""

    text: str
    at: tuple[float, float] = (0.03, 0.05)
    height_pixels: int = 18
    font: Font = "blocks"


def letters(words: Words) -> Image:
    """(h, w) uint8, 255 where the letters are."""
    if words.font.startswith("strokes"):
        thickness = 2 if words.font.endswith("bold") else 1
        scale = words.height_pixels / 22
        face = cv2.FONT_HERSHEY_DUPLEX if thickness == 2 else cv2.FONT_HERSHEY_SIMPLEX
        (width, height), below = cv2.getTextSize(words.text, face, scale, thickness)
        canvas = np.zeros((height + below + 4, width + 4), np.uint8)
        cv2.putText(canvas, words.text, (2, height + 2), face, scale, 255, thickness, cv2.LINE_AA)
        return canvas
    if words.font == "blocks":
        font: ImageFont.ImageFont | ImageFont.FreeTypeFont = ImageFont.load_default_imagefont()
        times = max(1, round(words.height_pixels / 10))
    else:
        font, times = ImageFont.load_default(words.height_pixels), 1
    right, bottom = (int(edge) + 3 for edge in font.getbbox(words.text)[2:])
    picture = PillowImage.new("L", (right, bottom))
    ImageDraw.Draw(picture).text((1, 1), words.text, 255, font=font)
    return np.asarray(picture).repeat(times, 0).repeat(times, 1)


def burn(scene: Image, lines: Sequence[Words]) -> Image:
    """The scene (H, W, 3) with each line drawn white with a black outline; what does not fit is cut off."""
    picture = scene.astype(np.float32)
    for words in lines:
        ink = np.zeros(scene.shape[:2], np.float32)
        top, left = int(words.at[1] * scene.shape[0]), int(words.at[0] * scene.shape[1])
        drawn = letters(words)[: scene.shape[0] - top, : scene.shape[1] - left]
        ink[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn / 255
        wide = 2 * max(1, words.height_pixels // 12) + 1
        outline = cv2.dilate(ink, np.ones((wide, wide), np.uint8))
        picture = picture * (1 - outline[..., None]) + 255 * ink[..., None]
    return picture.astype(np.uint8)


def busy_scene(number: int, width: int, height: int) -> Image:
    """(H, W, 3) RGB: blobs of all greys and colours that drift from frame to frame."""
    noise = np.random.default_rng(7).integers(0, 255, (height // 14 + 2, width // 14 + 2, 3), np.uint8)
    large = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.roll(large, 2 * number, axis=1), np.uint8)


def running_clock(
    start: datetime,
    *,
    rate: float = 1.0,
    layout: str = "%Y-%m-%d %H:%M:%S",
    jump_after: float | None = None,
    jump: timedelta = timedelta(hours=1),
) -> Callable[[Fraction], str]:
    """What the clock shows at a media time; from ``jump_after`` on it shows ``jump`` more."""

    def shown(seconds: Fraction) -> str:
        at = start + timedelta(seconds=float(seconds) * rate)
        if jump_after is not None and seconds >= jump_after:
            at += jump
        return at.strftime(layout)

    return shown


def make_clock_clip(
    path: Path,
    text_at: Callable[[Fraction], str],
    *,
    seconds: int = 30,
    rate: int = 5,
    size: tuple[int, int] = (704, 576),
    codec: str = "libx264",
    height_pixels: int = 18,
    font: Font = "blocks",
    more: Sequence[Words] = (),
) -> Path:
    """Write a clip over whose busy scene ``text_at(media time)`` is burnt, with lines that never change."""

    def picture(number: int, width: int, height: int) -> Image:
        changing = Words(text_at(Fraction(number, rate)), height_pixels=height_pixels, font=font)
        return burn(busy_scene(number, width, height), [changing, *more])

    return clips.make_clip(
        path, frames=seconds * rate, rate=rate, size=size, codec=codec, keyframe_every=rate, picture=picture
    )
