"""A case is made, opened and closed; whatever is wrong with it is said, with the right exit code."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from retrofr.case import Case, KeyStore, create_case, open_case, schema, tracklet_count
from retrofr.case._sqlite import Database
from retrofr.case.keys import StoredKey, new_key
from retrofr.errors import CaseError, OutputError


def test_a_new_case(folder: Path, keys: KeyStore) -> None:
    with create_case(folder, name="Op Häfen") as case:
        assert (case.name, case.path, case.read_only, case.writer) == (
            "Op Häfen",
            folder / "case.db",
            False,
            True,
        )
        made = case.created
    assert sorted(path.name for path in folder.iterdir()) == ["case.db", "case.json", "case.lock"]
    with open_case(folder) as again:
        assert (again.id, again.name, again.created) == (case.id, "Op Häfen", made)
    with open_case(folder / "case.db") as by_file:
        assert by_file.id == case.id
    assert keys.case_ids() == [case.id]


def test_the_label_holds_nothing_but_what_the_key_is_found_by(folder: Path, keys: KeyStore) -> None:
    with create_case(folder) as case:
        pass
    label = json.loads((folder / "case.json").read_text())
    assert label.pop("key_check")
    assert label == {
        "schema": "retrofr.case/1",
        "id": case.id,
        "name": "harbour",
        "created": case.created.isoformat(),
    }


def test_the_key_check_does_not_hold_the_key(folder: Path, keys: KeyStore) -> None:
    with create_case(folder) as case:
        pass
    key = keys.get(case.id)
    assert key is not None
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert key.key not in everything
    assert key.key.hex().encode() not in everything


def test_without_its_label_every_key_is_tried(folder: Path, keys: KeyStore, tmp_path: Path) -> None:
    for name in ("one", "two"):
        create_case(tmp_path / name).close()
    with create_case(folder) as case:
        pass
    copied = tmp_path / "copied.db"
    shutil.copy(folder / "case.db", copied)
    with open_case(copied) as again:
        assert again.id == case.id
    keys.remove(case.id)
    with pytest.raises(CaseError) as error:
        open_case(copied)
    assert error.value.reason == (
        "no key of the key store opens it (its label copied.json is missing, so each was tried), "
        "or it is damaged or not a case"
    )


# ---- what is no case -----------------------------------------------------------------------------------------


def fails(path: Path, **options: object) -> tuple[str, str | None]:
    with pytest.raises(CaseError) as error:
        open_case(path, **options)  # type: ignore[arg-type]
    assert error.value.exit_code == 5
    assert error.value.subject is not None
    return error.value.reason, error.value.hint


def test_there_is_no_case(tmp_path: Path, keys: KeyStore) -> None:
    make = f"`retrofr case create {tmp_path / 'x'}` makes one"
    assert fails(tmp_path / "x") == ("there is no such case", make)
    (tmp_path / "x").mkdir()
    assert fails(tmp_path / "x") == ("no case is in this folder", make)


def test_a_plain_database_is_no_case(tmp_path: Path, keys: KeyStore) -> None:
    with sqlite3.connect(tmp_path / "case.db") as plain:
        plain.execute("CREATE TABLE t (a)")
    assert fails(tmp_path)[0] == "is a database without encryption, so it is not a case of retrofr"


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_small_file_is_no_case(tmp_path: Path, keys: KeyStore, size: int) -> None:
    (tmp_path / "case.db").write_bytes(os.urandom(size))
    assert fails(tmp_path)[0] == f"is not a case, or what is left of one: it has {size:,} bytes"


def test_noise_is_no_case(tmp_path: Path, keys: KeyStore) -> None:
    create_case(tmp_path / "real").close()  # a key to try
    (tmp_path / "case.db").write_bytes(os.urandom(65536))
    assert "or it is damaged or not a case" in fails(tmp_path)[0]


def test_a_label_that_is_none(folder: Path, keys: KeyStore) -> None:
    create_case(folder).close()
    (folder / "case.json").write_text("{}")
    assert fails(folder) == (
        "is not the label of a case",
        "take it away if it does not belong to the case: then every key of the key store is tried",
    )
    label = {"schema": "retrofr.case/9", "id": "a" * 32, "name": "x", "created": "2030-01-01T00:00:00+00:00"}
    (folder / "case.json").write_text(json.dumps(label))
    assert fails(folder) == (
        "was written by a newer retrofr (schema retrofr.case/9, this one knows retrofr.case/1)",
        "update retrofr",
    )


# ---- keys ----------------------------------------------------------------------------------------------------


def test_a_missing_key(folder: Path, keys: KeyStore) -> None:
    with create_case(folder) as case:
        pass
    keys.remove(case.id)
    assert fails(folder) == (
        f"its key is not in the key store ({keys.folder})",
        "`retrofr case key import FILE` brings in a key that was exported",
    )


def test_requirement_06_a_wrong_key(folder: Path, keys: KeyStore) -> None:
    with create_case(folder) as case:
        pass
    keys.put(StoredKey(case.id, new_key()))
    assert fails(folder)[0] == f"the key that the key store ({keys.folder}) holds for it is another one"
    label = json.loads((folder / "case.json").read_text())
    del label["key_check"]  # the database itself refuses the key as well
    (folder / "case.json").write_text(json.dumps(label))
    assert fails(folder)[0] == "cannot be opened with the key of this case, or is damaged"


def test_requirement_27_the_file_is_noise_without_its_key(folder: Path, keys: KeyStore) -> None:
    create_case(folder).close()
    data = (folder / "case.db").read_bytes()
    assert b"SQLite" not in data
    assert b"CREATE TABLE" not in data
    counts = [data.count(bytes([value])) for value in range(256)]
    assert max(counts) < 1.2 * min(counts)  # each value about as often: a megabyte of noise


# ---- making ones ---------------------------------------------------------------------------------------------


def test_a_case_is_never_made_over_another(folder: Path, keys: KeyStore) -> None:
    create_case(folder).close()
    before = (folder / "case.db").read_bytes()
    with pytest.raises(CaseError) as error:
        create_case(folder)
    assert error.value.reason == "a case, or a part of one, is there already"
    assert (folder / "case.db").read_bytes() == before
    assert len(keys.case_ids()) == 1


def test_a_case_is_a_folder(tmp_path: Path, keys: KeyStore) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(CaseError, match="is a file, not a folder"):
        create_case(tmp_path / "x")


@pytest.mark.usefixtures("permissions_hold")
def test_what_cannot_be_made_leaves_nothing(tmp_path: Path, keys: KeyStore) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError) as error:
        create_case(locked / "case")
    assert error.value.reason == "cannot be made (Permission denied)"
    with pytest.raises(CaseError, match="cannot be written to"):
        create_case(locked)
    assert keys.case_ids() == []
    assert list(locked.iterdir()) == []


# ---- versions ------------------------------------------------------------------------------------------------


def database_of(folder: Path, keys: KeyStore) -> Database:
    (case_id,) = keys.case_ids()
    key = keys.get(case_id)
    assert key is not None
    return Database(folder / "case.db", key.key)


def test_a_newer_case_is_refused(folder: Path, keys: KeyStore) -> None:
    create_case(folder).close()
    database = database_of(folder, keys)
    database.fetch_all("PRAGMA user_version = 9")
    database.close()
    assert fails(folder) == ("was written by a newer retrofr (schema 9, this one knows 2)", "update retrofr")


def test_a_database_that_was_never_filled(folder: Path, keys: KeyStore) -> None:
    create_case(folder).close()
    database = database_of(folder, keys)
    database.fetch_all("PRAGMA user_version = 0")
    database.close()
    assert fails(folder)[0] == "holds no case: it was not created to its end"


@pytest.fixture
def two_versions_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """This retrofr is two versions newer than the cases; gives the steps that ran."""
    ran: list[int] = []

    def first(run: Callable[[str], object]) -> None:
        ran.append(1)
        run("CREATE TABLE opinions (id INTEGER PRIMARY KEY) STRICT")

    def second(run: Callable[[str], object]) -> None:
        ran.append(2)
        run("ALTER TABLE opinions ADD COLUMN words TEXT")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, first, second))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    return ran


def test_an_older_case_is_brought_up_to_date(
    folder: Path, keys: KeyStore, filled: Path, two_versions_on: list[int], filling: object
) -> None:
    with open_case(folder) as case:
        assert case.fetch_all("SELECT words FROM opinions") == []
        assert tracklet_count(case, "a" * 64) == 10
    with open_case(folder, write=True) as case:
        assert case.fetch_all("PRAGMA user_version") == [(4,)]
    assert two_versions_on == [1, 2]


def test_a_step_that_fails_changes_nothing(
    folder: Path, keys: KeyStore, two_versions_on: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("RETROFR_KEYS", str(keys.folder))
    create_case(folder).close()

    def breaks(run: Callable[[str], object]) -> None:
        run("CREATE TABLE opinions (id INTEGER PRIMARY KEY) STRICT")
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "VERSION", 3)
        patched.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, breaks))
        with pytest.raises(RuntimeError):
            open_case(folder)
    with open_case(folder) as case:
        assert case.fetch_all("SELECT name FROM sqlite_schema WHERE name = 'opinions'") == []


def test_each_version_has_its_step() -> None:
    assert len(schema.MIGRATIONS) == schema.VERSION - 1


# ---- transactions --------------------------------------------------------------------------------------------


def test_a_transaction_is_kept_whole_or_not_at_all(case: Case) -> None:
    with case.transaction(), case.transaction():
        case.execute("INSERT INTO meta VALUES ('a', '1')")

    def fails_half_way() -> None:
        with case.transaction():
            case.execute("INSERT INTO meta VALUES ('b', '1')")
            with case.transaction():
                case.execute("INSERT INTO meta VALUES ('c', '1')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_half_way()
    assert [row[0] for row in case.execute("SELECT name FROM meta ORDER BY name")] == [
        "a",
        "created",
        "id",
        "name",
    ]


def test_many_rows_are_kept_whole_or_not_at_all(case: Case) -> None:
    with pytest.raises(Exception, match="UNIQUE"):
        case.execute_many("INSERT INTO meta VALUES (?, '1')", [("x",), ("y",), ("x",)])
    assert case.fetch_one("SELECT 1 FROM meta WHERE name IN ('x', 'y')") is None


def test_closing_twice_is_harmless(folder: Path, keys: KeyStore) -> None:
    case = create_case(folder)
    case.close()
    case.close()
    open_case(folder, write=True).close()


# ---- read-only -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("permissions_hold")
def test_a_read_only_medium(filled: Path) -> None:
    for path in filled.iterdir():
        path.chmod(0o400)
    filled.chmod(0o500)
    before = sorted(filled.iterdir())
    try:
        with open_case(filled) as case:
            assert case.read_only
            assert tracklet_count(case, "a" * 64) == 10
            with pytest.raises(CaseError) as error, case.transaction():
                pass
            assert error.value.reason == "lies on a medium or in a folder that cannot be written to"
            assert error.value.hint == "copy its folder to a place that can be"
        assert sorted(filled.iterdir()) == before
        assert fails(filled, write=True)[0] == "cannot be written to (Permission denied)"
    finally:
        filled.chmod(0o700)


@pytest.mark.usefixtures("permissions_hold")
def test_a_read_only_medium_with_a_log_left(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with open_case(filled) as case:
        case.execute("INSERT INTO meta VALUES ('late', '1')")
        for name in ("case.db", "case.db-wal", "case.json"):
            shutil.copy(filled / name, copy / name)
    copy.chmod(0o500)
    try:
        assert fails(copy) == (
            "was not closed, or is open in another process, and its folder cannot be written to",
            "copy its folder to a place that can be written to",
        )
    finally:
        copy.chmod(0o700)
    with open_case(copy) as case:
        assert case.fetch_one("SELECT value FROM meta WHERE name = 'late'") == ("1",)


def test_the_schema_has_the_tables_that_are_promised(case: Case) -> None:
    tables = {row[0] for row in case.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables == {
        *("meta", "runs", "recipes", "exhibits", "streams", "slices", "tracklets", "tracklet_records"),
        *("templates", "face_pictures", "unsearched", "probe_images", "searches", "candidates"),
        *("people", "people_tracklets", "people_decisions", "people_state", "blobs", "blob_chunks"),
        *("audit", "audit_heads", "authorities", "probe_register", "verdicts"),
        "sqlite_sequence",
    }


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key: expected 32 bytes, got 5"):
        Database(tmp_path / "case.db", b"short", create=True)
    with pytest.raises(ValueError, match="key: expected 32 bytes, got 5"):
        dataclasses.replace(StoredKey("a" * 32, new_key()), key=b"short")
