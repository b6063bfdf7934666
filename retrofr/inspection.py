"""The facts of footage without biometrics: what each file is, how long, how even, how damaged, and when."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from retrofr.errors import ExhibitError, IntegrityError, RetrofrError
from retrofr.events import (
    Advanced,
    Digesting,
    ExhibitFinished,
    ExhibitStarted,
    Listener,
    RunStarted,
    Skipped,
    StoppedError,
    ignore,
    never,
)
from retrofr.hash_lists import Expected
from retrofr.intake import check_request
from retrofr.integrity import algorithms_for, check_as_listed
from retrofr.notes import ExhibitNotes, FootageNotes
from retrofr.overlay_run import OverlayClocks, said_of
from retrofr.records import Exhibit
from retrofr.request import FootageRequest
from retrofr.results import Unsearched
from retrofr.selection import Selection
from retrofr.settings import SamplingSettings, Settings
from retrofr.video import findings
from retrofr.video.container import (
    as_exhibit,
    digest_unchanged,
    is_mere_program,
    look_at,
    read_container,
    refuse_unsearchable,
)
from retrofr.video.facts import StreamFacts, StreamSurvey
from retrofr.video.footage import FootageFile, find_footage
from retrofr.video.inspected import Decoded, FileInspection, Inspection, StreamInspection
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts
from retrofr.video.suggestions import Suggestion, suggest
from retrofr.video.survey import survey

# Every frame is decoded anyway; few are converted to pictures.
_FULL_RATE = 0.01
_SUSPECT = "damage was reported in them, or in what they were predicted from"


def inspect(
    footage: Sequence[str | Path],
    *,
    full: bool = False,
    settings: Settings | None = None,
    request: FootageRequest | None = None,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> Inspection:
    """Find out what footage is, without looking for faces. Files are only read.

    Args:
        footage: files, folders (with everything below them) and glob patterns.
        full: decode everything, which finds damage inside pictures and takes as long as decoding does;
            without, headers and packets are read.
        settings: of decoder and clock; the defaults where None.
        request: what the examiner knows about the footage, digests that came with it, whether to read burnt-in
            clocks; its selection is not looked at.
        listener: is told what happens while it happens.
        stop: asked a few times a second; once it says True the run ends and gives what it has, with
            ``interrupted`` set.

    Raises:
        UsageError: no footage, notes that contradict themselves, a hash list that does not go with the footage.
        RefusedError: footage that is not a recorded file.
        ModelError: burnt-in clocks are to be read, and the extra ``ocr`` is missing.
    """
    settings = settings or Settings()
    request = request or FootageRequest(FootageNotes.under(settings.clock))
    found = find_footage(footage)
    check_request(replace(request, selection=Selection()), found.files)
    listener(RunStarted(len(found.files), found.total_bytes()))
    for missing in found.unreadable:
        listener(Skipped(missing.subject, missing.reason, missing.hint))
    with DecoderProcess(settings.video) as decoder:
        inspector = _Inspector(decoder, settings, request, full, listener, stop)
        left = inspector.run(found.files)
    return Inspection(
        files=tuple(inspector.files),
        ignored=(*found.ignored, *inspector.programs),
        archives=found.archives,
        unreadable=found.unreadable,
        full=full,
        interrupted=bool(left),
        not_inspected=tuple(file.name for file in left),
    )


class _Inspector:
    """Inspects one file after the other through one decoder process.

    ``files`` is what it found out, ``programs`` names those that hold no recording and were not meant.
    """

    def __init__(
        self,
        decoder: DecoderProcess,
        settings: Settings,
        request: FootageRequest,
        full: bool,
        listener: Listener,
        stop: Callable[[], bool],
    ) -> None:
        self._decoder, self._settings, self._request, self._full = decoder, settings, request, full
        self._overlays = OverlayClocks(decoder) if request.ocr else None
        self._expected: dict[Path, Expected] = {}
        self._listener, self._stop = listener, stop
        self.files: list[FileInspection] = []
        self.programs: list[str] = []

    def run(self, files: tuple[FootageFile, ...]) -> tuple[FootageFile, ...]:
        """Inspect the files in order; gives those that are left when the caller stops it."""
        if self._request.hashes is not None:
            self._expected = self._request.hashes.assigned({file.path: file.name for file in files})
        for ordinal, file in enumerate(files, 1):
            try:
                self._stop_if_asked()
                inspected = self._inspect(file, ordinal)
            except StoppedError:
                return files[ordinal - 1 :]
            if inspected is None:
                self.programs.append(file.name)
            else:
                self.files.append(inspected)
        return ()

    def _stop_if_asked(self, *_: object) -> None:
        """Raise StoppedError once the caller wants the run to end; takes any progress."""
        if self._stop():
            raise StoppedError

    def _inspect(self, file: FootageFile, ordinal: int) -> FileInspection | None:
        """One file; None for a program in a folder that holds no recording."""
        known = self._request.notes.for_exhibit(file.path, file.name)
        done = FileInspection(file.name, file.path, camera=known.camera, clock=known.clock())
        refused: ExhibitError | None = None
        expected = self._expected.get(file.path)
        try:
            before = look_at(file)
            modified = datetime.fromtimestamp(before.st_mtime, UTC)
            done = replace(done, size_bytes=before.st_size, modified=modified)
            try:
                facts = self._decoder.call(read_container, file.path, file.name, subject=file.name)
                done = replace(done, container=facts, clock=known.clock(facts.origins))
                refuse_unsearchable(file, facts)
            except ExhibitError as error:
                if is_mere_program(file, error) and expected is None:
                    return None
                refused = error
            told = self._while_digesting(file, before)
            digests = digest_unchanged(file, before, told, algorithms_for(expected))
            done = replace(done, sha256=digests["sha256"])
            if self._request.hashes is not None:
                done = replace(done, hash_check=check_as_listed(file.name, digests, expected))
        except (ExhibitError, IntegrityError) as error:
            return self._unreadable(done, error)
        if refused is not None:
            return self._unreadable(done, refused)
        return self._look_inside(file, done, known, ordinal)

    def _while_digesting(self, file: FootageFile, facts: os.stat_result) -> Callable[[int], None]:
        def told(done_bytes: int) -> None:
            self._stop_if_asked()
            self._listener(Digesting(file.name, done_bytes, facts.st_size))

        return told

    def _unreadable(self, done: FileInspection, error: RetrofrError) -> FileInspection:
        what = Unsearched.because(error, done.name)
        self._listener(Skipped(what.subject, what.reason, what.hint))
        container = done.container
        streams = tuple(StreamInspection(facts) for facts in container.streams) if container else ()
        notes = container.notices if container else ()
        problems = container.problems if container else ()
        return replace(done, streams=streams, problems=problems, notes=notes, unreadable=what)

    def _look_inside(
        self, file: FootageFile, done: FileInspection, known: ExhibitNotes, ordinal: int
    ) -> FileInspection:
        facts = done.container
        assert facts is not None
        assert done.sha256 is not None
        assert done.size_bytes is not None
        exhibit = as_exhibit(file, facts, done.sha256, done.size_bytes, known)
        self._listener(ExhibitStarted(file.name, ordinal, exhibit.declared_seconds()))
        try:
            surveyed = self._decoder.call(
                survey, file.path, file.name, subject=file.name, on_progress=self._stop_if_asked
            )
        except ExhibitError as error:
            return self._unreadable(done, error)
        by_index = {stream.index: stream for stream in surveyed.streams}
        streams = tuple(
            self._stream(exhibit, each, by_index.get(each.stream.index)) for each in facts.streams
        )
        lengths = [s.recorded_seconds for s in surveyed.streams if s.recorded_seconds is not None]
        longest = max(lengths, default=None)
        self._listener(ExhibitFinished(file.name, float(longest or 0)))
        start = None if known.name_origin is None else known.name_origin.at
        end = findings.end_in_name(file.path.name, start)
        done, said = self._with_overlay(done, exhibit, known)
        clocks = [
            *said,
            *findings.clock_notes(done.clock, longest),
            *findings.name_notes(end, start, longest),
        ]
        losses = facts.losses({s.facts.stream.index: _frames(s) for s in streams})
        harmless = [problem for problem in facts.problems if problem not in losses]
        done = replace(
            done,
            streams=streams,
            problems=(*losses, *findings.file_problems(surveyed)),
            notes=(*facts.notices, *harmless, *clocks),
            suggestions=_suggestions(done, streams, known, end),
        )
        return self._if_empty(done)

    def _with_overlay(
        self, done: FileInspection, exhibit: Exhibit, known: ExhibitNotes
    ) -> tuple[FileInspection, tuple[str, ...]]:
        """The burnt-in clock beside the others, where it was asked for, and what must be said of it."""
        if self._overlays is None or done.container is None:
            return done, ()
        overlay = self._overlays.read(exhibit, self._stop_if_asked)
        return replace(done, clock=known.clock((*done.container.origins, overlay.origin))), said_of(overlay)

    def _if_empty(self, done: FileInspection) -> FileInspection:
        """A file that opens and gives nothing is not readable, whatever its header says."""
        if not all(_is_empty(stream) for stream in done.streams):
            return done
        reasons = dict.fromkeys(problem for stream in done.streams for problem in stream.problems)
        error = ExhibitError("; ".join(reasons) or "no picture could be decoded", subject=done.name)
        self._listener(Skipped(done.name, error.reason, error.hint))
        return replace(done, unreadable=Unsearched(done.name, error.reason, error.hint))

    def _stream(
        self, exhibit: Exhibit, facts: StreamFacts, surveyed: StreamSurvey | None
    ) -> StreamInspection:
        refused = findings.refused_stream(facts)
        if refused or surveyed is None:
            return StreamInspection(facts, surveyed, problems=tuple(refused))
        problems = findings.stream_problems(facts, surveyed)
        notes = findings.stream_notes(facts, surveyed, decoded=self._full)
        if not self._full:
            return StreamInspection(facts, surveyed, problems=tuple(problems), notes=tuple(notes))
        try:
            covered = self._decode(exhibit, facts.stream.index)
        except ExhibitError as error:
            return StreamInspection(facts, surveyed, problems=(*problems, error.reason), notes=tuple(notes))
        problems = list(covered.problems)
        if covered.suspect_frames:
            problems.append(f"{covered.suspect_frames} frames are suspect: {_SUSPECT}")
        told = dict.fromkeys([*notes, *covered.notes])
        return StreamInspection(facts, surveyed, _decoded(covered), tuple(problems), tuple(told))

    def _decode(self, exhibit: Exhibit, index: int) -> CoverageFacts:
        video = replace(self._settings.video, decode="all")
        plan = ReadingPlan(SamplingSettings(rate=_FULL_RATE, gate=False), video)

        def told(seconds: Fraction) -> None:
            self._stop_if_asked()
            self._listener(Advanced(exhibit.name, float(seconds), 0, 0))

        with self._decoder.read_samples(exhibit, index, plan, on_position=told) as reader:
            for _ in reader:
                self._stop_if_asked()
            return reader.coverage_facts


def _suggestions(
    done: FileInspection, streams: tuple[StreamInspection, ...], known: ExhibitNotes, end: datetime | None
) -> tuple[Suggestion, ...]:
    """What the examiner has not given yet."""
    start = known.name_origin.at if known.name_origin is not None else None
    named = Fraction((end - start) // timedelta(microseconds=1), 1_000_000) if end and start else None
    given = {"--sar": known.pixel_aspect, "--fps": known.frame_rate}
    made = suggest([(stream.facts, stream.survey) for stream in streams], done.clock, named)
    return tuple(each for each in made if given.get(each.flag) is None)


def _decoded(facts: CoverageFacts) -> Decoded:
    values = {field.name: getattr(facts, field.name) for field in fields(Decoded)}
    return Decoded(**values | {"ranges": tuple(facts.ranges)})


def _frames(stream: StreamInspection) -> int:
    if stream.decoded is not None:
        return stream.decoded.frames
    return 0 if stream.survey is None else stream.survey.packets


def _is_empty(stream: StreamInspection) -> bool:
    if stream.decoded is not None:
        return not stream.decoded.frames
    return stream.survey is None or not stream.survey.packets
