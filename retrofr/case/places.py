"""The files of a case in its folder, and the label: the one that is not encrypted.

The label says that there is a case and which key it needs; nothing of footage or persons is in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from retrofr.case.keys import sync_folder
from retrofr.errors import CaseError, OutputError

SCHEMA = "retrofr.case/1"
DATABASE_NAME = "case.db"
FILES_BESIDE = ("operating-points.toml", "policy.toml")
"""What other commands of retrofr keep in the folder of a case."""


@dataclass(frozen=True)
class Places:
    """Where a case's files are: the database, beside it its label and the writers' lock."""

    database: Path

    @property
    def folder(self) -> Path:
        return self.database.parent

    @property
    def label(self) -> Path:
        return self.database.with_suffix(".json")

    @property
    def lock(self) -> Path:
        return self.database.with_suffix(".lock")

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that retrofr may write beside the database or for it, the label last: it says whose they are."""
        beside = [
            self.database.with_name(f"{self.database.name}{end}") for end in ("-wal", "-shm", "-journal")
        ]
        beside += [self.folder / name for name in FILES_BESIDE]
        unfinished = self.label.with_name(f".{self.label.name}.new")
        return (self.database, *beside, unfinished, self.lock, self.label)

    @property
    def log(self) -> Path:
        """What was written and not yet moved into the database; there only while it is open, or after a crash."""
        return self.database.with_name(f"{self.database.name}-wal")

    @classmethod
    def of(cls, path: Path) -> Places:
        """Of a case that exists, by its folder or its database.

        Raises:
            CaseError: there is none.
        """
        database = path / DATABASE_NAME if path.is_dir() else path
        if not database.is_file():
            what = "no case is in this folder" if path.is_dir() else "there is no such case"
            raise CaseError(what, subject=str(path), hint=f"`retrofr case create {path}` makes one")
        return cls(database)

    @classmethod
    def of_new(cls, path: Path) -> Places:
        """Of a case that is to be made in a folder.

        Raises:
            CaseError: there is one already, or a file of that name.
        """
        places = cls(path.absolute() / DATABASE_NAME)
        if path.exists() and not path.is_dir():
            raise CaseError("is a file, not a folder", subject=str(path), hint="name a new folder")
        for file in (places.database, places.label, places.log):
            if file.exists():
                raise CaseError(
                    "a case, or a part of one, is there already",
                    subject=str(file),
                    hint=f"`retrofr case show {path}` says what is in it; name another folder for a new one",
                )
        return places


@dataclass(frozen=True)
class Label:
    """What ``case.json`` says. ``key_check`` tells the right key from others without giving it away.

    ``retain_until`` (the last day the case is kept) and ``on_hold`` are for lists of cases; what counts is in the case.
    """

    id: str
    name: str
    created: datetime
    key_check: str = ""
    retain_until: date | None = None
    on_hold: bool = False

    def accepts(self, key: bytes) -> bool:
        """Whether this is the case's key; True also where the label cannot tell."""
        return not self.key_check or hmac.compare_digest(self.key_check, key_check(self.id, key))


def new_label(name: str) -> Label:
    """The label of a case that is made now."""
    return Label(uuid.uuid4().hex, name, datetime.now(UTC))


def key_check(case_id: str, key: bytes) -> str:
    """A digest of a case's key; the key is random and 256 bits long, so nobody finds it from this."""
    return hmac.new(key, b"retrofr.case-key-check/1 " + case_id.encode(), hashlib.sha256).hexdigest()[:32]


def write_label(path: Path, label: Label, key: bytes) -> None:
    """Write ``case.json``, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    _write(path, replace(label, key_check=key_check(label.id, key)))


def renew_label(path: Path, *, retain_until: date | None, on_hold: bool) -> None:
    """Say on a label until when the case is kept and whether it is on hold; nothing happens where there is none.

    Raises:
        CaseError: what is there is no label.
        OutputError: it cannot be written.
    """
    label = read_label(path)
    if label is not None:
        _write(path, replace(label, retain_until=retain_until, on_hold=on_hold))


def _write(path: Path, label: Label) -> None:
    fields: dict[str, str | bool] = {
        "schema": SCHEMA,
        "id": label.id,
        "name": label.name,
        "created": label.created.isoformat(),
        "key_check": label.key_check,
    }
    if label.retain_until is not None:
        fields["retain_until"] = label.retain_until.isoformat()
    if label.on_hold:
        fields["on_hold"] = True
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(fields, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error
    sync_folder(path.parent)


def read_label(path: Path) -> Label | None:
    """What ``case.json`` says; None where there is none.

    Raises:
        CaseError: it cannot be read, is not a label, or is one of a newer retrofr.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CaseError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    hint = "take it away if it does not belong to the case: then every key of the key store is tried"
    try:
        fields = json.loads(data)
        schema = fields["schema"]
        label = Label(
            str(fields["id"]),
            str(fields["name"]),
            datetime.fromisoformat(fields["created"]),
            str(fields.get("key_check", "")),
            date.fromisoformat(fields["retain_until"]) if "retain_until" in fields else None,
            bool(fields.get("on_hold", False)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError("is not the label of a case", subject=str(path), hint=hint) from error
    if schema != SCHEMA:
        raise CaseError(
            f"was written by a newer retrofr (schema {schema}, this one knows {SCHEMA})",
            subject=str(path),
            hint="update retrofr",
        )
    if not re.fullmatch("[0-9a-f]{32}", label.id):
        raise CaseError("is not the label of a case", subject=str(path), hint=hint)
    return label
