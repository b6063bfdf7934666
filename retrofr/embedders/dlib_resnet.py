"""dlib-resnet: dlib's face descriptor; 128 dimensions, compared by Euclidean distance without normalising."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retrofr.embedders._running import Run, embed_chips
from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device
from retrofr.settings import StageSettings, setting
from retrofr.weights import WeightsFile

if TYPE_CHECKING:
    from torch import nn

DLIB_RESNET_WEIGHTS = WeightsFile(
    name="dlib-resnet",
    file_name="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    size_bytes=22_466_066,
    licence="public domain (its author's statement in dlib-models)",
    source="dlib-models, dlib_face_recognition_resnet_model_v1; Davis King, 2017",
    training_data="about 3 million faces of 7,485 people: FaceScrub, VGG-Face and pictures from the web",
    package="face_recognition_models",
    package_path="models/dlib_face_recognition_resnet_model_v1.dat",
)
WEIGHTS = (DLIB_RESNET_WEIGHTS,)

# The mean face of dlib's get_face_chip_details at 150 pixels and padding 0.25. The eyes are the means of its
# points 36-41 and 42-47, the nose is point 30, the mouth corners are 48 and 54. dlib's coordinates have the
# corner of the first pixel at 0, ours its centre.
CHIP = ChipSpec(
    150,
    ((47.049, 46.099), (99.976, 46.099), (73.513, 76.062), (49.915, 102.523), (97.110, 102.523)),
)


@dataclass(frozen=True)
class Settings(StageSettings):
    """How dlib's face descriptor is run."""

    stage: ClassVar[str] = "parts.dlib-resnet"
    mirror: bool = setting(
        True, help="Average each face with its mirror image; twice the work, fewer errors."
    )


SETTINGS = Settings


class DlibResnetScorer:
    """The comparison score is 1 - the Euclidean distance of two vectors: 1 is the same picture.

    dlib's own rule of thumb, a distance of 0.6, is a score of 0.4. Normalising loses accuracy: the vectors of all
    faces share a large part, so different people have cosines up to 0.92.
    """

    name = "dlib-resnet"
    dimensions = 128
    weights = DLIB_RESNET_WEIGHTS

    def compare(self, left: Floats, right: Floats) -> Floats:
        a, b = left.astype(np.float64), right.astype(np.float64)
        squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
        return np.asarray(1 - np.sqrt(np.maximum(squared, 0)), np.float32)

    def index_vectors(self, vectors: Floats) -> Floats:
        return vectors


class DlibResnet(DlibResnetScorer):
    """The net, and how its vectors are compared. Not to be used by two threads at once."""

    chip = CHIP

    def __init__(self, run: Run, settings: Settings) -> None:
        self._run = run
        self.settings = settings

    def embed(self, chips: Pixels) -> Floats:
        return embed_chips(self._run, chips, self.chip.side_pixels, mirror=self.settings.mirror)


def scorer(_settings: Settings) -> DlibResnetScorer:
    """Compare without the net; the settings change nothing about that."""
    return DlibResnetScorer()


def build(settings: Settings, device: Device) -> DlibResnet:
    """Load the net.

    Raises:
        WeightsError: the weights are absent or not what they should be.
    """
    from retrofr.runtime import compile_weights

    side = CHIP.side_pixels
    run = compile_weights(
        DLIB_RESNET_WEIGHTS, _net, device, (2, side, side, 3), dtype=np.uint8, half=True, when_needed=True
    )
    return DlibResnet(run, settings)


def _net(content: bytes) -> nn.Module:
    from retrofr.embedders._dlib_format import read_dlib_network
    from retrofr.embedders._dlib_net import DlibNet

    return DlibNet(read_dlib_network(content, DLIB_RESNET_WEIGHTS.name))
