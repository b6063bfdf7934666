"""Clusters tracklets into persons: average linkage over a sparse graph of nearest neighbours.

Two clusters are joined while the mean of the scores of their tracklets with each other reaches the threshold, the
best pair first. A score is a falling function of the squared Euclidean distance of index vectors, and the mean
squared distance of two sets follows from their mean vectors and mean squared lengths alone:

    mean |a - b|² = mean |a|² + mean |b|² - 2 (mean a) · (mean b)

So the graph only says which clusters to look at; what decides is the mean over *all* pairs, exactly. A cluster
whose neighbours did not fit into the graph is looked up again, until no two clusters that may be joined reach
the threshold. Memory grows with the number of tracklets, never with its square.

Source: Sokal and Michener, A statistical method for evaluating systematic relationships, 1958 (UPGMA); Murtagh,
A survey of recent advances in hierarchical clustering algorithms, 1983 (why mutual nearest neighbours may be
joined at once).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrofr.gallery.base import Ids
from retrofr.records import Floats

ROWS, COLUMNS = 1024, 4096
"""Size of the blocks in which all are compared with all: 16 MiB of scores at a time."""
GATHERED = 32768
"""How many pairs of vectors are multiplied at a time."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Points:
    """Tracklets, or clusters of them, as clustering sees them.

    ``means`` (T, E) float32 is the mean index vector of each, ``squares`` (T,) float32 the mean squared length of
    its index vectors, ``weights`` (T,) int64 how many tracklets it stands for.
    """

    means: Floats
    squares: Floats
    weights: Ids

    def __post_init__(self) -> None:
        if self.means.ndim != 2 or not len(self.means) == len(self.squares) == len(self.weights):
            raise ValueError(
                f"points: {self.means.shape} means, {len(self.squares)} squares, {len(self.weights)} weights"
            )

    def __len__(self) -> int:
        return len(self.means)

    def distances(self, left: Ids, right: Ids) -> Floats:
        """Mean squared distance of each pair, (N,) float32."""
        found = np.empty(len(left), np.float32)
        for start in range(0, len(left), GATHERED):
            a, b = left[start : start + GATHERED], right[start : start + GATHERED]
            inner = np.einsum("ij,ij->i", self.means[a], self.means[b])
            found[start : start + GATHERED] = self.squares[a] + self.squares[b] - 2 * inner
        return found

    def grouped(self, labels: Ids) -> Points:
        """One point for each label; labels (T,) are dense from 0."""
        from scipy.sparse import csr_array

        count = int(labels.max()) + 1 if len(labels) else 0
        weights = np.bincount(labels, self.weights, count)
        shares = self.weights / weights[labels]
        sum_up = csr_array((shares, (labels, np.arange(len(labels)))), shape=(count, len(labels)))
        return Points(
            np.asarray(sum_up @ self.means, np.float32),
            np.asarray(sum_up @ self.squares.astype(np.float64), np.float32),
            weights.astype(np.int64),
        )


def cluster(
    points: Points, limit: float, *, neighbours: int, together: Ids | None = None, apart: Ids | None = None
) -> Ids:
    """Join points while the mean squared distance of two clusters is at most ``limit``.

    Points that are to be together may look different (a face with glasses and without). So a person is one cluster
    or several: what joins one of its clusters joins the person, and the distance to its other clusters
    does not matter.

    Args:
        points: the tracklets.
        limit: a squared distance, negative joins nothing of itself.
        neighbours: how many nearest neighbours of a cluster are looked at in a round.
        together: (P, 2) pairs that are one person whatever their distance.
        apart: (P, 2) pairs that are never one person. ``together`` must not contradict it.

    Returns:
        The person of each point (T,), dense from 0 in the order of their first points. The same input gives the
        same labels.
    """
    apart, seek = _pairs(apart), np.arange(len(points))
    labels, persons = seek, _connected(len(points), _pairs(together))
    if (persons[apart[:, 0]] == persons[apart[:, 1]]).any():
        raise ValueError("points that are to be together are to be apart as well")
    while len(seek):
        clusters, (_, first) = points.grouped(labels), np.unique(labels, return_index=True)
        owners = _Owners(persons[first], persons[apart])
        edges, full = _nearest(clusters, seek, limit, neighbours, owners)
        joined = _join(clusters, edges, limit, owners)
        persons = owners.of[labels]
        labels, into = _dense(joined[labels]), _dense(joined)
        changed = np.bincount(into) > 1
        seek = np.unique(into[full | changed[into]]) if changed.any() else seek[:0]
    return _dense(persons)


