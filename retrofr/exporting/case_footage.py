"""The recordings of a search as a bundle tells of them: how each was read, and which media time of it was compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from retrofr.case.authorities import authorities
from retrofr.case.exhibits import StoredExhibit, exhibits
from retrofr.case.searches import SearchRecord
from retrofr.case.store import Case
from retrofr.case.writing import StoredStream, streams
from retrofr.case_selection import EVERYTHING, CaseSelection, compared_windows, recorded_selection
from retrofr.disclosure.contents import RecordedExhibit, RecordedStream, Windows, windows_of
from retrofr.oversight.scope import WITHIN, OutsideCounter, Scope, narrowed
from retrofr.timeline import indexed_after


def recorded_exhibits(case: Case, search: SearchRecord) -> tuple[list[RecordedExhibit], list[str]]:
    """What a search went through, and what a replay cannot know of it, a sentence each.

    Raises:
        UsageError: what the search was limited to cannot be told any more.
    """
    scope = _scope(case, search)
    selection = _selection(search, scope)
    stored = exhibits(case)
    windows = compared_windows(stored, selection)[0]
    own: dict[int, list[StoredStream]] = {}
    for stream in streams(case, search.recipe_key):
        if selection.footage.takes_stream(stream.stream):
            own.setdefault(stream.exhibit_id, []).append(stream)
    later = _wholly_after(case, search)
    counter = OutsideCounter(scope)
    found = [
        RecordedExhibit(
            name=item.exhibit.name,
            sha256=item.exhibit.sha256,
            size_bytes=item.exhibit.size_bytes,
            camera=item.exhibit.camera,
            streams=tuple(map(_stream, own[item.id])),
            compared=windows[item.exhibit.sha256],
            covered=None if scope.is_open else counter.windows(item.exhibit),
        )
        for item in stored
        if item.id in own
        and item.id not in later
        and _reach(windows.get(item.exhibit.sha256, ()), own[item.id])
    ]
    return found, _notes(case, search, stored, later)


def _reach(windows: Windows, own: Sequence[StoredStream]) -> bool:
    """Whether windows reach into a recording at all; of one that is not indexed to its end that is not known."""
    if any(stream.coverage is None for stream in own):
        return bool(windows)
    stretches = [stretch for stream in own if stream.coverage for stretch in stream.coverage.ranges]
    return any(
        (low is None or low < stretch.end_seconds) and (high is None or stretch.start_seconds < high)
        for low, high in windows
        for stretch in stretches
    )


def _scope(case: Case, search: SearchRecord) -> Scope:
    """What the authority covers that the search was done under; everything where there is none."""
    known = search.run.get("authority")
    reference = known.get("reference") if isinstance(known, Mapping) else None
    stored = [each.authority for each in authorities(case) if each.authority.reference == reference]
    return stored[-1].scope if stored else Scope()


def _selection(search: SearchRecord, scope: Scope) -> CaseSelection:
    limits: dict[str, Any] = dict(search.run.get("selection") or {})
    words = str(limits.get("window", EVERYTHING))
    if " (authority " in words:
        # What was asked for stands before what the authority covers, which is taken from its record.
        limits["window"] = words.partition(WITHIN)[0] if WITHIN in words else EVERYTHING
    asked = recorded_selection(limits)
    footage = narrowed(asked.footage, scope, "")
    return CaseSelection(footage, asked.exhibits, asked.min_quality)


def _stream(stored: StoredStream) -> RecordedStream:
    reading = stored.reading
    aspect, rate = (_exact(reading.get(name)) for name in ("pixel_aspect", "frame_rate"))
    return RecordedStream(stored.stream, aspect, rate, windows_of(reading.get("windows", ())))


def _exact(text: object) -> Any:
    return windows_of([(text, None)])[0][0]


def _wholly_after(case: Case, search: SearchRecord) -> set[int]:
    """Numbers of exhibits of which nothing was indexed when the search began."""
    began = search.started.astimezone(UTC).isoformat(timespec="microseconds")
    rows = case.fetch_all(
        "SELECT exhibit_id FROM streams JOIN slices ON stream_id = streams.id "
        "JOIN recipes ON recipes.id = recipe_id WHERE recipes.key = ? "
        "GROUP BY exhibit_id HAVING min(committed) > ?",
        (search.recipe_key, began),
    )
    return {int(row[0]) for row in rows}


def _notes(case: Case, search: SearchRecord, stored: list[StoredExhibit], later: set[int]) -> list[str]:
    whole = {item.exhibit.name for item in stored if item.id in later}
    partly = [name for name in dict.fromkeys(indexed_after(case, search)) if name not in whole]
    if not partly:
        return []
    told = ", ".join(partly)
    return [f"More of these was indexed after the search, so that a replay finds more than it did: {told}."]
