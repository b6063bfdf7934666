"""Faces of consecutive samples are joined where it is safe, and never across a cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import COLOURS, LANDMARKS, ColourDetector, draw_face, frame_ref, scene
from retrofr.records import Detections, FrameRef, Pixels
from retrofr.settings import TrackSettings
from retrofr.tracking import Track, Tracker, box_overlap, whole_boxes

Frames = Iterable[tuple[FrameRef, Pixels]]
Span = tuple[float, float, int]
"""First second, last second, number of faces."""
Shown = tuple[Pixels, float, float]
"""A portrait and where its middle is."""

WIDE, HIGH = 46, 60
"""A portrait's size in pixels."""


def tracks_of(frames: Frames, settings: TrackSettings | None = None, *, cut_at: float = 1e9) -> list[Span]:
    """Every track in order of its start; a new shot begins at ``cut_at`` seconds."""
    tracker: Tracker[None] = Tracker(settings or TrackSettings())
    ended: list[Track[None]] = []
    for frame, image in frames:
        found = ColourDetector().detect([image])[0]
        tracks, over = tracker.update(frame, image, found, int(frame.seconds >= cut_at))
        assert len(tracks) == len(found)
        ended += over
    ended += tracker.finish()
    return sorted((float(t.first.seconds), float(t.last.seconds), t.faces) for t in ended)


def walk(
    times: Iterable[float], x0: int = 20, speed: float = 30, grey: int = 110, segment: int = 0
) -> Frames:
    for seconds in times:
        image = scene()
        draw_face(image, COLOURS["red"], round(x0 + speed * seconds), 80)
        yield frame_ref(seconds, segment=segment), image


def test_someone_walking_is_one_track() -> None:
    assert tracks_of(walk([0, 0.5, 1.0, 1.5, 2.0])) == [(0, 2, 5)]


def test_someone_walking_faster_than_their_own_width_is_still_one_track() -> None:
    assert tracks_of(walk([0, 0.5, 1.0], speed=180)) == [(0, 1, 3)]


def test_a_short_occlusion_is_bridged_and_a_long_one_is_not() -> None:
    seen = [0, 0.5, 1.0, 2.5, 3.0, 6.5, 7.0]
    hidden = [(frame_ref(seconds), scene()) for seconds in (1.5, 2.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0)]
    frames = sorted([*walk(seen), *hidden], key=lambda pair: pair[0].seconds)
    assert tracks_of(frames) == [(0, 3, 5), (6.5, 7, 2)]


def test_samples_further_apart_than_an_occlusion_may_last_are_joined_to_their_neighbours() -> None:
    assert tracks_of(walk([0, 2, 4, 6], speed=5)) == [(0, 6, 4)]
    assert tracks_of(walk([0, 6, 12], speed=0)) == [(0, 0, 1), (6, 6, 1), (12, 12, 1)]


def test_a_face_in_frames_that_show_nothing_new_is_still_there() -> None:
    tracker: Tracker[None] = Tracker(TrackSettings())
    for frame, image in walk([0, 0.5], speed=0):
        tracker.update(frame, image, ColourDetector().detect([image])[0])
    for seconds in (1.0, 1.5, 8.0):
        tracker.hold(frame_ref(seconds))
    tracker.hold(frame_ref(8.5, segment=1))
    (track,) = tracker.finish()
    assert (float(track.first.seconds), float(track.last.seconds), track.faces) == (0, 8, 2)


def test_a_shot_cut_ends_the_track_even_where_a_face_stays_in_place() -> None:
    assert tracks_of(walk([0, 0.5, 1.0, 1.5], speed=0), cut_at=1.0) == [(0, 0.5, 2), (1, 1.5, 2)]


def test_a_new_segment_ends_the_track() -> None:
    frames = [*walk([10, 10.5], speed=0), *walk([0, 0.5], speed=0, segment=1)]
    assert tracks_of(frames) == [(0, 0.5, 2), (10, 10.5, 2)]


def test_a_long_track_is_closed_so_that_memory_stays_bounded() -> None:
    settings = TrackSettings(max_length_seconds=5)
    times = [i / 2 for i in range(25)]
    lengths = [end - start for start, end, _ in tracks_of(walk(times, speed=0), settings)]
    assert max(lengths) <= 5
    assert len(lengths) == 3


def test_two_people_passing_in_step_keep_their_own_tracks() -> None:
    frames = []
    for step in range(6):
        image = scene()
        draw_face(image, COLOURS["red"], 20 + step * 15, 20)
        draw_face(image, COLOURS["blue"], 240 - step * 15, 140)
        frames.append((frame_ref(step / 2), image))
    assert tracks_of(frames) == [(0, 2.5, 6), (0, 2.5, 6)]


