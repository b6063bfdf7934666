"""Compares templates without any net: the scores of one embedder, or of several that are fused.

How scores are fused: each part's likeness is minus the squared Euclidean distance of its index vectors (for the
cosine that is 2 cos - 2). It is counted in standard deviations above the mean of pairs of different people, and
the parts' values are averaged. So a fused score of 0 is what two different people get on average, and the weighted
index vectors side by side order faces exactly as the fused score does. Means, deviations and default thresholds
are in ``data/comparison.toml``, each with the data and the command it came from.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr import registry
from retrofr.detectors.mtcnn import WEIGHTS as MTCNN_WEIGHTS
from retrofr.embedders.base import TemplateScorer
from retrofr.errors import UsageError, WeightsError
from retrofr.records import Floats
from retrofr.settings import StageSettings
from retrofr.weights import expected_digest, find_weights

LANDMARK_WEIGHTS = next(file for file in MTCNN_WEIGHTS if file.name == "mtcnn-onet")


@dataclass(frozen=True)
class NonMated:
    """Mean and standard deviation of a part's likeness over pairs of different people, and where measured."""

    mean: float
    deviation: float
    source: str


class Scorer:
    """Compares templates of one embedder, or of several fused by score.

    Args:
        scorers: at least one; their templates lie side by side in this order.
        settings: of each embedder; the default threshold holds only for default settings.
        spreads: of each embedder, needed only for fusing.
        refined: whether faces' landmarks are found once more before chips are cut.
    """

    def __init__(
        self,
        scorers: Sequence[TemplateScorer],
        settings: Sequence[StageSettings],
        spreads: Sequence[NonMated] = (),
        *,
        refined: bool = True,
    ) -> None:
        self._scorers = tuple(scorers)
        self.name = "+".join(part.name for part in self._scorers)
        self.dimensions = sum(part.dimensions for part in self._scorers)
        self._settings = tuple(settings)
        self._spreads = tuple(spreads)
        self._refined = refined
        if len(self._scorers) > 1 and len(self._spreads) != len(self._scorers):
            raise ValueError(f"{len(self._scorers)} embedders to fuse and {len(self._spreads)} spreads")
        self.default_threshold, self.threshold_source = _default_threshold(
            self._scorers, self._settings, refined=refined
        )

    def compare(self, probes: Floats, templates: Floats) -> Floats:
        """Comparison scores (P, M) float32 of (P, D) against (M, D); higher is more alike.

        A single embedder's own score, or the fused score the module describes.
        """
        if len(self._scorers) == 1:
            return self._scorers[0].compare(probes, templates)
        left, right = self._weighted(probes), self._weighted(templates)
        squared = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
        # np.maximum: rounding may leave a tiny negative distance of a face to itself.
        return np.asarray(self._score_of_the_same - np.maximum(squared, 0), np.float32)

    def index_vectors(self, templates: Floats) -> Floats:
        """Vectors (N, E) whose Euclidean distance orders as the score does, for the nearest-neighbour index."""
        if len(self._scorers) == 1:
            return self._scorers[0].index_vectors(templates)
        return self._weighted(templates).astype(np.float32)

    def identity(self) -> dict[str, object]:
        """What a run records of it: embedders, weights' digests, settings and formula.

        The same text whether the nets are loaded or not.
        """
        fused = len(self._scorers) > 1
        parts = []
        for number, (part, settings) in enumerate(zip(self._scorers, self._settings, strict=True)):
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
        if self._refined:
            net = {"weights": LANDMARK_WEIGHTS.name, "weights_sha256": LANDMARK_WEIGHTS.sha256}
        formula = _FUSED_FORMULA if fused else _formula(self._scorers[0])
        return {"name": self.name, "formula": formula, "landmark_net": net, "parts": parts}

    @property
    def _score_of_the_same(self) -> float:
        """The fused score of two equal templates."""
        return -sum(spread.mean / spread.deviation for spread in self._spreads) / len(self._spreads)

    def _weighted(self, templates: Floats) -> npt.NDArray[np.float64]:
        """Index vectors of the parts, weighted so that the squared distance is a part's share of the score."""
        vectors, start = [], 0
        for part, spread in zip(self._scorers, self._spreads, strict=True):
            columns = templates[:, start : start + part.dimensions]
            weight = 1 / (len(self._scorers) * spread.deviation)
            vectors.append(part.index_vectors(columns).astype(np.float64) * np.sqrt(weight))
            start += part.dimensions
        return np.concatenate(vectors, axis=1)


