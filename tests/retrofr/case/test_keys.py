"""Keys: kept where only their user reads them, carried under a passphrase."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from retrofr.case import wrapping
from retrofr.case.keys import KeyStore, StoredKey, new_key
from retrofr.case.wrapping import SCRYPT, export_key, import_key, unwrap_key, wrap_key
from retrofr.errors import CaseError, OutputError, UsageError

CASE = "0123456789abcdef" * 2
QUICK = {"n": 2**10, "r": 8, "p": 1}


@pytest.fixture
def key() -> StoredKey:
    return StoredKey(CASE, new_key(), "Op Häfen", "cases/harbour")


def test_a_key_is_kept_for_its_user_alone(keys: KeyStore, key: StoredKey) -> None:
    keys.put(key)
    assert keys.get(CASE) == key
    assert keys.case_ids() == [CASE]
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    (file,) = keys.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_others_can_read_is_refused(keys: KeyStore, key: StoredKey) -> None:
    keys.put(key)
    (file,) = keys.folder.iterdir()
    file.chmod(0o640)
    with pytest.raises(CaseError) as error:
        keys.get(CASE)
    assert error.value.reason == "others than its owner can read or change this key (permissions 640)"
    assert error.value.hint == f"if nobody has taken it: chmod 600 {file}"


def test_a_missing_key_is_none_and_a_key_can_be_forgotten(keys: KeyStore, key: StoredKey) -> None:
    assert (keys.get(CASE), keys.case_ids()) == (None, [])
    keys.put(key)
    keys.remove(CASE)
    keys.remove(CASE)
    assert keys.get(CASE) is None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"schema": "retrofr.key/1", "case": "other", "key": "00"}'])
def test_a_file_that_is_no_key_is_named(keys: KeyStore, key: StoredKey, data: bytes) -> None:
    keys.put(key)
    (file,) = keys.folder.iterdir()
    file.write_bytes(data)
    with pytest.raises(CaseError, match="is not a key file of retrofr"):
        keys.get(CASE)


@pytest.mark.usefixtures("permissions_hold")
def test_a_key_store_that_cannot_be_written_to(tmp_path: Path, key: StoredKey) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError) as error:
        KeyStore(tmp_path / "keys").put(key)
    assert error.value.reason == "the key store cannot be written to (Permission denied)"
    assert error.value.hint == "name another folder with the variable RETROFR_KEYS"


def test_a_key_shows_itself_nowhere(key: StoredKey) -> None:
    assert repr(key) == f"StoredKey({CASE})"


# ---- wrapped by a passphrase ---------------------------------------------------------------------------------


def test_a_wrapped_key_opens_with_its_passphrase(key: StoredKey) -> None:
    data = wrap_key(key, "correct horse")
    found = unwrap_key(data, "correct horse")
    assert (found.case_id, found.key, found.name) == (CASE, key.key, "Op Häfen")
    assert json.loads(data)["kdf"] == {"name": "scrypt", **SCRYPT}
    assert key.key not in data
    assert key.key.hex().encode() not in data


def test_a_passphrase_typed_on_another_system_is_the_same(key: StoredKey) -> None:
    data = wrap_key(key, "Ha\u0308fen im Winter", scrypt=QUICK)
    assert unwrap_key(data, "H\u00e4fen im Winter").key == key.key


def test_another_passphrase_is_refused(key: StoredKey) -> None:
    with pytest.raises(CaseError) as error:
        unwrap_key(wrap_key(key, "correct horse", scrypt=QUICK), "correct hors", subject="harbour.key")
    assert str(error.value) == "harbour.key: the passphrase does not open it, or it was altered\ntry again"
    assert error.value.exit_code == 5


@pytest.mark.parametrize("name", ["case", "name", "salt", "nonce", "wrapped_key"])
def test_an_altered_document_is_refused(key: StoredKey, name: str) -> None:
    fields = json.loads(wrap_key(key, "correct horse", scrypt=QUICK))
    first = fields[name][0]
    fields[name] = ("b" if first != "b" else "c") + fields[name][1:]
    with pytest.raises(CaseError):
        unwrap_key(json.dumps(fields).encode(), "correct horse")


def test_a_short_passphrase_is_refused(key: StoredKey) -> None:
    with pytest.raises(UsageError, match="shorter than 8 characters"):
        wrap_key(key, "short")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"schema": 1}', b'{"schema": "retrofr.case-key/1"}', b"\xff"])
def test_what_is_no_exported_key_is_refused(data: bytes) -> None:
    with pytest.raises(CaseError, match="is not a key that was exported"):
        unwrap_key(data, "correct horse")


def test_a_document_cannot_ask_for_all_memory(key: StoredKey) -> None:
    fields = json.loads(wrap_key(key, "correct horse", scrypt=QUICK))
    fields["kdf"]["n"] = 2**30
    with pytest.raises(CaseError, match="is not a key that was exported"):
        unwrap_key(json.dumps(fields).encode(), "correct horse")


def test_a_document_of_a_newer_retrofr_is_refused(key: StoredKey) -> None:
    fields = json.loads(wrap_key(key, "correct horse", scrypt=QUICK)) | {"schema": "retrofr.case-key/7"}
    with pytest.raises(CaseError) as error:
        unwrap_key(json.dumps(fields).encode(), "correct horse")
    assert "was written by a newer retrofr (schema retrofr.case-key/7" in str(error.value)
    assert error.value.hint == "update retrofr"


def test_a_key_goes_from_store_to_store(
    tmp_path: Path, keys: KeyStore, key: StoredKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapping, "SCRYPT", QUICK)
    keys.put(key)
    data = export_key(keys, CASE, "correct horse")
    elsewhere = KeyStore(tmp_path / "other")
    import_key(elsewhere, data, "correct horse")
    found = elsewhere.get(CASE)
    assert found is not None
    assert found.key == key.key
    elsewhere.put(StoredKey(CASE, new_key()))
    with pytest.raises(CaseError, match=f"holds another key of the case {CASE} already"):
        import_key(elsewhere, data, "correct horse")
    with pytest.raises(CaseError, match="no key of this case is in the key store"):
        export_key(keys, "f" * 32, "correct horse")
