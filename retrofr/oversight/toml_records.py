"""Records that people write as TOML: read strictly, with errors that name file, line and field."""

from __future__ import annotations

import contextlib
import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from retrofr.errors import UsageError

LONGEST_TEXT = 4000
_LARGEST_BYTES = 1 << 20


class Fields:
    """The fields of one table of a TOML file; each is read by the method of its kind.

    Every method raises a UsageError that names the file, the line as far as it is known, and the field.

    Args:
        name: how errors call the file.
        text: all of it.
        values: of this table.
        table: its name; empty for the top of the file.
    """

    def __init__(self, name: str, text: str, values: Mapping[str, Any], table: str = "") -> None:
        self.name, self.text = name, text
        self._values, self._table = values, table

    @classmethod
    def read(cls, path: Path) -> Fields:
        """The top of a file.

        Raises:
            UsageError: it cannot be read, is not UTF-8, or not TOML.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
        except OSError as error:
            raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
        if len(data) > _LARGEST_BYTES:
            raise UsageError("is too large for a record", subject=str(path))
        return cls.parse(data, str(path))

    @classmethod
    def parse(cls, data: bytes, name: str) -> Fields:
        """The top of a file of these bytes; raises what :meth:`read` does."""
        try:
            text = data.decode("utf-8-sig")
            return cls(name, text, tomllib.loads(text.replace("\r\n", "\n")))
        except UnicodeDecodeError as error:
            raise UsageError("is not UTF-8 text", subject=name) from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(
                f"is not TOML: {error}", subject=name, hint='texts stand in quotes: reference = "RF/17"'
            ) from error

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def only(self, known: tuple[str, ...]) -> None:
        """Refuse fields that there are not: a mistyped name must not take a limit away."""
        for field in self._values:
            if field not in known:
                near = difflib.get_close_matches(field, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
                self.refuse(field, "no such field", hint)

    def sub(self, field: str) -> Fields:
        """A table below this one; empty where it is not there."""
        value = self._values.get(field, {})
        if not isinstance(value, Mapping):
            self.refuse(field, "expected a table", f"write [{field}] above its fields")
        return Fields(self.name, self.text, value, field)

    def required(self, field: str, example: str) -> str:
        """A text that must be there and say something."""
        found = self.optional(field)
        if found is None:
            self.refuse(field, "is missing", f"for example {field} = {example!r}".replace("'", '"'))
        return found

    def optional(self, field: str) -> str | None:
        """A text, None where it is not there; one that says nothing is refused."""
        value = self._values.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(field, f"expected a text in quotes, got {value!r}")
        if not value.strip():
            self.refuse(field, "is empty", "say what it asks for, or leave the line out")
        if len(value) > LONGEST_TEXT:
            self.refuse(field, f"has {len(value):,} characters; the limit is {LONGEST_TEXT:,}")
        return value.strip()

    def texts(self, field: str) -> tuple[str, ...] | None:
        """A list of texts; None where it is not there, and an empty one is refused as it may mean all or none."""
        value = self._values.get(field)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.refuse(field, f"expected a list of texts, got {value!r}", f'for example {field} = ["one"]')
        if not value:
            self.refuse(field, "is an empty list", "leave the line out where nothing is limited")
        return tuple(item.strip() for item in value)

    def flag(self, field: str) -> bool:
        """``true`` or ``false``; False where it is not there."""
        value = self._values.get(field, False)
        if not isinstance(value, bool):
            self.refuse(field, f"expected true or false, got {value!r}")
        return value

    def number(self, field: str, low: float, high: float, unit: str, *, whole: bool = False) -> float | None:
        """A number within bounds; None where it is not there."""
        value = self._values.get(field)
        if value is None:
            return None
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if number is None or not low <= number <= high or (whole and not isinstance(value, int)):
            what = "a whole number" if whole else "a number"
            self.refuse(field, f"expected {what} of {unit} from {low:g} to {high:g}, got {value!r}")
        return number

    def moment(self, field: str, zone: tzinfo, *, end: bool = False) -> datetime | None:
        """A moment with a zone: a time, or a day.

        Args:
            field: its name.
            zone: of times that have none of their own.
            end: of a day its end is meant, not its beginning.
        """
        value = self._stamp(field)
        if value is None:
            return None
        if not isinstance(value, datetime):
            value = datetime.combine(value, time()) + timedelta(days=1 if end else 0)
        if not 1900 <= value.year < 2200:
            self.refuse(field, f"{value.date()} is not between 1900 and 2199")
        return value if value.tzinfo is not None else value.replace(tzinfo=zone)

    def wall_clock(self, field: str, *, end: bool = False) -> datetime | None:
        """A time of footage, naive where it has no zone; of a day its beginning, or its end."""
        value = self._stamp(field)
        if value is None or isinstance(value, datetime):
            return value
        return datetime.combine(value, time()) + timedelta(days=1 if end else 0)

    def zone(self, field: str) -> tzinfo:
        """A time zone by its name; UTC where it is not there."""
        name = self.optional(field)
        if name is None or name in ("UTC", "Z"):
            return UTC
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.refuse(field, f"no such time zone: {name!r}", "for example Europe/London")

    def refuse(self, field: str, reason: str, hint: str | None = None) -> NoReturn:
        """Raise the UsageError about a field."""
        line = self._line(field)
        place = self.name if line is None else f"{self.name}, line {line}"
        path = f"{self._table}.{field}" if self._table else field
        raise UsageError(reason, subject=f"{place}, {path}", hint=hint)

    def _stamp(self, field: str) -> date | None:
        """A date, or the datetime that is one too, as TOML has them or as a text."""
        value = self._values.get(field)
        if isinstance(value, str):
            text = value.strip()
            with contextlib.suppress(ValueError):  # a text that is no time is refused below
                value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        if value is not None and not isinstance(value, date):
            self.refuse(
                field,
                f"expected a time or a day, got {value!r}",
                f"for example {field} = 2026-11-20T09:00:00+00:00, or {field} = 2026-11-20",
            )
        return value

    def _line(self, field: str) -> int | None:
        """The line in which a field, or the table of a missing one, begins; None where that is not known."""
        key = re.compile(rf"""\s*(["']?){re.escape(field)}\1\s*(=|\.)""")
        header = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]+\s*(#.*)?")
        table, begins = "", None
        for number, line in enumerate(self.text.splitlines(), 1):
            found = header.fullmatch(line)
            if found is not None:
                table = found[1].strip("\"'")
                if table == self._table:
                    begins = number
                if not self._table and table == field:
                    return number
            elif table == self._table and key.match(line):
                return number
        return begins
