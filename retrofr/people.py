"""The persons of a case: tracklets clustered over all cameras, numbered, and what an examiner decided about them.

A person is a cluster of tracklets and has no name. Two tracklets that are there at the same time in one stream are
never one person. Numbers are kept: when tracklets are clustered again, a person keeps its number where more than
half of its tracklets stay together, and no number is given twice.
"""

from __future__ import annotations

import getpass
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Protocol

import numpy as np

from retrofr.case.gathering import Gathered, Scores, gather
from retrofr.case.people import (
    Assignment,
    Decision,
    Kind,
    assignment,
    decisions,
    last_clustered,
    last_number,
    person_of,
    put_assignment,
    record_decision,
)
from retrofr.case.people_rules import constraints, number_clusters, overlapping
from retrofr.case.person_detail import PersonDetail, appearance_tracklets, no_such_person, person_detail
from retrofr.case.person_facts import People, Person, people_of
from retrofr.case.reading import TrackletTable, template_blocks, tracklet_table
from retrofr.case.store import Case
from retrofr.clock import format_seconds
from retrofr.clustering import cluster, own_distances
from retrofr.errors import CaseBusyError, UsageError
from retrofr.gallery.base import Ids
from retrofr.recipe import Recipe
from retrofr.settings import PeopleSettings

__all__ = [
    "Assignment",
    "Decision",
    "People",
    "PeopleThreshold",
    "Person",
    "PersonDetail",
    "appearance_tracklets",
    "cluster_case",
    "decisions",
    "is_current",
    "merge_people",
    "people_of",
    "people_threshold",
    "person_detail",
    "person_of",
    "split_person",
]


class PeopleScorer(Scores, Protocol):
    """What clustering needs of a :class:`retrofr.scoring.Scorer`."""

    name: str
    default_threshold: float | None


@dataclass(frozen=True)
class PeopleThreshold:
    """The lowest mean score at which two clusters are one person, and who says so."""

    score: float
    source: str


def people_threshold(settings: PeopleSettings, scorer: PeopleScorer) -> PeopleThreshold:
    """The threshold that was given, or the one that was measured for the embedders with their default settings.

    Raises:
        UsageError: neither is there.
    """
    if settings.threshold is not None:
        return PeopleThreshold(settings.threshold, "given for this run (override)")
    names = set(scorer.name.split("+"))
    for entry in _measured():
        # A scorer with other settings than those that were measured has no default threshold for hits either.
        if set(entry["embedders"]) == names and scorer.default_threshold is not None:
            return PeopleThreshold(entry["score"], entry["source"])
    raise UsageError(
        "no threshold of persons was measured for it, or not with these settings",
        subject=f"embedder {scorer.name}",
        hint="set one with --set people.threshold=SCORE, from scores measured on labelled material",
    )


