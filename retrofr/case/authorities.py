"""The authorities of a case: recorded, confirmed, rejected; the latest valid one counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from retrofr.case.audit import Act, acting
from retrofr.case.audit_log import entries
from retrofr.case.encoding import pack, unpack
from retrofr.case.store import Case
from retrofr.errors import RefusedError, UsageError
from retrofr.events import Listener, ignore
from retrofr.oversight.authority import Authority, Person
from retrofr.oversight.operators import current_operator


@dataclass(frozen=True)
class _Kept:
    """A row of the table, as it is encoded."""

    authority: Authority
    at: datetime
    by: str
    standing: bool = True


@dataclass(frozen=True)
class StoredAuthority:
    """An authority as a case has it: its number, when and by whom it was recorded.

    One that is ``standing`` was recorded for the case, and counts for whatever is done in it; others were given with
    a single command, and are kept so that they can be shown and rejected.
    """

    id: int
    authority: Authority
    at: datetime
    by: str
    standing: bool = True


@dataclass(frozen=True)
class CameFrom:
    """What was done under an authority: numbers of searches, and how often footage was indexed.

    ``is_all``: nothing else was indexed or searched in the case.
    """

    searches: tuple[int, ...]
    index_runs: int
    is_all: bool

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was done under it."""
        return not (self.searches or self.index_runs)

    def describe(self) -> str:
        """``2 index runs and searches 3, 4``."""
        runs = f"{self.index_runs:,} index run{'' if self.index_runs == 1 else 's'}"
        found = [runs] if self.index_runs else []
        if self.searches:
            word = "search" if len(self.searches) == 1 else "searches"
            found.append(f"{word} {', '.join(map(str, self.searches))}")
        return " and ".join(found) or "nothing"


def authorities(case: Case) -> list[StoredAuthority]:
    """All that were recorded, in their order.

    Raises:
        CaseError: one cannot be read.
    """
    rows = case.fetch_all("SELECT id, record FROM authorities ORDER BY id")
    found = []
    for number, record in rows:
        kept = unpack(record, _Kept, str(case.path))
        found.append(StoredAuthority(number, kept.authority, kept.at, kept.by, kept.standing))
    return found


def current_authority(case: Case, now: datetime | None = None) -> StoredAuthority | None:
    """The standing one that counts: the last that is valid, else the last, which says why it is not; None without."""
    stored = [each for each in authorities(case) if each.standing]
    valid = [each for each in stored if each.authority.status(now).is_valid]
    return next(reversed(valid or stored), None)


def put_authority(
    case: Case, authority: Authority, *, standing: bool = True, listener: Listener = ignore
) -> StoredAuthority:
    """Record an authority in a case; it counts before all that were recorded earlier.

    Args:
        case: the case.
        authority: what is recorded.
        standing: it counts from now on for all that is done in the case; else for the command it was given with.
        listener: is told where the log outside of cases cannot be written.

    Raises:
        RefusedError: one of this reference was rejected.
        CaseError: the medium is read-only.
    """
    with acting(case, "authorise", authority=authority.reference, listener=listener) as act:
        rejection = rejected(case, authority.reference)
        if rejection is not None:
            act.details["violations"] = ["authority"]
            raise RefusedError(
                rejection.status().sentence,
                subject=f"authority {authority.reference}",
                hint="a new authority needs a reference of its own",
            )
        act.details |= {"record": authority.sha256 or None, "urgent": authority.urgent, "standing": standing}
        kept = _Kept(authority, datetime.now(UTC), current_operator().describe(), standing)
        with case.transaction():
            number = case.insert("INSERT INTO authorities (record) VALUES (?)", (pack(kept),))
            act.covers("authorities", number)
            act.commit()
    return StoredAuthority(number, authority, kept.at, kept.by, standing)


def remember(case: Case, authority: Authority, *, listener: Listener = ignore) -> None:
    """Keep an authority that was given with a command, where the case does not have it as it is now."""
    if case.read_only or any(stored.authority == authority for stored in authorities(case)):
        return
    put_authority(case, authority, standing=False, listener=listener)


def rejected(case: Case, reference: str) -> Authority | None:
    """The authority of this reference that was rejected; None where none was."""
    found = (each.authority for each in authorities(case) if each.authority.reference == reference)
    return next((authority for authority in found if authority.rejected is not None), None)


