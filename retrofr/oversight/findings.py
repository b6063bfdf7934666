"""What came of checking a log: that it is whole, or which entries were altered and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "reordered",
    "edited",
    "deleted",
    "truncated",
    "rewritten",
    "inserted",
    "forged head",
    "head deleted",
    "record edited",
    "record deleted",
    "record added",
]
"""How a log, or a record of the case that a log tells of, was altered; of one entry, the first of these is told first.

``truncated``: entries are missing at the end. ``rewritten``: under this number there was another entry before.
"""
KIND_ORDER: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Finding:
    """One alteration. ``seq`` is the number of the first entry it concerns, ``sentence`` says it to a person."""

    kind: Kind
    seq: int
    sentence: str


@dataclass(frozen=True)
class Verified:
    """Nothing was altered. ``notes`` are sentences on what the check could not tell."""

    entries: int
    last_digest: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What was altered, the first alteration first; there is at least one."""

    entries: int
    found: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Finding:
        """The alteration of the lowest entry."""
        return self.found[0]


@dataclass(frozen=True)
class Stored:
    """Bytes of an entry or a head as they were kept: ``number`` is that of its row, None in a file of lines."""

    data: bytes
    number: int | None = None
