"""Reading quantised weights out of ONNX files."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from retrofr.detectors import yunet
from retrofr.errors import WeightsError
from retrofr.onnx_weights import read_onnx_weights
from retrofr.weights import read_weights

QUANTISED = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
SCALES = np.array([[0.5, 2.0], [1.0, 4.0]], np.float32)
ZEROS = np.array([[1, 0], [-1, 2]], np.int8)


def model(
    scales: Any = SCALES, block_size: int = 4, shape: Any = (2, 6, 1, 1), external: bool = False
) -> bytes:
    constants = {"q": QUANTISED, "s": scales, "z": ZEROS, "shape": np.array(shape, np.int64)}
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    if external:
        tensors[0].data_location = TensorProto.EXTERNAL
        tensors[0].external_data.add(key="location", value="../secret")
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=1, block_size=block_size),
        helper.make_node("Reshape", ["w", "shape"], ["kernel"]),
        helper.make_node("Conv", ["x", "kernel"], ["y"], strides=[2, 2], auto_pad="VALID"),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "kernel", "q")]
    graph = helper.make_graph(
        nodes, "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    )
    graph.initializer.extend(tensors)
    return bytes(helper.make_model(graph).SerializeToString())


def test_blocks_are_unpacked_and_reshaped() -> None:
    read = read_onnx_weights(model(), "net.onnx")
    # The second block is cut short by the axis: scale 2 (row 0) and 4 (row 1) hold for two columns only.
    by_hand = np.array([[-3.5, -3, -2.5, -2, -4, -2], [1, 2, 3, 4, 8, 12]], np.float32)
    assert read.floats("kernel").tolist() == by_hand.reshape(2, 6, 1, 1).tolist()
    assert list(read.arrays) == ["kernel"]
    assert read.inputs == ("x",)
    assert read.outputs == ("y",)
    (node,) = read.nodes
    assert (node.kind, node.inputs, node.attributes["strides"]) == ("Conv", ("x", "kernel"), [2, 2])
    assert node.attributes["auto_pad"] == "VALID"


def test_the_unpacked_weights_are_onnxs_own() -> None:
    (file,) = yunet.WEIGHTS
    data = read_weights(file)
    read = read_onnx_weights(data, file.name)
    names = [name for node in read.nodes if node.kind == "Conv" for name in node.inputs[1:]]
    stored = onnx.load_model_from_string(data)
    stored.graph.ClearField("output")
    stored.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    kept = [
        node for node in stored.graph.node if node.op_type == "DequantizeLinear" or "_shape_" in node.name
    ]
    stored.graph.ClearField("node")
    stored.graph.node.extend(kept)
    stored.graph.ClearField("input")
    constant = {tensor.name: tensor for tensor in stored.graph.initializer}
    passed = [name for name in names if name in constant]
    stored.graph.node.extend(helper.make_node("Identity", [name], [f"{name}_out"]) for name in passed)
    for output in stored.graph.output:
        output.name = f"{output.name}_out" if output.name in constant else output.name
    from onnx.reference import ReferenceEvaluator

    expected = ReferenceEvaluator(stored).run(None, {})
    assert len(expected) == len(names) == 106
    for name, array in zip(names, expected, strict=True):
        assert np.array_equal(read.floats(name), array)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "net.onnx: is empty"),
        (b"\x00\x01 not a model", "net.onnx: is not an ONNX file"),
        (model()[:200], "net.onnx: is not an ONNX file"),
        (bytes(onnx.ModelProto().SerializeToString()) + b"\x08\x0a", "net.onnx: holds no operations"),
        (model(scales=SCALES[:, :1]), "net.onnx: w cannot be unpacked"),
        (model(scales=SCALES.astype(np.float64)), "net.onnx: w cannot be unpacked (unsupported types"),
        (model(block_size=-4), "net.onnx: w cannot be unpacked"),
        (model(shape=(5, 5)), "net.onnx: kernel cannot be unpacked"),
        (model(external=True), "net.onnx: q is kept in another file, which is not supported"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WeightsError) as caught:
        read_onnx_weights(data, "net.onnx")
    assert str(caught.value).startswith(reason)


def test_weights_asked_for_by_a_wrong_name_or_shape() -> None:
    read = read_onnx_weights(model(), "net.onnx")
    with pytest.raises(WeightsError, match=r"^net\.onnx: holds no weights called nose$"):
        read.floats("nose")
    with pytest.raises(WeightsError, match=r"kernel: expected float32 \(3,\), got float32 \(2, 6, 1, 1\)$"):
        read.floats("kernel", (3,))
