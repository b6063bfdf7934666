"""What a search, a clustering and an export read of a case: templates in blocks, tracklets, pictures, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr.case.encoding import unpack
from retrofr.case.exhibits import StoredExhibit, exhibit_by_id, exhibits, recipe_id, unsearched
from retrofr.case.forgotten import ForgottenOf, forgotten
from retrofr.case.store import Case
from retrofr.case.writing import StoredStream, TrackletRecord, streams
from retrofr.clock import format_seconds
from retrofr.errors import CaseError
from retrofr.gallery.base import Ids, TemplateBlock
from retrofr.records import Floats, Tracklet
from retrofr.results import Coverage, StreamCoverage, Unsearched

GO_ON = "run `retrofr index` again with this footage: it goes on where it stopped"


@dataclass(frozen=True, eq=False)
class TrackletTable:
    """The tracklets with templates, one entry each, ordered by id: all arrays are (T,).

    ``start_seconds`` and ``end_seconds`` are media time, rounded; the exact fractions are in the tracklets.
    ``eye_distance`` (pixels) and ``rank`` are those of the best face.
    """

    ids: Ids
    exhibit_ids: Ids
    stream_ids: Ids
    segments: Ids
    slices: Ids
    start_seconds: npt.NDArray[np.float64]
    end_seconds: npt.NDArray[np.float64]
    faces: Ids
    eye_distance: Floats
    rank: Floats

    def __len__(self) -> int:
        return len(self.ids)


def tracklet_table(case: Case, recipe_key: str) -> TrackletTable:
    """Times and qualities of all tracklets with templates that were made with a recipe.

    Raises:
        CaseError: the recipe is not in the case.
    """
    rows = case.execute(
        "SELECT tracklets.id, exhibit_id, stream_id, segment, slice, start_seconds, end_seconds, faces, "
        "eye_distance, rank FROM tracklets JOIN streams ON streams.id = stream_id "
        "WHERE recipe_id = ? AND templates > 0 ORDER BY tracklets.id",
        (recipe_id(case, recipe_key),),
    )
    kinds = [(field.name, _MEASURES.get(field.name, np.int64)) for field in fields(TrackletTable)]
    table = np.fromiter(rows, np.dtype(kinds))  # a list of the rows would take ten times the memory
    return TrackletTable(**{name: np.ascontiguousarray(table[name]) for name, _ in kinds})


_MEASURES: dict[str, Any] = {
    "start_seconds": np.float64,
    "end_seconds": np.float64,
    "eye_distance": np.float32,
    "rank": np.float32,
}


def template_blocks(
    case: Case, recipe_key: str, *, only: Ids | None = None, block_templates: int = 65536
) -> Iterator[TemplateBlock]:
    """The templates of a recipe, tracklet ids ascending.

    Args:
        case: the case. It may be written to meanwhile: tracklets that come later are not given.
        recipe_key: of a recipe in the case.
        only: ids of the tracklets that are wanted, in any order; None for all. Those without templates or of
            another recipe are not given.
        block_templates: most templates of a block; a tracklet is never cut, so one with more has its own block.

    Raises:
        CaseError: the recipe is not in the case, or the case is damaged.
    """
    return TemplateReader(case, recipe_key).blocks(only, block_templates)


class TemplateReader:
    """Reads templates of a recipe again and again; which tracklets there are is found once.

    Args:
        case: the case.
        recipe_key: of a recipe in it.

    Raises:
        CaseError: the recipe is not in the case, or the case is damaged.
    """

    def __init__(self, case: Case, recipe_key: str) -> None:
        self._case = case
        recipe = recipe_id(case, recipe_key)
        (row,) = case.fetch_all("SELECT dimensions FROM recipes WHERE id = ?", (recipe,))
        self._dimensions = int(row[0])
        rows = case.execute(
            "SELECT tracklets.id, templates, recipe_id FROM tracklets JOIN streams ON streams.id = stream_id "
            "WHERE templates > 0 ORDER BY tracklets.id"
        )
        kind = np.dtype([("id", np.int64), ("count", np.int64), ("recipe", np.int64)])
        table = np.fromiter(rows, kind)
        self._ids, self._counts = table["id"].copy(), table["count"].copy()
        self._own = np.flatnonzero(table["recipe"] == recipe)

    def blocks(self, only: Ids | None = None, block_templates: int = 65536) -> Iterator[TemplateBlock]:
        """See :func:`template_blocks`."""
        places = self._own
        if only is not None:
            places = places[among(self._ids[places], np.sort(only))]
        for chosen in _cut(places, self._counts[places], block_templates):
            ids, counts = self._ids[chosen], self._counts[chosen]
            yield _block(self._case, ids, counts, _runs(chosen), self._dimensions)


def among(ids: Ids, wanted: Ids) -> Ids:
    """Places in ``ids`` of those that are wanted, in their order. Both ascend; the shorter one decides the time."""
    if len(wanted) < len(ids):
        places = np.searchsorted(ids, wanted)
        inside = places < len(ids)
        inside[inside] = ids[places[inside]] == wanted[inside]
        return np.unique(places[inside])
    places = np.searchsorted(wanted, ids)
    inside = places < len(wanted)
    inside[inside] = wanted[places[inside]] == ids[inside]
    return np.flatnonzero(inside)


def _cut(places: Ids, counts: Ids, most: int) -> Iterator[Ids]:
    """Places in stretches whose counts add up to no more than ``most``, at least one place each."""
    start, ends = 0, np.cumsum(counts)
    while start < len(places):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield places[start:stop]
        start = stop


def _runs(places: Ids) -> list[tuple[int, int]]:
    """First and last position of each stretch without a hole: those are read in one go."""
    breaks = np.flatnonzero(np.diff(places) != 1)
    firsts = np.concatenate([[0], breaks + 1]).tolist()
    lasts = np.concatenate([breaks, [len(places) - 1]]).tolist()
    return list(zip(firsts, lasts, strict=True))


def _block(case: Case, ids: Ids, counts: Ids, runs: list[tuple[int, int]], dimensions: int) -> TemplateBlock:
    templates = np.empty((int(counts.sum()), dimensions), "<f4")
    room = templates.view(np.uint8).reshape(-1).data
    at, read = 0, 0
    for first, last in runs:
        query = "SELECT data FROM templates WHERE tracklet_id BETWEEN ? AND ? ORDER BY tracklet_id"
        for (data,) in case.execute(query, (int(ids[first]), int(ids[last]))):
            room[at : at + len(data)] = data
            at, read = at + len(data), read + 1
    if at != len(room) or read != len(ids):
        raise CaseError("templates of some tracklets are not as they were written", subject=str(case.path))
    return TemplateBlock(ids, counts, templates.astype(np.float32, copy=False))


def tracklet_count(case: Case, recipe_key: str) -> int:
    """How many tracklets were made with a recipe, those without templates included."""
    return _count(case, recipe_key, "count(*)")


def template_count(case: Case, recipe_key: str) -> int:
    """How many templates were made with a recipe."""
    return _count(case, recipe_key, "coalesce(sum(templates), 0)")


def _count(case: Case, recipe_key: str, what: str) -> int:
    row = case.fetch_one(
        f"SELECT {what} FROM tracklets JOIN streams ON streams.id = stream_id WHERE recipe_id = ?",
        (recipe_id(case, recipe_key),),
    )
    return 0 if row is None else int(row[0])


def stored_tracklet(case: Case, tracklet_id: int) -> Tracklet:
    """One tracklet with everything that is known of it, its templates included.

    Raises:
        CaseError: there is none of that id.
    """
    row = case.fetch_one(
        "SELECT exhibit_id, tracklets.templates, record, data, dimensions FROM tracklets "
        "JOIN tracklet_records ON tracklet_records.tracklet_id = tracklets.id "
        "JOIN streams ON streams.id = stream_id JOIN recipes ON recipes.id = recipe_id "
        "LEFT JOIN templates ON templates.tracklet_id = tracklets.id WHERE tracklets.id = ?",
        (tracklet_id,),
    )
    if row is None:
        raise CaseError(f"holds no tracklet {tracklet_id}", subject=str(case.path))
    exhibit_id, count, record, data, dimensions = row
    kept: Any = unpack(record, TrackletRecord, str(case.path))
    templates = np.frombuffer(data or b"", "<f4").astype(np.float32).reshape(count, dimensions)
    known = {field.name: getattr(kept, field.name) for field in fields(kept)}
    return Tracklet(exhibit=exhibit_by_id(case, exhibit_id).exhibit, templates=templates, **known)


def face_picture(case: Case, tracklet_id: int, face: int) -> bytes | None:
    """The picture of face ``face`` of ``tracklet.best``, as JPEG; None where none was kept."""
    row = case.fetch_one(
        "SELECT jpeg FROM face_pictures WHERE tracklet_id = ? AND face = ?", (tracklet_id, face)
    )
    return None if row is None else bytes(row[0])


def case_coverage(case: Case, recipe_key: str) -> Coverage:
    """What of the case's footage was looked at with a recipe, and what was not.

    Streams that are not finished stand with what is indexed of them, and a problem that says how far that is;
    exhibits that were indexed with other recipes only, or not at all yet, stand among what was not searched. Streams
    of which others were forgotten have a problem that says so, and when.
    """
    items, left_out, ignored = unsearched(case, recipe_key)
    known = {stored.id: stored for stored in exhibits(case)}
    found = streams(case, recipe_key)
    gone = forgotten(case)
    covered = [_coverage_of(stream, known[stream.exhibit_id], gone.get(stream.id)) for stream in found]
    begun = {stream.exhibit_id for stream in found}
    told = {item.subject for item in (*items, *left_out)}
    for stored in known.values():
        if stored.id not in begun and not told & {stored.exhibit.name, str(stored.exhibit.path)}:
            items.append(
                Unsearched(stored.exhibit.name, "is not indexed with these settings", GO_ON, "stopped")
            )
    return Coverage(
        streams=tuple(stream for stream in covered if isinstance(stream, StreamCoverage)),
        unsearched=(*(stream for stream in covered if isinstance(stream, Unsearched)), *items),
        ignored=tuple(ignored),
        left_out=tuple(left_out),
    )


def _coverage_of(
    stream: StoredStream, stored: StoredExhibit, gone: ForgottenOf | None
) -> StreamCoverage | Unsearched:
    """As it is stored, under the exhibit's present name, camera and clock; else from its progress."""
    exhibit = stored.exhibit
    told = () if gone is None else (gone.describe(),)
    if stream.coverage is not None:
        return replace(
            stream.coverage,
            exhibit=exhibit.name,
            camera=exhibit.camera,
            clock=exhibit.clock,
            problems=(*stream.coverage.problems, *told),
        )
    if stream.progress is None:
        name = f"{exhibit.name}, stream {stream.stream}"
        return Unsearched(name, "none of it is indexed yet", GO_ON, "stopped")
    facts, counts = stream.progress.facts, stream.progress.counts
    own = {"declared_seconds", "ranges", "problems", "notes"}
    shared = {field.name for field in fields(StreamCoverage)} & {field.name for field in fields(facts)}
    until = format_seconds(facts.last_seconds or 0)
    declared = {declared.index: declared.declared_seconds for declared in exhibit.streams}
    return StreamCoverage(
        exhibit=exhibit.name,
        exhibit_sha256=exhibit.sha256,
        stream=stream.stream,
        declared_seconds=declared.get(stream.stream),
        ranges=tuple(facts.ranges),
        faces=counts.found,
        faces_unfit=counts.unfit,
        unfit_reasons=tuple(counts.reasons.most_common()),
        problems=(*facts.problems, *told, f"indexed to {until}; what follows is not indexed yet"),
        notes=(*stored.notices, *facts.notes),
        camera=exhibit.camera,
        clock=exhibit.clock,
        hash_check=stored.hash_check,
        **{name: getattr(facts, name) for name in shared - own},
    )
