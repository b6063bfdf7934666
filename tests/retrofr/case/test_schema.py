"""A case of version 1 becomes one of version 2, with all that was in it and the tables of oversight."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrofr.case import Case, KeyStore, open_case, schema, tracklet_count
from retrofr.case._sqlite import Database
from retrofr.case.audit import acting
from retrofr.case.audit_log import entries
from retrofr.errors import CaseBusyError, CaseError

OVERSIGHT = ("audit", "audit_heads", "authorities", "probe_register", "verdicts")


@pytest.fixture
def version_1(filled: Path, keys: KeyStore) -> Path:
    """A case with ten tracklets as version 1 left it."""
    (case_id,) = keys.case_ids()
    key = keys.get(case_id)
    assert key is not None
    database = Database(filled / "case.db", key.key)
    for table in reversed(OVERSIGHT):
        database.fetch_all(f"DROP TABLE {table}")
    database.fetch_all("PRAGMA user_version = 1")
    database.close()
    return filled


def shape(case: Case) -> list[tuple[str, str | None]]:
    return sorted(case.fetch_all("SELECT name, sql FROM sqlite_schema"))


def test_version_1_is_what_its_statements_made(version_1: Path, keys: KeyStore, tmp_path: Path) -> None:
    database = Database(tmp_path / "first.db", bytes(32), create=True)
    for statement in schema.statements(schema.TABLES):
        database.fetch_all(statement)
    first = sorted(database.fetch_all("SELECT name, sql FROM sqlite_schema"))
    database.close()
    key = keys.get(keys.case_ids()[0])
    assert key is not None
    left = Database(version_1 / "case.db", key.key)
    assert sorted(left.fetch_all("SELECT name, sql FROM sqlite_schema")) == first
    left.close()


def test_what_was_in_it_stays(version_1: Path, case_of_today: Case) -> None:
    with open_case(version_1) as case:
        assert tracklet_count(case, "a" * 64) == 10
        assert case.fetch_all("PRAGMA user_version") == [(2,)]
        assert case.fetch_all("PRAGMA foreign_key_check") == []
        assert shape(case) == shape(case_of_today)
        assert entries(case) == []
        with acting(case, "view"):
            pass
        assert [entry["seq"] for entry in entries(case)] == [1]


@pytest.fixture
def case_of_today(tmp_path: Path, keys: KeyStore) -> Case:
    from retrofr.case import create_case

    return create_case(tmp_path / "today")


def test_it_waits_for_no_one_who_writes(version_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrofr.case.lock import WriterLock

    writer = WriterLock(version_1 / "case.lock", "x")
    writer.acquire()
    with pytest.raises(CaseBusyError):
        open_case(version_1)
    writer.release()
    open_case(version_1).close()


@pytest.mark.usefixtures("permissions_hold")
def test_on_a_medium_that_cannot_be_written_to(version_1: Path) -> None:
    for path in version_1.iterdir():
        path.chmod(0o400)
    version_1.chmod(0o500)
    try:
        with pytest.raises(CaseError) as error:
            open_case(version_1)
        assert error.value.reason == (
            "is of an older retrofr (schema 1) and must be brought to schema 2, and it cannot be written to"
        )
        assert error.value.hint == "copy its folder to a place that can be written to"
    finally:
        version_1.chmod(0o700)


@pytest.mark.parametrize("sealed", [2, -1])
def test_a_verdict_is_sealed_or_not(case_of_today: Case, sealed: int) -> None:
    case_of_today.execute("PRAGMA foreign_keys = OFF")
    with pytest.raises(Exception, match="CHECK"):
        case_of_today.insert("INSERT INTO verdicts VALUES (1, 1, 1, x'00', ?)", (sealed,))
