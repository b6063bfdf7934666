"""Compares faces with one embedder, or with several whose scores are fused.

How scores are fused: each part's likeness is minus the squared Euclidean distance of its index vectors (for the
cosine that is 2 cos - 2). It is counted in standard deviations above the mean of pairs of different people, and
the parts' values are averaged. So a fused score of 0 is what two different people get on average, and the weighted
index vectors side by side order faces exactly as the fused score does. Means, deviations and default thresholds
are in ``data/comparison.toml``, each with the data and the command it came from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr import registry
from retrofr.alignment import LANDMARK_NET_SIDE, LandmarkNet, cut_chips, refine_landmarks
from retrofr.detectors.mtcnn import WEIGHTS as MTCNN_WEIGHTS
from retrofr.embedders.base import Embedder
from retrofr.errors import UsageError
from retrofr.records import Floats, Pixels
from retrofr.runtime import Device
from retrofr.settings import StageSettings
from retrofr.weights import expected_digest, find_weights

LANDMARK_WEIGHTS = next(file for file in MTCNN_WEIGHTS if file.name == "mtcnn-onet")

FaceChips = tuple[Pixels, ...]
"""The chips of one face, one for each embedder of a comparison: (S, S, 3) uint8 RGB."""


@dataclass(frozen=True)
class NonMated:
    """Mean and standard deviation of a part's likeness over pairs of different people, and where measured."""

    mean: float
    deviation: float
    source: str


class Comparison:
    """One embedder, or several fused by score.

    Args:
        embedders: at least one; their templates lie side by side in this order.
        settings: of each embedder; the default threshold holds only for default settings.
        spreads: of each embedder, needed only for fusing.
        landmark_net: finds each face's landmarks once more before chips are cut; None leaves them as detected.
    """

    def __init__(
        self,
        embedders: Sequence[Embedder],
        settings: Sequence[StageSettings],
        spreads: Sequence[NonMated] = (),
        landmark_net: LandmarkNet | None = None,
    ) -> None:
        self.embedders = tuple(embedders)
        self.name = "+".join(part.name for part in self.embedders)
        self.dimensions = sum(part.dimensions for part in self.embedders)
        self._settings = tuple(settings)
        self._spreads = tuple(spreads)
        self._landmark_net = landmark_net
        if len(self.embedders) > 1 and len(self._spreads) != len(self.embedders):
            raise ValueError(f"{len(self.embedders)} embedders to fuse and {len(self._spreads)} spreads")
        self.default_threshold, self.threshold_source = _default_threshold(
            self.embedders, self._settings, refined=landmark_net is not None
        )

    def cut(self, image: Pixels, landmarks: Floats) -> list[FaceChips]:
        """Cut the chips of each face: image (H, W, 3) uint8 RGB, landmarks (K, 5, 2) in its pixels."""
        if self._landmark_net is not None:
            landmarks = refine_landmarks(image, landmarks, self._landmark_net)
        parts = [cut_chips(image, landmarks, part.chip) for part in self.embedders]
        return list(zip(*parts, strict=True))

    def templates(self, faces: Sequence[FaceChips]) -> Floats:
        """Embed faces: (N, D) float32, the embedders' vectors side by side."""
        vectors = []
        for number, part in enumerate(self.embedders):
            side = part.chip.side_pixels
            chips = [face[number] for face in faces]
            vectors.append(part.embed(np.stack(chips) if chips else np.zeros((0, side, side, 3), np.uint8)))
        return np.concatenate(vectors, axis=1)

    def compare(self, probes: Floats, templates: Floats) -> Floats:
        """Comparison scores (P, M) float32 of (P, D) against (M, D); higher is more alike.

        A single embedder's own score, or the fused score the module describes.
        """
        if len(self.embedders) == 1:
            return self.embedders[0].compare(probes, templates)
        left, right = self._weighted(probes), self._weighted(templates)
        squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
        # np.maximum: rounding may leave a tiny negative distance of a face to itself.
        return np.asarray(self._score_of_the_same - np.maximum(squared, 0), np.float32)

    def index_vectors(self, templates: Floats) -> Floats:
        """Vectors (N, E) whose Euclidean distance orders as the score does, for the nearest-neighbour index."""
        if len(self.embedders) == 1:
            return self.embedders[0].index_vectors(templates)
        return self._weighted(templates).astype(np.float32)

    def identity(self) -> dict[str, object]:
        """What a run records of it: embedders, weights' digests, settings and formula."""
        fused = len(self.embedders) > 1
        formula = _FUSED_FORMULA if fused else (self.embedders[0].__doc__ or "").strip().split("\n")[0]
        parts = []
        for number, (part, settings) in enumerate(zip(self.embedders, self._settings, strict=True)):
            spread = self._spreads[number] if fused else None
            parts.append(
                {
                    "name": part.name,
                    "dimensions": part.dimensions,
                    "weights": part.weights.name,
                    "weights_sha256": _digest(part),
                    "settings": settings.as_dict(),
                    "non_mated": None
                    if spread is None
                    else {"mean": spread.mean, "deviation": spread.deviation},
                }
            )
        net = None
        if self._landmark_net is not None:
            net = {"weights": LANDMARK_WEIGHTS.name, "weights_sha256": LANDMARK_WEIGHTS.sha256}
        return {"name": self.name, "formula": formula, "landmark_net": net, "parts": parts}

    @property
    def _score_of_the_same(self) -> float:
        """The fused score of two equal templates."""
        return -sum(spread.mean / spread.deviation for spread in self._spreads) / len(self._spreads)

    def _weighted(self, templates: Floats) -> npt.NDArray[np.float64]:
        """Index vectors of the parts, weighted so that the squared distance is a part's share of the score."""
        vectors, start = [], 0
        for part, spread in zip(self.embedders, self._spreads, strict=True):
            columns = templates[:, start : start + part.dimensions]
            weight = 1 / (len(self.embedders) * spread.deviation)
            vectors.append(part.index_vectors(columns).astype(np.float64) * np.sqrt(weight))
            start += part.dimensions
        return np.concatenate(vectors, axis=1)


