"""From footage to a case: every stream is worked on slice by slice, and each slice is committed when it is done.

A run that was stopped or killed is gone on with by indexing the same footage again: what is in the case is not
done twice, and what was in flight is done again with the same result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from retrofr import registry
from retrofr.case.audit import Act, acting
from retrofr.case.exhibits import active_recipe, find_exhibit, note_unsearched, put_exhibit, put_recipe
from retrofr.case.permitting import permit, refuse_footage_outside, refuse_nothing_inside
from retrofr.case.searches import finish_run, start_run
from retrofr.case.store import Case
from retrofr.case.writing import StoredStream, commit_slice, finish_stream, open_stream
from retrofr.engines.base import Prepare
from retrofr.errors import CaseError, ExhibitError, IntegrityError
from retrofr.events import Listener, Warned, ignore, never
from retrofr.footage_run import FootageRun
from retrofr.index_work import PrepareHere, default_workers, prepare_elsewhere, threads_of_nets
from retrofr.indexed import IndexedSlice, StreamProgress
from retrofr.intake import NotAskedForError, TakenIn, cameras_of, check_request
from retrofr.notes import FootageNotes
from retrofr.oversight.checking import Permission
from retrofr.oversight.details import models_of
from retrofr.oversight.scope import OutsideCounter, Scope
from retrofr.recipe import Recipe, differences, recipe_of, setting_values
from retrofr.records import VideoStream
from retrofr.request import FootageRequest
from retrofr.results import Coverage, StreamCoverage
from retrofr.runtime import usable_cores
from retrofr.scoring import build_scorer
from retrofr.settings import Settings, StageSettings
from retrofr.stream_work import (
    CollectedPiece,
    Piece,
    StreamTask,
    with_decoding_threads,
)
from retrofr.versions import versions
from retrofr.video.footage import Footage, find_footage
from retrofr.video.isolated import DecoderProcess

_DIFFERENCES_TOLD = 4


@dataclass(frozen=True)
class IndexCounts:
    """What a run added to a case, and how many streams it found finished or begun by an earlier run."""

    slices: int = 0
    tracklets: int = 0
    templates: int = 0
    streams_known: int = 0
    streams_continued: int = 0


@dataclass(frozen=True, eq=False)
class IndexResult:
    """What an indexing run did. ``coverage`` is that of the footage that was named, known exhibits included.

    ``oversight`` is under which authority and policies: see :meth:`retrofr.oversight.checking.Permission.as_dict`.
    """

    recipe: Recipe
    counts: IndexCounts
    coverage: Coverage
    oversight: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """As that of a search."""
        return self.coverage.exit_code


def index(
    footage: Sequence[str | Path],
    case: Case,
    *,
    settings: Settings | None = None,
    request: FootageRequest | None = None,
    again: bool = False,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> IndexResult:
    """Index recorded footage into a case.

    Args:
        footage: files, folders (with everything below them) and glob patterns.
        case: opened for writing.
        settings: of every stage; those the case was indexed with where None, else the defaults.
        request: what is known about the footage, which part of it is indexed, and digests that came with it.
        again: index with other settings than the case was indexed with before; the old templates stay, and later
            searches go through the new ones.
        listener: is told what happens while it happens.
        stop: asked a few times a second; once it says True the run ends, and what is committed stays.

    Raises:
        UsageError: no footage, an unknown part, a request that does not go with the footage.
        RefusedError: footage that is not a recorded file; or a policy or the authority does not allow it.
        CaseError: the case was indexed with other settings or weights before; what differs is named.
        OutputError: the disk is full; what was committed stays.
        ModelError: a device, detector or embedder that cannot be used.
    """
    settings = settings or settings_of(case)
    request = request or FootageRequest(FootageNotes.under(settings.clock))
    files = find_footage(footage)
    check_request(request, files.files)
    recipe = recipe_of(settings, build_scorer(settings.embed.embedder, settings.parts))
    _refuse_another_recipe(case, recipe, again=again)
    engine, chosen = registry.load_with_settings("engines", settings.index.engine, settings.parts)
    with acting(case, "index", models=models_of(recipe.terms), listener=listener) as act:
        permission = _permitted(case, act, settings, request, files, listener)
        request = dataclasses.replace(request, selection=permission.selection)
        act.begin(required=False, listener=listener)
        put_recipe(case, recipe)
        number = start_run(case, "index", versions() | {"device": settings.device})
        keeper = CaseKeeper(case, recipe, listener, permission.scope)
        with DecoderProcess(settings.video) as decoder:
            decoder.start()
            chosen, workers, prepare = shared_out(engine, chosen, settings, decoder)
            with engine.build(chosen, prepare, workers, listener, stop) as running:
                run = FootageRun(running, decoder, keeper, request, listener, stop)
                try:
                    run.run(files)
                finally:
                    coverage = run.coverage()
                    note_unsearched(
                        case, recipe.key, coverage.unsearched, coverage.left_out, coverage.ignored
                    )
        finish_run(case, number)
        refuse_nothing_inside(permission, act, coverage)
        act.details["exhibits"] = len({stream.exhibit_sha256 for stream in coverage.streams})
        act.outcome = "interrupted" if coverage.interrupted else "done"
    return IndexResult(recipe, keeper.counts, coverage, permission.as_dict(keeper.outside.count))


def _permitted(
    case: Case, act: Act, settings: Settings, request: FootageRequest, files: Footage, listener: Listener
) -> Permission:
    """Whether this may be indexed; nothing of it was opened yet."""
    permission = permit(
        case,
        act,
        selection=request.selection,
        detector=settings.detect.detector,
        embedder=settings.embed.embedder,
        listener=listener,
    )
    refuse_footage_outside(permission, act, cameras_of(request, files.files))
    return permission


def shared_out(
    engine: ModuleType, chosen: Any, settings: Settings, decoder: DecoderProcess
) -> tuple[StageSettings, int, Prepare]:
    """The engine's settings for this run, how many workers it has, and what prepares the work in each."""
    if getattr(engine, "ELSEWHERE", False):
        chosen, workers = chosen.shared_out(settings.index.workers, settings.device, usable_cores())
        settings = with_decoding_threads(settings, chosen.cpus_a_worker)
        return chosen, workers, partial(prepare_elsewhere, settings, chosen.cpus_a_worker, Path.cwd())
    workers = settings.index.workers or default_workers(settings.device)
    settings = with_decoding_threads(settings, usable_cores() // workers)
    shared = decoder if getattr(engine, "IN_THIS_PROCESS", False) else None
    return chosen, workers, PrepareHere(settings, threads_of_nets(workers), shared)


def settings_of(case: Case) -> Settings:
    """The settings that a case was indexed with; the defaults where it is empty."""
    recipe = active_recipe(case)
    return Settings() if recipe is None else Settings.from_mapping(setting_values(recipe))


def _refuse_another_recipe(case: Case, recipe: Recipe, *, again: bool) -> None:
    before = active_recipe(case)
    if before is None or before.key == recipe.key or again:
        return
    found = differences(before, recipe)
    more = len(found) - _DIFFERENCES_TOLD
    listed = "; ".join(found[:_DIFFERENCES_TOLD]) + (f"; and {more} more" if more > 0 else "")
    raise CaseError(
        f"was indexed with other settings or weights: {listed}",
        subject=str(case.path),
        hint="leave these settings out to go on as before, or add --again to index this footage with the new ones "
        "(templates of different settings are never compared)",
    )


class CaseKeeper:
    """Commits what comes, and knows what the case has."""

    def __init__(self, case: Case, recipe: Recipe, listener: Listener, scope: Scope) -> None:
        self.counts = IndexCounts()
        self.outside = OutsideCounter(scope)
        self._case, self._recipe, self._listener = case, recipe, listener
        self._rows: dict[tuple[str, int], StoredStream] = {}
        self._paths: dict[str, Path] = {}

    def begin(self, taken: TakenIn, stream: VideoStream) -> StreamCoverage | StreamProgress | None:
        """See :class:`retrofr.footage_run.Keeper`."""
        exhibit = taken.exhibit
        first = self._paths.setdefault(exhibit.sha256, exhibit.path)
        if first != exhibit.path:
            raise NotAskedForError(f"it is the same recording, byte for byte, as {first}")
        self._refuse_changed(taken)
        with self._case.transaction():
            number = put_exhibit(self._case, exhibit, hash_check=taken.hash_check, notices=taken.notices)
            try:
                row = open_stream(self._case, number, self._recipe.key, stream.index, _reading(taken))
            except CaseError as error:
                raise ExhibitError(error.reason, subject=error.subject, hint=error.hint) from error
        self._rows[exhibit.sha256, stream.index] = row
        if row.coverage is not None:
            self._count(streams_known=1)
            return self._renewed(taken, row)
        if row.progress is not None:
            self._count(streams_continued=1)
        return row.progress

    def take(self, task: StreamTask, piece: Piece | CollectedPiece) -> None:
        """See :class:`retrofr.footage_run.Keeper`."""
        if not isinstance(piece, IndexedSlice):
            return
        row = self._rows[task.taken.exhibit.sha256, task.stream.index]
        for item in piece.tracklets:
            self.outside.add(item.tracklet)
        commit_slice(self._case, row.id, piece)
        templates = sum(len(item.tracklet.templates) for item in piece.tracklets)
        self._count(slices=1, tracklets=len(piece.tracklets), templates=templates)

    def finish(self, taken: TakenIn, stream: VideoStream, coverage: StreamCoverage) -> None:
        """See :class:`retrofr.footage_run.Keeper`."""
        finish_stream(self._case, self._rows[taken.exhibit.sha256, stream.index].id, coverage)

    def _refuse_changed(self, taken: TakenIn) -> None:
        exhibit = taken.exhibit
        stored = find_exhibit(self._case, path=exhibit.path)
        if stored is None or stored.exhibit.sha256 == exhibit.sha256:
            return
        raise IntegrityError(
            f"changed since it was indexed on {stored.added:%Y-%m-%d %H:%M} UTC: its SHA-256 was "
            f"{stored.exhibit.sha256}, now it is {exhibit.sha256}",
            subject=exhibit.name,
            hint="what was indexed stays in the case; if this is another recording, give the file another name",
        )

    def _renewed(self, taken: TakenIn, row: StoredStream) -> StreamCoverage:
        """The stored coverage under the name, camera and clock that hold now."""
        assert row.coverage is not None
        exhibit = taken.exhibit
        now = dataclasses.replace(
            row.coverage,
            exhibit=exhibit.name,
            camera=exhibit.camera,
            clock=exhibit.clock,
            hash_check=taken.hash_check or row.coverage.hash_check,
        )
        if now != row.coverage:
            self._listener(
                Warned(exhibit.name, "what is known of it changed: its name, camera or clock are renewed")
            )
            finish_stream(self._case, row.id, now)
        return now

    def _count(self, **more: int) -> None:
        values = {name: getattr(self.counts, name) + number for name, number in more.items()}
        self.counts = dataclasses.replace(self.counts, **values)


def _reading(taken: TakenIn) -> Mapping[str, Any]:
    """What decides about an exhibit's samples beside the recipe, as plain values."""
    notes = taken.notes
    return {
        "pixel_aspect": None if notes.pixel_aspect is None else str(notes.pixel_aspect),
        "frame_rate": None if notes.frame_rate is None else str(notes.frame_rate),
        "windows": [[None if at is None else str(at) for at in window] for window in taken.windows],
    }
