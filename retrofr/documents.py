"""Results as documents: the columns, schema names and versions that scripts may rely on.

A column or key is never renamed or given another meaning under the same schema version; new ones may be added.
Numbers keep their exact value: a fraction is written as a decimal, never by way of a binary float.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from numbers import Integral, Real
from typing import get_args

from retrofr.clock import WallClock
from retrofr.records import RangeKind, TimeRange
from retrofr.results import LEADS_ONLY, Appearance, Coverage, SearchResult, StreamCoverage
from retrofr.statements import SearchStatement, evidence_document, statement_document

HIT_SCHEMA = "retrofr.hit/1"
CANDIDATE_SCHEMA = "retrofr.candidate/1"
FOUND_SCHEMA = "retrofr.found/1"
PERSON_APPEARANCE_SCHEMA = "retrofr.person_appearance/1"
APPEARANCES_SCHEMA = "retrofr.appearances/1"
COVERAGE_SCHEMA = "retrofr.coverage/1"
RUN_SCHEMA = "retrofr.run/1"
SEARCH_SCHEMA = "retrofr.search/1"

COLUMNS = (
    "rank",
    "probe",
    "exhibit",
    "exhibit_sha256",
    "stream",
    "start_seconds",
    "end_seconds",
    "start_time",
    "end_time",
    "time_source",
    "clock_source",
    "score",
    "faces",
    "still",
    "hit",
    "segment",
    "faces_seen",
    "best_seconds",
    "best_box_x1",
    "best_box_y1",
    "best_box_x2",
    "best_box_y2",
    "eye_distance_pixels",
    "still_face",
    "schema",
    "camera",
    "start_time_adjusted",
    "end_time_adjusted",
    "clock_status",
    "clock_offset_seconds",
    "clock_note",
    "ticks_per_second",
    "start_ticks",
    "end_ticks",
    "best_ticks",
    "faces_suspect",
    "best_suspect",
    "exhibit_changed",
    "person",
    "tracklets",
    "tracklets_extending",
    "search",
    "tracklet",
    "llr",
    "llr_band",
    "llr_at_bound",
    "llr_reason",
    "verdict",
)
"""The columns of a record, in order; the first fourteen are the ones every consumer can count on."""

SUMMED: tuple[RangeKind, ...] = tuple(kind for kind in get_args(RangeKind) if kind != "searched")

FRAME_SUFFIX = "-frame.jpg"
FACE_SUFFIX = "-face.png"

SCORE_DIGITS = 6
PIXEL_DIGITS = 1
SECONDS_DIGITS = 6
"""Digits after the point of a time that no finite decimal can hold, such as 1/30 s."""


def record(appearance: Appearance) -> dict[str, object]:
    """One appearance as plain values under the names of COLUMNS, in that order."""
    x1, y1, x2, y2 = (_rounded(side, PIXEL_DIGITS) for side in appearance.best_box)
    times = (appearance.start_seconds, appearance.end_seconds, appearance.best_seconds)
    ticks = math.lcm(*(time.denominator for time in times))
    start_ticks, end_ticks, best_ticks = (int(time * ticks) for time in times)
    computed: dict[str, object] = {
        "score": _rounded(appearance.score, SCORE_DIGITS),
        "best_box_x1": x1,
        "best_box_y1": y1,
        "best_box_x2": x2,
        "best_box_y2": y2,
        "eye_distance_pixels": _rounded(appearance.eye_distance_pixels, PIXEL_DIGITS),
        "still_face": None if appearance.still is None else face_still(appearance.still),
        "schema": _schema(appearance),
        "ticks_per_second": ticks,
        "start_ticks": start_ticks,
        "end_ticks": end_ticks,
        "best_ticks": best_ticks,
        **evidence_document(appearance.evidence),
    }
    if not appearance.compared:
        computed |= dict.fromkeys(("rank", "probe", "score", "hit", "verdict"))
    # All other columns are fields of the appearance and called like them.
    return {name: computed[name] if name in computed else getattr(appearance, name) for name in COLUMNS}


def found_record(appearance: Appearance) -> dict[str, object]:
    """A hit as soon as its tracklet was compared: without a rank, and it may become part of a longer one."""
    return record(appearance) | {"rank": None, "schema": FOUND_SCHEMA}


def exact_seconds(row: Mapping[str, object], moment: str) -> Fraction:
    """The exact media time of a record, as read back from CSV (cells of text) or JSON.

    Args:
        row: a record under the names of COLUMNS.
        moment: ``start``, ``end`` or ``best``.

    Raises:
        KeyError, ValueError: the row is no record of this schema, or its numbers are not whole.
    """
    return Fraction(int(str(row[f"{moment}_ticks"])), int(str(row["ticks_per_second"])))


def coverage_document(coverage: Coverage) -> dict[str, object]:
    """What was searched and what was not, with the totals a reader would otherwise have to add up."""
    streams = coverage.streams
    return {
        "schema": COVERAGE_SCHEMA,
        "interrupted": coverage.interrupted,
        "has_gaps": coverage.has_gaps,
        "exhibits_searched": len({stream.exhibit_sha256 for stream in streams}),
        "searched_seconds": coverage.searched_seconds,
        "samples": sum(stream.samples for stream in streams),
        "faces": sum(stream.faces for stream in streams),
        "faces_unfit": coverage.faces_unfit,
        "streams": [_stream_document(stream) for stream in streams],
        "unsearched": [dataclasses.asdict(item) for item in coverage.unsearched],
        "ignored": list(coverage.ignored),
        **{f"{kind}_seconds": coverage.seconds(kind) for kind in SUMMED},
        "suspect_frames": sum(stream.suspect_frames for stream in streams),
        "changed": list(coverage.changed),
        "not_in_footage": list(coverage.not_in_footage),
        "left_out": [{"subject": item.subject, "reason": item.reason} for item in coverage.left_out],
    }


def _stream_document(stream: StreamCoverage) -> dict[str, object]:
    plain = {field.name: getattr(stream, field.name) for field in dataclasses.fields(stream)}
    clock: WallClock = plain.pop("clock")
    return plain | {
        "unfit_reasons": dict(stream.unfit_reasons),
        "ranges": [_range_document(stretch, clock) for stretch in stream.ranges],
        "has_gaps": stream.has_gaps,
        "changed": stream.changed,
        "clock_source": clock.source,
        "clock_status": clock.status,
        "clock_notes": list(stream.clock_notes),
    }


def _range_document(stretch: TimeRange, clock: WallClock) -> dict[str, object]:
    return {
        "kind": stretch.kind,
        "start_seconds": stretch.start_seconds,
        "end_seconds": stretch.end_seconds,
        "segment": stretch.segment,
        "reason": stretch.reason,
        **wall_clock_times(clock, stretch.start_seconds, stretch.end_seconds),
    }


def wall_clock_times(clock: WallClock, start: Fraction, end: Fraction) -> dict[str, str | None]:
    """Original and adjusted wall clock of an interval, under the names that all documents give them."""
    return {
        "start_time": iso_time(clock.original_at(start)),
        "end_time": iso_time(clock.original_at(end)),
        "start_time_adjusted": iso_time(clock.adjusted_at(start)),
        "end_time_adjusted": iso_time(clock.adjusted_at(end)),
    }


def iso_time(at: datetime | None) -> str | None:
    """A wall-clock time as all documents hold it: ISO 8601 to the microsecond, None where unknown."""
    return None if at is None else at.isoformat(timespec="microseconds")


def run_document(result: SearchResult) -> dict[str, object]:
    """What the run was: its inputs, settings, device and digests, and how much came out of it."""
    return {
        "schema": RUN_SCHEMA,
        "note": LEADS_ONLY,
        "threshold": {"score": result.threshold},
        **result.run,
        "exit_code": result.exit_code,
        "counts": {
            "probes": len(result.probes),
            "compared": result.compared,
            "hits": len(result.hits),
            "candidates": len(result.candidates),
        },
        "index_recall": dataclasses.asdict(result.use),
        "statement": search_statement(result.statement, result.coverage),
    }


def search_statement(statement: SearchStatement, coverage: Coverage) -> dict[str, object]:
    """What is known of a search's errors, with the faces that were too poor to compare: reasons, and where."""
    unfit = [stream for stream in coverage.streams if stream.faces_unfit]
    places = [
        {"exhibit": s.exhibit, "stream": s.stream, "faces": s.faces_unfit, "reasons": dict(s.unfit_reasons)}
        for s in unfit
    ]
    return {**statement_document(statement), "unfit": {"faces": coverage.faces_unfit, "streams": places}}


