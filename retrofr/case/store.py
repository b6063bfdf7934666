"""A case: made, opened, closed. What it holds is written and read by the other files of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from retrofr.case import schema
from retrofr.case._sqlite import Database
from retrofr.case.keys import KeyStore, StoredKey, new_key
from retrofr.case.lock import WriterLock
from retrofr.case.places import Label, Places, new_label, read_label, write_label
from retrofr.case.retention import RETAIN_UNTIL, check_new_date, refuse_past_due
from retrofr.case.unlocking import unlock
from retrofr.errors import CaseError, OutputError


class Case:
    """An open case; a context manager. When the last process closes it, one file is left beside its label.

    Args:
        path: the database.
        id, name, created: from the case itself.
        read_only: on a medium that cannot be written to; whatever writes is refused.
        writer: whether this holds the writers' lock.
    """

    def __init__(self, places: Places, database: Database, lock: WriterLock | None) -> None:
        self._database, self._lock = database, lock
        self.path = places.database
        self.read_only = database.immutable
        self.writer = lock is not None
        meta = dict(database.fetch_all("SELECT name, value FROM meta"))
        self.id: str = meta["id"]
        self.name: str = meta["name"]
        self.created = datetime.fromisoformat(meta["created"])

    def __enter__(self) -> Case:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let go of the lock; a second time nothing happens."""
        try:
            self._database.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def transaction(self) -> AbstractContextManager[None]:
        """All that is done inside is committed at its end, or none of it; nested use joins the outer one.

        Raises:
            CaseError: the medium is read-only.
            CaseBusyError: another process kept writing for too long.
            OutputError: the disk is full; nothing that was committed is lost.
        """
        self.require_writable()
        return self._database.transaction()

    def require_writable(self) -> None:
        """Raise a CaseError where the medium is read-only."""
        if self.read_only:
            raise CaseError(
                "lies on a medium or in a folder that cannot be written to",
                subject=str(self.path),
                hint="copy its folder to a place that can be",
            )

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run one statement at once; gives its rows as they are asked for."""
        return self._database.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of parameters, in one transaction."""
        self.require_writable()
        self._database.execute_many(sql, rows)

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self._database.fetch_all(sql, parameters)

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of one statement, None where there is none."""
        rows = self._database.fetch_all(sql, parameters)
        return rows[0] if rows else None

    def insert(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run one INSERT; gives the id of the new row."""
        self.require_writable()
        self._database.fetch_all(sql, parameters)
        return self._database.last_row


def now() -> str:
    """This moment as a case keeps moments: ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def create_case(
    path: str | Path,
    *,
    name: str | None = None,
    keys: KeyStore | None = None,
    retain_until: date | None = None,
) -> Case:
    """Make a case in a folder, which is made where it is missing, with a key of its own in the key store.

    Args:
        path: the folder.
        name: what people call the case; by default the folder's name.
        keys: by default the user's.
        retain_until: the last day (UTC) the case is kept; None records no date.

    Returns:
        The case, open for writing.

    Raises:
        CaseError: there is one already, or something else by that name.
        UsageError: ``retain_until`` has passed.
        OutputError: the folder or the key store cannot be written to.
    """
    if retain_until is not None:
        check_new_date(retain_until)
    keys = keys or KeyStore()
    places = Places.of_new(Path(path))
    label = replace(new_label(name or places.folder.name), retain_until=retain_until)
    try:
        places.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", subject=str(path)) from error
    key = new_key()
    # The key comes first: a case without a key would be lost, a key without a case is merely left over.
    keys.put(StoredKey(label.id, key, label.name, str(places.folder)))
    lock = WriterLock(places.lock, str(places.database))
    try:
        lock.acquire()
        database = Database(places.database, key, create=True)
        try:
            _fill(database, label)
            write_label(places.label, label, key)
            return Case(places, database, lock)
        except BaseException:
            database.close()
            raise
    except BaseException:
        lock.release()
        with contextlib.suppress(OSError):
            for leftover in (places.database, places.label, places.lock):
                leftover.unlink(missing_ok=True)
            keys.remove(label.id)
        raise


def _fill(database: Database, label: Label) -> None:
    with database.transaction():
        for statement in schema.statements():
            database.fetch_all(statement)
        meta = [("id", label.id), ("name", label.name), ("created", label.created.isoformat())]
        if label.retain_until is not None:
            meta.append((RETAIN_UNTIL, label.retain_until.isoformat()))
        database.execute_many("INSERT INTO meta VALUES (?, ?)", meta)
        database.fetch_all(f"PRAGMA user_version = {schema.VERSION}")


def open_case(
    path: str | Path,
    *,
    keys: KeyStore | None = None,
    write: bool = False,
    wait_seconds: float = 0.0,
    past_due: bool = False,
) -> Case:
    """Open a case.

    Args:
        path: its folder, or its database.
        keys: by default the user's.
        write: take the writers' lock, as indexing does. Without it searches and decisions can still be recorded.
        wait_seconds: how long to wait for the writers' lock.
        past_due: open it also after its retention date, to purge it, keep it longer, or say what it is.

    Raises:
        RefusedError: its retention date has passed, and not ``past_due``; the denial is in the audit log.
        CaseError: there is no case, no key for it, another key; it is damaged, or of a newer retrofr.
        CaseBusyError: another process holds the writers' lock.
    """
    places = Places.of(Path(path))
    label = read_label(places.label)
    lock = WriterLock(places.lock, str(places.database)) if write else None
    if lock is not None:
        lock.acquire(wait_seconds)
    try:
        database = unlock(places, label, keys or KeyStore())
        try:
            schema.bring_up_to_date(database, holds_lock=write, lock_path=places.lock)
            case = Case(places, database, lock)
            if not past_due:
                refuse_past_due(case)
            return case
        except BaseException:
            database.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
