"""``retrofr export --format``: where each format goes, what is refused, what is said, what the log keeps."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from fixed_results import fixed_case
from retrofr.case.audit_log import entries
from retrofr.case.store import open_case
from retrofr.errors import OutputError
from retrofr.exporting.formats import FORMATS, Format, names
from retrofr_cli.commands.export import ExportName

Export = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case that is made once; exports do not change what it holds but for its log."""
    return tmp_path_factory.mktemp("export-formats")


@pytest.fixture
def case(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROFR_KEYS", str(folder / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(folder / "audit"))
    path = folder / "case"
    return path if path.exists() else fixed_case(path)


@pytest.fixture
def export(run: Any, case: Path) -> Export:
    return lambda *arguments: run("export", "--case", case, *arguments)


OF_THE_CASE = [each for each in FORMATS if not (each.needs_footage or each.needs_case)]


@pytest.mark.parametrize("wanted", OF_THE_CASE, ids=lambda each: each.name)
def test_every_format_is_written_and_logged(
    export: Export, case: Path, tmp_path: Path, wanted: Format
) -> None:
    if wanted.package is not None:
        pytest.importorskip(wanted.package)
    out = tmp_path / ("files" if wanted.folder else f"t{wanted.suffix}")
    result = export("--format", wanted.name, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("4 appearances of search 1 of ")
    assert (f"not in {wanted.name}: " in result.stderr) is (
        bool(wanted.cannot) or wanted.name == "timesketch"
    )
    written = sorted(path for path in [out, *out.rglob("*")] if path.is_file())
    assert written
    assert {path.suffix for path in written} == {wanted.suffix}
    with open_case(case) as opened:
        details = list(entries(opened))[-1]["details"]
    assert details["format"] == wanted.name
    assert details["files"] == len(written)
    if not wanted.folder:
        assert details["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    else:
        listed = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(out)}\n" for p in written]
        assert details["sha256"] == hashlib.sha256("".join(listed).encode()).hexdigest()


def test_what_a_format_does_not_hold_is_said_on_one_line(export: Export, tmp_path: Path) -> None:
    lines = export("--format", "timesketch", "--out", tmp_path / "t.jsonl").stderr.splitlines()
    assert lines[-1] == (
        "not in timesketch: 1 of 4 appearances, without a wall clock; "
        "the time zone of 4 events, which stand as if their clocks showed UTC"
    )
    lines = export("--format", "srt", "--out", tmp_path / "s").stderr.splitlines()
    assert lines[-1] == (
        "not in srt: columns beside probe, person, camera, score, clock and times; "
        "times finer than a millisecond, which are rounded outwards"
    )


def test_files_lie_in_the_folders_of_their_exhibits(export: Export, tmp_path: Path) -> None:
    export("--format", "webvtt", "--out", tmp_path / "cues")
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.vtt")) == [
        "cues/cam1_20240114_225812.vtt",
        "cues/stairs/night – deck 3.vtt",
        "cues/yard.vtt",
    ]


def test_timesketch_takes_the_form_of_the_ending(export: Export, tmp_path: Path) -> None:
    export("--format", "timesketch", "--out", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().startswith("message,datetime,timestamp,timestamp_desc,")
    (first, *_) = export("--format", "timesketch").stdout.splitlines()
    assert json.loads(first)["timestamp_desc"] == "Appearance begins"
    refused = export("--format", "timesketch", "--out", tmp_path / "t.txt")
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"error: {tmp_path}/t.txt: Timesketch tells its formats by the ending\n       end it in .jsonl or .csv\n",
    )


def test_people_can_be_exported_in_every_form(export: Export, tmp_path: Path) -> None:
    result = export("--people", "--format", "srt", "--out", tmp_path / "s")
    assert result.exit_code == 0
    assert "Person 7: no probe compared, to be examined" in (tmp_path / "s" / "yard.srt").read_text()


def test_a_byte_order_mark(export: Export) -> None:
    assert export("--bom").stdout_bytes.startswith(b"\xef\xbb\xbfrank,")
    refused = export("--format", "jsonl", "--bom")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "error: --format jsonl: only CSV may begin with a byte-order mark\n       leave out --bom\n",
    )


def test_a_folder_needs_a_name(export: Export) -> None:
    refused = export("--format", "edl")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "error: --format edl: writes a folder of files\n       name a new one with --out\n",
    )


def test_nothing_in_a_folder_is_overwritten(export: Export, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = export("--format", "srt", "--out", tmp_path)
    assert (refused.exit_code, sorted(p.name for p in tmp_path.iterdir())) == (7, ["mine.txt"])
    assert refused.stderr == (
        f"error: {tmp_path}: is not empty, and nothing is overwritten\n"
        "       name another folder with --out\n"
    )
    on_file = export("--format", "srt", "--out", tmp_path / "mine.txt")
    assert (on_file.exit_code, on_file.stderr.splitlines()[0]) == (
        7,
        f"error: {tmp_path}/mine.txt: is not a folder",
    )


def test_an_empty_folder_is_filled(export: Export, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert export("--format", "srt", "--out", tmp_path / "empty").exit_code == 0
    assert list((tmp_path / "empty").rglob("*.srt"))


def test_an_export_that_fails_leaves_nothing(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("retrofr.exporting.srt")

    def fails(material: Any, options: Any, output: Any) -> Any:
        output.write("one.srt", b"1")
        raise OutputError("cannot go on")

    monkeypatch.setattr(module, "export", fails)
    result = export("--format", "srt", "--out", tmp_path / "s")
    assert (result.exit_code, list(tmp_path.iterdir())) == (7, [])


@pytest.mark.parametrize("wanted", [each for each in FORMATS if each.package], ids=lambda each: each.name)
def test_a_missing_extra_is_an_error_that_names_it(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Format
) -> None:
    monkeypatch.setitem(sys.modules, str(wanted.package), None)
    result = export("--format", wanted.name, "--out", tmp_path / "t")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: --format {wanted.name}: needs the package {wanted.package}")
    assert result.stderr.endswith(f"       `pip install 'retrofr[{wanted.extra}]'` installs it\n")
    assert list(tmp_path.iterdir()) == []


def test_the_help_lists_every_format(run: Any) -> None:
    text = run("export", "--help").stdout
    for wanted in FORMATS:
        assert f"    {wanted.name:<12}{wanted.summary}\n" in text


def test_the_shell_completes_formats() -> None:
    found = [item.value for item in ExportName().shell_complete(None, None, "")]  # type: ignore[arg-type]
    assert found == names()
    assert [item.value for item in ExportName().shell_complete(None, None, "ca")] == ["case-uco"]  # type: ignore[arg-type]
