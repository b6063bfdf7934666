"""Face pictures are judged by what can be measured, and every refusal has a reason."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from fakes import COLOURS, LANDMARKS, draw_face, scene
from retrofr.quality import measure_quality
from retrofr.records import Floats, Pixels, Quality
from retrofr.settings import QualitySettings


def measured(image: Pixels, box: Floats, landmarks: Floats, **settings: float) -> Quality:
    return measure_quality(image, box, landmarks, 0.9, QualitySettings(**settings))  # type: ignore[arg-type]


def drawn(side: int = 100, x: int = 60, y: int = 60) -> tuple[Pixels, Floats, Floats]:
    image = scene()
    draw_face(image, COLOURS["red"], x, y, side)
    box = np.array((x, y, x + side, y + side), np.float32)
    return image, box, box[:2] + LANDMARKS * side


def test_a_plain_frontal_face_can_be_compared() -> None:
    quality = measured(*drawn())
    assert quality.comparable
    assert quality.eye_distance_pixels == pytest.approx(40)
    assert (quality.yaw, quality.cut_by_edge) == (pytest.approx(0, abs=1e-5), False)
    assert quality.roll_degrees == pytest.approx(0, abs=1e-4)


def test_small_faces_say_so_with_the_limit() -> None:
    quality = measured(*drawn(side=20))
    assert quality.problems == ("too small: less than 10 px between the eyes",)


def test_a_turned_head_says_so() -> None:
    image, box, landmarks = drawn()
    landmarks[2, 0] = landmarks[1, 0]
    quality = measured(image, box, landmarks)
    assert quality.yaw == pytest.approx(1, abs=1e-5)
    assert quality.problems == ("turned away from the camera",)


def test_a_face_that_leaves_the_frame_says_so() -> None:
    image, box, landmarks = drawn(x=-45)
    quality = measured(image, box, landmarks)
    assert "cut by the frame edge" in quality.problems
    assert quality.cut_by_edge


def test_a_uniform_patch_has_no_contrast() -> None:
    _, box, landmarks = drawn()
    quality = measured(scene(), box, landmarks)
    assert quality.sharpness == 0
    assert quality.problems == ("no contrast: too dark, too bright or covered",)


def test_blur_lowers_sharpness_and_rank_step_by_step() -> None:
    image, box, landmarks = drawn(120)
    noisy = np.clip(image.astype(int) + np.random.default_rng(1).normal(0, 6, image.shape), 0, 255)
    series = [
        measured(cv2.GaussianBlur(noisy.astype(np.uint8), (0, 0), s), box, landmarks) for s in (0.5, 1.5, 4)
    ]
    for clear, soft in pairwise(series):
        assert clear.sharpness > soft.sharpness
        assert clear.rank > soft.rank
    strict = measured(cv2.GaussianBlur(image, (0, 0), 6), box, landmarks, min_sharpness=0.5)
    assert "blurred" in strict.problems


def test_sharpness_does_not_depend_on_light() -> None:
    image, box, landmarks = drawn(120)
    darker = (image * 0.5).astype(np.uint8)
    assert measured(image, box, landmarks).sharpness == pytest.approx(
        measured(darker, box, landmarks).sharpness, abs=0.05
    )


@pytest.mark.parametrize("box", [(500, 500, 520, 520), (50, 50, 50, 90), (-40, -40, -10, -10)])
def test_a_box_outside_the_frame_is_judged_without_an_error(box: tuple[float, ...]) -> None:
    array = np.array(box, np.float32)
    assert not measured(scene(), array, array[:2] + LANDMARKS * 20).comparable