def search_document(result: SearchResult) -> dict[str, object]:
    """A whole result as one document."""
    return {
        "schema": SEARCH_SCHEMA,
        "hits": [record(appearance) for appearance in result.hits],
        "candidates": [record(appearance) for appearance in result.candidates],
        "coverage": coverage_document(result.coverage),
        "run": run_document(result),
    }


def appearances_document(appearances: Iterable[Appearance]) -> dict[str, object]:
    """Records alone, as one document."""
    return {"schema": APPEARANCES_SCHEMA, "appearances": [record(appearance) for appearance in appearances]}


def decimal_text(value: Fraction) -> str:
    """A fraction as a decimal without float noise: exact where a finite decimal holds it, else to 6 digits.

    >>> decimal_text(Fraction(25, 2)), decimal_text(Fraction(1, 30))
    ('12.5', '0.033333')
    """
    twos, rest = _strip_factor(value.denominator, 2)
    fives, rest = _strip_factor(rest, 5)
    digits = max(twos, fives) if rest == 1 else SECONDS_DIGITS
    scaled = round(value * 10**digits)
    with localcontext() as context:
        context.prec = len(str(abs(scaled))) + digits + 1
        return f"{Decimal(scaled).scaleb(-digits):f}" if digits else str(scaled)


def json_text(value: object, *, indent: int | None = None) -> str:
    """Plain values, fractions included, as JSON. A number that is none (NaN, infinity) becomes null.

    Raises:
        TypeError: a value of a kind that no document holds.
    """
    return _encode(value, indent, 0)


