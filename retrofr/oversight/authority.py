"""An authority: who allowed a search, for what, why it is necessary and proportionate, until when, and of what.

It is a TOML file; ``docs/authority.md`` has every field. What it must hold follows Art. 26(10) of the EU AI Act and
s. 35 of the UK Data Protection Act 2018; whether what it says is true, no program can tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from retrofr.errors import UsageError
from retrofr.oversight.scope import Scope
from retrofr.oversight.toml_records import Fields

AUTHORITY_VARIABLE = "RETROFR_AUTHORITY"
NOT_RECORDED = "authority: not recorded"
URGENT_HOURS = 48
"""How long an urgent authority holds unless it is confirmed: Art. 26(10) of the EU AI Act."""

TARGETS = ("offence", "missing_person", "threat", "proceeding")
"""What a search can be about; one must be named, as a search that is about nothing is untargeted."""
FIELDS = (
    *("reference", "purpose", "legal_basis", *TARGETS, "necessity", "proportionality"),
    *("authorised_by", "valid_from", "valid_until", "timezone", "urgent", "given_at"),
    *("confirmed_by", "confirmed_at", "scope"),
)
SCOPE_FIELDS = ("exhibits", "cameras", "from", "to", "probes")

State = Literal["valid", "expired", "not yet", "urgent-expired", "rejected"]


@dataclass(frozen=True)
class Person:
    """Somebody who decides: a name, and the role in which."""

    name: str
    role: str

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


@dataclass(frozen=True)
class Rejection:
    """That an authority was rejected: when, by whom, and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class Status:
    """Whether an authority holds at a moment, and one sentence that says so."""

    state: State
    sentence: str

    @property
    def is_valid(self) -> bool:
        """Whether something may be done under it."""
        return self.state == "valid"


@dataclass(frozen=True)
class Authority:
    """An authority, as it was written down. Moments have a zone.

    Args:
        reference: by which outputs and the audit log call it.
        about: what the search is about, by the words of ``TARGETS``; at least one.
        valid_from, valid_until: the end is not included.
        scope: what it covers.
        urgent: given before the usual authorisation; blocks 48 hours after ``given_at`` unless ``confirmed_by``.
        sha256: of the file it was read from; empty where there was none.
    """

    reference: str
    purpose: str
    legal_basis: str
    about: Mapping[str, str]
    necessity: str
    proportionality: str
    authorised_by: Person
    valid_from: datetime
    valid_until: datetime
    scope: Scope = field(default_factory=Scope)
    urgent: bool = False
    given_at: datetime | None = None
    confirmed_by: Person | None = None
    confirmed_at: datetime | None = None
    rejected: Rejection | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.about or not set(self.about) <= set(TARGETS):
            raise ValueError(f"about: expected some of {', '.join(TARGETS)}, got {list(self.about)}")
        for name in ("valid_from", "valid_until", "given_at", "confirmed_at"):
            at = getattr(self, name)
            if at is not None and at.tzinfo is None:
                raise ValueError(f"{name}: expected a moment with a zone, got {at}")
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until: expected a moment after valid_from")

    @property
    def blocks_at(self) -> datetime | None:
        """When an urgent authority ends unless it is confirmed before; None for others and for confirmed ones."""
        if not self.urgent or self.confirmed_by is not None:
            return None
        return (self.given_at or self.valid_from) + timedelta(hours=URGENT_HOURS)

    def status(self, now: datetime | None = None) -> Status:
        """Whether it holds at a moment, by default this one."""
        now = now or datetime.now(UTC)
        if self.rejected is not None:
            by, at = self.rejected.by, told(self.rejected.at)
            return Status("rejected", f"it was rejected by {by} on {at}: {self.rejected.reason}")
        if now < self.valid_from:
            return Status("not yet", f"it is valid from {told(self.valid_from)} on")
        if now >= self.valid_until:
            return Status("expired", f"it expired on {told(self.valid_until)}")
        blocks = self.blocks_at
        if blocks is not None and now >= blocks:
            sentence = f"it was urgent, and was not confirmed within {URGENT_HOURS} hours, by {told(blocks)}"
            return Status("urgent-expired", sentence)
        if blocks is not None and blocks < self.valid_until:
            return Status("valid", f"urgent, valid until {told(blocks)} unless it is confirmed before")
        return Status("valid", f"valid until {told(self.valid_until)}")

    def line(self, now: datetime | None = None) -> str:
        """The line that outputs show: ``authority: RF/17, valid until 2026-12-01 00:00 UTC; covers cameras cam1``."""
        covers = "" if self.scope.is_open else f"; covers {self.scope.summary()}"
        return f"authority: {self.reference}, {self.status(now).sentence}{covers}"

    def confirm(self, by: Person, at: datetime) -> Authority:
        """The same, confirmed."""
        return replace(self, confirmed_by=by, confirmed_at=at)

    def reject(self, by: str, reason: str, at: datetime) -> Authority:
        """The same, rejected: nothing may be done under it from now on."""
        return replace(self, rejected=Rejection(at, by, reason))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; moments in ISO 8601."""
        scope = self.scope
        return {
            "reference": self.reference,
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            **{name: self.about.get(name) for name in TARGETS},
            "necessity": self.necessity,
            "proportionality": self.proportionality,
            "authorised_by": _person(self.authorised_by),
            "valid_from": self.valid_from.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "urgent": self.urgent,
            "given_at": _iso(self.given_at),
            "confirmed_by": _person(self.confirmed_by),
            "confirmed_at": _iso(self.confirmed_at),
            "rejected": None
            if self.rejected is None
            else {"at": _iso(self.rejected.at), "by": self.rejected.by, "reason": self.rejected.reason},
            "scope": {
                "exhibits": list(scope.exhibits),
                "cameras": list(scope.cameras),
                "from": _iso(scope.start),
                "to": _iso(scope.end),
                "probes": list(scope.probes),
            },
            "sha256": self.sha256 or None,
        }


def read_authority(path: Path) -> Authority:
    """Read an authority from a TOML file.

    Raises:
        UsageError: it cannot be read, lacks what an authority must say, or says what there is no field for; file,
            line and field are named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    return parse_authority(data, str(path))


