"""Timesketch: an event where each appearance begins and one where it ends, as JSON lines or as CSV.

What was not searched, or not in whole pictures, has events of the same kind. An event needs a wall clock.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from retrofr.documents import COLUMNS, COVERAGE_SCHEMA, encoded, json_text, record, wall_clock_times
from retrofr.exporters.csv import cell
from retrofr.exporting._words import (
    counted,
    gap_words,
    one_line,
    span_words,
    title_of,
    where,
    worth_of,
)
from retrofr.exporting.material import Material, Options, not_whole
from retrofr.exporting.outputs import Output
from retrofr.records import TimeRange
from retrofr.results import Appearance, StreamCoverage

REQUIRED = ("message", "datetime", "timestamp", "timestamp_desc")
"""What Timesketch asks of every event (the second column in ISO 8601, the third in microseconds since 1970)."""

OWN = ("data_type", "time_zone", "kind", "reason")
HEADER = (*REQUIRED, *OWN, *COLUMNS)

UNKNOWN_ZONE = "unknown: written as if it were UTC"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Event = dict[str, object]


def export(material: Material, options: Options, output: Output) -> Iterator[str]:
    """One file of events in the order of time."""
    left, events = 0, []
    for appearance in material.appearances:
        made = list(_appearing(appearance))
        events += made
        left += not made
    gaps = [(s, stretch) for s in material.coverage.streams for stretch in not_whole(s)]
    without = 0
    for stream, stretch in gaps:
        made = list(_not_searched(stream, stretch))
        events += made
        without += not made
    events.sort(key=lambda event: (event["timestamp"], event["timestamp_desc"]))
    output.write(*(_table(events) if options.table else _lines(events)))
    if left:
        yield f"{left:,} of {counted(len(material.appearances), 'appearance')}, without a wall clock"
    if without:
        yield f"{without:,} of {counted(len(gaps), 'stretch', 'stretches')} not wholly searched, without a wall clock"
    if unsearched := material.coverage.unsearched:
        yield f"{counted(len(unsearched), 'exhibit')} of which nothing could be searched"
    if zoneless := sum(event["time_zone"] == UNKNOWN_ZONE for event in events):
        yield f"the time zone of {counted(zoneless, 'event')}, which stand as if their clocks showed UTC"


def _appearing(a: Appearance) -> Iterator[_Event]:
    row = record(a)
    what = f"{title_of(a)} in {where(a)}: {worth_of(a)}"
    span = f"{one_line(a.exhibit)} at {span_words(a.start_seconds, a.end_seconds)}"
    for at, told in (
        (a.start_time_adjusted or a.start_time, "Appearance begins"),
        (a.end_time_adjusted or a.end_time, "Appearance ends"),
    ):
        if at is not None:
            yield _event(f"{what}, {span}, {one_line(a.clock_status)}", at, told, "retrofr:appearance", row)


def _not_searched(stream: StreamCoverage, stretch: TimeRange) -> Iterator[_Event]:
    start, end = stretch.start_seconds, stretch.end_seconds
    times = wall_clock_times(stream.clock, start, end)
    ticks = math.lcm(start.denominator, end.denominator)
    row: _Event = {
        "exhibit": stream.exhibit,
        "exhibit_sha256": stream.exhibit_sha256,
        "stream": stream.stream,
        "camera": stream.camera,
        "segment": stretch.segment,
        "start_seconds": start,
        "end_seconds": end,
        **times,
        "clock_source": stream.clock.source,
        "clock_status": stream.clock.status,
        "ticks_per_second": ticks,
        "start_ticks": int(start * ticks),
        "end_ticks": int(end * ticks),
        "kind": stretch.kind,
        "reason": stretch.reason or None,
        "schema": COVERAGE_SCHEMA,
    }
    place = one_line(stream.camera or stream.exhibit)
    message = f"{gap_words(stretch)}: {place}, {one_line(stream.exhibit)} at {span_words(start, end)}"
    for moment, told in (("start", "Not wholly searched from"), ("end", "Not wholly searched until")):
        at = times[f"{moment}_time_adjusted"] or times[f"{moment}_time"]
        if at is not None:
            yield _event(message, at, told, "retrofr:coverage", row)


def _event(message: str, at: str, told: str, kind: str, row: _Event) -> _Event:
    moment = datetime.fromisoformat(at)
    zone = UNKNOWN_ZONE if moment.tzinfo is None else at[-6:]
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return {
        "message": message,
        "datetime": moment.isoformat(timespec="microseconds"),
        "timestamp": (moment - _EPOCH) // timedelta(microseconds=1),
        "timestamp_desc": told,
        "data_type": kind,
        "time_zone": zone,
        **row,
    }


def _lines(events: list[_Event]) -> tuple[str, bytes]:
    return "timeline.jsonl", encoded("".join(f"{json_text(_plain(event))}\n" for event in events))


def _plain(event: _Event) -> _Event:
    """Without columns that are empty, and seconds always with a decimal point.

    The index takes a column's type from the first event: of 12.5 after 17 it would keep 12.
    """
    return {
        name: float(value) if isinstance(value, Fraction) else value
        for name, value in event.items()
        if value is not None
    }


def _table(events: list[_Event]) -> tuple[str, bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows([cell(event.get(column)) for column in HEADER] for event in events)
    return "timeline.csv", encoded(text.getvalue())
