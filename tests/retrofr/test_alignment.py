"""Chips show the face where the embedder expects it, at any size, turn and place."""

from __future__ import annotations

import math
import time

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.alignment import LANDMARK_NET_SIDE, cut_chips, refine_landmarks, similarity_transform
from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels

SPEC = ChipSpec(
    112,
    ((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)),
)


def _placed(scale: float, degrees: float, x: float, y: float) -> Floats:
    """The chip's own landmarks, scaled, turned about their middle and put at (x, y)."""
    points = SPEC.points - SPEC.points.mean(axis=0)
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray(scale * points @ turn.T + [x, y], np.float32)


def _dots(landmarks: Floats, height: int, width: int, radius: float) -> Pixels:
    """A grey picture with a white dot on each landmark."""
    rows, columns = np.mgrid[:height, :width]
    image = np.full((height, width, 3), 60, np.uint8)
    for x, y in landmarks:
        image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 255
    return image


@pytest.mark.parametrize("degrees", [0, 30, -90, 170])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7, 3.3, 6.0])
def test_landmarks_land_where_the_chip_has_them(scale: float, degrees: float) -> None:
    landmarks = _placed(scale, degrees, 500.3, 480.8)
    image = _dots(landmarks, 960, 1000, radius=max(4 * scale, 2))
    chip = cut_chips(image, landmarks[None], SPEC)[0].astype(np.float64)[..., 0] - 60
    for x, y in SPEC.landmarks:
        left, top = round(x) - 8, round(y) - 8
        part = chip[top : top + 17, left : left + 17]
        rows, columns = np.mgrid[top : top + 17, left : left + 17]
        found = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
        # A dot's place is only known to a part of a picture's pixel, which is 1 / scale of the chip's.
        assert np.abs(found - (x, y)).max() < max(0.25, 0.3 / scale)


def test_several_faces_are_cut_as_one_by_one() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    landmarks = np.stack([_placed(0.5, 10, 100, 90), _placed(2.4, -20, 220, 160), _placed(1, 0, 350, 250)])
    together = cut_chips(image, landmarks, SPEC)
    assert together.shape == (3, 112, 112, 3)
    assert together.dtype == np.uint8
    for chip, points in zip(together, landmarks, strict=True):
        np.testing.assert_array_equal(chip, cut_chips(image, points[None], SPEC)[0])


def test_no_faces_give_no_chips() -> None:
    image = np.zeros((50, 60, 3), np.uint8)
    assert cut_chips(image, np.zeros((0, 5, 2), np.float32), SPEC).shape == (0, 112, 112, 3)


@pytest.mark.parametrize("scale", [2.0, 3.5, 7.0, 19.0])
def test_large_faces_are_averaged_not_sampled(scale: float) -> None:
    """One-pixel stripes turn into even grey; sampling would turn them into coarse stripes."""
    side = int(150 * scale)
    image = np.zeros((side, side, 3), np.uint8)
    image[:, ::2] = 255
    chip = cut_chips(image, _placed(scale, 7, side / 2, side / 2)[None], SPEC)[0]
    assert chip[20:-20, 20:-20].std() < 16, "an unshrunk cut has a deviation of about 90"
    assert abs(float(chip[20:-20, 20:-20].mean()) - 127.5) < 3


@pytest.mark.parametrize("scale", [1.0, 9.0])
def test_outside_the_picture_is_black(scale: float) -> None:
    image = np.full((200, 200, 3), 200, np.uint8)
    inside = cut_chips(image, _placed(scale, 0, 0, 100)[None], SPEC)[0]
    assert (inside[:, :20] == 0).all()
    assert inside[56, 100].tolist() == [200, 200, 200] or scale > 1
    far = cut_chips(image, _placed(scale, 0, 9000, -9000)[None], SPEC)[0]
    assert not far.any()


@pytest.mark.parametrize(
    "landmarks",
    [np.full((5, 2), 40.0), np.full((5, 2), np.nan), np.full((5, 2), np.inf)],
    ids=["one point", "not numbers", "infinite"],
)
def test_a_face_without_landmarks_has_a_black_chip_and_harms_no_other(landmarks: Floats) -> None:
    image = np.full((200, 200, 3), 200, np.uint8)
    both = np.stack([landmarks.astype(np.float32), _placed(0.5, 0, 100, 100)])
    chips = cut_chips(image, both, SPEC)
    assert not chips[0].any()
    assert chips[1].all()


