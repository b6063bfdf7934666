"""Which part of a case is searched: cameras, exhibits, a time window, a least quality of faces."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from retrofr.case.exhibits import StoredExhibit, exhibits
from retrofr.case.reading import TrackletTable, case_coverage, tracklet_table
from retrofr.case.scoped import templates_outside
from retrofr.case.store import Case
from retrofr.errors import ExhibitError, UsageError
from retrofr.gallery.base import Ids
from retrofr.oversight.scope import ScopedSelection
from retrofr.records import RangeKind, TimeRange
from retrofr.results import Coverage, StreamCoverage, Unsearched
from retrofr.selection import MediaWindow, Selection, TimeWindow

EVERYTHING = str(TimeWindow())
"""How the selection of a search without a time window is recorded."""
_WINDOW = re.compile(r"time(?: from (?P<start>\S+))?(?: to (?P<end>\S+))?(?: \(|$)")


@dataclass(frozen=True)
class CaseSelection:
    """What of a case is searched.

    Args:
        footage: time window, cameras and streams.
        exhibits: names, patterns of names or beginnings of SHA-256 digests (at least 8 digits); empty for all.
        min_quality: the least rank of a tracklet's best face, 0 to 1; see :class:`retrofr.records.Quality`.
    """

    footage: Selection = field(default_factory=Selection)
    exhibits: tuple[str, ...] = ()
    min_quality: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether everything is meant."""
        return self.footage.is_open and not (self.exhibits or self.min_quality)


@dataclass(frozen=True, eq=False)
class Selected:
    """The tracklets that are meant (ascending ids), and what of the indexed footage they stand for."""

    tracklets: Ids
    coverage: Coverage


def select(case: Case, recipe_key: str, selection: CaseSelection) -> Selected:
    """The part of a case that is meant.

    Raises:
        UsageError: a camera or an exhibit was named that the case does not have.
    """
    coverage, table = case_coverage(case, recipe_key), tracklet_table(case, recipe_key)
    if selection.is_open:
        return Selected(table.ids, coverage)
    stored = exhibits(case)
    _refuse_unknown(selection, stored)
    windows, others, unplaced = compared_windows(stored, selection)
    left_out, unsearched = [*coverage.left_out, *others], [*coverage.unsearched, *unplaced]
    streams = tuple(
        clipped(stream, windows[stream.exhibit_sha256])
        for stream in coverage.streams
        if stream.exhibit_sha256 in windows and selection.footage.takes_stream(stream.stream)
    )
    by_id = {item.id: windows[item.exhibit.sha256] for item in stored if item.exhibit.sha256 in windows}
    ids = table.ids[tracklets_within(case, table, by_id, selection)]
    if isinstance(selection.footage, ScopedSelection):
        ids, others = _inside_scope(case, recipe_key, ids, selection.footage)
        left_out += others
    changed = dataclasses.replace(
        coverage, streams=streams, left_out=tuple(left_out), unsearched=tuple(unsearched)
    )
    return Selected(ids, changed)


def compared_windows(
    stored: Sequence[StoredExhibit], selection: CaseSelection
) -> tuple[dict[str, tuple[MediaWindow, ...]], list[Unsearched], list[Unsearched]]:
    """The media time of each exhibit that is meant, by SHA-256; what is left out; where no window can be placed."""
    windows: dict[str, tuple[MediaWindow, ...]] = {}
    left_out, unplaced = [], []
    for item in stored:
        exhibit = item.exhibit
        reason = _why_not(selection, item)
        if reason is not None:
            left_out.append(Unsearched(exhibit.name, reason))
            continue
        try:
            windows[exhibit.sha256] = selection.footage.window.media_windows(exhibit.clock, exhibit.name)
        except ExhibitError as error:
            unplaced.append(Unsearched.because(error, exhibit.name))
    return windows, left_out, unplaced


def recorded_selection(limits: Mapping[str, Any]) -> CaseSelection:
    """A selection as a search records it: a time window in words, with times of media to the millisecond.

    What an authority limits beside it is not in it.

    Raises:
        UsageError: the words are none of a window.
    """
    words = str(limits.get("window", EVERYTHING))
    window = _WINDOW.search(words)
    if window is None and words != EVERYTHING:
        raise UsageError(f"its window is {words}")
    start, end = window.group("start", "end") if window else (None, None)
    footage = Selection(
        TimeWindow.parse(start, end), tuple(limits.get("cameras", ())), tuple(limits.get("streams", ()))
    )
    exhibits = tuple(limits.get("exhibits", ()))
    return CaseSelection(footage, exhibits, float(limits.get("min_quality", 0.0)))


def asked_footage(case: Case, selection: CaseSelection) -> list[tuple[str, str | None, str | None]]:
    """Name, digest and camera of each exhibit of a case that is asked for by its name or digest."""
    asked = selection.exhibits
    found = [item for item in exhibits(case) if not asked or any(_names(text, item) for text in asked)]
    return [(item.exhibit.name, item.exhibit.sha256, item.exhibit.camera) for item in found]


