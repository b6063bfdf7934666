"""Patterns of file names that hold a time: ``{camera}_{YYYY}{MM}{DD}_{hh}{mm}{ss}``.

=============  =====================================================================================
``{YYYY}``     year, 1900 to 2099; ``{YY}`` is two digits of 2000 to 2099
``{MM}{DD}``   month and day, two digits each
``{hh}{mm}``   hour (0 to 23) and minute, two digits each; ``{ss}`` seconds (00 where left out),
               ``{fff}`` milliseconds
``{epoch}``    seconds since 1970 in UTC, 10 digits, or milliseconds, 13 digits; stands for all of the above
``{camera}``   the camera's name; ``{camera:front|back}`` only these
``{#}``        a number
``{*}``        anything within a name, or nothing; ``{**}`` anything, folders included
=============  =====================================================================================

Everything else stands for itself, in upper or lower case. A pattern is compared with the whole file name, whose
ending (``.mp4``) may be left out; one with ``/`` in it with the last parts of the path, as few as fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from retrofr.errors import SettingsError

SETTING = "clock.file_name_patterns"
FIELDS = {
    "YYYY": r"(?P<YYYY>(?:19|20)\d\d)",
    "YY": r"(?P<YY>\d\d)",
    "MM": r"(?P<MM>\d\d)",
    "DD": r"(?P<DD>\d\d)",
    "hh": r"(?P<hh>\d\d)",
    "mm": r"(?P<mm>\d\d)",
    "ss": r"(?P<ss>\d\d)",
    "fff": r"(?P<fff>\d{3})",
    "epoch": r"(?<!\d)(?P<epoch>\d{10}(?:\d{3})?)(?!\d)",
    "camera": r"(?P<camera>[^/]+?)",
    "#": r"\d+",
    "*": r"[^/]*",
    "**": r".+",
}
_REPEATABLE = {"#", "*", "**"}
_DATE_AND_TIME = ("MM", "DD", "hh", "mm")
_ENDING = r"(?:\.[A-Za-z0-9]{1,5})?"
_TOKEN = re.compile(r"\{([^{}]*)\}|([^{}]+)|(.)", re.DOTALL)


@dataclass(frozen=True)
class PatternReading:
    """What a pattern read: ``at`` is None where it holds no time or the digits are not a possible one."""

    at: datetime | None
    camera: str | None
    has_time: bool


@dataclass(frozen=True)
class NamePattern:
    """One pattern. ``zone`` is that of its times where the maker is known to write one zone only.

    Raises:
        SettingsError: the text is not a pattern; the place is named.
    """

    text: str
    zone: tzinfo | None = None

    def __post_init__(self) -> None:
        fields = _fields(self.text)
        if not fields or fields <= _REPEATABLE:
            raise _bad(self.text, "has no field for a time or a camera")
        times = fields - _REPEATABLE - {"camera"}
        if times and "epoch" not in times:
            year = {"YYYY", "YY"} & times
            lacking = [
                *([] if year else ["YYYY"]),
                *(field for field in _DATE_AND_TIME if field not in times),
            ]
            if lacking:
                raise _bad(self.text, f"has a part of a time and lacks {_named(lacking)}")
            if len(year) > 1:
                raise _bad(self.text, "has both {YYYY} and {YY}")
        elif len(times) > 1:
            raise _bad(self.text, "has {epoch} and other fields of a time")

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        start = r"(?:^|.*/)" if "/" in self.text else "^"
        return re.compile(f"{start}{_expression(self.text)}{_ENDING}$", re.IGNORECASE | re.DOTALL)

    def read(self, path: str) -> PatternReading | None:
        """What the pattern finds in a path with ``/``; None where it does not fit."""
        fits = self._regex.match(path if "/" in self.text else path.rsplit("/", 1)[-1])
        if fits is None:
            return None
        found = fits.groupdict()
        times = {name: value for name, value in found.items() if name != "camera"}
        return PatternReading(self._time(times) if times else None, found.get("camera"), bool(times))

    def _time(self, found: dict[str, str]) -> datetime | None:
        if "epoch" in found:
            digits = found["epoch"]
            milliseconds = int(digits) if len(digits) == 13 else 1000 * int(digits)
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
        year = int(found["YYYY"]) if "YYYY" in found else 2000 + int(found["YY"])
        month, day, hour, minute = (int(found[field]) for field in _DATE_AND_TIME)
        second, millisecond = int(found.get("ss", 0)), int(found.get("fff", 0))
        try:
            return datetime(year, month, day, hour, minute, second, 1000 * millisecond, self.zone)
        except ValueError:
            return None


def read_patterns(texts: Iterable[str]) -> tuple[NamePattern, ...]:
    """The patterns of the setting ``clock.file_name_patterns``.

    Raises:
        SettingsError: one of them is not a pattern.
    """
    return tuple(NamePattern(text) for text in texts)


def _fields(text: str) -> set[str]:
    """The names of the fields of a pattern, each checked."""
    seen: set[str] = set()
    for token in _TOKEN.finditer(text):
        name, _, stray = token.groups()
        if stray:
            raise _bad(text, f"{stray} at character {token.start() + 1} stands alone")
        if name is None:
            continue
        field, colon, choices = name.partition(":")
        if field not in FIELDS or (colon and (field != "camera" or not all(choices.split("|")))):
            raise _bad(text, f"no such field: {{{name}}} at character {token.start() + 1}")
        if field in seen - _REPEATABLE:
            raise _bad(text, f"{{{field}}} is there twice, the second time at character {token.start() + 1}")
        seen.add(field)
    return seen


def _expression(text: str) -> str:
    made = ""
    for token in _TOKEN.finditer(text):
        name, plain, _ = token.groups()
        if plain is not None:
            made += re.escape(plain)
            continue
        field, _, choices = name.partition(":")
        # The longest first: F would hide FH.
        listed = sorted(choices.split("|"), key=len, reverse=True) if choices else []
        made += f"(?P<camera>{'|'.join(map(re.escape, listed))})" if listed else FIELDS[field]
    return made


def _named(fields: Iterable[str]) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)


def _bad(text: str, why: str) -> SettingsError:
    return SettingsError(
        f"{text!r}: {why}",
        subject=SETTING,
        hint=f"fields are {_named(FIELDS)}; a second time of a name is {{*}}",
    )
