"""``retrofr report``: a stored search of a case as a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import fakes
from pages import Element, read_page
from people_case import Seen, add_footage, fake_recipe
from retrofr import registry
from retrofr.case.audit_log import entries
from retrofr.case.people import Assignment, put_assignment
from retrofr.case.searches import CandidateRow, SearchRecord, record_search
from retrofr.case.store import create_case, open_case
from retrofr.clock import ClockOrigin, WallClock
from retrofr.pages.printing import find_browser
from retrofr.timeline import find_search

Report = Callable[..., Result]
NIGHT = WallClock(ClockOrigin(datetime(2024, 1, 14, 22, 58), "file name"))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Red is seen at the door and in the yard, green at the door. Red was looked for; green is no candidate."""
    parts = {"detectors": fakes.FAKE_DETECTOR, "embedders": fakes.FAKE_EMBEDDER}
    found = {kind: fakes.as_entry_point(part) for kind, part in parts.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_foreign", lambda kind: {"fake": found[kind]} if kind in found else {})
        folder = tmp_path_factory.mktemp("report") / "case"
        with create_case(folder) as made:
            recipe = fake_recipe()
            faces = [Seen(1, 4, "red"), Seen(10, 12, "green")]
            door = add_footage(made, recipe, "door.mp4", faces, camera="door", clock=NIGHT)
            yard = add_footage(made, recipe, "yard.mp4", [Seen(5, 9, "red", 0.05)])
            ids = np.array([*door, *yard], np.int64)
            known = Assignment(ids, np.array([7, 2, 7], np.int64), np.full(3, 0.9, np.float32))
            put_assignment(made, recipe.key, known, {"threshold": 0.5})
            at = datetime.now(UTC) + timedelta(hours=1)
            rows = (
                CandidateRow("red", door[0], 0.99, 2, 0, True),
                CandidateRow("red", yard[0], 0.7, 2, 0, False),
            )
            search = SearchRecord(
                started=at,
                finished=at,
                recipe_key=recipe.key,
                settings={"join_gap_seconds": 2.0},
                probes=[{"name": "red"}],
                threshold=0.8,
                threshold_source="given",
                compared=3,
                candidates=rows,
            )
            record_search(made, search)
        yield folder


@pytest.fixture
def report(run: Any, case: Path) -> Report:
    return lambda *arguments: run("report", "--case", case, *arguments)


def page_in(folder: Path) -> Element:
    return read_page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_last_search_of_a_case(report: Report, case: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report"
    result = report("--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{out}/report.html: search 1, 1 hit, 3 pictures\n"
    page = page_in(out)
    asked = page.one("section", id="asked").facts
    assert (asked["case"], asked["threshold"]) == ("case, search 1", "0.800, given")
    assert page.one("p", class_="authority").text == "authority: not recorded"
    assert [e.one("h3").text for e in page.one("section", id="hits").all("article")] == ["hit 1 door"]
    assert [e.one("h3").text for e in page.one("section", id="below").all("article")] == [
        "candidate 2 yard.mp4"
    ]
    told = page.one("section", id="hits").one("p", class_="soft").text
    assert told.startswith("Pictures: others are hidden; ")
    assert page.one("section", id="errors").one("div", class_="prose").text == (
        "This search recorded no statement of its errors, so nothing can be said about hits by chance alone."
    )
    written = {f"stills/{path.name}" for path in (out / "stills").iterdir()}
    assert {picture.attributes["src"] for picture in page.all("img")} == written
    with open_case(case) as opened:
        (*_, entry) = entries(opened)
    assert (entry["action"], entry["details"]) == (
        "export",
        {"format": "report", "people": False, "search": 1},
    )


def test_only_persons_of_the_search_unless_everybody_is_asked_for(report: Report, tmp_path: Path) -> None:
    assert report("--out", tmp_path / "a").exit_code == 0
    assert report("--people", "--out", tmp_path / "b").exit_code == 0
    few, everybody = (page_in(tmp_path / name).one("section", id="people") for name in "ab")
    assert [e.text for e in few.all("strong")] == ["person 7"]
    assert [e.text for e in everybody.all("strong")] == ["person 7", "person 2"]
    assert not (tmp_path / "a" / "stills" / "person-0002-face.jpg").exists()
    assert "Nobody has said who they are." in few.text


def test_refusals_write_nothing(report: Report, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = report("--out", tmp_path)
    assert (result.exit_code, result.stderr) == (
        7,
        f"error: {tmp_path}: is not empty, and nothing is overwritten\n       name another folder with --out\n",
    )
    missing = report("--search", "9", "--out", tmp_path / "out")
    assert (missing.exit_code, missing.stderr.splitlines()[0].endswith("holds no search 9")) == (5, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt"]


def test_it_is_printed_where_there_is_a_browser(report: Report, tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("needs Chromium")
    result = report("--pdf", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[-1].endswith(", and on paper as report.pdf")
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_without_a_browser_nothing_is_begun(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = report("--pdf", "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --pdf: needs Chromium or Chrome, and neither is on this machine\n"
        "       install one, or leave out --pdf and print the page from another browser: it is made for paper\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_browser_that_fails_leaves_the_page(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    out = tmp_path / "out"
    result = report("--pdf", "--out", out)
    assert result.exit_code == 7
    assert result.stderr.startswith(f"error: {out / 'report.pdf'}: was not printed by chromium (")
    assert result.stderr.endswith("       report.html is written: print it from a browser\n")
    assert {path.name for path in out.iterdir()} == {"report.html", "stills"}


def test_a_search_of_a_part_of_the_case_is_drawn_as_such(
    report: Report, case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for window, outside in (
        ("wall-clock time from 2024-01-14T22:58:10 to 2024-01-14T22:58:30 (authority RF/17)", True),
        ("some words", False),
    ):
        found = [replace(find_search_of(case), run={"selection": {"window": window, "cameras": ["door"]}})]
        monkeypatch.setattr("retrofr.reporting.of_case.find_search", lambda *_, found=found: found[0])
        out = tmp_path / window[:4]
        assert report("--out", out).exit_code == 0
        page = page_in(out)
        limited = page.one("section", id="asked").facts["limited to"]
        assert limited == f"{window}; cameras door"
        left_out = page.one("section", id="coverage").facts.get("left out", "")
        assert left_out.startswith("yard.mp4") == outside
        warned = [e.text for e in page.one("section", id="asked").all("p", class_="warn")]
        assert [text.startswith("This search was limited to a part") for text in warned] == [True] * (
            not outside
        )


def find_search_of(case: Path) -> SearchRecord:
    with open_case(case) as opened:
        return find_search(opened)
