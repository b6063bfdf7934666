"""The arithmetic under MTCNN: averages from summed-area tables, and keeping the best boxes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate
from torchvision.ops import nms

from retrofr.detectors._boxes import keep_best
from retrofr.detectors._mtcnn_stages import shrunk, square
from retrofr.records import Floats


@pytest.mark.parametrize(
    ("size", "to"), [((97, 131), (48, 48)), ((30, 20), (48, 48)), ((1, 1), (24, 24)), ((240, 320), (61, 81))]
)
def test_averages_are_those_of_torch(size: tuple[int, int], to: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = interpolate(torch.tensor(picture).permute(2, 0, 1)[None].float(), size=to, mode="area")
    found = shrunk(np.asarray(cv2.integral(picture), np.int32), *to)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[0].permute(1, 2, 0), atol=1e-4)


def test_averages_are_right_where_the_sums_wrap_around() -> None:
    white = np.full((4096, 4096, 3), 255, np.uint8)
    sums = cv2.integral(white, sdepth=cv2.CV_32S)
    assert sums[-1, -1, 0] < 0, "a sum of 4.3e9 does not fit into 32 bits"
    assert (shrunk(np.asarray(sums, np.int32), 30, 30) == 255).all()


def random_boxes(count: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 200, (count, 2)).astype(np.float32)
    sides = rng.uniform(5, 80, (count, 2)).astype(np.float32)
    scores = (rng.permutation(count) / max(count, 1)).astype(np.float32)
    return np.concatenate([corners, corners + sides], axis=1), scores


@pytest.mark.parametrize("count", [0, 1, 2, 60, 400])
@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.7])
def test_the_kept_boxes_are_torchvisions(count: int, overlap: float) -> None:
    boxes, scores = random_boxes(count)
    expected = nms(torch.tensor(boxes), torch.tensor(scores), overlap).tolist()
    assert keep_best(boxes, scores, overlap).tolist() == expected


def test_boxes_of_different_frames_do_not_touch() -> None:
    boxes, scores = random_boxes(200)
    groups = np.arange(200) % 3
    expected = []
    for group in range(3):
        mine = np.flatnonzero(groups == group)
        expected += mine[keep_best(boxes[mine], scores[mine], 0.3)].tolist()
    assert sorted(keep_best(boxes, scores, 0.3, groups=groups).tolist()) == sorted(expected)


def test_a_small_box_inside_a_large_one_is_dropped_by_its_own_area() -> None:
    boxes = np.array([[0, 0, 100, 100], [10, 10, 20, 20]], np.float32)
    scores = np.array([0.9, 0.8], np.float32)
    assert keep_best(boxes, scores, 0.7).tolist() == [0, 1]
    assert keep_best(boxes, scores, 0.7, of_smaller=True).tolist() == [0]


def test_squares_keep_their_centre() -> None:
    assert square(np.array([[0, 0, 10, 20]], np.float32)).tolist() == [[-5, 0, 15, 20]]
