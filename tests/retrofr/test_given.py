from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.clock import ClockCheck
from retrofr.errors import UsageError
from retrofr.given import (
    parse_aspect,
    parse_clock_offset,
    parse_day,
    parse_rate,
    parse_stamp,
    parse_start,
    parse_timezone,
)
from retrofr.sidecar import signed

AT = datetime(2024, 3, 30, 17, 11, 5)
CHECK = ClockCheck(
    datetime(2024, 4, 2, 17, 20), datetime(2024, 4, 2, 17, 12, 57), date(2024, 4, 2), "PC Smith, 4 CID"
)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-03-30T17:11:05", AT),
        (" 2024-03-30 17:11:05 ", AT),
        ("2024-03-30T17:11:05.25", AT.replace(microsecond=250_000)),
        ("2024-03-30T17:11:05,000001", AT.replace(microsecond=1)),
        ("2024-03-30T17:11:05Z", AT.replace(tzinfo=UTC)),
        ("2024-03-30T17:11:05-0330", AT.replace(tzinfo=timezone(-timedelta(hours=3, minutes=30)))),
    ],
)
def test_starts(text: str, at: datetime) -> None:
    assert parse_start(text) == at
    assert parse_start(text).utcoffset() == at.utcoffset()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-03-30T17:11", "expected a time like 2024-03-30T17:11:05, got '2024-03-30T17:11'"),
        ("30/03/2024 17:11:05", "expected a time like 2024-03-30T17:11:05, got '30/03/2024 17:11:05'"),
        ("", "expected a time like 2024-03-30T17:11:05, got ''"),
        (
            "2024-02-30T17:11:05",
            "'2024-02-30T17:11:05' is not a possible time (day is out of range for month)",
        ),
        ("2024-03-30T17:11:60", "'2024-03-30T17:11:60' is not a possible time (second must be in 0..59)"),
        (
            "2024-03-30T17:11:05+25:00",
            "'2024-03-30T17:11:05+25:00' is not a possible time (no such offset: +25:00)",
        ),
        ("0001-01-01T00:00:00", "'0001-01-01T00:00:00' is not between 1900 and 2199"),
    ],
)
def test_what_is_no_start(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_start(text)
    assert (raised.value.subject, raised.value.reason) == ("--start", reason)


@settings(deadline=None)
@given(
    st.datetimes(
        datetime(1900, 1, 1),
        datetime(2199, 12, 31),
        timezones=st.one_of(
            st.none(), st.integers(-900, 900).map(lambda minutes: timezone(timedelta(minutes=minutes)))
        ),
    )
)
def test_a_start_is_read_back_exactly(at: datetime) -> None:
    assert parse_start(at.isoformat()) == at
    assert parse_start(at.isoformat()).utcoffset() == at.utcoffset()


@pytest.mark.parametrize(
    ("text", "name"),
    [("Europe/London", "Europe/London"), (" UTC ", "UTC"), ("Z", "UTC"), ("+01:00", "UTC+01:00"),
     ("-0330", "UTC-03:30"), ("UTC+2", None), ("UTC+02", "UTC+02:00"), ("+5", None)],
)  # fmt: skip
def test_zones(text: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(UsageError):
            parse_timezone(text)
    else:
        assert str(parse_timezone(text)) == name


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("Europe/Lodnon", "no such time zone: 'Europe/Lodnon'", "did you mean Europe/London"),
        ("europe/berlin", "no such time zone: 'europe/berlin'", "did you mean Europe/Berlin"),
        ("Casablanca", "no such time zone: 'Casablanca'", "did you mean Africa/Casablanca"),
        ("BST!", "no such time zone: 'BST!'", ""),
        ("localtime", "no such time zone: 'localtime'", ""),  # another one on every machine
        ("../etc/passwd", "no such time zone: '../etc/passwd'", ""),
        ("Europe", "no such time zone: 'Europe'", ""),
        ("+01:75", "'+01:75' is not a possible offset from UTC", None),
        ("", "no such time zone: ''", "for example Europe/London"),
    ],
)
def test_what_is_no_zone(text: str, reason: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as raised:
        parse_timezone(text)
    assert (raised.value.subject, raised.value.reason) == ("--timezone", reason)
    assert (raised.value.hint is None) == (hint is None)
    assert (raised.value.hint or "").startswith(hint or "")


def test_a_machine_without_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrofr.given.available_timezones", set)
    with pytest.raises(UsageError, match="this machine has no time zone database") as raised:
        parse_timezone("Europe/London")
    assert raised.value.hint == "install the package tzdata, or give an offset such as +01:00"
    assert str(parse_timezone("+01:00")) == "UTC+01:00"


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("-00:07:03", -timedelta(minutes=7, seconds=3)),
        ("−0:07:03", -timedelta(minutes=7, seconds=3)),  # a minus sign from a document
        ("-7m3s", -timedelta(minutes=7, seconds=3)),
        ("+423s", timedelta(seconds=423)),
        ("+0.5s", timedelta(milliseconds=500)),
        ("+1d2h", timedelta(days=1, hours=2)),
        ("+26:00:00.000001", timedelta(hours=26, microseconds=1)),
        ("0s", timedelta(0)),
        ("00:00:00", timedelta(0)),
    ],
)
def test_offsets(text: str, offset: timedelta) -> None:
    assert parse_clock_offset(text) == offset