_FUSED_FORMULA = (
    "mean over the parts of (likeness - mean) / deviation, where likeness is minus the squared Euclidean distance "
    "of the part's index vectors, and mean and deviation are those of pairs of different people"
)


@dataclass(frozen=True)
class Chosen:
    """The embedders that a text names: their modules, their settings and, where they are fused, their spreads."""

    modules: tuple[ModuleType, ...]
    settings: tuple[StageSettings, ...]
    spreads: tuple[NonMated, ...]


def choose_embedders(text: str, parts: Mapping[str, Mapping[str, Any]]) -> Chosen:
    """Read which embedders ``text`` names, joined by ``+``; arguments and errors as :func:`build_scorer`."""
    names = [name.strip() for name in text.split("+")]
    chosen = [registry.load_with_settings("embedders", name, parts) for name in names]
    if len(set(names)) != len(names):
        raise UsageError(f"{text!r} names an embedder twice")
    spreads = tuple(_spread(name, text) for name in names) if len(names) > 1 else ()
    return Chosen(tuple(part for part, _ in chosen), tuple(own for _, own in chosen), spreads)


def build_scorer(text: str, parts: Mapping[str, Mapping[str, Any]], *, refine: bool = True) -> Scorer:
    """Compare as the embedders named in ``text`` do, without loading their nets.

    An embedder's file that has no ``scorer(settings)`` is built whole, on the CPU.

    Args:
        text: for example ``sface`` or ``sface+dlib-resnet``.
        parts: settings of parts by name, as ``Settings.parts`` holds them.
        refine: as for :func:`retrofr.comparison.build_comparison`; it decides on identity and default threshold.

    Raises:
        UsageError: a name is unknown, empty or given twice, or two embedders cannot be fused because the spread
            of their scores was not measured.
        ModelError: an embedder cannot be used.
    """
    chosen = choose_embedders(text, parts)
    scorers = [
        _scorer(module, settings) for module, settings in zip(chosen.modules, chosen.settings, strict=True)
    ]
    return Scorer(scorers, chosen.settings, chosen.spreads, refined=refine)


def _scorer(module: ModuleType, settings: StageSettings) -> TemplateScorer:
    scorer: TemplateScorer
    if hasattr(module, "scorer"):
        scorer = module.scorer(settings)
    else:
        from retrofr.runtime import resolve_device

        scorer = module.build(settings, resolve_device("cpu"))
    return scorer


def comparison_key(identity: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal over what decides whether templates may be compared.

    That is: the embedders in their order, their dimensions, settings and weights, and the net that finds
    landmarks. How scores are fused and explained is not in it, since it changes no template.

    Args:
        identity: from :meth:`Scorer.identity`.

    Raises:
        WeightsError: the digest of an embedder's weights is not known on this machine.
    """
    terms = []
    for part in identity["parts"]:
        if part["weights_sha256"] is None:
            raise WeightsError(
                "the digest of these weights is not known on this machine, so their templates cannot be told "
                "from others",
                subject=part["weights"],
                hint=f"`retrofr models pull {part['weights']}` downloads them and records it",
            )
        terms.append({name: part[name] for name in ("name", "dimensions", "weights_sha256", "settings")})
    net = identity["landmark_net"]
    whole = {"embedders": terms, "landmark_net": None if net is None else net["weights_sha256"]}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


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
    scorers: Sequence[TemplateScorer], settings: Sequence[StageSettings], *, refined: bool
) -> tuple[float | None, str]:
    """The measured threshold of these embedders, in any order, or None and why there is none."""
    if not refined or any(chosen != type(chosen)() for chosen in settings):
        return None, "no threshold was measured with these settings of the embedders"
    wanted = {part.name for part in scorers}
    for entry in _measured()["threshold"]:
        if set(entry["embedders"]) == wanted:
            return entry["score"], entry["source"]
    return None, "no threshold was measured for these embedders"


@cache
def _measured() -> dict[str, Any]:
    text = (resources.files("retrofr") / "data" / "comparison.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _formula(scorer: TemplateScorer) -> str:
    """The first line of the docstring of the class that defines how it compares."""
    owner = next((each for each in type(scorer).__mro__ if "compare" in vars(each)), type(scorer))
    return (owner.__doc__ or "").strip().split("\n")[0]


def _digest(scorer: TemplateScorer) -> str | None:
    path = find_weights(scorer.weights)
    # Comparing needs no weights file; where none lies here, the digest that retrofr knows still says whose they are.
    return scorer.weights.sha256 if path is None else expected_digest(scorer.weights, path)
