"""Streams and slices: what indexing commits, one transaction a slice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, get_type_hints

import numpy as np

from retrofr.case.encoding import pack, unpack
from retrofr.case.exhibits import exhibit_by_id, forget_unsearched, plain_json, recipe_id
from retrofr.case.forgotten import next_tracklet
from retrofr.case.store import Case, now
from retrofr.errors import CaseError
from retrofr.indexed import IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.records import Tracklet
from retrofr.results import StreamCoverage

_NOT_GIVEN: tuple[Any, ...] = (None, (), [], {})
_APART = ("exhibit", "templates")  # kept in tables of their own

_HINTS = get_type_hints(Tracklet)
TrackletRecord = make_dataclass(
    "TrackletRecord",
    [
        (item.name, _HINTS[item.name], field(default=item.default, default_factory=item.default_factory))
        for item in fields(Tracklet)
        if item.name not in _APART
    ],
    frozen=True,
    eq=False,
    kw_only=True,
)
"""A tracklet less its exhibit and templates; made from the fields of Tracklet, so that none can be forgotten."""


@dataclass(frozen=True, eq=False)
class StoredStream:
    """How far one stream of an exhibit is indexed with one recipe.

    ``reading`` says what else decided about its samples, ``progress`` is None before the first slice, ``coverage``
    is None until the stream is finished, ``next_slice`` is the lowest number that a further slice may have.
    """

    id: int
    exhibit_id: int
    recipe_key: str
    stream: int
    reading: Mapping[str, Any]
    progress: StreamProgress | None
    coverage: StreamCoverage | None
    next_slice: int


def open_stream(
    case: Case, exhibit_id: int, recipe_key: str, stream: int, reading: Mapping[str, Any]
) -> StoredStream:
    """Begin a stream of an exhibit, or go on with it.

    Args:
        case: the case.
        exhibit_id: of the exhibit.
        recipe_key: of a recipe in the case.
        stream: its index in the container.
        reading: plain values of what else decides about its samples; None and what is empty count as not given.

    Raises:
        CaseError: it was begun with another ``reading``; what differs is named.
    """
    # A term that is not given is left out, so that a later version may add terms.
    text = plain_json({name: value for name, value in reading.items() if value not in _NOT_GIVEN})
    with case.transaction():
        case.fetch_all(
            "INSERT OR IGNORE INTO streams (exhibit_id, recipe_id, stream, reading) VALUES (?, ?, ?, ?)",
            (exhibit_id, recipe_id(case, recipe_key), stream, text),
        )
        (found,) = _streams(
            case, "exhibit_id = ? AND recipes.key = ? AND stream = ?", (exhibit_id, recipe_key, stream)
        )
        if plain_json(found.reading) != text:
            name = exhibit_by_id(case, exhibit_id).exhibit.name
            raise CaseError(
                f"was indexed otherwise before: {_differences(found.reading, json.loads(text))}",
                subject=f"{name}, stream {stream}",
                hint="index it as before, or into another case",
            )
        return found


def streams(case: Case, recipe_key: str) -> list[StoredStream]:
    """All streams of a recipe, in the order in which they were begun."""
    return _streams(case, "recipes.key = ?", (recipe_key,))


def stream_by_id(case: Case, stream_id: int) -> StoredStream:
    """A stream by its id (CaseError where there is none)."""
    for found in _streams(case, "streams.id = ?", (stream_id,)):
        return found
    raise CaseError(f"holds no stream {stream_id}", subject=str(case.path))


def _streams(case: Case, where: str, parameters: tuple[Any, ...]) -> list[StoredStream]:
    subject = str(case.path)
    rows = case.fetch_all(
        "SELECT streams.id, exhibit_id, recipes.key, stream, reading, progress, coverage, next_slice "
        f"FROM streams JOIN recipes ON recipes.id = recipe_id WHERE {where} ORDER BY streams.id",
        parameters,
    )
    return [
        StoredStream(
            id=row[0],
            exhibit_id=row[1],
            recipe_key=row[2],
            stream=row[3],
            reading=json.loads(row[4]),
            progress=None if row[5] is None else unpack(row[5], StreamProgress, subject),
            coverage=None if row[6] is None else unpack(row[6], StreamCoverage, subject),
            next_slice=row[7],
        )
        for row in rows
    ]


def commit_slice(
    case: Case, stream_id: int, indexed: IndexedSlice, *, coverage: StreamCoverage | None = None
) -> None:
    """Keep a slice with all that was found in it, and how far the stream has come; all of it or nothing.

    Args:
        case: the case.
        stream_id: of the stream.
        indexed: the slice; it may have no tracklets.
        coverage: of the whole stream where this is its last slice: the stream is finished then.

    Raises:
        CaseError: a slice of that number or a later one is there already, the stream is finished, or the templates
            are not of the recipe's dimensions. Nothing was kept.
        OutputError: the disk is full; nothing that was committed before is lost.
    """
    with case.transaction():
        row = case.fetch_one(
            "SELECT next_slice, coverage IS NOT NULL, dimensions FROM streams "
            "JOIN recipes ON recipes.id = recipe_id WHERE streams.id = ?",
            (stream_id,),
        )
        _check_slice(case, stream_id, indexed, row)
        case.fetch_all(
            "INSERT INTO slices VALUES (?, ?, ?, ?)",
            (stream_id, indexed.number, len(indexed.tracklets), now()),
        )
        case.fetch_all(
            "UPDATE streams SET next_slice = ?, progress = ? WHERE id = ?",
            (indexed.number + 1, pack(indexed.progress), stream_id),
        )
        _put_tracklets(case, stream_id, indexed.number, indexed.tracklets)
        if coverage is not None:
            finish_stream(case, stream_id, coverage)


def finish_stream(case: Case, stream_id: int, coverage: StreamCoverage) -> None:
    """Say that a stream is indexed to its end; of one that is finished the coverage is renewed.

    Raises:
        CaseError: there is no such stream.
    """
    with case.transaction():
        stream = stream_by_id(case, stream_id)
        case.fetch_all("UPDATE streams SET coverage = ? WHERE id = ?", (pack(coverage), stream_id))
        recipe = recipe_id(case, stream.recipe_key)
        unfinished = case.fetch_one(
            "SELECT 1 FROM streams WHERE exhibit_id = ? AND recipe_id = ? AND coverage IS NULL",
            (stream.exhibit_id, recipe),
        )
        if unfinished is None:
            exhibit = exhibit_by_id(case, stream.exhibit_id).exhibit
            forget_unsearched(case, recipe, [exhibit.name, str(exhibit.path)])


def _check_slice(case: Case, stream_id: int, indexed: IndexedSlice, row: tuple[Any, ...] | None) -> None:
    subject = str(case.path)
    if row is None:
        raise CaseError(f"holds no stream {stream_id}", subject=subject)
    next_slice, finished, dimensions = row
    if indexed.number < next_slice:
        raise CaseError(
            f"slice {indexed.number} of stream {stream_id}, or a later one, is in it already "
            f"(the next is {next_slice})",
            subject=subject,
        )
    if finished:
        raise CaseError(f"stream {stream_id} is indexed to its end already", subject=subject)
    for item in indexed.tracklets:
        templates = item.tracklet.templates
        if len(templates) and templates.shape[1] != dimensions:
            raise CaseError(
                f"templates of {templates.shape[1]} dimensions do not belong to its recipe, "
                f"which makes {dimensions}",
                subject=subject,
            )


def _put_tracklets(case: Case, stream_id: int, number: int, items: Iterable[IndexedTracklet]) -> None:
    for tracklet_id, item in enumerate(items, next_tracklet(case)):
        tracklet = item.tracklet
        if tracklet.slice != number:
            raise ValueError(f"tracklet of slice {tracklet.slice} in slice {number}")
        best = tracklet.best[0].quality if tracklet.best else None
        case.fetch_all(
            "INSERT INTO tracklets (id, stream_id, slice, number, segment, start_seconds, end_seconds, faces, "
            "templates, eye_distance, rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                tracklet_id,
                stream_id,
                number,
                tracklet.number,
                tracklet.first.segment,
                float(tracklet.first.seconds),
                float(tracklet.last.until_seconds),
                tracklet.faces,
                len(tracklet.templates),
                None if best is None else float(best.eye_distance_pixels),
                None if best is None else float(best.rank),
            ),
        )
        record = pack(TrackletRecord(**{f.name: getattr(tracklet, f.name) for f in fields(TrackletRecord)}))
        case.fetch_all("INSERT INTO tracklet_records VALUES (?, ?)", (tracklet_id, record))
        if len(tracklet.templates):
            data = np.ascontiguousarray(tracklet.templates, "<f4").tobytes()
            case.fetch_all("INSERT INTO templates VALUES (?, ?)", (tracklet_id, data))
        for face, jpeg in enumerate(item.faces_jpeg):
            case.fetch_all(
                "INSERT INTO face_pictures (tracklet_id, face, jpeg) VALUES (?, ?, ?)",
                (tracklet_id, face, jpeg),
            )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = dict.fromkeys([*old, *new])
    return "; ".join(
        f"{name.replace('_', ' ')} was {_told(old.get(name))}, now it is {_told(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    )


def _told(value: Any) -> str:
    return "not given" if value is None else plain_json(value).strip('"')
