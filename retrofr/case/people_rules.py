"""The rules of persons: who cannot be one person, what decisions ask of a clustering, who keeps which number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrofr.case.people import Assignment, Decision
from retrofr.gallery.base import Ids


def overlapping(places: Ids, starts: npt.NDArray[np.float64], ends: npt.NDArray[np.float64]) -> Ids:
    """Pairs (N, 2) of intervals [start, end) that overlap in one place; places (T, K) are compared as a whole."""
    found = [np.zeros((0, 2), np.int64)]
    _, place = np.unique(places, axis=0, return_inverse=True)
    order = np.lexsort((starts, place.ravel()))
    for group in np.split(order, np.flatnonzero(np.diff(place.ravel()[order])) + 1):
        # Sorted by start, those that overlap the i-th and come later are i + 1 ... until one starts after its end.
        until = np.searchsorted(starts[group], ends[group], side="left")
        counts = np.maximum(until - np.arange(len(group)) - 1, 0)
        left = np.repeat(np.arange(len(group)), counts)
        right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        found.append(np.stack([group[left], group[right]], axis=1))
    return np.concatenate(found)


def constraints(decided: Sequence[Decision], ids: Ids) -> tuple[Ids, Ids]:
    """What decisions ask of a clustering, the later ones going before the earlier.

    What was merged stays together; what was split off stays together, and apart from what it was split from.

    Args:
        decided: in the order in which they were made.
        ids: of the tracklets that are clustered; what is said of others is left out.

    Returns:
        Pairs (N, 2) of positions in ``ids`` that belong together, and pairs that are kept apart.
    """
    group: dict[int, int] = {}
    splits: list[tuple[set[int], set[int]]] = []
    for number, decision in enumerate(decided):
        if decision.kind == "merge":
            merged = {tracklet for tracklets in decision.groups for tracklet in tracklets}
            group |= dict.fromkeys(merged, number)
            halves = [((off - merged, rest), (off & merged, rest - merged)) for off, rest in splits]
            splits = [pair for two in halves for pair in two if all(pair)]
        else:
            rest, off = (set(tracklets) for tracklets in decision.groups)
            group |= dict.fromkeys(off, number)
            splits.append((off, rest))
    position = {int(tracklet): place for place, tracklet in enumerate(ids)}
    first: dict[int, int] = {}
    together = []
    for tracklet in sorted(group.keys() & position.keys()):
        leader = first.setdefault(group[tracklet], tracklet)
        together.append((position[leader], position[tracklet]))
    apart = []
    for off, rest in splits:
        leaders = {first.get(group.get(t, -1), t) for t in off if t in position}
        apart += [(position[t], position[other]) for t in leaders for other in rest if other in position]
    return _pairs(together), _pairs(apart)


def _pairs(found: Sequence[tuple[int, int]]) -> Ids:
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def number_clusters(ids: Ids, labels: Ids, before: Assignment, last: int) -> Ids:
    """Numbers (T,) of persons for clusters, by what they were before.

    A cluster takes the number of a person when it has more than half of that person's tracklets that are still
    there; of several such persons, of the one with most tracklets in it. Other clusters get new numbers from
    ``last`` + 1 on, those with most tracklets first.
    """
    count = int(labels.max()) + 1 if len(labels) else 0
    given = np.zeros(count, np.int64)
    _, now, then = np.intersect1d(ids, before.tracklets, assume_unique=True, return_indices=True)
    pairs, common = np.unique(
        np.stack([before.numbers[then], labels[now]], axis=1), axis=0, return_counts=True
    )
    sizes = dict(zip(*(a.tolist() for a in np.unique(before.numbers[then], return_counts=True)), strict=True))
    for place in np.lexsort((pairs[:, 0], -common)).tolist():
        number, label = pairs[place].tolist()
        if not given[label] and 2 * common[place] > sizes[number]:
            given[label] = number
    fresh = np.flatnonzero(given == 0)
    first = np.unique(labels, return_index=True)[1]
    order = np.lexsort((first[fresh], -np.bincount(labels, minlength=count)[fresh]))
    given[fresh[order]] = last + 1 + np.arange(len(fresh))
    return given[labels]
