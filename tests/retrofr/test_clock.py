from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from retrofr.clock import (
    NO_CLOCK,
    ClockCheck,
    ClockOrigin,
    WallClock,
    choose_origin,
    disagreement,
    format_seconds,
    zone_name,
)

AT = datetime(2024, 3, 30, 17, 11, 5)
BERLIN = ZoneInfo("Europe/Berlin")
CHECK = ClockCheck(
    datetime(2024, 4, 2, 17, 20), datetime(2024, 4, 2, 17, 12, 57), date(2024, 4, 2), "PC Smith"
)
HOUR = Fraction(3600)


def named(at: datetime) -> ClockOrigin:
    return ClockOrigin(at, "file name")


def test_time_at_counts_from_the_origin() -> None:
    assert named(AT).time_at(Fraction(1, 3)) == AT + timedelta(microseconds=333_333)
    assert named(AT).time_at(Fraction(2, 3)) == AT + timedelta(microseconds=666_666)  # cut, not rounded
    assert named(AT).time_at(Fraction(-5)) == AT - timedelta(seconds=5)
    assert NO_CLOCK.time_at(Fraction(1)) is None


def test_a_clock_with_a_rate_counts_its_own_seconds() -> None:
    fast = ClockOrigin(AT, "overlay", "overlay", rate=Fraction(102, 100))
    assert fast.time_at(Fraction(50)) == AT + timedelta(seconds=51)
    assert WallClock(fast, BERLIN).adjusted_at(Fraction(50)) == (AT + timedelta(seconds=51)).replace(
        tzinfo=BERLIN
    )
    with pytest.raises(ValueError, match="rate: expected more than 0, got 0"):
        ClockOrigin(AT, "overlay", "overlay", rate=Fraction(0))


@pytest.mark.parametrize("zone", [None, BERLIN])
@pytest.mark.parametrize("at", [AT, AT.replace(tzinfo=UTC)])
def test_beyond_the_calendar_there_is_no_time_and_a_note(at: datetime, zone: ZoneInfo | None) -> None:
    clock = WallClock(named(at), zone)
    for seconds in (Fraction(10**12), Fraction(-(10**12)), Fraction(10**30)):
        assert clock.original_at(seconds) is None
        assert clock.adjusted_at(seconds) is None
        assert clock.note_at(seconds) == (
            "this moment lies outside the calendar: the recording's times are wrong, or its clock"
        )


def test_without_a_clock_there_is_nothing() -> None:
    clock = WallClock(NO_CLOCK, BERLIN, timedelta(seconds=1))
    assert clock.original_at(HOUR) is clock.adjusted_at(HOUR) is None
    assert clock.note_at(HOUR) is None
    assert (clock.status, clock.source) == ("no clock", "none: no clock in the file name")


@pytest.mark.parametrize(
    ("clock", "status"),
    [
        (WallClock(named(AT)), "clock unverified"),
        (WallClock(named(AT), BERLIN), "clock unverified"),
        (WallClock(named(AT), offset=timedelta(seconds=3)), "clock offset given, no record of a check"),
        (WallClock(named(AT), check=CHECK), "clock checked 2024-04-02 by PC Smith"),
        (
            WallClock(named(AT), check=ClockCheck(AT, AT, date(2024, 4, 2))),
            "clock checked 2024-04-02, record incomplete",
        ),
        (
            WallClock(named(AT), check=ClockCheck(AT, AT, None, "PC Smith")),
            "clock checked by PC Smith, record incomplete",
        ),
        (WallClock(named(AT), check=ClockCheck(AT, AT)), "clock checked, record incomplete"),
    ],
)
def test_status(clock: WallClock, status: str) -> None:
    assert clock.status == status


def test_the_offset_is_true_time_less_recorder_time() -> None:
    assert CHECK.offset == -timedelta(minutes=7, seconds=3)
    clock = WallClock(named(AT), check=CHECK)
    assert clock.offset == CHECK.offset
    assert clock.original_at(Fraction(0)) == AT
    assert clock.adjusted_at(Fraction(0)) == AT - timedelta(minutes=7, seconds=3)
    assert WallClock(named(AT.replace(tzinfo=UTC)), check=CHECK).adjusted_at(Fraction(0)) == (
        AT - timedelta(minutes=7, seconds=3)
    ).replace(tzinfo=UTC)


