"""Operating points: what was measured of a system, and what that says of a threshold and of a score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from retrofr.calibration.bands import verbal_band
from retrofr.calibration.likelihood import Calibration, calibration_from
from retrofr.errors import UsageError
from retrofr.rates.intervals import least_trials

NOT_VALIDATED = "not validated for this condition"


@dataclass(frozen=True)
class FmrPoint:
    """Error rates at a score, with 95 % intervals.

    Args:
        score: the threshold.
        fmr: share of non-mated comparisons at or above it, ``errors`` of ``non_mated``.
        low, high: the wider of Clopper and Pearson's interval and of one from drawing people; with no error
            ``high`` is the bound by the rule of three.
        fnmr: share of mated comparisons below it, with its interval.
    """

    score: float
    fmr: float
    low: float
    high: float
    errors: int
    non_mated: int
    fnmr: float
    fnmr_low: float
    fnmr_high: float


@dataclass(frozen=True)
class DataFacts:
    """What figures were measured on: a name people know it by, sizes, the day, the conditions, the command."""

    name: str
    description: str
    photos: int
    people: int
    mated: int
    non_mated: int
    made: str
    conditions: str
    command: str


@dataclass(frozen=True)
class Likelihood:
    """A calibration of scores to likelihood ratios, with what it was measured to be worth.

    Args:
        kind: ``logistic``, ``isotonic`` or ``kde``.
        parameters: of it.
        llr_low, llr_high: bounds (ELUB) of log10 ratios.
        cllr, cllr_min: on people who had no part in fitting it.
        mated, non_mated: how many comparisons it was fitted to.
        tried: the Cllr of each kind on held-out people.
    """

    kind: str
    parameters: Mapping[str, Any]
    llr_low: float
    llr_high: float
    cllr: float
    cllr_min: float
    mated: int
    non_mated: int
    tried: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.llr_low <= 0 <= self.llr_high or not math.isfinite(self.llr_high - self.llr_low):
            raise ValueError(f"bounds: expected low <= 0 <= high, got {self.llr_low} and {self.llr_high}")

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration itself (ValueError where the parameters are none)."""
        try:
            return calibration_from(self.kind, self.parameters)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.kind}: not the parameters of such a calibration ({error})") from error

    def bounded(self, score: float) -> float:
        """The log10 ratio of a score, never beyond the bounds."""
        value = float(self.calibration.llr(np.array([score]))[0])
        return min(max(value, self.llr_low), self.llr_high)


@dataclass(frozen=True)
class Condition:
    """A range of one measure of the worse of two faces, and what was measured there.

    Args:
        measure: ``eye_distance_pixels``, ``sharpness`` or ``yaw``.
        low, high: the range [low, high).
        mated, non_mated: comparisons in it.
        fnmr: at the thresholds of some FMRs, as ``(fmr, fnmr, low, high)``.
        likelihood: None where there are too few comparisons, and ``reason`` says so.
    """

    measure: str
    low: float
    high: float
    mated: int
    non_mated: int
    fnmr: tuple[tuple[float, float, float, float], ...] = ()
    likelihood: Likelihood | None = None
    reason: str = ""

    def holds(self, value: float) -> bool:
        return self.low <= value < self.high


