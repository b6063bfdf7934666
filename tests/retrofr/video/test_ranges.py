from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrofr.records import RangeKind, TimeRange
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.decoding.ranges import MAX_RANGES, RangeLog

STEP = Fraction(1, 25)


def told(facts: CoverageFacts) -> list[tuple[str, Fraction, Fraction]]:
    return [(r.kind, r.start_seconds, r.end_seconds) for r in facts.ranges]


def frames(log: RangeLog, first: int, last: int, kind: RangeKind = "searched", segment: int = 0) -> None:
    for n in range(first, last):
        log.show(kind, n * STEP, (n + 1) * STEP, segment)


def test_neighbours_of_one_fate_are_joined() -> None:
    facts = CoverageFacts()
    log = RangeLog(facts)
    frames(log, 0, 10)
    frames(log, 10, 12, "suspect")
    frames(log, 12, 20)
    frames(log, 0, 5, segment=1)
    assert facts.ranges == [
        TimeRange("searched", Fraction(0), 10 * STEP, 0),
        TimeRange("suspect", 10 * STEP, 12 * STEP, 0),
        TimeRange("searched", 12 * STEP, 20 * STEP, 0),
        TimeRange("searched", Fraction(0), 5 * STEP, 1),
    ]
    assert (facts.searched_seconds, facts.suspect_seconds) == (25 * STEP, 2 * STEP)


def test_a_lost_packet_takes_its_place_out_of_the_frame_before_it() -> None:
    for told_first in (True, False):
        facts = CoverageFacts()
        log = RangeLog(facts)
        frames(log, 0, 3)
        if told_first:
            log.lose(4 * STEP)
        log.show("searched", 3 * STEP, 5 * STEP, 0)
        frames(log, 5, 8)
        if not told_first:
            log.lose(4 * STEP)
        assert told(facts) == [
            ("searched", 0, 4 * STEP),
            ("unreadable", 4 * STEP, 5 * STEP),
            ("searched", 5 * STEP, 8 * STEP),
        ]
        assert (facts.searched_seconds, facts.unreadable_seconds) == (7 * STEP, STEP)


def test_lost_packets_in_a_row_are_one_stretch_in_whatever_order_they_are_told() -> None:
    for order in ((4, 5, 6), (6, 4, 5), (5, 6, 4)):
        facts = CoverageFacts()
        log = RangeLog(facts)
        log.show("suspect", 3 * STEP, 7 * STEP, 0)
        frames(log, 7, 8)
        for n in order:
            log.lose(n * STEP)
        assert told(facts) == [
            ("suspect", 3 * STEP, 4 * STEP),
            ("unreadable", 4 * STEP, 7 * STEP),
            ("searched", 7 * STEP, 8 * STEP),
        ]


def test_a_packet_with_a_shown_frames_time_takes_nothing_away() -> None:
    facts = CoverageFacts()
    log = RangeLog(facts)
    frames(log, 0, 5)
    log.lose(2 * STEP)
    assert told(facts) == [("searched", 0, 5 * STEP)]


def test_more_ranges_than_can_be_listed_are_in_the_sums() -> None:
    facts = CoverageFacts()
    log = RangeLog(facts)
    count = 3 * MAX_RANGES
    for n in range(count):
        log.show("searched" if n % 2 else "suspect", n * STEP, (n + 1) * STEP, 0)
        assert len(facts.ranges) <= MAX_RANGES + 401
    log.finish()
    assert len(facts.ranges) == MAX_RANGES
    assert log.unlisted == count - MAX_RANGES
    assert facts.searched_seconds == count * STEP
    assert facts.suspect_seconds == count * STEP / 2
    assert facts.ranges[0].start_seconds == 0


KINDS: st.SearchStrategy[RangeKind] = st.sampled_from(["searched", "suspect", "outside", "unreadable"])


@given(
    shown=st.lists(st.tuples(KINDS, st.integers(1, 6), st.booleans()), min_size=1, max_size=60),
    lost=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 200)), max_size=30),
)
def test_ranges_never_overlap_in_a_segment_and_add_up(
    shown: list[tuple[RangeKind, int, bool]], lost: list[tuple[int, int]]
) -> None:
    facts = CoverageFacts()
    log = RangeLog(facts)
    at, segment = Fraction(0), 0
    for n, (kind, length, breaks) in enumerate(shown):
        for when, where in lost:
            if when == n:
                log.lose(where * STEP)
        if breaks:
            at, segment = Fraction(0), segment + 1
        log.show(kind, at, at + length * STEP, segment)
        at += length * STEP
    assert all(r.end_seconds > r.start_seconds for r in facts.ranges)
    for a, b in pairwise(facts.ranges):
        assert b.segment > a.segment or b.start_seconds >= a.end_seconds
    sums = {kind: Fraction(0) for kind in ("searched", "suspect", "outside", "unreadable")}
    for r in facts.ranges:
        sums[r.kind] += r.seconds
    assert facts.searched_seconds == sums["searched"] + sums["suspect"]
    assert facts.suspect_seconds == sums["suspect"]
    assert facts.outside_seconds == sums["outside"]
    assert facts.unreadable_seconds == sums["unreadable"]
    assert sum(sums.values()) == sum(length for _, length, _ in shown) * STEP
