"""What examiners write about recordings: times, zones, clock offsets, pixel aspects, frame rates.

Every function takes the text and a subject (the flag, or the file and line) that its errors name.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo, available_timezones

from retrofr.clock import ClockCheck
from retrofr.errors import UsageError

_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
_STAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<minute>\d\d:\d\d)(?P<second>:\d\d(?P<fraction>[.,]\d{1,6})?)?" + _ZONE
)
_FIXED_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d\d)(?::?(\d\d))?")
_CLOCK_OFFSET = re.compile(r"([+-]?)(\d{1,7}):(\d\d):(\d\d(?:\.\d{1,6})?)")
_UNITS_OFFSET = re.compile(r"([+-]?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,6})?)s)?")
_LONGEST_OFFSET = timedelta(days=366 * 200)
_SIGN_HINT = "it is true time less recorder time: + where the recorder was behind, - where it was ahead"
_OFFSET_HINT = (
    "for example -00:07:03, +423s or -1h2m, true time less recorder time; or the record of a check: "
    "recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57,on=2024-04-02,by=NAME"
)
_MACHINES_OWN = frozenset({"localtime", "Factory", "posixrules"})


def parse_start(text: str, subject: str = "--start") -> datetime:
    """The time that a recorder showed at its recording's first picture: ``2024-03-30T17:11:05``, zone optional.

    Raises:
        UsageError: it is not such a time, or lacks the seconds.
    """
    return parse_stamp(text, subject, seconds=True)


def parse_stamp(text: str, subject: str, *, seconds: bool) -> datetime:
    """A date and time, ``2024-03-30T17:11:05.5+01:00``; naive where there is no zone.

    Args:
        seconds: whether they must be there.

    Raises:
        UsageError: it is not one.
    """
    found = _STAMP.fullmatch(text.strip())
    if found is None or (seconds and found["second"] is None):
        example = "2024-03-30T17:11:05" if seconds else "2024-03-30T17:11 or 2024-03-30T17:11:05"
        raise UsageError(
            f"expected a time like {example}, got {text!r}",
            subject=subject,
            hint="year first, hours 00 to 23; behind it may stand a zone: Z or +01:00",
        )
    iso = f"{found['date']}T{found['minute']}{found['second'] or ':00'}".replace(",", ".")
    try:
        at = datetime.fromisoformat(iso)
        zone = _fixed(found["zone"]) if found["zone"] else None
    except ValueError as error:
        raise UsageError(f"{text!r} is not a possible time ({error})", subject=subject) from error
    if not 1900 <= at.year < 2200:
        raise UsageError(f"{text!r} is not between 1900 and 2199", subject=subject)
    return at.replace(tzinfo=zone)


def parse_day(text: str, subject: str) -> date:
    """A date, ``2024-04-02``.

    Raises:
        UsageError: it is not one.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
            raise ValueError("year first")
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"expected a date like 2024-04-02, got {text!r}", subject=subject) from error


def parse_timezone(text: str, subject: str = "--timezone") -> tzinfo:
    """A zone: a name of the IANA time zone database (``Europe/London``), ``UTC``, or an offset (``+01:00``).

    Raises:
        UsageError: there is none of that name; similar names are given.
    """
    text = text.strip()
    if text in {"Z", "UTC"}:
        return UTC
    if _FIXED_ZONE.fullmatch(text):
        try:
            return _fixed(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is not a possible offset from UTC", subject=subject) from error
    names = available_timezones() - _MACHINES_OWN
    if text in names:
        return ZoneInfo(text)
    if not names:
        raise UsageError(
            "this machine has no time zone database",
            subject=subject,
            hint="install the package tzdata, or give an offset such as +01:00",
        )
    folded = {name.casefold(): name for name in sorted(names)}
    last = {name.rsplit("/", 1)[-1].casefold(): name for name in sorted(names)}
    near = difflib.get_close_matches(text.casefold(), [*folded, *last], n=3)
    like = list(dict.fromkeys(folded.get(name) or last[name] for name in near))
    hint = (
        f"did you mean {' or '.join(like)}?"
        if like
        else "for example Europe/London, America/New_York, +01:00"
    )
    raise UsageError(f"no such time zone: {text!r}", subject=subject, hint=hint)


def _fixed(text: str) -> timezone:
    if text == "Z":
        return UTC
    found = _FIXED_ZONE.fullmatch(text)
    if found is None or int(found[3] or 0) > 59 or int(found[2]) > 15:
        raise ValueError(f"no such offset: {text}")
    size = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-size if found[1] == "-" else size)


