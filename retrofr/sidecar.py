"""The sidecar: a CSV file in which an examiner writes down what is known about each recording."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from retrofr.clock import ClockCheck
from retrofr.errors import UsageError
from retrofr.given import (
    build_check,
    parse_aspect,
    parse_clock_offset,
    parse_rate,
    parse_start,
    parse_timezone,
)

COLUMNS = (
    "file",
    "camera",
    "start",
    "timezone",
    "recorder_time",
    "true_time",
    "checked_on",
    "checked_by",
    "offset",
    "sar",
    "fps",
)
_CHECK_COLUMNS = ("recorder_time", "true_time", "checked_on", "checked_by")
_LARGEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Given:
    """What is said about a recording, by flags or by one row of a sidecar; None is not said."""

    start: datetime | None = None
    zone: tzinfo | None = None
    offset: timedelta | None = None
    check: ClockCheck | None = None
    camera: str | None = None
    pixel_aspect: Fraction | None = None
    frame_rate: Fraction | None = None


@dataclass(frozen=True)
class SidecarRow:
    """One row: ``file`` as it is written there, and what it says. ``place`` names file and line."""

    file: str
    line: int
    place: str
    given: Given = field(default_factory=Given)

    @cached_property
    def _parts(self) -> tuple[str, ...]:
        return tuple(part for part in self.file.replace("\\", "/").split("/") if part not in {"", "."})

    @property
    def is_pattern(self) -> bool:
        """Whether it can mean several recordings: ``*`` or ``?`` is in it (brackets mean themselves)."""
        return "*" in self.file or "?" in self.file

    def rank(self, path: Path, name: str) -> tuple[int, int] | None:
        """How closely the row names a recording, higher is closer; None where it does not.

        A name is compared from its end, folder by folder, with the name that outputs show and with the path.
        """
        wholes = _wholes(path, name)
        if any(parts[-len(self._parts) :] == self._parts for _, parts in wholes):
            return (1, len(self._parts))
        if self.is_pattern and any(self._regex.fullmatch(text) for text, _ in wholes):
            return (0, len(self._parts))
        return None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
        pieces = re.split(r"(\*\*|\*|\?)", "/".join(self._parts))
        return re.compile(
            "(?:.*/)?" + "".join(wild.get(piece) or re.escape(piece) for piece in pieces), re.DOTALL
        )


@lru_cache(maxsize=4096)
def _wholes(path: Path, name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Name and whole path of a recording with ``/``, each with its parts."""
    texts = [text.replace("\\", "/") for text in (name, str(path.absolute()))]
    return tuple((text, tuple(part for part in text.split("/") if part)) for text in texts)


def read_sidecar(path: Path) -> tuple[SidecarRow, ...]:
    """Read a sidecar: UTF-8, comma or semicolon, first line the names of the columns in any order.

    ``file`` must be there; the other columns are ``camera``, ``start``, ``timezone``, ``recorder_time``,
    ``true_time``, ``checked_on``, ``checked_by``, ``offset``, ``sar`` and ``fps``. Empty cells say nothing.

    Raises:
        UsageError: it cannot be read, a column is unknown, or a cell is not what its column holds; the line and
            the column are named.
    """
    text = _text(path)
    first = text.split("\n", 1)[0]
    rows = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=";" if first.count(";") > first.count(",") else ",",
        strict=True,
    )
    found: list[SidecarRow] = []
    columns: list[str] = []
    try:
        for raw in rows:
            cells = [cell.strip() for cell in raw]
            if not any(cells):
                continue
            if not columns:
                columns = _columns([cell.lower() for cell in cells], path.name)
                continue
            found.append(_row(columns, cells, rows.line_num, path.name))
    except csv.Error as error:
        raise UsageError(f"is not CSV ({error})", subject=f"{path.name}, line {rows.line_num}") from error
    if not found:
        raise UsageError("says nothing about any recording", subject=path.name, hint=_columns_hint())
    return tuple(found)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError("is too large for a sidecar", subject=path.name, hint=_columns_hint())
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            "is not UTF-8 text", subject=path.name, hint='save it as "CSV UTF-8" from the spreadsheet'
        ) from error


def _columns(names: list[str], file: str) -> list[str]:
    subject = f"{file}, line 1"
    while names and not names[-1]:  # spreadsheets leave separators behind
        names.pop()
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise UsageError(f"no such column: {unknown[0]!r}", subject=subject, hint=_columns_hint())
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"the column {twice[0]} is there twice", subject=subject)
    if "file" not in names:
        raise UsageError("has no column file", subject=subject, hint=_columns_hint())
    return names


def _columns_hint() -> str:
    return f"the first line names its columns, some of: {', '.join(COLUMNS)}"


def _row(columns: list[str], cells: list[str], line: int, file: str) -> SidecarRow:
    place = f"{file}, line {line}"
    if any(cells[len(columns) :]):
        raise UsageError(f"has {len(cells)} cells for {len(columns)} columns", subject=place)
    given = dict(zip(columns, cells, strict=False))
    if not given.get("file"):
        raise UsageError("names no file", subject=place)

    def read(column: str, parse: Callable[[str, str], Any]) -> Any:
        text = given.get(column)
        return parse(text, f"{place}, {column}") if text else None

    offset, check = _offset(given, place)
    return SidecarRow(
        given["file"],
        line,
        place,
        Given(
            start=read("start", parse_start),
            zone=read("timezone", parse_timezone),
            offset=offset,
            check=check,
            camera=given.get("camera") or None,
            pixel_aspect=read("sar", parse_aspect),
            frame_rate=read("fps", parse_rate),
        ),
    )


def _offset(given: dict[str, str], place: str) -> tuple[timedelta | None, ClockCheck | None]:
    """The offset and the check of a row; where both are there they must agree."""
    check = None
    if any(given.get(column) for column in _CHECK_COLUMNS):
        check = build_check(*(given.get(column, "") for column in _CHECK_COLUMNS), subject=place)
    if not given.get("offset"):
        return (check.offset if check else None), check
    said = parse_clock_offset(given["offset"], f"{place}, offset")
    if isinstance(said, ClockCheck):
        if check is not None and check != said:
            raise UsageError("holds two checks of the clock", subject=place)
        return said.offset, said
    if check is not None and check.offset != said:
        raise UsageError(
            f"the offset is not that of the check, which is {signed(check.offset)}", subject=place
        )
    return said, check


def signed(offset: timedelta) -> str:
    """An offset for a person: ``-0:07:03``."""
    return f"{'-' if offset < timedelta(0) else '+'}{abs(offset)}"
