"""Measures how fast footage is indexed here, beside decoding it alone.

Each recording is read from its beginning, for a limited media time, as ``index`` reads it: in a decoder process of
its own, with the same parts and settings. What is found is counted and dropped; nothing is written. Not counted is
what ``index`` does once for a run or a file: loading the nets, the digests, and writing to the case.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from retrofr import registry
from retrofr.errors import ExhibitError, UsageError
from retrofr.events import (
    ExhibitFinished,
    ExhibitStarted,
    Listener,
    RunStarted,
    Skipped,
    StoppedError,
    ignore,
    never,
)
from retrofr.index_work import default_workers, threads_of_nets
from retrofr.intake import TakenIn
from retrofr.nets import Nets, load_nets
from retrofr.notes import FootageNotes
from retrofr.results import Unsearched
from retrofr.runtime import usable_cores
from retrofr.scoring import choose_embedders
from retrofr.settings import Settings
from retrofr.speed.machine import MemoryWatch, busy_seconds
from retrofr.speed.measured import Indexing, Recording, Round, SpeedResult
from retrofr.speed.reading import Decoding, Processor, decode_only, media_seconds
from retrofr.speed.stages import STAGES, Spent, Stage, Stopwatch, TimedComparison, TimedDecoder, TimedDetector
from retrofr.stream_work import CollectedPiece, StreamEnd, StreamTask, StreamWork, collected
from retrofr.video.container import (
    as_exhibit,
    is_mere_program,
    look_at,
    read_container,
    refuse_unsearchable,
)
from retrofr.video.footage import Footage, FootageFile, find_footage


def measure_speed(
    footage: Sequence[str | Path],
    *,
    settings: Settings | None = None,
    seconds: float = 60.0,
    rounds: int = 3,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> SpeedResult:
    """Measure, in rounds in which decoding alone and indexing take turns over all recordings.

    Args:
        footage: files, folders (with everything below them) and glob patterns.
        settings: of every stage; the defaults where None.
        seconds: of media time, how much of each recording is read, from its beginning.
        rounds: how often; figures are medians over them.
        listener: is told what happens while it happens.
        stop: asked a few times a second; once it says True the run ends with the rounds that are done.

    Raises:
        UsageError: no footage, an unknown part, ``seconds`` or ``rounds`` out of bounds.
        RefusedError: footage that is not a recorded file.
        ModelError: a device, detector or embedder that cannot be used.
    """
    if seconds <= 0 or rounds < 1:
        raise UsageError(f"cannot measure {seconds:g} s in {rounds} rounds")
    settings = settings or Settings()
    files = find_footage(footage)
    registry.load(
        "detectors", settings.detect.detector
    )  # so that a mistyped name fails before models are loaded
    choose_embedders(settings.embed.embedder, settings.parts)
    workers = settings.index.workers or default_workers(settings.device)
    began = time.perf_counter()
    nets = load_nets(settings, threads=threads_of_nets(workers))
    loaded = time.perf_counter() - began
    with TimedDecoder(settings.video, Fraction(seconds)) as decoder:
        run = _Measuring(nets, decoder, settings, Fraction(seconds), listener, stop)
        run.measure(files, rounds)
    recordings = [
        Recording(each.name, each.task.stream, tuple(each.rounds), each.problems) for each in run.done
    ]
    return SpeedResult(
        recordings=tuple(recordings),
        unmeasured=tuple(run.unmeasured),
        ignored=(*files.ignored, *run.programs),
        settings=settings,
        device=nets.device.describe(),
        cores=usable_cores(),
        workers=workers,
        load_seconds=loaded,
        interrupted=run.interrupted,
    )


@dataclass(eq=False)
class _Subject:
    """A stream that is measured, and its rounds so far."""

    task: StreamTask
    rounds: list[Round] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    failed: bool = False

    @property
    def name(self) -> str:
        """Of the file; with the number of the stream where it has several."""
        exhibit = self.task.taken.exhibit
        return self.task.name if len(exhibit.streams) > 1 else exhibit.name


class _Measuring:
    """One run over footage."""

    def __init__(
        self,
        nets: Nets,
        decoder: TimedDecoder,
        settings: Settings,
        seconds: Fraction,
        listener: Listener,
        stop: Callable[[], bool],
    ) -> None:
        self.unmeasured: list[Unsearched] = []
        self.programs: list[str] = []
        self.interrupted = False
        self._subjects: list[_Subject] = []
        self._nets, self._decoder, self._settings, self._seconds = nets, decoder, settings, seconds
        self._listener, self._stop = listener, stop

    @property
    def done(self) -> list[_Subject]:
        """Streams that were measured at least once."""
        return [subject for subject in self._subjects if subject.rounds and not subject.failed]

    def measure(self, footage: Footage, rounds: int) -> None:
        """Take in the files and measure them."""
        for missing in footage.unreadable:
            self._skip(missing)
        try:
            for file in footage.files:
                self._stop_if_asked()
                self._take_in(file)
            self._listener(RunStarted(len(self._subjects) * rounds, footage.total_bytes()))
            for number in range(rounds):
                for ordinal, subject in enumerate(self._subjects, number * len(self._subjects) + 1):
                    if not subject.failed:
                        self._round(subject, ordinal)
        except StoppedError:
            self.interrupted = True

    def _stop_if_asked(self) -> None:
        if self._stop():
            raise StoppedError

    def _skip(self, missing: Unsearched) -> None:
        self.unmeasured.append(missing)
        self._listener(Skipped(missing.subject, missing.reason, missing.hint))

    def _take_in(self, file: FootageFile) -> None:
        """The digest of a long recording takes minutes and is not needed to measure its beginning: it stays empty."""
        notes = FootageNotes.under(self._settings.clock).for_exhibit(file.path, file.name)
        try:
            size = look_at(file).st_size
            facts = self._decoder.call(read_container, file.path, file.name, subject=file.name)
            refuse_unsearchable(file, facts)
        except ExhibitError as error:
            if is_mere_program(file, error):
                self.programs.append(file.name)
            else:
                self._skip(Unsearched.because(error, file.name))
            return
        exhibit = as_exhibit(file, facts, "", size, notes)
        taken = TakenIn(exhibit, notes, (), None, facts.notices, facts)
        self._subjects += [_Subject(StreamTask(taken, stream)) for stream in exhibit.streams]

    def _round(self, subject: _Subject, ordinal: int) -> None:
        self._stop_if_asked()
        task = subject.task
        name, declared = task.taken.exhibit.name, task.stream.declared_seconds
        expected = self._seconds if declared is None else min(declared, self._seconds)
        self._listener(ExhibitStarted(name, ordinal, float(expected)))
        wall, busy = time.perf_counter(), busy_seconds()
        try:
            decoding = self._decode(task)
            indexing, subject.problems = self._index(task)
        except ExhibitError as error:
            subject.failed = True
            self._skip(Unsearched(subject.name, error.reason, error.hint))
            return
        after, own = busy_seconds(), decoding.cpu_seconds + indexing.cpu_seconds
        taken = time.perf_counter() - wall
        others = None if busy is None or after is None else max(0.0, after - busy - own) / taken
        subject.rounds.append(Round(decoding, indexing, others))
        self._listener(ExhibitFinished(name, float(indexing.media_seconds)))

    def _decode(self, task: StreamTask) -> Decoding:
        exhibit, plan = task.taken.exhibit, task.taken.plan(self._settings)
        decoding = self._decoder.call(
            decode_only,
            *(self._seconds, exhibit, task.stream.index, plan),
            subject=exhibit.name,
            on_progress=self._stop_if_asked,
        )
        if not decoding.samples:
            raise ExhibitError("no picture could be made of what was read", subject=exhibit.name)
        return decoding

    def _index(self, task: StreamTask) -> tuple[Indexing, tuple[str, ...]]:
        """One reading as ``index`` does it; and what was damaged in it."""
        decoder, name = self._decoder, task.taken.exhibit.name
        memory = MemoryWatch(lambda: [os.getpid(), decoder.pid])
        watch = Stopwatch(lambda: decoder.received_seconds + memory.cpu_seconds)
        detector = TimedDetector(self._nets.detector, watch)
        nets = Nets(detector, TimedComparison(self._nets.comparison, watch), self._nets.device)
        pieces = collected(
            # What runs beside something else cannot be told from it by the processor time of this process.
            StreamWork(nets, decoder, self._settings, "faces", embeds_aside=False)(
                task, self._listener, self._stop
            )
        )
        before, process, received = decoder.processor(name), decoder.pid, decoder.received_seconds
        own, wall = watch.own_seconds(), time.perf_counter()
        with memory:
            tracklets, templates, end = _counted(pieces)
        wall, own = time.perf_counter() - wall, watch.own_seconds() - own
        if end.stopped:
            raise StoppedError
        received = decoder.received_seconds - received
        after = decoder.processor(name)
        if decoder.pid != process:
            raise ExhibitError("the decoder crashed on it, so what it takes cannot be told", subject=name)
        stages = _stages(before, after, received, own, watch)
        facts = end.progress.facts
        indexing = Indexing(
            wall_seconds=wall,
            cpu_seconds=sum(spent.cpu_seconds for spent in stages.values()),
            samples=detector.frames,
            media_seconds=media_seconds(facts),
            faces=end.progress.counts.found,
            tracklets=tracklets,
            templates=templates,
            peak_bytes=memory.peak_bytes,
            stages=stages,
        )
        return indexing, tuple(facts.problems)


def _counted(pieces: Iterator[CollectedPiece]) -> tuple[int, int, StreamEnd]:
    """How many tracklets and templates came, and the end; nothing else of them stays."""
    tracklets = templates = 0
    for piece in pieces:
        if isinstance(piece, StreamEnd):
            return tracklets, templates, piece
        tracklets += len(piece.tracklets)
        templates += sum(len(item.tracklet.templates) for item in piece.tracklets)
    raise RuntimeError("a stream ended without saying so")


def _stages(
    before: Processor, after: Processor, received: float, own: float, watch: Stopwatch
) -> dict[Stage, Spent]:
    """Where the time went. ``own`` is what this process used beside ``received``, which taking samples used."""
    reading = after.reading_seconds - before.reading_seconds
    handing = after.all_seconds - before.all_seconds - reading
    spent = {stage: watch.spent(stage) for stage in STAGES}
    rest = own - sum(each.cpu_seconds for each in spent.values())
    spent["decode"], spent["transfer"] = Spent(reading), Spent(max(handing, 0.0) + received)
    spent["track"] = Spent(max(rest, 0.0))
    return spent
