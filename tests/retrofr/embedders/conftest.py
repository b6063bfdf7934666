"""Chips of real faces for parity tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from retrofr import registry
from retrofr.alignment import cut_chips
from retrofr.embedders.base import ChipSpec
from retrofr.records import Floats, Pixels
from retrofr.runtime import resolve_device


@pytest.fixture(scope="session")
def real_faces(shared_data: Path) -> list[tuple[Pixels, Floats]]:
    """Photos with the landmarks of the best face of each."""
    module = registry.load("detectors", "yunet")
    detector = module.build(module.SETTINGS(), resolve_device("cpu"))
    photos = []
    for path in sorted((shared_data / "faces").glob("*/*.jpg"))[::40]:
        image = np.ascontiguousarray(np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1])
        found = detector.detect([image])[0]
        if len(found):
            photos.append((image, found.landmarks[:1]))
    assert len(photos) >= 12
    return photos


@pytest.fixture(scope="session")
def real_chips(real_faces: list[tuple[Pixels, Floats]]) -> Callable[[ChipSpec], Pixels]:
    """Cut chips of real faces for an embedder; a black, a white and a noisy chip come with them."""

    def cut(spec: ChipSpec) -> Pixels:
        chips = [cut_chips(image, landmarks, spec) for image, landmarks in real_faces]
        side = spec.side_pixels
        odd = np.zeros((3, side, side, 3), np.uint8)
        odd[1] = 255
        odd[2] = np.random.default_rng(0).integers(0, 256, odd[2].shape)
        return np.concatenate([*chips, odd])

    return cut
