"""Which tracklets are pieces of one face that went on being seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import exhibit, tracklet
from retrofr.continuity import Continuity, KnownTracklets, ends_in_question, tracklet_key
from retrofr.records import Tracklet
from retrofr.settings import TrackSettings
from retrofr.tracking import box_overlap

SETTINGS = TrackSettings()  # a face may be missed for 1.6 s; a tracklet lasts 60 s at most


def piece(
    start: float,
    end: float,
    x: float = 100,
    *,
    slice_: int = 0,
    number: int = 1,
    side: float = 60,
    segment: int = 0,
) -> Tracklet:
    """A tracklet of a face of ``side`` pixels that stays at ``x``."""
    box = np.array([x, 50, x + side, 50 + side], np.float32)
    whole = tracklet(start, end, number=number, segment=segment)
    return replace(whole, slice=slice_, first_box=box, last_box=box)


def goes_on(before: Tracklet, after: Tracklet, *others: Tracklet) -> bool:
    """Whether one goes on in the other; both directions always say the same."""
    found = Continuity(KnownTracklets([before, after, *others]), SETTINGS)
    there, back = found.after(before), found.before(after)
    assert (there is after) == (back is before)
    return there is after


def test_over_the_edge_of_a_slice_in_the_same_place() -> None:
    assert goes_on(piece(50, 59.5), piece(60, 70, slice_=1))


@pytest.mark.parametrize(
    ("start", "expected"), [(59.5, False), (60, True), (61.1, True), (61.125, False)], ids=str
)
def test_no_longer_after_than_a_face_may_be_missed(start: float, expected: bool) -> None:
    assert goes_on(piece(50, 59.5), piece(start, 70, slice_=1)) is expected


def test_within_a_slice_the_tracker_had_its_reasons() -> None:
    assert not goes_on(piece(50, 55), piece(55.5, 59))


def test_a_tracklet_that_was_closed_for_its_length_goes_on() -> None:
    assert goes_on(piece(0, 60), piece(60.5, 65, number=2))
    assert not goes_on(piece(0.5, 60), piece(60.5, 65, number=2))


@pytest.mark.parametrize(
    ("x", "side", "expected"),
    [
        (100, 60, True),
        (139, 60, True),  # overlap 0.21
        (155, 60, True),  # no overlap of 0.2, and a face width is 60
        (161, 60, False),
        (150, 91, False),  # near, but half as wide again
        (100, 120, True),  # overlaps
        (100, 160, False),
    ],
)
def test_where_the_boxes_are(x: float, side: float, expected: bool) -> None:
    assert goes_on(piece(50, 59.5), piece(60, 70, x, slice_=1, side=side)) is expected


def test_unknown_boxes_say_nothing() -> None:
    assert not goes_on(piece(50, 59.5), replace(piece(60, 70, slice_=1), first_box=None))


def test_another_segment_exhibit_or_stream_is_another_place() -> None:
    before = piece(50, 59.5)
    after = piece(60, 70, slice_=1)
    elsewhere = replace(after, exhibit=exhibit("cam2.mp4"))
    other_stream = replace(after, first=replace(after.first, stream=1))
    for other in (piece(60, 70, slice_=1, segment=1), elsewhere, other_stream):
        assert not goes_on(before, other)


def test_where_two_compete_there_is_doubt() -> None:
    before, after = piece(50, 59.5), piece(60, 70, slice_=1)
    assert not goes_on(before, after, piece(60.5, 70, 110, slice_=1, number=2))
    assert not goes_on(before, after, piece(55, 59, 110, number=2))


def test_who_stands_beside_does_not_compete() -> None:
    before, after = piece(50, 59.5), piece(60, 70, slice_=1)
    assert goes_on(before, after, piece(60, 70, 158, slice_=1, number=2))  # near, and does not overlap
    assert goes_on(before, after, piece(50, 59.5, 158, number=2))
    assert goes_on(before, after, piece(50, 59.5, 158, number=2), piece(60, 70, 158, slice_=1, number=2))


def test_templates_that_differ_are_another_face_in_the_same_place() -> None:
    ann, bob = piece(50, 59.5), piece(60, 70, slice_=1)
    bob = replace(bob, templates=np.array([(0, 1, 0), (0, 1, 0)], np.float32))
    unfit = replace(bob, best=(), templates=np.zeros((0, 3), np.float32))

    def alike(one: Tracklet, other: Tracklet) -> bool:
        return float((one.templates @ other.templates.T).max()) > 0.5

    for other, expected in ((bob, False), (unfit, True), (replace(bob, templates=ann.templates), True)):
        known = KnownTracklets([ann, other])
        assert (Continuity(known, SETTINGS, alike).after(ann) is other) is expected


def test_a_thread_is_all_pieces_in_order_whichever_is_asked_for() -> None:
    seen = [piece(i * 60, i * 60 + 59.5, slice_=i) for i in range(5)]
    for asked in seen:
        found = Continuity(KnownTracklets(reversed(seen)), SETTINGS)
        assert found.thread(asked) == tuple(seen)
        assert found.thread(seen[0]) is found.thread(seen[-1])


def test_the_overlap_is_the_trackers() -> None:
    from retrofr import continuity

    one, other = np.array([0, 0, 10, 10], np.float32), np.array([5, 0, 15, 10], np.float32)
    assert continuity.box_overlap(one, other) == box_overlap(one, other) == pytest.approx(1 / 3)


MOMENTS = st.lists(
    st.tuples(st.integers(0, 239), st.integers(0, 119), st.integers(0, 10)), min_size=2, max_size=14
)


def in_slices(moments: Sequence[tuple[int, int, int]]) -> list[Tracklet]:
    """Tracklets at half seconds in slices of 30 s, that end with their slices."""
    found = []
    for number, (start, length, place) in enumerate(moments):
        slice_ = start // 60
        end = min(start + length, slice_ * 60 + 59)
        found.append(piece(start / 2, end / 2, place * 20, slice_=slice_, number=number))
    return found


@given(MOMENTS)
def test_threads_part_the_tracklets_and_never_show_two_faces_at_once(
    moments: list[tuple[int, int, int]],
) -> None:
    found = in_slices(moments)
    continuity = Continuity(KnownTracklets(found), SETTINGS)
    threads = {tuple(map(tracklet_key, continuity.thread(t))) for t in found}
    assert sorted(key for thread in threads for key in thread) == sorted(map(tracklet_key, found))
    for t in found:
        thread = continuity.thread(t)
        for before, after in pairwise(thread):
            assert 0 < after.first.seconds - before.last.seconds <= Fraction(SETTINGS.max_gap_seconds)
            assert after.slice > before.slice


@given(MOMENTS)
def test_the_ends_in_question_are_enough(moments: list[tuple[int, int, int]]) -> None:
    settings = TrackSettings(max_length_seconds=10)
    found = in_slices(moments)
    kept = KnownTracklets()
    for number in range(4):
        kept.add(ends_in_question([t for t in found if t.slice == number], settings))
    whole, few = (Continuity(known, settings) for known in (KnownTracklets(found), kept))
    assert [whole.thread(t) for t in found] == [few.thread(t) for t in found]


def test_a_tracklet_in_the_middle_of_its_slice_need_not_be_kept() -> None:
    middle = piece(20, 30, number=3)
    seen = [piece(0, 10), middle, piece(50, 60, number=2)]
    assert middle not in ends_in_question(seen, SETTINGS)
