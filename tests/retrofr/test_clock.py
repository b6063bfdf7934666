from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.clock import NO_CLOCK, ClockOrigin, clock_from_file_name, format_seconds

AT = datetime(2024, 3, 30, 17, 11, 5)


@pytest.mark.parametrize(
    "name",
    [
        "cam1_20240330_171105.mp4",
        "2024-03-30_17-11-05.mp4",
        "2024-03-30T171105.mkv",
        "2024-03-30T17:11:05.ts",
        "2024-03-30 17.11.05.avi",
        "20240330171105",
        "20240330-171105.mkv",
        "20240330T171105_entrance.mkv",
        "Camera 1 (2024_03_30 17_11_05).g64",
        "NVR_ch1_main_20240330171105_20240330181105.dav",
        "2024-03-30_17-11-05_18-11-05.mp4",
        "192.168.1.64_01_20240330171105_1.mp4",
        "Cam-20240330-171105-1711818665.mp4",
        "cam_20240330_171105.264",
        "VID_20240330_171105.mp4",
        "30-03-2024_17.11.05.avi",
        "30.03.2024 17-11-05.avi",
        "30032024_171105.avi",
        "03-30-2024_17-11-05.avi",
        "2024-03-30_05-11-05_PM.mp4",
        "2024-03-30 05.11.05PM.mp4",
        r"D:\export\20240330_171105.mp4",
        "cam1/20240330_171105.mp4",
    ],
)
def test_names_that_recorders_write(name: str) -> None:
    assert clock_from_file_name(name) == ClockOrigin(AT, "file name")


def test_milliseconds_are_read() -> None:
    two = clock_from_file_name("Ch02_20220619111254080_20220619112811160.mp4")
    assert two.at == datetime(2022, 6, 19, 11, 12, 54, 80_000)
    assert clock_from_file_name("a_2024.03.30_17.11.05.123.mkv").at == AT.replace(microsecond=123_000)


def test_zones_are_kept_where_the_name_has_them() -> None:
    assert clock_from_file_name("2024-03-30T17-11-05Z.mp4").at == AT.replace(tzinfo=UTC)
    berlin = timezone(timedelta(hours=1))
    assert clock_from_file_name("20240330T171105+0100.mp4").at == AT.replace(tzinfo=berlin)


def test_seconds_since_1970_only_where_labelled() -> None:
    assert clock_from_file_name("epoch1711818665.ts").at == AT.replace(tzinfo=UTC)
    assert clock_from_file_name("cam_unix_1711818665250.ts").at == AT.replace(microsecond=250_000, tzinfo=UTC)
    assert clock_from_file_name("cam_1711818665.ts") is NO_CLOCK


@pytest.mark.parametrize(
    "name",
    [
        "clip.mp4",
        "20240330.mp4",
        "20240330_1711.mp4",
        "202403301711051.mp4",
        "240330_171105.mp4",
        "ch01_00000000000000000.mp4",
        "17.11.05-17.30.00[R][0@0][0].dav",
        "20240330_171105/clip.mp4",
        "",
    ],
)
def test_names_without_a_clock(name: str) -> None:
    assert clock_from_file_name(name) is NO_CLOCK
    assert NO_CLOCK.source == "none: no clock in the file name"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("20240230_171105.mp4", "20240230_171105 in the file name is not a possible time"),
        ("20240330_246105.mp4", "20240330_246105 in the file name is not a possible time"),
        ("2024-03-30_17-11-05PM.mp4", "2024-03-30_17-11-05PM in the file name is not a possible time"),
        (
            "03-04-2024_17-11-05.avi",
            "03-04-2024_17-11-05 in the file name can be read as 2024-03-04 or 2024-04-03",
        ),
        (
            "export_20240401_090000_cam1_20240330_171105.mp4",
            "the file name holds two times, the second earlier than the first",
        ),
        ("20240330_171105_20240330_171106_20240330_171107.mp4", "the file name holds 3 times"),
    ],
)
def test_what_is_impossible_or_has_two_readings_is_not_read(name: str, why: str) -> None:
    assert clock_from_file_name(name) == ClockOrigin(None, f"none: {why}")


def test_a_day_first_date_with_one_reading_is_read() -> None:
    assert clock_from_file_name("04-04-2024_17-11-05.avi").at == datetime(2024, 4, 4, 17, 11, 5)


moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))
layouts = st.sampled_from(
    [
        "%Y%m%d%H%M%S",
        "%Y%m%d_%H%M%S",
        "%Y%m%dT%H%M%S",
        "%Y-%m-%d_%H-%M-%S",
        "%Y.%m.%d %H.%M.%S",
        "%Y-%m-%dT%H:%M:%S",
    ]
)
around = st.sampled_from([("", ""), ("cam1_", ".mp4"), ("Ch02-", "_main.dav"), ("Front door ", ".264")])


@settings(deadline=None)
@given(moments, layouts, around)
def test_what_is_written_is_read_back(at: datetime, layout: str, text: tuple[str, str]) -> None:
    assert clock_from_file_name(text[0] + at.strftime(layout) + text[1]) == ClockOrigin(at, "file name")


@settings(deadline=None)
@given(moments, st.integers(0, 999), st.integers(0, 10**6))
def test_start_and_end_with_milliseconds_give_the_start(at: datetime, milliseconds: int, length: int) -> None:
    start = at + timedelta(milliseconds=milliseconds)
    end = start + timedelta(seconds=length)
    name = "_".join(f"{when:%Y%m%d%H%M%S}{when.microsecond // 1000:03}" for when in (start, end))
    assert clock_from_file_name(f"Ch02_{name}.mp4").at == start


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_name_is_too_odd(name: str) -> None:
    origin = clock_from_file_name(name)
    assert (origin.at is None) == origin.source.startswith("none: ")


@settings(deadline=None)
@given(st.text("0123456789-_T. ", max_size=40))
def test_a_time_that_is_read_stands_in_the_name(name: str) -> None:
    at = clock_from_file_name(name).at
    if at is not None:
        digits = "".join(c for c in name if c.isdigit())
        assert any(
            at.strftime(layout) in digits for layout in ("%Y%m%d%H%M%S", "%d%m%Y%H%M%S", "%m%d%Y%H%M%S")
        )


def test_time_at_counts_from_the_origin() -> None:
    origin = ClockOrigin(AT, "file name")
    assert origin.time_at(Fraction(1, 3)) == AT + timedelta(microseconds=333_333)
    assert origin.time_at(Fraction(-5)) == AT - timedelta(seconds=5)
    assert NO_CLOCK.time_at(Fraction(1)) is None


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
