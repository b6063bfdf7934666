"""Weights are used only when their bytes are the right ones."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from retrofr.errors import WeightsError
from retrofr.weights import (
    State,
    WeightsFile,
    check_weights,
    find_weights,
    known_weights,
    models_folder,
    read_weights,
    record_path,
)

CONTENT = b"some weights"
FILE = WeightsFile(
    name="some-weights",
    file_name="some.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size_bytes=len(CONTENT),
    licence="MIT",
    source="a test",
    training_data="none",
    url="https://example.org/some.bin",
)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path))
    return tmp_path


def test_the_models_folder_is_in_the_users_data_folder_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETROFR_MODELS", raising=False)
    assert models_folder().parts[-2:] == ("retrofr", "models")


def test_sound_weights_are_read(models: Path) -> None:
    (models / "some.bin").write_bytes(CONTENT)
    assert read_weights(FILE) == CONTENT
    found = check_weights(FILE)
    assert (found.state, found.path, found.recorded) == (State.PRESENT, models / "some.bin", False)


def test_absent_weights_say_how_to_get_them(models: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        read_weights(FILE)
    assert caught.value.exit_code == 6
    assert str(caught.value) == (
        "some-weights: these weights are not on this machine\n`retrofr models pull some-weights` downloads them"
    )
    assert check_weights(FILE).state is State.ABSENT


@pytest.mark.parametrize("content", [b"some weightS", b"some weights and more", b""])
def test_requirement_10_other_bytes_are_refused(models: Path, content: bytes) -> None:
    path = models / "some.bin"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(WeightsError) as caught:
        read_weights(FILE)
    assert str(caught.value) == (
        f"some-weights: {path} is not the file it should be (SHA-256 {digest}, expected {FILE.sha256}), "
        "so it is not used\n`retrofr models pull some-weights` downloads it again"
    )
    assert check_weights(FILE).state is State.WRONG_DIGEST


def test_weights_without_a_known_digest_need_a_recorded_one(models: Path) -> None:
    file = replace(FILE, sha256=None, size_bytes=None)
    (models / "some.bin").write_bytes(CONTENT)
    assert check_weights(file).state is State.UNRECORDED
    with pytest.raises(WeightsError, match="has no recorded digest to check it against"):
        read_weights(file)
    record_path(models / "some.bin").write_text(f"{FILE.sha256}  some.bin\n")
    assert read_weights(file) == CONTENT
    assert check_weights(file).recorded
    (models / "some.bin").write_bytes(b"altered")
    assert check_weights(file).state is State.WRONG_DIGEST
    with pytest.raises(WeightsError, match="is not the file it should be"):
        read_weights(file)


def test_a_record_that_holds_no_digest_is_an_error(models: Path) -> None:
    file = replace(FILE, sha256=None)
    (models / "some.bin").write_bytes(CONTENT)
    record_path(models / "some.bin").write_text("abc")
    with pytest.raises(WeightsError, match=r"some\.bin\.sha256 holds no SHA-256"):
        read_weights(file)
    assert check_weights(file).state is State.UNREADABLE


def test_a_package_is_searched_without_running_its_code(
    models: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("site")
    (folder / "carrier" / "models").mkdir(parents=True)
    (folder / "carrier" / "__init__.py").write_text("raise RuntimeError('the package was run')")
    (folder / "carrier" / "models" / "x.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(folder))
    file = replace(FILE, package="carrier", package_path="models/x.bin")
    assert find_weights(file) == folder / "carrier" / "models" / "x.bin"
    assert read_weights(file) == CONTENT
    assert "carrier" not in sys.modules


def test_a_missing_package_falls_back_to_the_models_folder(models: Path) -> None:
    file = replace(FILE, package="no_such_package", package_path="x.bin", url=None)
    with pytest.raises(WeightsError, match="they come with the Python package no_such_package"):
        read_weights(file)
    (models / "some.bin").write_bytes(CONTENT)
    assert read_weights(file) == CONTENT


def test_a_digest_must_look_like_one() -> None:
    with pytest.raises(ValueError, match="expected 64 hexadecimal digits"):
        replace(FILE, sha256="ABC")


def test_known_weights_are_named_once_and_say_everything() -> None:
    files = known_weights()
    names = [file.name for file in files]
    assert len(set(names)) == len(names)
    assert {"sface", "dlib-resnet", "facenet-vggface2", "facenet-casia-webface"} <= set(names)
    for file in files:
        assert file.licence, file.name
        assert file.source, file.name
        assert file.training_data, file.name
        assert file.package or file.url, file.name


def test_weights_that_come_with_the_installation_are_sound(models: Path) -> None:
    states = {file.name: check_weights(file).state for file in known_weights() if file.package}
    assert set(states.values()) == {State.PRESENT}, states
