"""What templates are keyed to: the settings and weights that decide which faces are found and how they are embedded.

Templates are compared only with templates of the same comparison; footage is indexed again where its recipe differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retrofr import registry
from retrofr.errors import ModelError
from retrofr.scoring import Scorer, build_scorer, comparison_key
from retrofr.settings import Settings

TRACKLETS_VERSION = 3
"""Counts the ways in which samples became tracklets: a change of it makes new recipes."""

# These change how fast it goes, or what is survived, and nothing of what is found. What hardware hides of damage is
# told by the coverage of the stream.
_NO_INFLUENCE = {
    "video": ("stall_seconds", "threads", "hardware", "hardware_gpu"),
    "detect": ("batch_frames",),
    "embed": ("batch_faces",),
}
_STAGES = ("video", "sampling", "detect", "track", "quality", "embed")


@dataclass(frozen=True)
class Recipe:
    """What decides about the templates of indexed footage.

    Args:
        key: SHA-256, in hexadecimal, over ``terms``.
        comparison: name of the comparison, for example ``sface+dlib-resnet``.
        comparison_key: SHA-256 over the embedders' settings and weights; templates that share it can be compared.
        dimensions: of a template.
        terms: the settings and the digests of weights, as nested plain values.
    """

    key: str
    comparison: str
    comparison_key: str
    dimensions: int
    terms: Mapping[str, Any]


def recipe_of(settings: Settings, scorer: Scorer) -> Recipe:
    """The recipe of a run with these settings; loads no net.

    Raises:
        UsageError, SettingsError: the detector is unknown, or a setting of it is refused.
        ModelError: the detector cannot be loaded.
    """
    part, chosen = registry.load_with_settings("detectors", settings.detect.detector, settings.parts)
    values = settings.as_dict()
    terms: dict[str, Any] = {
        stage: {n: v for n, v in values[stage].items() if n not in _NO_INFLUENCE.get(stage, ())}
        for stage in _STAGES
    }
    terms["detector"] = {
        "settings": chosen.as_dict(),
        "weights": {file.name: file.sha256 for file in getattr(part, "WEIGHTS", ())},
    }
    identity = scorer.identity()
    terms["comparison"] = identity
    terms["tracklets"] = TRACKLETS_VERSION
    terms = json.loads(json.dumps(terms, sort_keys=True))  # as it is read back: lists for tuples
    text = json.dumps(terms, sort_keys=True, separators=(",", ":"))
    key = hashlib.sha256(text.encode()).hexdigest()
    return Recipe(key, scorer.name, comparison_key(identity), scorer.dimensions, terms)


def scorer_of(recipe: Recipe) -> Scorer:
    """What compares the templates of a recipe; loads no net.

    Raises:
        UsageError, ModelError: an embedder cannot be used.
        ModelError: it is here, but not with the weights that the templates were made with.
    """
    identity = recipe.terms["comparison"]
    parts = {part["name"]: part["settings"] for part in identity["parts"]}
    scorer = build_scorer(recipe.comparison, parts, refine=identity["landmark_net"] is not None)
    if comparison_key(scorer.identity()) != recipe.comparison_key:
        raise ModelError(
            "has other weights here than those that the case's templates were made with",
            subject=f"embedder {recipe.comparison}",
            hint="`retrofr models verify` checks the weights",
        )
    return scorer


def setting_values(recipe: Recipe) -> dict[str, Any]:
    """The settings in a recipe, as :meth:`retrofr.settings.Settings.from_mapping` reads them."""
    stages = Settings().as_dict()
    values = {name: dict(terms) for name, terms in recipe.terms.items() if name in stages}
    parts = {values["detect"]["detector"]: recipe.terms["detector"]["settings"]}
    parts |= {part["name"]: part["settings"] for part in recipe.terms["comparison"]["parts"]}
    return {**values, "parts": {name: dict(table) for name, table in parts.items() if table}}


def differences(before: Recipe, now: Recipe) -> list[str]:
    """What differs between two recipes, for example ``sampling.rate: 2.0 before, 5.0 now``."""
    old, new = dict(_flat(before.terms)), dict(_flat(now.terms))
    names = dict.fromkeys([*old, *new])
    absent = "absent"
    return [
        f"{name}: {old.get(name, absent)} before, {new.get(name, absent)} now"
        for name in names
        if old.get(name, absent) != new.get(name, absent)
    ]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, f"{name}.{number}")
    else:
        yield name, value
