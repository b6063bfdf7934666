"""Ways of cutting a face: which landmarks, how large, how turned, how lit; and the vectors that each gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from _photos import BATCH, EMBEDDER, Found, Ready, pictures

from retrofr.alignment import LANDMARK_NET_SIDE, LandmarkNet, cut_chips, refine_landmarks
from retrofr.comparison import build_comparison
from retrofr.embedders._landmarks import build_landmark_net
from retrofr.embedders.base import ChipSpec
from retrofr.evaluation.material import PhotoMaterial
from retrofr.records import Floats, Pixels
from retrofr.scoring import LANDMARK_WEIGHTS

PARTS = tuple(EMBEDDER.split("+"))


@dataclass(frozen=True)
class ChipWay:
    """How a face is cut: landmarks ``refined``, ``detected``, ``between`` the two or refined after turning the face
    ``upright``; the face so many times as large in its chip; turned by so many degrees; pixels changed first."""

    landmarks: str = "refined"
    size: float = 1.0
    turn: float = 0.0
    change: Callable[[Pixels], Pixels] | None = None


def equalised(image: Pixels) -> Pixels:
    """Local contrast brought up (CLAHE, limit 2, 8 by 8 tiles), colour kept."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


WAYS: Mapping[str, ChipWay] = {
    "default": ChipWay(),
    "detected": ChipWay("detected"),
    "between": ChipWay("between"),
    "upright": ChipWay("upright"),
    "larger": ChipWay(size=1.05),
    "smaller": ChipWay(size=0.95),
    "tilted": ChipWay(turn=6.0),
    "equalised": ChipWay(change=equalised),
}


@dataclass(frozen=True, eq=False)
class Vectors:
    """What the two nets give for every photo (n, D): of the face as it is, and of its mirror image."""

    plain: Mapping[str, Floats]
    mirrored: Mapping[str, Floats]

    @property
    def mean(self) -> dict[str, Floats]:
        """Of each part the mean of both, as the default is."""
        return {part: (self.plain[part] + self.mirrored[part]) / np.float32(2) for part in PARTS}


@dataclass
class _Gathered:
    chips: list[Pixels] = field(default_factory=list)
    plain: list[Floats] = field(default_factory=list)
    mirrored: list[Floats] = field(default_factory=list)


def all_vectors(material: PhotoMaterial, nets: Ready, found: Found) -> dict[str, Vectors]:
    """Embed every photo in every way; a photo without a face has vectors that are not numbers."""
    unmirrored = {part: {"mirror": False} for part in PARTS}
    embedders = build_comparison(EMBEDDER, unmirrored, nets.device).embedders
    net = build_landmark_net(LANDMARK_WEIGHTS, nets.device, LANDMARK_NET_SIDE)
    store = {(way, part.name): _Gathered() for way in WAYS for part in embedders}
    count = len(material.photos)
    for number, image in enumerate(pictures(material)):
        points = _landmarks(image, found.landmarks[number], net)
        for way, how in WAYS.items():
            changed = image if how.change is None else how.change(image)
            for part in embedders:
                chip = cut_chips(changed, points[how.landmarks][None], _spec(part.chip, how))[0]
                store[way, part.name].chips.append(chip)
        if (number + 1) % BATCH == 0 or number == count - 1:
            for (_, name), own in store.items():
                part = next(each for each in embedders if each.name == name)
                chips = np.stack(own.chips)
                own.plain.append(part.embed(chips))
                own.mirrored.append(part.embed(np.ascontiguousarray(chips[:, :, ::-1])))
                own.chips.clear()
    return {
        way: Vectors(
            {part: np.concatenate(store[way, part].plain) for part in PARTS},
            {part: np.concatenate(store[way, part].mirrored) for part in PARTS},
        )
        for way in WAYS
    }


def _landmarks(image: Pixels, detected: Floats, net: LandmarkNet) -> dict[str, Floats]:
    refined = refine_landmarks(image, detected[None], net)[0]
    return {
        "detected": detected,
        "refined": refined,
        "between": (detected + refined) / np.float32(2),
        "upright": _upright(image, detected, net),
    }


def _upright(image: Pixels, detected: Floats, net: LandmarkNet) -> Floats:
    """Landmarks found in the picture turned so that the detected eyes are level, brought back."""
    eyes = detected[1] - detected[0]
    middle = detected.mean(axis=0)
    degrees = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    there = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), degrees, 1.0)
    turned = cv2.warpAffine(image, there, image.shape[1::-1])
    points = refine_landmarks(
        np.asarray(turned, np.uint8), (detected @ there[:, :2].T + there[:, 2])[None].astype(np.float32), net
    )[0]
    back = cv2.invertAffineTransform(there)
    return np.asarray(points @ back[:, :2].T + back[:, 2], np.float32)


def _spec(chip: ChipSpec, how: ChipWay) -> ChipSpec:
    """The chip with its face larger or turned about its middle."""
    middle = (chip.side_pixels - 1) / 2
    angle = np.radians(how.turn)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = how.size * (chip.points - middle) @ turn.T + middle
    return ChipSpec(chip.side_pixels, tuple((float(x), float(y)) for x, y in points))
