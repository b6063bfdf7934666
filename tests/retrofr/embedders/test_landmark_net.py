"""The landmark net gives what facenet-pytorch's output net gives."""

from __future__ import annotations

import io

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet

from retrofr.embedders._landmarks import build_landmark_net
from retrofr.runtime import resolve_device
from retrofr.scoring import LANDMARK_WEIGHTS
from retrofr.weights import read_weights


def test_it_gives_what_facenet_pytorch_gives() -> None:
    theirs = ONet(pretrained=False).eval()
    theirs.load_state_dict(torch.load(io.BytesIO(read_weights(LANDMARK_WEIGHTS)), weights_only=True))
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 3), np.uint8)
    with torch.inference_mode():
        expected = theirs((torch.from_numpy(faces).permute(0, 3, 1, 2).float() - 127.5) * 0.0078125)[
            1
        ].numpy()
    ours = build_landmark_net(LANDMARK_WEIGHTS, resolve_device("cpu"), 48)(faces)
    np.testing.assert_allclose(ours[:, :, 0], expected[:, :5], atol=1e-5)
    np.testing.assert_allclose(ours[:, :, 1], expected[:, 5:], atol=1e-5)
