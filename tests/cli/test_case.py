"""``retrofr case``: what it prints, what it refuses, and that it asks nothing in the normal case."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import fakes
from retrofr.case import (
    case_coverage,
    commit_slice,
    create_case,
    finish_stream,
    open_case,
    open_stream,
    put_exhibit,
    put_recipe,
    wrapping,
)
from retrofr.errors import RetrofrError
from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.recipe import Recipe
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr_cli import main
from retrofr_cli.case_options import case_option, opened_case, wait_option

Case = Callable[..., Result]
PASSPHRASE = "correct horse"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a key store of its own beside it."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    return tmp_path


@pytest.fixture
def case(run: Callable[..., Result], place: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """``case("show", "x")`` runs ``retrofr case show x``."""
    monkeypatch.setattr(wrapping, "SCRYPT", {"n": 2**10, "r": 8, "p": 1})  # quick
    if "case" not in main.COMMANDS:
        monkeypatch.setattr(main, "COMMANDS", (*main.COMMANDS, "case"))
    return lambda *arguments, **options: run("case", *arguments, **options)


def fill(folder: Path) -> None:
    """One exhibit that is finished, and one of which 5 s are indexed."""
    recipe = Recipe("a" * 64, "fake", "c" * 64, 3, {})
    with open_case(folder, write=True) as opened:
        put_recipe(opened, recipe)
        for number, name in enumerate(("cam1.mp4", "cam2.mp4")):
            exhibit = replace(fakes.exhibit(name), sha256=f"{number:02}" * 32)
            exhibit_id = put_exhibit(opened, exhibit, hash_check=None, notices=())
            stream = open_stream(opened, exhibit_id, recipe.key, 0, {})
            facts = CoverageFacts(frames=100, searched_seconds=fakes.frame_ref(5).seconds)
            facts.last_seconds = facts.searched_seconds
            item = IndexedTracklet(fakes.tracklet(0, 1), (b"jpeg", b"jpeg"))
            progress = StreamProgress(facts, FaceCounts(1), None)
            commit_slice(opened, stream.id, IndexedSlice(0, (item,), progress))
            if number == 0:
                (coverage,) = case_coverage(opened, recipe.key).streams
                finish_stream(opened, stream.id, replace(coverage, problems=()))


def test_create(case: Case, place: Path) -> None:
    result = case("create", "harbour", "--name", "Op Häfen")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"created the case Op Häfen: {place}/here/harbour/case.db\n"
        f"its key is in {place}/keys; without it nobody can read the case\n"
        "a copy of the key: retrofr case key export --case harbour --out FILE\n"
    )
    again = case("create", "harbour")
    assert (again.exit_code, again.stdout) == (5, "")
    assert again.stderr.startswith(
        f"error: {place}/here/harbour/case.db: a case, or a part of one, is there already\n"
    )


def without_moments(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?\+00:00", "WHEN", text)


def test_show_of_an_empty_case(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    result = case("show", "harbour")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("\n\nNothing is indexed yet: retrofr index FOOTAGE... --case DIR\n")


def test_show(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    fill(Path("harbour"))
    size = Path("harbour/case.db").stat().st_size
    result = case("show", "--case", "harbour")
    assert (result.exit_code, result.stderr) == (0, "")
    assert without_moments(result.stdout) == (
        "harbour\n"
        "  file       harbour/case.db\n"
        f"  size       {size / 1e6:.1f} MB\n"
        "  id         ID\n"
        "  created    WHEN\n"
        "  retention  no date recorded\n"
        "  exhibits   2, 2.0 kB\n"
        "  tracklets  2, with 4 templates\n"
        "  pictures   4 faces, 16 B\n"
        "  searches   0, with 0 probe pictures\n"
        "  people     0\n"
        "\n"
        "Searchable with\n"
        "  fake\n"
        "    footage    1 exhibit and 1 unfinished, 0:00:10.000 searched\n"
        "    faces      2 tracklets, 4 templates of 3 dimensions\n"
        "    gaps       not all of the footage could be searched; every search says what\n"
        "    recipe     aaaaaaaaaaaa\n"
        "\n"
        "Not indexed to the end (`retrofr index` goes on)\n"
        "  cam2.mp4: stream 0 is indexed to 0:00:05.000\n"
    )


def test_show_as_json(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    fill(Path("harbour"))
    document = json.loads(case("show", "harbour", "--format", "json").stdout)
    assert document["schema"] == "retrofr.case_facts/1"
    assert (document["tracklets"], document["templates"], document["face_pictures"]) == (2, 4, 4)
    assert [e["unfinished"] for e in document["exhibits"]] == [[], ["stream 0 is indexed to 0:00:05.000"]]
    (recipe,) = document["recipes"]
    assert (recipe["comparison"], recipe["searched_seconds"], recipe["has_gaps"]) == ("fake", 10.0, True)


@pytest.mark.parametrize("arguments", [(), ("x", "--case", "x")], ids=["none", "two"])
def test_requirement_06_show_wants_one_case(case: Case, arguments: tuple[str, ...]) -> None:
    result = case("show", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: name one case, as DIR or with --case DIR\n       `retrofr case list` says which there are\n"
    )


def test_there_is_no_case(case: Case) -> None:
    result = case("show", "nowhere")
    assert result.exit_code == 5
    assert (
        result.stderr
        == "error: nowhere: there is no such case\n       `retrofr case create nowhere` makes one\n"
    )


def test_list(case: Case, place: Path) -> None:
    assert case("list").stdout == "No case is here, and no key of one: retrofr case create DIR makes one.\n"
    for name in ("one", "two"):
        create_case(Path(name)).close()
    size = f"{Path('one/case.db').stat().st_size / 1e6:.1f} MB"
    told = (
        f"{{name}}, {size}\n  folder     {{name}}\n  id         ID\n  created    WHEN\n"
        "  key        in the key store\n"
    )
    result = case("list")
    assert without_moments(result.stdout) == told.format(name="one") + told.format(name="two")
    document = json.loads(case("list", "one", "--format", "json").stdout)
    assert document["schema"] == "retrofr.case_list/1"
    assert [(c["name"], c["here"], c["has_key"], c["problem"]) for c in document["cases"]] == [
        ("one", True, True, None),
        ("two", True, True, None),
    ]


def test_a_case_without_its_key_is_listed_as_such(case: Case, place: Path) -> None:
    create_case(Path("one")).close()
    for path in (place / "keys").iterdir():
        path.unlink()
    assert "  key        not in the key store: retrofr case key import FILE\n" in case("list").stdout


def test_verify(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    pages = Path("harbour/case.db").stat().st_size // 32768
    result = case("verify", "--case", "harbour")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"harbour/case.db: whole ({pages} pages, ")
    data = bytearray(Path("harbour/case.db").read_bytes())
    data[-5000] ^= 1
    Path("harbour/case.db").write_bytes(data)
    broken = case("verify", "--case", "harbour")
    assert (broken.exit_code, broken.stdout) == (5, "")
    assert broken.stderr.startswith(
        "error: harbour/case.db: is damaged: bytes of it were altered or are missing"
    )


# ---- keys ------------------------------------------------------------------------------------------------------


def test_a_key_goes_elsewhere_and_comes_back(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    out = place / "harbour.key"
    result = case(
        "key", "export", "--case", "harbour", "--out", out, "--passphrase-file", place / "passphrase"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"wrote the key of the case harbour, wrapped by the passphrase: {out}\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text())["schema"] == "retrofr.case-key/1"
    for path in (place / "keys").iterdir():
        path.unlink()
    assert case("show", "harbour").exit_code == 5
    result = case("key", "import", out, "--passphrase-file", place / "passphrase")
    assert (result.exit_code, result.stdout) == (0, f"the key of the case harbour is in {place}/keys\n")
    assert case("show", "harbour").exit_code == 0
    (place / "passphrase").write_text("another one\n")
    result = case("key", "import", out, "--passphrase-file", place / "passphrase")
    assert result.exit_code == 5
    assert result.stderr == (
        f"error: {out}: the passphrase does not open it, or it was altered\n       try again\n"
    )


def test_nothing_is_written_over_by_an_export(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    out = place / "harbour.key"
    out.write_text("mine")
    result = case(
        "key", "export", "--case", "harbour", "--out", out, "--passphrase-file", place / "passphrase"
    )
    assert (result.exit_code, out.read_text()) == (7, "mine")
    assert result.stderr == f"error: {out}: is there already\n       name another file with --out\n"


def test_no_passphrase_and_no_terminal(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    result = case("key", "export", "--case", "harbour", "--out", "x.key")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: no passphrase: this is no terminal\n       name a file with --passphrase-file FILE\n"
    )


def test_on_a_terminal_the_passphrase_is_asked_for_twice(
    case: Case, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **options: Any) -> str:
        asked.append({"text": text, **options})
        return PASSPHRASE

    from retrofr_cli.commands import case as module

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(module, "_at_a_terminal", lambda: True)
    create_case(Path("harbour")).close()
    assert case("key", "export", "--case", "harbour", "--out", "x.key").exit_code == 0
    assert case("key", "import", "x.key").exit_code == 0
    asked_twice, asked_once = asked
    common = {"text": "Passphrase", "hide_input": True, "err": True}
    assert asked_twice == common | {"confirmation_prompt": True}
    assert asked_once == common | {"confirmation_prompt": False}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "its first line is empty"), (b"short\n", "passphrase: ")]
)
def test_a_passphrase_that_cannot_be_used(case: Case, place: Path, content: bytes, reason: str) -> None:
    create_case(Path("harbour")).close()
    (place / "passphrase").write_bytes(content)
    result = case(
        "key", "export", "--case", "harbour", "--out", "x.key", "--passphrase-file", place / "passphrase"
    )
    assert (result.exit_code, Path("x.key").exists()) == (2, False)
    assert reason in result.stderr


# ---- options that other commands share ---------------------------------------------------------------------------


def test_a_case_is_opened_without_a_question(place: Path) -> None:
    @click.command()
    @case_option(required=True)
    @wait_option
    def touch(case_path: Path, wait_seconds: float) -> None:
        with opened_case(case_path, write=True, wait=wait_seconds) as opened:
            click.echo(f"{opened.name} {wait_seconds}")

    create_case(Path("harbour")).close()
    result = CliRunner().invoke(touch, ["--case", "harbour", "--wait", "2"])
    assert (result.exit_code, result.output) == (0, "harbour 2.0\n")
    result = CliRunner().invoke(touch, ["--case", "nowhere"])
    assert isinstance(result.exception, RetrofrError)
