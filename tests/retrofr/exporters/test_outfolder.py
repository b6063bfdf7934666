"""The output folder: checked before, whole or untouched after."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixed_results import appearance, search_result
from retrofr import outfolder
from retrofr.errors import OutputError
from retrofr.outfolder import OutFolder, with_still_names
from retrofr.results import SearchResult

NAMES = ["candidates.csv", "coverage.csv", "hits.csv", "hits.jsonl", "run.json", "stills"]


@pytest.fixture
def result() -> SearchResult:
    return with_still_names(search_result())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_everything_is_written(tmp_path: Path, result: SearchResult) -> None:
    out = tmp_path / "new" / "out"
    names = OutFolder(out).write(result)
    written = contents(out)
    assert sorted(names) == sorted(written)
    assert sorted(path.name for path in out.iterdir()) == NAMES
    assert written["stills/hit-0002-frame.jpg"] == b"jpeg of rank 2"
    assert written["stills/candidate-0004-face.png"] == b"png of rank 4"
    rows = list(csv.DictReader(written["hits.csv"].decode().splitlines()))
    assert [row["still"] for row in rows] == [f"stills/hit-000{rank}-frame.jpg" for rank in (1, 2, 3)]
    assert [json.loads(line)["still_face"] for line in written["hits.jsonl"].splitlines()] == [
        f"stills/hit-000{rank}-face.png" for rank in (1, 2, 3)
    ]


def test_run_json_holds_run_coverage_and_digests(tmp_path: Path, result: SearchResult) -> None:
    OutFolder(tmp_path).write(result)
    written = contents(tmp_path)
    run = json.loads(written.pop("run.json"))
    assert run["schema"] == "retrofr.run/1"
    assert run["device"] == result.run["device"]
    assert run["coverage"]["unsearched"][0]["subject"] == "cam2_0114.mp4"
    assert run["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}


def test_no_hit_leaves_a_header_and_no_stills(tmp_path: Path) -> None:
    OutFolder(tmp_path).write(search_result(hits=(), candidates=()))
    assert sorted(contents(tmp_path)) == ["coverage.csv", "hits.csv", "hits.jsonl", "run.json"]


def test_an_appearance_without_pictures_names_no_still() -> None:
    named = with_still_names(search_result(hits=(appearance(1, 0.5, still_pictures=None),)))
    assert named.hits[0].still is None


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError) as caught:
        OutFolder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is not empty, and nothing is overwritten\n"
        "name another folder, or add --force to replace what retrofr wrote there before"
    )


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        OutFolder(file, force=True)


def test_a_folder_below_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be written to \(Not a directory\)"):
        OutFolder(tmp_path / "file" / "out")


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"cannot be written to \(Permission denied\)"):
        OutFolder(tmp_path / "out")


def test_a_write_that_is_refused_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(outfolder.tempfile, "mkdtemp", refuse)
    with pytest.raises(OutputError, match=r"cannot be written to \(Permission denied\)"):
        OutFolder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_force_replaces_what_retrofr_wrote_and_nothing_else(tmp_path: Path, result: SearchResult) -> None:
    OutFolder(tmp_path).write(result)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "stills" / "mine.jpg").write_bytes(b"mine")
    one = with_still_names(search_result(hits=(appearance(1, 0.9, faces=77),), candidates=()))
    OutFolder(tmp_path, force=True).write(one)
    written = contents(tmp_path)
    assert sorted(written) == [
        "coverage.csv",
        "hits.csv",
        "hits.jsonl",
        "notes.txt",
        "run.json",
        "stills/hit-0001-face.png",
        "stills/hit-0001-frame.jpg",
        "stills/mine.jpg",
    ]
    assert b",77,stills/" in written["hits.csv"]


@pytest.mark.parametrize("name", ["hits.csv", "run.json", "stills/hit-0001-frame.jpg"])
def test_force_does_not_replace_a_file_of_somebody_else(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    with pytest.raises(OutputError, match="was not written by retrofr, so --force does not replace it"):
        OutFolder(tmp_path, force=True)
    assert file.read_text() == "mine"


def test_a_run_json_cannot_point_force_at_other_files(tmp_path: Path, result: SearchResult) -> None:
    out = tmp_path / "out"
    OutFolder(out).write(result)
    (tmp_path / "victim.csv").write_text("mine")
    (out / "report.docx").write_text("mine")
    run = json.loads((out / "run.json").read_text())
    run["files"] |= {"../victim.csv": "0", "report.docx": "0", str(tmp_path / "victim.csv"): "0"}
    (out / "run.json").write_text(json.dumps(run))
    OutFolder(out, force=True).write(result)
    assert (tmp_path / "victim.csv").read_text() == "mine"
    assert (out / "report.docx").read_text() == "mine"


def test_a_link_in_place_of_the_stills_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "stills").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is in the way of the folder for stills"):
        OutFolder(out, force=True)


@pytest.mark.parametrize("calls_before", range(16))
@pytest.mark.parametrize("again", [False, True])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, result: SearchResult, monkeypatch: pytest.MonkeyPatch, calls_before: int, again: bool
) -> None:
    if again:
        OutFolder(tmp_path).write(result)
    before = contents(tmp_path)
    folder = OutFolder(tmp_path, force=again)
    left = iter(range(calls_before))

    def flush(handle: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", flush)
    with pytest.raises(OutputError) as caught:
        folder.write(with_still_names(search_result(compared=99)))
    assert str(caught.value) == (
        f"{tmp_path}: the disk is full, so nothing was written there\n"
        "free some space, or name a folder on another disk with --out, and search again"
    )
    assert contents(tmp_path) == before
    assert again or list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("after", range(10))
def test_an_interruption_while_renaming_leaves_what_was_there(
    tmp_path: Path, result: SearchResult, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    OutFolder(tmp_path).write(result)
    before = contents(tmp_path)
    folder = OutFolder(tmp_path, force=True)
    left = iter(range(after))
    rename = Path.rename

    def interrupted(source: Path, target: Path) -> Path:
        moved = rename(source, target)
        if next(left, None) is None:
            monkeypatch.setattr(Path, "rename", rename)
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.write(with_still_names(search_result(compared=99)))
    assert contents(tmp_path) == before


def test_a_run_killed_while_renaming_can_be_forced_over(tmp_path: Path, result: SearchResult) -> None:
    OutFolder(tmp_path).write(result)
    partial = tmp_path / f"{outfolder.PARTIAL_PREFIX}abc"
    partial.mkdir()
    (tmp_path / "run.json").rename(partial / "run.json")
    OutFolder(tmp_path, force=True).write(result)
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES


def test_an_empty_leftover_of_a_killed_run_is_no_obstacle(tmp_path: Path, result: SearchResult) -> None:
    (tmp_path / f"{outfolder.PARTIAL_PREFIX}abc").mkdir()
    OutFolder(tmp_path).write(result)


def test_another_run_that_was_faster_is_not_overwritten(tmp_path: Path, result: SearchResult) -> None:
    slow, fast = OutFolder(tmp_path), OutFolder(tmp_path)
    fast.write(result)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="appeared while the search ran, and nothing is overwritten"):
        slow.write(with_still_names(search_result(compared=99)))
    assert contents(tmp_path) == before


def test_a_failure_removes_the_folders_that_were_made(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), OutFolder(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    out = tiny_disk / "out"
    folder = OutFolder(out)
    pictures = appearance(1, 0.5).still_pictures
    assert pictures is not None
    object.__setattr__(pictures, "frame_jpeg", os.urandom(100_000))
    big = with_still_names(search_result(hits=(appearance(1, 0.5, still_pictures=pictures),)))
    with pytest.raises(OutputError, match="the disk is full, so nothing was written there"), folder:
        folder.write(big)
    assert list(tiny_disk.iterdir()) == []
