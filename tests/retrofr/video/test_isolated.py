"""The decoder process: what runs in it, how its death is told, and that it never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import harm
from retrofr.errors import ExhibitError
from retrofr.settings import VideoSettings
from retrofr.video.isolated import DecoderProcess


@pytest.fixture(scope="module")
def kept() -> Iterator[DecoderProcess]:
    """A process that several tests use one after the other, as a run does."""
    with DecoderProcess(VideoSettings(stall_seconds=20)) as decoder:
        yield decoder


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_function_runs_in_another_process_and_its_result_comes_back(kept: DecoderProcess) -> None:
    assert kept.call(os.getpid, subject="x") == kept.pid != os.getpid()


def test_one_process_serves_many_calls(kept: DecoderProcess) -> None:
    assert len({kept.call(os.getpid, subject="x") for _ in range(3)}) == 1


def test_no_process_before_it_is_needed_and_none_after_the_end() -> None:
    with DecoderProcess() as decoder:
        assert decoder.pid is None
        pid = decoder.call(os.getpid, subject="x")
        assert is_alive(pid)
    assert decoder.pid is None
    assert not is_alive(pid)


def test_arrays_come_back_whole_and_may_be_written_to(kept: DecoderProcess) -> None:
    array = np.random.default_rng(4).integers(0, 255, (540, 960, 3), np.uint8)
    back = kept.call(np.flip, array, subject="x")
    assert np.array_equal(back, np.flip(array))
    back[:] = 0
    assert kept.call(np.zeros, 0, subject="x").shape == (0,)


def test_it_is_cut_off_from_terminal_keyboard_and_core_files(kept: DecoderProcess) -> None:
    facts = kept.call(harm.who_am_i, subject="x")
    assert facts["stdin"] == os.devnull
    assert "(deleted)" in str(facts["stdout"])
    assert facts["stdout"] == facts["stderr"]
    assert facts["sigint_ignored"]
    assert facts["core_limit"] == "1"  # see worker: at 1, kernels give no core to a program either
    modules = facts["modules"]
    assert isinstance(modules, list)
    assert not {"torch", "openvino", "click", "rich"} & set(modules)


def test_nothing_is_imported_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from a folder of evidence')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    with DecoderProcess() as decoder:
        path = decoder.call(harm.who_am_i, subject="x")["path"]
        assert isinstance(path, list)
        assert "" not in path


def test_an_error_of_retrofr_comes_through_as_itself(kept: DecoderProcess) -> None:
    with pytest.raises(ExhibitError) as raised:
        kept.call(harm.complain, "cam1.mp4", subject="cam1.mp4")
    assert str(raised.value) == "cam1.mp4: no video stream in this file\nlook at it"
    assert kept.call(os.getpid, subject="x") == kept.pid


def test_a_bug_comes_through_with_the_traceback_of_the_other_process(kept: DecoderProcess) -> None:
    with pytest.raises(KeyError) as raised:
        kept.call(harm.stumble, subject="x")
    assert raised.value.args == ("a key that is not there",)
    (note,) = raised.value.__notes__
    assert note.startswith("in the decoder process:\nTraceback")
    assert "in stumble" in note
    assert kept.call(os.getpid, subject="x") == kept.pid


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_is_an_error_that_names_the_signal(kept: DecoderProcess, number: signal.Signals) -> None:
    with pytest.raises(ExhibitError) as raised:
        kept.call(harm.crash, number, subject="cam1.mp4")
    assert str(raised.value) == (
        f"cam1.mp4: the decoder crashed ({number.name}) while it was read\n"
        "it is damaged or made to harm; try to repair a copy"
    )
    assert kept.call(abs, -5, subject="x") == 5


def test_the_last_words_of_the_library_are_told_without_addresses(kept: DecoderProcess) -> None:
    with pytest.raises(ExhibitError) as raised:
        kept.call(harm.crash_with_last_words, subject="cam1.mp4")
    assert raised.value.reason == (
        'the decoder crashed (SIGSEGV; it last wrote "[h264] no frame!") while it was read'
    )


def test_last_words_of_an_earlier_file_are_not_told(kept: DecoderProcess) -> None:
    kept.call(harm.write_words, subject="x")
    with pytest.raises(ExhibitError, match=r"the decoder crashed \(SIGSEGV\) while it was read"):
        kept.call(harm.crash, signal.SIGSEGV, subject="x")


def test_a_call_that_crashes_once_is_tried_again(kept: DecoderProcess, tmp_path: Path) -> None:
    assert kept.call(harm.crash_the_first_time, tmp_path / "m", subject="x") == "the second time it went well"


def test_a_library_that_ends_the_process_is_a_death_like_others(kept: DecoderProcess) -> None:
    with pytest.raises(ExhibitError, match=r"the decoder ended by itself \(status 3\) while it was read"):
        kept.call(harm.leave, subject="x")


def test_want_of_memory_is_a_death_and_no_bug(kept: DecoderProcess) -> None:
    with pytest.raises(ExhibitError, match=r"^cam1\.mp4: the decoder ran out of memory while it was read"):
        kept.call(harm.exhaust, subject="cam1.mp4")
    assert kept.call(abs, -5, subject="x") == 5


def test_a_process_killed_while_idle_is_replaced(kept: DecoderProcess) -> None:
    first = kept.call(os.getpid, subject="x")
    os.kill(first, signal.SIGKILL)
    assert gone_within(first, 5)
    assert kept.call(os.getpid, subject="x") != first


def test_a_hang_is_an_error() -> None:
    with DecoderProcess(VideoSettings(stall_seconds=1.5)) as decoder:
        pid = decoder.call(os.getpid, subject="x")
        began = time.monotonic()
        with pytest.raises(ExhibitError) as raised:
            decoder.call(harm.hang, subject="cam1.mp4")
        assert 1.4 < time.monotonic() - began < 10
        assert raised.value.reason == "the decoder hung (no sign of life for 1.5 s) while it was read"
        assert not is_alive(pid)
        assert decoder.call(abs, -5, subject="x") == 5


def test_a_stopped_process_is_a_hang() -> None:
    with DecoderProcess(VideoSettings(stall_seconds=1.5)) as decoder:
        pid = decoder.call(os.getpid, subject="x")
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ExhibitError, match="hung"):
            decoder.call(abs, -5, subject="x")
        assert not is_alive(pid)


def test_progress_is_told_and_keeps_a_long_call_alive() -> None:
    told: list[int] = []
    with DecoderProcess(VideoSettings(stall_seconds=1.5)) as decoder:
        assert decoder.call(harm.count_to, 12, 0.25, subject="x", on_progress=told.append) == 12
        assert 3 <= len(told) <= 7, "about twice a second"
        with pytest.raises(ExhibitError, match="hung"):
            decoder.call(harm.count_in_silence, 20, subject="x", on_progress=told.append)


def test_a_call_is_called_off_by_what_its_progress_raises(kept: DecoderProcess) -> None:
    def stop(_: int) -> None:
        raise InterruptedError("enough")

    pid = kept.call(os.getpid, subject="x")
    began = time.monotonic()
    with pytest.raises(InterruptedError, match="enough"):
        kept.call(harm.count_to, 10_000, 0.01, subject="x", on_progress=stop)
    assert time.monotonic() - began < 5
    assert kept.call(os.getpid, subject="x") == pid, "it obeyed, so it lives"


def test_an_interrupt_in_the_middle_of_a_call_ends_it(kept: DecoderProcess) -> None:
    kept.call(os.getpid, subject="x")
    # A suite that runs in the background is started with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,)).start()
        with pytest.raises(KeyboardInterrupt):
            kept.call(harm.hang, subject="x")
    finally:
        signal.signal(signal.SIGINT, before)
    assert kept.call(abs, -5, subject="x") == 5


def test_it_dies_with_its_parent_even_while_it_hangs(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"  # without a main guard, as users' scripts are
    script.write_text(
        "import os, threading, harm\n"
        "from retrofr.video.isolated import DecoderProcess\n"
        "decoder = DecoderProcess()\n"
        "print(decoder.call(os.getpid, subject='x'), flush=True)\n"
        "decoder.call(harm.hang, subject='x')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    with parent, parent.stdout:
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        assert is_alive(child)
        parent.kill()
        assert gone_within(child, 2)


def test_it_outlives_the_thread_that_started_it() -> None:
    with DecoderProcess() as decoder:
        pids: list[int] = []
        thread = threading.Thread(target=lambda: pids.append(decoder.call(os.getpid, subject="x")))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert decoder.call(os.getpid, subject="x") == pids[0]
