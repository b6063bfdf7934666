"""The date and time in a line of text that a recorder burnt into the picture.

Text comes from optical reading, so spaces may be missing or too many, separators wrong, and letters stand where
digits were. What can be read in several ways is given in each: only other frames or a person can decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import Literal, get_args

Order = Literal["ymd", "dmy", "mdy"]
ORDERS: tuple[Order, ...] = get_args(Order)

MINUTE, SECOND = Fraction(60), Fraction(1)

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_CHINESE_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class ShownTime:
    """A time of day, with a date where there is one, as the picture shows it.

    Args:
        seconds: since midnight, as shown: the start of the second, minute or fraction on display.
        step: how far the display moves at a time: 60 (no seconds shown), 1, or less.
        dates: each possible date by the order of its parts; empty where no date is shown.
        weekday: 0 Monday to 6 Sunday, None where none is shown.
        text: what was read.
    """

    seconds: Fraction
    step: Fraction
    dates: Mapping[Order, date]
    weekday: int | None
    text: str


def read_shown_time(text: str) -> ShownTime | None:
    """The time in a line of text, None where there is none or more than one.

    Understood, with the date before or after the time, or without one:

    - ``17:11:05``, ``17:11:05.123``, ``17:11``, ``05:11:05 PM``, ``17时11分05秒``; dots for colons beside a date;
      a frame number (``17:11:05:12``) is passed over;
    - ``2024-03-30``, ``30/03/2024``, ``03/30/2024``, ``30.03.24``, ``30 MAR 2024``, ``Mar 30, 2024``,
      ``2024年03月30日``, with ``-``, ``/``, ``.`` or a space between the parts. The order of two parts that could
      both be the month, and of two-digit years (20xx), is left open, unless a weekday (``Sat``, ``星期六``)
      or the calendar rules the others out;
    - a missing space between date and time, one missing separator of a full date or time, ``O`` for 0,
      ``l`` or ``I`` for 1, ``B`` for 8 and the like beside digits.
    """
    cleaned = _cleaned(text)
    weekday = _weekday(cleaned)
    for dates, rest in (*_dated(cleaned), ({}, cleaned)):
        times = list(_times(rest, dotted=bool(dates)))
        if len(times) == 1:
            seconds, step = times[0]
            return ShownTime(seconds, step, MappingProxyType(_fitting(dates, weekday)), weekday, text)
        if times:
            return None
    return None


def read_shown_date(text: str) -> bool:
    """Whether a line of text holds a date: it may belong to a time in the line beside it."""
    return any(True for _ in _dated(_cleaned(text)))


_LOOKALIKES = str.maketrans("OoQDIil|!SsBZz", "00001111155822")
_LONE = r"(?<![A-Za-z])[OoQDIil|!SsBZz](?![A-Za-z])"
_LOOKALIKE = re.compile(rf"(?:(?<=[\d:/.\-]){_LONE})|(?:{_LONE}(?=[\d:/.\-]))")


def _cleaned(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").replace("—", "-")
    return _LOOKALIKE.sub(lambda found: found[0].translate(_LOOKALIKES), plain).upper()


def _weekday(text: str) -> int | None:
    chinese = re.search(r"(?:星期|周|週)([一二三四五六日天])", text)
    if chinese:
        return _CHINESE_WEEKDAYS.index(chinese[1].replace("天", "日"))
    named = re.findall(rf"(?<![A-Z])({'|'.join(_WEEKDAYS)})(?:[A-Z]*DAY)?(?![A-Z])", _without_half(text))
    return _WEEKDAYS.index(named[0]) if len(named) == 1 else None


def _without_half(text: str) -> str:
    return re.sub(r"(?<=\d)\s*[AP]\.?[MHN]\b", " ", text)


# A date ends where no digit follows, or where the hour follows without a space: two digits and a colon.
_START = r"(?:(?<!\d)|(?<=[:.]\d\d))"
_END = r"(?=\d\d ?[:.;]|\D|$)"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_TWO = r"\d\d"
_PART = r"(?:\d\d|[1-9])"
_GAP = r" ?[\-/.=_,~ ] ?"
_WORD = rf"(?P<word>{'|'.join(_MONTHS)})[A-Z]*"
_LOOSE = r"[\-/.=_,~ ]{0,2}"
_FULL = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_START}{_YEAR} ?年 ?(?P<b>\d{{1,2}}) ?月 ?(?P<c>\d{{1,2}}) ?(?:日|号|{_END})",
        rf"{_START}{_YEAR}{_GAP}(?P<b>{_PART}){_GAP}(?P<c>{_PART}){_END}",
        rf"{_START}(?P<a>{_PART}){_GAP}(?P<b>{_PART}){_GAP}{_YEAR}{_END}",
        # One separator lost: only where every part has all its digits.
        rf"{_START}{_YEAR}(?:(?P<b>{_TWO}){_GAP}|{_GAP}(?P<b2>{_TWO}))(?P<c>{_TWO}){_END}",
        rf"{_START}(?P<a>{_TWO})(?:(?P<b>{_TWO}){_GAP}|{_GAP}(?P<b2>{_TWO})){_YEAR}{_END}",
    )
)
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_START}(?P<d>{_PART}){_LOOSE}{_WORD}{_LOOSE}{_YEAR}{_END}",
        rf"{_WORD}{_LOOSE}(?P<d>{_PART})(?:ST|ND|RD|TH)?{_GAP}{_YEAR}{_END}",
        rf"{_START}{_YEAR}{_LOOSE}{_WORD}{_LOOSE}(?P<d>{_PART}){_END}",
    )
)
_SHORT = re.compile(rf"{_START}(?P<a>{_TWO})(?P<gap>[\-/.])(?P<b>{_TWO})(?P=gap)(?P<c>{_TWO}){_END}")


def _dated(text: str) -> Iterator[tuple[dict[Order, date], str]]:
    """Each way to find a date in the text: its readings, and the text without it."""
    for pattern in _NAMED:
        for found in pattern.finditer(text):
            month = _MONTHS.index(found["word"]) + 1
            at = _date(int(found["y"]), month, int(found["d"]))
            if at is not None:
                yield dict.fromkeys(ORDERS, at), _blanked(text, found)
    for pattern in _FULL:
        for found in pattern.finditer(text):
            if dates := _full_dates(found):
                yield dates, _blanked(text, found)
    for found in _SHORT.finditer(text):
        a, b, c = (int(found[name]) for name in "abc")
        orders: dict[Order, tuple[int, int, int]] = {"ymd": (a, b, c), "dmy": (c, b, a), "mdy": (c, a, b)}
        dates = {order: at for order, (y, m, d) in orders.items() if (at := _date(2000 + y, m, d))}
        if dates:
            yield dates, _blanked(text, found)


def _full_dates(found: re.Match[str]) -> dict[Order, date]:
    parts = found.groupdict()
    year, middle = int(parts["y"]), parts["b"] or parts.get("b2") or ""
    if "c" in parts:
        if len(middle) > len(parts["c"]) and middle.startswith("0"):
            return {}  # 03 and 7: the day's second digit was taken for the hour's first
        at = _date(year, int(middle), int(parts["c"]))
        return {} if at is None else dict.fromkeys(ORDERS, at)
    a, b = int(parts["a"]), int(middle)
    orders: dict[Order, date | None] = {"dmy": _date(year, b, a), "mdy": _date(year, a, b)}
    dates = {order: at for order, at in orders.items() if at is not None}
    # With one reading left, or two the same, there is nothing to choose between.
    return dict.fromkeys(ORDERS, next(iter(dates.values()))) if len(set(dates.values())) == 1 else dates


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _blanked(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} \N{SYMBOL FOR NULL} {text[found.end() :]}"


def _fitting(dates: dict[Order, date], weekday: int | None) -> dict[Order, date]:
    """Only the dates that fall on the weekday shown, where any does: the weekday may be misread too."""
    fit = {order: at for order, at in dates.items() if at.weekday() == weekday}
    if not fit:
        return dates
    return dict.fromkeys(ORDERS, next(iter(fit.values()))) if len(set(fit.values())) == 1 else fit


_HALF = r"(?: ?(?P<half>[AP])\.? ?[MHN](?![A-Z]))?"  # an M that touches its edge is read as H or N
_BEFORE = r"(?<![\dA-Z][:.])(?<!\d)(?:(?P<chinese>上午|下午) ?)?"
_COLON = r" ?[:;](?: ?:)? ?"
_FRACTION = r"(?:[.,](?P<f>\d{1,3})(?!\d)|:(?P<frame>\d\d)(?!\d))?"
_CLOCKS = (
    rf"{_BEFORE}(?P<H>\d\d?){_COLON}(?P<M>\d\d){_COLON}(?P<S>\d\d){_FRACTION}(?!\d){_HALF}",
    # One colon lost or read as a dot: only where every part has both its digits.
    rf"{_BEFORE}(?P<H>\d\d)(?:{_COLON}(?P<M>\d\d)\.?|\.?(?P<M2>\d\d){_COLON})(?P<S>\d\d)(?!\d){_HALF}",
    rf"{_BEFORE}(?P<H>\d\d?) ?[时時] ?(?P<M>\d\d?) ?分 ?(?:(?P<S>\d\d?) ?秒)?",
)
_DOTTED = rf"{_BEFORE}(?P<H>\d\d?)\.(?P<M>\d\d)\.(?P<S>\d\d)(?!\d){_HALF}"
_SHORT_CLOCK = rf"{_BEFORE}(?P<H>\d\d?){_COLON}(?P<M>\d\d)(?![\d])(?! ?[:;.] ?\d){_HALF}"


def _times(text: str, *, dotted: bool) -> Iterator[tuple[Fraction, Fraction]]:
    """Each possible time of day in the text: seconds since midnight, and the step of the display."""
    patterns = [*_CLOCKS, *([_DOTTED] if dotted else [])]
    for pattern in patterns:
        found = list(re.finditer(pattern, text))
        if found:
            yield from (time for each in found if (time := _time(each)) is not None)
            return
    for each in re.finditer(_SHORT_CLOCK, text):
        if (time := _time(each)) is not None:
            yield time


def _time(found: re.Match[str]) -> tuple[Fraction, Fraction] | None:
    parts = found.groupdict()
    hour, minute, second = (
        int(parts["H"]),
        int(parts.get("M") or parts.get("M2") or 0),
        int(parts.get("S") or 0),
    )
    half = {"上午": "A", "下午": "P"}.get(parts.get("chinese") or "", parts.get("half"))
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "P" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    digits = parts.get("f") or ""
    step = MINUTE if parts.get("S") is None else Fraction(1, 10 ** len(digits))
    return Fraction(hour * 3600 + minute * 60 + second) + Fraction(int(digits or 0), 10 ** len(digits)), step
