"""The YuNet net in torch, with the weights of OpenCV Zoo's ONNX file.

Source: Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023; layout as in the file of March 2023.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from retrofr.errors import WeightsError
from retrofr.onnx_weights import OnnxNode, OnnxWeights

STRIDES = (8, 16, 32)
WIDTH = 64
# The file has four heads a level, of 1, 1, 4 and 10 channels; each is a 1×1 and a depthwise 3×3 convolution, so
# that they can be laid side by side as one. The file's order of heads is class, box, objectness, landmarks.
HEAD_CHANNELS = {"class": 1, "box": 4, "objectness": 1, "landmarks": 10}


class _Unit(nn.Module):
    """1×1 convolution, depthwise 3×3 convolution, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, relu: bool = True) -> None:
        super().__init__()
        self.point = nn.Conv2d(inputs, outputs, 1)
        self.depth = nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs)
        self.relu = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.depth(self.point(x))
        return functional.relu(y) if self.relu else y


class YuNet(nn.Module):
    """Takes (N, H, W, 3) uint8 RGB with sides that are multiples of 32.

    Gives, per stride 8, 16 and 32, scores (N, H/s, W/s) in 0…1 and geometry (N, 14, H/s, W/s): dx, dy, log w,
    log h and five landmarks (x, y), all in units of the stride and relative to the cell's corner.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.stem_unit = _Unit(16, 16)
        self.stages = nn.ModuleList(
            nn.Sequential(_Unit(i, m), _Unit(m, o))
            for i, m, o in [(16, 16, 32), (32, 32, 64), (64, 64, 64), (64, 64, 64), (64, 64, 64)]
        )
        self.laterals = nn.ModuleList(_Unit(WIDTH, WIDTH) for _ in STRIDES)
        self.heads = nn.ModuleList(_Unit(WIDTH, sum(HEAD_CHANNELS.values()), relu=False) for _ in STRIDES)

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = functional.relu(self.stem(frames.permute(0, 3, 1, 2).float()))
        x = functional.max_pool2d(self.stem_unit(x), 2)
        x = functional.max_pool2d(self.stages[1](self.stages[0](x)), 2)
        eighth = self.stages[2](x)
        sixteenth = self.stages[3](functional.max_pool2d(eighth, 2))
        level = self.laterals[2](self.stages[4](functional.max_pool2d(sixteenth, 2)))
        levels = [level]
        for lateral, finer in ((self.laterals[1], sixteenth), (self.laterals[0], eighth)):
            level = lateral(finer + functional.interpolate(level, scale_factor=2.0, mode="nearest"))
            levels.insert(0, level)
        outputs: list[torch.Tensor] = []
        for head, features in zip(self.heads, levels, strict=True):
            y = head(features)
            outputs += [torch.sqrt(torch.sigmoid(y[:, 0]) * torch.sigmoid(y[:, 1])), y[:, 2:]]
        return tuple(outputs)


def load_yunet(weights: OnnxWeights) -> YuNet:
    """Build the net with the weights of the file.

    Raises:
        WeightsError: the file's convolutions are not those of YuNet.
    """
    net = YuNet()
    convolutions = [node for node in weights.nodes if node.kind == "Conv"]
    body = [net.stem, *_convolutions([net.stem_unit, *net.stages, *reversed(net.laterals)])]
    expected = len(body) + 2 * len(STRIDES) * len(HEAD_CHANNELS)
    if len(convolutions) != expected:
        raise WeightsError(
            f"expected YuNet's {expected} convolutions, found {len(convolutions)}", subject=weights.subject
        )
    for convolution, node in zip(body, convolutions, strict=False):
        _fill(convolution, slice(None), node, weights)
    # The file wants BGR; frames are RGB.
    net.stem.weight.data = net.stem.weight.data.flip(1)
    remaining = iter(convolutions[len(body) :])
    for name, count in HEAD_CHANNELS.items():
        first = {"class": 0, "objectness": 1, "box": 2, "landmarks": 6}[name]
        for head in net.heads:
            for convolution in _convolutions([head]):
                _fill(convolution, slice(first, first + count), next(remaining), weights)
    return net.eval()


def _convolutions(modules: list[nn.Module]) -> list[nn.Conv2d]:
    return [part for module in modules for part in module.modules() if isinstance(part, nn.Conv2d)]


def _fill(convolution: nn.Conv2d, rows: slice, node: OnnxNode, weights: OnnxWeights) -> None:
    """Put a node's weights into some of the output channels of a convolution."""
    target = convolution.weight.data[rows]
    stride, pad = convolution.stride[0], int(convolution.padding[0])
    depthwise = convolution.groups > 1
    wanted = {"strides": [stride] * 2, "pads": [pad] * 4, "group": len(target) if depthwise else 1}
    found = {name: node.attributes.get(name) for name in wanted}
    if found != wanted or len(node.inputs) != 3:
        raise WeightsError(
            f"convolution {node.outputs[0]} is {found}, expected {wanted}", subject=weights.subject
        )
    assert convolution.bias is not None
    target.copy_(torch.tensor(weights.floats(node.inputs[1], tuple(target.shape))))
    convolution.bias.data[rows] = torch.tensor(weights.floats(node.inputs[2], (len(target),)))
