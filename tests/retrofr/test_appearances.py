"""Candidates become intervals of an exhibit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from fakes import exhibit, tracklet
from retrofr.appearances import join_appearances
from retrofr.clock import NO_CLOCK, ClockCheck, ClockOrigin, WallClock, disagreement
from retrofr.records import Candidate, Tracklet
from retrofr.results import Appearance


def candidate(of: Tracklet, score: float = 1.0, probe: str = "ann", supporting: int = 2) -> Candidate:
    return Candidate(probe, of, score, supporting, of.best[0], None)


def spans(*candidates: Candidate, gap: float = 4.0) -> list[tuple[float, float]]:
    joined = join_appearances(candidates, hit=True, join_gap_seconds=gap)
    return sorted((float(a.start_seconds), float(a.end_seconds)) for a in joined)


def test_neighbours_within_the_gap_are_one_appearance() -> None:
    assert spans(candidate(tracklet(1, 2)), candidate(tracklet(5, 7))) == [(1, 7.04)]


def test_a_longer_pause_makes_two() -> None:
    assert spans(candidate(tracklet(1, 2)), candidate(tracklet(6.5, 7))) == [(1, 2.04), (6.5, 7.04)]


def test_below_the_threshold_nothing_is_joined() -> None:
    neighbours = [candidate(tracklet(1, 2)), candidate(tracklet(2, 3))]
    assert len(join_appearances(neighbours, hit=False, join_gap_seconds=None)) == 2


def test_two_faces_at_once_are_never_one_appearance() -> None:
    assert spans(candidate(tracklet(1, 5)), candidate(tracklet(2, 6))) == [(1, 5.04), (2, 6.04)]


def test_probes_exhibits_and_segments_are_kept_apart() -> None:
    apart = (
        candidate(tracklet(1, 2)),
        candidate(tracklet(3, 4), probe="bob"),
        candidate(tracklet(5, 6, of=exhibit("cam2.mp4"))),
        candidate(tracklet(3, 4, segment=1)),
    )
    assert len(spans(*apart)) == 4


def test_best_score_ranks_first_and_counts_add_up() -> None:
    weak, strong = candidate(tracklet(1, 2), 0.5), candidate(tracklet(3, 4), 0.9)
    other = candidate(tracklet(20, 21), 0.7, supporting=1)
    first, second = join_appearances([weak, other, strong], hit=True, join_gap_seconds=4, first_rank=5)
    assert (first.rank, first.score, first.faces, first.faces_seen) == (5, 0.9, 4, 4)
    assert (second.rank, second.score, second.faces) == (6, 0.7, 1)


NIGHT = datetime(2024, 3, 30, 17, 11, 5)


def timed(clock: WallClock, start: float = 1.5, end: float = 2) -> Appearance:
    of = exhibit(clock=clock)
    (found,) = join_appearances([candidate(tracklet(start, end, of=of))], hit=True, join_gap_seconds=4)
    return found


def test_wall_clock_is_the_exhibits_and_its_source_is_named() -> None:
    found = timed(WallClock(ClockOrigin(NIGHT, "file name")))
    assert (found.start_time, found.end_time) == ("2024-03-30T17:11:06.500000", "2024-03-30T17:11:07.040000")
    assert (found.start_time_adjusted, found.end_time_adjusted) == (found.start_time, found.end_time)
    assert (found.clock_source, found.clock_status) == ("file name", "clock unverified")
    assert (found.clock_offset_seconds, found.clock_note) == (Fraction(0), None)


def test_a_checked_clock_gives_both_the_original_and_the_adjusted_time() -> None:
    check = ClockCheck(NIGHT, NIGHT - timedelta(minutes=7, seconds=3), date(2024, 4, 2), "PC Smith")
    found = timed(WallClock(ClockOrigin(NIGHT, "file name"), timezone(timedelta(hours=1)), check=check))
    assert found.start_time == "2024-03-30T17:11:06.500000"
    assert found.start_time_adjusted == "2024-03-30T17:04:03.500000+01:00"
    assert found.end_time_adjusted == "2024-03-30T17:04:04.040000+01:00"
    assert found.clock_offset_seconds == -423
    assert found.clock_status == "clock checked 2024-04-02 by PC Smith"


def test_an_hour_that_occurs_twice_is_noted() -> None:
    start = datetime(2024, 10, 27, 1, 30)
    clock = WallClock(ClockOrigin(start, "file name"), ZoneInfo("Europe/London"))
    note = timed(clock).clock_note
    assert note is not None
    assert "occurs twice in Europe/London" in note
    assert "2024-10-27T01:30:01.500000+01:00 or 2024-10-27T01:30:01.500000+00:00" in note


def test_clocks_that_disagree_are_noted() -> None:
    hint = ClockOrigin(NIGHT + timedelta(hours=1), "container creation time", "creation time")
    clock = WallClock(ClockOrigin(NIGHT, "file name"), hints=(hint,))
    assert timed(clock).clock_note == disagreement(clock)[0]


def test_unknown_wall_clock_says_why() -> None:
    found = timed(WallClock(NO_CLOCK))
    assert found.start_time is found.end_time is found.start_time_adjusted is found.end_time_adjusted is None
    assert (found.clock_offset_seconds, found.clock_status) == (None, "no clock")
    assert found.clock_source.startswith("none: ")


def test_the_camera_is_the_exhibits() -> None:
    of = replace(exhibit(), camera="front door")
    (found,) = join_appearances([candidate(tracklet(1, 2, of=of))], hit=True, join_gap_seconds=4)
    assert found.camera == "front door"


def test_compared_faces_of_suspect_frames_are_counted() -> None:
    damaged = tracklet(3, 4)
    first, second = damaged.best
    worse = replace(second, frame=replace(second.frame, suspect=True))
    damaged = replace(damaged, best=(first, worse))
    whole = candidate(tracklet(1, 2))
    for best, expected in ((first, False), (worse, True)):
        of_damaged = Candidate("ann", damaged, 2.0, 2, best, None)
        (found,) = join_appearances([whole, of_damaged], hit=True, join_gap_seconds=4)
        assert (found.faces_suspect, found.best_suspect) == (1, expected)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), min_size=1, max_size=12),
    st.integers(0, 10),
)
def test_every_candidate_is_in_exactly_one_appearance(places: list[tuple[int, int]], gap: int) -> None:
    tracklets = [tracklet(start, start + length, number=i) for i, (start, length) in enumerate(places)]
    joined = join_appearances([candidate(t, supporting=1) for t in tracklets], hit=True, join_gap_seconds=gap)
    assert sum(a.faces for a in joined) == len(tracklets)
    assert min(a.start_seconds for a in joined) == min(t.first.seconds for t in tracklets)
    assert max(a.end_seconds for a in joined) == max(t.last.until_seconds for t in tracklets)
    assert all(a.end_seconds > a.start_seconds for a in joined)
    assert [a.rank for a in joined] == list(range(1, len(joined) + 1))


def test_two_faces_in_one_sample_are_two_appearances_even_where_one_ends_and_one_begins() -> None:
    assert spans(candidate(tracklet(1, 2)), candidate(tracklet(2, 3))) == [(1, 2.04), (2, 3.04)]


def test_the_next_sample_joins_at_a_gap_as_short_as_that() -> None:
    assert spans(candidate(tracklet(1, 2)), candidate(tracklet(2.5, 3)), gap=0.5) == [(1, 3.04)]
