"""The tables of a case, its version, and how an older case becomes one of this version.

Ids are SQLite's rowids, in the order in which things came. A column ``record`` is what
:mod:`retrofr.case.encoding` makes of a value object; beside it stand the columns that are looked for.
(Those of blobs are never used again: who reads one must notice that it was replaced.)
Columns scanned for a whole case (tracklets) lie apart from what is fetched one by one (records, pictures).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from retrofr.case._sqlite import Database
from retrofr.case.lock import WriterLock
from retrofr.errors import CaseError

VERSION = 2
"""Of the tables below; kept as the database's ``user_version``."""

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, command TEXT NOT NULL, software TEXT NOT NULL
) STRICT;

CREATE TABLE recipes (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, comparison TEXT NOT NULL, comparison_key TEXT NOT NULL,
    dimensions INTEGER NOT NULL, terms TEXT NOT NULL, used INTEGER NOT NULL
) STRICT;

CREATE TABLE exhibits (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, path BLOB NOT NULL, added TEXT NOT NULL,
    seen INTEGER NOT NULL, record BLOB NOT NULL
) STRICT;
CREATE INDEX exhibits_by_path ON exhibits (path);

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    exhibit_id INTEGER NOT NULL REFERENCES exhibits (id),
    recipe_id INTEGER NOT NULL REFERENCES recipes (id),
    stream INTEGER NOT NULL, reading TEXT NOT NULL, next_slice INTEGER NOT NULL DEFAULT 0,
    progress BLOB, coverage BLOB,
    UNIQUE (exhibit_id, recipe_id, stream)
) STRICT;
CREATE INDEX streams_by_recipe ON streams (recipe_id);

