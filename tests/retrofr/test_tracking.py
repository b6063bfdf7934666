"""Faces of consecutive samples are joined where it is safe, and never across a cut."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import COLOURS, ColourDetector, draw_face, face, frame_ref, scene
from retrofr.records import FrameRef, Pixels
from retrofr.settings import TrackSettings
from retrofr.tracking import Track, Tracker, box_overlap

Frames = Iterable[tuple[FrameRef, Pixels]]
Span = tuple[float, float, int]
"""First second, last second, number of faces."""


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
    seen = [0, 0.5, 1.0, 2.5, 3.0, 5.0, 5.5]
    hidden = [(frame_ref(seconds), scene()) for seconds in (1.5, 2.0, 3.5, 4.0, 4.5)]
    frames = sorted([*walk(seen), *hidden], key=lambda pair: pair[0].seconds)
    assert tracks_of(frames) == [(0, 3, 5), (5, 5.5, 2)]


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 6))
def test_best_faces_are_bounded_and_hold_the_very_best_unless_crowded(ranks: list[float], most: int) -> None:
    box = np.zeros(4, np.float32)
    track: Track[int] = Track(frame_ref(0), frame_ref(0), box, box, box[:2], box)
    for number, rank in enumerate(ranks):
        new = face(number / 2, rank=rank)
        if track.would_keep(new, most):
            track.keep(new, number, most)
    kept = [pair[0].quality.rank for pair in track.kept]
    assert len(kept) == min(most, len(ranks))
    assert set(kept) <= set(ranks)
    assert max(kept) == max(ranks)


def test_kept_faces_are_spread_over_the_track() -> None:
    box = np.zeros(4, np.float32)
    track: Track[None] = Track(frame_ref(0), frame_ref(0), box, box, box[:2], box)
    for number in range(60):
        new = face(number / 2, rank=0.5 + 0.001 * (number % 7))
        if track.would_keep(new, 4):
            track.keep(new, None, 4)
    times = sorted(float(pair[0].frame.seconds) for pair in track.kept)
    assert times[-1] - times[0] > 15


@pytest.mark.parametrize(
    ("other", "overlap"),
    [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((10, 0, 20, 10), 0.0), ((30, 30, 40, 40), 0.0)],
)
def test_box_overlap(other: tuple[float, ...], overlap: float) -> None:
    box = np.array((0, 0, 10, 10), np.float32)
    assert box_overlap(box, np.array(other, np.float32)) == pytest.approx(overlap)
