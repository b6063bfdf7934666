"""``--plan``: what is printed, that nothing is written, and that records are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import schema_of

FAKE = ("--detector", "fake", "--embedder", "fake", "--progress", "none")
Good = tuple[Path, Path]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrofr.comparison.build_landmark_net", lambda *_: None)  # real, and slow to load


def files_below(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*")}


def test_a_search_says_what_it_would_do_and_does_nothing(run: Any, good: Good, tmp_path: Path) -> None:
    before = files_below(tmp_path)
    result = run("search", good[0], "--plan", "--format", "table", *FAKE, columns=100)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "A plan: nothing was searched, and nothing was written."
    said = {line[:14].strip(): line[14:].strip() for line in lines[2:] if line[:14].strip()}
    assert said["would read"].startswith("1 exhibit, ")
    assert said["would search"] == "0:00:02.000 of footage, at most 4 samples"
    assert said["would take"].startswith("about ")
    assert said["measured"].startswith("on the first 2 s of cam1.mp4, with cpu")
    assert said["would keep"].startswith("nothing of the footage; ")
    assert files_below(tmp_path) == before


def test_an_index_says_what_the_case_would_grow_by_and_makes_none(
    run: Any, good: Good, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    result = run("index", good[0], "--case", case, "--plan", *FAKE, columns=100)
    assert result.exit_code == 0, result.stderr
    assert "more in the case; " in result.stdout
    assert not case.exists()


def test_a_script_gets_one_document(run: Any, good: Good) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    (good[0] / "text.mp4").write_text("no video")
    for command in (("search",), ("index", "--case", "c")):
        result = run(command[0], good[0], *command[1:], "--plan", "--format", "json", *FAKE)
        assert result.exit_code == 10
        document = json.loads(result.stdout)
        jsonschema.validate(document, schema_of("plan.schema.json"), jsonschema.Draft202012Validator)
        assert (document["asked_seconds"], document["samples"]) == (2, 4)
        assert [each["subject"] for each in document["unsearched"]] == ["text.mp4"]
        assert (document["estimate"]["case_bytes"] is None) == (command[0] == "search")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("search", "--plan", "--case", "c"), 2, "error: --plan: goes with FOOTAGE\n"),
        (("search", "a.mp4", "--plan", "--format", "csv"), 2, "error: --format csv: a plan has no records\n"),
        (("search", "rtsp://10.0.0.1/live", "--plan"), 8, "error: rtsp://10.0.0.1/live: is an address"),
        (("index", "nowhere.mp4", "--case", "c", "--plan"), 2, "error: nowhere.mp4: does not exist\n"),
    ],
)
def test_what_cannot_be_planned(run: Any, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