def encoded(text: str) -> bytes:
    """UTF-8; what a file name holds beside UTF-8 is written as ``\\udcxx``, which JSON reads back."""
    return text.encode("utf-8", "backslashreplace")


def _schema(appearance: Appearance) -> str:
    if not appearance.compared:
        return PERSON_APPEARANCE_SCHEMA
    return HIT_SCHEMA if appearance.hit else CANDIDATE_SCHEMA


def face_still(still: str) -> str:
    """Path of the picture of the face alone, from that of the still."""
    if not still.endswith(FRAME_SUFFIX):
        return still  # of a case: a picture of the face alone
    return still.removesuffix(FRAME_SUFFIX) + FACE_SUFFIX


def _rounded(value: float, digits: int) -> float:
    # A float32 widened to a Python float carries digits that mean nothing.
    return round(float(value), digits)


def _strip_factor(number: int, factor: int) -> tuple[int, int]:
    count = 0
    while number % factor == 0:
        number //= factor
        count += 1
    return count, number


def _encode(value: object, indent: int | None, depth: int) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case Integral():
            return str(int(value))
        case Fraction():
            return decimal_text(value)
        case Real():
            return repr(float(value)) if math.isfinite(value) else "null"
        case Mapping():
            keys = [json.dumps(str(key), ensure_ascii=False) for key in value]
            values = [_encode(item, indent, depth + 1) for item in value.values()]
            pairs = [f"{key}: {item}" for key, item in zip(keys, values, strict=True)]
            return _bracketed("{}", pairs, indent, depth)
        case list() | tuple():
            return _bracketed("[]", [_encode(item, indent, depth + 1) for item in value], indent, depth)
    raise TypeError(f"{type(value).__name__} has no place in a document: {value!r}")


def _bracketed(brackets: str, items: list[str], indent: int | None, depth: int) -> str:
    if not items or indent is None:
        return brackets[0] + ", ".join(items) + brackets[1]
    margin = "\n" + " " * indent * (depth + 1)
    return brackets[0] + margin + f",{margin}".join(items) + "\n" + " " * indent * depth + brackets[1]