def _inside_scope(
    case: Case, recipe_key: str, ids: Ids, selection: ScopedSelection
) -> tuple[Ids, list[Unsearched]]:
    """The tracklets no face of which lies outside of an authority's scope, and an account of the others."""
    outside = templates_outside(case, recipe_key, ids, selection.scope)
    if not outside:
        return ids, []
    reason = (
        f"{len(outside):,} tracklets reach over the time that the authority {selection.authority} covers, "
        "and were not compared"
    )
    return ids[~np.isin(ids, list(outside))], [Unsearched("the case", reason)]


def tracklets_within(
    case: Case, table: TrackletTable, windows: dict[int, tuple[MediaWindow, ...]], selection: CaseSelection
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which tracklets of a table are meant, (T,): those that are there at any moment of a window.

    Args:
        case, table: of it.
        windows: media time by the number of the exhibit; those without an entry are left out.
        selection: its streams and least quality count.
    """
    wanted = np.zeros(len(table), bool)
    for exhibit_id, own in windows.items():
        of_exhibit = table.exhibit_ids == exhibit_id
        for start, end in own:
            inside = of_exhibit.copy()
            if start is not None:
                inside &= table.end_seconds > float(start)
            if end is not None:
                inside &= table.start_seconds < float(end)
            wanted |= inside
    if selection.footage.streams:
        rows = case.fetch_all("SELECT id, stream FROM streams")
        taken = [row[0] for row in rows if selection.footage.takes_stream(row[1])]
        wanted &= np.isin(table.stream_ids, taken)
    if selection.min_quality:
        wanted &= table.rank >= selection.min_quality
    return wanted


def _why_not(selection: CaseSelection, item: StoredExhibit) -> str | None:
    exhibit = item.exhibit
    if selection.exhibits and not any(_names(text, item) for text in selection.exhibits):
        return f"it was not asked for (--exhibit {', '.join(selection.exhibits)})"
    footage = selection.footage
    return footage.why_not_camera(exhibit.camera) or footage.why_not_exhibit(exhibit.name, exhibit.sha256)


def _names(text: str, item: StoredExhibit) -> bool:
    exhibit = item.exhibit
    is_digest = len(text) >= 8 and exhibit.sha256.startswith(text.lower())
    return is_digest or fnmatchcase(exhibit.name, text) or exhibit.path.name == text


def _refuse_unknown(selection: CaseSelection, stored: Sequence[StoredExhibit]) -> None:
    for text in selection.exhibits:
        if not any(_names(text, item) for item in stored):
            names = ", ".join(item.exhibit.name for item in stored[:10])
            raise UsageError(
                f"the case has no exhibit {text}", subject="--exhibit", hint=f"it has: {names or 'none'}"
            )
    cameras = [item.exhibit.camera for item in stored]
    unknown = selection.footage.unused_cameras(cameras)
    if unknown:
        known = sorted({camera for camera in cameras if camera is not None})
        raise UsageError(
            f"the case has no camera {unknown[0]}",
            subject="--camera",
            hint=f"it has: {', '.join(known) or 'none that is known by name'}",
        )


def clipped(stream: StreamCoverage, windows: Sequence[MediaWindow]) -> StreamCoverage:
    """The coverage of a stream of which only some windows are meant; the rest of it is ``outside``.

    Frames, samples and faces stay those of the indexed stream.
    """
    if any(window == (None, None) for window in windows):
        return stream
    ranges: list[TimeRange] = []
    moved: dict[RangeKind, Fraction] = {}
    for stretch in stream.ranges:
        for piece in _pieces(stretch, windows):
            ranges.append(piece)
            if piece.kind != stretch.kind:
                moved[stretch.kind] = moved.get(stretch.kind, Fraction(0)) + piece.seconds
    values = {f"{kind}_seconds": stream.seconds(kind) - seconds for kind, seconds in moved.items()}
    if "suspect" in moved:  # suspect footage counts as searched as well
        values["searched_seconds"] = (
            values.get("searched_seconds", stream.searched_seconds) - moved["suspect"]
        )
    values["outside_seconds"] = stream.outside_seconds + sum(moved.values(), Fraction(0))
    return dataclasses.replace(stream, ranges=tuple(ranges), **values)  # type: ignore[arg-type]


def _pieces(stretch: TimeRange, windows: Sequence[MediaWindow]) -> Iterator[TimeRange]:
    """A stretch, cut where windows begin and end."""
    if stretch.kind == "outside":
        yield stretch
        return
    edges = {stretch.start_seconds, stretch.end_seconds}
    for window in windows:
        edges |= {
            edge for edge in window if edge is not None and stretch.start_seconds < edge < stretch.end_seconds
        }
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        inside = any((low is None or low <= start) and (high is None or end <= high) for low, high in windows)
        kind: RangeKind = stretch.kind if inside else "outside"
        yield dataclasses.replace(
            stretch, kind=kind, start_seconds=start, end_seconds=end, reason=stretch.reason if inside else ""
        )
