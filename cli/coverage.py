"""What a search looked at and on what terms, as labelled sentences; the same on stdout and on stderr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from retrofr.clock import format_seconds
from retrofr.integrity import NOT_LISTED
from retrofr.records import RangeKind
from retrofr.redaction.record import NOBODY_HIDDEN
from retrofr.results import BLIND_DECODER, NOT_SEARCHED, Coverage, SearchResult, StreamCoverage, Unsearched

from .text import counted, enumerated, shown

IGNORED_NAMES = 4
LISTED_RANGES = 3
LEFT_OUT: tuple[RangeKind, ...] = ("outside", "static")
SUM_WORDS = {
    "missing": "missing",
    "gap": "in gaps of the recording's clock",
    "lost": "lost with the decoder",
    "unreadable": "unreadable",
    "outside": "outside what was asked for",
    "static": "static and not looked at",
}


@dataclass(frozen=True)
class Row:
    """One line of the statement.

    ``warns`` where it tells of something that was not searched, ``aside`` where it is only advice.
    """

    label: str
    text: str
    warns: bool = False
    aside: bool = False


def coverage_rows(result: SearchResult, written: str | None) -> list[Row]:
    """Every line of the statement, in order."""
    full_list = "coverage.csv" if written is not None else "--format json or --out DIR"
    said = {appearance.exhibit for appearance in (*result.hits, *result.candidates)}
    in_case = result.run.get("case")
    meant = "the footage that was named" if in_case is None else "what is indexed in the case"
    digested = "search" if in_case is None else "indexing"
    rows = footage_rows(result.coverage, full_list, clocks_said=said, meant=meant, digested=digested)
    rows.append(Row("index", _index(result)))
    rows.append(Row("device", shown(str(result.run.get("device", "not recorded")))))
    if isinstance(in_case, dict):
        rows.append(Row("case", _case(in_case, result.run.get("search"))))
    if written is not None:
        rows.append(Row("written", written))
    redaction = result.run.get("redaction")
    if isinstance(redaction, dict) and (redaction["pictures"] or redaction["pictures_not_made"]):
        rows.append(_pictures(redaction))
    return rows


def _pictures(redaction: dict[str, Any]) -> Row:
    """Whom the pictures hide, and how it was checked."""
    if redaction["unredacted"]:
        return Row("pictures", f"{NOBODY_HIDDEN} ({shown(redaction['reason'])})", warns=True)
    missing = redaction["pictures_not_made"]
    text = f"{counted(redaction['faces_hidden'], 'face')} of others hidden; {redaction['checked']}"
    if missing:
        text += f"; {counted(missing, 'picture')} not made, as they could not be checked"
    return Row("pictures", text, warns=bool(missing))


def footage_rows(
    coverage: Coverage,
    full_list: str,
    *,
    done: str = "searched",
    clocks_said: Container[str] = (),
    meant: str = "the footage that was named",
    digested: str = "search",
) -> list[Row]:
    """The lines on footage.

    Args:
        coverage: what they tell of.
        full_list: where all time ranges are listed.
        done: what was done with the footage.
        clocks_said: exhibits on whose clocks everything was said already.
        meant: what all of is meant, where nothing was left out.
        digested: before and after what digests were taken.
    """
    rows = [Row(done, _searched(coverage))]
    rows += _faces(coverage)
    rows += _damage(coverage)
    rows += _not_searched(coverage, full_list, done, meant)
    rows += _clocks(coverage, clocks_said)
    rows += _digests(coverage, digested)
    if coverage.ignored:
        names = enumerated([shown(name) for name in coverage.ignored], IGNORED_NAMES)
        number = counted(
            len(coverage.ignored),
            "file that is not video by its name",
            "files that are not video by their names",
        )
        rows.append(Row("ignored", f"{number}: {names}"))
    return rows


def _searched(coverage: Coverage) -> str:
    exhibits = len({stream.exhibit_sha256 for stream in coverage.streams})
    seconds = round(coverage.searched_seconds)
    samples = sum(stream.samples for stream in coverage.streams)
    length = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{counted(exhibits, 'exhibit')}, {length} of footage, {counted(samples, 'sample')}"


def _faces(coverage: Coverage) -> Iterator[Row]:
    found = sum(stream.faces for stream in coverage.streams)
    unfit = sum(stream.faces_unfit for stream in coverage.streams)
    text = counted(found, "face") + " found in the samples"
    if unfit:
        reasons: Counter[str] = Counter()
        for stream in coverage.streams:
            reasons.update(dict(stream.unfit_reasons))
        listed = "; ".join(f"{number:,} {shown(reason)}" for reason, number in reasons.most_common())
        text += f", {unfit:,} of them too poor to compare ({listed})"
    yield Row("faces", text)


def _damage(coverage: Coverage) -> Iterator[Row]:
    """Never "undamaged": nobody but a decoder looked, and some decoders say little."""
    if not coverage.streams:
        return
    frames = sum(stream.suspect_frames for stream in coverage.streams)
    if frames or coverage.seconds("suspect"):
        what = f"{_length(coverage, 'suspect')} of it is suspect: damage was reported in {counted(frames, 'frame')}, "
        yield Row("damage", f"{what}or in what they were predicted from", warns=True)
    else:
        yield Row("damage", "no decoder-reported damage")
    silent = [
        f"{shown(s.exhibit)}, stream {s.stream}" for s in coverage.streams if not s.codec_reports_damage
    ]
    if silent:
        yield Row("", f"the decoder does not report all damage of its kind of video: {enumerated(silent, 3)}")


def _not_searched(coverage: Coverage, full_list: str, done: str, meant: str) -> Iterator[Row]:
    if coverage.interrupted:
        yield Row("INTERRUPTED", "the run was stopped before its end, and this result is partial", warns=True)
    yield from _labelled("ALTERED", _changed(coverage))
    left_out = list(_labelled("left out", _left_out(coverage)))
    if not coverage.has_gaps:
        yield Row(f"not {done}", f"nothing: all of {'what was asked for' if left_out else meant} was {done}")
    yield from left_out
    yield from _labelled(f"not {done}", _lost(coverage))
    yield from _labelled("partly", _partly(coverage, full_list))
    yield from _labelled("noted", _noted(coverage))


def _left_out(coverage: Coverage) -> Iterator[Row]:
    """What nobody asked for, or had to be looked at."""
    if sums := [what for kind in LEFT_OUT if (what := _sum(coverage, kind))]:
        yield Row("", ", ".join(sums))
    yield from (replace(row, warns=False) for row in _by_reason(coverage.left_out))


def _lost(coverage: Coverage) -> Iterator[Row]:
    """The sums over everything that was opened, then what was not."""
    if sums := [what for kind in NOT_SEARCHED if (what := _sum(coverage, kind))]:
        yield Row("", f"of what was opened: {', '.join(sums)}", warns=True)
    yield from _by_reason(coverage.unsearched)


def _sum(coverage: Coverage, kind: RangeKind) -> str | None:
    return f"{_length(coverage, kind)} {SUM_WORDS[kind]}" if coverage.seconds(kind) else None


def _length(coverage: Coverage, kind: RangeKind) -> str:
    return format_seconds(coverage.seconds(kind))


def _changed(coverage: Coverage) -> Iterator[Row]:
    told = set()
    for stream in coverage.streams:
        if stream.changed and stream.exhibit not in told:
            told.add(stream.exhibit)
            yield Row(
                "", f"{shown(stream.exhibit)} changed while it was searched; its hits are marked", warns=True
            )
            yield Row("", f"  SHA-256 before: {stream.exhibit_sha256}", aside=True)
            yield Row("", f"  SHA-256 after:  {stream.sha256_after}", aside=True)


def _partly(coverage: Coverage, full_list: str) -> Iterator[Row]:
    """For each stream with gaps what happened, then where."""
    for stream in coverage.streams:
        place = f"{shown(stream.exhibit)}, stream {stream.stream}"
        for problem in stream.problems:
            yield Row("", f"{place}: {shown(problem)}", warns=True)
        if ranges := [r for r in stream.ranges if r.kind in ("suspect", *NOT_SEARCHED)]:
            listed = [
                f"{r.kind} {format_seconds(r.start_seconds)} – {format_seconds(r.end_seconds)}"
                for r in ranges[:LISTED_RANGES]
            ]
            more = len(ranges) - LISTED_RANGES
            text = "; ".join(listed) + (f"; and {more:,} more, see {full_list}" if more > 0 else "")
            yield Row("", f"  {text}" if stream.problems else f"{place}: {text}", aside=bool(stream.problems))


def _clocks(coverage: Coverage, said: Container[str]) -> Iterator[Row]:
    """Clocks that disagree, where no line of the result has said it already."""
    sentences = dict.fromkeys(
        f"{shown(stream.exhibit)}: {shown(note)}"
        for stream in coverage.streams
        if stream.exhibit not in said
        for note in stream.clock_notes
    )
    yield from _labelled("clocks", (Row("", sentence) for sentence in sentences))


def _digests(coverage: Coverage, digested: str) -> Iterator[Row]:
    exhibits = list({(s.exhibit, s.exhibit_sha256): s for s in coverage.streams}.values())
    again = [stream for stream in exhibits if stream.sha256_after is not None]
    if again:
        same = sum(not stream.changed for stream in again)
        of = counted(len(exhibits), "exhibit")
        left = f"; not taken again of {len(exhibits) - len(again):,}" if len(again) < len(exhibits) else ""
        yield Row("digests", f"SHA-256 the same before and after the {digested}: {same:,} of {of}{left}")
    yield from _labelled("hash list", _hash_list(coverage, exhibits))


def _hash_list(coverage: Coverage, exhibits: list[StreamCoverage]) -> Iterator[Row]:
    checked = [stream for stream in exhibits if stream.hash_check is not None]
    if unlisted := [shown(s.exhibit) for s in checked if s.hash_check == NOT_LISTED]:
        yield Row("", f"not in it: {enumerated(unlisted, IGNORED_NAMES)}", warns=True)
    if agreeing := len(checked) - len(unlisted):
        yield Row("", f"{counted(agreeing, 'exhibit')} as listed")
    if coverage.not_in_footage:
        names = enumerated([shown(name) for name in coverage.not_in_footage], IGNORED_NAMES)
        yield Row("", f"{counted(len(coverage.not_in_footage), 'listed file')} not in the footage: {names}")


def _labelled(label: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first of them with a label."""
    for number, row in enumerate(rows):
        yield replace(row, label="" if number else label)


