"""What is known of the errors of a search or comparison, as labelled sentences, and what single scores say."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from retrofr.results import Appearance, Coverage, SearchResult

from .coverage import Row
from .text import counted, enumerated, shown

if TYPE_CHECKING:
    from retrofr.calibration.operating import DataFacts, FmrPoint
    from retrofr.calibration.statement import ExpectedFalse
    from retrofr.records import Evidence
    from retrofr.statements import SearchStatement

AT_BOUND = "*"
MOST_RANKS = 12
MOST_NAMES = 6


def statement_rows(result: SearchResult) -> list[Row]:
    """How much was compared, at which error rate, and what to expect of chance."""
    statement = result.statement
    rows = [
        Row("compared", _compared(result)),
        Row("too poor", _unfit(result.coverage)),
        threshold_row(statement.threshold, statement.source, overridden=statement.overridden),
    ]
    if statement.point is None or statement.data is None:
        return [*rows, unknown_row(statement.reason or "not measured")]
    rows.append(Row("error rate", error_rate(statement.point)))
    rows.append(Row("measured on", measured_on(statement.data, statement.origin)))
    return [*rows, *_by_chance(statement)]


def threshold_row(score: float, source: str, *, overridden: bool) -> Row:
    """The threshold and who says so; an override stands out."""
    return Row("threshold", f"{score:.3f}, {shown(source)}", warns=overridden)


def unknown_row(reason: str) -> Row:
    """That no error rate is known."""
    return Row("error rate", f"NOT KNOWN: {shown(reason)}", warns=True)


def error_rate(point: FmrPoint) -> str:
    """The share of different people who reach the threshold, with its interval; a bound where none was seen."""
    of = f"{point.errors:,} of {point.non_mated:,} comparisons of different people"
    if point.errors == 0:
        return f"FMR at most {small(point.high)}: none of {point.non_mated:,} comparisons of different people reach it"
    if _unmeasured(point):
        return "FMR up to 1: no threshold as low as this was measured"
    return f"FMR {small(point.fmr)} [{small(point.low)}, {small(point.high)}]: {of} reach it"


def _unmeasured(point: FmrPoint) -> bool:
    """The threshold lies below all that were measured: every comparison is taken to reach it."""
    return point.errors == point.non_mated


def measured_on(data: DataFacts, origin: str) -> str:
    """The data behind error rates, and where they come from."""
    size = (
        f"{counted(data.photos, 'photo')} of {counted(data.people, 'person', 'people')}, photo against photo"
    )
    return f"{shown(data.name)}: {size} ({shown(origin)})"


def small(value: float) -> str:
    """A rate or an expected number with two digits that count: ``1.5e-5``, ``0.031``, ``12``, ``1,200``."""
    if value == 0 or value >= 0.001:
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def evidence_cell(evidence: Evidence | None) -> str:
    """A likelihood ratio in a table: ``3.21``, marked where it is at the bound of the data."""
    if evidence is None:
        return "–"
    if evidence.llr is None:
        return "no LR"
    return f"{evidence.llr:.2f}{AT_BOUND if evidence.at_bound else ''}"


def evidence_text(evidence: Evidence) -> str:
    """A single likelihood ratio in words."""
    if evidence.llr is None:
        return f"no LR: {shown(evidence.reason or '')}"
    limit = "; as far as the data carry it, and no further" if evidence.at_bound else ""
    return f"log10 LR {evidence.llr:.2f}: {shown(evidence.band)}{limit}"


def evidence_notes(appearances: Sequence[Appearance]) -> list[str]:
    """What the likelihood ratios of a table say, one line for all that say the same."""
    told = [a for a in appearances if a.evidence is not None]
    bands = _grouped((a.evidence.band, a) for a in told if a.evidence and a.evidence.llr is not None)
    reasons = _grouped((a.evidence.reason, a) for a in told if a.evidence and a.evidence.llr is None)
    notes = [f"LR: {shown(str(band))} ({_ranks(group)})" for band, group in bands.items()]
    if cut := [a for a in told if a.evidence and a.evidence.at_bound]:
        notes.append(f"{AT_BOUND} as far as the data carry it, and no further ({_ranks(cut)})")
    return notes + [f"no LR: {shown(str(reason))} ({_ranks(group)})" for reason, group in reasons.items()]


def _grouped(pairs: Iterable[tuple[Hashable, Appearance]]) -> dict[Hashable, list[Appearance]]:
    groups: dict[Hashable, list[Appearance]] = {}
    for key, appearance in pairs:
        groups.setdefault(key, []).append(appearance)
    return groups


def _ranks(appearances: Sequence[Appearance]) -> str:
    return enumerated([f"#{a.rank}" for a in appearances], MOST_RANKS)


def _compared(result: SearchResult) -> str:
    names = enumerated([shown(probe.name) for probe in result.probes], MOST_NAMES)
    pictures = counted(sum(len(probe.images) for probe in result.probes), "picture")
    faces = counted(result.statement.compared_faces, "face")
    tracklets, probes = counted(result.compared, "tracklet"), counted(len(result.probes), "probe")
    return f"{tracklets} ({faces}) with {probes}: {names} ({pictures})"


def _unfit(coverage: Coverage) -> str:
    found = sum(stream.faces for stream in coverage.streams)
    if not coverage.faces_unfit:
        return f"none of {counted(found, 'face')} found"
    streams = sum(bool(stream.faces_unfit) for stream in coverage.streams)
    where = f"in {counted(streams, 'stream')}; where and why: --format json"
    return f"{coverage.faces_unfit:,} of {counted(found, 'face')} found were not compared, {where}"


def _by_chance(statement: SearchStatement) -> list[Row]:
    each, whole = statement.each_probe, statement.whole_search
    if each is None or whole is None:
        return []
    if statement.point is not None and _unmeasured(statement.point):
        return [Row("by chance", f"any number of false candidates, up to {whole.compared:,}")]
    if statement.probes == 1:
        return [Row("by chance", f"{_expected(each)} among {counted(each.compared, 'tracklet')}")]
    compared = counted(whole.compared, "comparison")
    return [
        Row("by chance", f"each probe: {_expected(each)} among {counted(each.compared, 'tracklet')}"),
        Row("", f"together: {_expected(whole)} among {compared}"),
    ]


def _expected(expected: ExpectedFalse) -> str:
    if expected.bound_only:
        chance = f"P(at least one) at most {_chance(expected.at_least_one_high)}"
        return f"at most {small(expected.expected_high)} false candidates expected, {chance},"
    interval = f"[{small(expected.expected_low)}, {small(expected.expected_high)}]"
    chance = f"P(at least one) {_chance(expected.at_least_one)}"
    return f"{small(expected.expected)} {interval} false candidates expected, {chance},"


def _chance(probability: float) -> str:
    """A probability with two digits that count; near 1 it is never called certain."""
    return "above 0.99" if probability > 0.99 else small(probability)
