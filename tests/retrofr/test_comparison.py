"""Fused scores: what they mean, that the index orders as they do, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr import registry
from retrofr.comparison import Comparison, build_comparison
from retrofr.embedders.base import ChipSpec
from retrofr.embedders.sface import SFACE_WEIGHTS
from retrofr.errors import SettingsError, UsageError
from retrofr.records import Floats, Pixels
from retrofr.runtime import resolve_device
from retrofr.scoring import NonMated
from retrofr.settings import StageSettings, setting
from retrofr.weights import WeightsFile

POINTS = ((10.0, 12.0), (22.0, 12.0), (16.0, 18.0), (11.0, 24.0), (21.0, 24.0))


@dataclass(frozen=True)
class _Settings(StageSettings):
    stage: ClassVar[str] = "fake"
    bright: bool = setting(True, help="Something to change.")


@dataclass
class _Fake:
    """Gives the mean colour of a chip, times a factor; compared by distance."""

    name: str
    factor: float = 1.0
    dimensions: int = 3
    chip: ChipSpec = field(default_factory=lambda: ChipSpec(32, POINTS))
    weights: WeightsFile = SFACE_WEIGHTS

    def embed(self, chips: Pixels) -> Floats:
        return np.asarray(chips.mean(axis=(1, 2)) * self.factor, np.float32)

    def compare(self, left: Floats, right: Floats) -> Floats:
        return np.asarray(-np.linalg.norm(left[:, None] - right[None], axis=2), np.float32)

    def index_vectors(self, vectors: Floats) -> Floats:
        return vectors


SPREADS = (NonMated(-2.0, 0.5, "made up"), NonMated(-8.0, 4.0, "made up"))


def _fused() -> Comparison:
    return Comparison([_Fake("one"), _Fake("two", 2.0)], [_Settings(), _Settings()], SPREADS)


_TEMPLATES = st.lists(
    st.lists(st.floats(-2, 2, width=32), min_size=6, max_size=6), min_size=1, max_size=6
).map(lambda rows: np.array(rows, np.float32))


@given(left=_TEMPLATES, right=_TEMPLATES)
def test_the_fused_score_is_the_mean_of_scaled_likenesses(left: Floats, right: Floats) -> None:
    squared = (
        ((left[:, None].astype(np.float64) - right[None]) ** 2)
        .reshape(len(left), len(right), 2, 3)
        .sum(axis=3)
    )
    expected = ((-squared[..., 0] + 2.0) / 0.5 + (-squared[..., 1] + 8.0) / 4.0) / 2
    np.testing.assert_allclose(_fused().compare(left, right), expected, rtol=1e-4, atol=1e-4)


@given(probes=_TEMPLATES, templates=_TEMPLATES)
def test_the_index_orders_exactly_as_the_fused_score_does(probes: Floats, templates: Floats) -> None:
    fused = _fused()
    placed, wanted = fused.index_vectors(templates), fused.index_vectors(probes)
    distances = np.linalg.norm(wanted[:, None].astype(np.float64) - placed[None], axis=2)
    scores = fused.compare(probes, templates)
    same = fused.compare(probes[:1], probes[:1])[0, 0]
    np.testing.assert_allclose(scores, same - distances**2, atol=1e-3)


def test_templates_lie_side_by_side_and_chips_go_to_their_embedder() -> None:
    fused = _fused()
    image = np.full((60, 60, 3), (10, 100, 200), np.uint8)
    landmarks = np.stack([np.array(POINTS, np.float32) + 10, np.array(POINTS, np.float32) + 12])
    faces = fused.cut(image, landmarks)
    assert [len(face) for face in faces] == [2, 2]
    expected = [10, 100, 200, 20, 200, 400]
    np.testing.assert_allclose(fused.templates(faces), [expected, expected], rtol=1e-3)


def test_no_faces_give_no_templates() -> None:
    fused = _fused()
    none = fused.templates(fused.cut(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 5, 2), np.float32)))
    assert none.shape == (0, 6)
    assert fused.compare(none, none).shape == (0, 0)
    assert fused.index_vectors(none).shape == (0, 6)


def test_one_embedder_keeps_its_own_score() -> None:
    single = Comparison([_Fake("one")], [_Settings()])
    rows = np.array([[0, 0, 0], [3, 4, 0]], np.float32)
    np.testing.assert_allclose(single.compare(rows, rows), [[0, -5], [-5, 0]])
    assert single.name == "one"


def test_landmarks_are_refined_before_chips_are_cut() -> None:
    seen: list[int] = []

    def net(faces: Pixels) -> Floats:
        seen.append(len(faces))
        return np.full((len(faces), 5, 2), np.nan, np.float32)

    refined = Comparison([_Fake("one")], [_Settings()], landmark_net=net)
    chips = refined.cut(np.full((60, 60, 3), 9, np.uint8), np.array([POINTS], np.float32) + 10)
    assert seen == [2], "a face and its mirror image"
    assert not chips[0][0].any(), "the chip is cut by the landmarks the net gave"


def test_fusing_needs_a_spread_for_each_part() -> None:
    with pytest.raises(ValueError, match="2 embedders to fuse and 1 spreads"):
        Comparison([_Fake("one"), _Fake("two")], [_Settings(), _Settings()], SPREADS[:1])


@pytest.fixture(scope="module")
def default() -> Comparison:
    return build_comparison("sface+dlib-resnet", {}, resolve_device("cpu"))


def test_the_default_comparison_says_what_it_ran_on(default: Comparison) -> None:
    assert default.name == "sface+dlib-resnet"
    assert default.dimensions == 256
    assert default.default_threshold is not None
    identity: Any = default.identity()
    assert json.loads(json.dumps(identity)) == identity
    assert [part["name"] for part in identity["parts"]] == ["sface", "dlib-resnet"]
    assert all(len(part["weights_sha256"]) == 64 for part in identity["parts"])
    assert identity["landmark_net"]["weights"] == "mtcnn-onet"
    assert identity["formula"].startswith("mean over the parts of (likeness - mean) / deviation")


def test_the_default_tells_people_apart(
    default: Comparison, shared_data: Path, best_face: Callable[[Pixels], Floats]
) -> None:
    """Two photos of each of five people: every pair of one person scores above the threshold, no other does."""
    people = ["7209", "7211", "7240", "7247", "7290"]
    faces = []
    for person in people:
        for path in sorted((shared_data / "faces" / person).glob("*.jpg"))[:2]:
            image = np.ascontiguousarray(np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1])
            faces.append(default.cut(image, best_face(image))[0])
    templates = default.templates(faces)
    scores = default.compare(templates, templates)
    mated = np.repeat(np.arange(5), 2)[:, None] == np.repeat(np.arange(5), 2)[None]
    assert default.default_threshold is not None
    assert scores[mated].min() >= default.default_threshold
    assert scores[~mated].max() < default.default_threshold


@pytest.fixture(scope="module")
def best_face() -> Callable[[Pixels], Floats]:
    module = registry.load("detectors", "yunet")
    detector = module.build(module.SETTINGS(), resolve_device("cpu"))
    return lambda image: detector.detect([image])[0].landmarks[:1]


def test_other_settings_have_no_default_threshold() -> None:
    changed = build_comparison("sface", {"sface": {"mirror": False}}, resolve_device("cpu"))
    assert changed.default_threshold is None
    assert changed.threshold_source == "no threshold was measured with these settings of the embedders"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "arcface",
            "no embedder is called 'arcface'\nthere are: dlib-resnet, facenet, sface",
        ),
        ("sface+", "no embedder is called ''\nthere are: dlib-resnet, facenet, sface"),
        ("sface+sface", "'sface+sface' names an embedder twice"),
        (
            "sface+facenet",
            "embedder sface+facenet: facenet cannot be fused: how its scores of different people spread was not "
            "measured\nthese can be fused: sface, dlib-resnet",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_known_names(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_comparison(text, {}, resolve_device("cpu"))
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_an_unknown_setting_of_a_part_is_named() -> None:
    with pytest.raises(SettingsError, match=r"parts\.sface\.miror: no such setting"):
        build_comparison("sface", {"sface": {"miror": True}}, resolve_device("cpu"))
