"""Authorities, policies and registers of probes, for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .text import shown

if TYPE_CHECKING:
    from retrofr.case.authorities import StoredAuthority
    from retrofr.case.probe_register import RegisteredProbe
    from retrofr.oversight.authority import Authority
    from retrofr.oversight.policy import Policy

AUTHORITIES_SCHEMA = "retrofr.authorities/1"
PROBES_SCHEMA = "retrofr.probes/1"
POLICY_SCHEMA = "retrofr.policy/1"
NOT_RECORDED = "not recorded"
_WHEN = "%Y-%m-%d %H:%M UTC"


def authority_line(run: Mapping[str, Any]) -> str:
    """The line of every output: ``authority: RF/17, valid until ...``, or ``authority: not recorded``.

    Args:
        run: the run record of a search or comparison, or what an indexing run says of its oversight.
    """
    from retrofr.oversight.authority import line_of

    return shown(line_of(run))


def authority_lines(authority: Authority) -> list[str]:
    """An authority, a line for each thing it says; its first line has its reference and whether it holds."""
    lines = [
        f"{authority.reference}: {authority.status().sentence}",
        f"  purpose          {authority.purpose}",
        *(f"  {name.replace('_', ' '):<16} {text}" for name, text in authority.about.items()),
        f"  legal basis      {authority.legal_basis}",
        f"  necessity        {authority.necessity}",
        f"  proportionality  {authority.proportionality}",
        f"  authorised by    {authority.authorised_by}",
    ]
    if authority.urgent:
        by = authority.confirmed_by
        lines.append(f"  urgent           {'not confirmed' if by is None else f'confirmed by {by}'}")
    lines += [f"  {'scope' if not n else '':<16} {part}" for n, part in enumerate(authority.scope.describe())]
    return [shown(line) for line in lines]


def stored_lines(stored: Sequence[StoredAuthority]) -> list[str]:
    """The authorities of a case, in the order in which they were recorded."""
    if not stored:
        return [f"authority: {NOT_RECORDED}"]
    lines: list[str] = []
    for each in stored:
        what = "recorded for the case" if each.standing else "given with a command"
        lines += [
            *authority_lines(each.authority),
            f"  recorded         {each.at.strftime(_WHEN)} by {shown(each.by)}, {what}",
        ]
    return lines


def authorities_document(stored: Sequence[StoredAuthority]) -> dict[str, object]:
    """The same for scripts."""
    return {
        "schema": AUTHORITIES_SCHEMA,
        "authorities": [
            {
                "id": each.id,
                **each.authority.as_dict(),
                "status": each.authority.status().state,
                "standing": each.standing,
                "recorded_at": each.at.isoformat(),
                "recorded_by": each.by,
            }
            for each in stored
        ],
    }


def probe_lines(probes: Sequence[RegisteredProbe]) -> list[str]:
    """Who was looked for in a case, and why; every picture that was a probe."""
    if not probes:
        return ["nobody was looked for"]
    lines: list[str] = []
    for probe in probes:
        where = probe.record.line() if probe.record else f"where this picture came from: {NOT_RECORDED}"
        why = probe.record.why if probe.record and probe.record.why else probe.reason
        first = "not known" if probe.at is None else f"{probe.at.strftime(_WHEN)} by {probe.by}"
        lines += [
            f"{probe.name or 'a person whose name was not kept'}, SHA-256 {probe.sha256}",
            f"  {where}",
            f"  why: {why or NOT_RECORDED}; authority: {probe.authority or NOT_RECORDED}",
            f"  first looked for: {first}; in {_numbered(probe.searches)}",
        ]
    return [shown(line) for line in lines]


def probes_document(probes: Sequence[RegisteredProbe]) -> dict[str, object]:
    """The same for scripts."""
    return {
        "schema": PROBES_SCHEMA,
        "probes": [
            {
                "name": probe.name,
                "sha256": probe.sha256,
                "record": None if probe.record is None else probe.record.as_dict(),
                "reason": probe.reason,
                "authority": probe.authority,
                "first_at": None if probe.at is None else probe.at.isoformat(),
                "first_by": probe.by or None,
                "searches": list(probe.searches),
            }
            for probe in probes
        ],
    }


def policy_lines(policy: Policy) -> list[str]:
    """What is demanded, and by which file."""
    lines = [f"{path}: {told['name']}, version {told['version']}" for path, told in policy.files.items()]
    if not policy.demands:
        return [shown(line) for line in (*lines, "nothing is demanded")]
    width = max(map(len, policy.demands))
    for name, value in policy.demands.items():
        text = "required" if value is True else _value(value)
        source = f"  ({policy.source(name)})" if len(policy.files) > 1 else ""
        lines.append(f"  {name:<{width}}  {text}{source}")
    return [shown(line) for line in lines]


def policy_document(policy: Policy) -> dict[str, object]:
    """The same for scripts."""
    return {"schema": POLICY_SCHEMA, **policy.as_dict()}


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbered(searches: Sequence[int]) -> str:
    if not searches:
        return "no search that is recorded"
    return f"search{'es' if len(searches) > 1 else ''} {', '.join(map(str, searches))}"
