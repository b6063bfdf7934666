"""Timesketch events: the columns its importer asks for, moments, zones, and what cannot be an event."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from exported import clocked, exported, material
from fixed_results import CHECKED_CLOCK, FILE_NAME_CLOCK, appearance, stream
from retrofr.exporting.timesketch import HEADER, REQUIRED, UNKNOWN_ZONE
from retrofr.records import TimeRange
from retrofr.results import Coverage

ONE = [(Fraction(25, 2), Fraction(17))]


def events_of(*arguments: Any, table: bool = False) -> list[dict[str, Any]]:
    files, _ = exported("timesketch", *arguments, table=table)
    (text,) = (data.decode() for data in files.values())
    if table:
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.splitlines()]


def test_requirement_29_every_event_has_what_timesketch_asks_for() -> None:
    for event in events_of(clocked(ONE)):
        assert all(event[name] for name in REQUIRED)
        moment = datetime.fromisoformat(event["datetime"])
        assert moment.tzinfo is not None
        assert moment == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event["timestamp"])


def test_both_forms_hold_the_same_events() -> None:
    lines, rows = events_of(material()), events_of(material(), table=True)
    assert list(rows[0]) == list(HEADER)
    assert [[str(e[name]) for name in REQUIRED] for e in lines] == [
        [row[name] for name in REQUIRED] for row in rows
    ]


def test_pandas_reads_the_table() -> None:
    pandas = pytest.importorskip("pandas")
    files, _ = exported("timesketch", material(), table=True)
    (data,) = files.values()
    table = pandas.read_csv(io.BytesIO(data))
    moments = pandas.to_datetime(table["datetime"], format="ISO8601", utc=True)
    assert list(moments.astype("datetime64[us, UTC]").astype("int64")) == list(table["timestamp"])


def test_an_event_is_at_the_adjusted_time_in_its_zone() -> None:
    begins, ends = events_of(clocked(ONE))
    # The file name says 22:58:12; the clock was 7 min 3 s fast.
    assert begins["datetime"] == "2024-01-14T22:51:21.500000+01:00"
    assert begins["time_zone"] == "+01:00"
    assert (begins["timestamp_desc"], ends["timestamp_desc"]) == ("Appearance begins", "Appearance ends")
    assert ends["timestamp"] - begins["timestamp"] == 4_500_000
    assert begins["message"] == (
        "Hit 1 for suspect in cam1.mp4: score 0.899, to be examined, "
        "cam1.mp4 at 0:00:12.500 to 0:00:17.000, clock checked 2024-04-02 by PC Smith"
    )


def test_a_zone_that_is_not_known_is_said_in_the_event_and_by_the_export() -> None:
    found = (appearance(1, 0.5, clock=FILE_NAME_CLOCK),)
    files, said = exported("timesketch", material(appearances=found, coverage=Coverage()))
    (data,) = files.values()
    assert {json.loads(line)["time_zone"] for line in data.decode().splitlines()} == {UNKNOWN_ZONE}
    assert said == ["the time zone of 2 events, which stand as if their clocks showed UTC"]


def test_what_was_not_searched_has_events() -> None:
    lost = TimeRange("lost", Fraction(60), Fraction(90), 0, "the decoder crashed")
    covered = stream("cam1.mp4", clock=CHECKED_CLOCK, ranges=(lost,))
    events = events_of(material(appearances=(), coverage=Coverage((covered,))))
    assert [(e["timestamp_desc"], e["kind"], e["reason"]) for e in events] == [
        ("Not wholly searched from", "lost", "the decoder crashed"),
        ("Not wholly searched until", "lost", "the decoder crashed"),
    ]
    assert events[0]["message"].startswith("not searched: lost (the decoder crashed): cam1.mp4")


def test_seconds_are_never_whole_numbers_of_json() -> None:
    (begins, _) = events_of(clocked([(Fraction(12), Fraction(17))]))
    assert isinstance(begins["start_seconds"], float)
    assert isinstance(begins["clock_offset_seconds"], float)


def test_requirement_29_no_cell_is_a_formula() -> None:
    name = "=HYPERLINK(A1)"
    found = (appearance(1, 0.5, name, clock=CHECKED_CLOCK, probe="+1", camera="@x"),)
    (row, _) = events_of(material(appearances=found, coverage=Coverage()), table=True)
    assert (row["exhibit"], row["probe"], row["camera"]) == ("'=HYPERLINK(A1)", "'+1", "'@x")
    assert not [cell for cell in row.values() if cell[:1] in set("=+@")]
