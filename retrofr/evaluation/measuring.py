"""Everything that follows from labelled comparisons and searches alone: no net and no picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.evaluation.held_out import HeldOut, Observed, hold_out, observe
from retrofr.operating import Operating
from retrofr.rates.comparisons import Comparisons, Scores
from retrofr.rates.identification import CmcPoint, Identification, Searches, cmc, identification
from retrofr.rates.verification import (
    Det,
    VerificationPoint,
    det,
    equal_error_rate,
    supports,
    verification,
)

BINS = 80
SEARCH_RANKS = (None, 1, 10)
"""Ranks within which the mate must be for a search not to miss; None for any."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often scores lie between edges (k + 1): counts (k,) of mated and non-mated comparisons."""

    edges: Scores
    mated: Scores
    non_mated: Scores


@dataclass(frozen=True, eq=False)
class InForce:
    """The threshold and the operating points that a search with these settings would use, on this data.

    Args:
        threshold: the default threshold; None where there is none.
        source: who says so.
        operating: the operating points, or why there are none.
        claims: their thresholds at FMRs, and what these gave here.
    """

    threshold: Observed | None
    source: str
    operating: Operating
    claims: tuple[Observed, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured.

    Args:
        comparisons: that count.
        verification: at the FMRs.
        everything: the same with nothing left out; None where nothing was.
        det, eer, histogram: of the comparisons.
        searches: each probe in the gallery.
        cmc: by rank.
        identification: at the thresholds of the FMRs that the data can support, for each of ``SEARCH_RANKS``; each
            with its FMR.
        held_out: what people who had no part in it say of a calibration.
    """

    comparisons: Comparisons
    verification: tuple[VerificationPoint, ...]
    everything: tuple[VerificationPoint, ...] | None
    det: Det
    eer: float | None
    histogram: Histogram
    searches: Searches
    cmc: tuple[CmcPoint, ...]
    identification: tuple[tuple[float, Identification], ...]
    held_out: HeldOut


def measure(
    comparisons: Comparisons,
    searches: Searches,
    fmrs: Sequence[float],
    *,
    everything: Comparisons | None = None,
    hold_out_share: float = 0.5,
) -> Measured:
    """Measure all that comparisons and searches give.

    Args:
        comparisons: that count.
        searches: of the same faces.
        fmrs: at which rates are told.
        everything: comparisons with nothing left out; None where nothing was.
        hold_out_share: of the people, to check a calibration on.
    """
    points = verification(comparisons, fmrs)
    found = tuple(
        (point.fmr, identification(searches, point.threshold, rank))
        for point in points
        if point.threshold is not None
        for rank in SEARCH_RANKS
    )
    return Measured(
        comparisons,
        points,
        None if everything is None else verification(everything, fmrs),
        det(comparisons),
        equal_error_rate(comparisons),
        histogram(comparisons),
        searches,
        cmc(searches),
        found,
        hold_out(comparisons, fmrs, share=hold_out_share),
    )


def histogram(comparisons: Comparisons) -> Histogram:
    """How scores lie; failures to acquire have none."""
    finite = comparisons.only(np.isfinite(comparisons.scores))
    if not len(finite):
        return Histogram(np.zeros(1), np.zeros(0), np.zeros(0))
    edges = np.histogram_bin_edges(finite.scores, BINS)
    mated, non_mated = (np.histogram(x, edges)[0] for x in (finite.mated_scores, finite.non_mated_scores))
    return Histogram(edges, mated.astype(np.float64), non_mated.astype(np.float64))


def in_force(
    comparisons: Comparisons,
    operating: Operating,
    threshold: float | None,
    source: str,
    fmrs: Sequence[float],
) -> InForce:
    """What the thresholds of the operating points, and the default one, give on these comparisons."""
    claims: list[tuple[float | None, float]] = []
    points = operating.points
    if points is not None:
        claims += [(f, points.threshold_for(f).score) for f in fmrs if supports(f, points.data.non_mated)]
    if threshold is not None:
        claims.append((None, threshold))
    found = observe(comparisons, claims)
    own = found[-1] if found and threshold is not None else None
    return InForce(own, source, operating, found[:-1] if own is not None else found)
