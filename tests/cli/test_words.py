"""Every kind of output is read for words that settle what an examiner is to conclude (requirement 14)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from labelled import photo_folder
from PIL import Image
from worded import FORMATS, refuse, refuse_folder, refuse_of, refuse_of_case

from fakes import COLOURS, draw_face, scene
from fixed_results import fixed_case
from retrofr.events import (
    Advanced,
    Digesting,
    Downloading,
    Event,
    ExhibitFinished,
    ExhibitStarted,
    RunStarted,
    Skipped,
    Warned,
)
from retrofr.oversight.words import forbidden_words
from retrofr_cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "retrofr").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])
THE_LIST = ROOT / "retrofr" / "oversight" / "words.py"
FAKE = ("--detector", "fake", "--embedder", "fake", "--device", "cpu")
EVENTS: tuple[Event, ...] = (
    Digesting("a.mp4", 10, 1000),
    RunStarted(2, 1000),
    ExhibitStarted("a.mp4", 1, 60.0),
    Advanced("a.mp4", 30.5, 61, 7),
    Warned("a.mp4", "odd"),
    Downloading("net.onnx", 10, 100),
    ExhibitFinished("a.mp4", 60.0),
    Skipped("b.mp4", "it is empty", "copy it again"),
)


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Texts in a program, docstrings left out; quoted, so that a lone key is known for one."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, f'"{node.value}"'


# ---- what any output can be made of ------------------------------------------------------------------------------


def test_requirement_14_no_text_in_the_program() -> None:
    """Messages, errors, hints, headings, captions, keys: whatever is printed or written comes from one of these."""
    for path in SOURCES:
        if path != THE_LIST:
            texts = list(literals(path.read_text(encoding="utf-8")))
            if forbidden_words("\nx\n".join(text for _, text in texts)):  # all at once is quicker
                for line, text in texts:
                    refuse(f"{path.relative_to(ROOT)}, line {line}", text)


def test_a_text_in_a_program_is_noticed() -> None:
    source = 'def f(n):\n    """Not a match."""\n    return f"{n} matches", "suspect"\n'
    assert list(literals(source)) == [(3, '"suspect"'), (3, '" matches"')]
    with pytest.raises(AssertionError, match="matches"):
        refuse("x", '" matches"')


def test_requirement_14_no_page_template_or_data() -> None:
    paths = [
        p for p in (ROOT / "retrofr").rglob("*") if p.suffix in (".html", ".toml", ".css", ".js", ".json")
    ]
    assert {".html", ".toml"} <= {path.suffix for path in paths}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":  # comments quote laws, which have words of their own
            text = re.sub(r"(?m)^\s*#.*$", "", text)
        refuse(str(path.relative_to(ROOT)), text)


def test_requirement_14_neither_readme_nor_manual() -> None:
    paths = [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.json"),
    ]
    assert len(paths) > 20
    for path in paths:
        refuse(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


# ---- every kind, as it is put out ----------------------------------------------------------------------------


def test_requirement_14_no_help(run: Any) -> None:
    paths = list(_commands(cli, ()))
    assert ("verdict", "give") in paths
    for path in paths:
        assert "Usage:" in refuse_of(run, *path, "--help")


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    yield path
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield from _commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]


def test_requirement_14_no_golden_output() -> None:
    files = [path for path in sorted((ROOT / "tests" / "cli" / "golden").iterdir()) if path.is_file()]
    assert len(files) > 10
    for path in files:
        refuse(path.name, path.read_text(encoding="utf-8"), ("suspect",))  # the name of their probe


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("progress", ["bar", "json"])
def test_requirement_14_no_search(
    run: Any, fake_search: Any, tmp_path: Path, form: str, progress: str
) -> None:
    fake_search.events = EVENTS
    search = ("search", "footage", "--probe", "ann=suspect.jpg", "--top", "2", "--format", form)
    own = ("suspect",)  # the name of the probe in this result
    refuse_of(
        run, *search, "--progress", progress, "--out", tmp_path / "out", own_words=own, exit_codes=(10,)
    )
    assert refuse_folder(tmp_path / "out", own) == {".csv", ".html", ".jsonl", ".json", ".jpg", ".png"}


def test_requirement_14_no_comparison(
    run: Any, fake_parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, side in (("a.png", 60), ("b.png", 40)):
        image = scene()
        draw_face(image, COLOURS["red"], 100, 80, side)
        Image.fromarray(image).save(name)
    refuse_of(run, "compare", "a.png", "b.png", *FAKE, "--threshold", "0.8", "--out", "out")
    assert refuse_folder(tmp_path / "out") == {".html", ".json", ".png"}
    refuse_of(run, "compare", "a.png", "b.png", *FAKE, "--threshold", "0.8", "--format", "json")


def test_requirement_14_no_evaluation(
    run: Any, fake_parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo_folder(tmp_path / "photos", people=5, photos=2)
    refuse_of(run, "evaluate", "photos", *FAKE, "--out", "out")
    assert {".html", ".json"} <= refuse_folder(tmp_path / "out")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case with a search, people, a denial, and one verdict."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    monkeypatch.chdir(tmp_path)
    return fixed_case(tmp_path / "case")


def test_requirement_14_no_output_of_a_case_before_or_after_two_verdicts(
    run: Any, case: Path, tmp_path: Path
) -> None:
    give = ("verdict", "give", "--case", case, "--candidate", "1", "--notes", "ears alike", "--conclusion")
    refuse_of(run, *give, "strong-same", "--operator", "A. Smith")
    people = ("--set", "people.threshold=0.8")
    refuse_of_case(run, case, tmp_path / "stills-1", people=people)
    refuse_of(run, *give, "weak-same", "--operator", "B. Jones")
    assert run(*give, "inc", "--operator", "B. Jones").exit_code == 8  # a denial, for the log
    refuse_of_case(run, case, tmp_path / "stills-2", people=people)
    told = refuse_of(run, "verdict", "show", "--case", case, "--candidate", "1", "--operator", "B. Jones")
    assert "two agreeing verdicts: weak support for one person rather than two" in told
    for words in ("hold --on", "hold --off", "extend --until 2999-12-31"):
        refuse_of(run, "case", *words.split(), "--case", case, "--reason", "trial")
    refuse_of(run, "case", "list", tmp_path)
    refuse_of(run, "case", "purge", "--case", case, "--yes", "--certificate", tmp_path / "proof.json")
    refuse_of(run, "case", "certificate", tmp_path / "proof.json")
    assert refuse_folder(tmp_path / "audit") >= {".json", ".jsonl"}
