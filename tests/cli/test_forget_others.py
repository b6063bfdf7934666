"""``retrofr search --forget-others`` and ``retrofr case forget-others``: what goes, what is said, now and later."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from fakes import COLOURS, draw_face, scene
from people_case import Seen, add_footage, fake_recipe
from retrofr.case import create_case, open_case
from retrofr.case.audit_log import entries, verify_audit
from retrofr.oversight.findings import Verified

Run = Callable[..., Result]


@pytest.fixture
def case(tmp_path: Path, fake_parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two red tracklets, one blue, one green."""
    assert fake_parts
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")
    with create_case(tmp_path / "case") as made:
        add_footage(made, fake_recipe(), "a.mp4", [Seen(0, 1, "red"), Seen(2, 3, "blue")])
        add_footage(made, fake_recipe(), "b.mp4", [Seen(5, 6, "green"), Seen(7, 8, "red")])
    return tmp_path / "case"


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    picture = scene()
    draw_face(picture, COLOURS["red"], 100, 80)
    Image.fromarray(np.asarray(picture)).save(tmp_path / "anna.png")
    return tmp_path / "anna.png"


def ids(case: Path) -> list[int]:
    with open_case(case) as opened:
        return [row[0] for row in opened.fetch_all("SELECT id FROM tracklets ORDER BY id")]


def test_requirement_27_a_search_forgets_all_but_its_candidates(run: Run, case: Path, probe: Path) -> None:
    words = ["search", "--case", case, "--probe", probe, "--threshold", "0.8", "--format", "json"]
    first = run(*words, "--forget-others")
    assert (
        "warning: case: forgot 2 tracklets with 4 templates and 4 pictures; kept 2, the candidates of searches\n"
        in first.stderr
    )
    assert "others were forgotten" not in first.stdout
    assert ids(case) == [1, 4]
    with open_case(case) as opened:
        told = [(e["action"], e["reason"]) for e in entries(opened)]
        assert told == [("search", None), ("forget", "search 1 with --forget-others")]
        assert isinstance(verify_audit(opened), Verified)
    later = run(*words)
    day = datetime.now(UTC).date()
    assert f"others were forgotten on {day}: 1 tracklet that was no candidate of a search" in later.stdout
    found = [[hit["start_seconds"] for hit in json.loads(r.stdout)["hits"]] for r in (first, later)]
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_the_command(run: Run, case: Path, probe: Path) -> None:
    early = run("case", "forget-others", "--case", case, "--reason", "done")
    assert (early.exit_code, early.stdout) == (5, "")
    assert early.stderr.startswith(
        f"error: {case}/case.db: no search is recorded in it, so nobody is a candidate and all would be forgotten\n"
    )
    run("search", "--case", case, "--probe", probe, "--threshold", "0.8")
    done = run("case", "forget-others", "--case", case, "--reason", "done")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "forgot 2 tracklets with 4 templates and 4 pictures; kept 2, the candidates of searches\n"
    )


def test_without_a_case_there_is_nobody_to_forget(run: Run, probe: Path) -> None:
    result = run("search", "a.mp4", "--probe", probe, "--forget-others")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: --forget-others: goes with --case\n"
        "       leave it out: a search without a case keeps nobody\n"
    )
