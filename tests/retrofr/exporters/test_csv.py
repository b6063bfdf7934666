"""CSV: exact cells, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import CHECKED_CLOCK, appearance, stream
from retrofr.documents import exact_seconds
from retrofr.exporters import csv as exporter
from retrofr.records import TimeRange
from retrofr.results import Appearance, Coverage, Unsearched

REQUIRED = (
    "rank,probe,exhibit,exhibit_sha256,stream,start_seconds,end_seconds,start_time,end_time,"
    "time_source,clock_source,score,faces,still"
)


def rows(*appearances: Appearance) -> list[dict[str, str]]:
    file = io.BytesIO()
    exporter.build(exporter.SETTINGS()).write_appearances(appearances, file)
    return list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))


def test_the_header_begins_with_the_promised_columns() -> None:
    file = io.BytesIO()
    exporter.build(exporter.SETTINGS()).write_appearances((), file)
    assert file.getvalue().startswith(REQUIRED.encode() + b",")
    assert b",still_face,schema,camera," in file.getvalue()  # columns are added at the end
    assert file.getvalue().count(b"\r\n") == 1


def test_cells() -> None:
    (row,) = rows(appearance(1, 0.6123456789, "b.mkv", start=Fraction(1, 3), end=Fraction(125, 8)))
    assert row["start_seconds"] == "0.333333"
    assert row["end_seconds"] == "15.625"
    assert row["score"] == "0.612346"
    assert row["hit"] == "true"
    assert row["start_time"] == row["still"] == row["still_face"] == ""
    assert row["clock_source"] == "none: no clock in the file name"
    assert row["best_box_x1"] == "100.0"
    assert row["schema"] == "retrofr.hit/1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_requirement_29_text_that_would_run_as_a_formula_gets_an_apostrophe(start: str) -> None:
    (row,) = rows(appearance(1, 0.5, exhibit=f"{start}cmd|' /C calc'!A0", probe=f"{start}1+1"))
    assert row["exhibit"] == f"'{start}cmd|' /C calc'!A0"
    assert row["probe"] == f"'{start}1+1"


def test_a_negative_number_stays_a_number() -> None:
    (row,) = rows(appearance(1, -0.25, start=Fraction(-1, 2)))
    assert row["score"] == "-0.25"
    assert row["start_seconds"] == "-0.5"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_name_comes_back(name: str) -> None:
    (row,) = rows(appearance(1, 0.5, probe=name))
    assert row["probe"] in (name, f"'{name}")
    assert row["probe"][0] not in exporter.FORMULA_STARTS


def test_a_coverage_is_a_line_a_stretch_and_a_line_for_what_was_not_searched() -> None:
    lost = TimeRange("lost", Fraction(1, 3), Fraction(5), 2, "the decoder crashed (SIGSEGV)")
    coverage = Coverage(
        (stream("a.mp4", ranges=(lost,), clock=CHECKED_CLOCK, camera="=1+1"),),
        (Unsearched("b.mp4", "it is empty"),),
    )
    file = io.BytesIO()
    exporter.write_coverage(coverage, file)
    first, second = csv.DictReader(io.StringIO(file.getvalue().decode(), newline=""))
    assert tuple(first) == exporter.COVERAGE_COLUMNS
    assert (first["exhibit"], first["camera"], first["kind"], first["segment"]) == (
        "a.mp4",
        "'=1+1",
        "lost",
        "2",
    )
    assert [exact_seconds(first, moment) for moment in ("start", "end")] == [Fraction(1, 3), 5]
    assert first["start_time"] == "2024-01-14T22:58:12.333333"
    assert first["end_time_adjusted"] == "2024-01-14T22:51:14.000000+01:00"
    assert first["reason"] == "the decoder crashed (SIGSEGV)"
    assert {name: cell for name, cell in second.items() if cell} == {
        "exhibit": "b.mp4",
        "kind": "unsearched",
        "reason": "it is empty",
        "schema": "retrofr.coverage/1",
    }