CREATE TABLE slices (
    stream_id INTEGER NOT NULL REFERENCES streams (id), number INTEGER NOT NULL, tracklets INTEGER NOT NULL,
    committed TEXT NOT NULL,
    PRIMARY KEY (stream_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tracklets (
    id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    slice INTEGER NOT NULL, number INTEGER NOT NULL, segment INTEGER NOT NULL,
    start_seconds REAL NOT NULL, end_seconds REAL NOT NULL, faces INTEGER NOT NULL,
    templates INTEGER NOT NULL, eye_distance REAL, rank REAL,
    UNIQUE (stream_id, slice, number)
) STRICT;
CREATE TABLE tracklet_records (tracklet_id INTEGER PRIMARY KEY REFERENCES tracklets (id), record BLOB NOT NULL) STRICT;
CREATE TABLE templates (tracklet_id INTEGER PRIMARY KEY REFERENCES tracklets (id), data BLOB NOT NULL) STRICT;
CREATE TABLE face_pictures (
    id INTEGER PRIMARY KEY,
    tracklet_id INTEGER NOT NULL REFERENCES tracklets (id), face INTEGER NOT NULL, jpeg BLOB NOT NULL,
    UNIQUE (tracklet_id, face)
) STRICT;

CREATE TABLE unsearched (
    recipe_id INTEGER NOT NULL REFERENCES recipes (id), kind TEXT NOT NULL, subject BLOB NOT NULL,
    record BLOB NOT NULL,
    UNIQUE (recipe_id, kind, subject, record)
) STRICT;

CREATE TABLE probe_images (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, face INTEGER NOT NULL, comparison_key TEXT NOT NULL,
    record BLOB NOT NULL, jpeg BLOB,
    UNIQUE (sha256, face, comparison_key)
) STRICT;

CREATE TABLE searches (
    id INTEGER PRIMARY KEY, recipe_id INTEGER NOT NULL REFERENCES recipes (id),
    started TEXT NOT NULL, finished TEXT NOT NULL, record BLOB NOT NULL
) STRICT;
CREATE TABLE candidates (
    id INTEGER PRIMARY KEY,
    search_id INTEGER NOT NULL REFERENCES searches (id), probe TEXT NOT NULL,
    tracklet_id INTEGER NOT NULL REFERENCES tracklets (id), score REAL NOT NULL, supporting INTEGER NOT NULL,
    best INTEGER NOT NULL, hit INTEGER NOT NULL
) STRICT;
CREATE INDEX candidates_by_search ON candidates (search_id);
CREATE INDEX candidates_by_tracklet ON candidates (tracklet_id);

CREATE TABLE people (
    id INTEGER PRIMARY KEY, recipe_key TEXT NOT NULL, number INTEGER NOT NULL, made TEXT NOT NULL,
    UNIQUE (recipe_key, number)
) STRICT;
CREATE TABLE people_tracklets (
    recipe_key TEXT NOT NULL, tracklet_id INTEGER NOT NULL REFERENCES tracklets (id),
    person_number INTEGER NOT NULL, sureness REAL,
    PRIMARY KEY (recipe_key, tracklet_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_tracklets_by_person ON people_tracklets (recipe_key, person_number);
CREATE TABLE people_decisions (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, recipe_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('merge', 'split')), what TEXT NOT NULL, "by" TEXT, why TEXT
) STRICT;
CREATE TABLE people_state (
    recipe_key TEXT PRIMARY KEY, tracklets INTEGER NOT NULL, settings TEXT NOT NULL, at TEXT NOT NULL
) STRICT;

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, made TEXT NOT NULL,
    chunks INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE TABLE blob_chunks (
    id INTEGER PRIMARY KEY, blob_id INTEGER NOT NULL REFERENCES blobs (id), number INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (blob_id, number)
) STRICT;
"""

OVERSIGHT_TABLES = """
CREATE TABLE audit (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
CREATE TABLE audit_heads (seq INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;

CREATE TABLE authorities (id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
CREATE TABLE probe_register (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, record BLOB NOT NULL) STRICT;
CREATE INDEX probe_register_by_sha256 ON probe_register (sha256);
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY, search_id INTEGER NOT NULL REFERENCES searches (id),
    candidate_id INTEGER NOT NULL REFERENCES candidates (id), record BLOB NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1))
) STRICT;
CREATE INDEX verdicts_by_candidate ON verdicts (search_id, candidate_id);
"""
"""Since version 2: what was done and by whom, under which authority, for which probes, and what examiners concluded.
The rows of ``meta`` since then: retention_until, hold, created_policy; none of them need be there."""

Migration = Callable[[Callable[[str], object]], None]
"""Takes a function that runs one statement; brings a case from one version to the next."""


def statements(tables: str = TABLES + OVERSIGHT_TABLES) -> Iterator[str]:
    """The statements that make the tables, one by one."""
    return (statement for text in tables.split(";") if (statement := text.strip()))


def _add_oversight(run: Callable[[str], object]) -> None:
    for statement in statements(OVERSIGHT_TABLES):
        run(statement)


MIGRATIONS: Sequence[Migration] = (_add_oversight,)
"""Step ``i`` brings version ``i + 1`` to ``i + 2``; there are ``VERSION - 1``."""


def bring_up_to_date(database: Database, *, holds_lock: bool, lock_path: Path) -> None:
    """Run the migrations that an older case lacks, all in one transaction.

    Args:
        database: of the case.
        holds_lock: whether this process holds the writers' lock; it is taken for the migration where not.
        lock_path: of that lock.

    Raises:
        CaseError: the case is of a newer retrofr, or is older and cannot be written to.
        CaseBusyError: it is older, and another process is writing to it.
    """
    subject = str(database.path)
    version = _version(database)
    if version == VERSION:
        return
    if version > VERSION:
        raise CaseError(
            f"was written by a newer retrofr (schema {version}, this one knows {VERSION})",
            subject=subject,
            hint="update retrofr",
        )
    if version < 1:
        raise CaseError("holds no case: it was not created to its end", subject=subject)
    if database.immutable:
        raise CaseError(
            f"is of an older retrofr (schema {version}) and must be brought to schema {VERSION}, "
            "and it cannot be written to",
            subject=subject,
            hint="copy its folder to a place that can be written to",
        )
    lock = WriterLock(lock_path, subject)
    if not holds_lock:
        lock.acquire()
    try:
        with database.transaction():
            for step in MIGRATIONS[_version(database) - 1 :]:  # another process may have done it meanwhile
                step(database.fetch_all)
            database.fetch_all(f"PRAGMA user_version = {VERSION}")
    finally:
        lock.release()


def _version(database: Database) -> int:
    return int(database.fetch_all("PRAGMA user_version")[0][0])
