"""What is hidden cannot be had back, and the candidate stays."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import tracklet
from retrofr.detectors.mtcnn import MtcnnSettings
from retrofr.detectors.yunet import YuNetSettings
from retrofr.records import Floats, Pixels
from retrofr.redaction.between import DRIFT, HOLD_SECONDS, FacePath, interpolated, path_of
from retrofr.redaction.checking import HowChecked, merged, sensitive
from retrofr.redaction.geometry import INNER, MARGIN, are_same, distances, hidden_pixels, widened
from retrofr.redaction.painting import HIDDEN_GREY, with_hidden

WIDTH, HEIGHT = 96, 72
NOBODY = np.zeros((0, 4), np.float32)


def boxes_of(*boxes: tuple[float, float, float, float]) -> Floats:
    return np.array(boxes, np.float32).reshape(-1, 4)


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


sides = st.floats(4, 50)
places = st.tuples(st.floats(-20, 100), st.floats(-20, 80), sides, sides).map(
    lambda p: (p[0], p[1], p[0] + p[2], p[1] + p[3])
)


# ---- what is hidden ------------------------------------------------------------------------------------------


@given(st.lists(places, min_size=1, max_size=4), places, st.integers(0, 99))
def test_requirement_29_what_is_hidden_leaves_no_trace(
    others: list[tuple[float, float, float, float]], face: tuple[float, float, float, float], seed: int
) -> None:
    """Two pictures that differ only in what is hidden become the same, byte by byte."""
    given_boxes, shown = boxes_of(*others), [boxes_of(face)[0]]
    mask = hidden_pixels(WIDTH, HEIGHT, given_boxes, shown)
    one, other = noise(seed), noise(seed)
    other[mask] = 255 - other[mask]
    assert (with_hidden(one, given_boxes, shown) == with_hidden(other, given_boxes, shown)).all()
    assert (with_hidden(one, given_boxes, shown)[~mask] == one[~mask]).all()
    assert (with_hidden(one, given_boxes, shown)[mask] == HIDDEN_GREY).all()


@given(st.lists(places, min_size=1, max_size=4), places)
def test_the_inner_part_of_a_bystander_is_always_hidden(
    others: list[tuple[float, float, float, float]], face: tuple[float, float, float, float]
) -> None:
    mask = hidden_pixels(WIDTH, HEIGHT, boxes_of(*others), [boxes_of(face)[0]])
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) + np.float32(0.5)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1)
    for box in boxes_of(*others):
        assert mask.ravel()[distances(box, points) <= INNER].all()


def test_a_margin_gives_way_to_the_candidate_and_the_nearer_middle_wins() -> None:
    face, other = boxes_of((10, 10, 40, 50), (34, 10, 64, 50))
    mask = hidden_pixels(WIDTH, HEIGHT, other[None], [face])
    assert not mask[10:50, 26:34].any()  # the margin of 9 px begins at 25
    assert mask[10:50, 40:73].all()
    assert not mask[12:48, 34].any()
    assert not mask[30, 36]
    assert mask[30, 37:40].all()


def test_without_a_candidate_the_widened_boxes_are_hidden_whole() -> None:
    mask = hidden_pixels(WIDTH, HEIGHT, boxes_of((20, 20, 40, 40)))
    grow = 20 * MARGIN
    assert mask.sum() == (20 + 2 * grow) ** 2
    assert mask[round(20 - grow), round(20 - grow)]


def test_the_picture_itself_stays() -> None:
    image = noise(1)
    with_hidden(image, boxes_of((20, 20, 40, 40)))
    assert (image == noise(1)).all()


def test_nothing_to_hide() -> None:
    assert (with_hidden(noise(2), NOBODY, [boxes_of((1, 1, 9, 9))[0]]) == noise(2)).all()


@pytest.mark.parametrize(
    ("box", "same"),
    [
        ((11, 11, 41, 51), True),
        ((20, 24, 30, 36), True),  # a mouth that is taken for a face
        ((30, 10, 60, 50), False),
        ((36, 44, 42, 52), False),  # a small face beside the cheek
        ((0, 0, 90, 70), False),
    ],
)
def test_the_candidate_found_again(box: tuple[float, float, float, float], same: bool) -> None:
    assert are_same(boxes_of(box), boxes_of((10, 10, 40, 50))[0]).tolist() == [same]


def test_a_face_found_twice_is_hidden_once() -> None:
    known, more = boxes_of((10, 10, 40, 50)), boxes_of((11, 11, 41, 51), (60, 10, 80, 30))
    assert merged(known, more).tolist() == [[10, 10, 40, 50], [60, 10, 80, 30]]
    assert merged(NOBODY, NOBODY).shape == (0, 4)


# ---- the second look -----------------------------------------------------------------------------------------


def test_the_second_look_is_more_sensitive_than_any_search() -> None:
    assert sensitive(YuNetSettings()) == YuNetSettings(min_face_pixels=12, score_threshold=0.3)
    assert sensitive(YuNetSettings(min_face_pixels=8, score_threshold=0.4)) == YuNetSettings(
        min_face_pixels=8, score_threshold=0.3
    )
    assert sensitive(MtcnnSettings()) == MtcnnSettings(min_face_pixels=12, score_threshold=0.35)


def test_how_it_was_checked_is_a_sentence() -> None:
    assert HowChecked("yunet", 0.3, 12).describe() == (
        "checked: every found face but the candidate's hidden at detection score >= 0.3 from 12 px on (yunet)"
    )
    assert HowChecked("own", None, None).describe() == (
        "checked: every found face but the candidate's hidden as far as the detector goes (own)"
    )


# ---- between samples -----------------------------------------------------------------------------------------

STILL = FacePath(0, 0, (Fraction(1), Fraction(2)), boxes_of((10, 10, 30, 30), (10, 10, 30, 30)))
MOVING = FacePath(0, 0, (Fraction(1), Fraction(2)), boxes_of((10, 10, 30, 30), (50, 10, 70, 30)))


def at(path: FacePath, seconds: str, **where: object) -> list[list[float]]:
    return interpolated([path], Fraction(seconds), **where).round(3).tolist()  # type: ignore[arg-type]


def test_a_sighting_is_given_as_it_was() -> None:
    assert at(MOVING, "1") == [[10, 10, 30, 30]]
    assert at(MOVING, "2") == [[50, 10, 70, 30]]


def test_a_box_grows_with_the_time_to_the_nearer_sighting() -> None:
    assert at(STILL, "1.5") == at(STILL, "3/2") == [[5, 5, 35, 35]]
    assert at(STILL, "1.25") == at(STILL, "1.75") == [[7.5, 7.5, 32.5, 32.5]]


def test_a_moving_box_lies_between_and_grows_with_its_speed() -> None:
    assert at(MOVING, "1.5") == [[15, -5, 65, 45]]


def test_ends_are_held_so_long_and_no_longer() -> None:
    before, after = Fraction(1) - HOLD_SECONDS, Fraction(2) + HOLD_SECONDS
    assert at(STILL, str(after)) == at(STILL, str(before)) == [[5, 5, 35, 35]]
    assert at(STILL, str(after + Fraction(1, 1000))) == at(STILL, str(before - Fraction(1, 1000))) == []


def test_a_held_end_has_room_for_going_on_as_it_came() -> None:
    ((left, _, right, _),) = at(MOVING, "2.25")
    assert (left, right) == (50 - 10 - 2.5, 70 + 10 + 2.5)


@pytest.mark.parametrize(("seconds", "seen"), [("2.25", 0), ("2", 1), ("1.5", 1), ("0.9", 1)])
def test_nothing_is_held_over_a_shot_cut(seconds: str, seen: int) -> None:
    assert len(at(STILL, seconds, cuts=[Fraction("2.2")])) == seen
    assert len(at(STILL, "0.9", cuts=[Fraction(1)])) == 0


def test_a_cut_inside_a_path_is_believed() -> None:
    assert at(MOVING, "1.5", cuts=[Fraction("1.4")]) == [[50 - 25, 10 - 25, 70 + 25, 30 + 25]]


def test_other_segments_and_streams_have_other_faces() -> None:
    assert at(STILL, "1", segment=1) == at(STILL, "1", stream=1) == []


@given(st.fractions(Fraction(1, 2), Fraction(5, 2)), st.floats(-1, 1))
def test_who_sways_stays_inside(seconds: Fraction, sway: float) -> None:
    """A head may move by its drift from each sighting on."""
    nearest = min(abs(seconds - time) for time in STILL.times)
    moved = boxes_of((10, 10, 30, 30)) + np.float32(sway * DRIFT * 20 * float(nearest))
    (box,) = interpolated([STILL], seconds)
    assert (box[:2] <= moved[0, :2] + 1e-3).all()
    assert (box[2:] >= moved[0, 2:] - 1e-3).all()


def test_the_path_of_a_tracklet_is_what_is_kept_of_it() -> None:
    path = path_of(tracklet(1, 3))
    assert path is not None
    assert (path.times, path.stream, path.segment) == ((Fraction(1), Fraction(3)), 0, 0)


def test_a_path_checks_itself() -> None:
    with pytest.raises(ValueError, match="times: expected them in order"):
        FacePath(0, 0, (Fraction(2), Fraction(1)), STILL.boxes)
    with pytest.raises(ValueError, match="boxes: expected"):
        FacePath(0, 0, (), NOBODY)


def test_margins_grow_each_side() -> None:
    assert widened(boxes_of((10, 10, 20, 30)), 0.5).tolist() == [[5, 0, 25, 40]]
