"""SFace in torch: a MobileNet of 14 stages with 128 outputs, its weights read from OpenCV Zoo's ONNX file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from retrofr.errors import WeightsError
from retrofr.onnx_weights import OnnxNode, OnnxWeights

_Norm = TypeVar("_Norm", nn.BatchNorm1d, nn.BatchNorm2d)

# Channels in, channels out and stride of each stage; every stage but the first is depthwise, then 1x1.
_STAGES = (
    *((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)),
    *((512, 512, 1),) * 5,
    *((512, 1024, 2), (1024, 1024, 1)),
)


class SFaceNet(nn.Module):
    """Chips (N, 112, 112, 3) uint8 RGB to embeddings (N, 128), not normalised."""

    def __init__(self, weights: OnnxWeights) -> None:
        super().__init__()
        fill = _Filler(weights)
        layers: list[nn.Module] = [*fill.convolution(3, 32, kernel=3, stride=1)]
        for inputs, outputs, stride in _STAGES:
            layers += fill.convolution(inputs, inputs, kernel=3, stride=stride, groups=inputs)
            layers += fill.convolution(inputs, outputs, kernel=1, stride=1)
        layers.append(fill.normalisation(nn.BatchNorm2d(1024)))
        self.features = nn.Sequential(*layers)
        self.descriptor = fill.linear(1024 * 7 * 7, 128)
        self.descriptor_norm = fill.normalisation(nn.BatchNorm1d(128))
        fill.expect_end()

    def forward(self, chips: Tensor) -> Tensor:
        x = (chips.permute(0, 3, 1, 2).float() - 127.5) * 0.0078125
        out: Tensor = self.descriptor_norm(self.descriptor(self.features(x).flatten(1)))
        return out


class _Filler:
    """Makes torch layers with the file's weights, taking the file's operations in their order."""

    def __init__(self, weights: OnnxWeights) -> None:
        self._weights = weights
        wanted = ("Conv", "BatchNormalization", "PRelu", "Gemm")
        self._nodes: Iterator[OnnxNode] = (node for node in weights.nodes if node.kind in wanted)

    def convolution(
        self, inputs: int, outputs: int, *, kernel: int, stride: int, groups: int = 1
    ) -> tuple[nn.Conv2d, nn.BatchNorm2d, nn.PReLU]:
        """A convolution without bias, its normalisation and its PReLU."""
        node = self._next("Conv")
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        conv.weight = self._parameter(node, 1, tuple(conv.weight.shape))
        norm = self.normalisation(nn.BatchNorm2d(outputs))
        slope = nn.PReLU(outputs)
        slopes = self._weights.floats(self._next("PRelu").inputs[1])
        slope.weight = nn.Parameter(torch.from_numpy(slopes.reshape(outputs)))
        return conv, norm, slope

    def normalisation(self, norm: _Norm) -> _Norm:
        node = self._next("BatchNormalization")
        shape = (norm.num_features,)
        norm.weight, norm.bias = self._parameter(node, 1, shape), self._parameter(node, 2, shape)
        norm.running_mean = self._parameter(node, 3, shape).data
        norm.running_var = self._parameter(node, 4, shape).data
        norm.eps = float(node.attributes.get("epsilon", 1e-5))
        return norm

    def linear(self, inputs: int, outputs: int) -> nn.Linear:
        node = self._next("Gemm")
        layer = nn.Linear(inputs, outputs)
        layer.weight = self._parameter(node, 1, (outputs, inputs))
        layer.bias = self._parameter(node, 2, (outputs,))
        return layer

    def expect_end(self) -> None:
        left = sum(1 for _ in self._nodes)
        if left:
            raise WeightsError(f"not SFace: {left} operations are left over", subject=self._weights.subject)

    def _next(self, kind: str) -> OnnxNode:
        node = next(self._nodes, None)
        if node is None or node.kind != kind:
            found = "the end" if node is None else node.kind
            raise WeightsError(f"not SFace: expected {kind}, found {found}", subject=self._weights.subject)
        return node

    def _parameter(self, node: OnnxNode, position: int, shape: tuple[int, ...]) -> nn.Parameter:
        return nn.Parameter(torch.from_numpy(self._weights.floats(node.inputs[position], shape)))
