"""One face against many: what a search finds of who is there, and what of who is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.rates.comparisons import Mask, Numbers, Scores
from retrofr.rates.intervals import Share, clopper_pearson

RANKS = (1, 2, 5, 10, 20, 50)


@dataclass(frozen=True, eq=False)
class Searches:
    """Scores of searches: each probe against everything in the gallery.

    Args:
        scores: (P, G); ``FAILED`` where a face could not be acquired.
        probes: (P,) number of each probe's person.
        gallery: (G,) number of the person of each entry; -1 where nobody knows who it is.
        apart: (P, G) True where an entry is no fair trial for a probe, its own photo for example; None for nowhere.
    """

    scores: Scores
    probes: Numbers
    gallery: Numbers
    apart: Mask | None = None

    def __post_init__(self) -> None:
        wanted = (len(self.probes), len(self.gallery))
        if self.scores.shape != wanted or (self.apart is not None and self.apart.shape != wanted):
            raise ValueError(f"searches: expected scores of shape {wanted}, got {self.scores.shape}")

    @property
    def mates(self) -> Mask:
        """(P, G) True where an entry is the probe's person."""
        mates = (self.probes[:, None] == self.gallery[None]) & (self.gallery[None] >= 0)
        return np.asarray(mates if self.apart is None else mates & ~self.apart)

    @property
    def others(self) -> Mask:
        """(P, G) True where an entry is known to be somebody else."""
        others = (self.probes[:, None] != self.gallery[None]) & (self.gallery[None] >= 0)
        return np.asarray(others if self.apart is None else others & ~self.apart)


@dataclass(frozen=True)
class CmcPoint:
    """Share of the probes with a mate whose best mate is among the first ``rank`` entries, at any threshold."""

    rank: int
    found: Share


@dataclass(frozen=True)
class Identification:
    """What searches at a threshold gave.

    Args:
        fpir: share of the searches, each with the probe's own mates taken out, that gave a false candidate.
        fnir: share of the searches of who is there that did not give the mate, within ``rank`` where that is not
            None.
        entries: how many gallery entries a search went through, on average.
        false_candidates: how many there were over all searches.
    """

    threshold: float
    rank: int | None
    fpir: Share
    fnir: Share
    entries: float
    false_candidates: int


def best_mate_ranks(searches: Searches) -> Numbers:
    """(P,) rank of each probe's best mate from 1, among those who are not its mates and itself; 0 without a mate.

    An entry with the same score goes before the mate. A mate that could not be acquired is behind everything.
    """
    mates, others = searches.mates, searches.others
    best = np.where(mates, searches.scores, -np.inf).max(axis=1, initial=-np.inf)
    before = (others & (searches.scores >= best[:, None])).sum(axis=1)
    last = others.sum(axis=1)
    ranks = np.where(np.isfinite(best), before, last) + 1
    return np.where(mates.any(axis=1), ranks, 0).astype(np.int64)


def cmc(searches: Searches, ranks: Sequence[int] = RANKS) -> tuple[CmcPoint, ...]:
    """The cumulative match characteristic: only ranks that the gallery has; empty where nobody searched is there."""
    found = best_mate_ranks(searches)
    found = found[found > 0]
    if not len(found):
        return ()
    return tuple(
        CmcPoint(rank, clopper_pearson(int((found <= rank).sum()), len(found)))
        for rank in ranks
        if rank <= len(searches.gallery)
    )


def identification(searches: Searches, threshold: float, rank: int | None = None) -> Identification:
    """FPIR and FNIR at a threshold."""
    above, others = np.asarray(searches.scores >= threshold), searches.others
    tried = others.any(axis=1)
    false = np.asarray(above & others)
    ranks = best_mate_ranks(searches)
    there = ranks > 0
    given = np.asarray((above & searches.mates).any(axis=1))
    if rank is not None:
        given &= ranks <= rank
    return Identification(
        threshold,
        rank,
        clopper_pearson(int((false.any(axis=1) & tried).sum()), int(tried.sum())),
        clopper_pearson(int((there & ~given).sum()), int(there.sum())),
        float(others[tried].sum(axis=1).mean()) if tried.any() else 0.0,
        int(false.sum()),
    )