def test_an_offset_beside_a_check_must_be_that_of_the_check() -> None:
    assert WallClock(named(AT), offset=CHECK.offset, check=CHECK).offset == CHECK.offset
    with pytest.raises(ValueError, match="is not that of the check"):
        WallClock(named(AT), offset=timedelta(seconds=1), check=CHECK)
    with pytest.raises(ValueError, match="both with a zone or both without"):
        ClockCheck(AT, AT.replace(tzinfo=UTC))


def test_an_origin_with_a_zone_keeps_it_and_is_adjusted_to_the_zone_of_the_place() -> None:
    clock = WallClock(named(AT.replace(tzinfo=UTC)), BERLIN)
    assert str(clock.original_at(Fraction(0))) == "2024-03-30 17:11:05+00:00"
    assert str(clock.adjusted_at(Fraction(0))) == "2024-03-30 18:11:05+01:00"
    # One day on it is summer time.
    assert str(clock.adjusted_at(24 * HOUR)) == "2024-03-31 19:11:05+02:00"
    assert clock.note_at(24 * HOUR) is None


def test_a_recording_through_the_change_of_the_clocks_is_counted_in_real_seconds() -> None:
    clock = WallClock(named(datetime(2024, 10, 27, 1, 30)), BERLIN)
    assert str(clock.original_at(2 * HOUR)) == "2024-10-27 03:30:00"
    assert str(clock.adjusted_at(2 * HOUR)) == "2024-10-27 02:30:00+01:00"
    assert clock.note_at(Fraction(0)) is None
    assert clock.note_at(HOUR) == (
        "this local time occurs twice in Europe/Berlin, 2024-10-27T02:30:00+02:00 and "
        "2024-10-27T02:30:00+01:00: it is the first"
    )
    changed = (
        "the clocks in Europe/Berlin changed after the recording's start, from UTC+02:00 to UTC+01:00; "
        "the original is what a clock shows that ran on unchanged"
    )
    assert clock.note_at(2 * HOUR) == (
        f"{changed}; this local time occurs twice in Europe/Berlin, 2024-10-27T02:30:00+02:00 and "
        "2024-10-27T02:30:00+01:00: it is the second"
    )
    assert clock.note_at(3 * HOUR) == changed


def test_a_start_that_occurs_twice_makes_two_readings_of_every_moment() -> None:
    clock = WallClock(named(datetime(2024, 10, 27, 2, 30)), BERLIN)
    assert str(clock.adjusted_at(Fraction(0))) == "2024-10-27 02:30:00+02:00"
    assert clock.note_at(2 * HOUR) == (
        "the recording's start, 2024-10-27T02:30:00, occurs twice in Europe/Berlin: "
        "this is 2024-10-27T03:30:00+01:00 or 2024-10-27T04:30:00+01:00"
    )


def test_each_reading_of_a_recorder_clock_stands_by_itself() -> None:
    clock = WallClock(ClockOrigin(datetime(2024, 10, 27, 1, 30), "DHAV", "recorder clock"), BERLIN)
    assert str(clock.adjusted_at(HOUR)) == "2024-10-27 02:30:00+02:00"
    assert clock.note_at(HOUR) == (
        "the clock's reading, 2024-10-27T02:30:00, occurs twice in Europe/Berlin: "
        "this is 2024-10-27T02:30:00+02:00 or 2024-10-27T02:30:00+01:00"
    )
    # A recorder that was set back to winter time shows 03:30 one hour and a half of real time later.
    assert str(clock.adjusted_at(2 * HOUR)) == "2024-10-27 03:30:00+01:00"
    assert clock.note_at(2 * HOUR) is None


@pytest.mark.parametrize(
    ("kind", "what"), [("file name", "the recording's start"), ("recorder clock", "the clock's reading")]
)
def test_a_time_that_never_occurs_is_noted(kind: str, what: str) -> None:
    clock = WallClock(ClockOrigin(datetime(2024, 3, 31, 2, 30), "x", kind), BERLIN)  # type: ignore[arg-type]
    assert str(clock.adjusted_at(Fraction(0))) == "2024-03-31 03:30:00+02:00"
    assert clock.note_at(Fraction(0)) == (
        f"{what}, 2024-03-31T02:30:00, never occurs in Europe/Berlin: read as if that clock had not been put forward"
    )