_FUSED_FORMULA = (
    "mean over the parts of (likeness - mean) / deviation, where likeness is minus the squared Euclidean distance "
    "of the part's index vectors, and mean and deviation are those of pairs of different people"
)


def build_comparison(
    text: str, parts: Mapping[str, Mapping[str, Any]], device: Device, *, refine: bool = True
) -> Comparison:
    """Load the embedders named in ``text``, joined by ``+``.

    Args:
        text: for example ``sface`` or ``sface+dlib-resnet``.
        parts: settings of parts by name, as ``Settings.parts`` holds them.
        device: where the nets run.
        refine: find each face's landmarks once more before chips are cut; the default thresholds hold only with it.

    Raises:
        UsageError: a name is unknown, empty or given twice, or two embedders cannot be fused because the spread
            of their scores was not measured.
        ModelError: an embedder or its weights cannot be used.
    """
    names = [name.strip() for name in text.split("+")]
    chosen = [registry.load_with_settings("embedders", name, parts) for name in names]
    if len(set(names)) != len(names):
        raise UsageError(f"{text!r} names an embedder twice")
    spreads = tuple(_spread(name, text) for name in names) if len(names) > 1 else ()
    settings = [own for _, own in chosen]
    embedders: list[Embedder] = [part.build(own, device) for part, own in chosen]
    return Comparison(embedders, settings, spreads, _landmark_net(device) if refine else None)


def _landmark_net(device: Device) -> LandmarkNet:
    from retrofr.embedders._landmark_net import build_landmark_net

    return build_landmark_net(LANDMARK_WEIGHTS, device, LANDMARK_NET_SIDE)


def _spread(name: str, text: str) -> NonMated:
    measured = _measured()["non_mated"]
    if name not in measured:
        raise UsageError(
            f"{name} cannot be fused: how its scores of different people spread was not measured",
            subject=f"embedder {text}",
            hint=f"these can be fused: {', '.join(measured)}",
        )
    return NonMated(measured[name]["mean"], measured[name]["deviation"], measured[name]["source"])


def _default_threshold(
    embedders: Sequence[Embedder], settings: Sequence[StageSettings], *, refined: bool
) -> tuple[float | None, str]:
    """The measured threshold of these embedders, in any order, or None and why there is none."""
    if not refined or any(chosen != type(chosen)() for chosen in settings):
        return None, "no threshold was measured with these settings of the embedders"
    wanted = {part.name for part in embedders}
    for entry in _measured()["threshold"]:
        if set(entry["embedders"]) == wanted:
            return entry["score"], entry["source"]
    return None, "no threshold was measured for these embedders"


@cache
def _measured() -> dict[str, Any]:
    text = (resources.files("retrofr") / "data" / "comparison.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _digest(embedder: Embedder) -> str | None:
    path = find_weights(embedder.weights)
    return None if path is None else expected_digest(embedder.weights, path)
