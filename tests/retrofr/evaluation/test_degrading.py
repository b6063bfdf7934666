"""Degraded copies: each does what it says, by as much as it says, the same on every run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.evaluation import degrading
from retrofr.records import Floats, Pixels

FACE: Floats = np.array([[100, 80], [160, 80], [130, 110], [108, 140], [152, 140]], np.float32)


def picture(level: int = 128, height: int = 200, width: int = 260) -> Pixels:
    return np.full((height, width, 3), level, np.uint8)


def stripes() -> Pixels:
    image = picture()
    image[:, ::2] = 90
    image[:, 1::2] = 166
    image[:, :, 2] //= 2  # it has a colour
    return image


DRAWN: dict[str, Callable[[Pixels, str], Pixels]] = {
    "motion_blur": lambda image, name: degrading.motion_blur(image, 7, name),
    "noise": lambda image, name: degrading.noise(image, 10, name),
    "infrared": lambda image, name: degrading.infrared(image, name, eye_distance_pixels=60),
    "low_light": lambda image, name: degrading.low_light(image, 4, name),
}
STILL: dict[str, Callable[[Pixels], Pixels]] = {
    "blur": lambda image: degrading.blur(image, 2),
    "jpeg": lambda image: degrading.jpeg(image, 20),
    "grey": degrading.grey,
    "dark": lambda image: degrading.dark(image, 3),
}


@pytest.mark.parametrize("way", DRAWN)
def test_what_is_drawn_follows_from_the_name_alone(way: str) -> None:
    one, again, other = (DRAWN[way](stripes(), name) for name in ("a/1.jpg", "a/1.jpg", "a/2.jpg"))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("way", [*DRAWN, *STILL])
def test_copies_keep_shape_and_type_and_leave_the_photo_alone(way: str) -> None:
    image = stripes()
    copy = DRAWN[way](image, "x") if way in DRAWN else STILL[way](image)
    assert (copy.shape, copy.dtype) == (image.shape, np.uint8)
    assert not np.array_equal(copy, image)
    assert np.array_equal(image, stripes())


@given(pixels=st.floats(4, 59))
@settings(max_examples=25, deadline=None)
def test_a_scaled_face_has_its_eyes_so_far_apart_and_its_landmarks_where_told(pixels: float) -> None:
    image = picture(0)
    image[70:91, 90:111] = 255  # a square around the left eye
    copy, factor = degrading.scale_to_eye_distance(image, FACE, pixels)
    assert factor == pytest.approx(pixels / 60)
    assert copy.shape[:2] == (round(200 * factor), round(260 * factor))
    weights = copy[:, :, 0].astype(np.float64)
    rows, columns = np.indices(weights.shape)
    middle = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
    assert middle == pytest.approx((FACE[0] + 0.5) * factor - 0.5, abs=0.25)


def test_fine_texture_is_averaged_away_by_scaling_not_sampled() -> None:
    copy, _ = degrading.scale_to_eye_distance(stripes(), FACE, 15)
    assert np.abs(copy.astype(int) - [128, 128, 64]).max() <= 1


def test_a_photo_is_never_enlarged() -> None:
    image = stripes()
    copy, factor = degrading.scale_to_eye_distance(image, FACE, 61)
    assert copy is image
    assert factor == 1.0


@pytest.mark.parametrize("pixels", [0.0, -1.0, float("nan")])
def test_a_face_cannot_be_scaled_to_nothing(pixels: float) -> None:
    with pytest.raises(ValueError, match="cannot bring eyes 60 px apart to"):
        degrading.scale_to_eye_distance(stripes(), FACE, pixels)


def test_blur_spreads_a_point_by_its_deviation() -> None:
    image = picture(0, 101, 101)
    image[49:52, 49:52] = 255
    copy = degrading.blur(image, 5)[:, :, 0].astype(np.float64)
    columns = np.arange(101) - 50
    assert np.sqrt((copy.sum(axis=0) * columns**2).sum() / copy.sum()) == pytest.approx(5, abs=0.4)


def test_a_moving_point_leaves_a_line_of_that_length() -> None:
    image = picture(0, 101, 101)
    image[49:52, 49:52] = 255
    trail = np.argwhere(degrading.motion_blur(image, 20, "x")[:, :, 0] > 20)
    assert np.hypot(*(trail.max(axis=0) - trail.min(axis=0))) == pytest.approx(20, abs=4)
    assert len(trail) < 130  # a line of three pixels' width, not a disc


def test_noise_has_the_deviation_asked_for() -> None:
    assert degrading.noise(picture(), 12, "x").astype(float).std() == pytest.approx(12, rel=0.02)


def test_less_light_is_noisier_and_stays_as_bright() -> None:
    deviations = []
    for stops in (1, 3, 5):
        copy = degrading.low_light(picture(), stops, "x").astype(float)
        deviations.append(copy.std())
        assert copy.mean() == pytest.approx(128, abs=6)
    assert deviations == sorted(deviations)
    # Photons of 128 of 255: (128 / 255) ** 2.2 * 4000 / 2 are 439, so 5 % of light, which the gamma makes 2.2 %.
    assert deviations[0] == pytest.approx(128 * np.sqrt(439 + 36) / 439 / 2.2, rel=0.05)


def test_one_stop_is_half_of_the_light() -> None:
    assert np.unique(degrading.dark(picture(200), 1)).tolist() == [round(200 * 0.5 ** (1 / 2.2))]


def test_a_worse_jpeg_is_further_from_the_photo() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    away = [np.abs(degrading.jpeg(image, quality).astype(int) - image).mean() for quality in (90, 40, 10)]
    assert away == sorted(away)


def test_grey_and_infrared_have_no_colour() -> None:
    image = picture()
    image[..., 0], image[..., 2] = 200, 40
    for copy in (degrading.grey(image), degrading.infrared(image, "x", eye_distance_pixels=60)):
        assert np.array_equal(copy[..., 0], copy[..., 1])
        assert np.array_equal(copy[..., 0], copy[..., 2])


def test_the_lamp_of_an_infrared_camera_lights_the_middle() -> None:
    copy = degrading.infrared(picture(), "x", eye_distance_pixels=20).astype(float)
    assert copy[90:110, 120:140].mean() > copy[:20, :20].mean() + 20


def test_nothing_is_done_where_nothing_is_asked_for() -> None:
    image = stripes()
    for copy in (
        degrading.blur(image, 0),
        degrading.motion_blur(image, 0, "x"),
        degrading.noise(image, 0, "x"),
    ):
        assert copy is image