def recorded(case: Case, authority: Authority) -> Authority | None:
    """What a case has of an authority that was read from the same file; None where it has nothing."""
    found = [each.authority for each in authorities(case) if each.authority.sha256 == authority.sha256 != ""]
    return found[-1] if found else None


def confirm_authority(
    case: Case, reference: str | None, by: Person, *, at: datetime | None = None, listener: Listener = ignore
) -> StoredAuthority:
    """Write down that an urgent authority was confirmed.

    Args:
        case: the case.
        reference: of the authority; None for the only one that can be meant.
        by: who confirmed it.
        at: when; by default now.
        listener: is told where the log outside of cases cannot be written.

    Raises:
        UsageError: there is no such authority, or it is not urgent.
        RefusedError: it was rejected.
    """
    stored = _named(case, reference)
    if not stored.authority.urgent:
        raise UsageError("is not urgent, so that nothing is to be confirmed", subject=_subject(stored))
    if stored.authority.rejected is not None:
        raise RefusedError(stored.authority.status().sentence, subject=_subject(stored))
    changed = stored.authority.confirm(by, at or datetime.now(UTC))
    with (
        acting(
            case, "authorise", authority=changed.reference, details={"confirmed": True}, listener=listener
        ) as act,
        case.transaction(),
    ):
        _write(case, act, stored, changed)
        act.commit()
    return replace(stored, authority=changed)


def reject_authority(
    case: Case, reference: str | None, by: str, reason: str, *, listener: Listener = ignore
) -> tuple[StoredAuthority, CameFrom]:
    """Write down that an authority was rejected; nothing can be done under it from then on.

    What came from it is given back, and has to be erased: Art. 26(10) of the EU AI Act.

    Args:
        case, reference, listener: as for :func:`confirm_authority`.
        by: who rejected it.
        reason: why.

    Raises:
        UsageError: there is no such authority, or it was rejected before.
    """
    stored = _named(case, reference)
    if stored.authority.rejected is not None:
        raise UsageError(stored.authority.status().sentence, subject=_subject(stored))
    at = datetime.now(UTC)
    came = came_from(case, stored.authority.reference)
    details = {"searches": len(came.searches), "index_runs": came.index_runs}
    with acting(
        case,
        "reject",
        authority=stored.authority.reference,
        reason=reason,
        details=details,
        listener=listener,
    ) as act:
        # Every version of it, so that no earlier one becomes the latest valid one.
        same = [e for e in authorities(case) if e.authority.reference == stored.authority.reference]
        with case.transaction():
            for each in same:
                _write(case, act, each, each.authority.reject(by, reason, at))
            act.commit()
    return replace(stored, authority=stored.authority.reject(by, reason, at)), came


def came_from(case: Case, reference: str) -> CameFrom:
    """What was done under an authority, by the audit log of the case."""
    # A run of indexing is told of where it begins: one that was killed has no end, and left templates all the same.
    kinds = (("index", "begun"), ("search", "done"), ("search", "interrupted"))
    work = [entry for entry in entries(case) if (entry["action"], entry["outcome"]) in kinds]
    done = [entry for entry in work if entry["authority"] == reference]
    numbers = {e["details"].get("search") for e in done if e["action"] == "search"}
    return CameFrom(
        searches=tuple(sorted(number for number in numbers if isinstance(number, int))),
        index_runs=sum(e["action"] == "index" for e in done),
        is_all=bool(done) and len(done) == len(work),
    )


def _named(case: Case, reference: str | None) -> StoredAuthority:
    stored = authorities(case)
    references = list(dict.fromkeys(each.authority.reference for each in stored))
    if reference is None and len(references) == 1:
        return stored[-1]
    for each in reversed(stored):
        if each.authority.reference == reference:
            return each
    if not stored:
        raise UsageError(
            "no authority is recorded in it",
            subject=str(case.path),
            hint="`retrofr case authorise` records one",
        )
    reason = "there are several authorities" if reference is None else f"there is no authority {reference}"
    raise UsageError(reason, subject=str(case.path), hint=f"name one of: {', '.join(references)}")


def _write(case: Case, act: Act, stored: StoredAuthority, authority: Authority) -> None:
    record = pack(_Kept(authority, stored.at, stored.by, stored.standing))
    case.fetch_all("UPDATE authorities SET record = ? WHERE id = ?", (record, stored.id))
    act.covers("authorities", stored.id)


def _subject(stored: StoredAuthority) -> str:
    return f"authority {stored.authority.reference}"
