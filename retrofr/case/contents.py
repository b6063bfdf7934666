"""Digests of what a case holds, so that the audit log can vouch for it: searches, authorities, probes, verdicts.

Pages of a case are authenticated, so nobody without its key alters a byte unnoticed. Who has the key can alter rows;
then they are no longer what the log says was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from retrofr.case.store import Case
from retrofr.oversight.findings import Finding
from retrofr.oversight.log import Entry, canonical

_ROWS = {
    "searches": (
        "SELECT recipe_id, started, finished, record FROM searches WHERE id = ?",
        "SELECT id, probe, tracklet_id, score, supporting, best, hit FROM candidates WHERE search_id = ? ORDER BY id",
    ),
    "authorities": ("SELECT record FROM authorities WHERE id = ?",),
    "probe_register": ("SELECT sha256, record FROM probe_register WHERE id = ?",),
    "verdicts": ("SELECT search_id, candidate_id, record, sealed FROM verdicts WHERE id = ?",),
    "people_decisions": ('SELECT at, recipe_key, kind, what, "by", why FROM people_decisions WHERE id = ?',),
    "meta": ("SELECT value FROM meta WHERE name = ?",),
}
"""What belongs to a row, by its table; the first query has the row itself. A row of ``meta`` has a name for an id."""


def contents_digest(case: Case, table: str, row_id: int | str) -> str | None:
    """SHA-256, as hexadecimal digits, of a row and what belongs to it; None where there is no such row.

    Raises:
        ValueError: the log does not vouch for rows of this table.
    """
    if table not in _ROWS:
        raise ValueError(f"table: expected one of {', '.join(_ROWS)}, got {table!r}")
    rows = [case.fetch_all(query, (row_id,)) for query in _ROWS[table]]
    if not rows[0]:
        return None
    plain = [[[_plain(value) for value in row] for row in part] for part in rows]
    return hashlib.sha256(canonical(plain)).hexdigest()


_ALL_TOLD = ("verdicts",)
"""Tables that only logged actions write to: a row that no entry tells of was slipped in."""


def altered_contents(case: Case, entries: Sequence[Entry]) -> list[Finding]:
    """What is not as the last entry that tells of it says, in the order of the entries; then what none tells of."""
    latest: dict[str, tuple[int, str | None]] = {}
    for entry in entries:
        for name, digest in entry["contents"].items():
            latest[name] = (entry["seq"], digest)
    found = []
    for name, (seq, digest) in sorted(latest.items(), key=lambda item: item[1][0]):
        table, _, row_id = name.partition("/")
        now = contents_digest(case, table, row_id) if table in _ROWS else digest
        if now is None and digest is not None:
            found.append(Finding("record deleted", seq, f"{name}, which entry {seq} tells of, is missing"))
        elif now != digest:
            found.append(
                Finding("record edited", seq, f"{name} is not as it was when entry {seq} was written")
            )
    last = max((entry["seq"] for entry in entries), default=1)
    for table in _ALL_TOLD:
        for (row_id,) in case.fetch_all(f"SELECT id FROM {table} ORDER BY id"):
            if f"{table}/{row_id}" not in latest:
                found.append(
                    Finding("record added", last, f"{table}/{row_id} is there, and no entry tells of it")
                )
    return found


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