def parse_authority(data: bytes, name: str) -> Authority:
    """As :func:`read_authority`, of the bytes of a file of this name."""
    return authority_of(Fields.parse(data, name), hashlib.sha256(data).hexdigest())


def authority_of(fields: Fields, sha256: str = "") -> Authority:
    """The authority that these fields make.

    Args:
        fields: of a file, or of answers; named as in ``FIELDS``.
        sha256: of the file.

    Raises:
        UsageError: as :func:`read_authority`.
    """
    fields.only(FIELDS)
    about = {target: text for target in TARGETS if (text := fields.optional(target)) is not None}
    if not about:
        fields.refuse(
            "offence",
            "is missing, and so are missing_person, threat and proceeding",
            "a search without a link to one of them is untargeted: name the one it is about",
        )
    zone = fields.zone("timezone")
    start = fields.moment("valid_from", zone)
    until = fields.moment("valid_until", zone, end=True)
    if start is None or until is None:
        missing = "valid_from" if start is None else "valid_until"
        fields.refuse(missing, "is missing", f"for example {missing} = 2026-11-20T09:00:00+00:00")
    if until <= start:
        fields.refuse("valid_until", "is not after valid_from")
    confirmed_by, confirmed_at = _confirmation(fields, zone)
    return Authority(
        reference=_reference(fields),
        purpose=fields.required("purpose", "find where the person seen at the robbery went"),
        legal_basis=fields.required("legal_basis", "Data Protection Act 2018, s. 35"),
        about=about,
        necessity=fields.required("necessity", "why nothing less would do"),
        proportionality=fields.required(
            "proportionality", "what weighs against it, and why it is outweighed"
        ),
        authorised_by=_named(fields, "authorised_by"),
        valid_from=start,
        valid_until=until,
        scope=_scope(fields.sub("scope")),
        urgent=fields.flag("urgent"),
        given_at=fields.moment("given_at", zone),
        confirmed_by=confirmed_by,
        confirmed_at=confirmed_at,
        sha256=sha256,
    )


def told(at: datetime) -> str:
    """A moment for a person: ``2026-12-01 00:00 UTC``."""
    zone = "UTC" if at.tzinfo is UTC else at.strftime("%z")
    return f"{at:%Y-%m-%d %H:%M} {zone}".rstrip()


def line_of(run: Mapping[str, Any]) -> str:
    """The line of an output: ``authority: RF/17, valid until ...``, or ``authority: not recorded``.

    Args:
        run: the run record of a search or a comparison, or what an indexing run says of its oversight.
    """
    found = run.get("authority")
    return str(found["line"]) if isinstance(found, Mapping) else NOT_RECORDED


def _reference(fields: Fields) -> str:
    reference = fields.required("reference", "RF/2026/17")
    if len(reference) > 200 or not reference.isprintable():
        fields.refuse("reference", "expected at most 200 printable characters on one line")
    return reference


def _confirmation(fields: Fields, zone: Any) -> tuple[Person | None, datetime | None]:
    by = _named(fields, "confirmed_by") if "confirmed_by" in fields else None
    at = fields.moment("confirmed_at", zone)
    if (by is None) != (at is None):
        missing = "confirmed_by" if by is None else "confirmed_at"
        fields.refuse(missing, "is missing", "who confirmed it and when go together")
    return by, at


def _named(fields: Fields, field_name: str) -> Person:
    example = f'{field_name} = {{ name = "A. Smith", role = "Superintendent" }}'
    if field_name not in fields:
        fields.refuse(field_name, "is missing", f"for example {example}")
    person = fields.sub(field_name)
    person.only(("name", "role"))
    return Person(person.required("name", "A. Smith"), person.required("role", "Superintendent"))


def _scope(fields: Fields) -> Scope:
    fields.only(SCOPE_FIELDS)
    start, end = fields.wall_clock("from"), fields.wall_clock("to", end=True)
    try:
        return Scope(
            exhibits=fields.texts("exhibits") or (),
            cameras=fields.texts("cameras") or (),
            start=start,
            end=end,
            probes=fields.texts("probes") or (),
        )
    except UsageError as error:
        if error.subject not in ("to", "from and to"):
            raise
        fields.refuse("to", error.reason, error.hint)


def _person(person: Person | None) -> dict[str, str] | None:
    return None if person is None else {"name": person.name, "role": person.role}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
