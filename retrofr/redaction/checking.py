"""Looks once more for faces, in the very picture that is written, and more sensitively than the search did.

A search takes faces that it can compare; who is hidden is also who cannot be compared by a search and might be known
by people. So the same detector is asked for smaller and less certain faces. What it takes for a face and is none is
hidden as well: that costs a patch of background.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from retrofr import registry
from retrofr.detectors.base import Detector
from retrofr.records import Floats, Pixels
from retrofr.redaction.geometry import SAME_OVERLAP, are_same
from retrofr.runtime import Device
from retrofr.settings import Settings, StageSettings

SCORE_SHARE = 0.5
"""A face is hidden from this share of the detection score on from which the search takes it for one."""

SMALLEST_FACE_PIXELS = 12
"""A face of this side has its eyes about 5 px apart; nobody tells anybody from that."""


@dataclass(frozen=True)
class HowChecked:
    """How pictures were looked through: by which detector, from which detection score on, from which size on.

    ``score`` and ``smallest_face_pixels`` are None where the detector has no such setting and went by its own.
    """

    detector: str
    score: float | None
    smallest_face_pixels: int | None

    def describe(self) -> str:
        """One sentence for people, without a full stop."""
        least = []
        if self.score is not None:
            least.append(f"at detection score >= {self.score:g}")
        if self.smallest_face_pixels is not None:
            least.append(f"from {self.smallest_face_pixels} px on")
        limits = " ".join(least) or "as far as the detector goes"
        return f"checked: every found face but the candidate's hidden {limits} ({self.detector})"


class PictureCheck:
    """Finds whom to hide in pictures. For one thread at a time.

    Args:
        load: makes the detector; called when the first picture is looked at.
        how: what it goes by.
    """

    def __init__(self, load: Callable[[], Detector], how: HowChecked) -> None:
        self._load = load
        self.how = how

    @cached_property
    def detector(self) -> Detector:
        """Ready to use.

        Raises:
            ModelError: it cannot be used; then nothing can be checked, and nothing may be shown.
        """
        return self._load()

    def others(self, image: Pixels, shown: Floats, found: Floats) -> Floats:
        """Boxes (K, 4) of everybody else's faces in a picture (H, W, 3) uint8 RGB.

        Args:
            image: as it will be written, with nothing hidden yet.
            shown: box (4,) of the candidate's face.
            found: boxes (F, 4) of the faces that were found in it before, the candidate's not among them.

        Raises:
            ModelError: the detector cannot be used, or the device ran out of memory.
        """
        (again,) = self.detector.detect([image])
        return merged(found, again.boxes[~are_same(again.boxes, shown)])


def merged(boxes: Floats, more: Floats) -> Floats:
    """Boxes (A, 4) and those of (B, 4) that are none of them found again."""
    new = [box for box in more if not any(_overlap(box, known) > SAME_OVERLAP for known in boxes)]
    return np.concatenate([boxes.reshape(-1, 4), np.reshape(new, (-1, 4))]).astype(np.float32)


def picture_check(settings: Settings, device: Callable[[], Device]) -> PictureCheck:
    """The check of pictures that a search with these settings makes.

    Args:
        settings: of the search.
        device: what the detector runs on; asked when it is needed.

    Raises:
        UsageError, ModelError, SettingsError: the detector is unknown, or cannot be loaded.
    """
    name = settings.detect.detector
    part, chosen = registry.load_with_settings("detectors", name, settings.parts)
    lower = sensitive(chosen)
    how = HowChecked(name, getattr(lower, "score_threshold", None), getattr(lower, "min_face_pixels", None))
    return PictureCheck(lambda: part.build(lower, device()), how)


def sensitive(chosen: StageSettings) -> StageSettings:
    """A detector's settings for hiding faces, from those for searching them; what it does not have stays away."""
    changed: dict[str, Any] = {}
    for spec in dataclasses.fields(chosen):
        value, bounds = getattr(chosen, spec.name), spec.metadata.get("bounds")
        lowest = -math.inf if bounds is None else bounds[0]
        if spec.name == "score_threshold":
            changed[spec.name] = max(lowest, SCORE_SHARE * value)
        elif spec.name == "min_face_pixels":
            changed[spec.name] = min(value, max(lowest, SMALLEST_FACE_PIXELS))
    return dataclasses.replace(chosen, **changed)


def _overlap(one: Floats, other: Floats) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    both = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / both if both > 0 else 0.0
