"""The cost of likelihood ratios: Brümmer and du Preez, Application-independent evaluation, 2006."""

from __future__ import annotations

import numpy as np

from retrofr.calibration.pav import fit_pav
from retrofr.rates.comparisons import Scores


def cllr(mated_llr: Scores, non_mated_llr: Scores) -> float:
    """Cllr of log10 likelihood ratios: 0 is perfect, 1 is what a system that always says 1 costs.

    Raises:
        ValueError: one of the sides is empty.
    """
    if not len(mated_llr) or not len(non_mated_llr):
        raise ValueError("Cllr needs comparisons of both kinds")
    # log2(1 + 10^x), without overflow for large x
    return float((_cost(-np.asarray(mated_llr)).mean() + _cost(np.asarray(non_mated_llr)).mean()) / 2)


def cllr_min(mated: Scores, non_mated: Scores) -> float:
    """The least Cllr that any monotone calibration of these scores or ratios could have (by PAV)."""
    scores = np.concatenate([mated, non_mated])
    labels = np.concatenate([np.ones(len(mated), bool), np.zeros(len(non_mated), bool)])
    fitted = fit_pav(scores, labels)
    return cllr(fitted.llr(mated), fitted.llr(non_mated))


def cllr_cal(mated_llr: Scores, non_mated_llr: Scores) -> float:
    """What of the Cllr is due to calibration: Cllr - Cllr_min."""
    return cllr(mated_llr, non_mated_llr) - cllr_min(mated_llr, non_mated_llr)


def _cost(log10_odds: Scores) -> Scores:
    return np.asarray(np.logaddexp(0.0, log10_odds * np.log(10)) / np.log(2))
