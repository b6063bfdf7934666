"""What a report says in labelled lines: who asked and by whose authority, the coverage, the method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrofr.clock import format_seconds
from retrofr.oversight.authority import line_of
from retrofr.records import RangeKind
from retrofr.redaction.record import NOBODY_HIDDEN
from retrofr.reporting.lanes import KINDS
from retrofr.reporting.moments import interval, length
from retrofr.reporting.searched import Searched
from retrofr.reporting.words import counted
from retrofr.results import NOT_SEARCHED, Coverage, StreamCoverage

NOT_RECORDED = "not recorded"
MOST_RANGES = 200
"""Of a stream more would make a table that nobody reads; coverage.csv has all of them."""

LEFT_OUT: tuple[RangeKind, ...] = ("static", "outside")
_OF_THE_RECORD = (
    ("purpose", "purpose"),
    ("offence", "offence"),
    ("missing_person", "missing person"),
    ("threat", "threat"),
    ("legal_basis", "legal basis"),
    ("necessity", "necessity"),
    ("proportionality", "proportionality"),
    ("authorised_by", "authorised by"),
    ("valid_from", "valid from"),
    ("valid_until", "valid until"),
)


_GROUPS = (
    ("detector", "Detector"),
    ("embedder", "Embedder"),
    ("versions", "Versions"),
    ("settings", "Settings"),
    ("recipe", "Recipe of the indexed footage"),
)


@dataclass(frozen=True)
class Fact:
    """A labelled line; ``warns`` where it tells of something a reader must not miss."""

    label: str
    text: str
    warns: bool = False


@dataclass(frozen=True)
class NotSearched:
    """A row of the table of what was not searched, or not in whole pictures."""

    exhibit: str
    times: str
    fate: str
    reason: str


def authority_facts(run: Mapping[str, Any]) -> tuple[str, list[Fact]]:
    """The authority's line, and what its record says; the one place where a report reads it.

    Args:
        run: of the search. Where an authority is recorded, ``authority`` has a ``line`` and, as far as it is known, a
            ``record``; beside it are ``operator``, ``reason``, ``policy`` and ``probe_records``.
    """
    found = run.get("authority")
    record = (found.get("record") if isinstance(found, Mapping) else None) or {}
    facts = [Fact(label, _told(record[name])) for name, label in _OF_THE_RECORD if record.get(name)]
    facts += [Fact(name, _plain(run[name])) for name in ("operator", "reason") if run.get(name)]
    policy = run.get("policy")
    if isinstance(policy, Mapping) and policy.get("files"):
        facts.append(Fact("policy", _plain(policy["files"])))
    for probe in run.get("probe_records") or ():
        facts.append(Fact(f"picture of {probe['probe']}", str(probe["line"])))
    return line_of(run), facts


def _told(value: Any) -> str:
    """A person by name and role, anything else as it is."""
    return ", ".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)


def pictures_fact(run: Mapping[str, Any]) -> Fact | None:
    """Whom the pictures hide, and how it was looked for; None where the search made none."""
    told = run.get("redaction")
    if not isinstance(told, Mapping):
        return None
    if told.get("unredacted"):
        return Fact("pictures", f"{NOBODY_HIDDEN} ({told.get('reason')})", warns=True)
    hidden = told.get("faces_hidden")
    number = "others are hidden" if hidden is None else f"{counted(hidden, 'face')} of others hidden"
    missing = told.get("pictures_not_made") or 0
    text = f"{number}; {told['checked']}"
    if missing:
        text += f"; {counted(missing, 'picture')} not made, as they could not be checked"
    return Fact("pictures", text, warns=bool(missing))


def asked_facts(searched: Searched) -> list[Fact]:
    """What was asked for: in which part of the footage, at which threshold, when."""
    run, statement = searched.run, searched.statement
    overridden = bool(statement and statement["threshold"]["overridden"])
    exhibits = len({stream.exhibit_sha256 for stream in searched.coverage.streams})
    facts = [
        Fact(
            "searched",
            f"{counted(exhibits, 'exhibit')}, {length(searched.coverage.searched_seconds)} of footage",
        ),
        Fact("limited to", limits(run.get("selection") or {}, searched.coverage)),
        Fact("threshold", f"{searched.threshold:.3f}, {searched.threshold_source}", warns=overridden),
        Fact("done", interval(run.get("started"), run.get("finished")) or ""),
    ]
    case = run.get("case")
    if isinstance(case, Mapping):
        number = run.get("search")
        recorded = "not recorded in it" if number is None else f"search {number}"
        facts.append(Fact("case", f"{case.get('name')}, {recorded}"))
    return [fact for fact in facts if fact.text]


def limits(selection: Mapping[str, Any], coverage: Coverage) -> str:
    """What part of the footage was meant, digests said as names; empty where it was all of it."""
    told = {name: value for name, value in selection.items() if value and value != "all of it"}
    if "exhibits" in told:
        names = {stream.exhibit_sha256: stream.exhibit for stream in coverage.streams}
        told["exhibits"] = [names.get(exhibit, exhibit) for exhibit in told["exhibits"]]
    labels = {name: "" if name == "window" else f"{name.replace('_', ' ')} " for name in told}
    return "; ".join(f"{labels[name]}{_plain(value)}" for name, value in told.items())


def coverage_facts(coverage: Coverage) -> list[Fact]:
    """The totals of the coverage."""
    streams = coverage.streams
    samples, faces = sum(s.samples for s in streams), sum(s.faces for s in streams)
    facts = [
        Fact(
            "searched",
            f"{length(coverage.searched_seconds)} of footage, {counted(samples, 'sample')} looked at",
        ),
        Fact("faces", f"{faces:,} found in the samples, {coverage.faces_unfit:,} too poor to compare"),
    ]
    if coverage.interrupted:
        facts.insert(
            0, Fact("INTERRUPTED", "the run was stopped before its end; this is partial", warns=True)
        )
    sums = [
        Fact(KINDS[kind], length_exact(coverage, kind), warns=kind in ("suspect", *NOT_SEARCHED))
        for kind in ("suspect", *NOT_SEARCHED, *LEFT_OUT)
        if coverage.seconds(kind)
    ]
    facts += sums
    if not coverage.has_gaps:
        facts.append(Fact("gaps", "none: all that was asked for was searched"))
    facts += [
        Fact("ALTERED", f"{name} changed while it was searched", warns=True) for name in coverage.changed
    ]
    facts += [
        Fact("not opened", f"{item.subject}: {item.reason}", warns=True) for item in coverage.unsearched
    ]
    facts += _by_reason("left out", [(item.subject, item.reason) for item in coverage.left_out])
    if coverage.ignored:
        facts.append(Fact("ignored", f"no video by their names: {', '.join(coverage.ignored[:12])}"))
    if coverage.not_in_footage:
        facts.append(
            Fact("hash list", f"listed and not in the footage: {', '.join(coverage.not_in_footage[:12])}")
        )
    return facts


def length_exact(coverage: Coverage, kind: RangeKind) -> str:
    """The media time of one fate, to the millisecond: less than a second is told as well."""
    return format_seconds(coverage.seconds(kind))


def stream_facts(stream: StreamCoverage) -> list[Fact]:
    """What is to be known of one stream beside its ranges."""
    facts = [Fact("SHA-256", stream.exhibit_sha256)]
    if stream.sha256_after is not None:
        same = (
            "the same after the search" if not stream.changed else f"ANOTHER after it: {stream.sha256_after}"
        )
        facts.append(Fact("", same, warns=stream.changed))
    clock = f"{stream.clock.source}; {stream.clock.status}"
    facts.append(Fact("clock", "; ".join((clock, *stream.clock_notes))))
    if stream.unfit_reasons:
        reasons = "; ".join(f"{number:,} {reason}" for reason, number in stream.unfit_reasons)
        facts.append(Fact("unfit faces", reasons))
    facts += [Fact("problem", problem, warns=True) for problem in stream.problems]
    facts += [Fact("noted", note) for note in stream.notes]
    if stream.hash_check is not None:
        facts.append(Fact("hash list", stream.hash_check))
    return facts


def not_searched_rows(coverage: Coverage) -> list[NotSearched]:
    """Stretches that were not searched, or not in whole pictures; what the timeline draws, as text.

    What nobody asked for or had to be looked at is one row a stream and kind.
    """
    rows = []
    for stream in coverage.streams:
        place = f"{stream.exhibit}, stream {stream.stream}"
        lost = [r for r in stream.ranges if r.kind in ("suspect", *NOT_SEARCHED)]
        for r in lost[:MOST_RANGES]:
            times = f"{format_seconds(r.start_seconds)} – {format_seconds(r.end_seconds)}"
            rows.append(NotSearched(place, times, KINDS[r.kind], r.reason))
        if len(lost) > MOST_RANGES:
            rows.append(NotSearched(place, f"and {len(lost) - MOST_RANGES:,} stretches more", "", ""))
        for kind in LEFT_OUT:
            number = sum(r.kind == kind for r in stream.ranges)
            if number:
                times = f"{format_seconds(stream.seconds(kind))} in {counted(number, 'stretch', 'stretches')}"
                rows.append(NotSearched(place, times, KINDS[kind], ""))
    return rows


def method_groups(searched: Searched) -> list[tuple[str, list[Fact]]]:
    """Models with their digests, settings, versions, device: what the search can be run again from."""
    run = searched.run
    index = searched.index.get("reason") or searched.index.get("index", NOT_RECORDED)
    groups = [("Search", [Fact("index", str(index)), Fact("device", str(run.get("device", NOT_RECORDED)))])]
    for name, title in _GROUPS:
        found = [Fact(label, text) for label, text in _flat("", run.get(name)) if text]
        if found:
            groups.append((title, found))
    return groups


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), item)
    elif (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and any(isinstance(item, Mapping) for item in value)
    ):
        for number, item in enumerate(value, 1):
            yield from _flat(f"{name} {number}", item)
    elif value is not None:
        yield name.replace("_", " "), _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _by_reason(label: str, items: Sequence[tuple[str, str]]) -> list[Fact]:
    groups = Counter(reason for _, reason in items)
    return [
        Fact(label, f"{', '.join(s for s, own in items if own == reason)}: {reason}") for reason in groups
    ]
