"""Inspections as CSV: a line a stream, and a sidecar to be filled in. Safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

from retrofr.documents import iso_time
from retrofr.exporters.csv import FORMULA_STARTS, cell
from retrofr.inspection_documents import INSPECTED_FILE_SCHEMA, ratio, status_of
from retrofr.sidecar import COLUMNS as SIDECAR_COLUMNS
from retrofr.video.inspected import FileInspection, Inspection, StreamInspection
from retrofr.video.suggestions import Suggestion

COLUMNS = (
    "file",
    "stream",
    "status",
    "sha256",
    "size_bytes",
    "container",
    "codec",
    "profile",
    "width",
    "height",
    "pixel_aspect",
    "rotation_degrees",
    "interlaced",
    "declared_seconds",
    "recorded_seconds",
    "frames",
    "rate_character",
    "declared_rate",
    "measured_rate",
    "shortest_step_seconds",
    "longest_step_seconds",
    "keyframe_every_frames",
    "frames_without_time",
    "gaps",
    "gap_seconds",
    "steps_back",
    "damaged_packets",
    "suspect_frames",
    "camera",
    "start_time",
    "start_time_adjusted",
    "clock_source",
    "clock_status",
    "problems",
    "notes",
    "suggestions",
    "schema",
    "hash_check",
)


def csv_text(inspection: Inspection) -> str:
    """One header line, then a line a stream, and one for a file without any; CRLF ends a line."""
    return _csv(COLUMNS, (row for file in inspection.files for row in _rows(file)))


def _rows(file: FileInspection) -> Iterator[dict[str, object]]:
    clock, zero = file.clock, Fraction(0)
    common: dict[str, object] = {
        "file": file.name,
        "status": status_of(file),
        "sha256": file.sha256,
        "hash_check": file.hash_check,
        "size_bytes": file.size_bytes,
        "container": None if file.container is None else file.container.format,
        "camera": file.camera,
        "start_time": iso_time(clock.original_at(zero)),
        "start_time_adjusted": iso_time(clock.adjusted_at(zero)),
        "clock_source": clock.source,
        "clock_status": clock.status,
        "problems": _joined([*([file.unreadable.reason] if file.unreadable else []), *file.problems]),
        "notes": _joined(file.notes),
        "suggestions": _joined(_words(each) for each in file.suggestions),
        "schema": INSPECTED_FILE_SCHEMA,
    }
    for stream in file.streams:
        problems = _joined(filter(None, [common["problems"], *stream.problems]))
        notes = _joined(filter(None, [common["notes"], *stream.notes]))
        yield common | _stream_cells(stream) | {"problems": problems, "notes": notes}
    if not file.streams:
        yield common


def _stream_cells(stream: StreamInspection) -> dict[str, object]:
    declared, survey, decoded = stream.facts.stream, stream.survey, stream.decoded
    cells: dict[str, object] = {
        "stream": declared.index,
        "codec": declared.codec,
        "profile": stream.facts.profile,
        "width": declared.width,
        "height": declared.height,
        "pixel_aspect": ratio(stream.facts.pixel_aspect),
        "declared_seconds": declared.declared_seconds,
        "declared_rate": declared.average_rate,
    }
    if survey is not None:
        cells |= {
            "recorded_seconds": survey.recorded_seconds,
            "frames": survey.packets if decoded is None else decoded.frames,
            "rate_character": survey.rhythm.character,
            "measured_rate": survey.rhythm.rate,
            "shortest_step_seconds": survey.rhythm.shortest_step,
            "longest_step_seconds": survey.rhythm.longest_step,
            "keyframe_every_frames": survey.keyframe_packets,
            "frames_without_time": survey.stamps_missing,
            "gaps": survey.gaps,
            "gap_seconds": survey.gap_seconds,
            "steps_back": survey.steps_back,
            "damaged_packets": survey.corrupt_packets if decoded is None else decoded.damaged_packets,
            "suspect_frames": None if decoded is None else decoded.suspect_frames,
        }
        if survey.look is not None:
            cells |= {
                "interlaced": survey.look.interlaced,
                "rotation_degrees": survey.look.rotation_degrees,
            }
    return cells


def sidecar_text(inspection: Inspection) -> str:
    """A sidecar to be filled in: a line for each file that can be searched, with what is suggested for it."""
    return _csv(SIDECAR_COLUMNS, (_sidecar_row(file) for file in inspection.files if file.unreadable is None))


def _sidecar_row(file: FileInspection) -> dict[str, object]:
    """``start`` stays empty: what stands there counts as given by the examiner, and goes before every other clock."""
    suggested = {each.flag: each.value for each in reversed(file.suggestions)}
    # Not an apostrophe, which would be part of the name when the sidecar is read.
    name = f"./{file.name}" if file.name[:1] in FORMULA_STARTS else file.name
    return {
        "file": name,
        "camera": file.camera,
        "sar": suggested.get("--sar"),
        "fps": suggested.get("--fps"),
    }


def _csv(columns: Iterable[str], rows: Iterable[dict[str, object]]) -> str:
    columns = list(columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _joined(sentences: Iterable[object]) -> str:
    return "; ".join(str(sentence) for sentence in sentences)


def _words(suggestion: Suggestion) -> str:
    # A flag at the start of a cell would be a formula to a spreadsheet.
    return f"try {suggestion.flag} {suggestion.value or '…'}: {suggestion.reason}"
