"""What of a case lies outside of the scope of an authority: templates that were made before, or under another one."""

from __future__ import annotations

import numpy as np

from retrofr.case.exhibits import StoredExhibit, exhibits
from retrofr.case.reading import TrackletTable, stored_tracklet, tracklet_table
from retrofr.case.store import Case
from retrofr.gallery.base import Ids
from retrofr.oversight.scope import OutsideCounter, Scope
from retrofr.selection import MediaWindow


def templates_outside(case: Case, recipe_key: str, only: Ids, scope: Scope) -> dict[int, int]:
    """How many templates of tracklets are of faces that a scope does not cover, by the tracklet's id.

    Args:
        case: the case.
        recipe_key: with which the templates were made.
        only: ids of the tracklets that are asked about.
        scope: of an authority.

    Returns:
        An entry for each tracklet with at least one such template; of a tracklet of which no time is covered, all
        count, and of one at the edge of a window each face is looked at.
    """
    if scope.is_open:
        return {}
    counter = OutsideCounter(scope)
    table = tracklet_table(case, recipe_key)
    asked = np.isin(table.ids, only)
    doubtful = asked.copy()
    for item in exhibits(case):
        doubtful &= ~_wholly_inside(table, item, counter.windows(item.exhibit))
    counts = {int(number): counter.add(stored_tracklet(case, int(number))) for number in table.ids[doubtful]}
    return {number: count for number, count in counts.items() if count}


def _wholly_inside(
    table: TrackletTable, item: StoredExhibit, windows: tuple[MediaWindow, ...]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside = np.zeros(len(table), bool)
    own = table.exhibit_ids == item.id
    for low, high in windows:
        held = own.copy()
        # The table has rounded seconds: a tracklet that ends within a millisecond of an edge is looked at.
        if low is not None:
            held &= table.start_seconds > float(low) + 0.001
        if high is not None:
            held &= table.end_seconds < float(high) - 0.001
        inside |= held
    return inside
