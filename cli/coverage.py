"""What a search looked at and on what terms, as labelled sentences; the same on stdout and on stderr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from retrofr.results import Coverage, SearchResult

from .text import counted, enumerated, shown

IGNORED_NAMES = 4


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
    coverage = result.coverage
    rows = [Row("searched", _searched(coverage))]
    rows += _faces(coverage)
    rows += _not_searched(coverage)
    if coverage.ignored:
        names = enumerated([shown(name) for name in coverage.ignored], IGNORED_NAMES)
        number = counted(
            len(coverage.ignored),
            "file that is not video by its name",
            "files that are not video by their names",
        )
        rows.append(Row("ignored", f"{number}: {names}"))
    rows.append(Row("compared", _compared(result)))
    rows.append(Row("threshold", _threshold(result)))
    rows.append(Row("index", _index(result)))
    rows.append(Row("device", shown(str(result.run.get("device", "not recorded")))))
    if written is not None:
        rows.append(Row("written", written))
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


def _not_searched(coverage: Coverage) -> Iterator[Row]:
    if coverage.interrupted:
        yield Row("INTERRUPTED", "the run was stopped before its end, and this result is partial", warns=True)
    if not coverage.has_gaps:
        yield Row("not searched", "nothing: all of the footage that was named was searched")
    yield from _labelled("not searched", _lost_files(coverage))
    yield from _labelled("partly", _told(coverage, "problems"))
    yield from _labelled("assumed", _told(coverage, "notes"))


def _labelled(label: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first of them with a label."""
    for number, row in enumerate(rows):
        yield replace(row, label="" if number else label)


def _lost_files(coverage: Coverage) -> Iterator[Row]:
    """Every file by name; files with the same reason share its explanation."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for item in coverage.unsearched:
        groups.setdefault((item.reason, item.hint), []).append(shown(item.subject))
    for (reason, hint), subjects in groups.items():
        if len(subjects) == 1:
            yield Row("", f"{subjects[0]}: {shown(reason)}", warns=True)
        else:
            yield Row("", f"{shown(reason)} ({len(subjects):,}):", warns=True)
            yield from (Row("", f"- {subject}") for subject in subjects)
        yield from (Row("", f"  {shown(line)}", aside=True) for line in (hint or "").splitlines())


def _told(coverage: Coverage, what: Literal["problems", "notes"]) -> Iterator[Row]:
    """What was lost of each stream, or assumed."""
    for stream in coverage.streams:
        for sentence in getattr(stream, what):
            place = f"{shown(stream.exhibit)}, stream {stream.stream}"
            yield Row("", f"{place}: {shown(sentence)}", warns=what == "problems")


def _compared(result: SearchResult) -> str:
    names = enumerated([shown(probe.name) for probe in result.probes], 6)
    pictures = sum(len(probe.images) for probe in result.probes)
    probes = counted(len(result.probes), "probe")
    return f"{counted(result.compared, 'tracklet')} with {probes}: {names} ({counted(pictures, 'picture')})"


def _threshold(result: SearchResult) -> str:
    facts = result.run.get("threshold")
    source = facts.get("source") if isinstance(facts, dict) else None
    return f"{result.threshold:.3f}, {shown(str(source or 'source not recorded'))}"


def _index(result: SearchResult) -> str:
    recall = result.recall
    if recall.recall is None:
        return f"{recall.index}; recall not measured, as no face was compared"
    sampled = counted(recall.queries, "face")
    return f"{recall.index}, recall {recall.recall:.4f} against an exact search ({sampled} sampled)"
