"""Documents: names, order, exact numbers."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import appearance, search_result
from retrofr.documents import COLUMNS, coverage_document, decimal_text, json_text, record, run_document


def test_a_record_has_the_columns_in_order() -> None:
    assert tuple(record(appearance(1, 0.5))) == COLUMNS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(12), "12"),
        (Fraction(-25, 2), "-12.5"),
        (Fraction(1, 3), "0.333333"),
        (Fraction(2, 3), "0.666667"),
        (Fraction(1, 12800), "0.000078125"),
        (Fraction(1001, 30000), "0.033367"),
        (Fraction(100), "100"),
        (Fraction(10**30 + 1, 10), "100000000000000000000000000000.1"),
    ],
)
def test_fractions_as_decimals(value: Fraction, text: str) -> None:
    assert decimal_text(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_a_finite_decimal_is_exact(value: Decimal) -> None:
    assert Fraction(decimal_text(Fraction(value))) == Fraction(value)


@given(st.fractions())
def test_any_other_is_right_to_the_sixth_digit(value: Fraction) -> None:
    assert abs(Fraction(decimal_text(value)) - value) <= Fraction(1, 2_000_000)


def test_json_holds_what_documents_hold() -> None:
    value = {
        "a": Fraction(1, 8),
        "b": (1, 2.5, None, True),
        "c": {},
        "d": math.nan,
        "e": np.float32(0.5),
        "f": [],
    }
    expected = {"a": 0.125, "b": [1, 2.5, None, True], "c": {}, "d": None, "e": 0.5, "f": []}
    assert json.loads(json_text(value)) == expected
    assert json.loads(json_text(value, indent=2)) == expected
    assert json_text({"a": [1, {"b": 2}]}, indent=2) == json.dumps({"a": [1, {"b": 2}]}, indent=2)


def test_json_refuses_what_it_would_have_to_guess() -> None:
    with pytest.raises(TypeError, match="object has no place in a document"):
        json_text({"a": object()})


def test_coverage_adds_up() -> None:
    document = coverage_document(search_result().coverage)
    assert document["schema"] == "retrofr.coverage/1"
    assert document["searched_seconds"] == Fraction(7565, 2)
    assert (document["samples"], document["faces"], document["faces_unfit"]) == (480, 620, 42)
    assert document["has_gaps"] is True
    assert document["interrupted"] is False


def test_the_run_says_threshold_device_and_counts() -> None:
    document = run_document(search_result())
    assert document["threshold"] == {"score": 0.363, "source": "default of sface+dlib-resnet"}
    assert document["counts"] == {"probes": 1, "compared": 31, "hits": 3, "candidates": 2}
    assert document["exit_code"] == 10
    assert document["note"] == "Investigative leads, to be examined by a person."
