"""The audit log inside a case: a row an entry, a row a signed head, written together."""

from __future__ import annotations

from collections.abc import Sequence

from retrofr.case.contents import altered_contents
from retrofr.case.store import Case
from retrofr.errors import IntegrityError
from retrofr.oversight.findings import Findings, Stored, Verified
from retrofr.oversight.log import (
    Draft,
    Entry,
    Head,
    canonical,
    make_entry,
    make_head,
    parse_entry,
    parse_head,
)
from retrofr.oversight.operators import OperatorKey, known_keys
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.verifying import verify_log


def append(case: Case, draft: Draft, key: OperatorKey | None) -> Entry:
    """Write an entry, and its head signed by the key, in the transaction that is open or one of its own.

    Raises:
        IntegrityError: the last entry was altered; nothing is built upon it.
        CaseError: the medium is read-only.
    """
    with case.transaction():
        entry = make_entry(
            draft,
            log=case.id,
            last=_last(case),
            public_key_hex=None if key is None else key.public_key_hex,
        )
        case.insert("INSERT INTO audit (seq, entry) VALUES (?, ?)", (entry["seq"], canonical(entry)))
        if key is not None:
            head = make_head(entry, key).encoded()
            case.insert("INSERT INTO audit_heads (seq, record) VALUES (?, ?)", (entry["seq"], head))
    return entry


def entries(case: Case) -> list[Entry]:
    """Those entries of a case that are as they were written, in their order."""
    return [entry for item in _stored(case) if (entry := parse_entry(item.data)) is not None]


def stored_count(case: Case) -> int:
    """How many entries lie in the log of a case, as they were written or not."""
    row = case.fetch_one("SELECT count(*) FROM audit")
    return 0 if row is None else int(row[0])


def heads(case: Case) -> list[Head]:
    """Those signed heads of a case that are as they were written, in the order of their entries."""
    return [head for item in _stored_heads(case) if (head := parse_head(item.data)) is not None]


def log_lines(case: Case) -> tuple[list[bytes], list[bytes]]:
    """The entries and the signed heads of a case as they are kept, in their order: canonical JSON without line ends."""
    return [bytes(item.data) for item in _stored(case)], [bytes(item.data) for item in _stored_heads(case)]


def verify_audit(case: Case, outside: OutsideLog | None = None) -> Verified | Findings:
    """Check the log of a case, against its heads, the log outside of cases, and what the log vouches for.

    Raises:
        CaseError: the case, or the key of an operator, cannot be read.
        OutputError: the log outside of cases cannot be read.
    """
    told, doubts = _believed(outside or OutsideLog.of_user(), case)
    stored = _stored(case)
    result = verify_log(stored, _stored_heads(case), log=case.id, outside=told, known_keys=known_keys())
    whole = entries(case)
    altered = altered_contents(case, whole)
    notes = (*result.notes, *doubts, *_unknown_outside(whole, told))
    found = (result.found if isinstance(result, Findings) else ()) + tuple(altered)
    if found:
        return Findings(result.entries, found, notes)
    assert isinstance(result, Verified)
    return Verified(result.entries, result.last_digest, notes)


def verify_outside(outside: OutsideLog | None = None) -> Verified | Findings:
    """Check the log outside of cases.

    Raises:
        CaseError, OutputError: as :func:`verify_audit`.
    """
    log = outside or OutsideLog.of_user()
    lines = [Stored(line) for line in log.entry_lines()]
    signed = [Stored(line) for line in log.head_lines()]
    return verify_log(lines, signed, known_keys=known_keys(), all_signed=False)


def _believed(outside: OutsideLog, case: Case) -> tuple[list[Entry], list[str]]:
    """Entries outside that tell of a case, up to the first that was altered: an altered log accuses nobody."""
    result = verify_outside(outside)
    own = [entry for entry in outside.entries() if entry["case"] == case.id]
    if isinstance(result, Verified):
        return own, []
    whole = result.first.seq - 1
    note = (
        f"the log outside of cases was altered itself, so that only its first {whole} entries were believed"
    )
    return [entry for entry in own if entry["seq"] <= whole], [note]


def _unknown_outside(whole: Sequence[Entry], told: Sequence[Entry]) -> list[str]:
    known = {entry["case_entry"]["seq"] for entry in told if entry["case_entry"] is not None}
    unknown = sum(entry["seq"] not in known for entry in whole)
    if not unknown:
        return []
    return [
        f"{unknown} of {len(whole)} entries of the case are not in the log outside of it: "
        "they were written on another machine or by another user, or that log could not be written to"
    ]


def _stored(case: Case) -> list[Stored]:
    return [Stored(data, seq) for seq, data in case.execute("SELECT seq, entry FROM audit ORDER BY seq")]


def _stored_heads(case: Case) -> list[Stored]:
    rows = case.execute("SELECT seq, record FROM audit_heads ORDER BY seq")
    return [Stored(data, seq) for seq, data in rows]


def _last(case: Case) -> Entry | None:
    row = case.fetch_one("SELECT seq, entry FROM audit ORDER BY seq DESC LIMIT 1")
    head = case.fetch_one("SELECT coalesce(max(seq), 0) FROM audit_heads")
    entry = None if row is None else parse_entry(row[1])
    number = 0 if row is None else row[0]
    if row is not None and (entry is None or entry["seq"] != number or entry["log"] != case.id):
        raise _altered(case, f"entry {number} of its audit log was altered")
    if head is not None and head[0] > number:
        raise _altered(case, f"its audit log ends before entry {number + 1}, and signed heads tell of more")
    return entry


def _altered(case: Case, reason: str) -> IntegrityError:
    return IntegrityError(
        reason,
        subject=str(case.path),
        hint="`retrofr audit verify --case DIR` says what else was altered; go on with a copy that is whole",
    )
