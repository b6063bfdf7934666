"""How good a face picture is, with reasons a person can follow.

Everything is measured from the pixels and the five landmarks. No net takes part and nothing about the person
is inferred. Sharpness is the no-reference measure of Crete, Dolmiere, Ladret and Nicolas, "The blur effect",
2007: how much of the picture's fine variation is lost when it is blurred once more.
"""

from __future__ import annotations

import cv2
import numpy as np

from retrofr.records import Floats, Pixels, Quality
from retrofr.settings import QualitySettings

MEASURED_SIDE = 64
"""Faces are measured at most at this side, so that a large soft face is not called blurred."""

FULL_MARKS_EYE_DISTANCE = 60.0
"""Pixels between the eyes above which more do not help: the embedders' chips are that size."""


def measure_quality(
    image: Pixels, box: Floats, landmarks: Floats, detection_score: float, settings: QualitySettings
) -> Quality:
    """Measure one face.

    Args:
        image: (H, W, 3) uint8 RGB frame.
        box: (4,) pixels of that frame.
        landmarks: (5, 2) pixels of that frame.
        detection_score: 0 to 1, only used to order faces of one tracklet.
        settings: the limits below which a face is not compared.
    """
    height, width = image.shape[:2]
    eye_vector = landmarks[1] - landmarks[0]
    eye_distance = float(np.hypot(*eye_vector))
    yaw, pitch = _pose(landmarks)
    grey = _face_grey(image, box)
    sharpness, brightness, contrast = _sharpness(grey), float(grey.mean()), float(grey.std())
    outside = bool(((landmarks < 0) | (landmarks >= (width, height))).any())
    cut = outside or bool(box[0] <= 1 or box[1] <= 1 or box[2] >= width - 1 or box[3] >= height - 1)

    problems = []
    if eye_distance < settings.min_eye_distance_pixels:
        problems.append(f"too small: less than {settings.min_eye_distance_pixels:g} px between the eyes")
    if yaw > settings.max_yaw:
        problems.append("turned away from the camera")
    if outside:
        problems.append("cut by the frame edge")
    if sharpness < settings.min_sharpness:
        problems.append("blurred")
    if contrast < settings.min_contrast:
        problems.append("no contrast: too dark, too bright or covered")
    return Quality(
        eye_distance_pixels=eye_distance,
        sharpness=sharpness,
        brightness=brightness,
        contrast=contrast,
        yaw=yaw,
        pitch=pitch,
        roll_degrees=float(np.degrees(np.arctan2(eye_vector[1], eye_vector[0]))),
        cut_by_edge=cut,
        problems=tuple(problems),
        warnings=tuple(_warnings(eye_distance, yaw, sharpness, brightness, contrast, cut)),
        rank=_rank(eye_distance, sharpness, contrast, yaw, pitch, detection_score, cut),
    )


def _warnings(
    eye_distance: float, yaw: float, sharpness: float, brightness: float, contrast: float, cut: bool
) -> list[str]:
    """Reasons for care with a picture that may be compared all the same; a probe's are told to the user."""
    warnings = []
    if eye_distance < 24:
        warnings.append(f"small: {eye_distance:.0f} px between the eyes, 24 or more are better")
    if yaw > 0.5:
        warnings.append("the head is turned; a frontal picture compares better")
    if sharpness < 0.3:
        warnings.append("not sharp")
    if brightness < 0.15:
        warnings.append("dark")
    if brightness > 0.85:
        warnings.append("overexposed")
    if contrast < 0.06:
        warnings.append("low contrast")
    if cut:
        warnings.append("touches the edge of the picture")
    return warnings


def _face_grey(image: Pixels, box: Floats) -> Floats:
    """The face's grey levels, 0 to 1, at most MEASURED_SIDE high and wide; one pixel for an empty box."""
    height, width = image.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x2 <= x1 or y2 <= y1:
        return np.zeros((1, 1), np.float32)
    crop = image[y1:y2, x1:x2]
    scale = MEASURED_SIDE / max(crop.shape[:2])
    if scale < 1:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)


def _sharpness(grey: Floats) -> float:
    """1 minus the blur effect, the worse of both directions; 0 for a picture without any variation."""
    losses = []
    for axis, size in ((0, (1, 9)), (1, (9, 1))):
        if grey.shape[axis] < 3:
            return 0.0
        variation = np.abs(np.diff(grey, axis=axis))
        blurred = np.abs(np.diff(cv2.blur(grey, size), axis=axis))
        total = float(variation.sum())
        if total <= 1e-6:
            return 0.0
        losses.append(float(np.maximum(variation - blurred, 0).sum()) / total)
    return min(losses)


def _pose(landmarks: Floats) -> tuple[float, float]:
    """Yaw and pitch, each 0 (frontal) to 1, from where the nose lies between eyes and mouth."""
    left, right, nose, mouth_left, mouth_right = landmarks.astype(np.float64)
    across = right - left
    length = float(across @ across)
    if length < 1e-6:
        return 1.0, 1.0
    eyes, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    sideways = float((nose - left) @ across) / length
    down = mouth - eyes
    depth = float(down @ down)
    nod = float((nose - eyes) @ down) / depth if depth > 1e-6 else 0.0
    # The nose of a level, frontal face lies halfway between the eyes and 0.55 of the way down to the mouth.
    return min(1.0, abs(2 * sideways - 1)), min(1.0, abs(nod - 0.55) * 2)


def _rank(
    eye_distance: float,
    sharpness: float,
    contrast: float,
    yaw: float,
    pitch: float,
    detection_score: float,
    cut: bool,
) -> float:
    """Order of a tracklet's faces: every weakness multiplies, so that one bad property is enough to lose."""
    size = min(1.0, eye_distance / FULL_MARKS_EYE_DISTANCE) ** 0.5
    pose = (1 - 0.8 * yaw) * (1 - 0.4 * pitch)
    light = min(1.0, contrast / 0.15)
    picture = (
        size * pose * (0.3 + 0.7 * sharpness) * (0.5 + 0.5 * light) * max(0.0, min(1.0, detection_score))
    )
    return float(picture * (0.7 if cut else 1.0))
