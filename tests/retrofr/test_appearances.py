"""Candidates become intervals of an exhibit."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import exhibit, tracklet
from retrofr.appearances import (
    Chain,
    join_all,
    join_appearances,
    join_candidates,
    join_people,
    person_appearance,
    rank_appearances,
)
from retrofr.clock import NO_CLOCK, ClockCheck, ClockOrigin, WallClock, disagreement
from retrofr.continuity import Continuity, KnownTracklets, tracklet_key
from retrofr.records import Candidate, Tracklet
from retrofr.results import Appearance
from retrofr.settings import TrackSettings


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


def test_requirement_09_a_checked_clock_gives_both_the_original_and_the_adjusted_time() -> None:
    check = ClockCheck(NIGHT, NIGHT - timedelta(minutes=7, seconds=3), date(2024, 4, 2), "PC Smith")
    found = timed(WallClock(ClockOrigin(NIGHT, "file name"), timezone(timedelta(hours=1)), check=check))
    assert found.start_time == "2024-03-30T17:11:06.500000"
    assert found.start_time_adjusted == "2024-03-30T17:04:03.500000+01:00"
    assert found.end_time_adjusted == "2024-03-30T17:04:04.040000+01:00"
    assert found.clock_offset_seconds == -423
    assert found.clock_status == "clock checked 2024-04-02 by PC Smith"


def test_requirement_09_an_hour_that_occurs_twice_is_noted() -> None:
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


# ---- rules 3 and 4: at the same time, and which of several ---------------------------------------------------


def placed(start: float, end: float, x: float = 100, *, slice_: int = 0, number: int = 1) -> Tracklet:
    """A tracklet of a face that stays where it is, 60 px wide."""
    box = np.array([x, 50, x + 60, 110], np.float32)
    whole = tracklet(start, end, number=number)
    return replace(whole, slice=slice_, first_box=box, last_box=box)


def test_of_two_that_ended_together_the_one_in_the_same_place_is_gone_on() -> None:
    left, right, later = placed(1, 5, 0), placed(1, 5, 400), placed(6, 8, 390, number=3)
    joined = join_candidates([candidate(t) for t in (left, right, later)], join_gap_seconds=4)
    assert {tuple(float(t.first_box[0]) for t in c.tracklets if t.first_box is not None) for c in joined} == {
        (0.0,),
        (400.0, 390.0),
    }


def test_of_two_the_one_that_ended_last_is_gone_on() -> None:
    early, late, later = placed(1, 4, 390), placed(1, 5, 0), placed(6, 8, 390, number=3)
    joined = join_candidates([candidate(t) for t in (early, late, later)], join_gap_seconds=4)
    assert sorted(float(c.tracklets[-1].last.seconds) for c in joined) == [4, 8]
    assert [len(c.tracklets) for c in joined if c.tracklets[-1] is later] == [2]


PLACES = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 40), st.sampled_from([0, 30, 200]), st.integers(0, 2)),
    min_size=1,
    max_size=12,
)


def candidates_at(places: list[tuple[int, int, int, int]]) -> list[Candidate]:
    """Candidates at quarters of a second; slices are 30 s long, and nothing goes beyond its slice."""
    found = []
    for i, (start, length, x, score) in enumerate(places):
        slice_ = start // 120
        end = min(start + length, slice_ * 120 + 119)
        t = placed(start / 4, end / 4, x, slice_=slice_, number=i)
        found.append(candidate(t, score / 10, probe="ann" if i % 3 else "bob", supporting=1))
    return found


def together(chain: Chain) -> bool:
    """Whether two of its tracklets are there at the same time."""
    ends = [t.last.seconds for t in chain.tracklets]
    starts = [t.first.seconds for t in chain.tracklets]
    return any(start <= end for start, end in zip(starts[1:], ends, strict=False))


@given(PLACES, st.integers(0, 10), st.booleans())
def test_what_is_there_at_the_same_time_is_never_joined(
    places: list[tuple[int, int, int, int]], gap: int, continuing: bool
) -> None:
    found = candidates_at(places)
    known = Continuity(KnownTracklets(c.tracklet for c in found), TrackSettings()) if continuing else None
    chains = join_candidates(found, join_gap_seconds=gap, continuity=known)
    assert not any(map(together, chains))
    assert sorted(id(c) for chain in chains for c in chain.candidates) == sorted(map(id, found))
    for chain in chains:
        assert len({c.probe for c in chain.candidates}) == 1
        pauses = zip(chain.tracklets, chain.tracklets[1:], strict=False)
        assert all(after.first.seconds - before.last.seconds <= max(gap, 1.6) for before, after in pauses)


@given(PLACES, st.integers(0, 10), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    places: list[tuple[int, int, int, int]], gap: int, random: Any
) -> None:
    found = candidates_at(places)
    hits, below = found[::2], found[1::2]
    shuffled = random.sample(hits, len(hits)), random.sample(below, len(below))

    def ranked(hits: list[Candidate], below: list[Candidate]) -> list[tuple[Any, ...]]:
        known = Continuity(KnownTracklets(c.tracklet for c in (*hits, *below)), TrackSettings())
        both = rank_appearances(hits, below, join_gap_seconds=gap, continuity=known)
        return [tuple(getattr(a, f.name) for f in fields(a)) for a in (*both[0], *both[1])]

    assert ranked(hits, below) == ranked(*shuffled)


# ---- rule 5: pieces of one face ------------------------------------------------------------------------------


def pieces(number: int = 4, seconds: float = 60, *, x: float = 100) -> list[Tracklet]:
    """One face that is seen all the time, in slices, two samples a second."""
    return [
        placed(i * seconds, (i + 1) * seconds - 0.5, x, slice_=i, number=1 + round(x)) for i in range(number)
    ]


@pytest.mark.parametrize("found", [(0,), (3,), (1, 2), (0, 2), (0, 1, 2, 3)])
def test_a_face_that_is_seen_all_the_time_is_one_appearance(found: tuple[int, ...]) -> None:
    seen = pieces()
    known = Continuity(KnownTracklets(seen), TrackSettings())
    hits = [candidate(seen[i], score=1 + i / 10) for i in found]
    (whole,) = join_appearances(hits, hit=True, join_gap_seconds=4, continuity=known)
    assert (whole.start_seconds, whole.end_seconds) == (Fraction(0), Fraction(23954, 100))
    assert whole.faces == 2 * len(found)  # only supporting faces of candidates
    assert whole.faces_seen == 8
    assert (whole.tracklets, whole.tracklets_extending) == (4, 4 - len(found))
    assert whole.score == 1 + found[-1] / 10


def test_without_continuity_only_the_candidates_are_there() -> None:
    (whole,) = join_appearances([candidate(pieces()[1])], hit=True, join_gap_seconds=4)
    assert (float(whole.start_seconds), whole.tracklets, whole.tracklets_extending) == (60, 1, 0)


def test_a_piece_that_a_hit_extends_over_is_not_listed_below_the_threshold() -> None:
    first, second, *_ = seen = pieces()
    known = Continuity(KnownTracklets(seen), TrackSettings())
    below = [candidate(second, 0.2), candidate(second, 0.1, probe="bob")]
    hits, rest = rank_appearances([candidate(first)], below, join_gap_seconds=4, continuity=known)
    assert [(a.rank, a.probe, a.tracklets) for a in (*hits, *rest)] == [(1, "ann", 4), (2, "bob", 4)]
    alone = rank_appearances([candidate(first)], below, join_gap_seconds=4)
    assert [len(part) for part in alone] == [1, 2]


def test_pieces_below_the_threshold_are_one_candidate() -> None:
    seen = pieces(3)
    known = Continuity(KnownTracklets(seen), TrackSettings())
    _, (one,) = join_all([], [candidate(t, 0.1) for t in seen], join_gap_seconds=4, continuity=known)
    assert list(map(tracklet_key, one.tracklets)) == list(map(tracklet_key, seen))


def test_what_a_hit_extends_over_keeps_a_second_face_out() -> None:
    # Ann's face goes on in a piece that scores low. Who comes in beside it within the gap is somebody else.
    seen = pieces(2)
    beside = placed(62, 65, 400, slice_=1, number=2)
    hits = [candidate(seen[0]), candidate(beside)]
    assert len(join_appearances(hits, hit=True, join_gap_seconds=4)) == 1
    known = Continuity(KnownTracklets([*seen, beside]), TrackSettings())
    assert len(join_appearances(hits, hit=True, join_gap_seconds=4, continuity=known)) == 2


# ---- people --------------------------------------------------------------------------------------------------


def test_the_person_is_that_of_the_best_candidate() -> None:
    neighbours = [
        replace(candidate(tracklet(1, 2), 0.5), person=7),
        replace(candidate(tracklet(3, 4), 0.9), person=None),
        replace(candidate(tracklet(5, 6), 0.7), person=12),
    ]
    (found,) = join_appearances(neighbours, hit=True, join_gap_seconds=4)
    assert found.person == 12
    (unknown,) = join_appearances(neighbours[1:2], hit=True, join_gap_seconds=4)
    assert unknown.person is None


def test_a_persons_appearances_are_joined_by_the_same_rules() -> None:
    seen = [
        (7, tracklet(1, 2, number=1)),
        (7, tracklet(5, 6, number=2)),
        (7, tracklet(5.5, 7, number=3)),
        (2, tracklet(3, 4, number=4)),
        (7, tracklet(40, 41, number=5)),
    ]
    chains = join_people(reversed(seen), join_gap_seconds=4)
    assert [(person, [t.number for t in chain.tracklets]) for person, chain in chains] == [
        (2, [4]),
        (7, [1, 2]),
        (7, [3]),
        (7, [5]),
    ]
    found = person_appearance(*chains[1])
    assert (found.person, found.compared, found.probe, found.rank, found.hit) == (7, False, "", 0, False)
    assert (found.faces, found.faces_seen, found.tracklets, found.score != found.score) == (4, 4, 2, True)


def test_a_persons_best_face_is_that_of_the_best_tracklet() -> None:
    poor, good = tracklet(1, 2), tracklet(3, 4)
    good = replace(good, best=tuple(replace(f, quality=replace(f.quality, rank=0.9)) for f in good.best))
    ((_, chain),) = join_people([(1, poor), (1, good)], join_gap_seconds=4)
    assert person_appearance(1, chain).best_seconds == 3
