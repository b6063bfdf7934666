from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from retrofr.clock import ClockCheck, ClockOrigin, disagreement
from retrofr.clock_patterns import read_patterns
from retrofr.errors import UsageError
from retrofr.notes import ExhibitNotes, FootageNotes
from retrofr.selection import TimeWindow
from retrofr.settings import ClockSettings
from retrofr.sidecar import COLUMNS, Given, read_sidecar

AT = datetime(2024, 3, 30, 17, 11, 5)
LONDON = ZoneInfo("Europe/London")
CHECK = ClockCheck(
    datetime(2024, 4, 2, 17, 20), datetime(2024, 4, 2, 17, 12, 57), date(2024, 4, 2), "Smith, J"
)


def notes(tmp_path: Path, text: str, flags: Given | None = None, encoding: str = "utf-8") -> FootageNotes:
    sidecar = tmp_path / "notes.csv"
    sidecar.write_bytes(text.encode(encoding))
    return FootageNotes(flags or Given(), read_sidecar(sidecar))


def of(all_notes: FootageNotes, name: str) -> ExhibitNotes:
    return all_notes.for_exhibit(Path("/footage") / name, name)


FULL = (
    "file,camera,start,timezone,recorder_time,true_time,checked_on,checked_by,offset,sar,fps\n"
    'a.mp4,Gate,2024-03-30T17:11:05,Europe/London,2024-04-02T17:20:00,2024-04-02T17:12:57,2024-04-02,"Smith, J",'
    "-0:07:03,16:11,12.5\n"
)


def test_a_full_row(tmp_path: Path) -> None:
    found = of(notes(tmp_path, FULL), "a.mp4")
    assert (found.start, found.start_source) == (AT, "given by the examiner (notes.csv, line 2)")
    assert (found.zone, found.camera, found.check) == (LONDON, "Gate", CHECK)
    assert (found.offset, found.pixel_aspect, found.frame_rate) == (
        CHECK.offset,
        Fraction(16, 11),
        Fraction(25, 2),
    )
    clock = found.clock([ClockOrigin(AT, "x", "creation time")])
    assert clock.status == "clock checked 2024-04-02 by Smith, J"
    assert str(clock.adjusted_at(Fraction(0))) == "2024-03-30 17:04:02+00:00"
    assert [origin.kind for origin in clock.origins] == ["examiner", "creation time"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(("comma", "end"), [(",", "\n"), (";", "\r\n"), (",", "\r\n")])
def test_files_of_spreadsheets(tmp_path: Path, encoding: str, comma: str, end: str) -> None:
    lines = ["Camera,FILE,", "Tür 1,a.mp4,", ",,", "x y,b.mp4,"]
    found = notes(tmp_path, end.join(lines).replace(",", comma) + end, encoding=encoding)
    assert (of(found, "a.mp4").camera, of(found, "b.mp4").camera) == ("Tür 1", "x y")
    assert found.rows[1].place == "notes.csv, line 4"


def test_nothing_said_is_nothing_known() -> None:
    assert of(FootageNotes(), "clip.mp4").clock().source == "none: no clock in the file name"
    found = of(FootageNotes(), "cam_20240330_171105.mp4")
    assert found == ExhibitNotes(name_origin=ClockOrigin(AT, "file name"))
    assert found.clock().status == "clock unverified"


def test_the_row_goes_before_the_flag_field_by_field(tmp_path: Path) -> None:
    flags = Given(start=AT, zone=LONDON, offset=timedelta(seconds=9), frame_rate=Fraction(25))
    found = notes(
        tmp_path,
        "file,timezone,recorder_time,true_time\na.mp4,+01:00,2024-04-02 17:20:00,2024-04-02 17:12:57\n",
        flags,
    )
    a, b = of(found, "a.mp4"), of(found, "b.mp4")
    assert (str(a.zone), a.offset, a.check) == (
        "UTC+01:00",
        CHECK.offset,
        ClockCheck(CHECK.recorder_time, CHECK.true_time),
    )
    assert (a.start, a.start_source, a.frame_rate) == (AT, "given by the examiner (--start)", Fraction(25))
    assert (b.zone, b.offset, b.check) == (LONDON, timedelta(seconds=9), None)


@pytest.mark.parametrize(
    ("file", "name", "fits"),
    [
        ("a.mp4", "a.mp4", True),
        ("a.mp4", "cam1/a.mp4", True),
        ("cam1/a.mp4", "cam1/a.mp4", True),
        ("./cam1/a.mp4", "cam1/a.mp4", True),
        ("cam1\\a.mp4", "cam1/a.mp4", True),
        ("footage/cam1/a.mp4", "cam1/a.mp4", True),  # the path is /footage/cam1/a.mp4
        ("/footage/cam1/a.mp4", "cam1/a.mp4", True),
        ("cam2/a.mp4", "cam1/a.mp4", False),
        ("a.mp", "a.mp4", False),
        ("A.mp4", "a.mp4", False),
        ("*.mp4", "cam1/a.mp4", True),
        ("cam?/*", "cam1/a.mp4", True),
        ("cam1/*", "cam1/b/a.mp4", False),
        ("cam1/**", "cam1/b/a.mp4", True),
        ("17.00.00-18.00.00[R][0@0][0].dav", "17.00.00-18.00.00[R][0@0][0].dav", True),
        ("17.*[R][0@0][0].dav", "17.00.00-18.00.00[R][0@0][0].dav", True),
        ("*[R].dav", "17R.dav", False),
    ],
)
def test_which_recordings_a_row_names(tmp_path: Path, file: str, name: str, fits: bool) -> None:
    found = notes(tmp_path, f"file,camera\n{file},Gate\n")
    assert of(found, name).camera == ("Gate" if fits else None)
    assert found.unused([(Path("/footage") / name, name)]) == (
        [] if fits else [f"{file} (notes.csv, line 2)"]
    )


def test_the_closer_row_goes_before_the_wider_one(tmp_path: Path) -> None:
    text = "file,camera,timezone\n*.mp4,any,+01:00\na.mp4,A,\ncam2/a.mp4,A2,\n"
    found = notes(tmp_path, text)
    assert [of(found, name).camera for name in ("a.mp4", "cam2/a.mp4", "b.mp4")] == ["A", "A2", "any"]
    assert str(of(found, "cam2/a.mp4").zone) == "UTC+01:00"


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    found = notes(tmp_path, "file,camera,fps\na.mp4,A,\na*,Z,\n*.mp4,Y,25\na.mp4,A,25\na.mp4,B,\n")
    with pytest.raises(UsageError) as raised:
        of(found, "a.mp4")
    assert str(raised.value) == (
        "notes.csv: lines 2 and 6 both name a.mp4 and differ in camera\n"
        "leave one out, or let one of them name it more closely"
    )
    assert of(found, "b.mp4").camera == "Y"


FILES = [(Path("/footage") / name, name) for name in ("cam1/a.mp4", "cam2/a.mp4", "cam2/b.mp4")]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ("a.mp4,A,", "notes.csv, line 2: a.mp4 names 2 recordings: cam1/a.mp4, cam2/a.mp4\n"
         "write enough of the folders in front of the name"),
        ("*.mp4,,2024-03-30T17:11:05", "notes.csv, line 2: *.mp4 names 3 recordings: cam1/a.mp4, cam2/a.mp4, "
         "cam2/b.mp4\na start is that of one recording: write a row for each"),
        ("*.mp4,any,\ncam1/a.mp4,A,2024-03-30T17:11:05", None),
    ],
)  # fmt: skip
def test_a_row_must_not_mean_more_than_it_says(tmp_path: Path, rows: str, error: str | None) -> None:
    found = notes(tmp_path, f"file,camera,start\n{rows}\n")
    if error is None:
        found.check(FILES)
        return
    with pytest.raises(UsageError) as raised:
        found.check(FILES)
    assert str(raised.value) == error


