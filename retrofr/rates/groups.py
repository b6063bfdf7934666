"""Error rates by groups of people, whose labels the user holds; retrofr infers none.

After ISO/IEC 19795-10: rates of each group at one threshold, with intervals, and how far they are apart. A group's
FMR is taken over comparisons of two of its own people, which is where false matches are commonest; its FNMR over
its people's mated comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.rates.comparisons import Comparisons, Numbers
from retrofr.rates.intervals import Share, clopper_pearson, least_trials
from retrofr.rates.verification import threshold_at, unsupported

LEAST_PEOPLE = 10
"""A group of fewer people is flagged as small: its figures say more about these persons than about the group."""


@dataclass(frozen=True)
class GroupRates:
    """Rates of one group at a threshold; ``small`` where it has fewer than ``LEAST_PEOPLE``."""

    group: str
    people: int
    photos_compared: int
    fmr: Share
    fnmr: Share
    small: bool


@dataclass(frozen=True)
class Inequity:
    """How far groups are apart.

    Args:
        max_over_geometric_mean: the worst group's rate over the geometric mean of all: 1 is parity (NIST's measure).
            None where fewer than two groups have trials, where none has an error, or where bounds are so wide that
            it would be below 1 and say nothing.
        worst: that group.
        bounded: groups without an error, which count with their upper bound: the ratio is then the least that can
            be said to hold of the worst, not an estimate.
        left_out: groups without trials.
    """

    max_over_geometric_mean: float | None
    worst: str | None
    bounded: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class EveryGroup:
    """The lowest threshold at which no group's FMR is above a target.

    ``threshold`` is None where some group's data cannot carry the claim; ``insufficient`` says which and why.
    """

    fmr: float
    threshold: float | None
    deciding: str | None
    insufficient: tuple[tuple[str, str], ...]


def group_rates(
    comparisons: Comparisons,
    group_of: Mapping[int, str],
    threshold: float,
    *,
    least_people: int = LEAST_PEOPLE,
) -> tuple[GroupRates, ...]:
    """Rates of every group, in the order of their names; people without a group are left out."""
    found = []
    for group, people in _members(group_of).items():
        own = comparisons.of_people(people)
        false, true = own.non_mated_scores >= threshold, own.mated_scores >= threshold
        found.append(
            GroupRates(
                group,
                len(people),
                len(own),
                clopper_pearson(int(false.sum()), len(false)),
                clopper_pearson(int((~true).sum()), len(true)),
                len(people) < least_people,
            )
        )
    return tuple(found)


def inequity(rates: Sequence[tuple[str, Share]]) -> Inequity:
    """How far the rates of groups are apart; of a group without an error its upper bound counts."""
    tried = [(group, share) for group, share in rates if share.trials]
    left_out = tuple(group for group, share in rates if not share.trials)
    bounded = tuple(group for group, share in tried if share.bound_only)
    if len(tried) < 2 or len(bounded) == len(tried):
        return Inequity(None, None, bounded, left_out)
    values = {group: share.high if share.bound_only else float(share.value or 0.0) for group, share in tried}
    mean = float(np.exp(np.mean(np.log(list(values.values())))))
    worst = max((group for group, share in tried if not share.bound_only), key=values.__getitem__)
    ratio = values[worst] / mean
    if bounded and ratio < 1:
        return Inequity(None, None, bounded, left_out)
    return Inequity(ratio, worst, bounded, left_out)


def threshold_for_every_group(
    comparisons: Comparisons, group_of: Mapping[int, str], fmr: float
) -> EveryGroup:
    """The threshold that meets an FMR target in every group."""
    thresholds, insufficient = {}, []
    for group, people in _members(group_of).items():
        own = comparisons.of_people(people)
        non_mated = int((~own.mated).sum())
        if non_mated < least_trials(fmr):
            insufficient.append((group, f"{unsupported(fmr)}, and it has {non_mated:,}"))
        else:
            thresholds[group] = threshold_at(own, fmr)
    if insufficient or not thresholds:
        return EveryGroup(fmr, None, None, tuple(insufficient))
    deciding = max(thresholds, key=thresholds.__getitem__)
    return EveryGroup(fmr, thresholds[deciding], deciding, ())


def _members(group_of: Mapping[int, str]) -> dict[str, Numbers]:
    groups: dict[str, list[int]] = {}
    for person, group in group_of.items():
        groups.setdefault(group, []).append(person)
    return {group: np.array(sorted(groups[group]), np.int64) for group in sorted(groups)}
