"""The real process: signals, pipes that close, disks that are full, and the same endings as under a test runner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).resolve().parent.parent / "support"

# The command line with a search that says when it started, then waits until it is stopped.
WAITING = f"""
import dataclasses, sys, time
from types import ModuleType
sys.path.insert(0, {str(SUPPORT)!r})
from fixed_results import search_result

def search(footage, probes, *, settings, request, listener, stop, lenient, keep_stills):
    (mode,) = probes
    print("started", file=sys.stderr, flush=True)
    while mode != "at-once" and (mode == "deaf" or not stop()):
        time.sleep(0.01)
    if mode == "crash":
        raise ZeroDivisionError("division by zero")
    result = search_result()
    return dataclasses.replace(result, coverage=dataclasses.replace(result.coverage, interrupted=stop()))

module = ModuleType("retrofr.pipeline")
module.search = search
sys.modules["retrofr.pipeline"] = module
from retrofr_cli.main import main
main()
"""


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WAITING, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, text=True, **pipes)


def wait_for_start(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_keeps_what_there_is(tmp_path: Path, number: signal.Signals) -> None:
    process = start("search", "f", "--probe", "p", "--out", tmp_path / "out")
    wait_for_start(process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopping: what was found so far will be written; press Ctrl-C again to leave at once" in stderr
    assert json.loads(stdout.splitlines()[0])["schema"] == "retrofr.hit/1"
    assert json.loads((tmp_path / "out" / "run.json").read_text())["coverage"]["interrupted"] is True


def test_the_second_signal_leaves_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    process = start("search", "f", "--probe", "deaf", "--out", tmp_path / "out")
    wait_for_start(process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == "error: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_stopping_is_a_json_line_for_scripts() -> None:
    process = start("search", "f", "--probe", "p", "--progress", "json")
    wait_for_start(process)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=30)[1]
    assert [json.loads(line)["event"] for line in stderr.splitlines()] == ["stopping"]


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    process = start("search", "f", "--probe", "at-once", stdout=write)
    os.close(write)
    stderr = process.communicate(timeout=30)[1]
    assert (process.returncode, stderr) == (141, "started\n")


@pytest.mark.parametrize("format_name", ["table", "csv", "jsonl", "json"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout(format_name: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = start("search", "f", "--probe", "at-once", "--format", format_name, stdout=full)
        stderr = process.communicate(timeout=30)[1]
    assert process.returncode == 7
    assert stderr == (
        "started\nerror: standard output: the disk is full, so what was written is incomplete\n"
        "       send it to another place\n"
    )


def test_a_terminal_that_lacks_characters() -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = start("search", "f", "--probe", "at-once", "--format", "table", env=env)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (10, "started\n")
    assert "stairs/night \\u2013 deck 3.mkv" in stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("search",),
        ("sreach",),
        ("--version",),
        ("search", "f", "--probe", "p", "--set", "x"),
        ("search", "--help"),
        (),
    ],
    ids=" ".join,
)
def test_the_process_and_the_test_runner_agree(run: Any, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retrofr_cli", *arguments], check=False, capture_output=True, text=True
    )
    expected = run(*arguments)
    assert done.returncode == expected.exit_code
    # Word by word: the runner of click always wraps at 80 columns.
    assert done.stdout.split() == expected.stdout.split()
    assert done.stderr.split() == expected.stderr.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Any, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_RETROFR_COMPLETE" in result.stdout


def test_completion_for_the_shell_one_is_in(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("completion").stdout == run("completion", "fish").stdout
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    result = run("completion")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: which shell is it for?\n       name one of bash, zsh, fish: retrofr completion bash\n"
    )


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["retrofr", "sea"], "plain,search"),
        (["retrofr", "search", "--thr"], "plain,--threshold"),
        (["retrofr", "search", "--index", "ex"], "plain,exact"),
        (["retrofr", "search", "--format", "js"], "plain,jsonl\nplain,json"),
    ],
)
def test_the_shell_completes(words: list[str], completed: str) -> None:
    env = os.environ | {
        "_RETROFR_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "retrofr_cli"], check=True, capture_output=True, text=True, env=env
    )
    assert done.stdout.strip() == completed
