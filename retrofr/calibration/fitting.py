"""From labelled comparisons to operating points: thresholds with their error rates, likelihood ratios with their
bounds.

People are divided, not comparisons: the kind of calibration is chosen, its cost and its bounds are measured on
people who had no part in fitting it; then it is fitted again to all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrofr.calibration.bounds import elub
from retrofr.calibration.cllr import cllr, cllr_min
from retrofr.calibration.likelihood import FITS, Calibration
from retrofr.calibration.points import Condition, DataFacts, FmrPoint, Likelihood, OperatingPoints
from retrofr.rates.comparisons import Comparisons, Mask, Numbers, Scores
from retrofr.rates.intervals import clopper_pearson, least_trials, resample_people
from retrofr.rates.verification import FMRS, rates_at, supports, threshold_at

LEAST_MATED = 50
LEAST_NON_MATED = 1_000
"""Fewer comparisons than these give no likelihood ratio: the bounds by their number alone would be below 1.7 and 3."""

LEAST_PEOPLE = 10
STEPS_A_DECADE = 12
HALVINGS = 4
"""People are halved in so many ways, each half once held out; costs are the mean over them."""


@dataclass(frozen=True)
class Range:
    """A range of a measure: ``inside`` (n,) says which comparisons lie in [low, high)."""

    measure: str
    low: float
    high: float
    inside: Mask


def calibrate(
    comparisons: Comparisons,
    *,
    system: Mapping[str, Any],
    data: DataFacts,
    ranges: Sequence[Range] = (),
    extra_scores: Sequence[float] = (),
    seed: int = 0,
) -> OperatingPoints:
    """Measure a system.

    Args:
        comparisons: with failures to acquire, which count in error rates and have no likelihood ratio.
        system, data: as they are to be recorded.
        ranges: conditions to measure apart.
        extra_scores: thresholds that the table shall hold exactly.
        seed: of the draws of people.

    Raises:
        ValueError: there are no mated or no non-mated comparisons.
    """
    if not comparisons.mated.any() or comparisons.mated.all():
        raise ValueError("calibration needs comparisons of both kinds")
    likelihood, _ = fit_likelihood(comparisons, seed=seed)
    kinds = None if likelihood is None else [likelihood.kind]
    return OperatingPoints(
        dict(system),
        data,
        threshold_table(comparisons, extra_scores, seed=seed),
        likelihood,
        tuple(_condition(comparisons, each, kinds, seed) for each in ranges),
    )


def threshold_table(
    comparisons: Comparisons, extra_scores: Sequence[float] = (), *, seed: int = 0
) -> tuple[FmrPoint, ...]:
    """Error rates at scores that lie evenly in the logarithm of the FMR, from 1 down to what the data can support."""
    non_mated = comparisons.non_mated_scores
    finite = np.sort(non_mated[np.isfinite(non_mated)])
    least = 1 / len(non_mated)
    decades = max(1, int(np.ceil(-np.log10(least) * STEPS_A_DECADE)))
    targets = [10 ** (-step / STEPS_A_DECADE) for step in range(1, decades + 1)]
    rounds = [mantissa * 10.0**-power for power in range(1, 12) for mantissa in (1, 2, 5)]
    wanted = [fmr for fmr in (*targets, *rounds) if least <= fmr < 1]
    scores = {threshold_at(comparisons, fmr) for fmr in wanted} | {float(score) for score in extra_scores}
    if len(finite):
        scores |= {float(finite[0]), float(np.nextafter(finite[-1], np.inf))}
    return _points(comparisons, np.array(sorted(score for score in scores if np.isfinite(score))), seed)


def _points(comparisons: Comparisons, scores: Scores, seed: int) -> tuple[FmrPoint, ...]:
    low, high = resample_people(comparisons, _Rates(comparisons, scores).at, seed=seed)
    points = []
    for place, score in enumerate(scores):
        found = rates_at(comparisons, float(score))
        fmr = found.fmr.widened(float(low[0, place]), float(high[0, place]))
        fnmr = found.fnmr.widened(float(low[1, place]), float(high[1, place]))
        points.append(
            FmrPoint(
                *(float(score), fmr.errors / fmr.trials, fmr.low, fmr.high, fmr.errors, fmr.trials),
                *(fnmr.errors / fnmr.trials, fnmr.low, fnmr.high),
            )
        )
    return tuple(points)


class _Rates:
    """FMR and FNMR at fixed scores for comparisons that count so many times."""

    def __init__(self, comparisons: Comparisons, scores: Scores) -> None:
        self._mated, self._count = comparisons.mated, len(scores)
        self._places = np.searchsorted(
            scores, comparisons.scores, side="right"
        )  # how many thresholds it reaches

    def at(self, weights: Scores) -> Scores:
        """(2, k): FMRs and FNMRs; not a number where a side has no weight."""
        rates = []
        for side in (~self._mated, self._mated):
            reached = np.bincount(self._places[side], weights[side], minlength=self._count + 1)
            total = reached.sum()
            above = total - np.cumsum(reached)[: self._count]
            rates.append(above / total if total > 0 else np.full(self._count, np.nan))
        return np.stack([rates[0], 1 - rates[1]])


def fit_likelihood(
    comparisons: Comparisons, kinds: Sequence[str] | None = None, *, seed: int = 0
) -> tuple[Likelihood | None, str]:
    """The calibration of least cost on held-out people, and "", or None and why there is none."""
    usable = comparisons.only(np.isfinite(comparisons.scores))
    mated, non_mated = int(usable.mated.sum()), int((~usable.mated).sum())
    if mated < LEAST_MATED or non_mated < LEAST_NON_MATED or usable.people < LEAST_PEOPLE:
        return None, (
            f"{mated:,} mated and {non_mated:,} non-mated comparisons of {usable.people:,} people; "
            f"{LEAST_MATED:,}, {LEAST_NON_MATED:,} and {LEAST_PEOPLE:,} are needed"
        )
    tried: dict[str, _Cost] = {}
    for kind in kinds or list(FITS):
        cost = _held_out(usable, kind, seed)
        if cost is not None:
            tried[kind] = cost
    if not tried:
        return None, "too few comparisons of either half of the people"
    kind = min(tried, key=lambda each: tried[each].cllr)
    fitted = FITS[kind](usable.scores, usable.mated)
    llrs = fitted.llr(usable.scores)
    low, high = elub(llrs[usable.mated], llrs[~usable.mated])
    best = tried[kind]
    # Not further than what was carried by people who had no part in it.
    low, high = max(low, best.low), min(high, best.high)
    costs = {name: cost.cllr for name, cost in tried.items()}
    return (
        Likelihood(kind, fitted.as_dict(), low, high, best.cllr, best.cllr_min, mated, non_mated, costs),
        "",
    )


@dataclass(frozen=True)
class _Cost:
    cllr: float
    cllr_min: float
    low: float
    high: float


def _held_out(usable: Comparisons, kind: str, seed: int) -> _Cost | None:
    """Mean cost, and median bounds, over halvings of the people."""
    costs = []
    for one, other in halvings(usable, HALVINGS, seed):
        for fit_on, test_on in ((one, other), (other, one)):
            train, test = usable.of_people(fit_on), usable.of_people(test_on)
            if min(_kinds(train)) < 2 or min(_kinds(test)) < 2:
                continue
            fitted: Calibration = FITS[kind](train.scores, train.mated)
            llrs = fitted.llr(test.scores)
            yes, no = llrs[test.mated], llrs[~test.mated]
            bounds = elub(yes, no)
            # What is given out is bounded, and so is what it is held against.
            yes, no = np.clip(yes, *bounds), np.clip(no, *bounds)
            least = cllr_min(test.mated_scores, test.non_mated_scores)
            costs.append((cllr(yes, no), least, *bounds))
    if not costs:
        return None
    table = np.array(costs)
    return _Cost(*(float(value) for value in (*table[:, :2].mean(axis=0), *np.median(table[:, 2:], axis=0))))


def halvings(comparisons: Comparisons, count: int, seed: int) -> list[tuple[Numbers, Numbers]]:
    """Ways to halve the people at random."""
    people = np.union1d(comparisons.probes, comparisons.subjects)
    random = np.random.default_rng(seed)
    orders = [random.permutation(people) for _ in range(count)]
    return [(order[: len(order) // 2], order[len(order) // 2 :]) for order in orders]


def _kinds(comparisons: Comparisons) -> tuple[int, int]:
    mated = int(comparisons.mated.sum())
    return mated, len(comparisons) - mated


def _condition(comparisons: Comparisons, where: Range, kinds: Sequence[str] | None, seed: int) -> Condition:
    own = comparisons.only(where.inside)
    mated, non_mated = _kinds(own)
    likelihood, reason = fit_likelihood(own, kinds, seed=seed)
    fnmr = []
    for fmr in FMRS:
        if mated and supports(fmr, int((~comparisons.mated).sum())):
            threshold = threshold_at(comparisons, fmr)
            share = clopper_pearson(int((own.mated_scores < threshold).sum()), mated)
            low, high = resample_people(own, _Rates(own, np.array([threshold])).at, seed=seed)
            share = share.widened(float(low[1, 0]), float(high[1, 0]))
            fnmr.append((fmr, share.errors / share.trials, share.low, share.high))
    return Condition(where.measure, where.low, where.high, mated, non_mated, tuple(fnmr), likelihood, reason)


def supported_fmrs(non_mated: int, fmrs: Sequence[float] = FMRS) -> tuple[float, ...]:
    """Those of the FMRs that so many comparisons can support."""
    return tuple(fmr for fmr in fmrs if non_mated >= least_trials(fmr))
