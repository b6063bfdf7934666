"""What is known of the persons of a case: where and when each is seen, and how well its tracklets hold together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal

import numpy as np

from retrofr.case.exhibits import StoredExhibit, exhibits
from retrofr.case.people import Clustered, Decision, assignment, decisions, last_clustered
from retrofr.case.reading import TrackletTable, tracklet_table
from retrofr.case.store import Case
from retrofr.gallery.base import Ids
from retrofr.recipe import Recipe
from retrofr.records import Floats

Spread = Literal["tight", "loose", "one tracklet"]


@dataclass(frozen=True)
class Person:
    """A cluster of tracklets: nobody has said who it is.

    Args:
        number: given once, and kept.
        tracklets: ids, in ascending order.
        appearances: how many; tracklets of one stream that follow each other within the join gap are one.
        faces: how many detections its tracklets have.
        exhibits, cameras: names, in the order in which exhibits were added; exhibits without a camera add none.
        first, last: adjusted wall-clock time of its first and last face. None where no clock is known, or where
            some of the clocks have a zone and others have none, so that they cannot be put in order.
        best: the tracklet with its best face, which is face 0 of it.
        mean_score: mean score of its tracklets with each other; None where there is one tracklet only.
        least_score: that of the tracklet which is least like the others.
        below: how many tracklets score below the threshold with the others, on average.
    """

    number: int
    tracklets: tuple[int, ...]
    appearances: int
    faces: int
    exhibits: tuple[str, ...]
    cameras: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    best: int
    mean_score: float | None
    least_score: float | None
    below: int

    @property
    def spread(self) -> Spread:
        """``tight`` where each tracklet reaches the threshold with the others on average, else ``loose``."""
        if self.mean_score is None:
            return "one tracklet"
        return "loose" if self.below else "tight"


@dataclass(frozen=True)
class People:
    """The persons of a case, those with most appearances first.

    ``unclustered`` counts tracklets that came after the last clustering and belong to nobody yet; ``clustered`` is
    None where nothing was clustered.
    """

    persons: tuple[Person, ...]
    unclustered: int
    clustered: Clustered | None
    decisions: tuple[Decision, ...] = field(default=())

    def person(self, number: int) -> Person | None:
        """The person of a number; None where there is none, or none any more."""
        return next((person for person in self.persons if person.number == number), None)


def people_of(
    case: Case, recipe: Recipe, *, join_gap_seconds: float, only: Sequence[int] | None = None
) -> People:
    """What was clustered and decided so far; nothing is clustered here.

    Args:
        case: the case.
        recipe: whose persons.
        join_gap_seconds: tracklets closer together than this are one appearance.
        only: numbers of the persons wanted; all where None.
    """
    table, found = tracklet_table(case, recipe.key), assignment(case, recipe.key)
    state = last_clustered(case, recipe.key)
    threshold = -np.inf if state is None else float(state.settings["threshold"])
    _, rows, places = np.intersect1d(table.ids, found.tracklets, assume_unique=True, return_indices=True)
    numbers, sureness = found.numbers[places], found.sureness[places]
    by_id = {stored.id: stored for stored in exhibits(case)}
    order = np.argsort(numbers, kind="stable")
    persons = []
    for group in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(group) and (only is None or numbers[group[0]] in only):
            number = int(numbers[group[0]])
            gap = join_gap_seconds
            persons.append(_person(number, table, rows[group], sureness[group], threshold, by_id, gap))
    persons.sort(key=lambda p: (-p.appearances, -len(p.tracklets), p.number))
    return People(tuple(persons), len(table) - len(rows), state, tuple(decisions(case, recipe.key)))


def _person(
    number: int,
    table: TrackletTable,
    rows: Ids,
    sureness: Floats,
    threshold: float,
    by_id: Mapping[int, StoredExhibit],
    gap: float,
) -> Person:
    seen = [by_id[exhibit] for exhibit in np.unique(table.exhibit_ids[rows]).tolist()]
    first, last = _wall_clock(table, rows, seen)
    known = sureness[~np.isnan(sureness)]
    return Person(
        number=number,
        tracklets=tuple(table.ids[rows].tolist()),
        appearances=_count_appearances(table, rows, gap),
        faces=int(table.faces[rows].sum()),
        exhibits=tuple(stored.exhibit.name for stored in seen),
        cameras=tuple(dict.fromkeys(s.exhibit.camera for s in seen if s.exhibit.camera is not None)),
        first=first,
        last=last,
        best=int(table.ids[rows[np.argmax(table.rank[rows])]]),
        mean_score=float(known.mean()) if len(known) else None,
        least_score=float(known.min()) if len(known) else None,
        below=int((known < threshold).sum()),
    )


def _count_appearances(table: TrackletTable, rows: Ids, gap: float) -> int:
    """Stretches of one stream and segment with no pause longer than the gap."""
    order = np.lexsort((table.start_seconds[rows], table.segments[rows], table.stream_ids[rows]))
    rows = rows[order]
    elsewhere = np.diff(table.stream_ids[rows]) != 0
    elsewhere |= np.diff(table.segments[rows]) != 0
    pause = table.start_seconds[rows][1:] - table.end_seconds[rows][:-1]
    return 1 + int((elsewhere | (pause > gap)).sum())


def _wall_clock(
    table: TrackletTable, rows: Ids, seen: Sequence[StoredExhibit]
) -> tuple[datetime | None, datetime | None]:
    firsts, lasts = [], []
    for stored in seen:
        own = rows[table.exhibit_ids[rows] == stored.id]
        clock = stored.exhibit.clock
        start = clock.adjusted_at(_exact(table.start_seconds[own].min()))
        end = clock.adjusted_at(_exact(table.end_seconds[own].max()))
        if start is not None and end is not None:
            firsts.append(start)
            lasts.append(end)
    zones = {moment.tzinfo is None for moment in (*firsts, *lasts)}
    return (min(firsts), max(lasts)) if len(zones) == 1 else (None, None)


def _exact(seconds: float) -> Fraction:
    """The fraction with a usual time base that was rounded to this; the float itself may lie just below it."""
    return Fraction(float(seconds)).limit_denominator(1_000_000)
