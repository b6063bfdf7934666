"""What a search says of chance, held against searches of people who are not there.

    python benchmarks/expected_false.py --data ../shared/data/faces

The people are divided in two halves, and each half has its turn. One half measures a threshold with its FMR and the
interval of that, as ``retrofr calibrate`` does. Among the other half a thousand searches are drawn: a photo, and as
many photos of other people as ``--gallery`` says, so that whatever reaches the threshold is false. Printed are false
candidates and the share of searches with at least one, as stated before and as seen. The default system; the pairs of
people in ``faces_excluded.toml`` are not drawn together. Photos of a half are drawn again and again, so the thousand
searches are not independent: intervals are those of the statement, and no test of chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _photos import doubtful, photos_or_skip, table

from retrofr.calibration.statement import expected_false
from retrofr.evaluation.evaluating import acquire
from retrofr.evaluation.held_out import observe
from retrofr.evaluation.photos import score_matrix
from retrofr.rates.comparisons import Comparisons, Numbers, Scores, all_pairs
from retrofr.rates.verification import threshold_at
from retrofr.settings import Settings

FMRS = (1e-2, 1e-3, 1e-4)
SEARCHES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.tsv and the photos")
    parser.add_argument("--gallery", type=int, default=200, help="photos of other people in each search")
    options = parser.parse_args()
    material = photos_or_skip(options.data)
    if material is None:
        return
    labelled = acquire(material, Settings())
    scores, people = score_matrix(labelled.faces, labelled.nets.comparison), labelled.material.people
    sure = ~doubtful(labelled.material)
    pairs = all_pairs(scores, people).only(all_pairs(sure.astype(np.float64), people).scores > 0)
    print(f"{SEARCHES:,} searches in each turn, {options.gallery} photos of other people in each\n")
    rows = [row for half in (0, 1) for row in _turn(pairs, scores, people, sure, half, options.gallery)]
    head = ("half", "claimed FMR", "threshold", "expected", "found", "P(at least one)", "searches with one")
    print(table(head, rows))


def _turn(
    pairs: Comparisons,
    scores: Scores,
    people: Numbers,
    sure: npt.NDArray[np.bool_],
    half: int,
    gallery: int,
) -> Iterator[tuple[str, ...]]:
    """A row for each FMR: claimed on the people of the other half, seen on those of this one."""
    everybody = np.unique(people)
    claimed = pairs.of_people(everybody[everybody % 2 != half])
    claims = observe(claimed, [(None, threshold_at(claimed, fmr)) for fmr in FMRS])
    drawn = np.array(list(_searches(people, sure, half, gallery)))
    reached = scores[drawn[:, :1], drawn[:, 1:]]
    for fmr, claim in zip(FMRS, claims, strict=True):
        point = claim.fmr_here
        assert point.value is not None  # there are comparisons
        stated = expected_false(gallery, _Rate(point.value, point.low, point.high, point.errors))
        found = (reached >= claim.threshold).sum(axis=1)
        yield (
            "second" if half else "first",
            f"{fmr:g}",
            f"{claim.threshold:.2f}",
            f"{SEARCHES * stated.expected:,.0f} "
            f"[{SEARCHES * stated.expected_low:,.0f}, {SEARCHES * stated.expected_high:,.0f}]",
            f"{int(found.sum()):,}",
            f"{stated.at_least_one:.3f} [{stated.at_least_one_low:.3f}, {stated.at_least_one_high:.3f}]",
            f"{(found > 0).mean():.3f}",
        )


class _Rate:
    """An FMR as the statement takes it."""

    def __init__(self, fmr: float, low: float, high: float, errors: int) -> None:
        self.fmr, self.low, self.high, self.errors = fmr, low, high, errors


def _searches(
    people: Numbers, sure: npt.NDArray[np.bool_], half: int, gallery: int
) -> Iterator[npt.NDArray[np.int64]]:
    """(1 + gallery,) numbers of photos: the probe, then others of people who are not its own."""
    random = np.random.default_rng(half)
    own = np.flatnonzero(people % 2 == half)
    for probe in random.choice(own, SEARCHES):
        others = own[(people[own] != people[probe]) & sure[probe, own]]
        yield np.concatenate([[probe], random.choice(others, gallery, replace=False)])


if __name__ == "__main__":
    main()
