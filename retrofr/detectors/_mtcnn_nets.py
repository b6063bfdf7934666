"""facenet-pytorch's P-Net, R-Net and O-Net with its bundled weights."""

from __future__ import annotations

import io
import pickle

import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import nn

from retrofr.errors import WeightsError


class _FromPixels(nn.Module):
    """Feeds a net with (N, H, W, 3) pixels in 0…255; of its two class scores only that of a face is given."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self.net((pixels.permute(0, 3, 1, 2) - 127.5) * 0.0078125)
        return (*outputs[:-1], outputs[-1][:, 1])


def read_net(number: int, content: bytes, subject: str) -> nn.Module:
    """P-Net (0), R-Net (1) or O-Net (2) with the weights of its file.

    Raises:
        WeightsError: the bytes do not fit the net.
    """
    net = (PNet, RNet, ONet)[number](pretrained=False)
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
        raise WeightsError(f"does not fit its net ({error})", subject=subject) from error
    return _FromPixels(net).eval()
