"""What was claimed on some people, held against others who had no part in it: thresholds and likelihood ratios.

People are divided, not comparisons. With half of them held out each half takes its turn, and what both turns gave
is put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from retrofr.calibration.bounds import elub
from retrofr.calibration.cllr import cllr, cllr_min
from retrofr.calibration.fitting import fit_likelihood
from retrofr.calibration.pav import fit_pav
from retrofr.rates.comparisons import Comparisons, Numbers, Scores
from retrofr.rates.intervals import Share, clopper_pearson, resample_people
from retrofr.rates.verification import supports, threshold_at

HALF = 0.5
LEAST_PEOPLE = 20
"""Fewer people are not divided: either part would be too small to say anything."""


@dataclass(frozen=True)
class Observed:
    """What a threshold that was claimed to have an FMR gave.

    Args:
        fmr: the claim; None where the threshold was claimed to have none.
        threshold: at or above it.
        fmr_here, fnmr_here: shares here, each with the wider of Clopper and Pearson's interval and one from
            drawing people.
    """

    fmr: float | None
    threshold: float
    fmr_here: Share
    fnmr_here: Share

    @property
    def holds(self) -> bool | None:
        """Whether the claim lies in the interval of what was seen; None without a claim."""
        return None if self.fmr is None else self.fmr_here.low <= self.fmr <= self.fmr_here.high


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What people who had no part in it say of a calibration.

    Args:
        share: of the people who were held out.
        claims: a part's thresholds at FMRs, on the other part; each turn has its own.
        reason: why there are no likelihood ratios; empty where there are.
        kind: of the calibration, as chosen in the first turn.
        mated, non_mated: log10 likelihood ratios of held-out comparisons, bounded.
        low, high: the widest bounds of the turns.
    """

    share: float
    claims: tuple[Observed, ...]
    reason: str = ""
    kind: str = ""
    mated: Scores = field(default_factory=lambda: np.zeros(0))
    non_mated: Scores = field(default_factory=lambda: np.zeros(0))
    low: float = 0.0
    high: float = 0.0

    @property
    def cllr(self) -> float | None:
        """The cost of these ratios; None without any."""
        return cllr(self.mated, self.non_mated) if len(self.mated) and len(self.non_mated) else None

    @property
    def cllr_min(self) -> float | None:
        """The least cost that any monotone calibration of them could have."""
        return cllr_min(self.mated, self.non_mated) if len(self.mated) and len(self.non_mated) else None

    @property
    def bounds_held(self) -> tuple[float, float] | None:
        """The bounds (ELUB) that the held-out ratios themselves carry."""
        return elub(self.mated, self.non_mated) if len(self.mated) and len(self.non_mated) else None


def observe(comparisons: Comparisons, claims: Sequence[tuple[float | None, float]]) -> tuple[Observed, ...]:
    """What thresholds give on some comparisons.

    Args:
        claims: an FMR or None, and the threshold that is said to have it.
    """
    if not claims or not comparisons.mated.any() or comparisons.mated.all():
        return ()
    thresholds = np.array([threshold for _, threshold in claims])
    above = comparisons.scores[None] >= thresholds[:, None]
    mated = comparisons.mated

    def rates(weights: Scores) -> Scores:
        non, yes = np.where(mated, 0.0, weights), np.where(mated, weights, 0.0)
        with np.errstate(invalid="ignore"):
            return np.concatenate([above @ non / non.sum(), 1 - above @ yes / yes.sum()])

    low, high = resample_people(comparisons, rates)
    found = []
    for place, (fmr, threshold) in enumerate(claims):
        false, missed = above[place][~mated], ~above[place][mated]
        other = place + len(claims)
        found.append(
            Observed(
                fmr,
                threshold,
                clopper_pearson(int(false.sum()), len(false)).widened(float(low[place]), float(high[place])),
                clopper_pearson(int(missed.sum()), len(missed)).widened(
                    float(low[other]), float(high[other])
                ),
            )
        )
    return tuple(found)


def hold_out(
    comparisons: Comparisons, fmrs: Sequence[float], *, share: float = HALF, seed: int = 0
) -> HeldOut:
    """Calibrate on a part of the people and hold it against the others.

    Args:
        comparisons: with failures to acquire, which have no likelihood ratio.
        fmrs: of the thresholds to claim; those that a part cannot support are left out.
        share: of the people to hold out; with a half each half has its turn.
    """
    people = np.union1d(comparisons.probes, comparisons.subjects)
    if len(people) < LEAST_PEOPLE:
        return HeldOut(
            share, (), f"insufficient data: {len(people)} people; {LEAST_PEOPLE} are needed to divide them"
        )
    claims: list[Observed] = []
    ratios: list[tuple[Scores, Scores]] = []
    bounds: list[tuple[float, float]] = []
    kinds, reason = [], ""
    for fit_on, test_on in _turns(people, share, seed):
        train, test = comparisons.of_people(fit_on), comparisons.of_people(test_on)
        non_mated = int((~train.mated).sum())
        claims += observe(test, [(fmr, threshold_at(train, fmr)) for fmr in fmrs if supports(fmr, non_mated)])
        likelihood, reason = fit_likelihood(train, seed=seed)
        usable = test.only(np.isfinite(test.scores))
        if likelihood is None or not usable.mated.any() or usable.mated.all():
            continue
        llrs = np.clip(likelihood.calibration.llr(usable.scores), likelihood.llr_low, likelihood.llr_high)
        ratios.append((llrs[usable.mated], llrs[~usable.mated]))
        bounds.append((likelihood.llr_low, likelihood.llr_high))
        kinds.append(likelihood.kind)
    if not ratios:
        return HeldOut(share, tuple(claims), f"insufficient data: {reason}")
    return HeldOut(
        share,
        tuple(claims),
        "",
        kinds[0],
        np.concatenate([mated for mated, _ in ratios]),
        np.concatenate([non_mated for _, non_mated in ratios]),
        min(low for low, _ in bounds),
        max(high for _, high in bounds),
    )


def _turns(people: Numbers, share: float, seed: int) -> list[tuple[Numbers, Numbers]]:
    order = np.random.default_rng(seed).permutation(people)
    held = max(1, min(len(order) - 1, round(share * len(order))))
    fit_on, test_on = order[held:], order[:held]
    return [(fit_on, test_on), (test_on, fit_on)] if share == HALF else [(fit_on, test_on)]


@dataclass(frozen=True, eq=False)
class Curves:
    """What plots of likelihood ratios show, each (k,).

    Args:
        llr: places.
        mated_above, non_mated_above: Tippett: share of each kind with at least that ratio.
        stated, found: reliability: ratios that were stated, and those that the held-out data give for them (by PAV).
    """

    llr: Scores
    mated_above: Scores
    non_mated_above: Scores
    stated: Scores
    found: Scores


def curves(held: HeldOut, points: int = 201) -> Curves | None:
    """The curves of held-out likelihood ratios; None without any."""
    if not len(held.mated) or not len(held.non_mated):
        return None
    places = np.linspace(held.low, held.high, points)
    above = [
        1 - np.searchsorted(np.sort(x), places, side="left") / len(x) for x in (held.mated, held.non_mated)
    ]
    stated = np.concatenate([held.mated, held.non_mated])
    labels = np.concatenate([np.ones(len(held.mated), bool), np.zeros(len(held.non_mated), bool)])
    fitted = fit_pav(stated, labels)
    found = fitted.llr(places)
    inside = np.isfinite(found)
    return Curves(places, above[0], above[1], places[inside], found[inside])
