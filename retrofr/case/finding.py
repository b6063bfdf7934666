"""Cases below folders, and keys of cases that are elsewhere: what there is without opening anything."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from retrofr.case.keys import KeyStore
from retrofr.case.places import DATABASE_NAME, Places, read_label
from retrofr.errors import CaseError


@dataclass(frozen=True)
class FoundCase:
    """A case that was found, or of which there is a key.

    ``path`` is its folder; where only the key is here, the folder in which it was when the key came, and ``here``
    is False. ``problem`` says what is wrong with its label. ``name`` is empty and ``created`` None where unknown.
    ``retain_until`` and ``on_hold`` are what the label says; the case itself says what counts.
    """

    id: str | None
    name: str
    path: Path | None
    created: datetime | None
    size_bytes: int | None
    has_key: bool
    here: bool
    problem: str | None = None
    retain_until: date | None = None
    on_hold: bool = False


def find_cases(folders: Iterable[Path], keys: KeyStore | None = None) -> list[FoundCase]:
    """The cases below some folders, then those of which there is only a key; nothing is opened.

    Links are not followed. Folders that cannot be read are passed over, as ``find`` does it, but those named must be.

    Raises:
        CaseError: a named folder does not exist, or the key store cannot be read.
    """
    keys = keys or KeyStore()
    ids = keys.case_ids()
    found: dict[Path, FoundCase] = {}
    for folder in folders:
        for database in _databases(folder):
            found.setdefault(database.resolve(), _labelled(database, set(ids)))
    cases = sorted(found.values(), key=lambda case: str(case.path))
    here = {case.id for case in cases}
    return [*cases, *(_elsewhere(case_id, keys) for case_id in ids if case_id not in here)]


def _databases(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise CaseError("no such folder", subject=str(folder))
    for parent, _, names in os.walk(folder):
        if DATABASE_NAME in names:
            yield Path(parent) / DATABASE_NAME


def _labelled(database: Path, ids: set[str]) -> FoundCase:
    size = database.stat().st_size
    try:
        label = read_label(Places(database).label)
    except CaseError as error:
        return FoundCase(None, "", database.parent, None, size, False, True, error.reason)
    if label is None:
        return FoundCase(None, "", database.parent, None, size, False, True, "its label case.json is missing")
    return FoundCase(
        id=label.id,
        name=label.name,
        path=database.parent,
        created=label.created,
        size_bytes=size,
        has_key=label.id in ids,
        here=True,
        retain_until=label.retain_until,
        on_hold=label.on_hold,
    )


def _elsewhere(case_id: str, keys: KeyStore) -> FoundCase:
    try:
        key = keys.get(case_id)
    except CaseError as error:
        return FoundCase(case_id, "", None, None, None, True, False, error.reason)
    folder = Path(key.folder) if key is not None and key.folder else None
    if folder is not None and (folder / DATABASE_NAME).exists():
        return _labelled(folder / DATABASE_NAME, {case_id})
    return FoundCase(case_id, key.name if key is not None else "", folder, None, None, True, False)
