"""FaceNet: facenet-pytorch's InceptionResnetV1; 512 dimensions, compared by cosine; weights are downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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

_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9"
_SOURCE = "facenet-pytorch 2.2.9, converted from David Sandberg's facenet; Schroff et al., FaceNet, 2015"

VGGFACE2_WEIGHTS = WeightsFile(
    name="facenet-vggface2",
    file_name="20180402-114759-vggface2.pt",
    sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
    size_bytes=111_898_327,
    licence="MIT (the code; VGGFace2 itself is for research only)",
    source=_SOURCE,
    training_data="VGGFace2: 3.3 million pictures of 9,131 people",
    url=f"{_RELEASE}/20180402-114759-vggface2.pt",
)
CASIA_WEIGHTS = WeightsFile(
    name="facenet-casia-webface",
    file_name="20180408-102900-casia-webface.pt",
    sha256=None,
    size_bytes=None,
    licence="MIT (the code; CASIA-WebFace itself is for research only)",
    source=_SOURCE,
    training_data="CASIA-WebFace: 0.49 million pictures of 10,575 people",
    url=f"{_RELEASE}/20180408-102900-casia-webface.pt",
)
WEIGHTS = (VGGFACE2_WEIGHTS, CASIA_WEIGHTS)
_BY_SETTING = {"vggface2": VGGFACE2_WEIGHTS, "casia-webface": CASIA_WEIGHTS}

# The net was trained on MTCNN's boxes stretched to a square, without landmarks. These are the mean places of
# MTCNN's landmarks in its boxes over 640 photos of 80 people, made symmetrical; chips keep the face's proportions.
CHIP = ChipSpec(
    160,
    ((42.56, 63.21), (117.44, 63.21), (80.0, 96.91), (46.99, 120.66), (113.01, 120.66)),
)


@dataclass(frozen=True)
class Settings(StageSettings):
    """Which FaceNet is run, and how."""

    stage: ClassVar[str] = "parts.facenet"
    weights: str = setting(
        "vggface2", choices=("vggface2", "casia-webface"), help="Which pictures the net was trained on."
    )
    mirror: bool = setting(False, help="Average each face with its mirror image; twice the work.")


SETTINGS = Settings


class FaceNetScorer:
    """The comparison score is the cosine of the angle between two vectors, from -1 to 1."""

    name = "facenet"
    dimensions = 512

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.weights = _BY_SETTING[settings.weights]

    def compare(self, left: Floats, right: Floats) -> Floats:
        return cosine(left, right)

    def index_vectors(self, vectors: Floats) -> Floats:
        """Vectors of length 1: the cosine is 1 - distance² / 2."""
        return unit_length(vectors).astype(np.float32)


class FaceNet(FaceNetScorer):
    """The net, and how its vectors are compared. Not to be used by two threads at once."""

    chip = CHIP

    def __init__(self, run: Run, settings: Settings) -> None:
        super().__init__(settings)
        self._run = run

    def embed(self, chips: Pixels) -> Floats:
        return embed_chips(self._run, chips, self.chip.side_pixels, mirror=self.settings.mirror)


def scorer(settings: Settings) -> FaceNetScorer:
    """Compare without the net; the settings say whose vectors they are."""
    return FaceNetScorer(settings)


def build(settings: Settings, device: Device) -> FaceNet:
    """Load the net.

    Raises:
        WeightsError: the weights were not downloaded yet (``retrofr models pull``) or are not what they should be.
    """
    from retrofr.runtime import compile_weights

    file = _BY_SETTING[settings.weights]
    side = CHIP.side_pixels
    made = partial(_net, file.name)
    run = compile_weights(file, made, device, (2, side, side, 3), dtype=np.uint8, when_needed=True)
    return FaceNet(run, settings)


def _net(name: str, content: bytes) -> nn.Module:
    from retrofr.embedders._facenet_net import read_facenet

    return read_facenet(content, name)
