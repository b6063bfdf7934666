"""Properties of the wall clock over zones with odd changes, offsets, rates and times of media."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from retrofr.clock import ClockOrigin, OriginKind, WallClock, is_skipped, iso_seconds, local_readings
from retrofr.selection import TimeWindow

ZONES = [
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",  # winter is the exception, with negative daylight saving
    "Australia/Lord_Howe",  # half an hour
    "America/St_Johns",  # at one minute past midnight until 2011
    "America/New_York",
    "Africa/Casablanca",  # back for Ramadan
    "Asia/Kathmandu",
    "Asia/Tehran",  # at midnight
    "Pacific/Apia",  # a day was left out in 2011
    "Antarctica/Troll",  # two hours
    "America/Caracas",  # half-hour changes without daylight saving
    "Asia/Gaza",
]
zones: st.SearchStrategy[tzinfo] = st.one_of(
    st.sampled_from(ZONES).map(ZoneInfo),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


def _near_changes() -> list[datetime]:
    """Local times at which one of the zones goes back or forward."""
    found = []
    for name in ZONES:
        zone = ZoneInfo(name)
        day = datetime(2007, 1, 1, tzinfo=UTC)
        while day.year < 2026:
            later = day + timedelta(days=1)
            if day.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
                found += [day.astimezone(zone).replace(tzinfo=None)]
            day = later
    return found


CHANGES = _near_changes()
moments = st.one_of(
    st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-60, 30 * 60),
    ),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)),
)
offsets = st.one_of(
    st.just(timedelta(0)),
    st.timedeltas(timedelta(hours=-2), timedelta(hours=2)),
    st.timedeltas(timedelta(days=-4000), timedelta(days=4000)),
)
ticks = st.builds(
    Fraction,
    st.integers(-(10**9), 10**11),
    st.sampled_from([1, 25, 90_000, 30_000 // 1001, 90_000 * 1001, 12_800]),
).filter(lambda seconds: abs(seconds) < 10**6)
rates = st.one_of(
    st.just(Fraction(1)), st.fractions(Fraction(9, 10), Fraction(11, 10), max_denominator=10**6)
)
chained: st.SearchStrategy[OriginKind] = st.sampled_from(
    ["examiner", "file name", "creation time", "overlay"]
)


def clock(
    at: datetime, zone: tzinfo | None, offset: timedelta, kind: OriginKind, rate: Fraction
) -> WallClock:
    return WallClock(ClockOrigin(at, "x", kind, rate), zone, offset)


clocks = st.builds(clock, moments, zones, offsets, chained, rates)
stamped = st.builds(clock, moments, zones, offsets, st.just("recorder clock"), st.just(Fraction(1)))
sourced = st.builds(
    clock,
    st.builds(
        lambda at, zone: at.replace(tzinfo=zone), moments, zones.filter(lambda z: isinstance(z, timezone))
    ),
    st.one_of(st.none(), zones),
    offsets,
    chained,
    rates,
)


def microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


@settings(deadline=None, max_examples=150)
@given(st.one_of(clocks, sourced), ticks, ticks)
def test_adjusted_time_passes_as_media_time_does(clock: WallClock, one: Fraction, other: Fraction) -> None:
    first, second = sorted((one, other))
    start, end = clock.adjusted_at(first), clock.adjusted_at(second)
    assert start is not None
    assert end is not None
    assert start.astimezone(UTC) <= end.astimezone(UTC)
    exact = (second - first) * clock.origin.rate * 1_000_000
    assert abs(microseconds(end - start) - exact) < 1


@settings(deadline=None, max_examples=150)
@given(st.one_of(clocks, stamped, sourced), ticks)
def test_the_original_is_what_a_clock_shows_that_runs_on(clock: WallClock, seconds: Fraction) -> None:
    at, original = clock.origin.at, clock.original_at(seconds)
    assert at is not None
    assert original is not None
    assert original.tzinfo == at.tzinfo
    late = microseconds(original - at) - seconds * clock.origin.rate * 1_000_000
    assert -1 < late <= 0


@settings(deadline=None, max_examples=150)
@given(moments, offsets, ticks)
def test_without_a_zone_adjusted_is_original_and_offset(
    at: datetime, offset: timedelta, seconds: Fraction
) -> None:
    bare = clock(at, None, offset, "file name", Fraction(1))
    original, adjusted = bare.original_at(seconds), bare.adjusted_at(seconds)
    assert original is not None
    assert adjusted == original + offset
    assert bare.note_at(seconds) is None


@settings(deadline=None, max_examples=150)
@given(moments, zones, offsets)
def test_offsets_are_exact_in_every_zone(at: datetime, zone: tzinfo, offset: timedelta) -> None:
    adjusted = clock(at, zone, offset, "file name", Fraction(1)).adjusted_at(Fraction(0))
    assert adjusted is not None
    assume(not is_skipped(at + offset, zone))
    assert adjusted.replace(tzinfo=None) == at + offset


@settings(deadline=None, max_examples=200)
@given(moments, zones, st.sampled_from(["file name", "recorder clock"]))
@example(datetime(2024, 10, 27, 1, 30), ZoneInfo("Europe/London"), "file name")
@example(datetime(2024, 4, 7, 1, 45), ZoneInfo("Australia/Lord_Howe"), "file name")
def test_a_time_that_occurs_twice_is_named_twice_and_the_earlier_is_given(
    at: datetime, zone: tzinfo, kind: OriginKind
) -> None:
    wall = clock(at, zone, timedelta(0), kind, Fraction(1))
    readings, note = wall.readings_at(Fraction(0)), wall.note_at(Fraction(0))
    back = [reading for reading in readings if reading.astimezone(zone).replace(tzinfo=None, fold=0) == at]
    if len(readings) == 2:
        assert back == list(readings)  # both are that local time
        assert readings[0] < readings[1]
        assert note is not None
        assert all(iso_seconds(reading) in note for reading in readings)
    elif is_skipped(at, zone):
        assert back == []
        assert note is not None
        assert f"{iso_seconds(at)}, never occurs" in note
    else:
        assert back == list(readings)
        assert note is None
    assert wall.adjusted_at(Fraction(0)) == readings[0]


def test_a_day_that_was_left_out_never_occurs() -> None:
    assert is_skipped(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia"))
    assert len(local_readings(datetime(2024, 11, 3, 1, 30), ZoneInfo("America/New_York"))) == 2


@settings(deadline=None, max_examples=150)
@given(st.one_of(clocks, stamped, sourced), ticks)
def test_times_survive_iso_8601(clock: WallClock, seconds: Fraction) -> None:
    for at in (clock.original_at(seconds), clock.adjusted_at(seconds)):
        assert at is not None
        again = datetime.fromisoformat(at.isoformat(timespec="microseconds"))
        assert again == at
        assert again.utcoffset() == at.utcoffset()


# ---- time windows --------------------------------------------------------------------------------------------


def holds(window: TimeWindow, reading: datetime) -> bool:
    """Whether a reading is inside, told by its own digits or, where the window has a zone, as a moment."""
    for bound, late in ((window.start, True), (window.end, False)):
        if isinstance(bound, datetime):
            shown = reading.replace(tzinfo=None) if bound.tzinfo is None else reading
            if (shown >= bound) is not late:
                return False
    return True


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(clocks, stamped, sourced),
    st.lists(ticks, min_size=1, max_size=8),
    st.integers(0, 3 * 86_400),
    st.integers(1, 2 * 86_400),
    st.sampled_from(["both", "from", "to"]),
    st.booleans(),
    st.data(),
)
def test_a_window_holds_every_moment_inside_it_and_none_outside(
    clock: WallClock,
    times: list[Fraction],
    lead: int,
    length: int,
    ends: str,
    aware: bool,
    data: st.DataObject,
) -> None:
    middle = clock.adjusted_at(data.draw(ticks))
    assert middle is not None
    start = middle - timedelta(seconds=lead)
    end = start + timedelta(seconds=length)
    if not aware:
        start, end = (start.replace(tzinfo=None), end.replace(tzinfo=None))
    window = TimeWindow(None if ends == "to" else start, None if ends == "from" else end)
    found = window.media_windows(clock)
    near = [
        edge + step for pair in found for edge in pair if edge is not None for step in (-1, 0, 1, 1800, 3600)
    ]
    for seconds in [*times, *map(Fraction, near)]:
        inside = any(
            (first is None or first <= seconds) and (last is None or seconds < last) for first, last in found
        )
        assert inside == any(holds(window, reading) for reading in clock.readings_at(seconds))


@pytest.mark.parametrize("name", ZONES)
def test_a_window_over_the_whole_day_of_a_change_is_one_piece(name: str) -> None:
    zone = ZoneInfo(name)
    for day in (datetime(2024, 3, 31), datetime(2024, 10, 27), datetime(2024, 11, 3)):
        wall = clock(day - timedelta(hours=3), zone, timedelta(0), "file name", Fraction(1))
        window = TimeWindow(day, day + timedelta(days=1))
        (found,) = window.media_windows(wall)
        assert None not in found
        assert 22 * 3600 <= (found[1] or 0) - (found[0] or 0) <= 26 * 3600


def last_changes(zone: ZoneInfo, count: int) -> list[datetime]:
    """The last changes of a zone before 2026, in UTC, to the minute."""
    found: list[datetime] = []
    day = datetime(2026, 1, 1, tzinfo=UTC)
    while len(found) < count and day.year > 1990:
        earlier = day - timedelta(days=1)
        if earlier.astimezone(zone).utcoffset() != day.astimezone(zone).utcoffset():
            minutes = (earlier + timedelta(minutes=n) for n in range(24 * 60 + 1))
            old = earlier.astimezone(zone).utcoffset()
            found.append(next(at for at in minutes if at.astimezone(zone).utcoffset() != old))
        day = earlier
    return found


@pytest.mark.parametrize("kind", ["file name", "recorder clock"])
@pytest.mark.parametrize("name", [name for name in ZONES if name != "Asia/Kathmandu"])
def test_windows_that_begin_or_end_in_a_change(name: str, kind: OriginKind) -> None:
    zone = ZoneInfo(name)
    for change in last_changes(zone, 2):
        before, after = (
            (change + timedelta(minutes=n)).astimezone(zone).replace(tzinfo=None) for n in (-1, 0)
        )
        wall = clock(before - timedelta(hours=4), zone, timedelta(0), kind, Fraction(1))
        steps = [Fraction(60 * n) for n in range(-3 * 60, 11 * 60, 10)]
        readings = [wall.readings_at(seconds) for seconds in steps]
        for start in (before - timedelta(minutes=20), before, after, after + timedelta(minutes=25)):
            for end in (None, start + timedelta(minutes=20), start + timedelta(minutes=70)):
                for window in (TimeWindow(start, end), TimeWindow(None, end or start)):
                    found = window.media_windows(wall)
                    for seconds, possible in zip(steps, readings, strict=True):
                        inside = any(
                            (a is None or a <= seconds) and (b is None or seconds < b) for a, b in found
                        )
                        assert inside == any(holds(window, reading) for reading in possible)