@dataclass(frozen=True)
class LlrStatement:
    """What a score says: a bounded log10 likelihood ratio with its band, or the reason why there is none.

    ``at_bound``: the data carry no more.
    """

    llr: float | None
    low_bound: float | None = None
    high_bound: float | None = None
    at_bound: bool = False
    band: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class OperatingPoints:
    """All that was measured of one system on some data.

    Args:
        system: ``name`` of the comparison, ``comparison_key`` (SHA-256), ``detector``, and whatever else it was set
            to.
        data: what it was measured on.
        thresholds: scores rising, FMRs falling, down to what the data can support.
        likelihood: over all comparisons; None where there were too few.
        conditions: ranges of measures; within one measure they do not overlap.
    """

    system: Mapping[str, Any]
    data: DataFacts
    thresholds: tuple[FmrPoint, ...]
    likelihood: Likelihood | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        scores = [point.score for point in self.thresholds]
        if not scores or any(b <= a for a, b in pairwise(scores)):
            raise ValueError("thresholds: expected at least one, in rising order")
        for name in ("name", "comparison_key", "detector"):
            if not isinstance(self.system.get(name), str):
                raise ValueError(f"system: expected {name}")

    @property
    def lowest_fmr(self) -> float:
        """The lowest FMR that the data can support, rounded up to two digits."""
        least = -math.expm1(math.log(0.05) / self.data.non_mated)
        unit = 10.0 ** (math.floor(math.log10(least)) - 1)
        return float(f"{math.ceil(least / unit - 1e-9) * unit:.3g}")

    def threshold_for(self, fmr: float) -> FmrPoint:
        """The lowest threshold of the table with at most this FMR.

        Raises:
            UsageError: the data cannot support the claim.
        """
        if not 0 < fmr < 1:
            raise UsageError(f"an FMR lies between 0 and 1, and {fmr:g} does not", subject="--fmr")
        if self.data.non_mated < least_trials(fmr):
            raise UsageError(
                f"an FMR of {fmr:g} is below what the calibration data can support: {self.data.non_mated:,} "
                f"non-mated comparisons of {self.data.people:,} people carry no claim below {self.lowest_fmr:g}",
                subject="--fmr",
                hint=f"the lowest target here is --fmr {self.lowest_fmr:g}; more labelled photos support lower ones",
            )
        return next((point for point in self.thresholds if point.fmr <= fmr), self.thresholds[-1])

    def fmr_at(self, score: float) -> FmrPoint:
        """The error rates at the score, or at the next lower one of the table, whose FMR is not below the real one."""
        found = [point for point in self.thresholds if point.score <= score]
        if found:
            return found[-1]
        count = self.data.non_mated
        return FmrPoint(score, 1.0, 1.0, 1.0, count, count, 0.0, 0.0, 1.0)

    def llr(self, score: float, condition: Mapping[str, float]) -> LlrStatement:
        """What a score says under a condition.

        Each measure of the condition must lie in a range with enough data. Of the ratios of these ranges, and of
        all data, the one that says least, nearest to 1, is given: conditions are not independent, and their ratios
        must not be multiplied.

        Args:
            condition: measures of the worse of the two faces by name.
        """
        if self.likelihood is None:
            return LlrStatement(None, reason="too little data for likelihood ratios")
        used = [self.likelihood]
        for measure in dict.fromkeys(each.measure for each in self.conditions):
            own = [each for each in self.conditions if each.measure == measure]
            if measure not in condition:
                return LlrStatement(None, reason=f"{NOT_VALIDATED} ({_called(measure)} not known)")
            found = next((each for each in own if each.holds(condition[measure])), None)
            if found is None or found.likelihood is None:
                return LlrStatement(None, reason=_missing(measure, condition[measure], own))
            used.append(found.likelihood)
        values = [each.bounded(score) for each in used]
        # Ranges that disagree on the side say nothing together.
        if min(values) < 0 < max(values):
            return LlrStatement(
                0.0, self.likelihood.llr_low, self.likelihood.llr_high, False, verbal_band(0.0)
            )
        place = min(range(len(values)), key=lambda n: abs(values[n]))
        llr, chosen = values[place], used[place]
        at_bound = llr in (chosen.llr_low, chosen.llr_high)
        return LlrStatement(llr, chosen.llr_low, chosen.llr_high, at_bound, verbal_band(llr))


_MEASURES = {
    "eye_distance_pixels": ("px between the eyes", "{:.0f}"),
    "sharpness": ("sharpness", "{:.2f}"),
    "yaw": ("turn of the head", "{:.2f}"),
}


def _called(measure: str) -> str:
    return _MEASURES.get(measure, (measure, ""))[0]


def _missing(measure: str, value: float, ranges: list[Condition]) -> str:
    """Why there is no ratio: what the value is, and from where to where there are enough data."""
    called, form = _MEASURES.get(measure, (measure, "{:g}"))
    known = [each for each in ranges if each.likelihood is not None]
    enough = "too few data for any"
    if known:
        low, high = min(each.low for each in known), max(each.high for each in known)
        enough = f"enough data from {form.format(low)}" + (
            "" if math.isinf(high) else f" to {form.format(high)}"
        )
    return f"{NOT_VALIDATED} ({form.format(value)} {called}; {enough})"