@given(
    scale=st.floats(0.05, 40),
    degrees=st.floats(-180, 180),
    x=st.floats(-500, 5000),
    y=st.floats(-500, 5000),
)
@settings(max_examples=200, deadline=None)
def test_a_similarity_is_recovered(scale: float, degrees: float, x: float, y: float) -> None:
    landmarks = _placed(scale, degrees, x, y)
    transform = similarity_transform(SPEC.points, landmarks)
    assert transform is not None
    mapped = SPEC.points @ transform[:, :2].T + transform[:, 2]
    np.testing.assert_allclose(mapped, landmarks, atol=1e-3 * max(scale, 1))


def test_the_transform_is_the_least_squares_one() -> None:
    """OpenCV's own estimate from picture to chip, by another method, cannot be better."""
    random = np.random.default_rng(3)
    landmarks = _placed(1.3, 12, 200, 150) + random.normal(0, 4, (5, 2)).astype(np.float32)
    transform = similarity_transform(SPEC.points, landmarks)
    assert transform is not None

    def error(matrix: npt.NDArray[np.float64]) -> float:
        return float(((landmarks @ matrix[:, :2].T + matrix[:, 2] - SPEC.points) ** 2).sum())

    ours = error(cv2.invertAffineTransform(transform))
    theirs, _ = cv2.estimateAffinePartial2D(landmarks, SPEC.points, method=cv2.LMEDS)
    assert ours <= error(theirs) + 1e-6


def test_a_huge_face_is_cut_quickly() -> None:
    image = np.full((6000, 6000, 3), 90, np.uint8)
    started = time.perf_counter()
    cut_chips(image, _placed(45, 20, 3000, 3000)[None], SPEC)
    assert time.perf_counter() - started < 2.0


def _looks_for_dots(faces: Pixels) -> Floats:
    """A landmark net for pictures of dots: one dot of its own colour for each landmark."""
    found = np.zeros((len(faces), 5, 2), np.float32)
    rows, columns = np.mgrid[:LANDMARK_NET_SIDE, :LANDMARK_NET_SIDE]
    for number, face in enumerate(faces):
        for point in range(5):
            # A mirrored face has its left eye where the right one was.
            weight = np.maximum(face[..., 0].astype(np.float32) - 60, 0)
            half = columns < 24 if point in (0, 3) else columns >= 24
            band = rows < 24 if point < 2 else rows >= 33
            mask = weight * half * band if point != 2 else weight * (rows >= 24) * (rows < 33)
            total = max(float(mask.sum()), 1e-6)
            found[number, point] = (mask * columns).sum() / total, (mask * rows).sum() / total
    return np.asarray((found + 0.5) / LANDMARK_NET_SIDE, np.float32)


def test_refining_moves_landmarks_to_where_the_net_sees_them() -> None:
    true = np.array([(85, 80), (115, 80), (100, 98), (87, 111), (113, 111)], np.float32)
    image = _dots(true, 200, 200, radius=3)
    rough = true + np.array([(2, 1), (-2, 2), (2, 0), (1, -2), (-1, 1)], np.float32)
    refined = refine_landmarks(image, np.stack([rough, rough + 1]), _looks_for_dots)
    assert refined.shape == (2, 5, 2)
    assert refined.dtype == np.float32
    assert np.abs(refined - true).max() < 0.7


def test_refining_leaves_what_has_no_place() -> None:
    landmarks = np.stack([np.full((5, 2), np.nan), np.full((5, 2), 7.0)]).astype(np.float32)
    image = np.zeros((50, 50, 3), np.uint8)
    np.testing.assert_array_equal(refine_landmarks(image, landmarks, _looks_for_dots), landmarks)
    none = np.zeros((0, 5, 2), np.float32)
    assert refine_landmarks(image, none, _looks_for_dots).shape == (0, 5, 2)
