"""Error rates by groups of people, at the thresholds of the whole, and what threshold every group would need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrofr.evaluation.labels import Groups
from retrofr.rates.comparisons import Comparisons
from retrofr.rates.groups import (
    EveryGroup,
    GroupRates,
    Inequity,
    group_rates,
    inequity,
    threshold_for_every_group,
)
from retrofr.rates.verification import VerificationPoint


@dataclass(frozen=True)
class AtThreshold:
    """Rates of every group at the threshold of an FMR over all people, and how far they are apart."""

    fmr: float
    threshold: float
    rates: tuple[GroupRates, ...]
    fmr_apart: Inequity
    fnmr_apart: Inequity


@dataclass(frozen=True)
class GroupFigures:
    """What was measured by groups.

    Args:
        source: the file of the groups.
        unlabelled: people in no group; they take no part here.
        at: rates at the thresholds of FMRs.
        every_group: for each FMR the threshold at which no group is above it.
    """

    source: str
    unlabelled: tuple[str, ...]
    at: tuple[AtThreshold, ...]
    every_group: tuple[EveryGroup, ...]


def measure_groups(
    comparisons: Comparisons, names: Sequence[str], groups: Groups, points: Sequence[VerificationPoint]
) -> GroupFigures:
    """Measure by groups.

    Args:
        comparisons: that count.
        names: of the people by number.
        groups: that they are in.
        points: thresholds over all people.
    """
    group_of = groups.numbered(names)
    labelled = comparisons.of_people(np.array(sorted(group_of), np.int64))
    at = []
    for point in points:
        if point.threshold is None:
            continue
        rates = group_rates(labelled, group_of, point.threshold)
        at.append(
            AtThreshold(
                point.fmr,
                point.threshold,
                rates,
                inequity([(each.group, each.fmr) for each in rates]),
                inequity([(each.group, each.fnmr) for each in rates]),
            )
        )
    every = tuple(threshold_for_every_group(labelled, group_of, point.fmr) for point in points)
    unlabelled = tuple(name for number, name in enumerate(names) if number not in group_of)
    return GroupFigures(str(groups.source), unlabelled, tuple(at), every)
