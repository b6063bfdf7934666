"""Ways of getting scores from vectors: weights, scales, cohorts, quality; each gives (n, n) scores of photo pairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from _chip_ways import PARTS, Vectors
from _photos import EMBEDDER

from retrofr.embedders._running import unit_length
from retrofr.rates.comparisons import Numbers, Scores, all_pairs
from retrofr.records import Floats
from retrofr.scoring import build_scorer

_SCORER = build_scorer(EMBEDDER, {})
_ALONE = {part: build_scorer(part, {}) for part in PARTS}
_SPREADS = {part["name"]: part["non_mated"] for part in _SCORER.identity()["parts"]}  # type: ignore[attr-defined]
Likeness = dict[str, Scores]


def fused(probes: Mapping[str, Floats], others: Mapping[str, Floats] | None = None) -> Scores:
    """Scores (n, m) as retrofr gives them, of vectors by part."""
    left, right = (
        np.concatenate([each[part] for part in PARTS], axis=1) for each in (probes, others or probes)
    )
    return np.asarray(_SCORER.compare(left, right), np.float64)


def alone(part: str, vectors: Mapping[str, Floats]) -> Scores:
    """Scores of one embedder by itself."""
    return np.asarray(_ALONE[part].compare(vectors[part], vectors[part]), np.float64)


def likeness(vectors: Mapping[str, Floats]) -> Likeness:
    """Of each part: deviations above the mean of different people, as they are fused."""
    out = {}
    for part in PARTS:
        wide = _ALONE[part].index_vectors(vectors[part]).astype(np.float64)
        out[part] = -_squared(wide) - _SPREADS[part]["mean"]
        out[part] /= _SPREADS[part]["deviation"]
    return out


def weighted(parts: Likeness, sface: float) -> Scores:
    """The parts with other weights than one half each."""
    return np.asarray(sface * parts[PARTS[0]] + (1 - sface) * parts[PARTS[1]])


def logistic(parts: Likeness, people: Numbers, learn: npt.NDArray[np.bool_]) -> Scores:
    """Weights of a logistic regression (balanced) on the pairs of the photos ``learn`` (n,)."""
    from sklearn.linear_model import LogisticRegression

    pairs = [all_pairs(parts[part][np.ix_(learn, learn)], people[learn]) for part in PARTS]
    model = LogisticRegression(class_weight="balanced", C=1e6)
    model.fit(np.stack([each.scores for each in pairs], axis=1), pairs[0].mated)
    first, second = model.coef_[0]
    return weighted(parts, float(first / (first + second)))


def distances(parts: Likeness) -> Scores:
    """The parts' Euclidean distances instead of the squared ones, each on the scale of different people."""
    out = []
    for part in PARTS:
        squared = -(parts[part] * _SPREADS[part]["deviation"] + _SPREADS[part]["mean"])
        far = np.sqrt(np.maximum(squared, 0))
        # Around the mean of different people a distance moves half as fast as its square over the distance.
        middle = np.sqrt(-_SPREADS[part]["mean"])
        out.append((middle - far) / (_SPREADS[part]["deviation"] / (2 * middle)))
    return np.asarray((out[0] + out[1]) / 2)


def centred(vectors: Mapping[str, Floats], parts: Likeness, learn: npt.NDArray[np.bool_]) -> Scores:
    """SFace's vectors with the mean face of the photos ``learn`` (n,) taken off before the cosine."""
    unit = unit_length(vectors[PARTS[0]])
    wide = unit_length((unit - unit[learn].mean(axis=0)).astype(np.float32))
    own = -_squared(wide)
    # The squared distance of directions with nothing in common is 2; 128 of them spread by 2 / sqrt(128).
    return np.asarray(((own + 2) / (2 / np.sqrt(128)) + parts[PARTS[1]]) / 2)


def cohort(scores: Scores, people: Numbers, *, nearest: int | None = None) -> Scores:
    """Symmetric score normalisation: each photo's scores with all photos of everybody but the two people compared.

    Args:
        nearest: only so many of them, those that are most like the photo (adaptive normalisation).
    """
    middle, spread = np.empty_like(scores), np.empty_like(scores)
    for number, row in enumerate(scores):
        order = np.argsort(-row)
        order = order[people[order] != people[number]]
        for person in np.unique(people):
            kept = row[order[people[order] != person][:nearest]]
            middle[number, people == person], spread[number, people == person] = kept.mean(), kept.std()
    normal = (scores - middle) / spread
    return np.asarray((normal + normal.T) / 2)


def by_quality(scores: Scores, rank: Floats, power: float) -> Scores:
    """Scores times the lower quality of the two photos, to a power."""
    return np.asarray(scores * np.minimum(rank[:, None], rank[None]) ** power)


def mean_of(ways: Mapping[str, Vectors], *names: str) -> dict[str, Floats]:
    """The mean of several ways' vectors."""
    return {part: np.mean([ways[name].mean[part] for name in names], axis=0) for part in PARTS}


def _squared(wide: npt.NDArray[np.float64]) -> Scores:
    own = (wide**2).sum(axis=1)
    return np.asarray(np.maximum(own[:, None] + own[None] - 2 * wide @ wide.T, 0))
