"""CSV after RFC 4180 in UTF-8, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, ClassVar

from retrofr.documents import COLUMNS, decimal_text, encoded, record
from retrofr.results import Appearance, SearchResult
from retrofr.settings import StageSettings

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  spreadsheets take the full-width forms as well
"""First characters that make a spreadsheet run a text cell as a formula."""


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
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(value) for value in record(a).values()] for a in appearances)
        file.write(encoded(text.getvalue()))


def build(settings: CsvSettings) -> CsvExporter:  # noqa: ARG001  every exporter is built alike
    return CsvExporter()


def _cell(value: object) -> str:
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
