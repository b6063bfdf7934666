"""The recordings of a bundle, found where they lie now, and indexed again exactly as they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrofr import registry
from retrofr.case.exhibits import put_recipe
from retrofr.case.store import Case
from retrofr.disclosure.contents import RecordedExhibit, RecordedStream
from retrofr.errors import IntegrityError
from retrofr.events import Listener, Warned, never
from retrofr.footage_run import FootageRun
from retrofr.indexing import CaseKeeper, shared_out
from retrofr.intake import Intake, TakenIn
from retrofr.integrity import sha256_file
from retrofr.notes import FootageNotes
from retrofr.oversight.scope import Scope
from retrofr.recipe import Recipe
from retrofr.request import FootageRequest
from retrofr.results import Coverage
from retrofr.settings import Settings
from retrofr.video.footage import Footage, FootageFile, find_footage
from retrofr.video.isolated import DecoderProcess


def find_recordings(folder: Path, exhibits: Sequence[RecordedExhibit], listener: Listener) -> dict[str, Path]:
    """Where recordings lie below a folder, by their SHA-256, whatever they are called; those that are not there lack.

    Args:
        folder: that is looked through with its folders; or a file.
        exhibits: that are looked for.
        listener: is told of a file that is called like one of them, and is another.

    Raises:
        UsageError: there is no footage.
        RefusedError, ExhibitError: the folder is none for footage, or a file cannot be read.
    """
    wanted = {exhibit.sha256: exhibit for exhibit in exhibits}
    sizes = {exhibit.size_bytes for exhibit in exhibits}
    found: dict[str, Path] = {}
    others: list[FootageFile] = []
    for file in find_footage([folder]).files:
        digest = sha256_file(file.path) if file.path.stat().st_size in sizes else ""
        if digest in wanted:
            found.setdefault(digest, file.path)
        else:
            others.append(file)
    lacking = {Path(e.name).name: e for sha256, e in wanted.items() if sha256 not in found}
    for file in others:
        if file.path.name in lacking:
            why = "is called like a recording of the bundle, and is another: its SHA-256 differs"
            listener(Warned(str(file.path), why))
    return found


def index_recordings(
    case: Case,
    recipe: Recipe,
    settings: Settings,
    found: Mapping[str, Path],
    exhibits: Sequence[RecordedExhibit],
    listener: Listener,
) -> dict[str, str]:
    """Index recordings into a case as a bundle says that they were; gives why some of them could not be, by SHA-256.

    Args:
        case: new and empty.
        recipe, settings: of the bundle.
        found: where they lie.
        exhibits: those of ``found`` are indexed.
        listener: is told what happens.

    Raises:
        UsageError, ModelError, OutputError: the work cannot be done at all.
    """
    engine, chosen = registry.load_with_settings("engines", settings.index.engine, settings.parts)
    put_recipe(case, recipe)
    there = [exhibit for exhibit in exhibits if exhibit.sha256 in found]
    failed: dict[str, str] = {}
    with DecoderProcess(settings.video) as decoder:
        decoder.start()
        own, workers, prepare = shared_out(engine, chosen, settings, decoder)
        with engine.build(own, prepare, workers, listener, never) as running:
            for batch in _batches(there):
                recorded = {found[exhibit.sha256]: exhibit for exhibit in batch}
                keeper = CaseKeeper(case, recipe, listener, Scope())
                request = FootageRequest(FootageNotes())
                run = FootageRun(running, decoder, keeper, request, listener, never, _intake(recorded))
                files = tuple(FootageFile(path, exhibit.name) for path, exhibit in recorded.items())
                run.run(Footage(files, ()))
                failed |= _failed(run.coverage(), batch)
    return failed


def _failed(coverage: Coverage, exhibits: Sequence[RecordedExhibit]) -> dict[str, str]:
    """Why recordings of which nothing could be read could not, by SHA-256."""
    read = {stream.exhibit_sha256 for stream in coverage.streams}
    return {
        exhibit.sha256: next(
            (item.reason for item in coverage.unsearched if item.subject.startswith(exhibit.name)), "not read"
        )
        for exhibit in exhibits
        if exhibit.sha256 not in read
    }


def _batches(exhibits: Sequence[RecordedExhibit]) -> Iterator[list[RecordedExhibit]]:
    """All of them, each with the streams that were read alike; what was read otherwise comes in a further batch."""
    waiting = [list(_alike(exhibit)) for exhibit in exhibits]
    while any(waiting):
        yield [groups.pop(0) for groups in waiting if groups]


def _alike(exhibit: RecordedExhibit) -> Iterator[RecordedExhibit]:
    groups: dict[Any, list[RecordedStream]] = {}
    for stream in exhibit.streams:
        groups.setdefault((stream.pixel_aspect, stream.frame_rate, stream.windows), []).append(stream)
    for streams in groups.values():
        yield dataclasses.replace(exhibit, streams=tuple(streams))


def _intake(recorded: Mapping[Path, RecordedExhibit]) -> type[Intake]:
    """Takes files in as they were when they were indexed, whatever this machine would make of their names."""

    class RecordedIntake(Intake):
        def take_in(self, file: FootageFile) -> TakenIn:
            taken, known = super().take_in(file), recorded[file.path]
            if taken.exhibit.sha256 != known.sha256:
                raise IntegrityError("was changed while it was read", subject=file.name)
            first = known.streams[0]
            wanted = {stream.stream for stream in known.streams}
            streams = tuple(stream for stream in taken.exhibit.streams if stream.index in wanted)
            exhibit = dataclasses.replace(
                taken.exhibit, name=known.name, camera=known.camera, streams=streams
            )
            notes = dataclasses.replace(
                taken.notes, pixel_aspect=first.pixel_aspect, frame_rate=first.frame_rate
            )
            return dataclasses.replace(taken, exhibit=exhibit, notes=notes, windows=first.windows)

    return RecordedIntake