def test_one_start_is_not_that_of_several_recordings(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        FootageNotes(Given(start=AT)).check(FILES)
    assert str(raised.value) == (
        "--start: is the start of one recording, and there are 3: cam1/a.mp4, cam2/a.mp4, cam2/b.mp4\n"
        "write each into a sidecar with the columns file and start, and name that with --sidecar"
    )
    FootageNotes(Given(start=AT)).check(FILES[:1])
    rows = "file,start\ncam1/a.mp4,2024-03-30T10:00:00\nb.mp4,2024-03-30T11:00:00\n"
    notes(tmp_path, rows, Given(start=AT)).check(FILES)  # one is left without a start of its own


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "notes.csv: says nothing about any recording"),
        ("file,camera\n", "notes.csv: says nothing about any recording"),
        ("file,cam\na,b\n", "notes.csv, line 1: no such column: 'cam'"),
        ("camera\nb\n", "notes.csv, line 1: has no column file"),
        ("file,fps,fps\na,1,1\n", "notes.csv, line 1: the column fps is there twice"),
        ("file,camera\n,b\n", "notes.csv, line 2: names no file"),
        ("file,camera\na,b,c\n", "notes.csv, line 2: has 3 cells for 2 columns"),
        ("file,start\n\na,30/03/2024 17:11\n",
         "notes.csv, line 3, start: expected a time like 2024-03-30T17:11:05, got '30/03/2024 17:11'"),
        ("file,timezone\na,Europe/Londn\n", "notes.csv, line 2, timezone: no such time zone: 'Europe/Londn'"),
        ("file,offset\na,7:03\n", "notes.csv, line 2, offset: expected an offset or a check, got '7:03'"),
        ("file,sar\na,16\n", "notes.csv, line 2, sar: expected the shape of a pixel like 16:11, got '16'"),
        ("file,fps\na,x\n", "notes.csv, line 2, fps: expected frames a second like 12.5 or 30000/1001, got 'x'"),
        ("file,checked_by\na,Smith\n", "notes.csv, line 2: the check of the clock lacks the recorder's time"),
        ("file,recorder_time,true_time,offset\na,2024-04-02 17:20:00,2024-04-02 17:12:57,+0:07:03\n",
         "notes.csv, line 2: the offset is not that of the check, which is -0:07:03"),
        ('file,camera\na,"b\n', "notes.csv, line 2: is not CSV (unexpected end of data)"),
    ],
)  # fmt: skip
def test_what_is_no_sidecar(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        notes(tmp_path, text)
    assert f"{raised.value.subject}: {raised.value.reason}" == error


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"notes\.csv: is not UTF-8 text"):
        notes(tmp_path, "file,camera\na,Tür\n", encoding="latin-1")
    with pytest.raises(UsageError, match=r"notes\.csv: is not UTF-8 text"):
        notes(tmp_path, "file,camera\na,b\n", encoding="utf-16")
    with pytest.raises(UsageError, match="cannot be read"):
        read_sidecar(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_sidecar(tmp_path / "missing.csv")
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(UsageError, match=r"large\.mp4: is too large for a sidecar"):
        read_sidecar(large)


def test_unknown_columns_name_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        notes(tmp_path, "file,cam\na,b\n")
    assert raised.value.hint == f"the first line names its columns, some of: {', '.join(COLUMNS)}"


def test_patterns_of_the_user_give_clock_and_camera() -> None:
    found = of(
        FootageNotes(patterns=read_patterns(["{camera}-{DD}{MM}{YY}-{hh}{mm}{ss}"])), "gate-300324-171105.mp4"
    )
    assert found.camera == "gate"
    # What the file was read to hold without the user's patterns does not count beside them.
    clock = found.clock(
        [ClockOrigin(None, "none: no clock in the file name"), ClockOrigin(AT.replace(day=1), "file name")]
    )
    assert clock.original_at(Fraction(0)) == AT
    assert clock.hints == ()


def test_settings_give_zone_and_patterns() -> None:
    settings = ClockSettings(timezone="Europe/London", file_name_patterns=("{camera}_{epoch}",))
    assert FootageNotes.under(settings) == FootageNotes(
        Given(zone=LONDON), (), read_patterns(["{camera}_{epoch}"])
    )
    assert FootageNotes.under(settings, Given(zone=UTC)).flags.zone is UTC
    assert FootageNotes.under(ClockSettings()) == FootageNotes()
    with pytest.raises(UsageError, match="no such time zone"):
        FootageNotes.under(ClockSettings(timezone="Mars"))


def test_a_start_that_the_name_contradicts_is_told() -> None:
    clock = of(FootageNotes(Given(start=AT.replace(hour=16))), "cam_20240330_171105.mp4").clock(
        [ClockOrigin(AT.replace(tzinfo=UTC), "creation time", "creation time")]
    )
    assert disagreement(clock) == (
        "file name gives 2024-03-30T17:11:05, given by the examiner (--start) 2024-03-30T16:11:05: "
        "1:00:00.000 later; a difference of time zone or daylight saving is likely",
        "creation time gives 2024-03-30T17:11:05+00:00, given by the examiner (--start) 2024-03-30T16:11:05: "
        "1:00:00.000 later; a difference of time zone or daylight saving is likely",
    )


def test_the_manual_lists_the_columns_and_its_examples_are_right(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "time.md").read_text(encoding="utf-8")
    table = manual.split("## The sidecar")[1].split("##")[0]
    listed = [
        cell
        for line in table.splitlines()
        if line.startswith("| `")
        for cell in line.split("|")[1].split("`")[1::2]
    ]
    assert listed == list(COLUMNS)
    example = manual.split("in `notes.csv`:")[1].split("```")[1].lstrip()
    found = notes(tmp_path, example)
    found.check([(Path(name), name) for name in ("cam1.avi", "cam2.avi")])
    first, second = (of(found, name) for name in ("cam1.avi", "cam2.avi"))
    assert (first.camera, second.camera) == ("Front door", "Car park")
    clock = first.clock()
    assert clock.status == "clock checked 2024-04-02 by PC Smith"
    assert str(clock.adjusted_at(Fraction(0))) == "2024-03-30 17:04:02+00:00"
    assert str(clock.original_at(Fraction(600))) == "2024-03-30 17:21:05"
    assert str(clock.adjusted_at(Fraction(600))) == "2024-03-30 17:14:02+00:00"
    window = TimeWindow.parse("2024-03-30T17:00", "17:30")
    assert window.media_windows(clock) == ((Fraction(-242), Fraction(25 * 60 + 58)),)
