"""``retrofr compare``: what it says of two pictures, with drawn faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fakes import COLOURS, draw_face, scene

FAKE = ("--detector", "fake", "--embedder", "fake", "--device", "cpu")


@pytest.fixture
def pictures(tmp_path: Path, fake_parts: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    for name, colour, side in (("a.png", "red", 60), ("b.png", "red", 30)):
        image = scene()
        draw_face(image, COLOURS[colour], 100, 80, side)
        Image.fromarray(image).save(name)
    return "a.png", "b.png"


def test_requirement_26_a_table(run: Any, pictures: tuple[str, str]) -> None:
    result = run("compare", *pictures, *FAKE, "--threshold", "0.8", columns=100)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["picture", "eyes", "sharpness", "turn", "face"]
    assert lines[2].startswith("A  a.png")
    assert "24 px" in lines[2]
    assert lines[2].endswith("x 100 to 160, y 80 to 140")
    assert any(line.startswith("B: small: 12 px between the eyes") for line in lines)
    (score,) = [line for line in lines if line.startswith("score")]
    assert score.endswith(", at or above the threshold")
    assert "threshold   0.800, given for this run (override)" in lines
    assert "evidence    no LR: no operating points for embedder fake, as it is set here" in lines
    assert "error rate  NOT KNOWN: no operating points for embedder fake, as it is set here" in lines
    assert lines[-1] == "Investigative leads, to be examined by a person."
    assert not {"match", "identified", "confidence", "%"} & set(result.stdout.lower().split())


def test_json(run: Any, pictures: tuple[str, str]) -> None:
    result = run("compare", *pictures, *FAKE, "--threshold", "0.8", "--format", "json")
    document = json.loads(result.stdout)
    assert (document["schema"], document["reaches_threshold"]) == ("retrofr.comparison/1", True)


def test_a_page_is_written_and_told(run: Any, pictures: tuple[str, str]) -> None:
    result = run("compare", *pictures, *FAKE, "--threshold", "0.8", "--out", "out", columns=200)
    assert result.exit_code == 0
    assert "written     out: face-a.png, face-b.png, comparison.json, comparison.html\n" in result.stdout
    page = Path("out/comparison.html").read_text(encoding="utf-8")
    assert "<dt>evidence</dt><dd>no LR: no operating points" in page
    again = run("compare", *pictures, *FAKE, "--threshold", "0.8", "--out", "out")
    assert again.exit_code == 7
    assert "error: out: is not empty, and nothing is overwritten" in again.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--fmr", "1e-4", "--threshold", "0.5"), "give --fmr or --threshold, not both"),
        (
            ("--fmr", "1e-4"),
            "--fmr: no threshold can be set by an error rate: no operating points for embedder fake",
        ),
        ((), "embedder fake: has no documented threshold yet"),
        (("--threshold", "0.5", "--operating-points", "gone.toml"), "gone.toml"),
    ],
)
def test_errors_of_use(run: Any, pictures: tuple[str, str], flags: tuple[str, ...], message: str) -> None:
    result = run("compare", *pictures, *FAKE, *flags)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_missing_picture(run: Any, pictures: tuple[str, str]) -> None:
    result = run("compare", "a.png", "c.png", *FAKE, "--threshold", "0.8")
    assert (result.exit_code, result.stderr) == (2, "error: c.png: no such file\n       check the path\n")
