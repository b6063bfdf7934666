"""The timeline of a case: which appearances, in which order."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import CHECKED_CLOCK, FILE_NAME_CLOCK, appearance, fixed_case, kept_picture
from retrofr.case.exhibits import active_recipe
from retrofr.case.reading import stored_tracklet
from retrofr.case.store import Case, create_case, open_case
from retrofr.case.writing import finish_stream, streams
from retrofr.case_stills import write_stills
from retrofr.errors import CaseError, OutputError
from retrofr.results import Appearance
from retrofr.timeline import (
    StoredNeighbours,
    chronological,
    find_search,
    indexed_after,
    timeline,
)


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return open_case(fixed_case(tmp_path / "case"))


def names(appearances: tuple[Appearance, ...]) -> list[tuple[str, float, float]]:
    return [(a.exhibit, float(a.start_seconds), float(a.end_seconds)) for a in appearances]


DOOR, STAIRS, YARD = "cam1_20240114_225812.mp4", "stairs/night – deck 3.mkv", "yard.mkv"


def test_a_search_is_told_in_the_order_of_time(case: Case) -> None:
    found = timeline(case)
    # The yard's clock is 7 minutes fast, the stairs have none.
    assert names(found) == [(YARD, 1, 2.04), (DOOR, 50, 70.04), (DOOR, 52, 55.04), (STAIRS, 7, 9.04)]
    assert [a.rank for a in found] == [1, 2, 4, 3]
    assert [a.hit for a in found] == [True, True, False, True]
    assert [a.person for a in found] == [7, 7, 2, 7]
    assert [a.tracklet for a in found] == [5, 1, 2, 4]
    assert {a.search for a in found} == {1}


def test_an_appearance_goes_on_over_the_edge_of_a_slice_though_it_scores_low_there(case: Case) -> None:
    (_, door, *_) = timeline(case, search=1)
    assert (door.tracklets, door.tracklets_extending, door.faces, door.faces_seen) == (2, 1, 2, 4)
    assert door.score == 0.91


def test_people_without_any_probe(case: Case) -> None:
    found = timeline(case, people=True)
    assert names(found) == [(YARD, 1, 2.04), (DOOR, 50, 70.04), (DOOR, 52, 55.04), (STAIRS, 7, 9.04)]
    assert [(a.person, a.tracklet, a.search, a.compared) for a in found] == [
        (7, 5, None, False),
        (7, 1, None, False),
        (2, 2, None, False),
        (7, 4, None, False),
    ]


def test_a_case_without_searches_says_what_to_run(tmp_path: Path) -> None:
    with open_case(fixed_case(tmp_path / "none", searched=False, people=False)) as case:
        with pytest.raises(CaseError) as caught:
            timeline(case)
        assert str(caught.value) == (
            f"{case.path}: nothing was searched in this case yet, so there is no timeline of a search\n"
            "`retrofr search --case DIR --probe IMAGE` makes one; "
            "`retrofr people --case DIR` finds persons to export with --people"
        )
        with pytest.raises(CaseError, match="holds no persons yet\n`retrofr people --case DIR` finds them"):
            timeline(case, people=True)


def test_a_case_with_people_alone_names_them(tmp_path: Path) -> None:
    with open_case(fixed_case(tmp_path / "people", searched=False)) as case:
        with pytest.raises(CaseError, match="--people exports the appearances of all its persons"):
            find_search(case)
        assert len(timeline(case, people=True)) == 4


def test_an_empty_case_has_no_people(tmp_path: Path) -> None:
    with create_case(tmp_path / "empty") as case, pytest.raises(CaseError, match="nothing is indexed in"):
        timeline(case, people=True)


def test_a_search_that_is_not_there(case: Case) -> None:
    with pytest.raises(CaseError) as caught:
        timeline(case, search=2)
    assert str(caught.value) == f"{case.path}: holds no search 2\nthere are: 1"


def test_what_was_indexed_later_is_told(case: Case) -> None:
    record = find_search(case)
    assert indexed_after(case, record) == []
    case.fetch_all(
        "UPDATE slices SET committed = '2999-01-01T00:00:00.000000+00:00' WHERE stream_id = 1 AND number"
    )
    assert indexed_after(case, record) == [DOOR]  # its second slice
    assert indexed_after(case, replace(record, started=record.started.replace(year=2000))) == [
        DOOR,
        STAIRS,
        YARD,
    ]


def test_an_exhibit_that_changed_is_marked(case: Case) -> None:
    recipe = active_recipe(case)
    assert recipe is not None
    stream = next(s for s in streams(case, recipe.key) if s.exhibit_id == 2)
    assert stream.coverage is not None
    finish_stream(case, stream.id, replace(stream.coverage, sha256_after="f" * 64))
    assert [a.exhibit for a in timeline(case) if a.exhibit_changed] == [STAIRS]


# ---- neighbours ----------------------------------------------------------------------------------------------


def test_neighbours_are_found_by_exact_time(case: Case) -> None:
    recipe = active_recipe(case)
    assert recipe is not None
    known = StoredNeighbours(case, recipe.key, 60)
    first, later = stored_tracklet(case, 1), stored_tracklet(case, 3)
    end, start = first.last.seconds, later.first.seconds

    def starts(after: Fraction, until: Fraction) -> list[Fraction]:
        return [t.first.seconds for t in known.beginning(first, after, until)]

    def ends(since: Fraction, before: Fraction) -> list[Fraction]:
        return [t.last.seconds for t in known.ending(later, since, before)]

    assert (starts(end, start), starts(end, start - Fraction(1, 1000)), starts(start, start + 1)) == (
        [start],
        [],
        [],
    )
    assert (ends(end, start), ends(end + Fraction(1, 1000), start), ends(end - 1, end)) == ([end], [], [])


def test_of_the_same_slice_only_what_a_tracklet_may_have_been_cut_from(case: Case) -> None:
    recipe = active_recipe(case)
    assert recipe is not None
    first = stored_tracklet(case, 1)  # from 50 s on; Bob is there from 52 s on
    for length, expected in ((2.1, []), (1.9, [2])):
        known = StoredNeighbours(case, recipe.key, length)
        found = known.beginning(first, Fraction(51), Fraction(53))
        assert [t.number for t in found] == expected


def test_tracklets_of_other_recipes_are_no_neighbours(case: Case) -> None:
    first = stored_tracklet(case, 1)
    assert list(StoredNeighbours(case, "0" * 64, 60).beginning(first, Fraction(0), Fraction(100))) == []


# ---- order ---------------------------------------------------------------------------------------------------


def test_times_with_zones_are_compared_as_moments() -> None:
    late = appearance(1, 0.5, "a.mp4", clock=CHECKED_CLOCK)
    early = replace(
        appearance(2, 0.5, "b.mp4", clock=CHECKED_CLOCK),
        start_time_adjusted="2024-01-14T23:00:00.000000+02:00",
    )
    assert chronological([late, early]) == (early, late)
    naive = appearance(3, 0.5, "cam1.mp4", clock=FILE_NAME_CLOCK)  # as soon as one has none: what clocks show
    assert chronological([early, naive, late]) == (late, naive, early)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=8), st.randoms())
def test_the_order_does_not_depend_on_what_came_first(
    places: list[tuple[int, int, bool]], shuffler: random.Random
) -> None:
    found = [
        appearance(rank, 0.5, f"{'cam1' if clock else 'x'}-{exhibit}.mp4", start, start + 1)
        for rank, (exhibit, start, clock) in enumerate(places, start=1)
    ]
    ordered = chronological(found)
    assert chronological(shuffler.sample(found, len(found))) == ordered
    clocks = [a.start_time is not None for a in ordered]
    assert clocks == sorted(clocks, reverse=True)


# ---- stills --------------------------------------------------------------------------------------------------


def test_stills_are_the_pictures_of_the_best_faces(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "stills"
    found = write_stills(case, timeline(case), folder, named=Path("stills"), check=None)
    assert [a.still for a in found] == [
        "stills/search-1-hit-0001.jpg",
        "stills/search-1-hit-0002.jpg",
        "stills/search-1-candidate-0004.jpg",
        "stills/search-1-hit-0003.jpg",
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "search-1-hit-0001.jpg": kept_picture(f"{YARD} 0 1 0"),
        "search-1-hit-0002.jpg": kept_picture(f"{DOOR} 0 1 0"),
        "search-1-hit-0003.jpg": kept_picture(f"{STAIRS} 0 1 1"),
        "search-1-candidate-0004.jpg": kept_picture(f"{DOOR} 0 2 0"),
    }


def test_a_picture_that_is_not_kept_is_no_still(case: Case, tmp_path: Path) -> None:
    case.fetch_all("DELETE FROM face_pictures WHERE tracklet_id = 5")
    first, second, *_ = write_stills(case, timeline(case), tmp_path / "stills", named=Path("s"), check=None)
    assert (first.still, second.still) == (None, "s/search-1-hit-0002.jpg")


def test_a_folder_with_something_in_it_is_refused(case: Case, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty, and nothing is overwritten\nname another folder"):
        write_stills(case, timeline(case), tmp_path, named=tmp_path, check=None)


def test_a_disk_that_fills_up_leaves_no_stills(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Any = Path.open
    left = [0, 1, 1]

    def opening(self: Path, *arguments: str) -> object:
        if arguments == ("xb",) and not left.pop():
            raise OSError(28, "No space left on device")
        return real(self, *arguments)

    monkeypatch.setattr(Path, "open", opening)
    with pytest.raises(OutputError, match=r"cannot be written to \(No space left on device\)"):
        write_stills(case, timeline(case), tmp_path / "stills", named=Path("s"), check=None)
    assert list((tmp_path / "stills").iterdir()) == []