def test_the_offset_is_applied_before_the_zone() -> None:
    # The recorder, seven minutes ahead, already shows a time that occurs once; the true time occurs twice.
    clock = WallClock(named(datetime(2024, 10, 27, 3, 5)), BERLIN, offset=timedelta(minutes=-7))
    assert str(clock.adjusted_at(Fraction(0))) == "2024-10-27 02:58:00+02:00"
    assert "occurs twice" in (clock.note_at(Fraction(0)) or "")


# ---- several origins -----------------------------------------------------------------------------------------

CREATED = ClockOrigin(datetime(2024, 3, 30, 16, 11, 6, tzinfo=UTC), "creation time", "creation time")
OVERLAY = ClockOrigin(datetime(2024, 3, 30, 17, 18, 8), "burnt-in clock", "overlay")
DHAV = ClockOrigin(datetime(2024, 3, 30, 17, 11, 4), "recorder clock", "recorder clock")
GIVEN = ClockOrigin(AT, "given by the examiner (--start)", "examiner")


def test_the_most_trusted_origin_is_used_and_the_others_are_hints() -> None:
    order = [GIVEN, DHAV, named(AT), CREATED, OVERLAY]
    for first in range(len(order)):
        clock = choose_origin(reversed(order[first:]), zone=BERLIN, check=CHECK)
        assert clock.origins == tuple(order[first:])
        assert (clock.zone, clock.check) == (BERLIN, CHECK)


def test_an_origin_without_a_time_is_used_only_where_there_is_no_other() -> None:
    refused = ClockOrigin(None, "none: 20240230_171105 in the file name is not a possible time")
    assert choose_origin([refused, CREATED]) == WallClock(CREATED)
    assert choose_origin([NO_CLOCK, refused]) == WallClock(refused)
    assert choose_origin([]) == choose_origin([NO_CLOCK]) == WallClock(NO_CLOCK)


@pytest.mark.parametrize(
    ("clock", "sentences"),
    [
        (choose_origin([named(AT), DHAV]), ()),
        (choose_origin([named(AT), CREATED], zone=BERLIN), ()),
        (
            choose_origin([named(AT), CREATED]),
            (
                "creation time gives 2024-03-30T16:11:06+00:00, file name 2024-03-30T17:11:05: "
                "0:59:59.000 earlier; a difference of time zone or daylight saving is likely",
            ),
        ),
        (
            choose_origin([GIVEN, OVERLAY, named(AT)]),
            (
                "burnt-in clock gives 2024-03-30T17:18:08, given by the examiner (--start) 2024-03-30T17:11:05: "
                "0:07:03.000 later",
            ),
        ),
        (
            choose_origin([GIVEN, named(datetime(2024, 3, 29, 17))]),
            (
                "file name gives 2024-03-29T17:00:00, given by the examiner (--start) 2024-03-30T17:11:05: "
                "1 day, 0:11:05 earlier",
            ),
        ),
        (
            choose_origin([named(AT), CREATED], zone=ZoneInfo("Asia/Kathmandu")),
            (
                "creation time gives 2024-03-30T16:11:06+00:00, file name 2024-03-30T17:11:05: 4:45:01.000 later",
            ),
        ),
    ],
)
def test_disagreement(clock: WallClock, sentences: tuple[str, ...]) -> None:
    assert disagreement(clock) == sentences


def test_a_clock_travels_between_processes() -> None:
    clock = choose_origin([GIVEN, CREATED], zone=BERLIN, check=CHECK)
    assert pickle.loads(pickle.dumps(clock)) == clock


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (BERLIN, "Europe/Berlin"),
        (UTC, "+00:00"),
        (timezone(timedelta(hours=5, minutes=45)), "+05:45"),
        (timezone(timedelta(hours=-3, minutes=-30)), "-03:30"),
    ],
)
def test_zone_name(zone: timezone | ZoneInfo, name: str) -> None:
    assert zone_name(zone) == name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "0:00:00.000"),
        (423.48, "0:07:03.480"),
        (Fraction(-5), "-0:00:05.000"),
        (36000, "10:00:00.000"),
    ],
)
def test_format_seconds(seconds: Fraction | float, text: str) -> None:
    assert format_seconds(seconds) == text