def test_a_face_of_quite_another_size_is_another_track() -> None:
    small, large = scene(), scene()
    draw_face(small, COLOURS["red"], 100, 80, 30)
    draw_face(large, COLOURS["red"], 70, 60, 120)
    assert len(tracks_of([(frame_ref(0), small), (frame_ref(0.5), large)])) == 2


def portrait(seed: int, of: Sequence[float] = ()) -> Pixels:
    """A grey face of soft shades; nobody else looks like it. ``of``: shares of portraits 0, 1, … it is mixed of."""
    if of:
        mixed = sum(share * (portrait(i).astype(np.float32) - 110) for i, share in enumerate(of))
        return np.asarray(np.clip(110 + np.asarray(mixed), 0, 255), np.uint8)
    coarse = np.random.default_rng(seed + 5).normal(0, 1, (8, 6)).astype(np.float32)
    fine = cv2.resize(coarse, (WIDE, HIGH), interpolation=cv2.INTER_CUBIC)
    grey = 110 + 45 * (fine - fine.mean()) / fine.std()
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def seen_at(seconds: float, *shown: Shown, misplaced: bool = False) -> tuple[FrameRef, Pixels, Detections]:
    """A sample with portraits in a room. A box ends at the picture's edge; landmarks are right unless misplaced."""
    room = cv2.resize(np.random.default_rng(99).integers(60, 160, (12, 16)).astype(np.uint8), (480, 240))
    image, pad = np.repeat(room[..., None], 3, axis=2), 100
    wide = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    boxes = []
    for face, x, y in shown:
        left, top = round(x - WIDE / 2), round(y - HIGH / 2)
        wide[top + pad : top + pad + HIGH, left + pad : left + pad + WIDE] = face
        boxes.append((left, top, left + WIDE, top + HIGH))
    array = np.array(boxes, np.float32).reshape(-1, 4)
    landmarks = array[:, None, :2] + LANDMARKS * (WIDE, HIGH)
    if misplaced:
        landmarks = array[:, None, :2] + (LANDMARKS[:, ::-1] + 0.3) * (WIDE, HIGH)
    clipped = np.clip(array, 0, (480, 240, 480, 240)).astype(np.float32)
    picture = np.ascontiguousarray(wide[pad:-pad, pad:-pad], np.uint8)
    scores = np.full(len(array), 0.9, np.float32)
    return frame_ref(seconds), picture, Detections(clipped, landmarks.astype(np.float32), scores)


def followed(*samples: tuple[FrameRef, Pixels, Detections]) -> list[list[int]]:
    """Which track each face of each sample belongs to, numbered as they begin."""
    tracker: Tracker[None] = Tracker(TrackSettings())
    known: list[Track[None]] = []
    numbers = []
    for sample in samples:
        tracks, _ = tracker.update(*sample)
        known += [track for track in tracks if not any(track is other for other in known)]
        numbers.append([next(i for i, other in enumerate(known) if other is track) for track in tracks])
    return numbers


ANNA, BERT = portrait(0), portrait(1)


def test_a_face_that_enters_by_the_edge_is_one_track_though_its_landmarks_were_wrong() -> None:
    enters = seen_at(0, (ANNA, 4, 120), misplaced=True)
    assert followed(enters, seen_at(0.5, (ANNA, 50, 120))) == [[0], [0]]
    assert followed(enters, seen_at(0.5, (BERT, 50, 120))) == [[0], [1]]


def test_who_was_hidden_for_longer_must_come_back_looking_the_same() -> None:
    before = [seen_at(t, (ANNA, 60 + 40 * t, 120)) for t in (0, 0.5, 1.0)]
    hidden = [seen_at(t) for t in (1.5, 2.0, 2.5, 3.0)]
    back = 60 + 40 * 3.5
    assert followed(*before, *hidden, seen_at(3.5, (ANNA, back, 120)))[-1] == [0]
    assert followed(*before, *hidden, seen_at(3.5, (portrait(0, (0.7, 0.7)), back, 120)))[-1] == [1]
    assert followed(*before, *hidden, seen_at(3.5, (ANNA, 460, 120)))[-1] == [1]
    assert followed(*before, *hidden, seen_at(4.5, (ANNA, back, 120)))[-1] == [1]


def test_the_further_off_the_way_a_face_is_the_more_alike_it_must_be() -> None:
    rather_like = portrait(0, (0.75, 0.65))
    start = [seen_at(t, (ANNA, 80, 120)) for t in (0, 0.5)]
    assert followed(*start, seen_at(1.0, (rather_like, 80 + 42, 120)))[-1] == [0]
    assert followed(*start, seen_at(1.0, (rather_like, 80 + 112, 120)))[-1] == [1]
    assert followed(*start, seen_at(1.0, (ANNA, 80 + 112, 120)))[-1] == [0]


def half_hidden() -> Pixels:
    """Anna behind somebody's shoulder."""
    face = ANNA.copy()
    face[34:] = BERT[34:]
    return face


