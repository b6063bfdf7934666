"""Scoring without nets: the same scores and the same identity, and what a comparison key stands for."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retrofr import registry, scoring
from retrofr.comparison import build_comparison
from retrofr.embedders import facenet
from retrofr.errors import UsageError, WeightsError
from retrofr.records import Floats
from retrofr.runtime import resolve_device
from retrofr.scoring import Scorer, build_scorer, comparison_key

DEFAULT_KEY = "b9bbb8d352f988b3c23349c44887f2ea60d60251c96f3cb1347e35ad31eb0e31"


def templates(scorer: Scorer, count: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, scorer.dimensions)).astype(np.float32)


def test_every_default_threshold_names_its_source_and_its_embedders_exist() -> None:
    measured = scoring._measured()
    known = set(registry.names("embedders"))
    assert set(measured["non_mated"]) <= known
    for entry in measured["threshold"]:
        assert set(entry["embedders"]) <= known
        assert "FMR" in entry["source"]
        assert "benchmarks/faces.py" in entry["source"]


@pytest.mark.parametrize(
    ("text", "parts", "refine"),
    [
        ("sface+dlib-resnet", {}, True),
        ("dlib-resnet+sface", {"sface": {"mirror": False}}, True),
        ("dlib-resnet", {}, True),
        ("sface", {}, False),
    ],
)
def test_without_nets_everything_is_as_with_them(
    text: str, parts: dict[str, dict[str, Any]], refine: bool
) -> None:
    light = build_scorer(text, parts, refine=refine)
    whole = build_comparison(text, parts, resolve_device("cpu"), refine=refine)
    assert light.identity() == whole.identity()
    assert (light.name, light.dimensions) == (whole.name, whole.dimensions)
    assert light.default_threshold == whole.default_threshold
    assert light.threshold_source == whole.threshold_source
    left, right = templates(light, 3, 1), templates(light, 5, 2)
    np.testing.assert_array_equal(light.compare(left, right), whole.compare(left, right))
    np.testing.assert_array_equal(light.index_vectors(right), whole.index_vectors(right))


NO_NETS = """
import sys
import numpy as np
from retrofr.scoring import build_scorer, comparison_key
scorer = build_scorer("sface+dlib-resnet", {})
both = np.ones((2, scorer.dimensions), np.float32)
print(scorer.compare(both, both).shape, scorer.index_vectors(both).shape, len(comparison_key(scorer.identity())))
print([name for name in ("torch", "openvino", "onnx", "cv2", "PIL", "av", "annoy") if name in sys.modules])
"""


def test_scoring_loads_no_heavy_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_NETS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["(2, 2) (2, 256) 64", "[]"]


def test_a_part_that_cannot_compare_without_its_net_is_built(fake_parts: object) -> None:
    scorer = build_scorer("fake", {})
    red, blue = np.array([[1, 0, 0]], np.float32), np.array([[0, 0, 1]], np.float32)
    np.testing.assert_allclose(scorer.compare(red, np.concatenate([red, blue])), [[1, 1 - np.sqrt(2)]])
    assert (
        scorer.identity()["formula"]
        == "A face's mean colour, 0 to 1; the score is 1 minus the distance of colours."
    )
    assert len(comparison_key(scorer.identity())) == 64


def test_the_formula_of_one_embedder_is_its_own() -> None:
    assert (
        build_scorer("dlib-resnet", {}).identity()["formula"]
        == "The comparison score is 1 - the Euclidean distance of two vectors: 1 is the same picture."
    )


def test_one_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="'sface\\+sface' names an embedder twice"):
        build_scorer("sface+sface", {})


def test_the_key_of_the_default_comparison_stays() -> None:
    """Another key would have every stored template made again: change it only when templates change."""
    assert comparison_key(build_scorer("sface+dlib-resnet", {}).identity()) == DEFAULT_KEY


def change(part: int, name: str, value: object) -> Callable[[Any], None]:
    def apply(identity: Any) -> None:
        assert identity["parts"][part][name] != value
        identity["parts"][part][name] = value

    return apply


@pytest.mark.parametrize(
    "apply",
    [
        change(0, "name", "other"),
        change(1, "dimensions", 512),
        change(0, "weights_sha256", "ab" * 32),
        change(1, "settings", {"mirror": False}),
        lambda identity: identity["parts"].reverse(),
        lambda identity: identity.update(landmark_net=None),
        lambda identity: identity["landmark_net"].update(weights_sha256="cd" * 32),
    ],
    ids=["name", "dimensions", "weights", "settings", "order", "no landmark net", "another landmark net"],
)
def test_what_changes_templates_changes_the_key(apply: Callable[[Any], None]) -> None:
    identity = copy.deepcopy(build_scorer("sface+dlib-resnet", {}).identity())
    apply(identity)
    assert comparison_key(identity) != DEFAULT_KEY


def test_what_changes_only_scores_does_not_change_the_key() -> None:
    identity: Any = copy.deepcopy(build_scorer("sface+dlib-resnet", {}).identity())
    identity["formula"] = "another"
    identity["parts"][0]["non_mated"] = {"mean": 0.0, "deviation": 1.0}
    assert comparison_key(identity) == DEFAULT_KEY


def test_weights_whose_digest_nobody_knows_have_no_key(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path))
    downloaded = build_scorer("facenet", {"facenet": {"weights": "casia-webface"}})
    with pytest.raises(WeightsError) as caught:
        comparison_key(downloaded.identity())
    assert str(caught.value) == (
        "facenet-casia-webface: the digest of these weights is not known on this machine, so their templates "
        "cannot be told from others\n"
        "`retrofr models pull facenet-casia-webface` downloads them and records it"
    )
    known: Any = build_scorer("facenet", {}).identity()
    assert known["parts"][0]["weights_sha256"] == facenet.VGGFACE2_WEIGHTS.sha256
