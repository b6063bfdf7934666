"""Stills show the candidate as decoded, and nobody else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fakes import COLOURS, LANDMARKS, ColourDetector, draw_face, frame_ref, quality, scene
from retrofr.errors import ModelError
from retrofr.face_view import view_face
from retrofr.records import Detections, Face, Floats, Pixels, Still
from retrofr.redaction.checking import HowChecked, PictureCheck
from retrofr.redaction.painting import HIDDEN_GREY
from retrofr.stills import FACE_PICTURE, StillSource, face_picture, frame_as_jpeg, kept_face

HOW = HowChecked("fake", 0.3, 12)
NOBODY = np.zeros((0, 4), np.float32)


def checked() -> PictureCheck:
    return PictureCheck(ColourDetector, HOW)


def decoded(data: bytes | None) -> Pixels:
    assert data is not None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def two_people(gap: int = 60) -> tuple[Pixels, Floats]:
    image = scene()
    draw_face(image, COLOURS["red"], 40, 80, 60)
    draw_face(image, COLOURS["blue"], 100 + gap, 80, 60)
    return image, np.array([(40, 80, 100, 140), (100 + gap, 80, 160 + gap, 140)], np.float32)


def shown(boxes: Floats) -> Face:
    return Face(frame_ref(0), boxes[0], boxes[0, :2] + LANDMARKS * 60, 0.9, quality())


def source_of(image: Pixels, boxes: Floats) -> StillSource:
    landmarks = boxes[0, :2] + LANDMARKS * 60
    return StillSource(view_face(image, landmarks, [FACE_PICTURE]), frame_as_jpeg(image), boxes[1:])


def still_of(image: Pixels, boxes: Floats) -> Still:
    return source_of(image, boxes).still(shown(boxes), checked())


def grey_share(pixels: Pixels) -> float:
    return float((np.abs(pixels.astype(int) - HIDDEN_GREY).max(axis=-1) <= 3).mean())


def test_the_face_is_upright_lossless_and_only_resampled() -> None:
    image, boxes = two_people(gap=120)
    picture = decoded(still_of(image, boxes).face_png)
    assert picture.shape == (224, 224, 3)
    assert (picture == face_picture(image, boxes[0, :2] + LANDMARKS * 60)).all()


def test_the_box_is_drawn_round_the_face_and_not_over_it() -> None:
    image, boxes = two_people()
    frame = decoded(still_of(image, boxes).frame_jpeg)
    red, _, blue = frame[110, 37].astype(int)
    assert red - blue > 80
    assert np.abs(frame[84:136, 44:96].astype(int) - image[84:136, 44:96]).mean() < 6


def test_other_faces_are_hidden_and_counted() -> None:
    image, boxes = two_people()
    still = still_of(image, boxes)
    assert still.hidden == 1
    assert grey_share(decoded(still.frame_jpeg)[66:154, 146:234]) == 1


def test_hiding_a_neighbour_leaves_the_shown_face_as_it_was() -> None:
    image, boxes = two_people(gap=2)
    frame = decoded(still_of(image, boxes).frame_jpeg)
    assert np.abs(frame[84:136, 44:96].astype(int) - image[84:136, 44:96]).mean() < 6


def test_a_face_that_the_search_did_not_find_is_hidden_too() -> None:
    image, boxes = two_people()
    still = still_of(image, boxes[:1])
    assert still.hidden == 1
    assert grey_share(decoded(still.frame_jpeg)[66:154, 146:234]) == 1


def test_the_face_picture_hides_a_neighbour_as_well() -> None:
    image, boxes = two_people(gap=2)
    source = source_of(image, boxes)
    blue = COLOURS["blue"]
    for picture in (
        decoded(still_of(image, boxes).face_png),
        decoded(source.face_jpeg(shown(boxes))),
    ):
        assert np.abs(picture.astype(int) - blue).max(axis=-1).min() > 60
    plain = source.still(shown(boxes), None)
    assert np.abs(decoded(plain.face_png).astype(int) - blue).max(axis=-1).min() < 20


def test_nobody_is_hidden_where_there_is_a_reason() -> None:
    image, boxes = two_people()
    still = source_of(image, boxes).still(shown(boxes), None)
    assert still.hidden is None
    assert np.abs(decoded(still.frame_jpeg)[84:136, 164:216].astype(int) - image[84:136, 164:216]).mean() < 6


def test_a_frame_that_cannot_be_checked_is_not_shown() -> None:
    def broken() -> ColourDetector:
        raise ModelError("has no weights")

    image, boxes = two_people()
    with pytest.raises(ModelError, match="has no weights"):
        source_of(image, boxes).still(shown(boxes), PictureCheck(broken, HOW))


def test_a_box_that_leaves_the_frame_is_no_error() -> None:
    image, boxes = two_people()
    outside = np.array([[300, 200, 360, 260], [400, 300, 420, 330]], np.float32)
    still_of(image, np.concatenate([boxes[:1], outside]))


class EdgeDetector:
    """Finds the face of a case's picture, and one at its edge."""

    name, weights = "edge", ()

    def detect(self, frames: list[Pixels]) -> list[Detections]:
        boxes = np.array([(52, 40, 170, 200), (180, 100, 224, 160)], np.float32)
        return [Detections(boxes, np.zeros((2, 5, 2), np.float32), np.ones(2, np.float32)) for _ in frames]


def test_a_picture_of_a_case_is_checked_before_it_is_shown() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (224, 224, 3), np.uint8)
    jpeg = frame_as_jpeg(picture)
    written, hidden = kept_face(jpeg, PictureCheck(EdgeDetector, HOW))
    assert hidden == 1
    assert grey_share(decoded(written)[96:164, 182:222]) > 0.95
    assert np.abs(decoded(written)[60:180, 70:150].astype(int) - decoded(jpeg)[60:180, 70:150]).mean() < 16
    assert kept_face(jpeg, None) == (jpeg, None)


def test_a_picture_of_a_case_with_nobody_else_is_the_same_bytes() -> None:
    jpeg = frame_as_jpeg(scene(224, 224))
    assert kept_face(jpeg, checked()) == (jpeg, 0)
