"""The persons of a case: clustered, numbered, decided about, and described."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from people_case import Seen, add_footage, fake_recipe
from retrofr import people
from retrofr.case.keys import KeyStore
from retrofr.case.store import Case, create_case
from retrofr.clock import ClockOrigin, WallClock
from retrofr.errors import CaseBusyError, ModelError, UsageError
from retrofr.people import (
    cluster_case,
    decisions,
    is_current,
    merge_people,
    people_of,
    people_threshold,
    person_detail,
    person_of,
    split_person,
)
from retrofr.recipe import Recipe, scorer_of
from retrofr.scoring import Scorer, build_scorer
from retrofr.settings import PeopleSettings

GAP = 4.0
SETTINGS = PeopleSettings(threshold=0.8)


@dataclass
class Room:
    """A case, and what is done in it again and again."""

    case: Case
    recipe: Recipe
    scorer: Scorer

    def add(self, name: str, *seen: Seen, **facts: Any) -> list[int]:
        return add_footage(self.case, self.recipe, name, seen, **facts)

    def cluster(self, settings: PeopleSettings = SETTINGS) -> None:
        cluster_case(self.case, self.recipe, self.scorer, settings)

    def of(self) -> dict[int, int]:
        return person_of(self.case, self.recipe.key)

    def people(self) -> people.People:
        return people_of(self.case, self.recipe, join_gap_seconds=GAP)

    def detail(self, number: int) -> people.PersonDetail:
        return person_detail(self.case, self.recipe, self.scorer, number, join_gap_seconds=GAP)

    def merge(self, *numbers: int) -> None:
        merge_people(self.case, self.recipe, self.scorer, numbers, why="same scar", by="kim")

    def split(self, number: int, *tracklets: int) -> int:
        return split_person(
            self.case, self.recipe, self.scorer, number, tracklets, why="other ears", by="kim"
        )


@pytest.fixture
def room(tmp_path: Path, fake_parts: dict[str, Any]) -> Iterator[Room]:
    recipe = fake_recipe()
    with create_case(tmp_path / "case", keys=KeyStore(tmp_path / "keys")) as case:
        yield Room(case, recipe, scorer_of(recipe))


def clock(at: datetime, zone: str | None = None) -> WallClock:
    return WallClock(ClockOrigin(at, "given"), None if zone is None else ZoneInfo(zone))


RED, BLUE, GREEN = (lambda start, end, c=c: Seen(start, end, c) for c in ("red", "blue", "green"))


# ---- clustering --------------------------------------------------------------------------------------------


def test_one_colour_is_one_person_over_all_footage(room: Room) -> None:
    a = room.add("a.mp4", RED(0, 1), BLUE(2, 3), RED(9, 10))
    b = room.add("b.mp4", BLUE(0, 1), RED(2, 3))
    room.cluster()
    assert room.of() == {a[0]: 1, a[2]: 1, b[1]: 1, a[1]: 2, b[0]: 2}


def test_two_faces_at_once_are_never_one_person(room: Room) -> None:
    one, other = room.add("a.mp4", RED(0, 5), RED(3, 8))
    room.cluster()
    assert room.of()[one] != room.of()[other]


def test_at_once_in_two_recordings_may_be_one_person(room: Room) -> None:
    (one,) = room.add("a.mp4", RED(0, 5))
    (other,) = room.add("b.mp4", RED(0, 5))
    room.cluster()
    assert room.of()[one] == room.of()[other]


def test_the_threshold_decides(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), Seen(2, 3, "red", shade=0.25))  # score about 0.77
    room.cluster(PeopleSettings(threshold=0.8))
    assert len(set(room.of().values())) == 2
    room.cluster(PeopleSettings(threshold=0.7))
    assert len(set(room.of().values())) == 1


def test_new_footage_leaves_numbers_as_they_were(room: Room) -> None:
    room.add("a.mp4", BLUE(0, 1), BLUE(2, 3), RED(4, 5))
    room.cluster()
    before = room.of()
    new = room.add("b.mp4", *(RED(i, i + 0.5) for i in range(5)), GREEN(9, 10))
    room.cluster()
    assert before.items() <= room.of().items()
    assert {room.of()[i] for i in new} == {2, 3}


def test_clustering_again_changes_nothing(room: Room) -> None:
    room.add("a.mp4", BLUE(0, 1), BLUE(2, 3), RED(4, 5), GREEN(6, 7))
    room.cluster()
    before = room.of()
    room.cluster()
    assert room.of() == before


def test_an_empty_case_has_no_persons(room: Room) -> None:
    room.add("a.mp4")
    room.cluster()
    assert room.people().persons == ()
    assert room.people().clustered is not None


def test_what_is_current_follows_footage_and_settings(room: Room) -> None:
    def current(settings: PeopleSettings = SETTINGS) -> bool:
        return is_current(room.case, room.recipe, room.scorer, settings)

    room.add("a.mp4", RED(0, 1))
    assert not current()
    room.cluster()
    assert current()
    assert not current(PeopleSettings(threshold=0.7))
    room.add("b.mp4", RED(0, 1), BLUE(2, 3))
    assert not current()
    assert room.people().unclustered == 2


def test_a_decision_recorded_meanwhile_is_not_lost(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.add("a.mp4", RED(0, 1), BLUE(2, 3))
    room.cluster()
    found, done = people.cluster, []

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        if not done:
            done.append(room.merge(1, 2))
        return found(*arguments, **options)

    monkeypatch.setattr(people, "cluster", meanwhile)
    with pytest.raises(
        CaseBusyError, match="a decision about persons was recorded while they were clustered"
    ):
        room.cluster()
    assert set(room.of().values()) == {1}
    room.cluster()
    assert set(room.of().values()) == {1}


# ---- threshold and scorer ----------------------------------------------------------------------------------


def test_an_embedder_without_a_measured_threshold_names_the_setting(room: Room) -> None:
    with pytest.raises(UsageError) as error:
        people_threshold(PeopleSettings(), room.scorer)
    assert str(error.value) == (
        "embedder fake: no threshold of persons was measured for it, or not with these settings\n"
        "set one with --set people.threshold=SCORE, from scores measured on labelled material"
    )


@pytest.mark.parametrize("name", ["sface+dlib-resnet", "dlib-resnet+sface", "sface", "dlib-resnet"])
def test_the_default_embedders_have_one_and_say_where_from(name: str) -> None:
    threshold = people_threshold(PeopleSettings(), build_scorer(name, {}))
    assert "benchmarks/people.py" in threshold.source
    assert people_threshold(PeopleSettings(threshold=1.5), build_scorer(name, {})).score == 1.5


def test_a_measured_threshold_does_not_hold_for_other_landmarks() -> None:
    with pytest.raises(UsageError, match="no threshold of persons was measured"):
        people_threshold(PeopleSettings(), build_scorer("sface", {}, refine=False))


def test_other_weights_than_the_cases_are_refused(room: Room) -> None:
    other = Recipe(room.recipe.key, "fake", "0" * 64, 3, room.recipe.terms)
    with pytest.raises(ModelError, match="embedder fake: has other weights here than those"):
        scorer_of(other)


# ---- decisions ---------------------------------------------------------------------------------------------


def test_merged_persons_stay_merged(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), RED(2, 3), BLUE(4, 5))
    room.cluster()
    room.merge(2, 1)
    assert set(room.of().values()) == {2}
    room.add("b.mp4", BLUE(0, 1), GREEN(5, 6))
    room.cluster()
    assert sorted(room.of().values()) == [2, 2, 2, 2, 3]
    (decision,) = decisions(room.case, room.recipe.key)
    assert (decision.by, decision.why) == ("kim", "same scar")


def test_what_was_split_off_stays_apart_and_gets_a_new_number(room: Room) -> None:
    ids = room.add("a.mp4", RED(0, 1), RED(2, 3), RED(4, 5), BLUE(6, 7))
    room.cluster()
    assert room.split(1, ids[1]) == 3
    assert room.of() == {ids[0]: 1, ids[1]: 3, ids[2]: 1, ids[3]: 2}
    room.cluster()
    assert room.of() == {ids[0]: 1, ids[1]: 3, ids[2]: 1, ids[3]: 2}


def test_a_number_that_was_given_up_is_not_given_again(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), BLUE(2, 3))
    room.cluster()
    room.merge(1, 2)
    room.add("b.mp4", GREEN(0, 1))
    room.cluster()
    assert sorted(room.of().values()) == [1, 1, 3]


def test_the_sureness_of_moved_tracklets_is_measured_anew(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), RED(2, 3), BLUE(4, 5))
    room.cluster()
    assert room.people().person(1).least_score == pytest.approx(1.0, abs=0.01)  # type: ignore[union-attr]
    room.merge(1, 2)
    merged = room.people().persons[0]
    assert merged.least_score is not None
    assert merged.least_score < 0.2
    assert (merged.spread, merged.below) == ("loose", 3)


@pytest.mark.parametrize(("numbers", "message"), [
    ((1,), "give at least two persons to merge"),
    ((1, 1), "give at least two persons to merge"),
    ((1, 9), "there is no person 9\n`retrofr people --all` lists all persons"),
])  # fmt: skip
def test_a_merge_that_makes_no_sense(room: Room, numbers: tuple[int, ...], message: str) -> None:
    room.add("a.mp4", RED(0, 1), BLUE(2, 3))
    room.cluster()
    with pytest.raises(UsageError) as error:
        room.merge(*numbers)
    assert str(error.value) == message
    assert decisions(room.case, room.recipe.key) == []


def test_a_merge_of_two_who_are_there_at_once_is_refused_with_the_reason(room: Room) -> None:
    one, other = room.add("a.mp4", RED(0, 65), BLUE(62.5, 70))
    room.cluster()
    numbers = room.of()
    with pytest.raises(UsageError) as error:
        room.merge(numbers[one], numbers[other])
    assert error.value.reason == (
        f"tracklet {one} of person {numbers[one]} and tracklet {other} of person {numbers[other]} are there at the "
        "same time, at 0:01:02.500 of one recording, and two faces at once are never one person"
    )
    assert room.of() == numbers


@pytest.mark.parametrize(("tracklets", "message"), [
    ((), "person 1: no tracklet of it would be split off"),
    ((1, 2), "person 1: every tracklet of it would be split off"),
    ((1, 3), "person 1: tracklet 3 is not among its tracklets\n`retrofr people show 1` lists them"),
])  # fmt: skip
def test_a_split_that_makes_no_sense(room: Room, tracklets: tuple[int, ...], message: str) -> None:
    assert room.add("a.mp4", RED(0, 1), RED(2, 3), BLUE(4, 5)) == [1, 2, 3]
    room.cluster()
    with pytest.raises(UsageError) as error:
        room.split(1, *tracklets)
    assert str(error.value) == message


def test_before_clustering_there_is_nobody_to_decide_about(room: Room) -> None:
    room.add("a.mp4", RED(0, 1))
    with pytest.raises(
        UsageError, match="run `retrofr people` first: nothing in this case was clustered yet"
    ):
        room.split(1, 1)


def test_without_a_name_the_user_of_the_computer_decided(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "sam")
    room.add("a.mp4", RED(0, 1), BLUE(2, 3))
    room.cluster()
    merge_people(room.case, room.recipe, room.scorer, [1, 2], why="x")
    assert decisions(room.case, room.recipe.key)[0].by == "sam"


# ---- what is told ------------------------------------------------------------------------------------------


def test_persons_come_by_their_number_of_appearances(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), RED(2, 3), RED(4, 5), BLUE(100, 101))
    room.add("b.mp4", BLUE(0, 1), BLUE(50, 51), GREEN(9, 10), camera="door")
    room.cluster()
    told = [(p.number, p.appearances, len(p.tracklets), p.faces) for p in room.people().persons]
    assert told == [(2, 3, 3, 6), (1, 1, 3, 6), (3, 1, 1, 2)]
    blue = room.people().persons[0]
    assert (blue.exhibits, blue.cameras) == (("a.mp4", "b.mp4"), ("door",))


def test_first_and_last_time_are_the_adjusted_ones(room: Room) -> None:
    winter = datetime(2026, 1, 1, 12, tzinfo=UTC)
    room.add("a.mp4", RED(10, 20), clock=clock(winter))
    room.add("b.mp4", RED(5, 6), clock=clock(winter - timedelta(hours=1)))
    room.cluster()
    (person,) = room.people().persons
    assert person.first == winter - timedelta(hours=1) + timedelta(seconds=5)
    assert person.last == winter + timedelta(seconds=20, milliseconds=40)


def test_clocks_that_cannot_be_put_in_order_give_no_time(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), clock=clock(datetime(2026, 1, 1, tzinfo=UTC)))
    room.add("b.mp4", RED(0, 1), clock=clock(datetime(2026, 1, 1)))
    room.add("c.mp4", BLUE(0, 1))
    room.cluster()
    assert [(p.first, p.last) for p in room.people().persons] == [(None, None), (None, None)]


def test_spread_and_best_still(room: Room) -> None:
    ids = room.add("a.mp4", RED(0, 1), RED(2, 3), BLUE(4, 5))
    room.cluster()
    red, blue = room.people().persons
    assert (red.spread, red.below, blue.spread, blue.mean_score) == ("tight", 0, "one tracklet", None)
    assert red.best in ids[:2]


def test_a_person_in_detail(room: Room) -> None:
    a = room.add("a.mp4", RED(0, 1), RED(3, 4), RED(60, 61), BLUE(30, 31))
    b = room.add("b.mp4", RED(5, 6), GREEN(8, 9))
    room.cluster()
    detail = room.detail(1)
    assert [(float(x.start_seconds), float(x.end_seconds)) for x in detail.appearances] == [
        (0.0, 4.04), (60.0, 61.04), (5.0, 6.04),
    ]  # fmt: skip
    assert [x.exhibit for x in detail.appearances] == ["a.mp4", "a.mp4", "b.mp4"]
    assert [(t.id, t.appearance) for t in detail.tracklets] == [(a[0], 1), (a[1], 1), (a[2], 2), (b[0], 3)]
    numbers = room.of()
    red, green = np.array([230, 30, 30]) / 255, np.array([30, 200, 30]) / 255
    nearest = detail.tracklets[0]
    assert nearest.score == pytest.approx(1.0, abs=0.01)
    assert nearest.next_person == numbers[b[1]]
    assert nearest.next_score == pytest.approx(1 - np.linalg.norm(red - green), abs=0.01)
    assert detail.decisions == ()


def test_a_person_that_is_alone_in_a_case_has_no_next_one(room: Room) -> None:
    room.add("a.mp4", RED(0, 1))
    room.cluster()
    (only,) = room.detail(1).tracklets
    assert (only.score, only.next_person, only.next_score) == (None, None, None)


def test_the_decisions_that_name_a_person_are_told_with_it(room: Room) -> None:
    room.add("a.mp4", RED(0, 1), BLUE(2, 3), GREEN(4, 5))
    room.cluster()
    room.merge(1, 2)
    assert [d.describe() for d in room.detail(1).decisions] == ["person 2 merged into person 1"]
    assert room.detail(3).decisions == ()
    with pytest.raises(UsageError, match="there is no person 2"):
        room.detail(2)
