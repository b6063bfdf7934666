"""CSV after RFC 4180 in UTF-8, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, ClassVar

from retrofr.documents import (
    COLUMNS,
    COVERAGE_SCHEMA,
    decimal_text,
    encoded,
    record,
    wall_clock_times,
)
from retrofr.results import Appearance, Coverage, SearchResult
from retrofr.settings import StageSettings

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  spreadsheets take the full-width forms as well
"""First characters that make a spreadsheet run a text cell as a formula."""


COVERAGE_COLUMNS = (
    "exhibit",
    "exhibit_sha256",
    "stream",
    "camera",
    "kind",
    "segment",
    "start_seconds",
    "end_seconds",
    "start_time",
    "end_time",
    "start_time_adjusted",
    "end_time_adjusted",
    "clock_status",
    "ticks_per_second",
    "start_ticks",
    "end_ticks",
    "reason",
    "schema",
)
"""The columns of a coverage as a table; new ones come at the end."""


@dataclass(frozen=True)
class CsvSettings(StageSettings):
    """CSV has no settings."""

    stage: ClassVar[str] = "csv"


SETTINGS = CsvSettings


class CsvExporter:
    """One header line, then one line a record; CRLF ends a line.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe. Numbers are never touched.
    An absent value is an empty cell; the source columns say why.
    """

    name = "csv"
    suffix = ".csv"
    states_coverage = False

    def write(self, result: SearchResult, file: BinaryIO) -> None:
        self.write_appearances((*result.hits, *result.candidates), file)

    def write_appearances(self, appearances: Sequence[Appearance], file: BinaryIO) -> None:
        write_table(COLUMNS, map(record, appearances), file)


def write_coverage(coverage: Coverage, file: BinaryIO) -> None:
    """Write a coverage as a table: a line for each stretch of time with its fate, then what was not searched at all.

    The cells are as safe as those of records. Of what was not searched the kind is ``unsearched``, and only the
    name, the reason and the schema are there.
    """
    lines: list[dict[str, object]] = []
    for stream in coverage.streams:
        for stretch in stream.ranges:
            start, end = stretch.start_seconds, stretch.end_seconds
            ticks = math.lcm(start.denominator, end.denominator)
            lines.append(
                {
                    "exhibit": stream.exhibit,
                    "exhibit_sha256": stream.exhibit_sha256,
                    "stream": stream.stream,
                    "camera": stream.camera,
                    "kind": stretch.kind,
                    "segment": stretch.segment,
                    "start_seconds": start,
                    "end_seconds": end,
                    **wall_clock_times(stream.clock, start, end),
                    "clock_status": stream.clock.status,
                    "ticks_per_second": ticks,
                    "start_ticks": int(start * ticks),
                    "end_ticks": int(end * ticks),
                    "reason": stretch.reason,
                }
            )
    lines += [
        {"exhibit": item.subject, "kind": "unsearched", "reason": item.reason} for item in coverage.unsearched
    ]
    write_table(COVERAGE_COLUMNS, (line | {"schema": COVERAGE_SCHEMA} for line in lines), file)


def build(settings: CsvSettings) -> CsvExporter:  # noqa: ARG001  every exporter is built alike
    return CsvExporter()


def write_table(columns: Sequence[str], lines: Iterable[Mapping[str, object]], file: BinaryIO) -> None:
    """Write a header and a line for each mapping; what a line lacks is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(line.get(column)) for column in columns] for line in lines)
    file.write(encoded(text.getvalue()))


def cell(value: object) -> str:
    """A value as the text of a cell that no spreadsheet runs as a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Fraction():
            return decimal_text(value)
        case str():
            return f"'{value}" if value[:1] in FORMULA_STARTS else value
    return str(value)
