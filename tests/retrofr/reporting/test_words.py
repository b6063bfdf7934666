"""The statement in words: its figures are those of the search, and it says no more than they do."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import fmr_point, operating_points, search_result, statement
from retrofr.calibration.statement import expected_false
from retrofr.documents import search_statement
from retrofr.reporting.figures import figure_facts
from retrofr.reporting.words import expected_hits, one_in, ratio_text, statement_texts, times_more


def texts(**changes: object) -> list[str]:
    result = search_result(statement=statement(**changes))
    return statement_texts(search_statement(result.statement, result.coverage), 3)


def test_requirement_16_the_statement_in_words() -> None:
    compared, rate, chance, missed = texts()
    assert compared == (
        "31 tracklets (a tracklet is one face followed over consecutive pictures; 88 faces in all) were compared with "
        "1 probe. Each comparison gives a score. A score of 0.363 or more makes a hit: there are 3 hits. A hit is a "
        "place to look at. It does not say who somebody is."
    )
    assert rate == (
        "How often does the face of somebody else reach this score? It was measured on 201,792 pairs of photos of two "
        "different people (faces of the test). 1 of them scored 0.363 or more: about 1 in 200,000. From so many pairs "
        "it cannot be told more closely than between 1 in 8,000,000 and 1 in 36,000 (95 % interval)."
    )
    assert chance == (
        "So, if the person looked for were nowhere in this footage, 31 comparisons would still give about 1 hit in "
        "6,500 such searches by chance alone (at least 1 hit in 260,000 such searches, at most 1 hit in 1,200 such "
        "searches), and the chance of one hit or more would be about 1 in 6,500."
    )
    assert missed.startswith(
        "The other way round, about 17 in 100 pairs of photos of one person scored lower"
    )


def test_requirement_20_no_error_seen_is_a_bound_and_never_zero() -> None:
    point = fmr_point(0.363, errors=0)
    expected = expected_false(31, point)
    changes = {"point": point, "each_probe": expected, "whole_search": expected}
    _, rate, chance, _ = texts(**changes)
    assert (
        "None of them scored 0.363 or more. That does not make it impossible: up to 1 in 67,000 pairs may."
        in rate
    )
    assert "would still give at most 1 hit in 2,200 such searches by chance alone" in chance
    result = search_result(statement=statement(**changes))
    told = {f.label: f.text for f in figure_facts(search_statement(result.statement, result.coverage))}
    assert told["false match rate"] == "at most 1.48e-05, none of 201,792 comparisons of different people"
    assert told["by chance"] == "N = 31; N·FMR at most 0.0004602; 1 − (1 − FMR)^N at most 0.0004601"


def test_an_unknown_rate_carries_no_conclusion() -> None:
    _, unknown = texts(point=None, data=None, reason="no data", each_probe=None, whole_search=None)
    assert unknown == (
        "How often the face of somebody else reaches the threshold is NOT KNOWN: no data. So nothing can be said about "
        "how many hits chance alone would give."
    )
    assert statement_texts({}, 0) == [
        "This search recorded no statement of its errors, so nothing can be said about hits by chance alone."
    ]


def test_likelihood_ratios_are_explained_with_their_bounds() -> None:
    told = texts(likelihood=operating_points().likelihood)[-1]
    assert "It is not the probability that the person looked for is seen." in told
    assert "no stronger statement than about 1,000 times for one person and about 100 times for two" in told


@given(st.floats(1e-9, 1))
def test_a_frequency_is_the_rate_to_two_digits(rate: float) -> None:
    number, of = re.fullmatch(r"([\d,]+) in ([\d,]+)", one_in(rate)).groups()  # type: ignore[union-attr]
    assert int(number.replace(",", "")) / int(of.replace(",", "")) == pytest.approx(
        rate, rel=0.26 if rate > 0.019 else 0.051
    )


@given(st.floats(1e-8, 1e6))
def test_expected_hits_are_the_number_to_two_digits(number: float) -> None:
    told = expected_hits(number)
    many = re.fullmatch(r"([\d,.e+]+) hits", told)
    value = (
        float(many.group(1).replace(",", ""))
        if many
        else 1 / int(re.findall(r"in ([\d,]+)", told)[0].replace(",", ""))
    )
    assert value == pytest.approx(number, rel=0.051)


@given(st.floats(-6, 6))
def test_a_ratio_speaks_for_one_side_and_never_of_who(llr: float) -> None:
    told = ratio_text(llr, "band")
    if llr:
        assert ("of one person as of two people" in told) == (llr > 0)
        factor = float(re.findall(r"about ([\d,.]+) times", told)[0].replace(",", ""))
        assert math.log10(factor) == pytest.approx(abs(llr), abs=0.03)
    assert times_more(llr) == times_more(-llr)
