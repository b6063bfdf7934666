"""facenet-pytorch's InceptionResnetV1, filled from checked bytes; the package's own downloader is never used."""

from __future__ import annotations

import io
import pickle

import torch
from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1
from torch import Tensor, nn

from retrofr.errors import WeightsError


class FaceNetNet(nn.Module):
    """Chips (N, 160, 160, 3) uint8 RGB to embeddings (N, 512) of length 1."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.net = InceptionResnetV1()
        self.net.load_state_dict(state)

    def forward(self, chips: Tensor) -> Tensor:
        out: Tensor = self.net((chips.permute(0, 3, 1, 2).float() - 127.5) / 128.0)
        return out


def read_facenet(content: bytes, subject: str) -> FaceNetNet:
    """Build the net from a file of torch weights.

    Raises:
        WeightsError: the bytes are not weights of this net.
    """
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        # The last layer told the people of the training data apart; it is not needed for comparing.
        kept = {name: value for name, value in state.items() if not name.startswith("logits.")}
        return FaceNetNet(kept)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, AttributeError, ValueError) as error:
        cause = str(error).strip().split("\n")[0]
        raise WeightsError(
            f"does not hold the weights of InceptionResnetV1 ({cause})", subject=subject
        ) from error
