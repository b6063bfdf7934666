"""Verdicts for people and for scripts; scores and ranks only of candidates that the examiner has judged."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.case.searches import SearchRecord
from retrofr.case.store import Case
from retrofr.case.verdict_blindness import order_seed, shuffled_key
from retrofr.case.verdicts import ExaminedCandidate, examined_candidates
from retrofr.documents import json_text
from retrofr.errors import UsageError
from retrofr.oversight.operators import Operator, public_key
from retrofr.oversight.verdict_rules import Joint
from retrofr.oversight.verdicts import SCALE, Shown, Verdict
from retrofr.results import LEADS_ONLY, Appearance
from retrofr.timeline import find_search, timeline

from .statement_view import evidence_text
from .text import counted, shown
from .times import media_time, wall_clock

VERDICTS_SCHEMA = "retrofr.verdicts/1"
COLUMNS = (
    *("search", "candidate", "probe", "exhibit", "exhibit_sha256", "stream", "camera", "start_seconds"),
    *("end_seconds", "start_time_adjusted", "end_time_adjusted", "verdict", "final", "examiners", "own"),
    *("rank", "hit", "score", "llr"),
)
"""The columns of ``verdict list --format csv``; new ones may be added."""

SHOWN_BEFORE: dict[Shown, str] = {
    "search": "the log says that you ran this search, whose result shows scores",
    "export": "the log says that you exported this search, with scores",
    "rank": "you named the candidate by its rank",
    "probe": "the probe's face had been shown to you before you noted what you saw of the candidate alone",
    "conclusions": "what others concluded was no longer sealed; so it counts beside their verdicts, not as one of them",
}
LIST_HINT = "`retrofr verdict list --case DIR` lists the candidates of the last search"
MARGIN = 2


@dataclass(frozen=True)
class Listed:
    """An appearance of a search, and the candidate that verdicts on it are given on."""

    appearance: Appearance
    candidate: ExaminedCandidate


@dataclass(frozen=True)
class Listing:
    """Candidates of a search as one examiner may see them, in an order that says nothing of their ranks."""

    case: str
    case_id: str
    record: SearchRecord
    operator: Operator
    key: str | None
    reviewers: int
    seed: str
    items: tuple[Listed, ...]


def listing(case: Case, search: int | None, operator: Operator, reviewers: int) -> Listing:
    """The appearances of a search, the last one where None is named.

    Raises:
        CaseError: nothing was searched, or there is no such search.
        IntegrityError: a verdict was altered.
    """
    record = find_search(case, search)
    known = {(item.probe, item.tracklet): item for item in examined_candidates(case, record.id)}
    seed = order_seed(case, record.id, operator.name)
    found = [
        Listed(a, known[a.probe, a.tracklet])
        for a in timeline(case, search=record.id)
        if a.tracklet is not None
    ]
    found.sort(key=lambda item: shuffled_key(seed, item.candidate.probe, item.candidate.tracklet))
    key = public_key(operator)
    return Listing(case.name, case.id, record, operator, key, reviewers, seed, tuple(found))


def choose(told: Listing, candidate: int | None, probe: str | None, hit: int | None) -> Listed:
    """The candidate that is named by its number, or by its rank in the search's result.

    Raises:
        UsageError: neither or both are given, there is none, or it is a candidate of several probes.
    """
    if (candidate is None) == (hit is None):
        raise UsageError("name one candidate, with --candidate ID or --hit N", hint=LIST_HINT)
    found = [
        item
        for item in told.items
        if (item.candidate.tracklet == candidate or item.appearance.rank == hit)
        and probe in (None, item.candidate.probe)
    ]
    if not found:
        what = f"candidate {candidate}" if hit is None else f"hit {hit}"
        of = "" if probe is None else f" of the probe {probe}"
        raise UsageError(f"search {told.record.id} has no {what}{of}", hint=LIST_HINT)
    if len(found) > 1:
        raise UsageError(
            f"candidate {candidate} of search {told.record.id} is one of several probes",
            hint=f"name one with --probe: {', '.join(sorted(item.candidate.probe for item in found))}",
        )
    return found[0]


def document(told: Listing, items: Sequence[Listed] | None = None) -> dict[str, Any]:
    """``retrofr.verdicts/1``: all that were listed, or these of them."""
    return {
        "schema": VERDICTS_SCHEMA,
        "case": told.case,
        "case_id": told.case_id,
        "search": told.record.id,
        "examiner": told.operator.name,
        "reviewers": told.reviewers,
        "order_seed": told.seed,
        "scale": [step.word for step in SCALE],
        "candidates": [_candidate(told, item) for item in (told.items if items is None else items)],
    }


def _candidate(told: Listing, item: Listed) -> dict[str, Any]:
    a, candidate = item.appearance, item.candidate
    name = told.operator.name
    joint, own = candidate.joint(told.reviewers), candidate.own(name, told.key)
    known = own is not None
    visible = candidate.shown_to(name, told.key)
    return {
        "candidate": candidate.tracklet,
        "probe": a.probe,
        "exhibit": a.exhibit,
        "exhibit_sha256": a.exhibit_sha256,
        "stream": a.stream,
        "camera": a.camera,
        "start_seconds": a.start_seconds,
        "end_seconds": a.end_seconds,
        "start_time_adjusted": a.start_time_adjusted,
        "end_time_adjusted": a.end_time_adjusted,
        "verdict": joint.describe(),
        "final": joint.final,
        "examiners": joint.count,
        "conclusion": None if joint.conclusion is None else joint.conclusion.word,
        "differ": joint.differ,
        "bounded": joint.bounded,
        "own": None if own is None else own.conclusion.word,
        "verdicts": [{"id": verdict.id, **verdict.document()} for verdict in visible],
        "sealed": len(candidate.verdicts) - len(visible),
        "rank": a.rank if known else None,
        "hit": a.hit if known else None,
        "score": round(float(a.score), 6) if known else None,
        "llr": candidate.llr if known else None,
    }


def listing_csv(told: Listing) -> str:
    """``verdict list --format csv``: a line a candidate."""
    from retrofr.exporters.csv import cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in told.items:
        values = {"search": told.record.id} | _candidate(told, item)
        writer.writerow([cell(values[name]) for name in COLUMNS])
    return text.getvalue()


def listing_json(told: Listing, items: Sequence[Listed] | None = None) -> str:
    """``--format json``."""
    return json_text(document(told, items), indent=2)


def print_listing(console: Console, told: Listing) -> None:
    """``verdict list`` for a person."""
    if not told.items:
        console.print(f"Search {told.record.id} has no candidates.")
        return
    name = told.operator.name
    judged = any(item.candidate.own(name, told.key) for item in told.items)
    table = Table(box=None, padding=(0, MARGIN, 0, 0), pad_edge=False, header_style="dim")
    for heading in ("candidate", "probe", "exhibit", "time", "verdict", "yours", "score")[
        : 7 if judged else 6
    ]:
        side: Literal["left", "right"] = "right" if heading in ("candidate", "score") else "left"
        whole = heading in ("candidate", "yours", "score")
        table.add_column(heading, justify=side, overflow="fold", no_wrap=whole)
    for item in told.items:
        own = item.candidate.own(name, told.key)
        cells = [str(item.candidate.tracklet), shown(item.appearance.probe), _exhibit(item.appearance)]
        cells += [_time(item.appearance), item.candidate.joint(told.reviewers).describe()]
        cells.append("–" if own is None else own.conclusion.word)
        if judged:
            cells.append("" if own is None else f"{item.appearance.score:.3f}")
        table.add_row(*map(Text, cells))
    console.print(table)
    console.print()
    done = sum(item.candidate.joint(told.reviewers).final for item in told.items)
    number = counted(len(told.items), "candidate")
    asked = counted(told.reviewers, "examiner")
    console.print(Text(f"search {told.record.id}: {number}, {done} concluded on by {asked}"))
    console.print(
        Text(f"no score or rank before your own verdict; shuffled, seed {told.seed}", style="dim"),
        soft_wrap=True,
    )
    console.print(Text(LEADS_ONLY, style="italic"))


def place_line(item: Listed, search: int) -> str:
    """``candidate 318 of search 3: probe anna, door.mp4, 0:00:50.000 – 0:00:59.500``."""
    a = item.appearance
    text = f"candidate {item.candidate.tracklet} of search {search}: probe {shown(a.probe)}, {_exhibit(a)}, "
    return text + _time(a).replace("\n", "; ")


def print_candidate(console: Console, told: Listing, item: Listed) -> None:
    """``verdict show`` for a person: what an examiner may see of one candidate."""
    candidate, name = item.candidate, told.operator.name
    visible = candidate.shown_to(name, told.key)
    console.print(Text(place_line(item, told.record.id)), soft_wrap=True)
    console.print(Text(joint_line(candidate.joint(told.reviewers)), style="bold"), soft_wrap=True)
    for verdict in visible:
        console.print()
        for line in _verdict_lines(verdict, candidate.verdicts):
            console.print(Text(line), soft_wrap=True)
    if hidden := len(candidate.verdicts) - len(visible):
        console.print()
        console.print(
            f"{counted(hidden, 'verdict')} sealed, until {told.reviewers} examiners have given theirs"
        )
    console.print()
    for line in score_lines(told, item):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(LEADS_ONLY, style="italic"))


def joint_line(joint: Joint) -> str:
    """What the verdicts come to, with why it is worded so."""
    bounded = "; worded no stronger than the likelihood ratio of the score bears" if joint.bounded else ""
    return f"verdict: {joint.describe()}{bounded}"


def score_lines(told: Listing, item: Listed) -> list[str]:
    """Score, rank and likelihood ratio, once the examiner has given a verdict; that they are hidden before."""
    if item.candidate.own(told.operator.name, told.key) is None:
        return ["score, rank and likelihood ratio: shown after your own verdict"]
    a = item.appearance
    reaches = "reaches" if a.hit else "is below"
    score = f"score {a.score:.3f}, {reaches} the threshold of {told.record.threshold:.3f}; rank {a.rank}"
    return [f"{score}; {'no likelihood ratio' if a.evidence is None else evidence_text(a.evidence)}"]


def given_lines(told: Listing, item: Listed, verdict: Verdict) -> list[str]:
    """What is said when a verdict was recorded: it, what all come to, and now the score."""
    lines = [place_line(item, told.record.id)]
    lines.append(f"recorded as verdict {verdict.id} of {verdict.examiner}: {verdict.conclusion.describe()}")
    lines += [f"recorded with it: {SHOWN_BEFORE[name]}" for name in verdict.shown_before]
    lines.append(joint_line(item.candidate.joint(told.reviewers)))
    if verdict.sealed:
        lines.append("it is sealed until another examiner has given a verdict")
    return [*lines, *score_lines(told, item), LEADS_ONLY]


def _verdict_lines(verdict: Verdict, known: Sequence[Verdict]) -> list[str]:
    later = next((v.id for v in known if v.supersedes == verdict.id), None)
    ended = "" if later is None else f" (replaced by verdict {later})"
    lines = [
        f"verdict {verdict.id} of {shown(verdict.examiner)}, {verdict.at[:16].replace('T', ' ')} UTC{ended}"
    ]
    lines.append(f"  conclusion: {verdict.conclusion.describe()}")
    if verdict.reason is not None:
        lines.append(f"  replaces verdict {verdict.supersedes}: {shown(verdict.reason)}")
    lines += [f"  {name}: {shown(text)}" for name, text in verdict.features.items()]
    lines += [f"  notes: {shown(line)}" for line in verdict.notes.splitlines()]
    if verdict.alone is not None:
        when = "after" if "probe" in verdict.shown_before else "before"
        lines.append(
            f"  of this, noted of the candidate alone, {when} the probe was shown (digest in the log):"
        )
        alone = verdict.alone
        lines += [f"    {name}: {shown(text)}" for name, text in alone.features.items()]
        lines += [f"    notes: {shown(line)}" for line in alone.notes.splitlines()]
    if verdict.shown_before:
        lines.append(f"  had been shown before: {', '.join(verdict.shown_before)}")
    lines.append(
        f"  given as {shown(verdict.account)}, signed with key {verdict.signature.public_key_hex[:16]}…"
    )
    return lines


def _exhibit(a: Appearance) -> str:
    return shown(a.exhibit) + (f" [{shown(a.camera)}]" if a.camera else "")


def _time(a: Appearance) -> str:
    return f"{media_time(a)}\n{wall_clock(a)}" if a.start_time else media_time(a)