class _Owners:
    """Which person each cluster belongs to, ``of`` (L,), and pairs (P, 2) of persons that are kept apart."""

    def __init__(self, of: Ids, apart: Ids) -> None:
        self.of = of
        self._count = int(of.max()) + 1 if len(of) else 0
        self._apart = _coded(apart, self._count)

    def may_join(self, left: Ids, right: Ids) -> Flags:
        """Whether the clusters of each pair may be, or are, of one person."""
        one, other = self.of[left], self.of[right]
        wanted = np.minimum(one, other) * self._count + np.maximum(one, other)
        if not len(self._apart):
            return np.ones(len(wanted), bool)
        place = np.minimum(np.searchsorted(self._apart, wanted), len(self._apart) - 1)
        return np.asarray(self._apart[place] != wanted)

    def join(self, left: Ids, right: Ids) -> Flags:
        """Make the clusters of pairs that may join one person's; gives which pairs it was done for.

        A person is joined with one other at a time: two others may have to stay apart. The first pair is always
        joined.
        """
        pairs = np.stack([self.of[left], self.of[right]], axis=1)
        across = pairs[:, 0] != pairs[:, 1]
        first, order = np.full(self._count, len(pairs)), np.arange(len(pairs))
        for end in (0, 1):
            np.minimum.at(first, pairs[across, end], order[across])
        joined = across & (first[pairs] == order[:, None]).all(axis=1)
        step = np.arange(self._count)
        step[pairs[joined].max(axis=1)] = pairs[joined].min(axis=1)
        self.of = step[self.of]
        self._apart = _coded(step[np.stack(np.divmod(self._apart, max(1, self._count)), axis=1)], self._count)
        return np.asarray(joined | ~across)


def _pairs(pairs: Ids | None) -> Ids:
    return np.zeros((0, 2), np.int64) if pairs is None else pairs