def _by_reason(items: Iterable[Unsearched]) -> Iterator[Row]:
    """Every file by name; files with the same reason share its explanation."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for item in items:
        groups.setdefault((item.reason, item.hint), []).append(shown(item.subject))
    for (reason, hint), subjects in groups.items():
        if len(subjects) == 1:
            yield Row("", f"{subjects[0]}: {shown(reason)}", warns=True)
        else:
            yield Row("", f"{shown(reason)} ({len(subjects):,}):", warns=True)
            yield from (Row("", f"- {subject}") for subject in subjects)
        yield from (Row("", f"  {shown(line)}", aside=True) for line in (hint or "").splitlines())


def _noted(coverage: Coverage) -> Iterator[Row]:
    """What a reader should know of each stream though nothing of it was lost."""
    for stream in coverage.streams:
        for sentence in stream.notes:
            if sentence.endswith(BLIND_DECODER):  # the row on damage has said it
                continue
            yield Row("", f"{shown(stream.exhibit)}, stream {stream.stream}: {shown(sentence)}")


def _case(facts: dict[str, object], search: object) -> str:
    where = f"{shown(str(facts.get('name')))}, {shown(str(facts.get('path')))}"
    return (
        f"{where}; recorded as search {search}" if search is not None else f"{where}; NOT recorded: read-only"
    )


def _index(result: SearchResult) -> str:
    use = result.use
    measured = ""
    if use.recall is not None:
        sampled = counted(use.queries, "face")
        measured = f"recall {use.recall:.4f} against an exact search ({sampled} sampled)"
    if not use.reason:
        return ", ".join(part for part in (use.index, measured) if part)
    return "; ".join(part for part in (shown(use.reason), measured) if part)
