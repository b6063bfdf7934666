"""Three ways from scores to likelihood ratios, each fitted to labelled scores; which one is used is decided by
measuring.

Scores of failures to acquire have no ratio and must be left out. Ratios are for even prior odds: both kinds of
comparisons count the same in all, however many there are of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from retrofr.calibration.pav import Pav, fit_pav
from retrofr.rates.comparisons import Mask, Scores

GRID, DIGITS = 192, 4
"""Points of the table that densities are kept in, and digits of its ratios."""

_MOST_EXACT = 5_000
_BINS = 8_192


class Calibration(Protocol):
    """A fitted way from scores to likelihood ratios; ``kind`` names it."""

    kind: ClassVar[str]

    def llr(self, scores: Scores) -> Scores:
        """log10 likelihood ratios (n,), not bounded."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Its parameters as plain values."""
        ...


@dataclass(frozen=True)
class Logistic:
    """log10 LR = slope · score + intercept."""

    kind: ClassVar[str] = "logistic"
    slope: float
    intercept: float

    def llr(self, scores: Scores) -> Scores:
        return np.asarray(self.slope * np.asarray(scores, np.float64) + self.intercept)

    def as_dict(self) -> dict[str, Any]:
        return {"slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(float(values["slope"]), float(values["intercept"]))


@dataclass(frozen=True)
class Density:
    """The quotient of two densities as a table: ``ratios`` (k,) log10 at even steps of the score from low to high."""

    kind: ClassVar[str] = "kde"
    low: float
    high: float
    ratios: tuple[float, ...]

    def llr(self, scores: Scores) -> Scores:
        grid = np.linspace(self.low, self.high, len(self.ratios))
        return np.asarray(np.interp(np.asarray(scores, np.float64), grid, self.ratios))

    def as_dict(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "ratios": list(self.ratios)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        ratios = tuple(float(ratio) for ratio in values["ratios"])
        if not ratios:
            raise ValueError("no ratios")
        low, high = float(values["low"]), float(values["high"])
        if not low <= high:
            raise ValueError(f"kde: expected low <= high, got {low:g} and {high:g}")
        return cls(low, high, ratios)


def fit_logistic(scores: Scores, mated: Mask) -> Logistic:
    """Logistic regression with the usual small penalty on the slope (C = 1), by Newton's method."""
    x, y = np.asarray(scores, np.float64), np.asarray(mated, np.float64)
    weights = np.where(mated, len(y) / (2 * y.sum()), len(y) / (2 * (len(y) - y.sum())))
    centre, spread = x.mean(), x.std() or 1.0
    design = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)
    penalty = np.diag([1 / spread**2, 0.0])  # of the slope in the score's own unit
    beta = np.zeros(2)
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -700, 700)))
        slope = design.T @ (weights * (chance - y)) + penalty @ beta
        bend = (design * (weights * chance * (1 - chance))[:, None]).T @ design + penalty
        step = np.linalg.solve(bend + 1e-12 * np.eye(2), slope)
        beta = beta - step * min(1.0, 5.0 / (float(np.abs(step).max()) + 1e-300))
        if np.abs(step).max() < 1e-12:
            break
    slope_natural = beta[0] / spread
    return Logistic(float(slope_natural / np.log(10)), float((beta[1] - slope_natural * centre) / np.log(10)))


def fit_isotonic(scores: Scores, mated: Mask) -> Pav:
    """PAV with one misleading comparison added on each side, so that no ratio is infinite."""
    return fit_pav(scores, mated, misleading=1)


def fit_kde(scores: Scores, mated: Mask) -> Density:
    """Gaussian kernel densities with Silverman's bandwidth for each kind; flat outside of all scores, never falling."""
    x, mated = np.asarray(scores, np.float64), np.asarray(mated, bool)
    low, high = float(x.min()), float(x.max())
    ratios = kde_llr(x, mated, np.linspace(low, high, GRID))
    # Where there are few scores the quotient of two densities may fall for a while; a higher score never says less.
    ratios = (np.maximum.accumulate(ratios) + np.minimum.accumulate(ratios[::-1])[::-1]) / 2
    return Density(low, high, tuple(round(float(ratio), DIGITS) for ratio in ratios))


def kde_llr(scores: Scores, mated: Mask, at: Scores) -> Scores:
    """log10 quotient of the two densities at some scores (n,)."""
    mated = np.asarray(mated, bool)
    above, below = _log_density(scores[mated], at), _log_density(scores[~mated], at)
    return np.asarray((above - below) / np.log(10))


def silverman(values: Scores) -> float:
    """Silverman's rule of thumb, (4/3 · deviation⁵ / n)^(1/5)."""
    deviation = float(np.std(values)) or 1.0
    return float((deviation**5 / len(values) * 4 / 3) ** 0.2)


def _log_density(values: Scores, at: Scores) -> Scores:
    """Natural logarithm of the kernel density; many values are counted into narrow bins first."""
    width = silverman(values)
    places, counts = np.asarray(values, np.float64), np.ones(len(values))
    if len(values) > _MOST_EXACT:
        low, high = float(places.min()), float(places.max())
        bins = np.minimum(((places - low) / (high - low or 1.0) * _BINS).astype(np.int64), _BINS - 1)
        counts, sums = np.bincount(bins).astype(np.float64), np.bincount(bins, places)
        places, counts = sums[counts > 0] / counts[counts > 0], counts[counts > 0]
    found = []
    for some in np.array_split(np.asarray(at, np.float64), max(1, len(at) // 64)):
        power = -0.5 * ((some[:, None] - places[None]) / width) ** 2 + np.log(counts)[None]
        top = power.max(axis=1, keepdims=True)
        found.append(np.log(np.exp(power - top).sum(axis=1)) + top[:, 0])
    return np.asarray(np.concatenate(found) - np.log(len(values) * width * np.sqrt(2 * np.pi)))


FITS: Mapping[str, Callable[[Scores, Mask], Calibration]] = {
    "logistic": fit_logistic,
    "isotonic": fit_isotonic,
    "kde": fit_kde,
}

_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Calibration]] = {
    "logistic": Logistic.from_dict,
    "isotonic": Pav.from_dict,
    "kde": Density.from_dict,
}


def calibration_from(kind: str, values: Mapping[str, Any]) -> Calibration:
    """A fitted calibration from its plain values (KeyError, TypeError or ValueError where they are none)."""
    return _KINDS[kind](values)
