"""MTCNN: three nets in a row over a pyramid of sizes, with facenet-pytorch's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from retrofr.detectors.base import Detector
from retrofr.settings import StageSettings, setting
from retrofr.weights import WeightsFile

if TYPE_CHECKING:
    from torch import nn

    from retrofr.detectors._mtcnn_stages import Stages
    from retrofr.records import Detections, Pixels
    from retrofr.runtime import Device, Runner


def _weights(net: str, sha256: str, size_bytes: int) -> WeightsFile:
    return WeightsFile(
        name=f"mtcnn-{net}",
        file_name=f"{net}.pt",
        sha256=sha256,
        size_bytes=size_bytes,
        licence="MIT",
        source="facenet-pytorch, from D. Sandberg's facenet; Zhang et al., 2016",
        training_data="WIDER FACE, CelebA",
        package="facenet_pytorch",
        package_path=f"data/{net}.pt",
    )


WEIGHTS: tuple[WeightsFile, ...] = (
    _weights("pnet", "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f", 28_570),
    _weights("rnet", "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86", 403_147),
    _weights("onet", "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d", 1_559_269),
)


@dataclass(frozen=True)
class MtcnnSettings(StageSettings):
    """How MTCNN looks for faces. Its defaults but for the smallest face are those of facenet-pytorch."""

    stage: ClassVar[str] = "parts.mtcnn"
    min_face_pixels: int = setting(
        24, unit="px", bounds=(12, 1024), help="Smallest face looked for, in pixels of the frame."
    )
    pyramid_factor: float = setting(
        0.709, bounds=(0.3, 0.9), help="Each level of the pyramid is this much smaller than the last."
    )
    proposal_threshold: float = setting(0.6, bounds=(0.1, 0.99), help="Lowest score in the first net.")
    refine_threshold: float = setting(0.7, bounds=(0.1, 0.99), help="Lowest score in the second net.")
    score_threshold: float = setting(
        0.7, bounds=(0.1, 0.999), help="Lowest detection score of a face, in the last net."
    )


SETTINGS = MtcnnSettings


def build(settings: MtcnnSettings, device: Device) -> Detector:
    """Make the detector ready.

    Raises:
        WeightsError: the weights are missing or not what they should be.
        ModelError: the nets cannot run on the device.
    """
    from retrofr.detectors._mtcnn_stages import OUTPUT_SIDE, REFINE_SIDE, Nets, Stages

    nets = Nets(
        _compiled(0, device, (1, 96, 96, 3), (1, 2), cpu_batch=1),
        _compiled(1, device, (2, REFINE_SIDE, REFINE_SIDE, 3), (), cpu_batch=128),
        _compiled(2, device, (2, OUTPUT_SIDE, OUTPUT_SIDE, 3), (), cpu_batch=64),
    )
    return MtcnnDetector(Stages(nets, settings))


def _compiled(
    number: int, device: Device, shape: tuple[int, ...], dynamic: tuple[int, ...], cpu_batch: int
) -> Runner:
    from retrofr.runtime import compile_weights

    make = partial(_net, number)
    return compile_weights(
        WEIGHTS[number], make, device, shape, dynamic=dynamic, cpu_batch=cpu_batch, gpu_batch=512
    )


def _net(number: int, content: bytes) -> nn.Module:
    from retrofr.detectors._mtcnn_nets import read_net

    return read_net(number, content, WEIGHTS[number].name)


class MtcnnDetector:
    """Finds faces with MTCNN. Not to be used by two threads at once."""

    name = "mtcnn"
    weights = WEIGHTS

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        """As :meth:`retrofr.detectors.base.Detector.detect` says."""
        return self._stages.detect(frames)
