"""What every registered detector does, whatever it is made of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from retrofr import registry
from retrofr.detectors.base import Detector
from retrofr.records import Detections, Pixels
from retrofr.runtime import resolve_device
from retrofr.weights import WeightsFile

pytestmark = pytest.mark.parametrize("name", registry.names("detectors"))


@cache
def detector(name: str) -> Detector:
    module = registry.load("detectors", name)
    built: Detector = module.build(module.SETTINGS(), resolve_device("cpu"))
    return built


def photos(shared_data: Path, count: int) -> list[Pixels]:
    files = sorted((shared_data / "faces").glob("*/*.jpg"))[::71][:count]
    pictures = [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]
    assert len(pictures) == count
    return [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def expect_same(left: Detections, right: Detections) -> None:
    """Same faces; the last bits may differ, as nets add up in another order in batches of another size."""
    assert len(left) == len(right)
    np.testing.assert_allclose(left.boxes, right.boxes, atol=0.01)
    np.testing.assert_allclose(left.landmarks, right.landmarks, atol=0.01)
    np.testing.assert_allclose(left.scores, right.scores, atol=1e-5)


def test_says_what_it_is(name: str) -> None:
    assert detector(name).name == name
    assert detector(name).weights
    assert {type(file) for file in detector(name).weights} == {WeightsFile}
    assert all(file.sha256 for file in detector(name).weights)
    assert detector(name).weights == registry.load("detectors", name).WEIGHTS


def test_no_frames_give_nothing(name: str) -> None:
    assert detector(name).detect([]) == []


def test_a_frame_without_a_face_gives_none(name: str) -> None:
    grey = np.full((240, 320, 3), 128, np.uint8)
    (found,) = detector(name).detect([grey])
    none = Detections.none()
    assert [found.boxes.shape, found.landmarks.shape, found.scores.shape] == [
        none.boxes.shape,
        none.landmarks.shape,
        none.scores.shape,
    ]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (8, 8), (33, 31)])
def test_tiny_frames_are_looked_at(name: str, size: tuple[int, int]) -> None:
    (found,) = detector(name).detect([noise(*size)])
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, 2:] <= [size[1], size[0]]).all()


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_what_is_not_a_picture_is_refused(name: str, frame: Pixels) -> None:
    with pytest.raises(ValueError, match="frame: expected"):
        detector(name).detect([frame])


def test_faces_of_photos_are_found(name: str, shared_data: Path) -> None:
    frames = photos(shared_data, 9)
    results = detector(name).detect(frames)
    assert [len(found) > 0 for found in results] == [True] * len(frames)
    for frame, found in zip(frames, results, strict=True):
        height, width = frame.shape[:2]
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, 2:] <= [width, height]).all()
        assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
        assert (np.diff(found.scores) <= 0).all()
        assert ((found.scores > 0) & (found.scores <= 1)).all()
        left_eye, right_eye, _, left_mouth, right_mouth = found.landmarks[0]
        assert left_eye[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert left_eye[1] < left_mouth[1]


def test_a_batch_gives_what_single_frames_give(name: str, shared_data: Path) -> None:
    frames = photos(shared_data, 4)
    # Sizes mixed and repeated, a frame without a face in between.
    frames = [frames[0], frames[1], frames[0][:, ::-1].copy(), noise(64, 64), frames[2], frames[0], frames[3]]
    together = detector(name).detect(frames)
    for frame, found in zip(frames, together, strict=True):
        expect_same(detector(name).detect([frame])[0], found)


def test_the_same_input_gives_the_same_output(name: str, shared_data: Path) -> None:
    frames = photos(shared_data, 2)
    first, second = detector(name).detect(frames), detector(name).detect(frames)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.landmarks, other.landmarks)
        assert np.array_equal(one.scores, other.scores)


def test_a_frame_is_not_changed(name: str, shared_data: Path) -> None:
    (frame,) = photos(shared_data, 1)
    before = frame.copy()
    frame.setflags(write=False)
    detector(name).detect([frame])
    assert np.array_equal(frame, before)


def test_a_frame_that_is_part_of_a_larger_one(name: str, shared_data: Path) -> None:
    (frame,) = photos(shared_data, 1)
    large = np.zeros((frame.shape[0] + 20, frame.shape[1] + 20, 3), np.uint8)
    part = large[10:-10, 10:-10]
    part[:] = frame
    expect_same(detector(name).detect([part])[0], detector(name).detect([frame])[0])


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_a_face_that_fills_the_picture_is_found(name: str, factor: float, shared_data: Path) -> None:
    found_of = detector(name).detect
    filled = []
    for frame in photos(shared_data, 6):
        x1, y1, x2, y2 = found_of([frame])[0].boxes[0].astype(int)
        face = frame[y1:y2, x1:x2]
        size = round(face.shape[1] * factor), round(face.shape[0] * factor)
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        filled.append(np.asarray(cv2.resize(face, size, interpolation=method), np.uint8))
    results = found_of(filled)
    assert sum(len(found) > 0 for found in results) >= len(filled) - 1


@pytest.mark.slow
def test_a_huge_frame_keeps_its_small_and_large_faces(name: str, shared_data: Path) -> None:
    """A 60-megapixel frame, cut in parts: a 40-pixel face at a border of parts, and one of thousands of pixels."""
    small, large = photos(shared_data, 2)
    frame = np.full((6000, 10_000, 3), 90, np.uint8)
    enlarged = cv2.resize(large, (round(large.shape[1] * 4500 / large.shape[0]), 4500))
    frame[1000:5500, 5200 : 5200 + enlarged.shape[1]] = enlarged[:, : 10_000 - 5200]
    shrunk = cv2.resize(small, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    places = [(100, 100), (3400, 3000), (5990 - shrunk.shape[0], 4100)]
    for y, x in places:
        frame[y : y + shrunk.shape[0], x : x + shrunk.shape[1]] = shrunk
    (found,) = detector(name).detect([frame])
    sides = (found.boxes[:, 2] - found.boxes[:, 0]).round()
    assert (sides > 1000).any(), f"widths found: {sides}"
    for y, x in places:
        inside = (found.boxes[:, :2] >= [x, y]) & (
            found.boxes[:, 2:] <= [x + shrunk.shape[1], y + shrunk.shape[0]]
        )
        assert inside.all(axis=1).any(), f"none at {x}, {y}; widths found: {sides}"
