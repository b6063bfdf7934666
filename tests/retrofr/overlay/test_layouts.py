from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.overlay.layouts import MINUTE, ORDERS, SECOND, ShownTime, read_shown_date, read_shown_time

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2079, 12, 31)).map(lambda at: at.replace(microsecond=0))
FULL_LAYOUTS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d %a %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%H:%M:%S %Y-%m-%d",
    "%Y-%m-%d %I:%M:%S %p",
    "%d %b %Y %H:%M:%S",
    "%d-%b-%Y %A %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%Y年%m月%d日 %H:%M:%S",
    "CAM 04 %Y-%m-%d %H:%M:%S",
    "%Y-%m-%d%H:%M:%S",
    "%Y%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M%S",
    "%Y-%m-%d %H%M:%S",
    "%Y=%m-%d %H:%M.%S",
]


def of_day(at: datetime) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def read(text: str) -> ShownTime:
    shown = read_shown_time(text)
    assert shown is not None, text
    return shown


@pytest.mark.parametrize("layout", FULL_LAYOUTS)
@given(at=MOMENTS)
def test_a_date_year_first_or_with_its_month_named_is_read_exactly(layout: str, at: datetime) -> None:
    shown = read(at.strftime(layout))
    assert (shown.seconds, shown.step) == (of_day(at), SECOND)
    assert dict(shown.dates) == dict.fromkeys(ORDERS, at.date())


@pytest.mark.parametrize("layout", ["%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%H:%M:%S %d-%m-%Y"])
@given(at=MOMENTS)
def test_the_order_of_day_and_month_is_open_where_both_are_possible(layout: str, at: datetime) -> None:
    dates = read(at.strftime(layout)).dates
    if at.day == at.month or at.day > 12:
        assert dict(dates) == dict.fromkeys(ORDERS, at.date())
    else:
        assert dict(dates) == {"dmy": at.date(), "mdy": date(at.year, at.day, at.month)}


@given(at=MOMENTS)
def test_a_weekday_decides_the_order_if_only_one_date_falls_on_it(at: datetime) -> None:
    dates = set(read(at.strftime("%d/%m/%Y %a %H:%M:%S")).dates.values())
    swapped = None if at.day > 12 else date(at.year, at.day, at.month)
    if swapped is None or swapped.weekday() != at.weekday():
        assert dates == {at.date()}
    else:
        assert dates == {at.date(), swapped}


@given(at=MOMENTS, digit=st.integers(0, 7), lookalike=st.sampled_from(["O0", "l1", "I1", "S5", "B8", "Z2"]))
def test_a_letter_in_place_of_one_digit_is_read_as_that_digit(
    at: datetime, digit: int, lookalike: str
) -> None:
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    place = text.find(lookalike[1], digit)
    if place >= 0:
        text = text[:place] + lookalike[0] + text[place + 1 :]
    assert read(text).seconds == of_day(at)


@pytest.mark.parametrize(
    ("text", "clock", "step", "dates"),
    [
        ("17:11", "17:11:00", MINUTE, set()),
        ("05:11 PM", "17:11:00", MINUTE, set()),
        ("12:00:01 AM", "00:00:01", SECOND, set()),
        ("05:11:07 PH", "17:11:07", SECOND, set()),
        ("17: :11:07", "17:11:07", SECOND, set()),
        ("17:11:07.250", "17:11:07.25", Fraction(1, 1000), set()),
        ("2024-03-30 17:11:07:12", "17:11:07", SECOND, {date(2024, 3, 30)}),
        ("30.03.2024 17.11.07", "17:11:07", SECOND, {date(2024, 3, 30)}),
        ("30.03.24 17.11.07", "17:11:07", SECOND, {date(2024, 3, 30), date(2030, 3, 24)}),
        ("03-04-05 17:11:07", "17:11:07", SECOND, {date(2003, 4, 5), date(2005, 4, 3), date(2005, 3, 4)}),
        ("2024年3月30日星期六下午5:11:07", "17:11:07", SECOND, {date(2024, 3, 30)}),
        ("2024年03月30日 17时11分07秒", "17:11:07", SECOND, {date(2024, 3, 30)}),
        ("2024-3-317:11:07", "17:11:07", SECOND, {date(2024, 3, 3)}),
        ("17:11:0730/03/2024", "17:11:07", SECOND, {date(2024, 3, 30)}),
        ("2024-02-30 17:11:07", "17:11:07", SECOND, set()),
        (":30MAR/2024:17:11:07", "17:11:07", SECOND, {date(2024, 3, 30)}),
    ],
)
def test_layouts_and_the_ways_they_are_misread(
    text: str, clock: str, step: Fraction, dates: set[date]
) -> None:
    shown = read(text)
    at = datetime.fromisoformat(f"1970-01-01T{clock}")
    assert shown.seconds == Fraction((at - datetime(1970, 1, 1)) // timedelta(milliseconds=1), 1000)
    assert shown.step == step
    assert set(shown.dates.values()) == dates


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CAMERA 04",
        "AB12 CDE",
        "LJ05 XYZ 171105",
        "Tel 0171 123 45 67",
        "2024-03-30",
        "17.11.05",
        "25:00:00",
        "13:00:00 PM",
        "12:61",
        "16:9",
        "00:00:05 / 00:10:00",
        "2024-03-307:11:05",
        "1080:1920:25",
    ],
)
def test_what_is_no_clock_or_two_of_them_is_not_read(text: str) -> None:
    assert read_shown_time(text) is None


def test_full_width_characters_are_plain_ones() -> None:
    wide = "".join(
        "\N{IDEOGRAPHIC SPACE}" if c == " " else chr(ord(c) + 0xFEE0) for c in "2024-03-30 17:11:07"
    )
    shown = read(wide)
    assert (shown.seconds, shown.dates["ymd"]) == (17 * 3600 + 11 * 60 + 7, date(2024, 3, 30))


def test_a_misread_weekday_does_not_remove_the_date() -> None:
    shown = read("Sun 30/03/2024 17:11:05")
    assert (set(shown.dates.values()), shown.weekday) == ({date(2024, 3, 30)}, 6)


@pytest.mark.parametrize(
    ("text", "has"), [("30/03/2024", True), ("Sat 30 Mar 2024", True), ("17:11:05", False)]
)
def test_a_date_alone_is_noticed(text: str, has: bool) -> None:
    assert read_shown_date(text) is has
