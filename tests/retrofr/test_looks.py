"""Part of a face is found again where it is; another's is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fakes import LANDMARKS
from retrofr.looks import Look, closer_look, take_looks
from retrofr.records import Detections, Pixels


def picture(seed: int, side: int = 120) -> Pixels:
    coarse = np.random.default_rng(seed).integers(20, 230, (10, 10)).astype(np.uint8)
    grey = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2)


def look(image: Pixels, box: tuple[float, float, float, float]) -> Look:
    array = np.array([box], np.float32)
    landmarks = array[:, None, :2] + LANDMARKS * (array[:, None, 2:] - array[:, None, :2])
    (made,) = take_looks(image, Detections(array, landmarks, np.ones(1, np.float32)))
    return made


def test_thumbnails_are_correlations() -> None:
    one, other = look(picture(1), (30, 30, 90, 90)), look(picture(2), (30, 30, 90, 90))
    assert float(one.thumbnail @ one.thumbnail) == pytest.approx(1, abs=1e-5)
    assert abs(float(one.thumbnail @ other.thumbnail)) < 0.5
    brighter = look((picture(1) // 2 + 60).astype(np.uint8), (30, 30, 90, 90))
    assert float(one.thumbnail @ brighter.thumbnail) > 0.99


def test_part_of_a_face_is_found_again_at_the_whole_of_it() -> None:
    whole, part = look(picture(1), (30, 30, 90, 90)), look(picture(1), (30, 30, 60, 90))
    assert closer_look(whole, part) > 0.95
    assert closer_look(whole, part) == closer_look(part, whole)


@pytest.mark.parametrize(("times", "least", "most"), [(1.1, 0.9, 1.0), (2.5, -1.0, 0.6)])
def test_a_face_is_sought_in_the_size_it_had(times: float, least: float, most: float) -> None:
    side = round(120 * times)
    larger = np.asarray(cv2.resize(picture(1), (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    box = (30 * times, 30 * times, 90 * times, 90 * times)
    assert least <= closer_look(look(picture(1), (30, 30, 90, 90)), look(larger, box)) <= most


def test_another_face_is_not_found() -> None:
    assert closer_look(look(picture(1), (30, 30, 90, 90)), look(picture(2), (30, 30, 90, 90))) < 0.6


@pytest.mark.parametrize(
    "box", [(50, 50, 50, 50), (118, 118, 120, 120), (-40, -40, -10, -10), (50, 20, 52, 80)]
)
def test_what_is_too_little_to_compare_is_like_nothing(box: tuple[float, float, float, float]) -> None:
    plain = look(np.full((120, 120, 3), 90, np.uint8), (30, 30, 90, 90))
    assert abs(closer_look(look(picture(1), box), plain)) < 0.5


def test_patches_stay_small() -> None:
    made = look(picture(1, 1000), (100, 100, 900, 900))
    assert max(made.patch.shape) <= 60
    assert made.scale == pytest.approx(32 / 800)
    assert made.box[2] - made.box[0] == pytest.approx(32, abs=0.5)
