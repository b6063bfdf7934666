"""``retrofr models``: states, exit codes, and what to do about a wrong file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from retrofr import weights
from retrofr.weights import WeightsFile

GOOD = b"good weights"
DIGEST = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture(autouse=True)
def two_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """``here`` is in the model folder, ``optional`` could be downloaded."""
    monkeypatch.setenv(weights.MODELS_FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "here.bin").write_bytes(GOOD)
    common = {"licence": "MIT", "source": "Somebody, 2020", "training_data": "some faces"}
    files = [
        WeightsFile("here", "here.bin", DIGEST, len(GOOD), **common, package="nobody", package_path="x"),
        WeightsFile("optional", "opt.bin", "1" * 64, None, **common, url="https://example.org/opt.bin"),
    ]
    monkeypatch.setattr(weights, "known_weights", lambda: files)
    return tmp_path


def test_list(run: Any, two_files: Path) -> None:
    result = run("models", "list")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "here, 12 B  present\n"
        "  source         Somebody, 2020\n"
        "  licence        MIT\n"
        "  training data  some faces\n"
        f"  sha256         {DIGEST}\n"
        f"  path           {two_files}/here.bin\n"
        "\n"
        "optional  absent\n"
        "  source         Somebody, 2020\n"
        "  licence        MIT\n"
        "  training data  some faces\n"
        f"  sha256         {'1' * 64}\n"
        "  get it         retrofr models pull optional\n"
        "\n"
    )


def test_list_as_json(run: Any, two_files: Path) -> None:
    document = json.loads(run("models", "list", "--format", "json").stdout)
    assert document["schema"] == "retrofr.models/1"
    assert [(w["name"], w["state"], w["sha256"]) for w in document["weights"]] == [
        ("here", "present", DIGEST),
        ("optional", "absent", "1" * 64),
    ]


def test_what_was_never_downloaded_is_no_error(run: Any) -> None:
    result = run("models", "verify")
    assert (result.exit_code, result.stderr) == (0, "")


def test_what_is_named_must_be_there(run: Any) -> None:
    result = run("models", "verify", "optional")
    assert result.exit_code == 6
    assert result.stderr == (
        "error: weights that cannot be used: optional (absent)\n"
        "       `retrofr models pull optional` downloads optional\n"
    )


def test_a_wrong_file_is_found(run: Any, two_files: Path) -> None:
    (two_files / "here.bin").write_bytes(b"good weightz")
    result = run("models", "verify")
    assert result.exit_code == 6
    assert result.stdout.startswith("here, 12 B  wrong digest\n")
    assert result.stderr == (
        "error: weights that cannot be used: here (wrong digest)\n"
        "       install the Python package that brings here (nobody) again\n"
    )


@pytest.mark.parametrize("command", ["verify", "pull"])
def test_an_unknown_name(run: Any, command: str) -> None:
    result = run("models", command, "there")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: no weights are called 'there'\n       there are: here, optional\n"


def test_pull_takes_each_once_and_shows_the_state(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrofr import download

    pulled = []
    monkeypatch.setattr(download, "pull", lambda file, listener: pulled.append(file.name))
    result = run("models", "pull", "optional", "here", "optional")
    assert (result.exit_code, pulled) == (0, ["optional", "here"])
    assert result.stdout.startswith("optional  absent\n")


def test_weights_that_cannot_be_downloaded(run: Any, two_files: Path) -> None:
    (two_files / "here.bin").unlink()
    result = run("models", "pull", "here")
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == "error: here: is not downloaded: it comes with the Python package nobody\n"
