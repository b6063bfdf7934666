"""Worse copies of photos, to measure what poor footage does to comparison scores.

Every copy is deterministic: what is drawn at random follows from a name, so the same photo gives the same copy on every
machine. Pictures are (H, W, 3) uint8 RGB and keep their shape, except where they are scaled. These are models of what
cameras do, each for one weakness alone; real footage has several at once.
"""

from __future__ import annotations

import hashlib
import math

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.records import Floats, Pixels

GAMMA = 2.2
"""Pictures are taken to hold light to the power of 1 / 2.2."""

_RED_LIGHT = (0.80, 0.15, 0.05)
"""A sensor without an infrared filter sees skin about as its red channel does."""

_ELECTRONS_AT_WHITE = 4000.0
_READ_NOISE_ELECTRONS = 6.0
"""A small video sensor: what a pixel holds at full light, and the noise of reading it out."""


def seed_of(name: str) -> int:
    """A number that follows from a name alone, for what is drawn at random."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big")


def scale_to_eye_distance(image: Pixels, landmarks: Floats, pixels: float) -> tuple[Pixels, float]:
    """Make a photo so small that a face's eyes lie ``pixels`` apart; it is not made large again.

    Each pixel becomes the mean of those it covers, as a lens and sensor would average them. A photo is never enlarged.

    Args:
        landmarks: (5, 2) of the face, in pixels of ``image``.

    Returns:
        The copy, and the factor: landmarks of the copy are ``(landmarks + 0.5) * factor - 0.5``.

    Raises:
        ValueError: ``pixels`` is not above 0, or the eyes are on one point.
    """
    apart = float(np.hypot(*(landmarks[1].astype(np.float64) - landmarks[0])))
    if not pixels > 0 or not apart > 0:
        raise ValueError(f"cannot bring eyes {apart:g} px apart to {pixels:g} px")
    factor = pixels / apart
    if factor >= 1:
        return image, 1.0
    height, width = image.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    # The sides are whole pixels, so the factor is only nearly the same both ways: cut to what fits, exactly.
    matrix = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    whole = max(1, math.floor(1 / factor))
    averaged = cv2.blur(image, (whole, whole), borderType=cv2.BORDER_REPLICATE) if whole > 1 else image
    if whole > 1 and whole % 2 == 0:
        matrix[:, 2] += 0.5  # the block of an even side lies half a pixel before its anchor
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    copy = cv2.warpAffine(averaged, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(copy, np.uint8), factor


def blur(image: Pixels, sigma: float) -> Pixels:
    """Out of focus: a Gaussian of standard deviation ``sigma`` pixels."""
    if sigma <= 0:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)


def motion_blur(image: Pixels, length: float, name: str) -> Pixels:
    """The face moves ``length`` pixels in a straight line while the shutter is open, in a direction drawn by name."""
    if length <= 0:
        return image
    angle = np.random.default_rng(seed_of(name)).uniform(0, math.pi)
    side = 2 * math.ceil(length / 2) + 1
    kernel = np.zeros((side, side), np.float64)
    steps = np.linspace(-length / 2, length / 2, 16 * side)
    for x, y in zip(steps * math.cos(angle), steps * math.sin(angle), strict=True):
        _add_point(kernel, side // 2 + x, side // 2 + y)
    blurred = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)


def _add_point(kernel: npt.NDArray[np.float64], x: float, y: float) -> None:
    """Add 1 between the four cells around a place; what lies outside is left out."""
    left, top = math.floor(x), math.floor(y)
    for row, tall in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, wide in ((left, 1 - (x - left)), (left + 1, x - left)):
            if 0 <= row < len(kernel) and 0 <= column < len(kernel):
                kernel[row, column] += tall * wide


def noise(image: Pixels, deviation: float, name: str) -> Pixels:
    """Gaussian noise of so many grey levels (of 255) on every value, drawn by name."""
    if deviation <= 0:
        return image
    drawn = np.random.default_rng(seed_of(name)).normal(0, deviation, image.shape)
    return _levels(image + drawn)


def jpeg(image: Pixels, quality: int) -> Pixels:
    """Written as JPEG of this quality (1 to 100, colour halved both ways) and read again."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    written = cv2.imencode(".jpg", image[:, :, ::-1], flags)[1]
    read = cv2.imdecode(written, cv2.IMREAD_COLOR)
    assert read is not None  # it was just written
    return np.ascontiguousarray(read[:, :, ::-1]).astype(np.uint8)


def grey(image: Pixels) -> Pixels:
    """Without colour, as a camera without colour sees by day."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def infrared(image: Pixels, name: str, *, eye_distance_pixels: float) -> Pixels:
    """Like a camera with an infrared lamp at night: skin pale and flat, light falling off, some noise; no colour.

    Near infrared light is not in the photo. Mostly its red channel is taken, in which skin is pale as well; pigment,
    eyes and make-up look different in true infrared. So this shows what the loss of colour and contrast does, and
    is no measure of a real infrared camera.

    Args:
        eye_distance_pixels: the lamp's light falls to half at 5 of these from the middle of the picture.
    """
    light = (image / 255.0) ** GAMMA @ np.array(_RED_LIGHT)
    height, width = light.shape
    rows, columns = np.mgrid[:height, :width]
    reach = 5 * eye_distance_pixels
    away = ((rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2) / reach**2
    flat = (light / (1 + away)) ** (0.7 / GAMMA)
    pale = noise(_levels(255 * flat)[:, :, None], 5.0, name)
    return np.repeat(pale, 3, axis=2)


def low_light(image: Pixels, stops: float, name: str) -> Pixels:
    """A small sensor that gets ``stops`` times half of the light and turns its gain up to make up for it.

    Photons and the reading of the sensor are noise; each colour is drawn by itself. So the copy is about as bright as
    the photo, and noisy in the shadows first.
    """
    share = 2.0**-stops
    random = np.random.default_rng(seed_of(name))
    electrons = (image / 255.0) ** GAMMA * _ELECTRONS_AT_WHITE * share
    seen = random.poisson(electrons) + random.normal(0, _READ_NOISE_ELECTRONS, image.shape)
    gained = np.clip(seen / (_ELECTRONS_AT_WHITE * share), 0, 1)
    return _levels(255 * gained ** (1 / GAMMA))


def dark(image: Pixels, stops: float) -> Pixels:
    """The same with no gain at all and no noise: ``stops`` times half the light, rounded to 256 levels."""
    return _levels(255 * ((image / 255.0) ** GAMMA * 2.0**-stops) ** (1 / GAMMA))


def _levels(values: npt.NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
