"""Reads the weights and the order of operations out of an ONNX file, so that a net can be rebuilt in torch.

OpenCV Zoo stores its nets with int8 weights in blocks: ``DequantizeLinear(q, scale, zero, axis, block_size)``, then
``Reshape``. Neither onnxruntime nor OpenVINO runs these files as they are, so both steps are done here, once, in
float32. Operators as defined by the ONNX operator set 21. This is the one file that imports onnx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr.errors import WeightsError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OnnxNode:
    """One operation: its ONNX type, the names it reads and writes, and its attributes as Python values."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxWeights:
    """What an ONNX file holds, with its quantised weights unpacked.

    ``arrays`` are the stored and the unpacked constants by the name that the remaining nodes use: weights are
    float32, in the order torch uses (OIHW); shapes and sizes keep their integer type. ``nodes`` are the
    operations in file order without those that only unpacked weights. ``inputs`` are the graph's inputs that
    are not weights.
    """

    subject: str
    arrays: Mapping[str, Array]
    nodes: tuple[OnnxNode, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def floats(self, name: str, shape: tuple[int, ...] | None = None) -> npt.NDArray[np.float32]:
        """The float32 weights of that name, in ``shape`` where one is given.

        Raises:
            WeightsError: there are none of that name, or they have another type or shape.
        """
        found = self.arrays.get(name)
        if found is None:
            raise WeightsError(f"holds no weights called {name}", subject=self.subject)
        if found.dtype != np.float32 or (shape is not None and found.shape != shape):
            wanted = "float32" if shape is None else f"float32 {shape}"
            raise WeightsError(
                f"{name}: expected {wanted}, got {found.dtype} {found.shape}", subject=self.subject
            )
        return found


def read_onnx_weights(data: bytes, subject: str) -> OnnxWeights:
    """Read an ONNX file.

    Args:
        data: the whole file.
        subject: how messages call it.

    Raises:
        WeightsError: it is not an ONNX file, it keeps its weights in another file, or its quantised weights do
            not fit together.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if not data:
        raise WeightsError("is empty", subject=subject)
    try:
        graph = onnx.load_model_from_string(data).graph
    except (DecodeError, ValueError) as error:
        raise WeightsError(f"is not an ONNX file ({error})", subject=subject) from error
    if not graph.node:
        raise WeightsError("holds no operations, so it is not an ONNX file or cut short", subject=subject)
    arrays = {tensor.name: _stored_array(tensor, subject) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        read = OnnxNode(
            node.op_type,
            tuple(node.input),
            tuple(node.output),
            {
                attribute.name: _plain(onnx.helper.get_attribute_value(attribute))
                for attribute in node.attribute
            },
        )
        if not _unpack(read, arrays, subject):
            nodes.append(read)
    used = {name for node in nodes for name in node.inputs}
    return OnnxWeights(
        subject,
        {name: array for name, array in arrays.items() if name in used},
        tuple(nodes),
        tuple(value.name for value in graph.input if value.name in used and value.name not in arrays),
        tuple(value.name for value in graph.output),
    )


def _stored_array(tensor: Any, subject: str) -> Array:
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        # Following the reference would open any path the file names.
        raise WeightsError(f"{tensor.name} is kept in another file, which is not supported", subject=subject)
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{tensor.name} cannot be read ({error})", subject=subject) from error


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _unpack(node: OnnxNode, arrays: dict[str, Array], subject: str) -> bool:
    """Do a node that only unpacks stored weights; False where the node is part of the net."""
    if node.kind not in ("DequantizeLinear", "Reshape") or not all(name in arrays for name in node.inputs):
        return False
    parts = [arrays[name] for name in node.inputs]
    try:
        if node.kind == "DequantizeLinear":
            result = _dequantise(parts, **node.attributes)
        else:
            result = parts[0].reshape(tuple(int(size) for size in parts[1]))
    except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
        raise WeightsError(f"{node.outputs[0]} cannot be unpacked ({error})", subject=subject) from error
    arrays[node.outputs[0]] = result
    return True


def _dequantise(parts: list[Array], axis: int = 1, block_size: int = 0) -> npt.NDArray[np.float32]:
    """(quantised − zero) × scale in float32; each scale counts for ``block_size`` entries along ``axis``."""
    if len(parts) not in (2, 3):
        raise ValueError(f"expected weights, scales and zero points, got {len(parts)} inputs")
    quantised, scale = parts[0], parts[1]
    zero = parts[2] if len(parts) == 3 else np.zeros_like(scale, dtype=quantised.dtype)
    if (
        quantised.dtype not in (np.int8, np.uint8)
        or scale.dtype != np.float32
        or zero.dtype != quantised.dtype
    ):
        raise ValueError(f"unsupported types {quantised.dtype}, {scale.dtype}, {zero.dtype}")
    if zero.shape != scale.shape:
        raise ValueError(f"scales are {scale.shape}, zero points {zero.shape}")
    spread = [_spread(part, quantised.shape, axis, block_size) for part in (scale, zero)]
    return (quantised.astype(np.float32) - spread[1].astype(np.float32)) * spread[0]


def _spread(part: Array, shape: tuple[int, ...], axis: int, block_size: int) -> Array:
    """Scales or zero points in a form that broadcasts over the quantised weights."""
    if part.size == 1 and part.ndim <= 1 and not block_size:
        return part.reshape(())
    length = shape[axis]
    if not block_size:
        if part.shape != (length,):
            raise ValueError(f"{part.shape} scales for {length} channels")
        return part.reshape([length if index == axis % len(shape) else 1 for index in range(len(shape))])
    blocks = list(shape)
    blocks[axis] = math.ceil(length / block_size)
    if part.shape != tuple(blocks):
        raise ValueError(f"{part.shape} scales for weights {shape} in blocks of {block_size}")
    return np.take(np.repeat(part, block_size, axis=axis), range(length), axis=axis)