@settings(deadline=None)
@given(st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000)))
def test_an_offset_is_read_back_exactly(offset: timedelta) -> None:
    hours, rest = divmod(abs(offset), timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = f"{rest.seconds:02}.{rest.microseconds:06}"
    assert (
        parse_clock_offset(f"{'-' if offset < timedelta(0) else '+'}{hours}:{minutes:02}:{seconds}") == offset
    )


def test_signed_offsets() -> None:
    assert signed(-timedelta(minutes=7, seconds=3)) == "-0:07:03"
    assert signed(timedelta(days=1, seconds=1)) == "+1 day, 0:00:01"


def test_a_check_in_one_line() -> None:
    text = "recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57,on=2024-04-02,by=PC Smith, 4 CID"
    assert parse_clock_offset(text) == CHECK
    short = parse_clock_offset("true=2024-04-02T17:12:57, recorder=2024-04-02T17:20:00")
    assert short == ClockCheck(CHECK.recorder_time, CHECK.true_time)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("423", "expected an offset or a check, got '423'"),
        ("7:03", "expected an offset or a check, got '7:03'"),
        ("-00:75:00", "expected an offset or a check, got '-00:75:00'"),
        ("", "expected an offset or a check, got ''"),
        ("+", "expected an offset or a check, got '+'"),
        ("00:07:03", "'00:07:03' needs a sign"),
        ("7m", "'7m' needs a sign"),
        ("+999999d", "'+999999d' is more than 200 years"),
        ("recorder=2024-04-02T17:20:00", "the check of the clock lacks the true time"),
        ("true=2024-04-02T17:20:00,by=x", "the check of the clock lacks the recorder's time"),
        ("recorder=1,rue=2", "no such part of a check: rue"),
        ("x,recorder=1", "expected a check, got 'x,recorder=1'"),
        ("recorder=1,recorder=2", "expected a check, got 'recorder=1,recorder=2'"),
        ("recorder=17:20:00,true=17:12:57", "expected a time like 2024-03-30T17:11:05, got '17:20:00'"),
        (
            "recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57Z",
            "only one of recorder time and true time has a zone",
        ),
        (
            "recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57,on=2 April",
            "expected a date like 2024-04-02, got '2 April'",
        ),
    ],
)
def test_what_is_no_offset(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_clock_offset(text)
    assert (raised.value.subject, raised.value.reason) == ("--clock-offset", reason)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_aspect, "16:11", Fraction(16, 11)),
        (parse_aspect, "64/45", Fraction(64, 45)),
        (parse_rate, "12.5", Fraction(25, 2)),
        (parse_rate, "30000/1001", Fraction(30000, 1001)),
        (parse_rate, "0.01", Fraction(1, 100)),
    ],
)
def test_aspects_and_rates(parse: Callable[[str], Fraction], text: str, value: Fraction) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("text", ["16", "16:0", "0:11", "16:1", "1.45:1", "-16:11", "", "x"])
def test_what_is_no_aspect(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_aspect(text)
    assert (raised.value.subject, raised.value.reason) == (
        "--sar", f"expected the shape of a pixel like 16:11, got {text!r}"
    )  # fmt: skip


@pytest.mark.parametrize("text", ["0", "1e3", "nan", "inf", "25/0", "1/1000", "1001", "-5", "", "25 fps"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_rate(text)
    assert (raised.value.subject, raised.value.reason) == (
        "--fps", f"expected frames a second like 12.5 or 30000/1001, got {text!r}"
    )  # fmt: skip


@settings(deadline=None)
@given(
    st.sampled_from([parse_timezone, parse_clock_offset, parse_aspect, parse_rate, parse_start]),
    st.text("0123456789:-+./TZ,=recordtuhms ", max_size=30),
)
def test_no_text_is_too_odd(parse: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(UsageError):
        parse(text)


def test_days_and_stamps() -> None:
    assert parse_day("2024-04-02", "x") == date(2024, 4, 2)
    assert parse_stamp("2024-03-30T17:11", "x", seconds=False) == AT.replace(second=0)
    assert parse_timezone("America/St_Johns") == ZoneInfo("America/St_Johns")
