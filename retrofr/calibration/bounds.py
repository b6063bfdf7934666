"""How far likelihood ratios may be believed: empirical upper and lower bounds (ELUB).

Vergeer, van Es, de Jongh, Alberink and Stoel, Numerical likelihood ratios outputted by LR systems are often based on
extrapolation: when to stop extrapolating? Science and Justice 56, 2016. A ratio is believed as far as deciding by
it costs less than deciding without any, after one misleading ratio was added on each side.
"""

from __future__ import annotations

import numpy as np

from retrofr.rates.comparisons import Scores

STEP = 0.01
EXTREME = 9.0


def elub(mated_llr: Scores, non_mated_llr: Scores) -> tuple[float, float]:
    """The lowest and the highest log10 likelihood ratio that these data carry; never beyond what their number allows.

    Args:
        mated_llr, non_mated_llr: log10 ratios of the validation data, infinite ones allowed; neither empty.
    """
    mated = np.clip(np.asarray(mated_llr, np.float64), -EXTREME, EXTREME)
    non_mated = np.clip(np.asarray(non_mated_llr, np.float64), -EXTREME, EXTREME)
    lowest = max(min(mated.min(), non_mated.min()), -np.log10(len(mated) + 1))
    highest = min(max(mated.max(), non_mated.max()), np.log10(len(non_mated) + 1))
    first = min(0, int(np.floor_divide(lowest, STEP)))
    last = max(0, int(np.floor_divide(highest, STEP)) + 1)
    steps = np.linspace(first * STEP, last * STEP, last - first + 1)
    odds = 10**steps
    # What deciding costs at each of these odds, by the ratios and without them.
    missed = 1 - (_above(10**mated, odds)) / (len(mated) + 1)
    false = (_above(10**non_mated, odds) + 1) / (len(non_mated) + 1)
    neutral = np.where(odds < 1, odds, 1.0)
    worse = neutral < missed + odds * false
    low = max((float(step) + STEP for step in steps[(steps <= 0) & worse]), default=float(steps[0]))
    high = min((float(step) - STEP for step in steps[(steps >= 0) & worse]), default=float(steps[-1]))
    return min(max(low, float(steps[0])), 0.0), max(min(high, float(steps[-1])), 0.0)


def _above(values: Scores, limits: Scores) -> Scores:
    return np.asarray(len(values) - np.searchsorted(np.sort(values), limits, side="right"), np.float64)