def test_what_is_left_over_is_joined_only_where_nothing_else_is_near() -> None:
    start = seen_at(0, (ANNA, 100, 120))
    alone = seen_at(0.5, (half_hidden(), 110, 122), misplaced=True)
    assert followed(start, alone) == [[0], [0]]
    beside = seen_at(0.5, (half_hidden(), 110, 122), (BERT, 64, 122), misplaced=True)
    assert followed(start, beside) == [[0], [1, 2]]
    late = seen_at(1.5, (half_hidden(), 110, 122), misplaced=True)
    assert followed(start, late) == [[0], [1]]


def test_of_two_faces_that_cross_each_keeps_its_own_track() -> None:
    times = [i / 2 for i in range(9)]
    frames = [seen_at(t, (ANNA, 60 + 60 * t, 100), (BERT, 300 - 60 * t, 130)) for t in times]
    assert followed(*frames) == [[0, 1]] * 9


def test_twins_who_cross_are_told_apart_by_their_ways() -> None:
    times = [i / 2 for i in range(5)]
    frames = [seen_at(t, (ANNA, 60 + 160 * t, 88), (ANNA, 440 - 160 * t, 149)) for t in times]
    assert followed(*frames) == [[0, 1]] * 5


def test_tracks_keep_the_boxes_that_were_found() -> None:
    tracker: Tracker[None] = Tracker(TrackSettings())
    for sample in (seen_at(0, (ANNA, 4, 120)), seen_at(0.5, (ANNA, 10, 120))):
        tracker.update(*sample)
    (track,) = tracker.finish()
    assert (track.first_box.tolist(), track.box.tolist()) == ([0, 90, 27, 150], [0, 90, 33, 150])


SAMPLES = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 480), st.integers(0, 240)), max_size=4),
        st.sampled_from([0.5, 0.5, 0.5, 1.0, 2.5]),
        st.sampled_from(["", "", "", "cut", "segment"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(SAMPLES)
def test_a_track_never_holds_two_faces_of_a_sample_nor_goes_on_behind_a_cut_or_in_another_segment(
    samples: list[tuple[list[tuple[int, int, int]], float, str]],
) -> None:
    tracker: Tracker[None] = Tracker(TrackSettings())
    seconds, shot, segment = 0.0, 0, 0
    place_of: dict[int, tuple[int, int]] = {}
    alive: list[Track[None]] = []  # an id is another's only after its owner is gone
    for faces, step, event in samples:
        seconds, shot, segment = seconds + step, shot + (event == "cut"), segment + (event == "segment")
        _, image, found = seen_at(seconds, *((portrait(who), x, y) for who, x, y in faces))
        tracks, _ = tracker.update(frame_ref(seconds, segment=segment), image, found, shot)
        assert len({id(track) for track in tracks}) == len(tracks) == len(faces)
        alive += tracks
        for track in tracks:
            assert place_of.setdefault(id(track), (shot, segment)) == (shot, segment)


@settings(max_examples=25, deadline=None)
@given(SAMPLES, st.integers(0, 8))
def test_a_slice_gives_the_same_whatever_was_tracked_before_it(
    samples: list[tuple[list[tuple[int, int, int]], float, str]], before: int
) -> None:
    made, seconds = [], 0.0
    for faces, step, _ in samples:
        seconds += step
        made.append(seen_at(seconds, *((portrait(who), x, y) for who, x, y in faces)))
    going_on, fresh = (Tracker[None](TrackSettings()) for _ in range(2))
    for sample in made[:before]:
        going_on.update(*sample)
    going_on.finish()
    for sample in made[before:]:
        for tracks in zip(*(tracker.update(*sample)[0] for tracker in (going_on, fresh)), strict=True):
            one, other = ((t.first, t.last, t.faces, t.box.tolist()) for t in tracks)
            assert one == other


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ((100, 60, 146, 120), (100, 60, 146, 120)),
        ((0, 60, 20, 120), (-26.2, 60, 20, 120)),
        ((460, 60, 480, 120), (460, 60, 506.2, 120)),
        ((100, 0, 177, 40), (100, -60, 177, 40)),
        ((100, 200, 177, 240), (100, 200, 177, 300)),
        ((0, 60, 60, 120), (0, 60, 60, 120)),
    ],
)
def test_boxes_that_the_edge_cuts_get_the_shape_of_a_face(
    box: tuple[float, ...], whole: tuple[float, ...]
) -> None:
    found = whole_boxes(np.array([box], np.float32), 480, 240)
    assert found[0].tolist() == pytest.approx(whole)


@pytest.mark.parametrize(
    ("other", "overlap"),
    [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((10, 0, 20, 10), 0.0), ((30, 30, 40, 40), 0.0)],
)
def test_box_overlap(other: tuple[float, ...], overlap: float) -> None:
    box = np.array((0, 0, 10, 10), np.float32)
    assert box_overlap(box, np.array(other, np.float32)) == pytest.approx(overlap)
