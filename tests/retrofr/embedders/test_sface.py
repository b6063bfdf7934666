"""SFace gives what its ONNX file gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from retrofr.embedders import sface
from retrofr.embedders.base import ChipSpec
from retrofr.errors import WeightsError
from retrofr.onnx_weights import OnnxWeights, read_onnx_weights
from retrofr.records import Floats, Pixels
from retrofr.runtime import resolve_device
from retrofr.weights import read_weights

PLAIN = sface.Settings(mirror=False)


@pytest.fixture(scope="module")
def reference() -> Callable[[Pixels], Floats]:
    """The file itself, run by onnxruntime; it refuses weights that are listed as inputs, so those entries are cut."""
    model = onnx.load_model_from_string(read_weights(sface.SFACE_WEIGHTS))
    inputs = [value for value in model.graph.input if value.name == "data"]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    options: Any = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def run(chips: Pixels) -> Floats:
        planes = chips.transpose(0, 3, 1, 2).astype(np.float32)
        return np.concatenate([session.run(None, {"data": plane[None]})[0] for plane in planes])

    return run


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_it_gives_what_onnxruntime_gives(
    backend: str, reference: Callable[[Pixels], Floats], real_chips: Callable[[ChipSpec], Pixels]
) -> None:
    chips = real_chips(sface.CHIP)
    ours = sface.build(PLAIN, resolve_device("cpu", backend=backend)).embed(chips)
    assert np.abs(ours - reference(chips)).max() <= 1e-4


def test_mirroring_averages_a_chip_and_its_mirror_image(real_chips: Callable[[ChipSpec], Pixels]) -> None:
    chips = real_chips(sface.CHIP)[:3]
    device = resolve_device("cpu")
    plain, both = sface.build(PLAIN, device), sface.build(sface.Settings(), device)
    expected = (plain.embed(chips) + plain.embed(chips[:, :, ::-1].copy())) / 2
    np.testing.assert_allclose(both.embed(chips), expected, atol=1e-5)
    np.testing.assert_allclose(both.embed(chips[:, :, ::-1].copy()), expected, atol=1e-5)


def test_the_score_is_the_cosine() -> None:
    embedder = sface.SFace(lambda chips: (np.zeros((0, 128), np.float32),), PLAIN)
    one = np.array([[1.0, 0.0], [0.0, 5.0], [-2.0, 0.0]], np.float32)
    np.testing.assert_allclose(embedder.compare(one[:1], one), [[1.0, 0.0, -1.0]], atol=1e-7)
    assert np.isfinite(embedder.compare(one, np.zeros((1, 2), np.float32))).all()


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_weights_of_another_net_are_refused(keep: float) -> None:
    from retrofr.embedders._sface_net import SFaceNet

    whole = read_onnx_weights(read_weights(sface.SFACE_WEIGHTS), "sface")
    part = whole.nodes[: int(len(whole.nodes) * keep)]
    cut = OnnxWeights("sface", whole.arrays, part, whole.inputs, whole.outputs)
    with pytest.raises(WeightsError, match=r"sface: not SFace: expected \w+, found the end"):
        SFaceNet(cut)
