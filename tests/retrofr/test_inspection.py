"""Inspections through a real decoder process, on clips made here."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest

import clips
from retrofr.documents import json_text
from retrofr.events import Event, ExhibitFinished, ExhibitStarted, RunStarted, Skipped
from retrofr.hash_lists import read_hash_lists
from retrofr.inspection import inspect
from retrofr.inspection_documents import inspection_document, status_of
from retrofr.inspection_tables import COLUMNS, csv_text, sidecar_text
from retrofr.integrity import sha256_file
from retrofr.notes import FootageNotes
from retrofr.request import FootageRequest
from retrofr.sidecar import Given, read_sidecar
from retrofr.video.inspected import Inspection
from retrofr.video.suggestions import Suggestion


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    clips.make_clip(folder / "a_20240330_171105.mp4")
    clips.cut(clips.make_clip(folder / "b.avi"), 0.6)
    clips.make_two_cameras(folder / "c.mkv")
    (folder / "d.mp4").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    (folder / "player.exe").write_bytes(b"MZ" + bytes(range(256)))
    (folder / "old.zip").write_bytes(b"PK")
    return folder


@pytest.fixture(scope="module")
def inspected(footage: Path) -> Inspection:
    return inspect([footage])


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_what_a_folder_holds(footage: Path) -> None:
    before = state(footage)
    events: list[Event] = []
    found = inspect([footage], listener=events.append)
    assert state(footage) == before
    assert [file.name for file in found.files] == ["a_20240330_171105.mp4", "b.avi", "c.mkv", "d.mp4"]
    assert found.ignored == ("notes.txt", "old.zip", "player.exe")
    assert found.archives == ("old.zip",)
    assert found.exit_code == 10
    a, b, c, d = found.files
    assert a.sha256 == sha256_file(a.path)
    assert not a.has_problems
    assert a.clock.origin.at == datetime(2024, 3, 30, 17, 11, 5)
    assert [stream.survey.recorded_seconds for stream in a.streams if stream.survey] == [2]
    assert b.problems == (
        f"the file is cut off: by its own structure it lacks {missing(b.path):,} bytes at its end",
    )
    assert b.streams[0].problems[-1].endswith("of 0:00:02.000 declared")
    assert [stream.facts.stream.index for stream in c.streams] == [0, 1]
    assert d.unreadable is not None
    assert d.unreadable.reason == "is empty (0 bytes)"
    assert d.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert events[0] == RunStarted(5, sum(file.size_bytes or 0 for file in found.files) + 258)
    assert [e.exhibit for e in events if isinstance(e, ExhibitStarted)] == [f.name for f in (a, b, c)]
    assert ExhibitFinished(a.name, 2.0) in events
    assert [e.subject for e in events if isinstance(e, Skipped)] == ["d.mp4"]


def missing(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[4:8], "little") + 8 - path.stat().st_size


def test_full_finds_damage_that_packets_do_not_show(tmp_path: Path) -> None:
    path = clips.break_packets(clips.make_clip(tmp_path / "a.mp4"), [30])
    fast, full = inspect([path]), inspect([path], full=True)
    assert (fast.exit_code, full.exit_code) == (0, 10)
    assert fast.files[0].streams[0].decoded is None
    (stream,) = full.files[0].streams
    assert stream.decoded is not None
    assert stream.decoded.damaged_packets == 1
    assert stream.decoded.frames == 49
    assert any("damaged packet" in problem for problem in stream.problems)
    kinds = [each.kind for each in stream.decoded.ranges]
    assert kinds[0] == "searched"
    assert full.full


def test_a_file_that_gives_no_picture_is_not_readable(tmp_path: Path) -> None:
    path = clips.break_packets(clips.make_clip(tmp_path / "a.mp4", frames=10), range(10))
    fast, full = inspect([path]), inspect([path], full=True)
    assert fast.files[0].streams[0].problems == ("no picture could be decoded from its beginning",)
    assert fast.exit_code == 10
    assert full.files[0].unreadable is not None
    assert full.exit_code == 3


def test_an_encrypted_file_keeps_its_facts(tmp_path: Path) -> None:
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "112233445566778899aabbccddeeff00",
    }
    found = inspect([clips.make_clip(tmp_path / "a.mp4", container_options=options)])
    (file,) = found.files
    assert file.unreadable is not None
    assert file.unreadable.reason == "its video is encrypted, so none of it could be searched"
    assert file.streams[0].facts.encrypted
    assert file.sha256 is not None
    assert found.exit_code == 3


def test_clocks_that_disagree_are_told(tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "cam_20240330171105_20240330172105.mp4", metadata={"creation_time": "2024-03-30T16:11:05Z"}
    )
    (file,) = inspect([path]).files
    assert len(file.notes) == 2
    assert "1:00:00.000 earlier" in file.notes[0]
    assert file.notes[1] == (
        "the file name runs to 2024-03-30 17:21:05, 0:10:00.000 after its start; the video holds 0:00:02.000"
    )


def test_what_the_examiner_has_given_is_not_suggested_again(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.avi", size=(704, 288), frames=5)
    (plain,) = inspect([path]).files
    assert [each.flag for each in plain.suggestions] == ["--sar", "--start"]
    given = FootageNotes(Given(start=datetime(2024, 3, 30), pixel_aspect=Fraction(6, 11)))
    (noted,) = inspect([path], request=FootageRequest(given)).files
    assert noted.suggestions == ()
    assert noted.clock.origin.kind == "examiner"


def test_a_stop_keeps_what_is_done(footage: Path) -> None:
    finished: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, ExhibitFinished):
            finished.append(event.exhibit)

    found = inspect([footage], listener=listen, stop=lambda: bool(finished))
    assert [file.name for file in found.files] == ["a_20240330_171105.mp4"]
    assert found.interrupted
    assert found.not_inspected == ("b.avi", "c.mkv", "d.mp4", "player.exe")
    assert found.exit_code == 130


def test_nothing_wrong_is_exit_0(tmp_path: Path) -> None:
    assert inspect([clips.make_clip(tmp_path / "a.mp4")]).exit_code == 0


def test_an_empty_inspection_is_exit_3() -> None:
    assert Inspection(()).exit_code == 3


# ---- documents -----------------------------------------------------------------------------------------------


def test_the_json_document_holds_every_fact(inspected: Inspection) -> None:
    document = json.loads(json_text(inspection_document(inspected)))
    assert document["schema"] == "retrofr.inspection/1"
    assert document["archives_not_opened"] == ["old.zip"]
    assert [file["status"] for file in document["files"]] == [
        "no problems found",
        "problems",
        "no problems found",
        "unreadable",
    ]
    first = document["files"][0]
    assert first["clock"]["start_time"] == "2024-03-30T17:11:05.000000"
    assert first["clock"]["status"] == "clock unverified"
    assert first["streams"][0]["packets"]["measured_rate"] == 25
    assert document["files"][3]["reason"] == "is empty (0 bytes)"


def test_csv_has_a_line_a_stream_and_one_for_a_file_without(inspected: Inspection) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(inspected))))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["file"], row["stream"]) for row in rows] == [
        ("a_20240330_171105.mp4", "0"),
        ("b.avi", "0"),
        ("c.mkv", "0"),
        ("c.mkv", "1"),
        ("d.mp4", ""),
    ]
    assert rows[0]["recorded_seconds"] == "2"
    assert rows[4]["problems"] == "is empty (0 bytes)"


def test_a_sidecar_is_ready_to_be_filled_in_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    clips.make_clip(folder / "=odd.avi", size=(704, 288), frames=5)
    clips.make_clip(folder / "cam_20240330_171105.mp4", frames=5)
    (folder / "empty.mp4").write_bytes(b"")
    found = inspect([folder])
    written = tmp_path / "sidecar.csv"
    written.write_text(sidecar_text(found), newline="")
    rows = read_sidecar(written)
    assert [row.file for row in rows] == ["./=odd.avi", "cam_20240330_171105.mp4"]
    assert [row.given for row in rows] == [Given(pixel_aspect=Fraction(6, 11)), Given()]
    for row, file in zip(rows, found.files, strict=False):
        assert row.rank(file.path, file.name) is not None


def test_a_cell_that_a_spreadsheet_would_run_is_made_text(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "=cmd.mp4", frames=2)
    (row,) = csv.DictReader(io.StringIO(csv_text(inspect([path]))))
    assert row["file"] == "'=cmd.mp4"


def test_suggestions_are_in_the_csv(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.h264", container="h264", rate=Fraction(25, 2), frames=5)
    found = inspect([path])
    assert found.files[0].suggestions[0] == Suggestion(
        "--fps", "25/2", "the stream has no times; its own headers state this rate", 0
    )
    (row,) = csv.DictReader(io.StringIO(csv_text(found)))
    assert row["suggestions"].startswith("try --fps 25/2: the stream has no times")


def test_a_file_that_differs_from_the_hash_list(tmp_path: Path) -> None:
    good, altered = (
        clips.make_clip(tmp_path / "a.mp4", frames=25),
        clips.make_clip(tmp_path / "b.mp4", frames=30),
    )
    listed = tmp_path / "SHA256SUMS"
    listed.write_text(f"{sha256_file(good)}  a.mp4\n{'0' * 64}  b.mp4\n")
    seen = inspect([good, altered], request=FootageRequest(hashes=read_hash_lists([listed])))
    assert [status_of(file) for file in seen.files] == ["no problems found", "not as listed"]
    assert seen.files[0].hash_check == "sha256 as in SHA256SUMS, line 1"
    assert seen.files[1].unreadable is not None
    assert seen.files[1].unreadable.reason == (
        f"its sha256 is {sha256_file(altered)}, and SHA256SUMS, line 2, says {'0' * 64}"
    )
    assert seen.exit_code == 4
