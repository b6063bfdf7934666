"""Persons in a case: which tracklet was put to which, and what an examiner decided about it.

All of it belongs to one recipe. Numbers are given once: the row of ``people`` stays when the person is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from retrofr.case.store import Case, now
from retrofr.gallery.base import Ids
from retrofr.records import Floats

Kind = Literal["merge", "split"]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Which person each tracklet was put to: ``tracklets`` (T,) ids ascending, ``numbers`` (T,) of persons.

    ``sureness`` (T,) float32 is the tracklet's mean score with the other tracklets of its person; NaN for one that
    is alone.
    """

    tracklets: Ids
    numbers: Ids
    sureness: Floats

    def __post_init__(self) -> None:
        if not len(self.tracklets) == len(self.numbers) == len(self.sureness):
            raise ValueError(
                f"assignment: {len(self.tracklets)} tracklets, {len(self.numbers)} numbers, "
                f"{len(self.sureness)} of sureness"
            )


@dataclass(frozen=True)
class Decision:
    """What an examiner decided about persons, as it was recorded.

    ``merge``: the tracklets of all ``groups`` are one person, number ``numbers[0]`` from then on; ``numbers`` are
    those of the groups. ``split``: the tracklets of ``groups[0]`` stayed person ``numbers[0]``, those of
    ``groups[1]`` became person ``numbers[1]``. ``at`` is in UTC.
    """

    id: int
    at: datetime
    kind: Kind
    numbers: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    by: str
    why: str | None

    def describe(self) -> str:
        """``person 12 merged into person 7``, ``3 tracklets split off person 7 as person 13``."""
        if self.kind == "merge":
            others = ", ".join(str(number) for number in self.numbers[1:])
            return f"person {others} merged into person {self.numbers[0]}"
        count = len(self.groups[1])
        what = f"{count} tracklet" if count == 1 else f"{count} tracklets"
        return f"{what} split off person {self.numbers[0]} as person {self.numbers[1]}"


@dataclass(frozen=True)
class Clustered:
    """When tracklets were last clustered, how many there were, and with which settings (plain values)."""

    at: datetime
    tracklets: int
    settings: Mapping[str, Any]


def person_of(case: Case, recipe_key: str) -> dict[int, int]:
    """Number of the person of each tracklet that was put to one; empty where nothing was clustered yet."""
    found = assignment(case, recipe_key)
    return dict(zip(found.tracklets.tolist(), found.numbers.tolist(), strict=True))


def assignment(case: Case, recipe_key: str) -> Assignment:
    """What was stored; of length 0 where nothing was clustered yet."""
    rows = case.execute(
        "SELECT tracklet_id, person_number, sureness FROM people_tracklets WHERE recipe_key = ? "
        "ORDER BY tracklet_id",
        (recipe_key,),
    )
    ids, numbers, sureness = tuple(zip(*rows, strict=True)) or ((), (), ())
    return Assignment(np.array(ids, np.int64), np.array(numbers, np.int64), np.array(sureness, np.float32))


def last_clustered(case: Case, recipe_key: str) -> Clustered | None:
    """When and how; None where nothing was clustered yet."""
    for tracklets, settings, at in case.execute(
        "SELECT tracklets, settings, at FROM people_state WHERE recipe_key = ?", (recipe_key,)
    ):
        return Clustered(datetime.fromisoformat(at), int(tracklets), json.loads(settings))
    return None


def put_assignment(case: Case, recipe_key: str, found: Assignment, settings: Mapping[str, Any]) -> None:
    """Replace which tracklet was put to which person, in one transaction."""
    moment = now()
    with case.transaction():
        case.execute("DELETE FROM people_tracklets WHERE recipe_key = ?", (recipe_key,))
        _put_rows(case, recipe_key, found, moment)
        case.execute("DELETE FROM people_state WHERE recipe_key = ?", (recipe_key,))
        case.execute(
            "INSERT INTO people_state (recipe_key, tracklets, settings, at) VALUES (?, ?, ?, ?)",
            (recipe_key, len(found.tracklets), json.dumps(settings, sort_keys=True), moment),
        )


def _put_rows(case: Case, recipe_key: str, found: Assignment, moment: str) -> None:
    numbers = np.unique(found.numbers).tolist()
    case.execute_many(
        "INSERT OR IGNORE INTO people (recipe_key, number, made) VALUES (?, ?, ?)",
        [(recipe_key, number, moment) for number in numbers],
    )
    sureness = [None if np.isnan(value) else float(value) for value in found.sureness]
    case.execute_many(
        "INSERT OR REPLACE INTO people_tracklets (recipe_key, tracklet_id, person_number, sureness) "
        "VALUES (?, ?, ?, ?)",
        zip([recipe_key] * len(sureness), found.tracklets.tolist(), found.numbers.tolist(), sureness,
            strict=True),
    )  # fmt: skip


def last_number(case: Case, recipe_key: str) -> int:
    """The highest number that was ever given, 0 where none was."""
    row = case.fetch_one("SELECT MAX(number) FROM people WHERE recipe_key = ?", (recipe_key,))
    return int(row[0] or 0) if row else 0


def decisions(case: Case, recipe_key: str) -> list[Decision]:
    """All decisions, in the order in which they were made."""
    rows = case.execute(
        'SELECT id, at, kind, what, "by", why FROM people_decisions WHERE recipe_key = ? ORDER BY id',
        (recipe_key,),
    )
    return [_decision(*row) for row in rows]


def _decision(row: int, at: str, kind: Kind, what: str, by: str | None, why: str | None) -> Decision:
    content = json.loads(what)
    return Decision(
        id=row,
        at=datetime.fromisoformat(at),
        kind=kind,
        numbers=tuple(content["numbers"]),
        groups=tuple(tuple(group) for group in content["groups"]),
        by=by or "",
        why=why,
    )


def record_decision(
    case: Case,
    recipe_key: str,
    kind: Kind,
    *,
    numbers: Sequence[int],
    groups: Sequence[Sequence[int]],
    moved: Assignment,
    by: str,
    why: str | None,
) -> None:
    """Record a decision and put the tracklets of ``moved`` to their persons, in one transaction."""
    moment = now()
    what = json.dumps({"numbers": list(numbers), "groups": [list(group) for group in groups]})
    with case.transaction():
        case.execute(
            'INSERT INTO people_decisions (at, recipe_key, kind, what, "by", why) VALUES (?, ?, ?, ?, ?, ?)',
            (moment, recipe_key, kind, what, by, why),
        )
        _put_rows(case, recipe_key, moved, moment)
