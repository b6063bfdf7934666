"""facenet-pytorch's P-Net, R-Net and O-Net with its bundled weights, ready to run."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence

import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import nn

from retrofr.detectors._mtcnn_stages import OUTPUT_SIDE, REFINE_SIDE, Nets
from retrofr.errors import WeightsError
from retrofr.runtime import Device, Runner, compile_module
from retrofr.weights import WeightsFile, read_weights


class _FromPixels(nn.Module):
    """Feeds a net with (N, H, W, 3) pixels in 0…255; of its two class scores only that of a face is given."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self.net((pixels.permute(0, 3, 1, 2) - 127.5) * 0.0078125)
        return (*outputs[:-1], outputs[-1][:, 1])


def compile_nets(files: Sequence[WeightsFile], device: Device) -> Nets:
    """The three nets, from the files of P-Net, R-Net and O-Net.

    Raises:
        WeightsError: a file is missing, not what it should be, or does not fit its net.
    """
    proposal, refine, output = (
        _loaded(kind(pretrained=False), file) for kind, file in zip((PNet, RNet, ONet), files, strict=True)
    )
    return Nets(
        _compiled(proposal, device, (1, 96, 96, 3), (1, 2), cpu_batch=1),
        _compiled(refine, device, (2, REFINE_SIDE, REFINE_SIDE, 3), (), cpu_batch=128),
        _compiled(output, device, (2, OUTPUT_SIDE, OUTPUT_SIDE, 3), (), cpu_batch=64),
    )


def _loaded(net: nn.Module, file: WeightsFile) -> nn.Module:
    try:
        state = torch.load(io.BytesIO(read_weights(file)), map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
        raise WeightsError(f"does not fit its net ({error})", subject=file.name) from error
    return _FromPixels(net).eval()


def _compiled(
    net: nn.Module, device: Device, shape: tuple[int, ...], dynamic: tuple[int, ...], cpu_batch: int
) -> Runner:
    return compile_module(net, device, shape, dynamic=dynamic, cpu_batch=cpu_batch, gpu_batch=512)
