"""``retrofr inspect``: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import clips
from retrofr.clock import ClockOrigin, WallClock
from retrofr.inspection_tables import COLUMNS as INSPECTION_COLUMNS
from retrofr.records import VideoStream
from retrofr.results import Unsearched
from retrofr.sidecar import COLUMNS
from retrofr.video.facts import ContainerFacts, StreamFacts, StreamSurvey
from retrofr.video.headers.rhythm import Rhythm
from retrofr.video.inspected import FileInspection, Inspection, StreamInspection
from retrofr.video.suggestions import Suggestion

Run = Callable[..., Result]
EVEN = Rhythm("constant", Fraction(1, 25), Fraction(1, 25), Fraction(1, 25), 249)
UNEVEN = Rhythm("variable", Fraction(1, 25), Fraction(33, 1000), Fraction(1), 248)
CONTAINER = ContainerFacts("avi", "AVI (Audio Video Interleaved)", others=("sound (aac)",))


def stream(index: int = 0, *, height: int = 576, rhythm: Rhythm = EVEN, **told: Any) -> StreamInspection:
    declared = VideoStream(index, "h264", 704, height, Fraction(25), Fraction(10))
    survey = StreamSurvey(
        index, packets=250, recorded_seconds=Fraction(10), end_seconds=Fraction(10), rhythm=rhythm
    )
    return StreamInspection(StreamFacts(declared, pixel_format="yuv420p", bit_depth=8), survey, **told)


def fixed() -> Inspection:
    """One file of each kind that is shown in another way."""
    checked = WallClock(ClockOrigin(datetime(2024, 3, 30, 17, 11, 5), "file name"))
    fine = FileInspection(
        "cam1/door_20240330_171105.avi",
        Path("footage/cam1/door_20240330_171105.avi"),
        size_bytes=1_234_567,
        modified=datetime(2024, 4, 2, 9, tzinfo=UTC),
        sha256="0" * 64,
        container=CONTAINER,
        streams=(stream(),),
        clock=checked,
    )
    half = Suggestion("--sar", "6:11", "704x288 (PAL, one field) is usually recorded with pixels of 6:11", 1)
    two = replace(
        fine,
        name="cam2/two cameras in one file with a very long name.mkv",
        streams=(
            stream(rhythm=UNEVEN, problems=("no picture between 0:00:05.000 and 0:10:05.000",)),
            stream(1, height=288, notes=("interlaced",)),
        ),
        problems=("the file is cut off: by its own structure it lacks 1,234 bytes at its end",),
        suggestions=(half, Suggestion("--start", None, "no clock was found in the file or its name")),
        clock=WallClock(ClockOrigin(None, "none: no clock in the file name")),
    )
    hinted = replace(
        fine,
        name="a\x1b[31m.mp4",
        clock=WallClock(
            ClockOrigin(datetime(2024, 3, 30, 16, 11, 5, tzinfo=UTC), "creation time", "creation time")
        ),
        suggestions=(Suggestion("--start", None, "the only clock is the container's creation time"),),
    )
    empty = FileInspection(
        "empty.mp4",
        Path("empty.mp4"),
        unreadable=Unsearched("empty.mp4", "is empty (0 bytes)", "copy it again"),
    )
    locked = Unsearched("footage/locked", "this folder cannot be listed (Permission denied)")
    return Inspection(
        (fine, two, hinted, empty, replace(fine, name="e.avi")),
        ignored=("notes.txt", "old.zip"),
        archives=("old.zip",),
        unreadable=(locked,),
    )


class FakeInspect:
    """Stands in for ``retrofr.inspection.inspect``."""

    def __init__(self) -> None:
        self.gives = fixed()
        self.calls: list[dict[str, Any]] = []

    def __call__(self, footage: tuple[str, ...], **options: Any) -> Inspection:
        self.calls.append({"footage": footage, **options})
        return self.gives


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeInspect:
    made = FakeInspect()
    monkeypatch.setattr("retrofr.inspection.inspect", made)
    return made


def test_the_table(run: Run, fake: FakeInspect, golden: Callable[[str, str], None]) -> None:
    result = run("inspect", "footage", "--format", "table", columns=100)
    assert result.exit_code == 10
    golden("inspect-100.txt", result.stdout)


def test_the_table_of_a_single_file_tells_more(
    run: Run, fake: FakeInspect, golden: Callable[[str, str], None]
) -> None:
    fake.gives = replace(fake.gives, files=fake.gives.files[:1], unreadable=(), full=True)
    result = run("inspect", "a.avi", "--format", "table", columns=80)
    assert result.exit_code == 0
    golden("inspect-one-80.txt", result.stdout)


def test_json(run: Run, fake: FakeInspect, golden: Callable[[str, str], None]) -> None:
    result = run("inspect", "footage", "--format", "json")
    document = json.loads(result.stdout)
    assert document["schema"] == "retrofr.inspection/1"
    assert document["exit_code"] == result.exit_code == 10
    golden("inspect.json", result.stdout)


def test_json_lines_hold_the_same(run: Run, fake: FakeInspect) -> None:
    whole = json.loads(run("inspect", "footage", "--format", "json").stdout)
    *files, last = map(json.loads, run("inspect", "footage").stdout.splitlines())
    assert files == whole.pop("files")
    assert last == whole


def test_csv(run: Run, fake: FakeInspect, golden: Callable[[str, str], None]) -> None:
    golden("inspect.csv", run("inspect", "footage", "--format", "csv").stdout_bytes.decode())


def test_an_interrupted_inspection_names_what_is_left(run: Run, fake: FakeInspect) -> None:
    fake.gives = replace(fake.gives, interrupted=True, not_inspected=("late.mp4",))
    result = run("inspect", "footage", "--format", "table")
    assert result.exit_code == 130
    assert "INTERRUPTED  the run was stopped; not inspected: late.mp4\n" in result.stdout


def test_nothing_of_a_file_name_reaches_the_terminal(run: Run, fake: FakeInspect) -> None:
    assert "\x1b" not in run("inspect", "footage", "--format", "table").stdout


def test_what_is_asked_for_is_passed_on(run: Run, fake: FakeInspect, tmp_path: Path) -> None:
    run("inspect", "a", "b", "--full", "--start", "2024-03-30T17:11:05", "--set", "video.stall_seconds=9")
    (call,) = fake.calls
    assert (call["footage"], call["full"]) == (("a", "b"), True)
    assert call["settings"].video.stall_seconds == 9
    assert call["request"].notes.flags.start == datetime(2024, 3, 30, 17, 11, 5)


def test_a_sidecar_is_written_once_and_never_overwritten(run: Run, fake: FakeInspect, tmp_path: Path) -> None:
    path = tmp_path / "sidecar.csv"
    result = run("inspect", "footage", "--write-sidecar", path, "--format", "table", columns=300)
    assert f"written      {path}, to be filled in and given with --sidecar\n" in result.stdout
    written = path.read_bytes()
    rows = list(csv.reader(io.StringIO(written.decode())))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == [f.name for f in fake.gives.files if f.unreadable is None]
    again = run("inspect", "footage", "--write-sidecar", path)
    assert again.exit_code == 7
    assert again.stderr == (
        f"error: {path}: exists already, and a sidecar is never overwritten\n"
        "       name another file, or move this one away\n"
    )
    assert path.read_bytes() == written
    assert len(fake.calls) == 1


def test_a_sidecar_that_cannot_be_written(run: Run, fake: FakeInspect, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "sidecar.csv"
    result = run("inspect", "footage", "--write-sidecar", path)
    assert result.exit_code == 7
    assert result.stderr == f"error: {path}: cannot be written (No such file or directory)\n"


def test_the_manual_names_every_column_and_exit_code() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
    assert [name for name in INSPECTION_COLUMNS if f"`{name}`" not in manual] == []
    for code in (0, 2, 3, 7, 8, 10, 130):
        assert f"| {code} |" in manual


# ---- on real files -------------------------------------------------------------------------------------------


def test_a_clip_and_what_is_none(run: Run, tmp_path: Path) -> None:
    clips.make_clip(tmp_path / "cam_20240330_171105.mp4")
    (tmp_path / "b.mp4").write_bytes(b"")
    result = run("inspect", tmp_path, "--format", "csv")
    assert result.exit_code == 10
    assert result.stderr == ""
    first, second = csv.DictReader(io.StringIO(result.stdout))
    assert (first["file"], first["problems"]) == ("b.mp4", "is empty (0 bytes)")
    assert (second["status"], second["measured_rate"]) == ("no problems found", "25")


def test_nothing_readable_is_exit_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"")
    assert run("inspect", tmp_path / "b.mp4", "--format", "json").exit_code == 3


def test_no_footage_is_exit_2(run: Run, tmp_path: Path) -> None:
    result = run("inspect", tmp_path / "gone.mp4")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_progress_for_scripts_tells_what_is_not_readable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"")
    result = run("inspect", tmp_path / "b.mp4", "--progress", "json")
    events = [json.loads(line)["event"] for line in result.stderr.splitlines()]
    assert events[0] == "run_started"
    assert "skipped" in events
