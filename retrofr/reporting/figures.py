"""The figures of an error-rate statement, as they are, for those who work with them; the words are for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrofr.reporting.facts import Fact


def figure_facts(statement: Mapping[str, Any]) -> list[Fact]:
    """Rates with their intervals, what they were measured on, and what to expect by chance.

    A rate of which no error was seen is a bound, never 0 (rule of three; ISO/IEC 19795-1).

    Args:
        statement: a ``retrofr.statement/1`` document; without error rates nothing is given.
    """
    if not statement or statement["operating_point"] is None:
        return []
    return list(_figures(statement))


def _figures(statement: Mapping[str, Any]) -> Iterator[Fact]:
    point, data = statement["operating_point"], statement["operating_points"]
    of = f"{point['errors']:,} of {point['non_mated']:,} comparisons of different people"
    rate = f"{point['fmr']:.3g} [{point['low']:.3g}, {point['high']:.3g}]"
    if point["errors"] == 0:
        rate, of = (
            f"at most {point['high']:.3g}",
            f"none of {point['non_mated']:,} comparisons of different people",
        )
    yield Fact("false match rate", f"{rate}, {of}")
    yield Fact(
        "false non-match rate",
        f"{point['fnmr']:.3g} [{point['fnmr_low']:.3g}, {point['fnmr_high']:.3g}] at the same threshold",
    )
    yield Fact(
        "measured on",
        f"{data['name']}: {data['photos']:,} photos of {data['people']:,} people, {data['conditions']}",
    )
    yield Fact("made", f"{data['made']} with {data['command']} ({data['origin']})")
    whole = statement["expected_false"]["whole_search"]
    if whole is not None:
        yield Fact("by chance", _by_chance(whole))
    ratios = statement["likelihood"]
    if ratios is not None:
        low, high = (f"{ratios[end]:.2f}".replace("-", "−") for end in ("llr_low", "llr_high"))
        cllr = f"Cllr {ratios['cllr']:.3f} (least {ratios['cllr_min']:.3f})"
        yield Fact("likelihood ratios", f"{ratios['kind']}, log10 between {low} and {high}, {cllr}")


def _by_chance(whole: Mapping[str, Any]) -> str:
    compared = f"N = {whole['compared']:,}"
    if whole["bound_only"]:
        high, one = whole["expected_high"], whole["at_least_one_high"]
        return f"{compared}; N·FMR at most {high:.4g}; 1 − (1 − FMR)^N at most {one:.4g}"
    interval = f"[{whole['expected_low']:.4g}, {whole['expected_high']:.4g}]"
    return f"{compared}; N·FMR = {whole['expected']:.4g} {interval}; 1 − (1 − FMR)^N = {whole['at_least_one']:.4g}"
