"""One person in detail: its appearances, its tracklets, and which other person each of them is most like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.appearances import join_people, person_appearance
from retrofr.case.gathering import Scores, gather
from retrofr.case.people import Decision, assignment
from retrofr.case.person_facts import Person, people_of
from retrofr.case.reading import stored_tracklet, template_blocks
from retrofr.case.store import Case
from retrofr.continuity import tracklet_key
from retrofr.errors import UsageError
from retrofr.gallery.base import Ids
from retrofr.recipe import Recipe
from retrofr.records import Floats, Tracklet
from retrofr.results import Appearance

ROWS = 256


@dataclass(frozen=True, eq=False)
class PersonTracklet:
    """A tracklet of a person.

    Args:
        id: of the tracklet.
        tracklet: what is known of it.
        appearance: the number of the appearance it belongs to, from 1.
        score: its mean score with the other tracklets of the person; None where it is the only one.
        next_person: the other person whose tracklets it is most like on average; None where there is nobody else.
        next_score: that mean score.
    """

    id: int
    tracklet: Tracklet
    appearance: int
    score: float | None
    next_person: int | None
    next_score: float | None


@dataclass(frozen=True, eq=False)
class PersonDetail:
    """A person, its appearances in order of exhibit and time, its tracklets, and the decisions that name it."""

    person: Person
    appearances: tuple[Appearance, ...]
    tracklets: tuple[PersonTracklet, ...]
    decisions: tuple[Decision, ...]


def person_detail(
    case: Case, recipe: Recipe, comparison: Scores, number: int, *, join_gap_seconds: float
) -> PersonDetail:
    """Read all that is known of a person; the templates of the whole case are gone through once.

    Raises:
        UsageError: there is no such person.
    """
    people = people_of(case, recipe, join_gap_seconds=join_gap_seconds, only=[number])
    person = people.person(number)
    if person is None:
        raise no_such_person(number, clustered=people.clustered is not None)
    found = assignment(case, recipe.key)
    scores = dict(zip(found.tracklets.tolist(), found.sureness.tolist(), strict=True))
    others = _next_person(case, recipe, comparison, number)
    stored = {tracklet: stored_tracklet(case, tracklet) for tracklet in person.tracklets}
    appearances: list[Appearance] = []
    of_appearance: dict[object, int] = {}
    for _, chain in join_people(
        ((number, tracklet) for tracklet in stored.values()), join_gap_seconds=join_gap_seconds
    ):
        appearances.append(person_appearance(number, chain))
        of_appearance |= dict.fromkeys(map(tracklet_key, chain.tracklets), len(appearances))
    tracklets = [
        PersonTracklet(
            tracklet_id,
            tracklet,
            of_appearance[tracklet_key(tracklet)],
            None if np.isnan(scores[tracklet_id]) else scores[tracklet_id],
            *others.get(tracklet_id, (None, None)),
        )
        for tracklet_id, tracklet in stored.items()
    ]
    tracklets.sort(key=lambda each: (each.appearance, each.tracklet.first.seconds, each.id))
    named = tuple(decision for decision in people.decisions if number in decision.numbers)
    return PersonDetail(person, tuple(appearances), tuple(tracklets), named)


def appearance_tracklets(
    case: Case, recipe: Recipe, number: int, appearances: Sequence[int], *, join_gap_seconds: float
) -> list[int]:
    """Ids of the tracklets of some appearances of a person, counted from 1 as :func:`person_detail` does.

    Raises:
        UsageError: there is no such person, or it has no such appearance.
    """
    found = assignment(case, recipe.key)
    ids = found.tracklets[found.numbers == number].tolist()
    if not ids:
        raise no_such_person(number, clustered=len(found.tracklets) > 0)
    stored = {tracklet_key(tracklet): (i, tracklet) for i in ids for tracklet in [stored_tracklet(case, i)]}
    joined = join_people(
        ((number, tracklet) for _, tracklet in stored.values()), join_gap_seconds=join_gap_seconds
    )
    wrong = [wanted for wanted in appearances if not 1 <= wanted <= len(joined)]
    if wrong:
        raise UsageError(
            f"it has no appearance {wrong[0]}; they are counted from 1 to {len(joined)}",
            subject=f"person {number}",
        )
    return [
        stored[tracklet_key(tracklet)][0]
        for wanted in dict.fromkeys(appearances)
        for tracklet in joined[wanted - 1][1].tracklets
    ]


def no_such_person(number: int, *, clustered: bool) -> UsageError:
    """What to say of a number that nobody has."""
    hint = "`retrofr people --all` lists all persons"
    if not clustered:
        hint = "run `retrofr people` first: nothing in this case was clustered yet"
    return UsageError(f"there is no person {number}", hint=hint)


def _next_person(case: Case, recipe: Recipe, comparison: Scores, number: int) -> dict[int, tuple[int, float]]:
    """For each tracklet of the person the other person that it is most like, and the score of their mean distance."""
    found = assignment(case, recipe.key)
    read = gather(template_blocks(case, recipe.key, only=found.tracklets), comparison)
    numbers, labels = np.unique(found.numbers, return_inverse=True)
    if len(numbers) < 2:
        return {}
    persons, own = read.points.grouped(labels), int(np.searchsorted(numbers, number))
    rows = np.flatnonzero(labels == own)
    nearest: list[Ids] = []
    squared: list[Floats] = []
    for start in range(0, len(rows), ROWS):
        chosen = rows[start : start + ROWS]
        inner = read.points.means[chosen] @ persons.means.T
        distance = read.points.squares[chosen][:, None] + persons.squares[None] - 2 * inner
        distance[:, own] = np.inf
        nearest.append(distance.argmin(axis=1))
        squared.append(distance.min(axis=1))
    scores = read.curve.score(np.maximum(np.concatenate(squared), 0)).tolist()
    others = numbers[np.concatenate(nearest)].tolist()
    return dict(zip(found.tracklets[rows].tolist(), zip(others, scores, strict=True), strict=True))
