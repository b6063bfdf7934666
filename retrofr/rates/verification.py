"""One face against one face: FMR and FNMR at thresholds, thresholds at FMRs, the DET curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.rates.comparisons import Comparisons, Mask, Scores
from retrofr.rates.intervals import Share, clopper_pearson, least_trials, resample_people

FMRS = (1e-2, 1e-3, 1e-4, 1e-5)
"""False match rates at which rates are told."""


@dataclass(frozen=True)
class RatesAt:
    """What a threshold means on some comparisons: shares of non-mated ones at or above it, of mated ones below it."""

    threshold: float
    fmr: Share
    fnmr: Share


@dataclass(frozen=True)
class VerificationPoint:
    """The true match rate at a false match rate.

    Args:
        fmr: the target.
        threshold: the lowest with at most that FMR on the data; None where the data cannot carry the claim.
        tmr: share of mated comparisons at or above it, a failure to acquire counting as below.
        tmr_low, tmr_high: 95 %, the wider of an interval from drawing people, the threshold found anew in each draw,
            and of Clopper and Pearson's: where nobody was missed every draw says 1, which no data can show.
        mated, non_mated: how many comparisons.
        false_matches: how many non-mated ones are at or above the threshold.
        reason: why there is no threshold; empty where there is one.
    """

    fmr: float
    threshold: float | None
    tmr: float | None
    tmr_low: float | None
    tmr_high: float | None
    mated: int
    non_mated: int
    false_matches: int | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Det:
    """FMR and FNMR over thresholds, each (k,), thresholds rising."""

    thresholds: Scores
    fmr: Scores
    fnmr: Scores


def rates_at(comparisons: Comparisons, threshold: float) -> RatesAt:
    """FMR and FNMR at a threshold, with intervals as of independent comparisons."""
    false, true = comparisons.non_mated_scores >= threshold, comparisons.mated_scores >= threshold
    return RatesAt(
        threshold,
        clopper_pearson(int(false.sum()), len(false)),
        clopper_pearson(int((~true).sum()), len(true)),
    )


def supports(fmr: float, non_mated: int) -> bool:
    """Whether so many non-mated comparisons can carry a claim of this FMR: none of them a false match would do."""
    return non_mated >= least_trials(fmr)


def unsupported(fmr: float) -> str:
    """Why there is no figure at an FMR."""
    return f"insufficient data: an FMR of {fmr:g} needs at least {least_trials(fmr):,} non-mated comparisons"


def threshold_at(comparisons: Comparisons, fmr: float) -> float:
    """The lowest threshold with at most this FMR on the data: just above the first non-mated score too many.

    Raises:
        ValueError: there are no non-mated comparisons.
    """
    falls = np.sort(comparisons.non_mated_scores)[::-1]
    if not len(falls):
        raise ValueError("no non-mated comparisons")
    allowed = int(np.floor(fmr * len(falls) * (1 + 1e-12)))
    if allowed >= len(falls):
        return float(falls[-1])
    return float(np.nextafter(falls[allowed], np.inf))


class Weighted:
    """Rates of comparisons that count so many times; sorted once, for many draws of people."""

    def __init__(self, comparisons: Comparisons, fmrs: Sequence[float]) -> None:
        mated = comparisons.mated
        self._non, self._yes = np.flatnonzero(~mated), np.flatnonzero(mated)
        self._non = self._non[np.argsort(-comparisons.scores[self._non], kind="stable")]
        self._yes = self._yes[np.argsort(-comparisons.scores[self._yes], kind="stable")]
        self._falls, self._trues = comparisons.scores[self._non], comparisons.scores[self._yes]
        self._fmrs = np.asarray(fmrs, np.float64)

    def tmr(self, weights: Scores) -> Scores:
        """TMR at each FMR (k,); not a number where a side has no weight."""
        share, true = np.cumsum(weights[self._non]), np.cumsum(weights[self._yes])
        if not len(share) or not len(true) or share[-1] <= 0 or true[-1] <= 0:
            return np.full(len(self._fmrs), np.nan)
        first_too_many = np.searchsorted(share / share[-1], self._fmrs * (1 + 1e-12), side="right")
        within = np.minimum(first_too_many, len(share) - 1)
        # At or above just over that score: strictly above the score itself.
        count = np.searchsorted(-self._trues, -self._falls[within], side="left")
        return np.asarray(np.where(count > 0, true[np.maximum(count, 1) - 1], 0.0) / true[-1])


def verification(
    comparisons: Comparisons, fmrs: Sequence[float] = FMRS, *, resamples: int = 500
) -> tuple[VerificationPoint, ...]:
    """TMR at each of the FMRs, with intervals over people."""
    mated, non_mated = int(comparisons.mated.sum()), int((~comparisons.mated).sum())
    kept = [fmr for fmr in fmrs if mated and supports(fmr, non_mated)]
    low = high = np.zeros(0)
    if kept:
        low, high = resample_people(comparisons, Weighted(comparisons, kept).tmr, resamples=resamples)
    points = []
    for fmr in fmrs:
        if fmr not in kept:
            reason = unsupported(fmr) if mated else "insufficient data: nobody is on two photos"
            points.append(VerificationPoint(fmr, None, None, None, None, mated, non_mated, None, reason))
            continue
        place, threshold = kept.index(fmr), threshold_at(comparisons, fmr)
        found = rates_at(comparisons, threshold)
        tmr = 1 - found.fnmr.errors / mated
        missed = found.fnmr.widened(1 - float(high[place]), 1 - float(low[place]))
        points.append(
            VerificationPoint(
                *(fmr, threshold, tmr, 1 - missed.high, 1 - missed.low),
                *(mated, non_mated, found.fmr.errors),
            )
        )
    return tuple(points)


def det(comparisons: Comparisons, points: int = 200) -> Det:
    """FMR and FNMR at thresholds that lie where scores do, the strictest of them above all non-mated scores."""
    finite = comparisons.scores[np.isfinite(comparisons.scores)]
    non, yes = np.sort(comparisons.non_mated_scores), np.sort(comparisons.mated_scores)
    if not len(finite) or not len(non) or not len(yes):
        return Det(np.zeros(0), np.zeros(0), np.zeros(0))
    # Even steps in the logarithm of the FMR, where the curve is read, and even steps of the score for the rest.
    ranks = len(non) - np.geomspace(1, len(non), points // 2).astype(np.int64)
    steps = np.linspace(finite.min(), finite.max(), points // 2)
    thresholds = np.unique(np.concatenate([non[ranks], steps, [np.nextafter(non[-1], np.inf)]]))
    thresholds = thresholds[np.isfinite(thresholds)]
    fmr = 1 - np.searchsorted(non, thresholds, side="left") / len(non)
    fnmr = np.searchsorted(yes, thresholds, side="left") / len(yes)
    return Det(thresholds, fmr, fnmr)


def equal_error_rate(comparisons: Comparisons) -> float | None:
    """Where FMR and FNMR cross, between the two nearest thresholds; None without comparisons of both kinds."""
    curve = det(comparisons, 2000)
    if not len(curve.thresholds):
        return None
    at = int(np.argmin(np.abs(curve.fmr - curve.fnmr)))
    return float((curve.fmr[at] + curve.fnmr[at]) / 2)


def reached(comparisons: Comparisons, threshold: float) -> Mask:
    """(n,) whether each comparison is at or above a threshold."""
    return np.asarray(comparisons.scores >= threshold)
