"""The error-rate statement of a search in words that a jury follows, from the figures that the search printed.

Rates are said as natural frequencies (1 in 7,200), which people judge more rightly than decimals: Gigerenzer et al.,
Helping doctors and patients make sense of health statistics, 2007. No sentence says who somebody is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NO_STATEMENT = (
    "This search recorded no statement of its errors, so nothing can be said about hits by chance alone."
)
NEVER_ZERO = "That does not make it impossible:"


def statement_texts(statement: Mapping[str, Any], hits: int) -> list[str]:
    """The statement as paragraphs.

    Args:
        statement: a ``retrofr.statement/1`` document; empty where there is none.
        hits: how many hits the search has.
    """
    if not statement:
        return [NO_STATEMENT]
    texts = [_compared(statement, hits)]
    if statement["operating_point"] is None:
        reason = statement["reason"]
        texts.append(
            "How often the face of somebody else reaches the threshold is NOT KNOWN: "
            f"{reason}. So nothing can be said about how many hits chance alone would give."
        )
    else:
        texts += [_rate(statement), _by_chance(statement), _missed(statement)]
    if statement["likelihood"] is not None:
        texts.append(_ratios(statement["likelihood"]))
    return [text for text in texts if text]


def unfit_text(statement: Mapping[str, Any]) -> str:
    """How many faces were too poor to compare, and why; empty where there are none."""
    unfit = statement.get("unfit") or {}
    if not unfit.get("faces"):
        return ""
    reasons: dict[str, int] = {}
    for stream in unfit["streams"]:
        for reason, number in stream["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + number
    listed = "; ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items(), key=_most))
    return (
        f"{counted(unfit['faces'], 'face')} were found and too poor to be compared ({listed}). "
        "They are in no hit, and in no figure on this page."
    )


def one_in(rate: float) -> str:
    """A rate as a natural frequency: ``1 in 7,200``, ``17 in 100``; ``none`` for 0.

    >>> one_in(1 / 201_792), one_in(0.17), one_in(0.5)
    ('1 in 200,000', '17 in 100', '50 in 100')
    """
    if rate <= 0:
        return "none"
    if rate >= 0.02:
        return f"{min(100, max(1, round(rate * 100)))} in 100"
    return f"1 in {_two_digits(1 / rate):,}"


def times_more(log10_ratio: float) -> str:
    """A likelihood ratio as a factor: ``about 1,600 times``.

    >>> times_more(3.2104), times_more(-1), times_more(0.05)
    ('about 1,600 times', 'about 10 times', 'about 1.1 times')
    """
    factor = 10 ** abs(log10_ratio)
    return f"about {_two_digits(factor):,} times" if factor >= 10 else f"about {factor:.2g} times"


def ratio_text(llr: float, band: str) -> str:
    """What a likelihood ratio says, in one sentence."""
    if llr == 0:
        return f"A score like this is as frequent of one person as of two: {band}."
    first, second = ("one person", "two people") if llr > 0 else ("two people", "one person")
    return f"A score like this is {times_more(llr)} as frequent of {first} as of {second}: {band}."


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """``1 face``, ``12,345 faces``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def _compared(statement: Mapping[str, Any], hits: int) -> str:
    compared = statement["compared"]
    probes = counted(compared["probes"], "probe")
    return (
        f"{counted(compared['tracklets'], 'tracklet')} (a tracklet is one face followed over consecutive pictures; "
        f"{counted(compared['faces'], 'face')} in all) were compared with {probes}. Each comparison gives a score. "
        f"A score of {statement['threshold']['score']:.3f} or more makes a hit: there {'is' if hits == 1 else 'are'} "
        f"{counted(hits, 'hit')}. A hit is a place to look at. It does not say who somebody is."
    )


def _rate(statement: Mapping[str, Any]) -> str:
    point, data = statement["operating_point"], statement["operating_points"]
    score = f"{statement['threshold']['score']:.3f}"
    pairs = f"{point['non_mated']:,} pairs of photos of two different people"
    test = f"How often does the face of somebody else reach this score? It was measured on {pairs} ({data['name']}). "
    if point["errors"] == 0:
        return f"{test}None of them scored {score} or more. {NEVER_ZERO} up to {one_in(point['high'])} pairs may."
    if point["errors"] == point["non_mated"]:
        return f"{test}No threshold as low as this was measured, so it may be all of them."
    low, high = (one_in(point[end]) for end in ("low", "high"))
    return (
        f"{test}{point['errors']:,} of them scored {score} or more: about {one_in(point['fmr'])}. "
        f"From so many pairs it cannot be told more closely than between {low} and {high} (95 % interval)."
    )


def _by_chance(statement: Mapping[str, Any]) -> str:
    whole = statement["expected_false"]["whole_search"]
    if whole is None:
        return ""
    point = statement["operating_point"]
    if point["errors"] == point["non_mated"]:
        return "So by chance alone any number of these hits may be of other people."
    start = (
        "So, if the person looked for were nowhere in this footage, "
        f"{counted(whole['compared'], 'comparison')} would still give "
    )
    if whole["bound_only"]:
        return (
            f"{start}at most {expected_hits(whole['expected_high'])} by chance alone, and the chance of one hit or "
            f"more would be at most {chance(whole['at_least_one_high'])}."
        )
    low, high = whole["expected_low"], whole["expected_high"]
    return (
        f"{start}about {expected_hits(whole['expected'])} by chance alone (at least {expected_hits(low)}, at most "
        f"{expected_hits(high)}), and the chance of one hit or more would be about {chance(whole['at_least_one'])}."
    )


def expected_hits(number: float) -> str:
    """So many hits a search, or one hit in so many searches.

    >>> expected_hits(3.14159), expected_hits(0.00022), expected_hits(0)
    ('3.1 hits', '1 hit in 4,500 such searches', 'no hits')
    """
    if number <= 0:
        return "no hits"
    if number >= 0.1:
        return f"{number:,.0f} hits" if number >= 10 else f"{number:.2g} hits"
    return f"1 hit in {_two_digits(1 / number):,} such searches"


def chance(probability: float) -> str:
    """A probability as a natural frequency; near 1 it is never called sure."""
    return "more than 99 in 100" if probability > 0.99 else one_in(probability)


def _missed(statement: Mapping[str, Any]) -> str:
    point = statement["operating_point"]
    missed = point.get("fnmr")
    if missed is None:
        return ""
    return (
        f"The other way round, about {one_in(missed)} pairs of photos of one person scored lower than the threshold in "
        "the same measurement. So a person may be in the footage and not among the hits, and no hit does not mean that "
        "somebody was not there."
    )


def _ratios(likelihood: Mapping[str, Any]) -> str:
    low, high = times_more(likelihood["llr_low"]), times_more(likelihood["llr_high"])
    return (
        "The likelihood ratio of a hit says how much more often a score like that is seen where both pictures show one "
        "person than where they show two people. It is not the probability that the person looked for is seen. "
        f"The data carry no stronger statement than {high} for one person and {low} for two, and none is made."
    )


def _two_digits(value: float) -> int:
    """Rounded to two digits that count."""
    digits = max(0, math.floor(math.log10(value)) - 1)
    return int(round(value / 10**digits) * 10**digits)


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
