from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.clock import NO_CLOCK, ClockOrigin, WallClock
from retrofr.errors import ExhibitError, UsageError
from retrofr.selection import MediaWindow, Selection, TimeWindow

AT = datetime(2024, 3, 30, 17, 11, 5)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", Fraction(90)),
        ("90s", Fraction(90)),
        ("0.04", Fraction(1, 25)),
        ("1:30", Fraction(90)),
        ("17:11", Fraction(1031)),
        ("90:00", Fraction(5400)),
        ("120:00", Fraction(7200)),
        ("0:01:30.5", Fraction(181, 2)),
        ("100:00:00", Fraction(360_000)),
        ("-5", Fraction(-5)),
        ("-1:00", Fraction(-60)),
    ],
)
def test_media_time(text: str, seconds: Fraction) -> None:
    assert TimeWindow.parse(text, None) == TimeWindow(seconds)
    assert TimeWindow.parse(text, None).media_windows(WallClock(NO_CLOCK)) == windows(*((seconds, None),))


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (None, None, TimeWindow()),
        ("2024-03-30T17:11", None, TimeWindow(AT.replace(second=0))),
        ("2024-03-30 17:11:05", "2024-03-30T17:12", TimeWindow(AT, datetime(2024, 3, 30, 17, 12))),
        ("2024-03-30", "2024-03-30", TimeWindow(datetime(2024, 3, 30), datetime(2024, 3, 31))),
        ("2024-03-30T17:11:05", "18:30", TimeWindow(AT, datetime(2024, 3, 30, 18, 30))),
        ("7:05", "2024-03-30T18:30", TimeWindow(datetime(2024, 3, 30, 7, 5), datetime(2024, 3, 30, 18, 30))),
        (
            "2024-03-30",
            "9:05:00.5",
            TimeWindow(datetime(2024, 3, 30), datetime(2024, 3, 30, 9, 5, 0, 500_000)),
        ),
        (None, "2024-03-30T17:11:05Z", TimeWindow(None, AT.replace(tzinfo=UTC))),
    ],
)
def test_windows(start: str | None, end: str | None, window: TimeWindow) -> None:
    assert TimeWindow.parse(start, end) == window
    assert window.is_open == (start is end is None)


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        ("x", None, "--from: expected a time, got 'x'"),
        ("1:75", None, "--from: expected a time, got '1:75'"),
        ("1:75:00", None, "--from: expected a time, got '1:75:00'"),
        ("20240330", None, "--from: 20240330 is more than 100 days of media time"),
        ("30.03.2024", None, "--from: expected a time, got '30.03.2024'"),
        (
            "2024-03-30T25:00",
            None,
            "--from: '2024-03-30T25:00' is not a possible time (hour must be in 0..23)",
        ),
        ("2024-3-30", None, "--from: expected a date like 2024-04-02, got '2024-3-30'"),
        ("90", "90", "--to: 90 is not after --from 90"),
        ("2024-03-30T17:11", "17:10", "--to: 17:10 is not after --from 2024-03-30T17:11"),
        ("90", "2024-03-30", "--from and --to: one is media time and the other is wall-clock time"),
        (
            "2024-03-30T17:11Z",
            "2024-03-30T17:12",
            "--from and --to: one of the two has a time zone and the other has not",
        ),
    ],
)
def test_what_is_no_window(start: str | None, end: str | None, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        TimeWindow.parse(start, end)
    assert f"{raised.value.subject}: {raised.value.reason}" == error


@settings(deadline=None)
@given(st.text("0123456789:-.TZs+ ", max_size=25), st.text("0123456789:-.TZs+ ", max_size=25))
def test_no_text_is_too_odd(start: str, end: str) -> None:
    try:
        window = TimeWindow.parse(start, end)
    except UsageError:
        return
    assert window.start is not None
    assert window.end is not None
    assert "from" in str(window)


def test_a_window_in_words() -> None:
    assert str(TimeWindow()) == "all of it"
    assert str(TimeWindow.parse("90", "2:00")) == "media time from 0:01:30.000 to 0:02:00.000"
    assert str(TimeWindow.parse(None, "2024-03-30")) == "wall-clock time to 2024-03-31T00:00:00"


def windows(*pairs: tuple[int | Fraction | None, int | Fraction | None]) -> tuple[MediaWindow, ...]:
    return tuple((_exact(start), _exact(end)) for start, end in pairs)


def _exact(bound: int | Fraction | None) -> Fraction | None:
    return None if bound is None else Fraction(bound)


# ---- wall-clock windows in media time ------------------------------------------------------------------------


def clock(at: datetime, zone: ZoneInfo | None = None, offset: int = 0) -> WallClock:
    return WallClock(ClockOrigin(at, "file name"), zone, timedelta(seconds=offset))


@pytest.mark.parametrize("zone", [None, BERLIN])
def test_a_window_is_in_adjusted_time(zone: ZoneInfo | None) -> None:
    window = TimeWindow.parse("2024-03-30T17:12:05", "2024-03-30T17:13:05")
    assert window.media_windows(clock(AT, zone)) == windows(*((60, 120),))
    assert window.media_windows(clock(AT, zone, offset=-423)) == windows(*((483, 543),))


def test_a_window_with_a_zone_meets_a_clock_with_one() -> None:
    window = TimeWindow.parse("2024-03-30T16:12:05Z", None)
    assert window.media_windows(clock(AT, BERLIN)) == windows(*((60, None),))
    assert window.media_windows(clock(AT.replace(tzinfo=UTC))) == windows(*((-3540, None),))


def test_the_hour_that_occurs_twice_is_found_twice() -> None:
    window = TimeWindow.parse("2024-10-27T02:15", "02:45")
    assert window.media_windows(clock(datetime(2024, 10, 27, 1, 0), BERLIN)) == windows(
        *((4500, 6300), (8100, 9900))
    )


def test_a_window_that_never_occurs_holds_nothing_and_is_not_empty() -> None:
    window = TimeWindow.parse("2024-03-31T02:15", "02:45")
    assert window.media_windows(clock(datetime(2024, 3, 31, 1, 0), BERLIN)) == windows(*((0, 0),))


def test_a_clock_with_a_rate_reaches_the_window_sooner() -> None:
    fast = WallClock(ClockOrigin(AT, "overlay", "overlay", rate=Fraction(6, 5)))
    assert TimeWindow.parse("2024-03-30T17:12:05", None).media_windows(fast) == windows(*((50, None),))


def test_without_a_clock_a_wall_clock_window_is_refused() -> None:
    with pytest.raises(ExhibitError) as raised:
        TimeWindow.parse("2024-03-30", None).media_windows(WallClock(NO_CLOCK), "a.mp4")
    assert str(raised.value) == (
        "a.mp4: the time window is wall-clock time, and this recording has no wall clock "
        "(none: no clock in the file name)\n"
        "give its start with --start, or in a sidecar with --sidecar"
    )


def test_a_window_with_a_zone_needs_a_clock_with_one() -> None:
    with pytest.raises(ExhibitError) as raised:
        TimeWindow.parse("2024-03-30T17:00Z", None).media_windows(clock(AT), "a.mp4")
    assert str(raised.value) == (
        "a.mp4: the time window has a time zone, and the zone of this recording's clock is not known\n"
        "give it with --timezone, or leave the zone out of --from and --to"
    )


# ---- cameras and streams -------------------------------------------------------------------------------------


def test_cameras_by_name_or_pattern() -> None:
    selection = Selection(cameras=("Front*", "gate 2"))
    assert selection.why_not_camera("front door") is None
    assert selection.why_not_camera("Gate 2") is None
    assert (
        selection.why_not_camera("back")
        == "it is of camera back, and Front* or gate 2 was asked for (--camera)"
    )
    assert selection.why_not_camera(None) == (
        "its camera is not known, and Front* or gate 2 was asked for (--camera)"
    )
    assert Selection().why_not_camera(None) is None
    assert selection.unused_cameras(["back", None, "Frontage"]) == ["gate 2"]
    assert Selection().unused_cameras(["back"]) == []


def test_streams_by_number() -> None:
    assert [n for n in range(4) if Selection(streams=(0, 3)).takes_stream(n)] == [0, 3]
    assert Selection().takes_stream(7)