@cache
def _measured() -> list[dict[str, Any]]:
    text = (resources.files("retrofr") / "data" / "people.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["threshold"]
    return entries


def is_current(case: Case, recipe: Recipe, scorer: PeopleScorer, settings: PeopleSettings) -> bool:
    """Whether all tracklets are clustered, with these settings."""
    last = last_clustered(case, recipe.key)
    if last is None or last.settings != _plain(people_threshold(settings, scorer), settings):
        return False
    return not unclustered(case, recipe)


def unclustered(case: Case, recipe: Recipe) -> int:
    """How many tracklets with templates came after the last clustering."""
    return len(np.setdiff1d(tracklet_table(case, recipe.key).ids, assignment(case, recipe.key).tracklets))


def cluster_case(case: Case, recipe: Recipe, scorer: PeopleScorer, settings: PeopleSettings) -> Assignment:
    """Cluster all tracklets of a case that have templates, by what is recorded, and keep the outcome in the case.

    Args:
        case: read while clustering, written to at the end.
        recipe: whose tracklets.
        scorer: compares templates of that recipe.
        settings: threshold and neighbours.

    Raises:
        UsageError: there is no threshold, see :func:`people_threshold`.
        CaseError: the case cannot be written to.
        CaseBusyError: a decision was recorded meanwhile.
    """
    threshold = people_threshold(settings, scorer)
    case.require_writable()
    table = tracklet_table(case, recipe.key)
    decided = decisions(case, recipe.key)
    together, apart = constraints(decided, table.ids)
    read = _gathered(case, recipe, scorer, table.ids)
    apart = np.concatenate([_overlapping(table), apart])
    labels = cluster(
        read.points,
        read.curve.squared_at(threshold.score),
        neighbours=settings.neighbours,
        together=together,
        apart=apart,
    )
    sureness = read.curve.score(own_distances(read.points, labels))
    with case.transaction():
        if decisions(case, recipe.key) != decided:
            raise CaseBusyError(
                "a decision about persons was recorded while they were clustered",
                subject=str(case.path),
                hint="run it again",
            )
        before, last = assignment(case, recipe.key), last_number(case, recipe.key)
        found = Assignment(table.ids, number_clusters(table.ids, labels, before, last), sureness)
        put_assignment(case, recipe.key, found, _plain(threshold, settings))
    return found


def _plain(threshold: PeopleThreshold, settings: PeopleSettings) -> dict[str, Any]:
    return {
        "threshold": threshold.score,
        "threshold_source": threshold.source,
        "neighbours": settings.neighbours,
    }


def _gathered(case: Case, recipe: Recipe, scorer: PeopleScorer, ids: Ids) -> Gathered:
    """Only of ``ids``: indexing may add tracklets while they are read."""
    return gather(template_blocks(case, recipe.key, only=ids), scorer)


def _overlapping(table: TrackletTable) -> Ids:
    places = np.stack([table.stream_ids, table.segments], axis=1)
    return overlapping(places, table.start_seconds, table.end_seconds)


def merge_people(
    case: Case,
    recipe: Recipe,
    scorer: PeopleScorer,
    numbers: Sequence[int],
    *,
    why: str,
    by: str | None = None,
) -> None:
    """Record that persons are one; the first number stays, the others are given up.

    Raises:
        UsageError: fewer than two persons, one that is not there, or two that are there at the same time.
        CaseError: the case cannot be written to.
    """
    numbers = list(dict.fromkeys(numbers))
    if len(numbers) < 2:
        raise UsageError("give at least two persons to merge")
    with case.transaction():
        found = assignment(case, recipe.key)
        groups = [_tracklets(found, number) for number in numbers]
        everybody = np.sort(np.concatenate(groups))
        _refuse_two_at_once(case, recipe, found, everybody)
        _decide(case, recipe, scorer, "merge", numbers, groups, everybody, [numbers[0]] * len(everybody),
                by=by, why=why)  # fmt: skip


def split_person(
    case: Case,
    recipe: Recipe,
    scorer: PeopleScorer,
    number: int,
    tracklets: Sequence[int],
    *,
    why: str,
    by: str | None = None,
) -> int:
    """Record that some tracklets of a person are another; gives that one's number.

    Raises:
        UsageError: the person is not there, a tracklet is not among its own, or none would be left.
        CaseError: the case cannot be written to.
    """
    with case.transaction():
        found = assignment(case, recipe.key)
        own, off = _tracklets(found, number), np.unique(np.array(tracklets, np.int64))
        foreign = np.setdiff1d(off, own)
        if len(foreign):
            raise UsageError(
                f"tracklet {', '.join(map(str, foreign.tolist()))} is not among its tracklets",
                subject=f"person {number}",
                hint=f"`retrofr people show {number}` lists them",
            )
        if not len(off) or len(off) == len(own):
            what = "no tracklet" if not len(off) else "every tracklet"
            raise UsageError(f"{what} of it would be split off", subject=f"person {number}")
        new = last_number(case, recipe.key) + 1
        groups = [np.setdiff1d(own, off), off]
        to = np.where(np.isin(own, off), new, number).tolist()
        _decide(case, recipe, scorer, "split", [number, new], groups, own, to, by=by, why=why)
    return new


def _tracklets(found: Assignment, number: int) -> Ids:
    tracklets: Ids = found.tracklets[found.numbers == number]
    if not len(tracklets):
        raise no_such_person(number, clustered=len(found.tracklets) > 0)
    return tracklets


def _refuse_two_at_once(case: Case, recipe: Recipe, found: Assignment, wanted: Ids) -> None:
    table = tracklet_table(case, recipe.key)
    chosen = np.flatnonzero(np.isin(table.ids, wanted))
    places = np.stack([table.stream_ids, table.segments], axis=1)[chosen]
    pairs = overlapping(places, table.start_seconds[chosen], table.end_seconds[chosen])
    if not len(pairs):
        return
    one, other = chosen[pairs[0]]
    at = format_seconds(max(table.start_seconds[one], table.start_seconds[other]))
    numbers = dict(zip(found.tracklets.tolist(), found.numbers.tolist(), strict=True))
    raise UsageError(
        f"tracklet {table.ids[one]} of person {numbers[int(table.ids[one])]} and tracklet {table.ids[other]} of "
        f"person {numbers[int(table.ids[other])]} are there at the same time, at {at} of one recording, and two "
        "faces at once are never one person",
        hint="split off the tracklet that is wrong first",
    )


def _decide(
    case: Case,
    recipe: Recipe,
    scorer: PeopleScorer,
    kind: Kind,
    numbers: Sequence[int],
    groups: Sequence[Ids],
    tracklets: Ids,
    to: Sequence[int],
    *,
    by: str | None,
    why: str,
) -> None:
    read = _gathered(case, recipe, scorer, tracklets)
    numbered = np.array(to, np.int64)
    labels = np.unique(numbered, return_inverse=True)[1]
    moved = Assignment(tracklets, numbered, read.curve.score(own_distances(read.points, labels)))
    record_decision(
        case,
        recipe.key,
        kind,
        numbers=numbers,
        groups=[group.tolist() for group in groups],
        moved=moved,
        by=by or os_user(),
        why=why,
    )


def os_user() -> str:
    """The name of the user who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user on this machine, as in some containers
        return "unknown user"
