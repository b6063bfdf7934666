"""``retrofr search``: what it asks the library, what it prints where, and how it ends."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixed_results import appearance, probe, search_result, stream
from retrofr.errors import ModelError, ProbeError, RefusedError, RetrofrError
from retrofr.events import Skipped, Warned
from retrofr.results import Coverage, Unsearched

SEARCH = ("search", "footage", "--probe", "suspect.jpg")
Golden = Callable[[str, str], None]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_library_is_asked_for_what_was_said(run: Any, fake_search: Any) -> None:
    run("search", "a", "b*", "--probe", "p.jpg#2", "--probe", "anna=photos", "--device", "cpu", "--rate", "5")
    (call,) = fake_search.calls
    assert call["footage"] == ["a", "b*"]
    assert call["probes"] == ["p.jpg#2", "anna=photos"]
    assert call.get("keep_stills", False) is False
    assert call["settings"].device == "cpu"
    assert call["settings"].sampling.rate == 5.0
    assert call["stop"]() is False


def test_a_table_on_80_columns(run: Any, fake_search: Any, golden: Golden) -> None:
    result = run(*SEARCH, "--format", "table", columns=80)
    assert (result.exit_code, result.stderr) == (10, "")
    assert max(map(len, result.stdout.splitlines())) <= 80
    golden("table-80.txt", result.stdout)


def test_a_table_on_120_columns(run: Any, fake_search: Any, golden: Golden) -> None:
    result = run(*SEARCH, "--format", "table")
    assert (result.exit_code, result.stderr) == (10, "")
    golden("table-120.txt", result.stdout)


def test_no_hit_is_a_result(run: Any, fake_search: Any, golden: Golden) -> None:
    fake_search.gives = search_result(
        hits=(),
        candidates=(),
        probes=(probe(), probe("anna", 3)),
        coverage=Coverage(streams=(stream("cam1.mp4"),)),
    )
    result = run(*SEARCH, "--format", "table", columns=80)
    assert result.exit_code == 0
    golden("no-hit-80.txt", result.stdout)


def test_a_probe_without_a_hit_is_named_beside_those_with_hits(run: Any, fake_search: Any) -> None:
    fake_search.gives = search_result(probes=(probe(), probe("anna")))
    assert (
        "No hit for anna. No face in what was searched scores 0.363 or more."
        in run(*SEARCH, "--format", "table").stdout
    )


def test_files_lost_for_the_same_reason_are_listed_together(run: Any, fake_search: Any) -> None:
    lost = [Unsearched(name, "it is empty", "copy it again") for name in ("a.mp4", "b.mp4")]
    lost.insert(1, Unsearched("c.mp4", "it is damaged"))
    fake_search.gives = search_result(coverage=Coverage(unsearched=tuple(lost)))
    assert (
        "not searched  it is empty (2):\n"
        "              - a.mp4\n"
        "              - b.mp4\n"
        "                copy it again\n"
        "              c.mp4: it is damaged\n"
    ) in run(*SEARCH, "--format", "table").stdout


def test_csv(run: Any, fake_search: Any, golden: Golden) -> None:
    result = run(*SEARCH, "--format", "csv")
    assert result.exit_code == 10
    golden("hits.csv", result.stdout_bytes.decode())


def test_the_coverage_of_csv_goes_to_stderr(run: Any, fake_search: Any, golden: Golden) -> None:
    golden("coverage-of-csv.txt", run(*SEARCH, "--format", "csv").stderr)


def test_jsonl(run: Any, fake_search: Any, golden: Golden) -> None:
    result = run(*SEARCH, "--format", "jsonl")
    assert (result.exit_code, result.stderr) == (10, "")
    assert [line["schema"] for line in lines(result.stdout)] == [
        *["retrofr.hit/1"] * 3,
        *["retrofr.candidate/1"] * 2,
        "retrofr.coverage/1",
        "retrofr.run/1",
    ]
    golden("result.jsonl", result.stdout)


def test_json(run: Any, fake_search: Any, golden: Golden) -> None:
    result = run(*SEARCH, "--format", "json")
    assert (result.exit_code, result.stderr) == (10, "")
    assert json.loads(result.stdout)["schema"] == "retrofr.search/1"
    golden("result.json", result.stdout)


def test_json_lines_are_the_format_of_a_pipe(run: Any, fake_search: Any) -> None:
    assert run(*SEARCH).stdout == run(*SEARCH, "--format", "jsonl").stdout


@pytest.mark.parametrize("format_name", ["table", "csv", "jsonl", "json"])
def test_no_colour_and_no_control_character_leaves(run: Any, fake_search: Any, format_name: str) -> None:
    nasty = "a\x1b[31mb\x07\u202e.mp4"
    fake_search.gives = search_result(hits=(appearance(1, 0.5, exhibit=nasty, probe=nasty),))
    output = run(*SEARCH, "--format", format_name).stdout
    if format_name == "table":
        assert "a\\x1b[31mb\\x07\\u202e.mp4" in output
        assert "\x1b" not in output
    elif format_name == "csv":
        # Records hold the name as it is: they are for machines.
        assert next(csv.DictReader(output.splitlines()))["exhibit"] == nasty
    else:
        assert "\\u001b[31m" in output


def test_out_writes_the_folder_and_says_so(run: Any, fake_search: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(*SEARCH, "--format", "table", "--out", out, columns=200)
    assert result.exit_code == 10
    assert fake_search.calls[0]["keep_stills"] is True
    names = (
        "report.html, hits.csv, hits.jsonl, candidates.csv, coverage.csv, run.json, 10 pictures in stills/"
    )
    assert f"written       {out}: {names}\n" in result.stdout
    assert (out / "stills" / "hit-0001-frame.jpg").read_bytes() == b"jpeg of rank 1"
    printed = run(*SEARCH, "--out", tmp_path / "out2").stdout
    assert lines(printed)[0]["still"] == "stills/hit-0001-frame.jpg"


def test_out_is_checked_before_the_search(run: Any, fake_search: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = run(*SEARCH, "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (7, "")
    assert result.stderr == (
        f"error: {tmp_path}: is not empty, and nothing is overwritten\n"
        "       name another folder, or add --force to replace what retrofr wrote there before\n"
    )
    assert fake_search.calls == []


def test_force_writes_again(run: Any, fake_search: Any, tmp_path: Path) -> None:
    assert run(*SEARCH, "--out", tmp_path).exit_code == 10
    assert run(*SEARCH, "--out", tmp_path).exit_code == 7
    assert run(*SEARCH, "--out", tmp_path, "--force").exit_code == 10


def test_force_without_out_is_refused(run: Any, fake_search: Any) -> None:
    result = run(*SEARCH, "--force")
    assert result.exit_code == 2
    assert result.stderr == "error: --force goes with --out\n       name the folder to write to with --out\n"


def test_a_full_disk_keeps_the_result_on_stdout(
    run: Any, fake_search: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        if fake_search.calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "out"
    result = run(*SEARCH, "--out", out)
    assert result.exit_code == 7
    assert result.stderr == (
        f"error: {out}: the disk is full, so nothing was written there\n"
        "       free some space, or name a folder on another disk with --out, and search again\n"
    )
    assert lines(result.stdout)[0]["still"] is None
    assert not out.exists()


def test_an_interrupted_search_is_written_and_marked(run: Any, fake_search: Any, tmp_path: Path) -> None:
    coverage = dataclasses.replace(search_result().coverage, interrupted=True)
    fake_search.gives = search_result(coverage=coverage)
    result = run(*SEARCH, "--out", tmp_path, "--format", "table")
    assert result.exit_code == 130
    assert "INTERRUPTED   the run was stopped before its end, and this result is partial" in result.stdout
    assert json.loads((tmp_path / "run.json").read_text())["coverage"]["interrupted"] is True


def test_leaving_at_once_leaves_nothing(run: Any, fake_search: Any, tmp_path: Path) -> None:
    fake_search.raises = KeyboardInterrupt()
    result = run(*SEARCH, "--out", tmp_path / "a" / "out")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "error: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coverage": Coverage(streams=(stream("a.mp4"),))}, 0),
        ({}, 10),
        ({"coverage": Coverage()}, 3),
        ({"coverage": Coverage(interrupted=True)}, 130),
    ],
)
def test_the_exit_code_is_that_of_the_result(run: Any, fake_search: Any, changes: Any, code: int) -> None:
    fake_search.gives = search_result(**changes)
    assert run(*SEARCH).exit_code == code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            ProbeError("2 faces were found", subject="p.jpg", hint="#1: x 1 to 2\n#2: x 3 to 4"),
            2,
            "error: p.jpg: 2 faces were found\n       #1: x 1 to 2\n       #2: x 3 to 4\n",
        ),
        (ModelError("is not here", subject="device"), 6, "error: device: is not here\n"),
        (
            RefusedError("an address, not a file", subject="rtsp://x"),
            8,
            "error: rtsp://x: an address, not a file\n",
        ),
        (
            ZeroDivisionError("division by zero"),
            70,
            "error: a bug in retrofr: ZeroDivisionError: division by zero\n"
            "       please report it with the traceback, which --debug shows\n",
        ),
        (
            RetrofrError("raised bare"),
            70,
            "error: a bug in retrofr: RetrofrError: raised bare\n"
            "       please report it with the traceback, which --debug shows\n",
        ),
    ],
)
def test_errors(run: Any, fake_search: Any, error: Exception, code: int, message: str) -> None:
    fake_search.raises = error
    result = run(*SEARCH)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", message)


def test_debug_shows_the_traceback(run: Any, fake_search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_search.raises = ZeroDivisionError("division by zero")
    assert "Traceback (most recent call last)" in run(*SEARCH, "--debug").stderr
    assert "Traceback" not in run(*SEARCH).stderr
    monkeypatch.setenv("RETROFR_DEBUG", "1")
    assert "Traceback (most recent call last)" in run(*SEARCH).stderr


def test_an_error_for_scripts_is_a_json_line(run: Any, fake_search: Any) -> None:
    fake_search.raises = ModelError("is not here", subject="device", hint="take another")
    result = run(*SEARCH, "--progress", "json")
    assert result.exit_code == 6
    assert lines(result.stderr) == [
        {
            "schema": "retrofr.progress/1",
            "event": "failed",
            "exit_code": 6,
            "reason": "is not here",
            "subject": "device",
            "hint": "take another",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("search",),
            "error: no footage was named\n"
            "       name files or folders, or a case that was indexed before with --case\n",
        ),
        (
            ("search", "a.mp4"),
            "error: no probe was named\n       name a picture of the person with --probe suspect.jpg\n",
        ),
        (
            (*SEARCH, "--rate", "often"),
            "error: invalid value for '--rate': 'often' is neither a number nor keyframes\n"
            "       `retrofr search --help` says what it takes\n",
        ),
        (
            (*SEARCH, "--rate", "0"),
            "error: sampling.rate: 0.0 is out of bounds; it goes from 0.01 to 120 samples/s\n",
        ),
        (
            ("sreach",),
            "error: no command is called 'sreach'; there are: search, compare, index, people, verdict, export, "
            "report, verify, replay, case, audit, policy, inspect, evaluate, calibrate, bench, models, doctor, "
            "completion\n"
            "       `retrofr --help` says what it takes\n",
        ),
    ],
)
def test_usage_errors(run: Any, fake_search: Any, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)
    assert fake_search.calls == []


def test_a_picture_among_the_footage_is_a_forgotten_probe(run: Any, fake_search: Any, tmp_path: Path) -> None:
    picture = tmp_path / "b.JPG"
    picture.write_bytes(b"")
    result = run("search", "footage", "--probe", "a.jpg", picture)
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {picture}: is a picture, and footage is video\n"
        "       give --probe once for each picture: --probe a.jpg --probe b.jpg\n"
    )


def test_messages_go_to_stderr_once_each(run: Any, fake_search: Any) -> None:
    skipped = Skipped("cam\x1b9.mp4", "it is empty (0 bytes)", "copy it again")
    fake_search.events = (skipped, Warned("p.jpg", "a poor probe: small"), skipped)
    result = run(*SEARCH)
    assert result.stderr == (
        "not searched: cam\\x1b9.mp4: it is empty (0 bytes)\n  copy it again\nwarning: p.jpg: a poor probe: small\n"
    )


@pytest.mark.parametrize("format_name", ["csv", "table", "jsonl"])
def test_quiet_says_nothing_on_stderr(run: Any, fake_search: Any, format_name: str) -> None:
    fake_search.events = (Skipped("cam9.mp4", "it is empty"),)
    result = run(*SEARCH, "--quiet", "--format", format_name)
    assert (result.exit_code, result.stderr) == (10, "")
    assert result.stdout
