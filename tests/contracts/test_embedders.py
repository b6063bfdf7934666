"""What every embedder must do, over all that are registered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retrofr import registry
from retrofr.embedders.base import Embedder
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device, resolve_device
from retrofr.weights import State, WeightsFile, check_weights


@pytest.fixture(scope="module", params=registry.names("embedders"))
def embedder(request: pytest.FixtureRequest) -> Embedder:
    module: Any = registry.load("embedders", request.param)
    settings = module.SETTINGS()
    default = module.WEIGHTS[0]
    # A downloaded embedder is tested here where its weights are; elsewhere its own test runs it on random ones.
    if default.package is None and check_weights(default).state is not State.PRESENT:
        pytest.skip(f"needs weights that are not on this machine: {default.name}")
    built: Embedder = module.build(settings, resolve_device("cpu"))
    return built


@pytest.fixture(scope="module")
def chips(embedder: Embedder) -> Pixels:
    """Smooth pictures, as different from one another as faces are."""
    random = np.random.default_rng(7)
    side = embedder.chip.side_pixels
    coarse = random.integers(0, 256, (5, 7, 7, 3)).astype(np.float32)
    rows = np.linspace(0, 5.999, side)
    low, part = rows.astype(int), (rows % 1).astype(np.float32)
    tall = coarse[:, low] * (1 - part[:, None, None]) + coarse[:, low + 1] * part[:, None, None]
    wide = tall[:, :, low] * (1 - part[:, None]) + tall[:, :, low + 1] * part[:, None]
    return wide.astype(np.uint8)


@pytest.fixture(scope="module")
def vectors(embedder: Embedder, chips: Pixels) -> Floats:
    return embedder.embed(chips)


def test_it_says_what_it_is(embedder: Embedder) -> None:
    assert embedder.name in registry.names("embedders")
    assert isinstance(embedder.weights, WeightsFile)
    points = embedder.chip.points
    assert points.shape == (5, 2)
    assert ((points > 0) & (points < embedder.chip.side_pixels)).all()
    assert points[0, 0] < points[1, 0], "the left eye, as the viewer sees it, comes first"
    assert points[3, 0] < points[4, 0]


def test_it_gives_one_finite_vector_a_chip(embedder: Embedder, vectors: Floats) -> None:
    assert vectors.shape == (5, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.ptp(vectors, axis=0).max() > 0.01, "different pictures get different vectors"


def test_no_chips_give_no_vectors(embedder: Embedder) -> None:
    side = embedder.chip.side_pixels
    empty = embedder.embed(np.zeros((0, side, side, 3), np.uint8))
    assert empty.shape == (0, embedder.dimensions)
    assert empty.dtype == np.float32
    assert embedder.compare(empty, empty).shape == (0, 0)
    assert embedder.index_vectors(empty).shape[0] == 0


def test_a_batch_gives_what_singles_give(embedder: Embedder, chips: Pixels, vectors: Floats) -> None:
    singles = np.concatenate([embedder.embed(chips[i : i + 1]) for i in range(len(chips))])
    # Batches may be summed in another order; 1e-4 is far below any difference between two pictures.
    np.testing.assert_allclose(singles, vectors, atol=1e-4)


def test_the_same_chips_give_the_same_vectors(embedder: Embedder, chips: Pixels, vectors: Floats) -> None:
    np.testing.assert_array_equal(embedder.embed(chips), vectors)


def test_in_float16_it_gives_nearly_the_same(embedder: Embedder, chips: Pixels) -> None:
    """As it runs on a GPU. The limits under which templates of both precisions are compared, see docs/gpu.md."""
    module: Any = registry.load("embedders", embedder.name)
    like_a_gpu = Device("cpu", 0, "A Processor", "torch", "2", 1, "float16")
    half: Embedder = module.build(module.SETTINGS(mirror=False), like_a_gpu)
    plain: Embedder = module.build(module.SETTINGS(mirror=False), resolve_device("cpu"))
    given, wanted = half.embed(chips[:3]), plain.embed(chips[:3])  # float16 is slow on a CPU
    cosines = (given * wanted).sum(axis=1) / np.linalg.norm(given, axis=1) / np.linalg.norm(wanted, axis=1)
    assert (1 - cosines).max() < 5e-5
    assert np.abs(embedder.compare(given, wanted) - embedder.compare(wanted, wanted)).max() < 3e-3


@pytest.mark.parametrize("change", ["size", "type", "channels"])
def test_chips_of_another_shape_are_refused(embedder: Embedder, chips: Pixels, change: str) -> None:
    wrong: Any = {"size": chips[:, 1:], "type": chips.astype(np.float32), "channels": chips[..., :2]}[change]
    with pytest.raises(ValueError, match=r"chips: expected \(N, \d+, \d+, 3\) uint8, got"):
        embedder.embed(wrong)


def test_scores_are_symmetric_and_highest_with_itself(embedder: Embedder, vectors: Floats) -> None:
    scores = embedder.compare(vectors, vectors)
    assert scores.shape == (5, 5)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, scores.T, atol=1e-6)
    assert (scores.argmax(axis=1) == np.arange(5)).all()
    np.testing.assert_allclose(np.diag(scores), scores.max(), atol=1e-4)


def test_left_and_right_may_differ_in_number(embedder: Embedder, vectors: Floats) -> None:
    scores = embedder.compare(vectors[:2], vectors)
    np.testing.assert_allclose(scores, embedder.compare(vectors, vectors)[:2], atol=1e-5)


def test_index_distance_falls_as_the_score_rises(embedder: Embedder, vectors: Floats) -> None:
    placed = embedder.index_vectors(vectors).astype(np.float64)
    distances = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    scores = embedder.compare(vectors, vectors)
    upper = np.triu_indices(5, 1)
    by_distance = np.argsort(distances[upper])
    assert (np.diff(scores[upper][by_distance]) <= 1e-5).all()