def parse_clock_offset(text: str, subject: str = "--clock-offset") -> timedelta | ClockCheck:
    """How wrong a recorder's clock was: true time less recorder time, or the record of a check.

    ``-00:07:03``, ``-7m3s`` and ``+423s`` are offsets and need their sign. A check is
    ``recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57,on=2024-04-02,by=PC Smith``; when and by whom it was
    made may be left out, and is then missing from the outputs.

    Raises:
        UsageError: it is neither.
    """
    text = text.strip().replace("−", "-")
    if "=" in text:
        return _parse_check(text, subject)
    clock, units = _CLOCK_OFFSET.fullmatch(text), _UNITS_OFFSET.fullmatch(text)
    if clock is not None and int(clock[3]) < 60 and Fraction(clock[4]) < 60:
        sign, days, hours, minutes, seconds = clock[1], "0", *clock.groups()[1:]
    elif units is not None and any(units.groups()[1:]):
        sign, days, hours, minutes, seconds = (part or "" for part in units.groups())
    else:
        raise UsageError(f"expected an offset or a check, got {text!r}", subject=subject, hint=_OFFSET_HINT)
    whole = 86_400 * int(days or 0) + 3600 * int(hours or 0) + 60 * int(minutes or 0)
    microseconds = (whole + Fraction(seconds or 0)) * 1_000_000
    if microseconds and not sign:
        raise UsageError(f"{text!r} needs a sign", subject=subject, hint=_SIGN_HINT)
    if microseconds > _LONGEST_OFFSET // timedelta(microseconds=1):
        raise UsageError(f"{text!r} is more than 200 years", subject=subject)
    size = timedelta(microseconds=int(microseconds))
    return -size if sign == "-" else size


def _parse_check(text: str, subject: str) -> ClockCheck:
    head, *parts = re.split(r"(?:^|,)\s*(\w+)=", text)
    names, values = parts[::2], [value.strip() for value in parts[1::2]]
    known = ("recorder", "true", "on", "by")
    wrong = [name for name in names if name not in known]
    if head.strip() or wrong or len(set(names)) != len(names):
        what = f"no such part of a check: {wrong[0]}" if wrong else f"expected a check, got {text!r}"
        raise UsageError(what, subject=subject, hint=_OFFSET_HINT)
    given = dict(zip(names, values, strict=True))
    return build_check(*(given.get(name, "") for name in known), subject=subject)


def build_check(recorder: str, true: str, on: str, by: str, *, subject: str) -> ClockCheck:
    """The record of a check from its four texts; empty is not said.

    Raises:
        UsageError: one of the two times is missing or no time, or only one of them has a zone.
    """
    if not recorder or not true:
        missing = "recorder's time" if not recorder else "true time"
        raise UsageError(f"the check of the clock lacks the {missing}", subject=subject, hint=_OFFSET_HINT)
    shown, right = (parse_stamp(text, subject, seconds=True) for text in (recorder, true))
    if (shown.tzinfo is None) != (right.tzinfo is None):
        raise UsageError(
            "only one of recorder time and true time has a zone",
            subject=subject,
            hint="give both as local times of the same place, or both with their zones",
        )
    return ClockCheck(shown, right, parse_day(on, subject) if on else None, by or None)


def parse_aspect(text: str, subject: str = "--sar") -> Fraction:
    """Width of a pixel over its height, ``16:11``.

    Raises:
        UsageError: it is not two whole numbers, or beyond 1:10 to 10:1.
    """
    found = re.fullmatch(r"(\d{1,5})[:/](\d{1,5})", text.strip())
    if (
        found is None
        or not int(found[2])
        or not Fraction(1, 10) <= Fraction(int(found[1]), int(found[2])) <= 10
    ):
        raise UsageError(
            f"expected the shape of a pixel like 16:11, got {text!r}",
            subject=subject,
            hint="its width and height as whole numbers, from 1:10 to 10:1",
        )
    return Fraction(int(found[1]), int(found[2]))


def parse_rate(text: str, subject: str = "--fps") -> Fraction:
    """Frames a second, exact: ``12.5`` or ``30000/1001``.

    Raises:
        UsageError: it is not such a number, or beyond 0.01 to 1000.
    """
    found = re.fullmatch(r"\d{1,9}(\.\d{1,9})?|\d{1,9}/0*[1-9]\d{0,8}", text.strip())
    if found is None or not Fraction(1, 100) <= Fraction(found[0]) <= 1000:
        raise UsageError(
            f"expected frames a second like 12.5 or 30000/1001, got {text!r}",
            subject=subject,
            hint="from 0.01 to 1000",
        )
    return Fraction(found[0])
