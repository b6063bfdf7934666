"""MTCNN's output net as a finder of landmarks in pictures of one face each.

Built here, without facenet-pytorch: importing that package loads torchvision, which takes seconds.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict

import torch
from torch import Tensor, nn

from retrofr.errors import WeightsError


class LandmarkNet(nn.Module):
    """(N, 48, 48, 3) uint8 RGB to (N, 10): five x, then five y, as fractions of the side.

    The layers carry the names they have in facenet-pytorch's file; its outputs for score and box are not built.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 32, 3),
                prelu1=nn.PReLU(32),
                pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
                conv2=nn.Conv2d(32, 64, 3),
                prelu2=nn.PReLU(64),
                pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
                conv3=nn.Conv2d(64, 64, 3),
                prelu3=nn.PReLU(64),
                pool3=nn.MaxPool2d(2, 2, ceil_mode=True),
                conv4=nn.Conv2d(64, 128, 2),
                prelu4=nn.PReLU(128),
            )
        )
        self.points = nn.Sequential(
            OrderedDict(dense5=nn.Linear(1152, 256), prelu5=nn.PReLU(256), dense6_3=nn.Linear(256, 10))
        )

    def load(self, state: dict[str, Tensor]) -> None:
        """Take the weights from facenet-pytorch's names; those of the other outputs are left."""
        self.features.load_state_dict(
            {n: w for n, w in state.items() if n.startswith(("conv", "prelu")) and "5" not in n}
        )
        self.points.load_state_dict(
            {n: w for n, w in state.items() if n.startswith(("dense5", "prelu5", "dense6_3"))}
        )

    def forward(self, faces: Tensor) -> Tensor:
        x = self.features((faces.permute(0, 3, 1, 2).float() - 127.5) * 0.0078125)
        # The weights were converted from a net that lays pictures out column by column.
        out: Tensor = self.points(x.permute(0, 3, 2, 1).flatten(1))
        return out


def read_landmark_net(content: bytes, subject: str) -> LandmarkNet:
    """Build the net from MTCNN's weights of it.

    Raises:
        WeightsError: the bytes do not fit the net.
    """
    net = LandmarkNet()
    try:
        net.load(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
        raise WeightsError(f"does not fit its net ({error})", subject=subject) from error
    return net
