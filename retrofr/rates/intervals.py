"""Intervals of shares: Clopper and Pearson's for independent trials, and a bootstrap over people for those that are
not.

Comparisons that share a person are not independent, so counting them as such makes an interval too narrow. The
bootstrap draws people with replacement: a mated comparison counts as often as its person was drawn, a non-mated one
as often as both were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrofr.rates.comparisons import Comparisons, Scores

LEVEL = 0.95
RESAMPLES = 500


@dataclass(frozen=True)
class Share:
    """So many of so many, with an interval of 95 %.

    Where there was no error ``low`` is 0 and ``high`` the one-sided bound, 1 - 0.05 ** (1 / trials), about 3 / trials
    (the rule of three). Without trials the interval is everything.
    """

    errors: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share itself; None where there was no trial."""
        return self.errors / self.trials if self.trials else None

    @property
    def bound_only(self) -> bool:
        """No error was seen: only "at most ``high``" may be said, never 0 %."""
        return self.errors == 0

    def widened(self, low: float, high: float) -> Share:
        """With the wider of two intervals."""
        return Share(self.errors, self.trials, min(self.low, low), max(self.high, high))


def clopper_pearson(errors: int, trials: int, level: float = LEVEL) -> Share:
    """The exact interval of a share of independent trials, two-sided; one-sided where no error was seen.

    Raises:
        ValueError: not 0 <= errors <= trials.
    """
    from scipy.special import betaincinv

    if not 0 <= errors <= trials:
        raise ValueError(f"expected 0 to {trials} errors, got {errors}")
    if trials == 0:
        return Share(0, 0, 0.0, 1.0)
    if errors == 0:
        return Share(0, trials, 0.0, float(-np.expm1(np.log1p(-level) / trials)))
    tail = (1 - level) / 2
    low = float(betaincinv(errors, trials - errors + 1, tail))
    high = 1.0 if errors == trials else float(betaincinv(errors + 1, trials - errors, 1 - tail))
    return Share(errors, trials, low, high)


def least_trials(rate: float, level: float = LEVEL) -> int:
    """How many independent trials without error carry the claim that the rate is at most this (exact rule of three)."""
    return int(np.ceil(np.log1p(-level) / np.log1p(-rate)))


def resample_people(
    comparisons: Comparisons,
    statistic: Callable[[Scores], Scores],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[Scores, Scores]:
    """Interval of statistics (k,) from drawing people with replacement.

    Args:
        statistic: gives k values for weights (n,) of the comparisons.

    Returns:
        Low and high (k,). A value that is not a number in a draw does not count there.
    """
    names, places = np.unique(np.concatenate([comparisons.probes, comparisons.subjects]), return_inverse=True)
    one, other = places[: len(comparisons)], places[len(comparisons) :]
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        times = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names)).astype(
            np.float64
        )
        values.append(statistic(np.where(comparisons.mated, times[one], times[one] * times[other])))
    tail = 100 * (1 - level) / 2
    low, high = np.nanpercentile(np.asarray(values, np.float64), [tail, 100 - tail], axis=0)
    return low, high
