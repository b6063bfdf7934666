"""Every index keeps its contract, and misses little."""

from __future__ import annotations

import numpy as np
import pytest

from retrofr import registry
from retrofr.indexes.base import Index
from retrofr.records import Floats

NAMES = registry.names("indexes")


def built(name: str, vectors: Floats, **settings: object) -> Index:
    part = registry.load("indexes", name)
    index: Index = part.build(part.SETTINGS.from_mapping(settings), vectors)
    return index


def clustered(count: int, dimensions: int = 32, seed: int = 3) -> Floats:
    """Vectors in clusters, as the faces of people are."""
    random = np.random.default_rng(seed)
    people = random.normal(size=(max(1, count // 8), dimensions))
    return (
        people[random.integers(0, len(people), count)] + random.normal(0, 0.4, (count, dimensions))
    ).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_nearest_first_and_each_vector_finds_itself(name: str) -> None:
    vectors = clustered(200)
    index = built(name, vectors)
    found = index.nearest(vectors, 5)
    assert found.shape == (200, 5)
    assert found.dtype == np.int64
    assert (found[:, 0] == np.arange(200)).all()
    distances = np.linalg.norm(vectors[:, None] - vectors[found], axis=2)
    assert (np.diff(distances, axis=1) >= -1e-5).all()


@pytest.mark.parametrize("name", NAMES)
def test_asking_for_more_than_there_are_gives_all(name: str) -> None:
    vectors = clustered(3)
    index = built(name, vectors)
    assert index.size == 3
    assert sorted(index.nearest(vectors[:1], 10)[0].tolist()) == [0, 1, 2]


@pytest.mark.parametrize("name", NAMES)
def test_no_query_gives_no_row(name: str) -> None:
    vectors = clustered(3)
    assert built(name, vectors).nearest(vectors[:0], 2).shape == (0, 2)


@pytest.mark.parametrize("name", NAMES)
def test_same_vectors_give_the_same_answer_twice(name: str) -> None:
    vectors, queries = clustered(500), clustered(50, seed=9)
    first, second = (built(name, vectors).nearest(queries, 8) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("name", NAMES)
def test_all_within_reach_are_proposed_however_many(name: str) -> None:
    vectors = clustered(1500)
    index = built(name, vectors)
    queries = vectors[:40]
    distances = np.linalg.norm(queries[:, None].astype(np.float64) - vectors[None], axis=2)
    for share in (0.0, 0.002, 0.3):
        reach = np.quantile(distances, share, axis=1)
        found = index.within(queries, reach)
        true = sum(
            len(set(np.flatnonzero(d <= r)) & set(f)) for d, r, f in zip(distances, reach, found, strict=True)
        )
        assert true / (distances <= reach[:, None]).sum() >= (0.98 if index.name == "annoy" else 1.0)
        extra = sum(
            int((d[f] ** 2 > r**2 + 1e-2).sum()) for d, r, f in zip(distances, reach, found, strict=True)
        )
        assert extra == 0
    assert [len(ids) for ids in index.within(queries[:2], np.array([np.inf, -1.0]))] == [1500, 0]
    assert index.within(queries[:0], np.zeros(0)) == []


@pytest.mark.parametrize("name", NAMES)
def test_recall_on_thousands_of_probes(name: str) -> None:
    vectors = clustered(4000, 256)
    queries = vectors[::40] + np.random.default_rng(9).normal(0, 0.3, (100, 256)).astype(np.float32)
    truth = np.argsort(((queries[:, None] - vectors[None]) ** 2).sum(axis=2), axis=1)[:, :10]
    found = built(name, vectors).nearest(queries, 10)
    shared = sum(len(set(t) & set(f)) for t, f in zip(truth.tolist(), found.tolist(), strict=True))
    assert shared / truth.size >= (0.98 if name == "annoy" else 1.0)


def test_exact_in_blocks_is_exact_in_one() -> None:
    vectors, queries = clustered(1000), clustered(20, seed=5)
    one, blocks = built("exact", vectors), built("exact", vectors, block_vectors=37)
    assert (one.nearest(queries, 12) == blocks.nearest(queries, 12)).all()
