"""``retrofr doctor``: the verdict follows from the findings, and each problem comes with advice."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrofr import registry
from retrofr.errors import ModelError
from retrofr_cli import diagnosis
from retrofr_cli.diagnosis import Finding, Level

OK = Finding("versions", "retrofr", Level.OK, "0.1.0")
NOTE = Finding("devices", "cuda", Level.NOTE, "no GPU", "searches run on the CPU")
PROBLEM = Finding("parts", "detector yunet", Level.PROBLEM, "is broken", "mend it")


def finds(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    monkeypatch.setattr(diagnosis, "diagnose", lambda: iter(findings))


def test_a_machine_that_can_search(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, OK, NOTE)
    result = run("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "\n"
        "versions\n"
        "ok       retrofr                     0.1.0\n"
        "\n"
        "devices\n"
        "note     cuda                        no GPU\n"
        "                                     → searches run on the CPU\n"
        "\n"
        "A plain search can run on this machine. (1 note above.)\n"
    )


def test_a_machine_that_cannot(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, OK, PROBLEM)
    result = run("doctor")
    assert result.exit_code == 6
    assert result.stdout.endswith("\n1 problem: a plain search cannot run on this machine.\n")


def test_json(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, OK, PROBLEM)
    result = run("doctor", "--format", "json")
    assert result.exit_code == 6
    document = json.loads(result.stdout)
    assert (document["schema"], document["can_search"]) == ("retrofr.doctor/1", False)
    assert document["findings"][1] == {
        "area": "parts",
        "name": "detector yunet",
        "level": "problem",
        "detail": "is broken",
        "advice": "mend it",
    }


def part_that(monkeypatch: pytest.MonkeyPatch, build: Any) -> None:
    part = SimpleNamespace(SETTINGS=lambda: None, build=build)
    monkeypatch.setattr(registry, "load", lambda kind, name: part)


def refuse(*_: object) -> None:
    raise ModelError("weights are missing", hint="get them")


def crash(*_: object) -> None:
    raise OSError("libfoo.so: cannot open")


@pytest.mark.parametrize(("needed", "level"), [(True, Level.PROBLEM), (False, Level.NOTE)])
def test_a_part_that_does_not_load(monkeypatch: pytest.MonkeyPatch, needed: bool, level: Level) -> None:
    part_that(monkeypatch, refuse)
    found = diagnosis._part("detectors", "detector", "x", needed=needed)
    assert found == Finding("parts", "detector x", level, "weights are missing", "get them")
    part_that(monkeypatch, crash)
    found = diagnosis._part("detectors", "detector", "x", needed=needed)
    assert (found.level, found.detail) == (level, "OSError: libfoo.so: cannot open")


def test_a_default_part_that_is_not_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_own_files", lambda kind: [])
    findings = {finding.name: finding for finding in diagnosis._parts()}
    assert findings["detector yunet"].level is Level.PROBLEM
    assert findings["detector yunet"].detail == "no detector is called 'yunet'"
    assert {"embedder sface", "embedder dlib-resnet"} <= set(findings)


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(diagnosis.metadata, "version", absent)
    found = diagnosis._library("versions", "av", "av")
    assert (found.level, found.detail, found.advice) == (
        Level.PROBLEM,
        "is not installed",
        "install retrofr again with everything it needs",
    )


def test_the_codecs_of_recorders_are_decodable() -> None:
    found = {finding.name: finding.level for finding in diagnosis._codecs()}
    assert {"h264", "hevc", "mjpeg", "mpeg4", "av1", "vp9", "mpeg2"} <= set(found)
    assert set(found.values()) == {Level.OK}


def test_little_space_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5_000_000))
    here = next(finding for finding in diagnosis._space() if finding.name == "current folder")
    assert here.level is Level.NOTE
    assert here.detail == f"5.0 MB free at {tmp_path}"
    assert here.advice == "free some space before writing results there"


@pytest.fixture
def real() -> list[Finding]:
    return list(diagnosis.diagnose())


@pytest.mark.slow
def test_this_machine(real: list[Finding]) -> None:
    assert [finding for finding in real if finding.level is Level.PROBLEM] == []
    assert all(finding.advice for finding in real if finding.level is Level.NOTE)
    assert {finding.area for finding in real} == {
        "versions",
        "devices",
        "codecs",
        "parts",
        "weights",
        "space",
    }
