"""Footage that another machine took in is worked on only where it is the same recording under the same path."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clips import make_clip
from retrofr import shared_footage
from retrofr.errors import ExhibitError
from retrofr.events import Listener, ignore, never
from retrofr.intake import TakenIn
from retrofr.integrity import sha256_file
from retrofr.notes import ExhibitNotes
from retrofr.shared_footage import OTHER_CONTENT, SAME_PATH, SharedFootage
from retrofr.stream_work import StreamTask
from retrofr.video.container import open_exhibit, read_container
from retrofr.video.footage import FootageFile

NODE = platform.node()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "cam1.mp4", frames=3)


def task_of(path: Path) -> StreamTask:
    exhibit = open_exhibit(FootageFile(path, path.name))
    facts = read_container(path, path.name)
    return StreamTask(TakenIn(exhibit, ExhibitNotes(), (), None, (), facts), exhibit.streams[0])


class Work:
    """Says where the footage of its task lies."""

    closed = False

    def __call__(self, task: StreamTask, tell: Listener, stop: Callable[[], bool]) -> Iterator[Any]:
        yield task.taken.exhibit.path

    def close(self) -> None:
        self.closed = True


def worked(shared: SharedFootage, task: StreamTask, stop: Callable[[], bool] = never) -> list[Path]:
    return list(shared(task, ignore, stop))


def refusal(shared: SharedFootage, task: StreamTask) -> ExhibitError:
    with pytest.raises(ExhibitError) as caught:
        worked(shared, task)
    assert caught.value.subject == "cam1.mp4"
    return caught.value


def test_the_same_file_is_digested_once(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digested: list[Path] = []

    def counting(path: Path, progress: Callable[[int], None]) -> str:
        digested.append(path)
        return sha256_file(path, progress)

    monkeypatch.setattr(shared_footage, "sha256_file", counting)
    shared, task = SharedFootage(Work(), Path("/")), task_of(clip)
    assert worked(shared, task) + worked(shared, task) == [clip, clip]
    assert digested == [clip]
    os.utime(clip, ns=(0, 0))
    assert worked(shared, task) == [clip]
    assert digested == [clip, clip]


def test_a_relative_path_is_one_of_the_folder_of_the_run(clip: Path, tmp_path: Path) -> None:
    task = task_of(clip)
    exhibit = replace(task.taken.exhibit, path=Path("cam1.mp4"))
    relative = replace(task, taken=replace(task.taken, exhibit=exhibit))
    assert worked(SharedFootage(Work(), tmp_path), relative) == [clip]


def test_another_content_of_the_same_size_is_refused(clip: Path) -> None:
    task = task_of(clip)
    data = bytearray(clip.read_bytes())
    data[-1] ^= 1
    clip.write_bytes(data)
    error = refusal(SharedFootage(Work(), Path("/")), task)
    assert error.reason == (
        f"what lies on node {NODE} at {clip} is another file: its SHA-256 is {sha256_file(clip)}, and the exhibit's "
        f"is {task.taken.exhibit.sha256}"
    )
    assert error.hint == OTHER_CONTENT


def test_another_size_is_refused(clip: Path) -> None:
    task = task_of(clip)
    size = clip.stat().st_size
    with clip.open("ab") as file:
        file.write(b"x")
    error = refusal(SharedFootage(Work(), Path("/")), task)
    assert error.reason == (
        f"what lies on node {NODE} at {clip} is another file: it has {size + 1} bytes, and the exhibit has {size}"
    )


def test_a_file_that_is_not_there_is_refused(clip: Path) -> None:
    task = task_of(clip)
    clip.unlink()
    error = refusal(SharedFootage(Work(), Path("/")), task)
    assert error.reason == f"cannot be read on node {NODE} at {clip} (No such file or directory)"
    assert error.hint == SAME_PATH


def test_a_stop_while_it_is_digested_leaves_the_rest_to_the_work(clip: Path) -> None:
    shared, task = SharedFootage(Work(), Path("/")), task_of(clip)
    exhibit = replace(task.taken.exhibit, sha256="0" * 64)
    wrong = replace(task, taken=replace(task.taken, exhibit=exhibit))
    assert worked(shared, wrong, stop=lambda: True) == [clip]
    refusal(shared, wrong)


def test_what_the_work_holds_is_let_go() -> None:
    work = Work()
    SharedFootage(work, Path("/")).close()
    assert work.closed
