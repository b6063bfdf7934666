"""The one file that knows apsw: an encrypted SQLite database, and its errors in retrofr's own words.

Cipher: ChaCha20-Poly1305 by SQLite3 Multiple Ciphers, which authenticates each page: altered bytes are noticed
when their page is read. The write-ahead log is encrypted alike; temporary tables stay in memory.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw

from retrofr.errors import CaseBusyError, CaseError, OutputError

PAGE_BYTES = 32768
"""Larger pages decrypt faster and leave less room unused: at 16 kB, templates of 10 kB waste 60 % (measured)."""
KEY_BYTES = 32
PLAIN_HEADER = b"SQLite format 3\0"
BUSY_SECONDS = 20.0
_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WrongKeyError(CaseError):
    """The first page cannot be read: the key is of another database, or that page is damaged."""


class Database:
    """One connection. Transactions nest; only the outermost one commits.

    Args:
        path: the file; ``create`` makes it.
        key: 32 bytes.
        immutable: for a medium that nobody can write to; no lock and no file beside it is needed.
    """

    def __init__(self, path: Path, key: bytes, *, create: bool = False, immutable: bool = False) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"key: expected {KEY_BYTES} bytes, got {len(key)}")
        self.path, self.immutable = path, immutable
        self._depth, self._opened = 0, False
        flags = apsw.SQLITE_OPEN_URI | (
            apsw.SQLITE_OPEN_READONLY if immutable else apsw.SQLITE_OPEN_READWRITE
        )
        if create:
            flags |= apsw.SQLITE_OPEN_CREATE
        uri = f"file:{quote(bytes(path.absolute()))}{'?immutable=1' if immutable else ''}"
        with self._mapped():
            self._connection = apsw.Connection(uri, flags)
        try:
            self._prepare(key, create)
        except BaseException:
            self._connection.close(force=True)
            raise

    def _prepare(self, key: bytes, create: bool) -> None:
        with self._mapped():
            self._connection.set_busy_timeout(round(BUSY_SECONDS * 1000))
            for pragma in ("cipher = 'chacha20'", f'key = "raw:{key.hex()}"', "temp_store = MEMORY"):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            if create:
                self._connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # the key is tried here
            self._opened = True
            if not self.immutable:
                self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
                # FULL: a committed slice also survives the loss of power; it costs a sync a slice.
                self._connection.execute("PRAGMA synchronous = FULL")
            for pragma in ("foreign_keys = ON", "secure_delete = ON", "cache_size = -16384"):
                self._connection.execute(f"PRAGMA {pragma}").fetchall()

    def close(self) -> None:
        """Leave the database; the last one to leave moves the log into it."""
        with self._mapped():
            self._connection.close()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a statement at once; gives its rows as they are asked for."""
        with self._mapped():
            cursor = self._connection.execute(sql, tuple(parameters))
        return self._rows(cursor)

    def _rows(self, cursor: apsw.Cursor) -> Iterator[tuple[Any, ...]]:
        with self._mapped():
            yield from cursor

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        with self._mapped():
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of parameters, in one transaction."""
        with self.transaction(), self._mapped():
            self._connection.executemany(sql, (tuple(row) for row in rows))

    @property
    def last_row(self) -> int:
        """The rowid of the last inserted row."""
        return int(self._connection.last_insert_rowid())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is committed at its end, or none of it."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with self._mapped():
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            with self._mapped():
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            known = _in_our_words(error, self.path, self._opened)
            if known is None:
                raise
            raise known from error


def _in_our_words(error: apsw.Error, path: Path, opened: bool) -> CaseError | OutputError | None:
    """None for errors that only a bug can cause; ``opened``: a page was read with this key."""
    subject = str(path)
    match error:
        case apsw.NotADBError() if not opened:
            return WrongKeyError("cannot be opened with this key, or is damaged", subject=subject)
        case apsw.CorruptError() | apsw.FormatError() | apsw.NotADBError():
            return CaseError(
                "is damaged: bytes of it were altered or are missing",
                subject=subject,
                hint="use a copy; `retrofr case verify` says whether one is whole",
            )
        case apsw.BusyError() | apsw.LockedError():
            return CaseBusyError(
                f"another process keeps writing to it (waited {BUSY_SECONDS:g} s)",
                subject=subject,
                hint="try again when it has finished",
            )
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            return CaseError("cannot be written to", subject=subject)
        case apsw.FullError():
            return _full(subject)
        case apsw.IOError():
            return _failed_access(error, subject)
        case apsw.CantOpenError():
            return CaseError("cannot be opened", subject=subject, hint="check who may read and write it")
    return None


def _full(subject: str) -> OutputError:
    return OutputError(
        "the disk is full; nothing that was committed is lost",
        subject=subject,
        hint="make room, then run the same command again: it goes on where it stopped",
    )


def _failed_access(error: apsw.Error, subject: str) -> CaseError | OutputError:
    writing = (
        apsw.SQLITE_IOERR_WRITE,
        apsw.SQLITE_IOERR_FSYNC,
        apsw.SQLITE_IOERR_TRUNCATE,
        apsw.SQLITE_IOERR_DIR_FSYNC,
        apsw.SQLITE_IOERR_SHMSIZE,
    )
    if getattr(error, "extendedresult", None) in writing:
        return OutputError(
            f"cannot be written to ({error}); nothing that was committed is lost",
            subject=subject,
            hint="check the disk, then run the same command again: it goes on where it stopped",
        )
    return CaseError(f"cannot be read ({error})", subject=subject, hint="check the disk it lies on")
