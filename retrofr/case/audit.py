"""What is called by all that acts, so that it is written down: ``with acting(case, "search") as act: ...``.

What is done in a case is written into the case, in the transaction of what it tells of where ``act.commit()`` is
called in it, and then into the log outside of cases, with the digest of the entry in the case.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from retrofr.case.audit_log import append
from retrofr.case.contents import contents_digest
from retrofr.case.store import Case
from retrofr.errors import OutputError, RefusedError, RetrofrError, UsageError
from retrofr.events import Listener, Warned, ignore
from retrofr.oversight.log import LONGEST_TEXT, Draft, Entry, Outcome, canonical
from retrofr.oversight.operators import Operator, OperatorKey, current_operator, operator_key
from retrofr.oversight.outside import OutsideLog

_LONGEST_ERROR = 400


@dataclass
class Act:
    """Something that is being done, and what will be written of it; set the fields while it is done.

    Args:
        details: plain JSON values; no biometrics. Keys that the summary reads are in ``docs/audit.md``.
        outcome: "done", unless the caller says "interrupted" or an error says otherwise.
        outside_only: the case is gone, or is not to be written to any more.
        entry: the entry in the case, once it is there; ``outside_entry`` that in the log outside of cases.
    """

    case: Case | None
    action: str
    operator: Operator
    key: OperatorKey | None
    started: datetime
    case_id: str | None
    authority: str | None = None
    reason: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    outcome: Outcome = "done"
    outside_only: bool = False
    entry: Entry | None = None
    outside_entry: Entry | None = None
    _rows: list[tuple[str, int | str]] = field(default_factory=list)

    def covers(self, table: str, row_id: int | str) -> None:
        """The log vouches for this row from now on, or for it being erased: see :mod:`retrofr.case.contents`."""
        self._rows.append((table, row_id))

    def commit(self) -> None:
        """Write the entry into the case now, inside the transaction of what it tells of.

        Raises:
            IntegrityError: the log of the case was altered.
            CaseBusyError: another process kept writing for too long.
        """
        if self.case is not None and not self.case.read_only and not self.outside_only:
            self.entry = append(self.case, self.draft(), self.key)

    def draft(self) -> Draft:
        """What is to be written, as it stands."""
        contents = {}
        if self.case is not None and not self.outside_only:
            contents = {f"{t}/{r}": contents_digest(self.case, t, r) for t, r in self._rows}
        return Draft(
            action=self.action,
            operator=self.operator,
            outcome=self.outcome,
            case_id=self.case_id,
            authority=self.authority,
            reason=self.reason,
            details=self.details,
            contents=contents,
            models=self.models,
            started=self.started,
            finished=None if self.outcome == "begun" else datetime.now(UTC),
        )

    def fail(self, error: BaseException) -> None:
        """Take an error for how it ended; a refusal makes a denial of whatever was asked."""
        told: dict[str, Any] = {"kind": type(error).__name__}
        if isinstance(error, RetrofrError):
            told |= {"exit_code": error.exit_code, "reason": error.reason[:_LONGEST_ERROR]}
        self.details["error"] = told
        if isinstance(error, RefusedError):
            self.details.setdefault("asked", self.action)
            self.action, self.outcome = "denied", "refused"
        else:
            self.outcome = "failed" if isinstance(error, Exception) else "interrupted"

    def begin(self, *, required: bool, listener: Listener) -> None:
        """Write that it begins, with what is known of it now."""
        self.outcome = "begun"
        self.finish(required=required, listener=listener)
        self.outcome, self.entry = "done", None

    def finish(self, *, required: bool, listener: Listener) -> None:
        """Write what is not yet written: into the case, then outside."""
        if self.entry is not None and not _is_kept(self.case, self.entry):
            self.entry, self._rows = None, []  # its transaction was taken back, with all that it told of
        if self.entry is None:
            self.commit()
        try:
            self.outside_entry = OutsideLog.of_user().append(self.draft(), self.key, self.entry)
        except OutputError as error:
            if required:
                raise
            listener(Warned("audit log", f"{error.reason}: {error.subject}"))


@contextlib.contextmanager
def acting(
    case: Case | None,
    action: str,
    *,
    authority: str | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
    models: Mapping[str, str] | None = None,
    operator: Operator | None = None,
    begin: bool = False,
    outside_required: bool = False,
    listener: Listener = ignore,
) -> Iterator[Act]:
    """Whatever is done inside is written down at its end, also when it fails; a RefusedError as a denial.

    Args:
        case: the case that is worked on; None for none.
        action: one of :data:`retrofr.oversight.log.OPERATIONS`.
        authority: reference of the authority; None is "not recorded".
        reason: why, in the operator's words.
        details, models: more can be set while it is done.
        operator: who acts; by default as :func:`retrofr.oversight.operators.current_operator` says.
        begin: write also that it begins, for what may run for hours and be killed.
        outside_required: refuse it where the log outside of cases cannot be written to, before anything is done.
        listener: is told where that log, or the key that signs, cannot be written.

    Raises:
        UsageError: the operator's name is none, or the reason is too long.
        CaseError: the operator's key is damaged, or others can read it.
        RefusedError: ``outside_required``, and that log cannot be written to.
        IntegrityError: the log of the case was altered.
    """
    act = _prepared(case, action, operator, listener)
    act.authority, act.reason = authority, checked_reason(reason)
    act.details, act.models = dict(details or {}), dict(models or {})
    act.draft()  # what cannot be written down is noticed before it is done
    if outside_required:
        _require_outside()
    if begin:
        act.begin(required=outside_required, listener=listener)
    try:
        yield act
    except BaseException as error:
        act.fail(error)
        try:
            act.finish(required=outside_required, listener=listener)
        except RetrofrError as unwritten:
            # What went wrong first is what the user must read; that it is not in the log is said as well.
            listener(Warned("audit log", f"this is not in the log: {unwritten}"))
        raise
    act.finish(required=outside_required, listener=listener)


def _prepared(case: Case | None, action: str, operator: Operator | None, listener: Listener) -> Act:
    operator = operator or current_operator()
    return Act(
        case=case,
        action=action,
        operator=operator,
        key=_key(operator, listener),
        started=datetime.now(UTC),
        case_id=None if case is None else case.id,
    )


def checked_reason(reason: str | None) -> str | None:
    """A reason as it was given, if the log takes it (UsageError)."""
    if reason is not None and len(reason) > LONGEST_TEXT:
        raise UsageError(f"expected at most {LONGEST_TEXT:,} characters", subject="reason")
    return reason


def denied(
    case: Case | None,
    asked: str,
    why: str,
    *,
    violations: Sequence[str] = (),
    authority: str | None = None,
    details: Mapping[str, Any] | None = None,
    listener: Listener = ignore,
) -> None:
    """Write down that something was refused, where no :func:`acting` is around it to do so.

    Args:
        case: the case; None for none.
        asked: the action that was asked for.
        why: the sentence that the user reads.
        violations: names of the requirements that were not met, as a policy has them.
        authority, details, listener: as for :func:`acting`.
    """
    told = {"asked": asked, "why": why[:_LONGEST_ERROR], "violations": list(violations), **(details or {})}
    with acting(case, "denied", authority=authority, details=told, listener=listener) as act:
        act.outcome = "refused"


def _is_kept(case: Case | None, entry: Entry) -> bool:
    if case is None:
        return False
    row = case.fetch_one("SELECT entry FROM audit WHERE seq = ?", (entry["seq"],))
    return row is not None and bytes(row[0]) == canonical(entry)


def _key(operator: Operator, listener: Listener) -> OperatorKey | None:
    try:
        return operator_key(operator)
    except OutputError as error:
        listener(Warned("audit log", f"what is written is not signed: {error.reason}: {error.subject}"))
        return None


def _require_outside() -> None:
    try:
        OutsideLog.of_user().check_writable()
    except OutputError as error:
        raise RefusedError(error.reason, subject=error.subject, hint=error.hint) from error
