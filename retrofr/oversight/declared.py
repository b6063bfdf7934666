"""What the command line or a program declares for all that is done from here on: authority, reason, probe record.

Who acts is declared in :mod:`retrofr.oversight.operators`.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from retrofr.errors import UsageError
from retrofr.oversight.authority import AUTHORITY_VARIABLE, Authority, read_authority
from retrofr.oversight.log import LONGEST_TEXT
from retrofr.oversight.probe_records import ProbeRecord, read_probe_record


@dataclass(frozen=True)
class Declared:
    """Files and words that were given; None is not given.

    Args:
        authority: the file of the authority.
        reason: why, in the operator's words.
        probe_record: the file of the record that pictures without one of their own have.
    """

    authority: Path | None = None
    reason: str | None = None
    probe_record: Path | None = None


_NOTHING = Declared()
_declared: ContextVar[Declared] = ContextVar("declared", default=_NOTHING)


def declared() -> Declared:
    """What holds in this context."""
    return _declared.get()


def declare(
    *, authority: Path | None = None, reason: str | None = None, probe_record: Path | None = None
) -> None:
    """Declare some of it for this context; what is None stays as it is.

    Raises:
        UsageError: the reason is too long for the log.
    """
    if reason is not None and len(reason) > LONGEST_TEXT:
        raise UsageError(f"expected at most {LONGEST_TEXT:,} characters", subject="reason")
    now = _declared.get()
    _declared.set(
        replace(
            now,
            authority=authority or now.authority,
            reason=reason or now.reason,
            probe_record=probe_record or now.probe_record,
        )
    )


def undeclare() -> None:
    """Take back all that was declared in this context."""
    _declared.set(_NOTHING)


def declared_authority() -> Authority | None:
    """The authority of the file that was declared, else of that which RETROFR_AUTHORITY names; None without one.

    Raises:
        UsageError: the file cannot be read, or is no authority.
    """
    named = os.environ.get(AUTHORITY_VARIABLE)
    path = _declared.get().authority or (Path(named) if named else None)
    return None if path is None else read_authority(path)


def declared_probe_record() -> ProbeRecord | None:
    """The record that was declared for pictures without one; None without one.

    Raises:
        UsageError: the file cannot be read, or is no such record.
    """
    path = _declared.get().probe_record
    return None if path is None else read_probe_record(path)
