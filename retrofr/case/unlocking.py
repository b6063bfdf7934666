"""From a case's files and a key store to an open database, or the reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from retrofr.case._sqlite import PAGE_BYTES, PLAIN_HEADER, Database, WrongKeyError
from retrofr.case.keys import KeyStore, StoredKey
from retrofr.case.places import Label, Places
from retrofr.case.wal import check_log
from retrofr.errors import CaseError

_COPY_HINT = "use a copy of it"
_IMPORT_HINT = "`retrofr case key import FILE` brings in a key that was exported"


def unlock(places: Places, label: Label | None, keys: KeyStore) -> Database:
    """Open a case's database with its key; where the label is missing, every key of the store is tried.

    Raises:
        CaseError: no key, another key, not a case, damaged, unreadable.
    """
    _check_file(places)
    subject = str(places.database)
    if label is not None:
        key = _key_of(label, keys, subject)
        try:
            return _open(places, key.key)
        except WrongKeyError as error:
            raise CaseError(
                "is damaged: its key fits, and its first page cannot be read"
                if label.key_check
                else "cannot be opened with the key of this case, or is damaged",
                subject=subject,
                hint=_COPY_HINT,
            ) from error
    for key in _all_keys(keys):
        try:
            return _open(places, key.key)
        except WrongKeyError:
            continue
    raise CaseError(
        f"no key of the key store opens it (its label {places.label.name} is missing, so each was tried), "
        "or it is damaged or not a case",
        subject=subject,
        hint=_IMPORT_HINT,
    )


def _key_of(label: Label, keys: KeyStore, subject: str) -> StoredKey:
    key = keys.get(label.id)
    if key is None:
        raise CaseError(
            f"its key is not in the key store ({keys.folder})", subject=subject, hint=_IMPORT_HINT
        )
    if not label.accepts(key.key):
        raise CaseError(
            f"the key that the key store ({keys.folder}) holds for it is another one",
            subject=subject,
            hint=_IMPORT_HINT,
        )
    return key


def _all_keys(keys: KeyStore) -> Iterator[StoredKey]:
    for case_id in keys.case_ids():
        key = keys.get(case_id)
        if key is not None:
            yield key


def _check_file(places: Places) -> None:
    """Refuse what is not a case by its first bytes, which SQLite would call by the wrong name."""
    subject = str(places.database)
    try:
        with places.database.open("rb") as file:
            start = file.read(len(PLAIN_HEADER))
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise CaseError(f"cannot be read ({error.strerror})", subject=subject) from error
    if start == PLAIN_HEADER:
        raise CaseError("is a database without encryption, so it is not a case of retrofr", subject=subject)
    if size < PAGE_BYTES:
        raise CaseError(
            f"is not a case, or what is left of one: it has {size:,} bytes", subject=subject, hint=_COPY_HINT
        )
    # Of a page that is cut, SQLite would give the encrypted bytes for content. A log holds it whole.
    if size % PAGE_BYTES and not _is_there(places.log):
        raise CaseError(
            f"is cut short: it has {size:,} bytes, which is not a whole number of pages",
            subject=subject,
            hint=_COPY_HINT,
        )
    check_log(places.log, subject)


def _open(places: Places, key: bytes) -> Database:
    if _may_write(places.database) and _may_write(places.folder):
        return Database(places.database, key)
    if _is_there(places.log):
        raise CaseError(
            "was not closed, or is open in another process, and its folder cannot be written to",
            subject=str(places.database),
            hint="copy its folder to a place that can be written to",
        )
    return Database(places.database, key, immutable=True)


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _is_there(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0
