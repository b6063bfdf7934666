"""Persons as a case keeps them, and the rules of numbers, decisions and of who is there at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from people_case import Seen, add_footage, fake_recipe
from retrofr.case.gathering import ScoreCurve, gather
from retrofr.case.keys import KeyStore
from retrofr.case.people import (
    Assignment,
    Decision,
    assignment,
    decisions,
    last_clustered,
    last_number,
    person_of,
    put_assignment,
    record_decision,
)
from retrofr.case.people_rules import constraints, number_clusters, overlapping
from retrofr.case.store import Case, create_case
from retrofr.gallery.base import TemplateBlock
from retrofr.recipe import Recipe
from retrofr.scoring import build_scorer

AT = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = {"threshold": 0.8, "threshold_source": "test", "neighbours": 5}


@pytest.fixture
def recipe(fake_parts: dict[str, Any]) -> Recipe:
    return fake_recipe()


@pytest.fixture
def case(tmp_path: Path, recipe: Recipe) -> Iterator[Case]:
    with create_case(tmp_path / "case", keys=KeyStore(tmp_path / "keys")) as made:
        add_footage(made, recipe, "a.mp4", [Seen(0, 1, "red"), Seen(2, 3, "red"), Seen(4, 5, "blue")])
        yield made


def assigned(*numbers: int, first: int = 1, sureness: float = 0.9) -> Assignment:
    count = len(numbers)
    return Assignment(
        np.arange(first, first + count), np.array(numbers), np.full(count, sureness, np.float32)
    )


def merge(*groups: tuple[int, ...], numbers: tuple[int, ...] = (1, 2)) -> Decision:
    return Decision(1, AT, "merge", numbers, groups, "kim", None)


def split(rest: tuple[int, ...], off: tuple[int, ...]) -> Decision:
    return Decision(1, AT, "split", (1, 2), (rest, off), "kim", None)


# ---- what is stored ----------------------------------------------------------------------------------------


def test_before_anything_was_clustered_there_is_nothing(case: Case, recipe: Recipe) -> None:
    assert person_of(case, recipe.key) == {}
    assert last_clustered(case, recipe.key) is None
    assert last_number(case, recipe.key) == 0
    assert decisions(case, recipe.key) == []


def test_an_assignment_is_read_back_and_replaced_as_a_whole(case: Case, recipe: Recipe) -> None:
    put_assignment(case, recipe.key, assigned(1, 1, 2), SETTINGS)
    assert person_of(case, recipe.key) == {1: 1, 2: 1, 3: 2}
    alone = Assignment(np.array([1, 2]), np.array([3, 1]), np.array([np.nan, 0.5], np.float32))
    put_assignment(case, recipe.key, alone, SETTINGS)
    assert person_of(case, recipe.key) == {1: 3, 2: 1}
    found = assignment(case, recipe.key)
    assert np.isnan(found.sureness[0])
    assert found.sureness[1] == np.float32(0.5)
    state = last_clustered(case, recipe.key)
    assert state is not None
    assert (state.tracklets, state.settings) == (2, SETTINGS)


def test_a_number_counts_as_given_when_nobody_has_it_any_more(case: Case, recipe: Recipe) -> None:
    put_assignment(case, recipe.key, assigned(1, 1, 9), SETTINGS)
    put_assignment(case, recipe.key, assigned(1, 1, 1), SETTINGS)
    assert last_number(case, recipe.key) == 9


def test_recipes_have_persons_of_their_own(case: Case, recipe: Recipe) -> None:
    put_assignment(case, recipe.key, assigned(1, 1, 2), SETTINGS)
    other = fake_recipe(rate=5.0)
    assert person_of(case, other.key) == {}
    assert last_number(case, other.key) == 0


def test_a_decision_moves_tracklets_and_is_read_back(case: Case, recipe: Recipe) -> None:
    put_assignment(case, recipe.key, assigned(1, 1, 2), SETTINGS)
    before = datetime.now(UTC)
    record_decision(
        case, recipe.key, "merge", numbers=[1, 2], groups=[[1, 2], [3]], moved=assigned(1, 1, 1), by="kim",
        why="same scar",
    )  # fmt: skip
    assert person_of(case, recipe.key) == {1: 1, 2: 1, 3: 1}
    (decision,) = decisions(case, recipe.key)
    assert before <= decision.at <= datetime.now(UTC)
    assert (decision.kind, decision.numbers, decision.groups) == ("merge", (1, 2), ((1, 2), (3,)))
    assert (decision.by, decision.why) == ("kim", "same scar")


def test_decisions_in_words() -> None:
    assert merge((1,), (2,), (3,), numbers=(7, 12, 3)).describe() == "person 12, 3 merged into person 7"
    assert split((1,), (2, 3)).describe() == "2 tracklets split off person 1 as person 2"
    assert split((1,), (2,)).describe() == "1 tracklet split off person 1 as person 2"


def test_an_assignment_checks_its_lengths() -> None:
    with pytest.raises(ValueError, match="assignment: 2 tracklets, 1 numbers, 2 of sureness"):
        Assignment(np.arange(2), np.arange(1), np.zeros(2, np.float32))


# ---- numbers -----------------------------------------------------------------------------------------------


def test_the_first_time_numbers_go_by_size() -> None:
    numbers = number_clusters(np.arange(6), np.array([0, 1, 1, 2, 2, 2]), assigned(), 0)
    assert numbers.tolist() == [3, 2, 2, 1, 1, 1]


def test_a_person_keeps_its_number_where_most_of_it_stays_together() -> None:
    before = assigned(5, 5, 5, 8)
    numbers = number_clusters(np.arange(1, 7), np.array([0, 0, 1, 2, 2, 0]), before, 9)
    assert numbers.tolist() == [5, 5, 10, 8, 8, 5]


def test_a_person_cut_in_halves_keeps_its_number_nowhere() -> None:
    numbers = number_clusters(np.arange(1, 5), np.array([0, 0, 1, 1]), assigned(5, 5, 5, 5), 5)
    assert numbers.tolist() == [6, 6, 7, 7]


def test_of_persons_that_become_one_the_larger_gives_its_number() -> None:
    numbers = number_clusters(np.arange(1, 6), np.zeros(5, np.int64), assigned(4, 4, 7, 7, 7), 7)
    assert set(numbers.tolist()) == {7}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30), st.integers(0, 9))
def test_numbers_are_whole_clusters_and_never_reused(rows: list[tuple[int, int]], extra: int) -> None:
    labels = np.unique([label for label, _ in rows], return_inverse=True)[1]
    before = Assignment(
        np.arange(len(rows)), np.array([1 + old for _, old in rows]), np.zeros(len(rows), np.float32)
    )
    last = 5 + extra
    numbers = number_clusters(np.arange(len(rows)), labels, before, last)
    assert len(set(zip(labels.tolist(), numbers.tolist(), strict=True))) == len(set(labels.tolist()))
    assert len(set(numbers.tolist())) == len(set(labels.tolist()))
    for number in set(numbers.tolist()):
        old = set(np.flatnonzero(before.numbers == number).tolist())
        kept = old & set(np.flatnonzero(numbers == number).tolist())
        assert number > last or 2 * len(kept) > len(old)


# ---- at the same time --------------------------------------------------------------------------------------


def test_intervals_that_only_touch_do_not_overlap() -> None:
    places = np.zeros((3, 2), np.int64)
    found = overlapping(places, np.array([0.0, 1.0, 0.5]), np.array([1.0, 2.0, 1.5]))
    assert sorted(map(tuple, found.tolist())) == [(0, 2), (2, 1)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 9)), max_size=25))
def test_overlapping_pairs_are_all_pairs_that_overlap(rows: list[tuple[int, int, int]]) -> None:
    places = np.array([[0, place] for place, _, _ in rows], np.int64).reshape(-1, 2)
    starts = np.array([start for _, start, _ in rows], np.float64)
    ends = starts + np.array([length for _, _, length in rows], np.float64)
    expected = {
        frozenset((i, j))
        for i in range(len(rows))
        for j in range(i)
        if rows[i][0] == rows[j][0] and starts[i] < ends[j] and starts[j] < ends[i]
    }
    found = [frozenset(pair) for pair in overlapping(places, starts, ends).tolist()]
    assert len(found) == len(expected)
    assert set(found) == expected


# ---- what decisions ask for --------------------------------------------------------------------------------


def asked(
    *made: Decision, ids: tuple[int, ...] = (1, 2, 3, 4, 5)
) -> tuple[set[frozenset[int]], set[frozenset[int]]]:
    """What is together, as groups of tracklets, and the pairs of tracklets apart that follow from it."""
    array = np.array(ids)
    together, apart = constraints(made, array)
    groups = [{tracklet} for tracklet in ids]
    for one, other in together.tolist():
        left, right = (next(g for g in groups if int(array[end]) in g) for end in (one, other))
        if left is not right:
            left |= right
            groups.remove(right)
    grown = set()
    for one, other in apart.tolist():
        left, right = (next(g for g in groups if int(array[end]) in g) for end in (one, other))
        grown |= {frozenset((a, b)) for a in left for b in right}
    return {frozenset(group) for group in groups if len(group) > 1}, grown


def both(*found: tuple[int, int]) -> set[frozenset[int]]:
    return set(map(frozenset, found))


def test_what_was_merged_is_together() -> None:
    assert asked(merge((1, 2), (4,))) == ({frozenset({1, 2, 4})}, set())


def test_what_was_split_off_is_together_and_apart_from_the_rest() -> None:
    together, apart = asked(split((1, 2), (3, 4)))
    assert together == {frozenset({3, 4})}
    assert apart == both((1, 3), (1, 4), (2, 3), (2, 4))


def test_a_split_undoes_the_merge_before_it_for_what_it_takes_out() -> None:
    together, apart = asked(merge((1, 2), (3,)), split((1, 2), (3,)))
    assert together == {frozenset({1, 2})}
    assert apart == both((1, 3), (2, 3))


def test_a_merge_undoes_the_split_before_it() -> None:
    assert asked(split((1, 2), (3,)), merge((1, 2), (3,))) == ({frozenset({1, 2, 3})}, set())


def test_a_merge_of_a_part_leaves_the_rest_apart() -> None:
    together, apart = asked(split((1, 2), (3, 4)), merge((1,), (3,)))
    assert together == {frozenset({1, 3})}
    assert apart == both(
        (1, 4), (2, 4), (2, 3), (1, 2), (3, 4)
    )  # 1 is with 3: what held for one holds for both


def test_decisions_about_tracklets_that_are_not_there_ask_nothing() -> None:
    assert asked(merge((1, 2), (3,)), split((1,), (3,)), ids=(8, 9)) == (set(), set())


# ---- how scores follow from distances ----------------------------------------------------------------------


@pytest.mark.parametrize(("squared", "score"), [(0.0, 1.0), (0.04, 0.8), (0.25, 0.5)])
def test_a_measured_curve_gives_the_scores_of_the_comparison(
    fake_parts: dict[str, Any], squared: float, score: float
) -> None:
    templates = np.array([[0, 0, 0], [1, 0, 0]], np.float32)
    curve = ScoreCurve.measured(build_scorer("fake", {}), templates)
    assert curve.score(np.array([squared], np.float32))[0] == pytest.approx(score, abs=0.01)
    assert curve.squared_at(score) == pytest.approx(squared, abs=0.01)


def test_no_distance_has_a_score_above_that_of_equal_templates(fake_parts: dict[str, Any]) -> None:
    curve = ScoreCurve.measured(build_scorer("fake", {}), np.eye(3, dtype=np.float32))
    assert curve.squared_at(1.01) == -1.0
    assert curve.squared_at(-5.0) > 2.0
    assert curve.score(np.array([50.0], np.float32))[0] < -1.0


def test_equal_templates_tell_the_curve_as_well(fake_parts: dict[str, Any]) -> None:
    templates = np.repeat(np.array([[1, 0.5, 0]], np.float32), 5, axis=0)
    curve = ScoreCurve.measured(build_scorer("fake", {}), templates)
    assert curve.squared_at(0.8) == pytest.approx(0.04, abs=0.01)


def test_blocks_are_gathered_to_a_mean_for_each_tracklet(fake_parts: dict[str, Any]) -> None:
    one = TemplateBlock(np.array([3]), np.array([2]), np.array([[0, 0, 0], [1, 0, 0]], np.float32))
    two = TemplateBlock(np.array([5]), np.array([1]), np.array([[0, 1, 0]], np.float32))
    read = gather([one, two], build_scorer("fake", {}))
    assert read.ids.tolist() == [3, 5]
    assert read.points.means.tolist() == [[0.5, 0, 0], [0, 1, 0]]
    assert read.points.squares.tolist() == [0.5, 1.0]
    assert len(gather([], build_scorer("fake", {})).points) == 0
