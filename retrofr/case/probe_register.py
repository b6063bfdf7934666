"""Who was looked for in a case, and why: every picture that was a probe, with the record of where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from retrofr.case.audit import Act
from retrofr.case.encoding import pack, unpack
from retrofr.case.searches import searches
from retrofr.case.store import Case
from retrofr.oversight.checking import AskedProbe
from retrofr.oversight.probe_records import ProbeRecord


@dataclass(frozen=True)
class _Kept:
    """A row of the table, as it is encoded."""

    name: str
    record: ProbeRecord | None
    at: datetime
    by: str
    authority: str | None
    reason: str | None


@dataclass(frozen=True)
class RegisteredProbe:
    """A picture that was a probe in a case.

    Args:
        name: of the person, as it was given; empty for one that is only known from searches of before.
        sha256: of the picture.
        record: where it came from; None is "not recorded".
        at: when it was first used like this; None where that is not known.
        by: the operator who did.
        authority: reference of that under which it was used; None is "not recorded".
        reason: in the operator's words.
        searches: numbers of the searches in which it was a probe.
    """

    name: str
    sha256: str
    record: ProbeRecord | None
    at: datetime | None
    by: str
    authority: str | None
    reason: str | None
    searches: tuple[int, ...] = ()


def register_probes(case: Case, probes: Iterable[AskedProbe], act: Act) -> None:
    """Write down who is looked for, inside the transaction of the search; what is known already is not repeated.

    Args:
        case: the case.
        probes: the pictures, with their records.
        act: of the search; its log vouches for what is written.
    """
    before = {(each.sha256, each.name, each.record, each.authority) for each in _rows(case)}
    with case.transaction():
        for probe in probes:
            key = (probe.sha256, probe.name, probe.record, act.authority)
            if key in before:
                continue
            before.add(key)
            now, by = datetime.now(UTC), act.operator.describe()
            kept = _Kept(probe.name, probe.record, now, by, act.authority, act.reason)
            number = case.insert(
                "INSERT INTO probe_register (sha256, record) VALUES (?, ?)", (probe.sha256, pack(kept))
            )
            act.covers("probe_register", number)


def probe_register(case: Case) -> list[RegisteredProbe]:
    """Everybody who was looked for in a case, those of searches without a register included: no list is secret.

    Raises:
        CaseError: a record cannot be read.
    """
    used: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for search in searches(case):
        for probe in search.probes:
            for image in probe.get("images", ()):
                used.setdefault(image["sha256"], []).append(search.id)
                names.setdefault(image["sha256"], probe["name"])
    registered = _rows(case)
    known = {each.sha256 for each in registered}
    pictures = [row[0] for row in case.fetch_all("SELECT DISTINCT sha256 FROM probe_images ORDER BY id")]
    unknown = [sha256 for sha256 in dict.fromkeys([*pictures, *used]) if sha256 not in known]
    older = [RegisteredProbe(names.get(sha256, ""), sha256, None, None, "", None, None) for sha256 in unknown]
    return [_with_searches(each, used.get(each.sha256, ())) for each in (*registered, *older)]


def _with_searches(probe: RegisteredProbe, numbers: Iterable[int]) -> RegisteredProbe:
    return replace(probe, searches=tuple(dict.fromkeys(numbers)))


def _rows(case: Case) -> list[RegisteredProbe]:
    rows = case.fetch_all("SELECT sha256, record FROM probe_register ORDER BY id")
    found = []
    for sha256, record in rows:
        kept = unpack(record, _Kept, str(case.path))
        found.append(
            RegisteredProbe(kept.name, sha256, kept.record, kept.at, kept.by, kept.authority, kept.reason)
        )
    return found
