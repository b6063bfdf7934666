"""The writers' lock: one at a time, the holder named, free the moment its holder is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from retrofr.case import KeyStore, create_case, open_case
from retrofr.case.lock import WriterLock
from retrofr.errors import CaseBusyError

HOLD = """
import sys, time
from pathlib import Path
from retrofr.case import open_case
sys.argv = ["retrofr", "index", "secret-name.mp4"]
with open_case(Path("{folder}"), write=True):
    print("held", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture
def closed(folder: Path, keys: KeyStore) -> Path:
    create_case(folder).close()
    return folder


@pytest.fixture
def hold(closed: Path, start_script: Callable[..., object]) -> Callable[[float], object]:
    """Another process that has the case open for writing."""

    def begin(seconds: float) -> object:
        process = start_script(HOLD.format(folder=closed, seconds=seconds))
        assert process.stdout.readline() == "held\n"  # type: ignore[attr-defined]
        return process

    return begin


def test_a_second_writer_is_told_who_holds_it(closed: Path, hold: Callable[[float], object]) -> None:
    other = hold(60)
    with pytest.raises(CaseBusyError) as error:
        open_case(closed, write=True)
    assert error.value.exit_code == 5
    assert error.value.subject == str(closed / "case.db")
    told = f"another process is writing to it: process {other.pid} on {os.uname().nodename} (`retrofr index`), since 20"  # type: ignore[attr-defined]
    assert error.value.reason.startswith(told)
    assert "secret-name" not in str(error.value)
    assert error.value.hint == "wait for it with `--wait SECONDS`, or try again when it has finished"


def test_readers_need_no_lock(closed: Path, hold: Callable[[float], object]) -> None:
    hold(60)
    with open_case(closed) as case:
        assert (case.writer, case.read_only) == (False, False)


def test_who_waits_gets_it(closed: Path, hold: Callable[[float], object]) -> None:
    hold(0.5)
    began = time.monotonic()
    with open_case(closed, write=True, wait_seconds=30) as case:
        assert case.writer
    assert time.monotonic() - began < 20


def test_the_lock_of_a_killed_process_is_free(closed: Path, hold: Callable[[float], object]) -> None:
    other = hold(60)
    os.kill(other.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    other.wait()  # type: ignore[attr-defined]
    open_case(closed, write=True).close()


def test_two_in_one_process_exclude_each_other(closed: Path) -> None:
    with open_case(closed, write=True), pytest.raises(CaseBusyError):
        open_case(closed, write=True)
    open_case(closed, write=True).close()


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "case.lock", "case.db")
    lock.acquire()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reading, 1)
        os._exit(0)
    lock.release()
    try:
        again = WriterLock(tmp_path / "case.lock", "case.db")
        again.acquire()
        again.release()
    finally:
        os.write(writing, b"x")
        os.waitpid(child, 0)


def test_an_unsigned_lock_still_excludes(tmp_path: Path) -> None:
    path = tmp_path / "case.lock"
    lock = WriterLock(path, "case.db")
    lock.acquire()
    path.write_bytes(b"")
    with pytest.raises(CaseBusyError, match="another process is writing to it: it has not said which it is"):
        WriterLock(path, "case.db").acquire()
    lock.release()
