"""The audit log: entries in a chain of digests, and heads of the chain that the operator's key signs.

An entry is a JSON object and is kept as its canonical bytes, so that any program can check it: keys sorted, no
blanks, ASCII (as RFC 8785, but for the spelling of floats, which is Python's shortest). Its ``digest`` is the SHA-256
of the canonical bytes of all other fields; ``previous`` is the digest of the entry before. It holds no biometrics:
pictures and templates are named by digests and numbers, and what looks like one is refused.

Actions, and the word that s. 62 of the UK Data Protection Act 2018 has for each: see ``OPERATIONS``.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, Literal, get_args

from retrofr.oversight.operators import Operator, OperatorKey, Signature, system_user, verify

SCHEMA = "retrofr.audit/1"
HEAD_SCHEMA = "retrofr.audit-head/1"
FIRST = "0" * 64
"""What the first entry of a log has for the digest of the one before."""
LONGEST_TEXT = 4096
MOST_NUMBERS = 16

OPERATIONS = {
    "create": "collect",
    "index": "collect",
    "search": "combine",
    "compare": "combine",
    "replay": "combine",
    "view": "consult",
    "verdict": "alter",
    "export": "disclose",
    "threshold": "alter",
    "denied": "none",
    "authorise": "alter",
    "reject": "alter",
    "extend": "alter",
    "hold": "alter",
    "forget": "erase",
    "purge": "erase",
    "probe": "collect",
    "key": "disclose",
}
"""Every action, and what it does with data. Nothing is done to data by what is denied."""

Entry = dict[str, Any]
Outcome = Literal["begun", "done", "failed", "interrupted", "refused"]

_SHA256 = re.compile("[0-9a-f]{64}")
_ENCODED = re.compile("[A-Za-z0-9+/=]{512,}")


@dataclass(frozen=True)
class Draft:
    """What happened, before it has its place in a log.

    Args:
        action: one of ``OPERATIONS``.
        operator: who acted.
        outcome: how it ended; ``begun`` where that is not known yet.
        case_id: None where no case was used.
        authority: reference of the authority it was done under; None is "not recorded".
        reason: why, in the operator's words.
        details: plain JSON values that say what; no biometrics.
        contents: SHA-256 of what this wrote in the case, by "table/id"; None for what was erased.
        models: SHA-256 of the models used, by name.
        started, finished: of a run, moments with a zone; None where it was a moment.
    """

    action: str
    operator: Operator
    outcome: Outcome = "done"
    case_id: str | None = None
    authority: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, str | None] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    started: datetime | None = None
    finished: datetime | None = None

    def __post_init__(self) -> None:
        if self.action not in OPERATIONS:
            raise ValueError(f"action: expected one of {', '.join(OPERATIONS)}, got {self.action!r}")
        if self.outcome not in get_args(Outcome):
            raise ValueError(f"outcome: expected one of {', '.join(get_args(Outcome))}, got {self.outcome!r}")
        for name, digest in (*self.models.items(), *self.contents.items()):
            if digest is not None and not _SHA256.fullmatch(digest):
                raise ValueError(f"{name}: expected 64 hexadecimal digits, got {digest!r}")
        for what in (self.details, self.authority, self.reason):
            _refuse_unloggable(what, "details")


@dataclass(frozen=True)
class Head:
    """The head of a log at a moment, signed: no entry up to ``seq`` can be altered without it showing.

    ``log`` is the log's id, ``at`` a moment as entries have it.
    """

    log: str
    seq: int
    digest: str
    at: str
    signature: Signature

    def message(self) -> bytes:
        """The bytes that are signed: the canonical JSON of all fields but key and signature."""
        return canonical(
            {
                "schema": HEAD_SCHEMA,
                "log": self.log,
                "seq": self.seq,
                "digest": self.digest,
                "at": self.at,
                "operator": self.signature.operator,
            }
        )

    def encoded(self) -> bytes:
        """Canonical JSON, as it is kept."""
        fields = json.loads(self.message())
        key = {"public_key": self.signature.public_key_hex, "signature": self.signature.signature_hex}
        return canonical(fields | key)

    def is_signed(self) -> bool:
        """Whether the key it names signed it."""
        return verify(self.message(), self.signature)


def make_entry(
    draft: Draft,
    *,
    log: str,
    last: Entry | None,
    public_key_hex: str | None,
    case_entry: Entry | None = None,
) -> Entry:
    """The entry that follows ``last`` (None: the first) in the log of this id.

    ``public_key_hex`` is of the key that will sign it, None where there is none; ``case_entry`` is the entry of the
    case's own log that tells of the same.
    """
    of_case = None if case_entry is None else {"seq": case_entry["seq"], "digest": case_entry["digest"]}
    entry: Entry = {
        "schema": SCHEMA,
        "log": log,
        "seq": 1 if last is None else last["seq"] + 1,
        "at": moment(datetime.now(UTC)),
        "action": draft.action,
        "operation": OPERATIONS[draft.action],
        "outcome": draft.outcome,
        "started": None if draft.started is None else moment(draft.started),
        "finished": None if draft.finished is None else moment(draft.finished),
        "operator": {"name": draft.operator.name, "stated": draft.operator.stated, "key": public_key_hex},
        "host": socket.gethostname(),
        "user": system_user(),
        "authority": draft.authority,
        "reason": draft.reason,
        "case": draft.case_id,
        "case_entry": of_case,
        "details": dict(draft.details),
        "contents": dict(draft.contents),
        "models": dict(draft.models),
        "software": {"retrofr": _version(), "python": platform.python_version()},
        "previous": FIRST if last is None else last["digest"],
    }
    entry["digest"] = digest_of(entry)
    return json.loads(canonical(entry))  # type: ignore[no-any-return]


def make_head(entry: Entry, key: OperatorKey) -> Head:
    """The signed head of a log whose last entry this is."""
    at = moment(datetime.now(UTC))
    unsigned = Head(entry["log"], entry["seq"], entry["digest"], at, Signature(key.operator.name, "", ""))
    return Head(entry["log"], entry["seq"], entry["digest"], at, key.sign(unsigned.message()))


def parse_head(data: bytes) -> Head | None:
    """The head that :meth:`Head.encoded` made these bytes of; None where they are something else."""
    try:
        fields = json.loads(data)
        signature = Signature(fields["operator"], fields["public_key"], fields["signature"])
        head = Head(fields["log"], fields["seq"], fields["digest"], fields["at"], signature)
        return head if type(head.seq) is int and head.encoded() == data else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def parse_entry(data: bytes) -> Entry | None:
    """The entry of these bytes; None where they are not canonical, or not those that its digest was taken of."""
    try:
        entry = json.loads(data)
        sound = type(entry["seq"]) is int and entry["digest"] == digest_of(entry) and canonical(entry) == data
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if sound and _is_well_formed(entry) else None


def digest_of(entry: Entry) -> str:
    """SHA-256, as hexadecimal digits, of the canonical bytes of all fields but ``digest``."""
    return hashlib.sha256(canonical({k: v for k, v in entry.items() if k != "digest"})).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON in one form: keys sorted, no blanks, ASCII, no NaN (ValueError)."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@cache
def _version() -> str:
    return version("retrofr")


def _refuse_unloggable(value: Any, name: str) -> None:
    """ValueError for what is not plain JSON, or could be a template or a picture: that is a bug of who logs it."""
    match value:
        case None | bool() | int():
            return
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite number, got {value}")
        case str():
            if len(value) > LONGEST_TEXT:
                raise ValueError(f"{name}: expected at most {LONGEST_TEXT:,} characters, got {len(value):,}")
            if _ENCODED.search(value):
                raise ValueError(f"{name}: encoded bytes have no place in a log")
        case list() | tuple():
            numbers = sum(isinstance(item, float) for item in value)
            if numbers > MOST_NUMBERS:
                raise ValueError(f"{name}: a list of {numbers} numbers has no place in a log")
            for item in value:
                _refuse_unloggable(item, name)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError(f"{name}: expected text for a key, got {key!r}")
                _refuse_unloggable(item, f"{name}.{key}")
        case _:
            raise ValueError(f"{name}: a log keeps no {type(value).__name__}")


def _is_well_formed(entry: Entry) -> bool:
    """Whether it has all fields, and those that a check reads are of their kinds."""
    tables = all(isinstance(entry.get(name), dict) for name in ("operator", "details", "contents"))
    return set(entry) == _FIELDS and tables and isinstance(entry["case_entry"], dict | None)


_FIELDS = {
    *("schema", "log", "seq", "at", "action", "operation", "outcome", "started", "finished", "operator"),
    *("host", "user", "authority", "reason", "case", "case_entry", "details", "contents", "models"),
    *("software", "previous", "digest"),
}
