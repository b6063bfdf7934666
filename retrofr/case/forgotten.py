"""The marks that say what was forgotten of a stream: rows of the table ``meta``. See :mod:`retrofr.case.forgetting`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from retrofr.case.store import Case

MARK = "forgotten/"
LAST_TRACKLET = "last_tracklet"


@dataclass(frozen=True)
class ForgottenOf:
    """What was forgotten of one stream, and when last (UTC)."""

    at: datetime
    tracklets: int
    templates: int
    pictures: int

    def __add__(self, other: ForgottenOf) -> ForgottenOf:
        return ForgottenOf(
            max(self.at, other.at),
            self.tracklets + other.tracklets,
            self.templates + other.templates,
            self.pictures + other.pictures,
        )

    def encoded(self) -> str:
        """As it is kept."""
        return json.dumps(vars(self) | {"at": self.at.isoformat()}, sort_keys=True)

    def describe(self) -> str:
        """The sentence that stands in the coverage of a search."""
        noun = "tracklet that was" if self.tracklets == 1 else "tracklets that were"
        return (
            f"others were forgotten on {self.at.date()}: {self.tracklets:,} {noun} no candidate of a search, "
            "which no search can compare any more"
        )


def forgotten(case: Case) -> dict[int, ForgottenOf]:
    """What was forgotten, by the id of the stream."""
    rows = case.fetch_all("SELECT name, value FROM meta WHERE name LIKE ?", (f"{MARK}%",))
    found = {}
    for name, value in rows:
        fields = json.loads(value)
        found[int(name.removeprefix(MARK))] = ForgottenOf(
            **(fields | {"at": datetime.fromisoformat(fields["at"])})
        )
    return found


def next_tracklet(case: Case) -> int:
    """An id for a tracklet that none has, and none had that was forgotten."""
    row = case.fetch_one(
        "SELECT max(coalesce((SELECT max(id) FROM tracklets), 0), "
        "coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?), 0)) + 1",
        (LAST_TRACKLET,),
    )
    assert row is not None
    return int(row[0])
