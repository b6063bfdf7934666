"""Which of a tracklet's faces are embedded: few, good, spread over its length, and no picture twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fakes import face
from retrofr.face_view import FaceView
from retrofr.faces import COPY, Kept, beside_another
from retrofr.records import Floats

VIEW = FaceView(np.zeros((1, 1, 3), np.uint8), np.zeros((5, 2), np.float32))


def own_look(number: int) -> Floats:
    """Of length 1; unlike that of any other number."""
    return np.asarray(np.eye(64)[number % 64], np.float32)


def chosen(faces: list[tuple[float, float, Floats]], most: int) -> list[Kept]:
    """The best of faces that are given as (seconds, rank, thumbnail)."""
    kept: list[Kept] = []
    for seconds, rank, thumbnail in faces:
        new = face(seconds, rank=rank)
        stay = beside_another(kept, new, thumbnail, most)
        if stay is not None:
            kept = [*stay, Kept(new, thumbnail, VIEW, None, np.zeros((0, 4), np.float32))]
    return kept


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 6))
def test_best_faces_are_bounded_and_hold_the_very_best(ranks: list[float], most: int) -> None:
    kept = [k.face.quality.rank for k in chosen([(i / 2, r, own_look(i)) for i, r in enumerate(ranks)], most)]
    assert len(kept) == min(most, len(ranks))
    assert set(kept) <= set(ranks)
    assert max(kept) == max(ranks)


def test_kept_faces_are_spread_over_the_track() -> None:
    kept = chosen([(i / 2, 0.5 + 0.001 * (i % 7), own_look(i)) for i in range(60)], 4)
    times = sorted(float(k.face.frame.seconds) for k in kept)
    assert times[-1] - times[0] > 15


def test_somebody_standing_still_is_embedded_once_from_the_best_picture() -> None:
    kept = chosen([(i / 2, 0.5 + 0.01 * (i == 7), own_look(0)) for i in range(20)], 3)
    assert [float(k.face.frame.seconds) for k in kept] == [3.5]


def test_a_better_copy_takes_the_place_of_the_one_before_and_of_no_other() -> None:
    kept = chosen([(0, 0.5, own_look(0)), (1, 0.9, own_look(1)), (2, 0.6, own_look(0))], 3)
    assert sorted(float(k.face.frame.seconds) for k in kept) == [1, 2]


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 359)), min_size=1, max_size=30), st.integers(1, 5))
def test_no_two_kept_faces_are_copies_and_the_best_is_kept(faces: list[tuple[float, int]], most: int) -> None:
    turns = [
        (rank, np.array((np.cos(a), np.sin(a)), np.float32))
        for rank, a in ((r, np.radians(d)) for r, d in faces)
    ]
    kept = chosen([(i / 2, rank, look) for i, (rank, look) in enumerate(turns)], most)
    assert 1 <= len(kept) <= most
    for i, one in enumerate(kept):
        assert all(float(one.thumbnail @ other.thumbnail) < COPY for other in kept[i + 1 :])
    assert max(k.face.quality.rank for k in kept) == max(rank for rank, _ in faces)
