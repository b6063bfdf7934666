"""The timeline: to scale, whatever the clocks; no hit and no gap is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import appearance, stream
from retrofr.clock import ClockOrigin, WallClock
from retrofr.records import TimeRange
from retrofr.reporting.lanes import panels
from retrofr.results import Appearance, Coverage, StreamCoverage

NOON = datetime(2024, 5, 1, 12)


def recording(name: str, starts: datetime, seconds: int = 60, **changes: object) -> StreamCoverage:
    return stream(name, seconds, clock=WallClock(ClockOrigin(starts, "file name")), **changes)


def hit_in(of: StreamCoverage, start: Fraction | int, end: Fraction | int, rank: int = 1) -> Appearance:
    return appearance(rank, 0.5, of.exhibit, start, end, of.clock)


def test_cameras_share_an_axis_and_a_long_pause_cuts_it() -> None:
    door = recording("door.mp4", NOON, camera="door")
    yard = recording("yard.mp4", NOON + timedelta(seconds=60), camera="yard")
    again = recording("door2.mp4", NOON + timedelta(seconds=120), camera="door")
    night = recording("night.mp4", NOON + timedelta(hours=9), camera="door")
    found = panels(Coverage((door, yard, again, night)), [hit_in(yard, 15, 30)])
    assert [panel.title for panel in found] == [
        "1 May 2024, 12:00:00 – 12:03:00, adjusted time",
        "1 May 2024, 21:00:00 – 21:01:00, adjusted time",
    ]
    lanes = found[0].lanes
    assert [(lane.name, lane.detail) for lane in lanes] == [
        ("door", "door.mp4, door2.mp4"),
        ("yard", "yard.mp4"),
    ]
    assert [(b.x, b.width) for b in lanes[0].blocks] == [(0, 33.333), (66.667, 33.333)]
    (mark,) = lanes[1].marks
    assert (mark.x, mark.width) == (
        pytest.approx(75 / 180 * 100, abs=1e-3),
        pytest.approx(15 / 180 * 100, abs=1e-3),
    )
    assert [tick.text for tick in found[1].ticks] == [f"21:00:{s:02}" for s in range(0, 60, 10)] + [
        "21:01:00"
    ]


def test_two_recordings_of_one_camera_at_one_time_do_not_cover_each_other() -> None:
    one, other = (recording(name, NOON, camera="door") for name in ("a.mp4", "b.mp4"))
    (panel,) = panels(Coverage((one, other)), [])
    assert [lane.detail for lane in panel.lanes] == ["a.mp4", "b.mp4"]


def test_recordings_without_a_clock_have_an_axis_of_their_own() -> None:
    (panel,) = panels(Coverage((stream("x.mkv", 100), stream("y.mkv", 50))), [])
    assert panel.title.startswith("Recordings without a known clock")
    assert [lane.blocks[0].width for lane in panel.lanes] == [100, 50]


def test_stretches_of_one_fate_that_touch_are_one() -> None:
    edges = [
        ("static", 0, 10, ""),
        ("static", 10, 20, ""),
        ("lost", 20, 30, "it hung"),
        ("lost", 30, 60, "it crashed"),
    ]
    ranges = tuple(TimeRange(kind, Fraction(a), Fraction(b), 0, why) for kind, a, b, why in edges)
    ((lane,),) = (panel.lanes for panel in panels(Coverage((recording("a.mp4", NOON, ranges=ranges),)), []))
    assert [(b.look, b.x, b.width) for b in lane.blocks] == [
        ("static", 0, 33.333),
        ("lost", 33.333, 16.667),
        ("lost", 50, 50),
    ]


def test_each_lane_tells_in_words_what_it_draws() -> None:
    ranges = (
        TimeRange("searched", Fraction(0), Fraction(40), 0),
        TimeRange("lost", Fraction(40), Fraction(60), 0, "it hung"),
    )
    broken = recording("a.mp4", NOON, ranges=ranges)
    ((lane,),) = (panel.lanes for panel in panels(Coverage((broken,)), [hit_in(broken, 5, 9)]))
    assert lane.text == "a.mp4: 1 hit; not searched: the decoder failed 0:00:40.000 – 0:01:00.000"
    assert lane.blocks[1].title == "not searched: the decoder failed, 0:00:40.000 – 0:01:00.000 (it hung)"


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 500)), min_size=1, max_size=30), st.booleans())
def test_every_hit_is_drawn_once_inside_its_recording(times: list[tuple[int, int]], clock: bool) -> None:
    of = recording("a.mp4", NOON, 4000) if clock else stream("a.mkv", 4000)
    hits = [hit_in(of, at, at + length, rank) for rank, (at, length) in enumerate(times, 1)]
    marks = [m for panel in panels(Coverage((of,)), hits) for lane in panel.lanes for m in lane.marks]
    assert sorted(m.rank for m in marks) == list(range(1, len(times) + 1))
    for mark in marks:
        at, length = times[mark.rank - 1]
        assert mark.x == pytest.approx(at / 40, abs=2e-3)
        assert mark.width == pytest.approx(length / 40, abs=2e-3)
    labelled = sorted(m.x for m in marks if m.label)
    assert all(after - before >= 5 for before, after in pairwise(labelled))
