"""Who acts, and the key that signs for them."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from retrofr.errors import CaseError, OutputError, UsageError
from retrofr.oversight import operators
from retrofr.oversight.operators import (
    Operator,
    OperatorKey,
    current_operator,
    declare,
    known_keys,
    operator_key,
    sign,
    verify,
)


def test_nobody_said_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "asmith")
    assert current_operator() == Operator("asmith", stated=False)
    assert current_operator().describe() == "not stated, system user asmith"


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert current_operator() == Operator("user 4711", stated=False)


def test_who_acts_is_said_by_option_then_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_OPERATOR", " B. Jones ")
    assert current_operator() == Operator("B. Jones")
    assert current_operator().describe() == "B. Jones"
    declare("A. Smith")
    try:
        assert current_operator() == Operator("A. Smith")
    finally:
        declare(None)
    assert current_operator() == Operator("B. Jones")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, "a\u202eb"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError) as error:
        declare(name)
    assert str(error.value) == "operator: expected a name of 1 to 100 printable characters"


def test_a_key_is_made_at_first_use_and_kept_for_its_user_alone(keys_folder: Path) -> None:
    assert known_keys() == {}
    made = operator_key(Operator("Ä. Smith/../x"))
    assert operator_key(Operator("Ä. Smith/../x")).public_key_hex == made.public_key_hex
    assert operator_key(Operator("B. Jones")).public_key_hex != made.public_key_hex
    assert set(known_keys()) == {"Ä. Smith/../x", "B. Jones"}
    folder = keys_folder / "operators"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.suffix for path in folder.iterdir() if path.name != ".lock"} == {".json"}


def test_a_key_shows_itself_nowhere(key: OperatorKey, keys_folder: Path) -> None:
    (file,) = (keys_folder / "operators").glob("*.json")
    assert json.loads(file.read_text())["private_key"] not in repr(key)
    assert repr(key) == f"OperatorKey(A. Smith, {key.public_key_hex[:8]})"


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_a_signature_is_of_these_bytes_and_no_others(data: bytes, other: bytes) -> None:
    signature = sign(data, Operator("A. Smith"))
    assert verify(data, signature)
    assert verify(other, signature) == (other == data)
    stranger = operator_key(Operator("B. Jones")).public_key_hex
    assert not verify(data, dataclasses.replace(signature, public_key_hex=stranger))


@pytest.mark.parametrize("text", ["", "zz", "00", "00" * 32, "00" * 64])
def test_nonsense_is_no_signature(key: OperatorKey, text: str) -> None:
    signature = key.sign(b"x")
    assert not verify(b"x", dataclasses.replace(signature, signature_hex=text))
    assert not verify(b"x", dataclasses.replace(signature, public_key_hex=text))


def test_a_key_that_others_can_read_is_refused(key: OperatorKey, keys_folder: Path) -> None:
    (file,) = (keys_folder / "operators").glob("*.json")
    file.chmod(0o644)
    with pytest.raises(CaseError) as error:
        operator_key(Operator("A. Smith"))
    assert error.value.reason == "others than its owner can read or change this key (permissions 644)"
    assert error.value.hint == f"if nobody has taken it: chmod 600 {file}"


@pytest.mark.parametrize("data", ["", "{}", '{"schema": "retrofr.operator-key/1", "operator": "B"}', "[]"])
def test_a_file_that_is_no_key_is_named(key: OperatorKey, keys_folder: Path, data: str) -> None:
    (file,) = (keys_folder / "operators").glob("*.json")
    file.write_text(data)
    with pytest.raises(CaseError, match="is not the key file of an operator"):
        operator_key(Operator("A. Smith"))


@pytest.mark.usefixtures("permissions_hold")
def test_a_key_store_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "locked" / "keys"))
    with pytest.raises(OutputError) as error:
        operator_key(Operator("A. Smith"))
    assert error.value.reason == "the key of the operator cannot be kept (Permission denied)"


def test_a_key_that_another_process_made_meanwhile_stays(
    key: OperatorKey, keys_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = operators._path("A. Smith")
    operators._make(Operator("A. Smith"), path)
    assert operator_key(Operator("A. Smith")).public_key_hex == key.public_key_hex
