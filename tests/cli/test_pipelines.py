"""Lists of files on standard input, and hits on standard output while the search goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clips import make_clip
from retrofr_cli.footage_list import MOST_BYTES
from retrofr_cli.main import cli
from schemas import schema_of

FAKE = ("--detector", "fake", "--embedder", "fake", "--threshold", "0.8")
EXAMPLE = "       for example: find evidence/ -name '*.mp4' -print0 | retrofr search - --probe suspect.jpg\n"


def piped(data: bytes, *arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments], input=data)


# ---- lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"a.mp4\nb c.mkv\n", ["a.mp4", "b c.mkv"]),
        (b"a.mp4\r\nb.mkv", ["a.mp4", "b.mkv"]),
        (b"two\nlines.mp4\0b.mkv\0", ["two\nlines.mp4", "b.mkv"]),
        (b"\n\nfolder/\n# 1.mp4\n  x.mp4 \n", ["folder/", "# 1.mp4", "  x.mp4 "]),
        (b"cam\xff.mp4\n", ["cam\udcff.mp4"]),
    ],
    ids=["lines", "lines of Windows", "ended by NUL", "odd names", "not UTF-8"],
)
def test_a_list_names_the_footage(fake_search: Any, data: bytes, named: list[str]) -> None:
    assert piped(data, "search", "-", "--probe", "a.jpg").exit_code in (0, 10)
    assert fake_search.calls[0]["footage"] == named


def test_a_list_stands_where_its_dash_stands(fake_search: Any) -> None:
    piped(b"b.mp4\nc.mp4\n", "search", "a.mp4", "-", "d.mp4", "--probe", "a.jpg")
    assert fake_search.calls[0]["footage"] == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


@pytest.mark.parametrize(
    "command", [("search", "--probe", "a.jpg"), ("index", "--case", "c"), ("inspect",), ("bench",)]
)
@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", 2, f"error: -: the list on standard input is empty\n{EXAMPLE}"),
        (b"\n\0\n"[:1], 2, f"error: -: the list on standard input is empty\n{EXAMPLE}"),
        (
            b"\0\0\0\x18ftypmp42\0\0\0\0",
            8,
            "error: -: what comes on standard input is no list of paths\n"
            f"       retrofr searches recorded footage only: give it files or folders\n{EXAMPLE}",
        ),
        (b"rtsp://10.0.0.1/live\n", 8, "error: rtsp://10.0.0.1/live: is an address, not a file\n"),
        (b"/dev/video0\n", 8, "error: /dev/video0: is a device\n"),
        (b"-\n", 8, "error: -: standard input is not a recorded file\n"),
        (b"nowhere.mp4\n", 2, "error: nowhere.mp4: does not exist\n"),
    ],
    ids=["nothing", "no path", "a recording", "an address", "a device", "a list in a list", "not there"],
)
def test_requirement_05_a_list_names_recorded_files_alone(
    command: tuple[str, ...],
    data: bytes,
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = piped(data, command[0], "-", *command[1:])
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
    assert not (tmp_path / "c").exists()


def test_two_lists_cannot_come_at_once() -> None:
    result = piped(b"a.mp4\n", "search", "-", "-", "--probe", "a.jpg")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: -: is named twice, and there is one standard input\n"


def test_what_is_too_long_is_no_list() -> None:
    result = piped(b"a" * (MOST_BYTES + 1), "inspect", "-")
    assert result.exit_code == 8
    assert result.stderr.startswith("error: -: what comes on standard input is no list of paths\n")


def test_a_wrong_list_is_told_in_json_where_that_was_asked_for() -> None:
    result = piped(b"", "inspect", "-", "--progress", "json")
    (line,) = result.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["exit_code"], told["subject"]) == ("failed", 2, "-")


# ---- as found ------------------------------------------------------------------------------------------------


def test_hits_come_while_the_search_goes_on(good: tuple[Path, Path]) -> None:
    """The outputs are read as they were written: what is found in the first file comes before the second begins."""
    make_clip(good[0] / "cam2.mp4", frames=50)
    how = ("--format", "jsonl", "--as-found", "--progress", "json", *FAKE)
    result = piped(b"", "search", good[0], "--probe", good[1], *how)
    assert result.exit_code == 0, result.stderr
    lines = [json.loads(line) for line in result.output.splitlines()]
    order = [line.get("event") or line["schema"] for line in lines]
    assert order.count("retrofr.found/1") == 1
    assert order.count("found") == 1
    assert order.index("retrofr.found/1") < order.index("exhibit_finished")
    assert order[-3:] == ["retrofr.hit/1", "retrofr.coverage/1", "retrofr.run/1"]


def test_what_is_found_is_a_hit_without_a_rank(good: tuple[Path, Path]) -> None:
    result = piped(
        b"",
        "search",
        good[0],
        "--probe",
        good[1],
        "--format",
        "jsonl",
        "--as-found",
        "--progress",
        "json",
        *FAKE,
    )
    jsonschema = pytest.importorskip("jsonschema")
    found, hit = (json.loads(line) for line in result.stdout.splitlines()[:2])
    jsonschema.validate(found, schema_of("record.schema.json"), jsonschema.Draft202012Validator)
    assert found == hit | {"rank": None, "schema": "retrofr.found/1"}
    told = [json.loads(line) for line in result.stderr.splitlines()]
    assert [line["record"] for line in told if line["event"] == "found"] == [found]


def test_without_the_option_nothing_new_is_on_stdout(good: tuple[Path, Path]) -> None:
    result = piped(b"", "search", good[0], "--probe", good[1], "--format", "jsonl", "--quiet", *FAKE)
    schemas = [json.loads(line)["schema"] for line in result.stdout.splitlines()]
    assert schemas == ["retrofr.hit/1", "retrofr.coverage/1", "retrofr.run/1"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--format", "csv"), "error: --as-found: goes with --format jsonl\n       not with csv\n"),
        (("--format", "jsonl", "--case", "c"), "error: --as-found: goes without --case\n"),
    ],
)
def test_as_found_goes_with_lines_and_without_a_case(run: Any, more: tuple[str, ...], message: str) -> None:
    result = run("search", "a.mp4", "--probe", "a.jpg", "--as-found", *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
