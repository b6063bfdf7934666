"""Documents: names, order, exact numbers."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixed_results import CHECKED_CLOCK, FILE_NAME_CLOCK, NIGHT, appearance, search_result, stream
from retrofr.clock import ClockOrigin, WallClock, disagreement
from retrofr.documents import (
    COLUMNS,
    coverage_document,
    decimal_text,
    exact_seconds,
    json_text,
    record,
    run_document,
)
from retrofr.exporters import csv as csv_exporter
from retrofr.exporters import json as json_exporter
from retrofr.records import RangeKind, TimeRange
from retrofr.results import Coverage


def test_a_record_has_the_columns_in_order() -> None:
    assert tuple(record(appearance(1, 0.5))) == COLUMNS


def test_what_is_absent_without_a_probe() -> None:
    person = record(appearance(0, math.nan, probe="", person=7, faces=3))
    assert [person[name] for name in ("rank", "probe", "score", "hit", "search")] == [None] * 5
    assert (person["person"], person["faces"], person["schema"]) == (7, 3, "retrofr.person_appearance/1")


def test_a_still_of_a_case_shows_the_face_alone() -> None:
    face = record(appearance(1, 0.5, still="stills/search-1-hit-0001.jpg"))
    assert face["still"] == face["still_face"] == "stills/search-1-hit-0001.jpg"
    frame = record(appearance(1, 0.5, still="stills/hit-0001-frame.jpg"))
    assert frame["still_face"] == "stills/hit-0001-face.png"


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
    assert document["searched_seconds"] == Fraction(7561, 2)
    assert (document["suspect_seconds"], document["unreadable_seconds"]) == (Fraction(1, 2), 2)
    assert {document[f"{kind}_seconds"] for kind in ("missing", "gap", "lost", "static", "outside")} == {0}
    assert document["suspect_frames"] == 13
    assert (document["samples"], document["faces"], document["faces_unfit"]) == (480, 620, 42)
    assert document["has_gaps"] is True
    assert document["interrupted"] is False


def test_every_kind_of_range_has_a_sum_in_each_stream_and_over_all() -> None:
    document = coverage_document(search_result().coverage)
    sums = {f"{kind}_seconds" for kind in get_args(RangeKind)}
    assert sums <= set(document)
    assert sums <= set(document["streams"][0])  # type: ignore[index]


def test_ranges_are_listed_with_media_time_and_both_wall_clocks() -> None:
    lost = TimeRange("lost", Fraction(1, 3), Fraction(5), 2, "the decoder crashed (SIGSEGV)")
    document = coverage_document(Coverage((stream("a.mp4", ranges=(lost,), clock=CHECKED_CLOCK),)))
    assert document["streams"][0]["ranges"] == [  # type: ignore[index]
        {
            "kind": "lost",
            "start_seconds": Fraction(1, 3),
            "end_seconds": Fraction(5),
            "segment": 2,
            "reason": "the decoder crashed (SIGSEGV)",
            "start_time": "2024-01-14T22:58:12.333333",
            "end_time": "2024-01-14T22:58:17.000000",
            "start_time_adjusted": "2024-01-14T22:51:09.333333+01:00",
            "end_time_adjusted": "2024-01-14T22:51:14.000000+01:00",
        }
    ]


def test_clocks_and_digests_of_an_exhibit_are_told() -> None:
    hint = ClockOrigin(NIGHT + timedelta(hours=1), "container creation time", "creation time")
    clock = WallClock(FILE_NAME_CLOCK.origin, hints=(hint,))
    told = stream("a.mp4", clock=clock, sha256_after="f" * 64, hash_check="md5 as in a.md5, line 1")
    document = coverage_document(Coverage((told,)))
    facts = document["streams"][0]  # type: ignore[index]
    assert (facts["clock_source"], facts["clock_status"]) == ("file name", "clock unverified")
    assert facts["clock_notes"] == list(disagreement(clock)) != []
    assert (facts["sha256_after"], facts["hash_check"]) == ("f" * 64, "md5 as in a.md5, line 1")
    assert (facts["changed"], document["changed"]) == (True, ["a.mp4"])


TIMES = st.fractions(-(10**6), 10**6, max_denominator=90_000 * 1001)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))
OFFSETS = st.timedeltas(timedelta(days=-400), timedelta(days=400))
ZONES = st.none() | st.sampled_from(
    ["Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]
).map(ZoneInfo)


@given(st.tuples(TIMES, TIMES, TIMES), MOMENTS, ZONES, OFFSETS)
def test_times_come_back_exactly_from_csv_and_json(
    times: tuple[Fraction, Fraction, Fraction], at: datetime, zone: ZoneInfo | None, offset: timedelta
) -> None:
    start, end, best = times
    clock = WallClock(ClockOrigin(at, "file name"), zone, offset)
    written = appearance(1, 0.5, start=start, end=end, best_seconds=best, clock=clock)
    text, document = io.BytesIO(), io.BytesIO()
    csv_exporter.build(csv_exporter.SETTINGS()).write_appearances((written,), text)
    json_exporter.build(json_exporter.SETTINGS()).write_appearances((written,), document)
    (cells,) = csv.DictReader(io.StringIO(text.getvalue().decode(), newline=""))
    (values,) = json.loads(document.getvalue(), parse_float=Decimal)["appearances"]
    for row in (cells, values):
        assert [exact_seconds(row, moment) for moment in ("start", "end", "best")] == [start, end, best]
        for moment, seconds in (("start", start), ("end", end)):
            assert datetime.fromisoformat(row[f"{moment}_time"]) == clock.original_at(seconds)
            adjusted = datetime.fromisoformat(row[f"{moment}_time_adjusted"])
            assert adjusted == clock.adjusted_at(seconds)
            assert (adjusted.utcoffset() is None) == (zone is None)
        assert Fraction(row["clock_offset_seconds"]) == Fraction(
            offset // timedelta(microseconds=1), 1_000_000
        )


@pytest.mark.parametrize("row", [{}, {"start_ticks": "1.5", "ticks_per_second": "30"}])
def test_a_row_that_is_no_record_gives_no_time(row: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        exact_seconds(row, "start")


def test_requirement_26_the_run_says_threshold_device_and_counts() -> None:
    document = run_document(search_result())
    assert document["threshold"] == {"score": 0.363, "source": "default of sface+dlib-resnet"}
    assert document["counts"] == {"probes": 1, "compared": 31, "hits": 3, "candidates": 2}
    assert document["exit_code"] == 10
    assert document["note"] == "Investigative leads, to be examined by a person."
