"""Where the picture of a probe came from: its source and lawful basis, who added it and why, when it expires.

The record of ``suspect.jpg`` is the file ``suspect.jpg.toml`` beside it; ``docs/authority.md`` has every field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from retrofr.errors import IntegrityError, RefusedError
from retrofr.oversight.authority import told
from retrofr.oversight.toml_records import Fields

RECORD_SUFFIX = ".toml"
NOT_RECORDED = "where this picture came from: not recorded"
FIELDS = ("source", "lawful_basis", "why", "added_by", "added_at", "expires", "timezone", "sha256")


@dataclass(frozen=True)
class ProbeRecord:
    """What is known of a picture as a picture: moments have a zone.

    Args:
        source: where it came from.
        lawful_basis: why it may be used.
        added_by, added_at: who made it a probe, and when.
        why: what this person is looked for for; None where nobody said.
        expires: the moment from which it is not to be used; None where there is none.
        sha256: of the picture, where the record says it; the picture must be that one.
    """

    source: str
    lawful_basis: str
    added_by: str
    added_at: datetime
    why: str | None = None
    expires: datetime | None = None
    sha256: str | None = None

    def ends(self, expiry_days: int | None = None) -> datetime | None:
        """When it is not to be used any more: as it says, or days after it was added, whichever comes first."""
        by_policy = None if expiry_days is None else self.added_at + timedelta(days=expiry_days)
        return min((end for end in (self.expires, by_policy) if end is not None), default=None)

    def line(self) -> str:
        """One line for outputs."""
        until = "" if self.expires is None else f", expires {told(self.expires)}"
        return (
            f"where this picture came from: {self.source}; lawful basis: {self.lawful_basis}; "
            f"added by {self.added_by} on {told(self.added_at)}{until}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "source": self.source,
            "lawful_basis": self.lawful_basis,
            "why": self.why,
            "added_by": self.added_by,
            "added_at": self.added_at.isoformat(),
            "expires": None if self.expires is None else self.expires.isoformat(),
        }


def record_path(picture: Path) -> Path:
    """Where the record of a picture lies."""
    return picture.with_name(picture.name + RECORD_SUFFIX)


def read_probe_record(path: Path) -> ProbeRecord:
    """Read the record of a picture.

    Raises:
        UsageError: it cannot be read, or lacks something; file, line and field are named.
    """
    fields = Fields.read(path)
    fields.only(FIELDS)
    zone = fields.zone("timezone")
    added_at = fields.moment("added_at", zone)
    if added_at is None:
        fields.refuse("added_at", "is missing", "for example added_at = 2026-11-20T09:00:00+00:00")
    expires = fields.moment("expires", zone, end=True)
    if expires is not None and expires <= added_at:
        fields.refuse("expires", "is not after added_at")
    sha256 = fields.optional("sha256")
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        fields.refuse("sha256", "expected 64 hexadecimal digits")
    return ProbeRecord(
        source=fields.required("source", "custody photograph, record 4411"),
        lawful_basis=fields.required("lawful_basis", "Police and Criminal Evidence Act 1984, s. 64A"),
        added_by=fields.required("added_by", "PC A. Smith"),
        added_at=added_at,
        why=fields.optional("why"),
        expires=expires,
        sha256=None if sha256 is None else sha256.lower(),
    )


def find_record(picture: Path, sha256: str, given: ProbeRecord | None = None) -> ProbeRecord | None:
    """The record of a picture: that beside it, else the one that was given for all; None where there is none.

    Args:
        picture: its path.
        sha256: its digest.
        given: of ``--probe-record``.

    Raises:
        UsageError: the record cannot be read.
        IntegrityError: it tells of another picture: its digest is another.
    """
    path = record_path(picture)
    record = read_probe_record(path) if path.is_file() else given
    if record is not None and record.sha256 not in (None, sha256):
        raise IntegrityError(
            f"is not the picture its record tells of: the record has SHA-256 {record.sha256}, "
            f"the picture {sha256}",
            subject=str(picture),
            hint="bring back the picture that was recorded, or record where this one came from",
        )
    return record


def refuse_expired(
    picture: str, record: ProbeRecord, now: datetime | None = None, expiry_days: int | None = None
) -> None:
    """Refuse a picture that is not to be used any more.

    Args:
        picture: how messages call it.
        record: of it.
        now: by default this moment.
        expiry_days: after how many days a policy lets every picture expire.

    Raises:
        RefusedError: it expired.
    """
    ends = record.ends(expiry_days)
    if ends is None or (now or datetime.now(UTC)) < ends:
        return
    by_policy = ends != record.expires
    whose = f"the policy lets pictures expire {expiry_days} days after they were added" if by_policy else ""
    raise RefusedError(
        f"this picture expired on {told(ends)}{' (' + whose + ')' if whose else ''}",
        subject=picture,
        hint="take a newer picture, or renew its record if its use is still lawful and necessary",
    )