def _dense(labels: Ids) -> Ids:
    """Number labels anew from 0, in the order in which they first come."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _connected(count: int, pairs: Ids) -> Ids:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return _dense(connected_components(graph, directed=False)[1].astype(np.int64))


def _coded(pairs: Ids, count: int) -> Ids:
    """Pairs as sorted numbers, smaller end first, each once."""
    return np.unique(pairs.min(axis=1) * count + pairs.max(axis=1)) if len(pairs) else pairs[:, 0]


def _nearest(points: Points, seek: Ids, limit: float, count: int, owners: _Owners) -> tuple[Ids, Flags]:
    """Pairs (N, 2) of points within the limit: for each point sought its nearest, at most ``count``.

    Where all points are sought each pair of blocks is multiplied once. Also given is which points (T,) had more
    neighbours than were kept.
    """
    everything = len(seek) == len(points)
    right = np.concatenate([points.means, -points.squares[:, None] / 2], axis=1).T.copy()
    needed = (points.squares - limit) / 2
    best = _Best(count, len(points))
    for top in range(0, len(seek), ROWS):
        rows = seek[top : top + ROWS]
        left = np.concatenate([points.means[rows], np.ones((len(rows), 1), np.float32)], axis=1)
        for start in range(top // COLUMNS * COLUMNS if everything else 0, len(points), COLUMNS):
            inner = left @ right[:, start : start + COLUMNS]
            near = inner >= needed[rows][:, None]
            # Flat, as numpy finds true values in one dimension several times faster than in two.
            a, b = np.divmod(np.flatnonzero(near), near.shape[1])
            found, to = rows[a], b + start
            kept = (found < to) if everything else (found != to)
            kept &= owners.may_join(found, to)
            # Twice the inner product less both squares is minus the squared distance.
            nearness = (2 * inner[a, b] - points.squares[found])[kept]
            best.add(found[kept], to[kept], nearness)
            if everything:
                best.add(to[kept], found[kept], nearness)
    return best.pairs(), best.full


class _Best:
    """The nearest neighbours of each point, out of all that are added."""

    def __init__(self, count: int, points: int) -> None:
        self.full = np.zeros(points, bool)
        self._least = np.full(points, -np.inf, np.float32)  # what a further neighbour must reach
        self._count, self._room = count, 2 * count * points + 1_000_000
        self._parts: list[tuple[Ids, Ids, Floats]] = []
        self._held = 0

    def add(self, of: Ids, neighbour: Ids, nearness: Floats) -> None:
        worth = nearness >= self._least[of]
        self._parts.append((of[worth], neighbour[worth], nearness[worth]))
        self._held += int(worth.sum())
        if self._held > self._room:
            self._prune()

    def pairs(self) -> Ids:
        """(N, 2), smaller end first, each once."""
        self._prune()
        of, neighbour, _ = self._parts[0]
        codes = _coded(np.stack([of, neighbour], axis=1), len(self.full))
        return np.stack(np.divmod(codes, max(1, len(self.full))), axis=1)

    def _prune(self) -> None:
        parts = zip(*self._parts, strict=True) if self._parts else [[np.zeros(0, np.int64)]] * 3
        of, neighbour, nearness = (np.concatenate(part) for part in parts)
        order = np.lexsort((neighbour, -nearness, of))
        of = of[order]
        place = np.arange(len(of)) - np.searchsorted(of, of)
        self.full[of[place >= self._count]] = True
        last = place == self._count - 1
        self._least[of[last]] = nearness[order[last]]
        kept = order[place < self._count]
        self._parts = [(of[place < self._count], neighbour[kept], nearness[kept])]
        self._held = len(kept)


def _join(points: Points, edges: Ids, limit: float, owners: _Owners) -> Ids:
    """Join clusters along edges, mutual nearest neighbours at once; gives the cluster each point came to.

    The mean distance to a joined cluster is never less than the lesser of its two halves', so joining mutual
    nearest neighbours gives what joining the nearest pair first gives. For the same reason an edge beyond
    the limit can go: one of the other edges will lead there if need be.
    """
    count = len(points)
    into = np.arange(count)
    means, squares, weights = points.means.copy(), points.squares.copy(), points.weights.copy()
    current = Points(means, squares, weights)
    distance = current.distances(edges[:, 0], edges[:, 1])
    while len(edges := edges[distance <= limit]):
        distance = distance[distance <= limit]
        keep, drop = _mutual(edges, distance, count)
        done = owners.join(keep, drop)
        keep, drop = keep[done], drop[done]
        share = (weights[drop] / (weights[keep] + weights[drop])).astype(np.float32)
        means[keep] += share[:, None] * (means[drop] - means[keep])
        squares[keep] += share * (squares[drop] - squares[keep])
        weights[keep] += weights[drop]
        step = np.arange(count)
        step[drop] = keep
        into = step[into]
        grown = np.zeros(count, bool)
        grown[keep] = True
        edges, distance = _relabelled(current, step[edges], distance, grown, owners)
    return into


def _mutual(edges: Ids, distance: Floats, count: int) -> tuple[Ids, Ids]:
    """Pairs that are each other's nearest, nearest first, as smaller and larger ends; of equal ones the first."""
    order = np.lexsort((edges[:, 1], edges[:, 0], distance))
    first = np.full(count, len(order))
    for end in (0, 1):
        np.minimum.at(first, edges[order, end], np.arange(len(order)))
    chosen = edges[order]
    mutual = first[chosen[:, 0]] == first[chosen[:, 1]]
    mutual &= first[chosen[:, 0]] == np.arange(len(order))
    return chosen[mutual, 0], chosen[mutual, 1]


def _relabelled(
    points: Points, edges: Ids, distance: Floats, grown: Flags, owners: _Owners
) -> tuple[Ids, Floats]:
    """Edges between the clusters that they now lead to, each once and measured where a cluster has grown."""
    count = len(points)
    codes = edges.min(axis=1) * count + edges.max(axis=1)
    codes, first = np.unique(codes, return_index=True)
    left, right = np.divmod(codes, count)
    allowed = (left != right) & owners.may_join(left, right)
    left, right, distance = left[allowed], right[allowed], distance[first[allowed]].copy()
    stale = grown[left] | grown[right]
    distance[stale] = points.distances(left[stale], right[stale])
    return np.stack([left, right], axis=1), distance


def own_distances(points: Points, labels: Ids) -> Floats:
    """Mean squared distance of each point to the others of its cluster, (T,); NaN for one that is alone."""
    clusters = points.grouped(labels)
    count = clusters.weights[labels].astype(np.float64)
    length = np.einsum("ij,ij->i", points.means, points.means, dtype=np.float64)
    inner = np.einsum("ij,ij->i", points.means, clusters.means[labels], dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Mean square and inner product with the others: those with all, less the point's own share.
        squares = (count * clusters.squares[labels] - points.squares) / (count - 1)
        inner = (count * inner - length) / (count - 1)
        found = np.maximum(points.squares + squares - 2 * inner, 0)
    return np.asarray(np.where(count > 1, found, np.nan), np.float32)
