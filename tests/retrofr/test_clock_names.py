from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrofr.clock import NO_CLOCK, ClockOrigin
from retrofr.clock_names import MAKERS, MakersName, clock_from_file_name, read_name
from retrofr.clock_patterns import FIELDS, NamePattern, read_patterns
from retrofr.errors import SettingsError

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


# ---- makers and users ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.maker)
def test_names_of_makers(maker: MakersName) -> None:
    origin = read_name(Path("/export") / maker.example).origin
    assert origin.at is not None
    assert origin.at.isoformat() == maker.reads
    assert origin.kind == "file name"
    form = "path" if maker.pattern and "/" in maker.pattern.text else "file name"
    assert origin.source == (f"{form} in the form of {maker.maker}" if maker.pattern else "file name")


@pytest.mark.parametrize(
    ("path", "camera"),
    [
        ("/e/2018-05-19/001/dav/10/10.36.45-10.45.00[R][0@0][0].dav", "001"),
        ("/e/2026-05-01/0/dav/11/1/0/526862/11.30.00-12.00.00[R][0@0][0].dav", "0"),
        ("/e/2026-04-17_14-30-22-back.mp4", "back"),
        ("/e/recordings/2024-03-30/17/front_door/11.05.mp4", "front_door"),
        ("/e/cam1_20240330_171105.mp4", None),
    ],
)
def test_cameras_in_names_of_makers(path: str, camera: str | None) -> None:
    assert read_name(path).camera == camera


@pytest.mark.parametrize(
    "path",
    [
        "17.11.05-17.30.00[R][0@0][0].dav",  # the day was in a folder that is not there
        "/e/240330_171105.mp4",  # could be day first
        "/e/2024-13-30/001/dav/10/10.36.45-10.45.00[R][0@0][0].dav",
        "/e/20240330_171105/clip.mp4",
    ],
)
def test_what_no_maker_writes_is_not_read(path: str) -> None:
    assert read_name(path).origin is NO_CLOCK


def test_a_relative_path_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "2018-05-19" / "001" / "dav" / "10"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert read_name("10.36.45-10.45.00[R][0@0][0].dav").origin.at == datetime(2018, 5, 19, 10, 36, 45)


def test_patterns_of_the_user_come_first() -> None:
    patterns = read_patterns(["{camera}_{YY}{MM}{DD}_{hh}{mm}{ss}"])
    reading = read_name("/e/Gate 2_240330_171105.MP4", patterns)
    assert reading.origin == ClockOrigin(
        AT, "file name, pattern {camera}_{YY}{MM}{DD}_{hh}{mm}{ss}", "file name"
    )
    assert reading.camera == "Gate 2"


@pytest.mark.parametrize(
    ("pattern", "path", "at", "camera"),
    [
        ("{camera}-{epoch}", "/e/gate-1711818665.mp4", AT.replace(tzinfo=UTC), "gate"),
        ("{epoch}", "/e/1711818665250.mp4", AT.replace(microsecond=250_000, tzinfo=UTC), None),
        ("{DD}.{MM}.{YYYY} {hh}h{mm}", "/e/30.03.2024 17h11.mp4", AT.replace(second=0), None),
        ("{camera}/{YYYY}{MM}{DD}/{hh}/{mm}", "/e/gate/20240330/17/11.mp4", AT.replace(second=0), "gate"),
        ("cams/{camera}/{**}/{YYYY}{MM}{DD}{hh}{mm}{ss}{fff}", "/cams/gate/a/b/20240330171105120.ts",
         AT.replace(microsecond=120_000), "gate"),
        ("{camera:in|inner}_{*}", "/e/inner_20240330_171105.mp4", AT, "inner"),
        ("x{#}_{YYYY}-{MM}-{DD}T{hh}{mm}{ss}", "/e/X0071_2024-03-30T171105.avi", AT, None),
    ],
)  # fmt: skip
def test_what_patterns_read(pattern: str, path: str, at: datetime, camera: str | None) -> None:
    reading = read_name(path, read_patterns([pattern]))
    assert (reading.origin.at, reading.camera) == (at, camera)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{camera}_{YYYY}{MM}{DD}{hh}{mm}", "/e/gate_202403301711_x.mp4"),
        ("{#}_{camera}", "/e/gate_1.mp4"),
        ("{camera}/{YYYY}{MM}{DD}/{hh}/{mm}", "/e/20240330/17/11/more.mp4"),
    ],
)
def test_a_pattern_that_does_not_fit_reads_nothing(pattern: str, path: str) -> None:
    assert NamePattern(pattern).read(path) is None


def test_a_pattern_that_fits_an_impossible_time_says_so() -> None:
    origin = read_name(
        "/e/cam_20240230_171105.mp4", read_patterns(["cam_{YYYY}{MM}{DD}_{hh}{mm}{ss}"])
    ).origin
    assert origin.at is None
    assert (
        origin.source == "none: not a possible time in the file name, pattern cam_{YYYY}{MM}{DD}_{hh}{mm}{ss}"
    )


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "has no field for a time or a camera"),
        ("{*}_{#}.mp4", "has no field for a time or a camera"),
        ("{camera}_{YYY}", "no such field: {YYY} at character 10"),
        ("{camera:}", "no such field: {camera:} at character 1"),
        ("{hh:1|2}", "no such field: {hh:1|2} at character 1"),
        ("{camera", "{ at character 1 stands alone"),
        ("cam}", "} at character 4 stands alone"),
        ("{camera}{camera}", "{camera} is there twice, the second time at character 9"),
        ("{YYYY}{MM}{DD}", "has a part of a time and lacks {hh}, {mm}"),
        ("{MM}{DD}{hh}{mm}", "has a part of a time and lacks {YYYY}"),
        ("{YYYY}{YY}{MM}{DD}{hh}{mm}", "has both {YYYY} and {YY}"),
        ("{epoch}{ss}", "has {epoch} and other fields of a time"),
    ],
)
def test_what_is_no_pattern(pattern: str, why: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_patterns([pattern])
    assert raised.value.subject == "clock.file_name_patterns"
    assert raised.value.reason == f"{pattern!r}: {why}"
    assert raised.value.hint is not None
    assert all(f"{{{field}}}" in raised.value.hint for field in FIELDS)


@settings(deadline=None)
@given(st.text("{}YMDhmsf*#camera:|/_-. é", max_size=30), st.text(max_size=30))
def test_no_pattern_is_too_odd(pattern: str, name: str) -> None:
    try:
        made = NamePattern(pattern)
    except SettingsError:
        return
    made.read(name)


# ---- the manual ----------------------------------------------------------------------------------------------

MANUAL = (Path(__file__).parents[2] / "docs" / "time.md").read_text(encoding="utf-8")


def test_the_manual_lists_the_makers() -> None:
    section = MANUAL.split("### File names of makers")[1].split("###")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows == [f"| {m.maker} | `{m.example}` | {m.reads} | {m.source} |" for m in MAKERS]


def test_the_manual_lists_the_fields_of_patterns() -> None:
    section = MANUAL.split("### Patterns of your own")[1].split("## ")[0]
    assert set(re.findall(r"`\{([^}:]+)[^`]*\}`", section)) == set(FIELDS)
    shown = re.search(r"file_name_patterns = (\[.+\])", section)
    assert shown is not None
    assert len(read_patterns(ast.literal_eval(shown[1]))) == 2
