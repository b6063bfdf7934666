"""The exact scan: which faces of a block are near enough to a probe's pictures to matter, none left out.

Templates become index vectors, whose distance falls as the score rises. :class:`Reach` turns a score into the
distance beyond which no face can have it, rounding included; what is within it is compared exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrofr.gallery.base import Ids
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.records import Floats

PICTURES_AT_ONCE = 512
ROWS_AT_ONCE = 8192
"""Together the size of the table of distances that is in memory at once: 16 MiB."""

SCORE_ROUNDING = 1e-5
"""How far, relative to the larger of 1 and the score, rounding to float32 moves a score; generous."""

Wide = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VectorBlock:
    """Index vectors of some tracklets: ``tracklets`` (T,) ids, ``counts`` (T,), ``vectors`` (N, E), N = sum of counts.

    ``vectors`` are float32, or int8 to be multiplied by ``scale`` (E,); no true vector is further than ``error``
    from what is stored. ``templates`` (N, D) are None where they have to be fetched. ``norms`` (N,) float32 are the
    squared lengths of what is stored, None where they have to be computed.
    """

    tracklets: Ids
    counts: Ids
    vectors: npt.NDArray[np.float32] | npt.NDArray[np.int8]
    scale: Floats | None = None
    error: float = 0.0
    templates: Floats | None = None
    norms: Floats | None = None

    @property
    def owners(self) -> Ids:
        """(N,) the number in this block of the tracklet that each row belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def float_vectors(self, rows: Ids | slice = slice(None)) -> Floats:
        """The vectors of some rows, float32, to ``error``."""
        chosen = self.vectors[rows].astype(np.float32)
        return chosen if self.scale is None else chosen * self.scale


class Reach:
    """The distance of index vectors beyond which a score cannot be reached.

    Any embedder's contract is that the score falls as the distance grows, not how. So the curve is sampled once:
    a template is turned all the way round to its opposite and then stretched, and each step compared with it.
    """

    STEPS = 1024

    def __init__(self, comparison: ComparesTemplates, template: Floats) -> None:
        base = template.astype(np.float64)
        if not base.any():
            base = np.ones_like(base)
        side = np.random.default_rng(0).normal(size=base.shape)
        side -= base * (side @ base) / (base @ base)
        side *= np.linalg.norm(base) / (np.linalg.norm(side) or 1.0)
        turn = np.linspace(0, np.pi, self.STEPS)[:, None]
        stretch = np.linspace(1, 100, self.STEPS)[:, None]
        path = np.concatenate([base * np.cos(turn) + side * np.sin(turn), -base * stretch]).astype(np.float32)
        start = base.astype(np.float32)[None]
        vectors = comparison.index_vectors(np.concatenate([start, path])).astype(np.float64)
        distances = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
        scores = comparison.compare(start, path)[0].astype(np.float64)
        order = np.argsort(distances, kind="stable")
        self._distances = np.append(distances[order], np.inf)
        # The highest score at or beyond each distance, so that rounding on the way does not cut anything off.
        self._scores = np.maximum.accumulate(scores[order][::-1])[::-1]

    def of(self, scores: npt.ArrayLike) -> Wide:
        """For each score a distance: whatever is further away scores less. Infinite where nothing is known."""
        wanted = np.asarray(scores, np.float64)
        with np.errstate(invalid="ignore"):
            low = wanted - SCORE_ROUNDING * np.maximum(1, np.abs(wanted))
        # ``_scores`` falls: the first step below the score is where it is out of reach.
        first = np.searchsorted(-self._scores, -np.where(np.isnan(low), -np.inf, low), side="right")
        return np.asarray(self._distances[np.minimum(first, len(self._scores))])


class Pictures:
    """Index vectors (Q, E) of what faces are compared with, ready to be multiplied with blocks."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        self._norms = (self.vectors.astype(np.float64) ** 2).sum(axis=1)

    def __len__(self) -> int:
        return len(self.vectors)

    def within(self, block: VectorBlock, reach: Wide, only: Ids | None = None) -> Iterator[tuple[Ids, Ids]]:
        """Pairs (picture, row of the block) at most ``reach`` (Q,) apart, in pieces; some may be a little further.

        Args:
            only: numbers of the pictures to look at, all where None; ``reach`` stays (Q,).
        """
        chosen = np.arange(len(self)) if only is None else only
        for start in range(0, len(block.vectors), ROWS_AT_ONCE):
            rows, norms, slack = self._rows(block, start)
            for at in range(0, len(chosen), PICTURES_AT_ONCE):
                part = chosen[at : at + PICTURES_AT_ONCE]
                limit = (reach[part] + block.error) ** 2 - self._norms[part] + slack
                near = self._table(block, part, rows, norms) <= limit.astype(np.float32)
                found = np.flatnonzero(near)
                if len(found):
                    yield part[found % len(part)], found // len(part) + start

    def nearest(self, block: VectorBlock, chosen: Ids, owners: Ids) -> Wide:
        """Squared distance of every tracklet's face that is nearest to one of a set of pictures.

        Args:
            chosen: numbers of the pictures to look at.
            owners: (len(chosen),) the set that each belongs to, from 0, ascending.

        Returns:
            (sets, T).
        """
        count = int(owners[-1]) + 1
        best = np.full((count, len(block.counts)), np.inf)
        tracklets = block.owners
        for start in range(0, len(block.vectors), ROWS_AT_ONCE):
            rows, norms, _ = self._rows(block, start)
            table = self._table(block, chosen, rows, norms) + self._norms[chosen]
            own = tracklets[start : start + len(rows)]
            firsts = np.flatnonzero(np.diff(own, prepend=-1))
            by_tracklet = np.minimum.reduceat(table, firsts, axis=0)
            sets = np.flatnonzero(np.diff(owners, prepend=-1))
            by_probe = np.minimum.reduceat(by_tracklet, sets, axis=1).T
            best[:, own[firsts]] = np.minimum(best[:, own[firsts]], by_probe)
        return best

    def _rows(self, block: VectorBlock, start: int) -> tuple[Floats, Floats, float]:
        """Some rows as float32, their squared norms, and how far float32 may be off in a squared distance."""
        rows = block.vectors[start : start + ROWS_AT_ONCE].astype(np.float32)
        if block.norms is not None:
            norms = block.norms[start : start + ROWS_AT_ONCE]
        else:
            scaled = rows if block.scale is None else rows * block.scale
            norms = np.einsum("ij,ij->i", scaled, scaled)
        largest = np.sqrt(norms.max(initial=0)) + np.sqrt(self._norms.max(initial=0))
        # A sum of n products is off by at most n roundings of the product of the norms (Higham, 2002, section 3.1).
        slack = 2 * (rows.shape[1] + 8) * 2.0**-24 * float(largest) ** 2
        return rows, norms, slack

    def _table(self, block: VectorBlock, part: Ids, rows: Floats, norms: Floats) -> Floats:
        """(rows, pictures): squared distance less the picture's own norm."""
        pictures = self.vectors[part] if block.scale is None else self.vectors[part] * block.scale
        table = rows @ (pictures * np.float32(-2)).T
        table += norms[:, None]
        return table
