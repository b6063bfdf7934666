"""What keeps an examiner from knowing too much, and what the log tells of what they knew."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retrofr.case.audit import acting
from retrofr.case.audit_log import entries
from retrofr.case.store import Case
from retrofr.errors import UsageError
from retrofr.events import Listener, ignore
from retrofr.oversight.operators import Operator
from retrofr.oversight.verdict_rules import same_examiner
from retrofr.oversight.verdicts import FEATURES, Alone, Shown, check_notes

if TYPE_CHECKING:
    from retrofr.case.verdicts import ExaminedCandidate

_ORDER_DIGITS = 16


def view_details(candidate: ExaminedCandidate) -> dict[str, Any]:
    """What an entry of the log says of the candidate that somebody looks at: numbers, no name."""
    return {"search": candidate.search, "candidate": candidate.tracklet, "row": candidate.id}


def note_alone(
    case: Case,
    candidate: ExaminedCandidate,
    notes: str,
    features: Mapping[str, str],
    *,
    operator: Operator | None = None,
    listener: Listener = ignore,
) -> Alone:
    """Have the log tell what was noted of a candidate, by a digest, before its probe is shown.

    Args:
        case, candidate: which one.
        notes, features: what was seen; at least one feature.
        operator: the examiner; by default whoever acts.
        listener: is told what cannot be written down.

    Raises:
        UsageError: no feature was noted, or as :func:`retrofr.oversight.verdicts.check_notes`.
    """
    notes, told = check_notes(notes, features)
    if not told:
        raise UsageError(
            "note at least one feature of the candidate before its probe is shown",
            hint=f"`heading: text`, of {', '.join(FEATURES)}",
        )
    alone = Alone(notes, told, secrets.token_hex(16))
    details = view_details(candidate) | {"noted": alone.digest()}
    with acting(case, "view", operator=operator, details=details, listener=listener):
        return alone


def noted_in(case: Case, alone: Alone) -> int | None:
    """The number of the entry that told of these notes; None where there is none."""
    digest = alone.digest()
    return next((e["seq"] for e in entries(case) if e["details"].get("noted") == digest), None)


def shown_before(
    case: Case,
    candidate: ExaminedCandidate,
    examiner: str,
    *,
    by_rank: bool = False,
    alone: Alone | None = None,
) -> tuple[Shown, ...]:
    """What an examiner was shown of a candidate's score, rank, probe and verdicts, as far as the case's log tells.

    The probe counts where its picture was written for them before they noted what they saw of the candidate alone.

    Raises:
        ValueError: ``alone`` is not in the log.
    """
    before = None if alone is None else noted_in(case, alone)
    if alone is not None and before is None:
        raise ValueError("alone: the log does not tell of these notes")
    rows = case.fetch_all(
        "SELECT id FROM candidates WHERE search_id = ? AND probe = ?", (candidate.search, candidate.probe)
    )
    same_probe = {row for (row,) in rows}
    found: set[Shown] = {"rank"} if by_rank else set()
    if any(not v.sealed and not same_examiner(v.examiner, examiner) for v in candidate.verdicts):
        found.add("conclusions")
    for entry in entries(case):
        if entry["outcome"] != "done" or not same_examiner(str(entry["operator"].get("name")), examiner):
            continue
        which = entry["details"].get("search")
        if entry["action"] == "search" and which == candidate.search:
            found.add("search")
        if entry["action"] == "export" and which in (candidate.search, None):
            found.add("export")
        seen = entry["details"].get("probe") and entry["details"].get("row") in same_probe
        if seen and before is not None and entry["seq"] < before:
            found.add("probe")
    known: tuple[Shown, ...] = ("search", "export", "rank", "probe", "conclusions")
    return tuple(name for name in known if name in found)


def order_seed(case: Case, search: int, examiner: str) -> str:
    """What decides in which order an examiner is shown candidates, so that it says nothing of their ranks."""
    name = " ".join(examiner.split()).casefold()
    return hashlib.sha256(f"{case.id}/{search}/{name}".encode()).hexdigest()[:_ORDER_DIGITS]


def shuffled_key(seed: str, probe: str, tracklet: int) -> str:
    """By this candidates are sorted: a digest, the same whenever the seed is."""
    return hashlib.sha256(f"{seed}/{tracklet}/{probe}".encode("utf-8", "surrogatepass")).hexdigest()
