"""docs/output.md promises what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from retrofr import documents, errors
from retrofr_cli.commands import doctor, models
from retrofr_cli.failures import PROGRESS_SCHEMA

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "output.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_columns_are_those_of_a_record_in_order() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", section("Columns of a record"), re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(documents.COLUMNS)


def test_every_schema_is_named() -> None:
    schemas = {value for name, value in vars(documents).items() if name.endswith("_SCHEMA")}
    schemas |= {PROGRESS_SCHEMA, models.SCHEMA, doctor.SCHEMA}
    schemas -= {documents.APPEARANCES_SCHEMA}  # the library's own, written by no command
    assert set(re.findall(r"`(retrofr\.\w+/\d+)`", PAGE)) == schemas


def test_every_exit_code_is_named() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    kinds = [errors.RetrofrError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert codes == {kind.exit_code for kind in kinds} | {0, errors.EXIT_GAPS, errors.EXIT_INTERRUPTED, 141}
