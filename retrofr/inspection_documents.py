"""Inspections as documents: the keys and columns that scripts may rely on, under the rules of retrofr.documents."""

from __future__ import annotations

from fractions import Fraction

from retrofr.clock import ClockOrigin, WallClock
from retrofr.documents import iso_time
from retrofr.video.inspected import Decoded, FileInspection, Inspection, StreamInspection
from retrofr.video.suggestions import Suggestion

INSPECTION_SCHEMA = "retrofr.inspection/1"
INSPECTED_FILE_SCHEMA = "retrofr.inspected-file/1"


def status_of(file: FileInspection) -> str:
    """``unreadable``, ``not as listed`` (it differs from the hash list), ``problems`` or ``no problems found``:
    nobody can promise that there are none.
    """
    if file.unreadable is not None:
        return "not as listed" if file.unreadable.kind == "integrity" else "unreadable"
    return "problems" if file.has_problems else "no problems found"


def inspection_document(inspection: Inspection) -> dict[str, object]:
    """A whole inspection as plain values."""
    return run_document(inspection) | {"files": [file_document(file) for file in inspection.files]}


def run_document(inspection: Inspection) -> dict[str, object]:
    """What is to be said of the run as a whole, without its files."""
    return {
        "schema": INSPECTION_SCHEMA,
        "full": inspection.full,
        "interrupted": inspection.interrupted,
        "not_inspected": list(inspection.not_inspected),
        "exit_code": inspection.exit_code,
        "ignored": list(inspection.ignored),
        "archives_not_opened": list(inspection.archives),
        "not_looked_into": [
            {"subject": each.subject, "reason": each.reason, "hint": each.hint}
            for each in inspection.unreadable
        ],
    }


def file_document(file: FileInspection) -> dict[str, object]:
    """One file as plain values."""
    container, lost = file.container, file.unreadable
    return {
        "schema": INSPECTED_FILE_SCHEMA,
        "file": file.name,
        "path": str(file.path),
        "status": status_of(file),
        "reason": None if lost is None else lost.reason,
        "hint": None if lost is None else lost.hint,
        "size_bytes": file.size_bytes,
        "modified": iso_time(file.modified),
        "sha256": file.sha256,
        "hash_check": file.hash_check,
        "container": None if container is None else container.format,
        "container_name": None if container is None else container.long_name,
        "declared_seconds": None if container is None else container.declared_seconds,
        "other_streams": [] if container is None else list(container.others),
        "tags": {} if container is None else dict(container.tags),
        "camera": file.camera,
        "clock": _clock_document(file.clock),
        "problems": list(file.problems),
        "notes": list(file.notes),
        "suggestions": [_suggestion_document(each) for each in file.suggestions],
        "streams": [_stream_document(stream) for stream in file.streams],
    }


def _clock_document(clock: WallClock) -> dict[str, object]:
    zero = Fraction(0)
    return {
        "start_time": iso_time(clock.original_at(zero)),
        "start_time_adjusted": iso_time(clock.adjusted_at(zero)),
        "source": clock.source,
        "status": clock.status,
        "note": clock.note_at(zero),
        "hints": [_origin_document(hint) for hint in clock.hints],
    }


def _origin_document(origin: ClockOrigin) -> dict[str, object]:
    return {"time": iso_time(origin.at), "source": origin.source, "kind": origin.kind}


def _suggestion_document(suggestion: Suggestion) -> dict[str, object]:
    return {
        "flag": suggestion.flag,
        "value": suggestion.value,
        "stream": suggestion.stream,
        "reason": suggestion.reason,
    }


def _stream_document(stream: StreamInspection) -> dict[str, object]:
    facts, declared = stream.facts, stream.facts.stream
    return {
        "stream": declared.index,
        "codec": declared.codec,
        "profile": facts.profile,
        "level": facts.level,
        "width": declared.width,
        "height": declared.height,
        "pixel_format": facts.pixel_format,
        "bit_depth": facts.bit_depth,
        "full_range": facts.full_range,
        "pixel_aspect": ratio(facts.pixel_aspect),
        "field_order": facts.field_order,
        "reordered": facts.reordered,
        "encrypted": facts.encrypted,
        "decodable": facts.decodable,
        "declared_seconds": declared.declared_seconds,
        "declared_frames": facts.declared_frames,
        "declared_rate": declared.average_rate,
        "codec_rate": facts.codec_rate,
        "tags": dict(facts.tags),
        "packets": _survey_document(stream),
        "decoded": None if stream.decoded is None else _decoded_document(stream.decoded),
        "problems": list(stream.problems),
        "notes": list(stream.notes),
    }


def _survey_document(stream: StreamInspection) -> dict[str, object] | None:
    survey = stream.survey
    if survey is None:
        return None
    rhythm, look = survey.rhythm, survey.look
    return {
        "count": survey.packets,
        "size_bytes": survey.size_bytes,
        "dropped_frames": survey.empty_packets,
        "keyframes": survey.keyframes,
        "keyframe_every_frames": survey.keyframe_packets,
        "without_time": survey.stamps_missing,
        "start_seconds": survey.start_seconds,
        "end_seconds": survey.end_seconds,
        "recorded_seconds": survey.recorded_seconds,
        "segments": survey.segments,
        "gaps": survey.gaps,
        "gap_seconds": survey.gap_seconds,
        "steps_back": survey.steps_back,
        "breaks": [
            {"kind": each.kind, "before_seconds": each.before, "after_seconds": each.after}
            for each in survey.breaks
        ],
        "holes": [{"start_seconds": start, "end_seconds": end} for start, end in survey.holes],
        "damaged": survey.corrupt_packets,
        "rate_character": rhythm.character,
        "measured_rate": rhythm.rate,
        "usual_step_seconds": rhythm.usual_step,
        "shortest_step_seconds": rhythm.shortest_step,
        "longest_step_seconds": rhythm.longest_step,
        "interlaced": None if look is None else look.interlaced,
        "rotation_degrees": None if look is None else look.rotation_degrees,
    }


def _decoded_document(decoded: Decoded) -> dict[str, object]:
    return {
        "frames": decoded.frames,
        "damaged_packets": decoded.damaged_packets,
        "damaged_frames": decoded.damaged_frames,
        "suspect_frames": decoded.suspect_frames,
        "codec_reports_damage": decoded.codec_reports_damage,
        "decoded_seconds": decoded.searched_seconds,
        "suspect_seconds": decoded.suspect_seconds,
        "missing_seconds": decoded.missing_seconds,
        "gap_seconds": decoded.gap_seconds,
        "lost_seconds": decoded.lost_seconds,
        "unreadable_seconds": decoded.unreadable_seconds,
        "segments": decoded.segments,
        "ranges": [
            {
                "kind": "decoded" if each.kind == "searched" else each.kind,
                "start_seconds": each.start_seconds,
                "end_seconds": each.end_seconds,
                "segment": each.segment,
                "reason": each.reason,
            }
            for each in decoded.ranges
        ],
    }


def ratio(value: Fraction | None) -> str | None:
    """``16:11``; None where there is none."""
    return None if value is None else f"{value.numerator}:{value.denominator}"
