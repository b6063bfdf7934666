"""Clustering: average linkage, what is kept together and apart, and that the graph decides nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from retrofr import clustering
from retrofr.clustering import Points, cluster, own_distances


def points_of(vectors: np.ndarray) -> Points:
    vectors = np.asarray(vectors, np.float32)
    return Points(vectors, (vectors**2).sum(axis=1), np.ones(len(vectors), np.int64))


def pairs(*found: tuple[int, int]) -> np.ndarray:
    return np.array(found, np.int64).reshape(-1, 2)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def mean_squared(vectors: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    difference = vectors[one][:, None].astype(np.float64) - vectors[other][None]
    return float((difference**2).sum(axis=2).mean())


def people(count: int, of_each: int, *, apart: float = 1.0, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, 16)) * apart
    return (np.repeat(centres, of_each, axis=0) + 0.1 * random.normal(size=(count * of_each, 16))).astype("f")


def test_nothing_clusters_to_nothing() -> None:
    assert len(cluster(points_of(np.zeros((0, 4))), 1.0, neighbours=5)) == 0


def test_labels_count_from_0_in_the_order_of_first_points() -> None:
    vectors = np.array([[5.0], [0.0], [5.1], [9.0], [0.1]])
    assert cluster(points_of(vectors), 0.1, neighbours=3).tolist() == [0, 1, 0, 2, 1]


def test_a_negative_limit_joins_nothing() -> None:
    assert cluster(points_of(np.zeros((3, 2))), -1.0, neighbours=3).tolist() == [0, 1, 2]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 40), st.floats(0.05, 6.0))
def test_with_a_whole_graph_it_is_average_linkage(seed: int, count: int, limit: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    squared = ((vectors[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=2)
    tree = linkage(squared[np.triu_indices(count, 1)], "average")
    if np.abs(tree[:, 2] - limit).min() < 1e-4:
        return  # on the limit rounding decides
    expected = fcluster(tree, limit, "distance")
    found = cluster(points_of(vectors), limit, neighbours=count)
    assert partition(found) == partition(expected)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_few_neighbours_leave_no_two_clusters_that_could_be_joined(seed: int, neighbours: int) -> None:
    vectors = people(6, 8, apart=0.4, seed=seed)
    limit = 0.8
    labels = cluster(points_of(vectors), limit, neighbours=neighbours)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for number, one in enumerate(groups):
        for other in groups[number + 1 :]:
            assert mean_squared(vectors, one, other) > limit - 1e-4


def test_a_person_of_more_tracklets_than_neighbours_is_one() -> None:
    vectors = people(3, 50)
    assert partition(cluster(points_of(vectors), 0.8, neighbours=2)) == partition(np.repeat(range(3), 50))


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_blocks_give_what_one_block_gives(seed: int) -> None:
    vectors = people(8, 6, apart=0.4, seed=seed)
    whole = cluster(points_of(vectors), 0.7, neighbours=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "ROWS", 8)
        patch.setattr(clustering, "COLUMNS", 16)
        patch.setattr(clustering, "GATHERED", 7)
        assert cluster(points_of(vectors), 0.7, neighbours=3).tolist() == whole.tolist()


def test_the_same_input_gives_the_same_labels() -> None:
    vectors = np.repeat(people(5, 4, apart=0.3), 3, axis=0)  # with many ties
    first = cluster(points_of(vectors), 0.5, neighbours=4)
    assert all(np.array_equal(first, cluster(points_of(vectors), 0.5, neighbours=4)) for _ in range(3))


def test_what_is_apart_stays_apart_and_what_is_together_together() -> None:
    vectors = np.array([[0.0], [0.1], [0.2], [9.0]])
    labels = cluster(points_of(vectors), 1.0, neighbours=3, together=pairs((0, 3)), apart=pairs((0, 1)))
    assert partition(labels) in (
        {frozenset({0, 3}), frozenset({1, 2})},
        {frozenset({0, 2, 3}), frozenset({1})},
    )


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_no_cluster_holds_a_pair_that_is_apart(seed: int, count: int) -> None:
    vectors = people(2, 12, apart=0.3, seed=seed)
    random = np.random.default_rng(seed)
    apart = random.integers(0, len(vectors), (count, 2))
    apart = apart[(apart[:, 0] != apart[:, 1]) & ((apart < 20) | (apart > 22)).all(axis=1)]
    together = pairs((20, 21), (21, 22))
    labels = cluster(points_of(vectors), 5.0, neighbours=2, apart=apart, together=together)
    assert (labels[apart[:, 0]] != labels[apart[:, 1]]).all()


def test_neighbours_that_must_stay_apart_take_no_place_in_the_graph() -> None:
    vectors = np.array([[0.0], [0.01], [0.02], [0.03], [0.5]])
    apart = pairs(*((0, other) for other in (1, 2, 3)), *((4, other) for other in (1, 2, 3)))
    labels = cluster(points_of(vectors), 1.0, neighbours=1, apart=apart)
    assert partition(labels) == {frozenset({0, 4}), frozenset({1, 2, 3})}


def test_what_looks_like_one_side_of_a_person_belongs_to_it() -> None:
    vectors = np.array([[0.0], [0.1], [9.0], [9.1], [0.2], [9.2], [4.0]])
    labels = cluster(points_of(vectors), 1.0, neighbours=6, together=pairs((0, 2)))
    assert partition(labels) == {frozenset({0, 1, 2, 3, 4, 5}), frozenset({6})}


def test_who_is_apart_from_one_side_of_a_person_is_apart_from_the_other() -> None:
    vectors = np.array([[0.0], [9.0], [0.1], [9.1]])
    labels = cluster(
        points_of(vectors), 1.0, neighbours=3, together=pairs((0, 1)), apart=pairs((1, 2), (2, 3))
    )
    assert partition(labels) == {frozenset({0, 1, 3}), frozenset({2})}


def test_two_who_are_apart_do_not_meet_in_a_person_with_two_sides() -> None:
    vectors = np.array([[0.0], [9.0], [0.1], [9.2]])
    labels = cluster(points_of(vectors), 1.0, neighbours=3, together=pairs((0, 1)), apart=pairs((2, 3)))
    assert labels[2] != labels[3]
    assert labels[0] == labels[1] == labels[2]


def test_together_and_apart_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="points that are to be together are to be apart as well"):
        cluster(
            points_of(np.zeros((3, 1))),
            1.0,
            neighbours=2,
            together=pairs((0, 1), (1, 2)),
            apart=pairs((2, 0)),
        )


def test_a_tracklet_counts_as_one_however_many_faces_it_has() -> None:
    wide = Points(
        np.array([[0.0], [2.0]], np.float32), np.array([1.0, 4.0], np.float32), np.ones(2, np.int64)
    )
    assert wide.distances(np.array([0]), np.array([1])).tolist() == [5.0]  # faces at -1 and 1, and one at 2
    both = wide.grouped(np.array([0, 0]))
    assert (both.means.tolist(), both.squares.tolist(), both.weights.tolist()) == ([[1.0]], [2.5], [2])


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_own_distance_is_the_mean_to_the_others(seed: int) -> None:
    vectors = people(3, 5, seed=seed)
    labels = np.array([0] * 5 + [1] * 9 + [2])
    found = own_distances(points_of(vectors), labels)
    for place in range(14):
        others = np.flatnonzero((labels == labels[place]) & (np.arange(15) != place))
        assert found[place] == pytest.approx(mean_squared(vectors, np.array([place]), others), abs=1e-3)
    assert np.isnan(found[14])


def test_points_check_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"points: \(2, 1\) means, 1 squares, 2 weights"):
        Points(np.zeros((2, 1), np.float32), np.zeros(1, np.float32), np.ones(2, np.int64))
