"""Stills show the candidate as decoded, and nobody else."""

from __future__ import annotations

import cv2
import numpy as np

from fakes import COLOURS, LANDMARKS, ColourDetector, draw_face, face, scene
from retrofr.records import Floats, Pixels, Still
from retrofr.stills import StillSource, face_picture, frame_as_jpeg


def decoded(data: bytes) -> Pixels:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def two_people(gap: int = 60) -> tuple[Pixels, Floats]:
    image = scene()
    draw_face(image, COLOURS["red"], 40, 80, 60)
    draw_face(image, COLOURS["blue"], 100 + gap, 80, 60)
    return image, ColourDetector().detect([image])[0].boxes


def still_of(image: Pixels, boxes: Floats) -> Still:
    shown = face(0, box=tuple(boxes[0]))
    landmarks = boxes[0, :2] + LANDMARKS * 60
    return StillSource(face_picture(image, landmarks), frame_as_jpeg(image), boxes[1:]).still(shown)


def test_the_face_is_upright_lossless_and_only_resampled() -> None:
    image, boxes = two_people()
    picture = decoded(still_of(image, boxes).face_png)
    assert picture.shape == (224, 224, 3)
    assert (picture == face_picture(image, boxes[0, :2] + LANDMARKS * 60)).all()


def test_the_box_is_drawn_round_the_face_and_not_over_it() -> None:
    image, boxes = two_people()
    frame = decoded(still_of(image, boxes).frame_jpeg)
    red, _, blue = frame[110, 37].astype(int)
    assert red - blue > 80
    assert np.abs(frame[84:136, 44:96].astype(int) - image[84:136, 44:96]).mean() < 6


def test_other_faces_are_made_unrecognisable() -> None:
    image, boxes = two_people()
    frame = decoded(still_of(image, boxes).frame_jpeg)
    before = cv2.Laplacian(image[80:140, 160:220], cv2.CV_64F).std()
    inside = frame[84:136, 164:216]
    assert len(np.unique(inside.reshape(-1, 3) // 32, axis=0)) < 40
    assert cv2.Laplacian(inside, cv2.CV_64F).std() < before
    assert np.abs(inside.astype(int) - image[84:136, 164:216]).mean() > 8


def test_hiding_a_neighbour_leaves_the_shown_face_as_it_was() -> None:
    image, boxes = two_people(gap=2)
    frame = decoded(still_of(image, boxes).frame_jpeg)
    assert np.abs(frame[84:136, 44:96].astype(int) - image[84:136, 44:96]).mean() < 6


def test_a_box_that_leaves_the_frame_is_no_error() -> None:
    image, boxes = two_people()
    outside = np.array([[300, 200, 360, 260], [400, 300, 420, 330]], np.float32)
    still_of(image, np.concatenate([boxes[:1], outside]))
