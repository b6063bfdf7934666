"""dlib's face descriptor network in torch: a residual network of 29 convolutions with 128 outputs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrofr.embedders._dlib_format import DOWN_BLOCKS, Convolution, DlibNetwork


class DlibNet(nn.Module):
    """Chips (N, S, S, 3) uint8 RGB to descriptors (N, 128), not normalised."""

    mean: Tensor

    def __init__(self, network: DlibNetwork) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(network.mean_rgb).reshape(1, 3, 1, 1))
        layers = iter(network.convolutions)
        self.first = _convolution(next(layers))
        side = _pooled(_after(network.side_pixels, self.first), kernel=3)
        blocks: list[nn.Module] = []
        for down in DOWN_BLOCKS:
            blocks.append(_DownBlock(layers, side) if down else _Block(layers))
            side = side // 2 if down else side
        self.blocks = nn.Sequential(*blocks)
        self.descriptor = nn.Linear(256, 128, bias=False)
        self.descriptor.weight = nn.Parameter(torch.from_numpy(network.descriptor))

    def forward(self, chips: Tensor) -> Tensor:
        x = (chips.permute(0, 3, 1, 2).float() - self.mean) / 256.0
        x = functional.max_pool2d(functional.relu(self.first(x)), 3, 2)
        x = self.blocks(x)
        out: Tensor = self.descriptor(x.mean(dim=(2, 3)))
        return out


class _Block(nn.Module):
    def __init__(self, layers: Iterator[Convolution]) -> None:
        super().__init__()
        self.one = _convolution(next(layers))
        self.two = _convolution(next(layers))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.two(functional.relu(self.one(x))) + x)


class _DownBlock(nn.Module):
    """Halves the picture. dlib adds branches of unequal size by zeros at the end of each axis."""

    def __init__(self, layers: Iterator[Convolution], side: int) -> None:
        super().__init__()
        self.one = _convolution(next(layers))
        self.two = _convolution(next(layers))
        self.short_by = side // 2 - _after(side, self.one)
        self.new_channels = self.two.out_channels - self.one.in_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(functional.relu(self.one(x)))
        y = functional.pad(y, (0, self.short_by, 0, self.short_by))
        skip = functional.pad(functional.avg_pool2d(x, 2, 2), (0, 0, 0, 0, 0, self.new_channels))
        return functional.relu(y + skip)


def _convolution(layer: Convolution) -> nn.Conv2d:
    outputs, inputs, height, _ = layer.filters.shape
    conv = nn.Conv2d(inputs, outputs, height, stride=layer.stride, padding=layer.padding)
    conv.weight = nn.Parameter(torch.from_numpy(layer.filters))
    conv.bias = nn.Parameter(torch.from_numpy(layer.bias))
    return conv


def _after(side: int, conv: nn.Conv2d) -> int:
    kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
    assert isinstance(padding, int)
    return (side + 2 * padding - kernel) // stride + 1


def _pooled(side: int, kernel: int) -> int:
    return (side - kernel) // 2 + 1
