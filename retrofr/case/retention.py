"""Until when a case is kept, and whether it is on hold: rows of its table ``meta``, told on its label too.

The date is the last day, in UTC, on which the case can be used. After it, the case can only be purged, kept longer with
a reason, put on hold or taken off it, and looked at (what it is, and its audit log). A hold forbids its purge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from retrofr.case.places import Places, renew_label
from retrofr.errors import CaseError, RefusedError, UsageError

if TYPE_CHECKING:
    from retrofr.case.audit import Act
    from retrofr.case.store import Case

RETAIN_UNTIL = "retention_until"
HOLD = "hold"
NO_DATE = "no date recorded"


@dataclass(frozen=True)
class Hold:
    """That a case must not be destroyed: since when (UTC), why, and who said so."""

    since: datetime
    reason: str
    by: str


@dataclass(frozen=True)
class Retention:
    """``until`` is the last day (UTC) a case is kept; both are None where nothing is recorded."""

    until: date | None = None
    hold: Hold | None = None

    def is_past_due(self) -> bool:
        """Whether the last day has passed."""
        return self.until is not None and today() > self.until

    def describe(self) -> str:
        """``kept until 2030-01-31``, that it is past due, or that no date is recorded; and of a hold."""
        if self.until is None:
            text = NO_DATE
        elif self.is_past_due():
            text = f"past due since {self.until}; it can only be purged or extended"
        else:
            text = f"kept until {self.until}"
        if self.hold is None:
            return text
        return f"{text}; on hold since {self.hold.since.date()}: {self.hold.reason}"


def today() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


def check_new_date(until: date) -> None:
    """Refuse a retention date that has passed (UsageError)."""
    if until < today():
        raise UsageError("has passed already", subject=str(until), hint="name today or a later day")


def retention_of(case: Case) -> Retention:
    """What is recorded in a case.

    Raises:
        CaseError: what is recorded cannot be read.
    """
    query = "SELECT name, value FROM meta WHERE name IN (?, ?)"
    rows = dict(case.fetch_all(query, (RETAIN_UNTIL, HOLD)))
    try:
        until = date.fromisoformat(rows[RETAIN_UNTIL]) if RETAIN_UNTIL in rows else None
        return Retention(until, _hold(rows[HOLD]) if HOLD in rows else None)
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(
            f"its retention date or its hold cannot be read ({error})",
            subject=str(case.path),
            hint="`retrofr audit verify --case DIR` says what was altered",
        ) from error


def _hold(text: str) -> Hold:
    fields = json.loads(text)
    return Hold(datetime.fromisoformat(fields["since"]), str(fields["reason"]), str(fields["by"]))


def refuse_past_due(case: Case) -> None:
    """Refuse, and log as denied, the use of a case whose retention date has passed.

    Raises:
        RefusedError: it has.
    """
    retention = retention_of(case)
    if not retention.is_past_due():
        return
    from retrofr.case.audit import denied

    why = f"was to be kept until {retention.until}, and that day has passed"
    denied(case, "open", why, violations=["retention"])
    raise RefusedError(
        why,
        subject=str(case.path),
        hint="`retrofr case purge --case DIR` destroys it; "
        "`retrofr case extend --case DIR --until DATE --reason TEXT` keeps it longer",
    )


def extend_retention(case: Case, until: date, reason: str) -> Retention:
    """Keep a case longer, or record a date where there is none; audited with the reason.

    Args:
        case: open, also past due.
        until: the new last day, in UTC.
        reason: why; it must say something.

    Raises:
        UsageError: the date has passed or is not later than the recorded one, or there is no reason.
        RefusedError: the policies do not allow that the case is kept so long.
        CaseError: the medium is read-only.
    """
    from retrofr.case.audit import acting

    reason = checked_reason(reason)
    check_new_date(until)
    case.require_writable()
    with acting(case, "extend", reason=reason) as act, case.transaction():
        _refuse_by_policy(case, act, until)
        before = retention_of(case)
        if before.until is not None and until <= before.until:
            raise UsageError(
                f"is not later than the recorded date {before.until}",
                subject=str(until),
                hint="`retrofr case purge --case DIR` destroys a case before its date",
            )
        after = Retention(until, before.hold)
        _put(case, RETAIN_UNTIL, until.isoformat(), after)
        act.details |= {"before": None if before.until is None else str(before.until), "until": str(until)}
        act.covers("meta", RETAIN_UNTIL)
        act.commit()
    return after


def set_hold(case: Case, on: bool, reason: str) -> Retention:
    """Put a case on hold, so that it cannot be purged, or take it off; audited with the reason.

    Raises:
        UsageError: it is so already, or there is no reason.
        CaseError: the medium is read-only.
    """
    from retrofr.case.audit import acting

    reason = checked_reason(reason)
    case.require_writable()
    with acting(case, "hold", reason=reason, details={"on": on}) as act, case.transaction():
        before = retention_of(case)
        if on == (before.hold is not None):
            state = f"on hold already, since {before.hold.since.date()}" if before.hold else "not on hold"
            raise UsageError(f"is {state}", subject=str(case.path))
        hold = Hold(datetime.now(UTC), reason, act.operator.describe()) if on else None
        after = Retention(before.until, hold)
        value = {"since": hold.since.isoformat(), "reason": reason, "by": hold.by} if hold else None
        _put(case, HOLD, None if value is None else json.dumps(value), after)
        act.covers("meta", HOLD)
        act.commit()
    return after


def _refuse_by_policy(case: Case, act: Act, until: date) -> None:
    from retrofr.case.permitting import retention_by_policy

    try:
        retention_by_policy(until, case.created.date(), case.path.parent)
    except RefusedError:
        act.details["violations"] = ["retention_days"]
        raise


def checked_reason(reason: str) -> str:
    """A reason without the blanks around it (UsageError where nothing is left)."""
    if not reason.strip():
        raise UsageError("is empty", subject="reason", hint="say why: it is kept in the audit log")
    return reason.strip()


def _put(case: Case, name: str, value: str | None, after: Retention) -> None:
    """A row of ``meta``, None to take it away, and the label with it."""
    case.fetch_all("DELETE FROM meta WHERE name = ?", (name,))
    if value is not None:
        case.fetch_all("INSERT INTO meta VALUES (?, ?)", (name, value))
    renew_label(Places(case.path).label, retain_until=after.until, on_hold=after.hold is not None)
