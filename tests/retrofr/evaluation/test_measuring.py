"""What follows from scores: claims on held-out people, ratios, groups; and what too little data cannot say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrofr.calibration.cllr import cllr, cllr_min
from retrofr.evaluation.grouping import measure_groups
from retrofr.evaluation.held_out import curves, hold_out, observe
from retrofr.evaluation.labels import Groups
from retrofr.evaluation.measuring import in_force, measure
from retrofr.operating import Operating
from retrofr.rates.comparisons import FAILED, Comparisons, Mask, Numbers, Scores, all_pairs
from retrofr.rates.identification import Searches


def simulated(people: int, photos: int = 4, apart: float = 4.0, seed: int = 1) -> tuple[Scores, Numbers]:
    """A matrix of scores, normal around 0 for two people and around ``apart`` for one, and whose photos they are."""
    random = np.random.default_rng(seed)
    whose = np.repeat(np.arange(people), photos).astype(np.int64)
    scores = random.normal(size=(len(whose), len(whose)))
    scores = np.triu(scores, 1) + np.triu(scores, 1).T
    return scores + apart * (whose[:, None] == whose[None]), whose


def searches_of(scores: Scores, whose: Numbers) -> Searches:
    return Searches(scores, whose, whose, np.eye(len(whose), dtype=bool))


def test_claims_and_ratios_of_people_who_had_no_part_in_them() -> None:
    # As many photos as the shared ones: with few mated comparisons the bounds alone cost more than the 15 % below.
    comparisons = all_pairs(*simulated(80, 8))
    held = hold_out(comparisons, (1e-2, 1e-3, 1e-6))
    assert [each.fmr for each in held.claims] == [1e-2, 1e-3, 1e-2, 1e-3]
    assert all(each.holds for each in held.claims)
    assert held.cllr == pytest.approx(cllr(held.mated, held.non_mated))
    assert held.cllr_min == pytest.approx(cllr_min(held.mated, held.non_mated))
    assert held.cllr is not None
    assert held.cllr <= 1.15 * (held.cllr_min or 0)
    both = np.concatenate([held.mated, held.non_mated])
    assert held.low <= both.min() < 0 < both.max() <= held.high
    assert len(held.mated) == 80 * 28


def test_one_turn_only_where_another_share_is_held_out() -> None:
    comparisons = all_pairs(*simulated(40))
    held = hold_out(comparisons, (1e-2,), share=0.25)
    assert len(held.claims) == 1
    assert held.claims[0].fnmr_here.trials == 10 * 6


def test_few_people_are_not_divided() -> None:
    held = hold_out(all_pairs(*simulated(19)), (1e-2,))
    assert held.reason == "insufficient data: 19 people; 20 are needed to divide them"
    assert (held.claims, held.cllr, held.cllr_min, held.bounds_held, curves(held)) == (
        (),
        None,
        None,
        None,
        None,
    )


def test_a_false_claim_is_seen() -> None:
    comparisons = all_pairs(*simulated(30))
    wrong, right = observe(comparisons, [(1e-4, 0.0), (0.5, 0.0)])
    assert (wrong.holds, right.holds) == (False, True)
    assert wrong.fmr_here.errors == int((comparisons.non_mated_scores >= 0).sum())
    assert observe(comparisons, [(None, 1.0)])[0].holds is None
    assert observe(comparisons, []) == ()


def test_curves_fall_and_begin_with_everybody() -> None:
    found = curves(hold_out(all_pairs(*simulated(60)), (1e-2,)))
    assert found is not None
    for share in (found.mated_above, found.non_mated_above):
        assert share[0] == 1
        assert (np.diff(share) <= 0).all()
    assert (np.diff(found.found) >= 0).all()


def test_a_failure_to_acquire_is_a_miss_and_no_score() -> None:
    scores, whose = simulated(30)
    scores[0], scores[:, 0] = FAILED, FAILED
    measured = measure(all_pairs(scores, whose), searches_of(scores, whose), (1e-2, 1e-5))
    first, last = measured.verification
    assert (first.mated, first.non_mated) == (30 * 6, 120 * 119 // 2 - 30 * 6)
    assert first.tmr is not None
    assert first.tmr <= 1 - 3 / (30 * 6)
    assert (last.threshold, last.tmr) == (None, None)
    assert last.reason.startswith("insufficient data: an FMR of 1e-05 needs at least 299,572")
    assert measured.histogram.mated.sum() == 30 * 6 - 3
    assert [fmr for fmr, _ in measured.identification] == [1e-2] * 3
    assert measured.identification[0][1].fnir.errors >= 1
    assert measured.cmc[0].found.trials == 120


def test_nothing_that_can_be_told() -> None:
    scores = np.full((2, 2), FAILED)
    whose = np.array([0, 1])
    measured = measure(all_pairs(scores, whose), searches_of(scores, whose), (1e-2,))
    assert [point.threshold for point in measured.verification] == [None]
    assert (measured.identification, measured.cmc, measured.eer) == ((), (), None)
    nothing = in_force(measured.comparisons, Operating(None, reason="none"), None, "none", (1e-2,))
    assert (nothing.threshold, nothing.claims) == (None, ())


def test_groups_at_the_thresholds_of_all() -> None:
    scores, whose = simulated(40)
    easy: Mask = (whose[:, None] < 20) & (whose[None] < 20) & (whose[:, None] != whose[None])
    scores[easy] += 0.7
    names = [f"p{number}" for number in range(40)]
    label = {name: "easy" if number < 20 else "hard" for number, name in enumerate(names[:-1])}
    comparisons = all_pairs(scores, whose)
    points = measure(comparisons, searches_of(scores, whose), (1e-2, 1e-5)).verification
    found = measure_groups(comparisons, names, Groups(Path("g.csv"), label), points)
    assert found.unlabelled == ("p39",)
    (at,) = found.at
    assert [(each.group, each.people) for each in at.rates] == [("easy", 20), ("hard", 19)]
    assert at.fmr_apart.worst == "easy"
    assert at.fmr_apart.max_over_geometric_mean is not None
    assert at.fmr_apart.max_over_geometric_mean > 1.2
    every = {each.fmr: each for each in found.every_group}
    assert every[1e-2].deciding == "easy"
    assert every[1e-2].threshold is not None
    assert every[1e-2].threshold > at.threshold
    assert every[1e-5].threshold is None
    assert [group for group, _ in every[1e-5].insufficient] == ["easy", "hard"]


def test_comparisons_check_themselves() -> None:
    with pytest.raises(ValueError, match="three arrays of one length"):
        Comparisons(np.zeros(2), np.zeros(2, np.int64), np.zeros(1, np.int64))
