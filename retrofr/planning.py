"""What a run would read, how long it would take here, and what it would keep, before it is begun.

Headers are read and a few seconds of one or two recordings are measured, as by :mod:`retrofr.speed`; what is found in
them is counted and forgotten. Nothing is written.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from retrofr.case.exhibits import exhibits
from retrofr.case.store import Case
from retrofr.errors import EXIT_FINISHED, EXIT_GAPS, EXIT_INTERRUPTED, ExhibitError
from retrofr.events import Listener, Skipped, ignore, never
from retrofr.intake import check_request
from retrofr.notes import FootageNotes
from retrofr.records import VideoStream
from retrofr.request import FootageRequest
from retrofr.results import Unsearched
from retrofr.runtime import usable_cores
from retrofr.selection import MediaWindow
from retrofr.settings import Settings
from retrofr.speed.measured import SpeedResult
from retrofr.speed.measuring import measure_speed
from retrofr.stream_work import MOST_DECODING_THREADS, with_decoding_threads
from retrofr.video.container import as_exhibit, is_mere_program, look_at, read_container, refuse_unsearchable
from retrofr.video.footage import FootageFile, find_footage
from retrofr.video.isolated import DecoderProcess

MEASURED_SECONDS = 15.0
MEASURED_RECORDINGS = 2
RANGE = (0.5, 1.8)
"""A run takes so many times the estimate: recordings are busier and emptier than the beginning of two of them."""

CASE_BYTES, TRACKLET_BYTES = 1_700_000, 23_000
"""An empty case, and what a tracklet with its templates and small pictures adds (``benchmarks/cluster.py``)."""

BESIDE = 1.05
"""Wall time of a run over its seconds of cores divided by the cores, start-up aside (``benchmarks/speed.py``)."""

STARTS_SECONDS = 2.0
"""What libraries, processes and the case take before the nets are loaded, and after all is done."""

_DIGESTED_BYTES = 64 << 20
_TIMES_DIGESTED = 2


@dataclass(frozen=True)
class PlannedStream:
    """A video stream; ``asked_seconds`` is how much of it the selection takes. None: its length is not declared."""

    stream: VideoStream
    asked_seconds: Fraction | None


@dataclass(frozen=True)
class PlannedExhibit:
    """A recording that would be read. ``kept``: the case has one of this name and size, which is not indexed again."""

    name: str
    path: Path
    size_bytes: int
    streams: tuple[PlannedStream, ...]
    kept: bool = False

    @property
    def asked_seconds(self) -> Fraction:
        """Of all its streams, as far as lengths are declared."""
        return sum((each.asked_seconds or Fraction(0) for each in self.streams), Fraction(0))


@dataclass(frozen=True)
class Estimate:
    """What the work would take, in seconds on the wall: start-up, digests and indexing are parts of ``seconds``.

    ``case_bytes`` is what a case would grow by.
    """

    startup_seconds: float
    digest_seconds: float
    footage_seconds: float
    case_bytes: int

    @property
    def seconds(self) -> float:
        return self.startup_seconds + self.digest_seconds + self.footage_seconds

    @property
    def range_seconds(self) -> tuple[float, float]:
        """From, to: what differs between recordings is their footage."""
        fixed = self.startup_seconds + self.digest_seconds
        return fixed + RANGE[0] * self.footage_seconds, fixed + RANGE[1] * self.footage_seconds


@dataclass(frozen=True)
class RunPlan:
    """What a run would do.

    Args:
        exhibits: what would be read, in order; those that the case keeps already among them.
        left_out: what the selection leaves out; ``unsearched``: what cannot be read, and why.
        ignored: files of folders that are not video by their names.
        rate: samples a second, or ``keyframes``: then what a search looks at is not known before.
        measured: what the estimate stands on; None where there was nothing to measure, or nothing is left to do.
        digest_bytes_a_second: as it was measured on the largest file.
    """

    exhibits: tuple[PlannedExhibit, ...]
    left_out: tuple[Unsearched, ...]
    unsearched: tuple[Unsearched, ...]
    ignored: tuple[str, ...]
    rate: float | str
    measured: SpeedResult | None
    digest_bytes_a_second: float
    one_at_a_time: bool
    interrupted: bool = False

    @property
    def to_do(self) -> tuple[PlannedExhibit, ...]:
        """What is not in the case."""
        return tuple(each for each in self.exhibits if not each.kept)

    @property
    def asked_seconds(self) -> Fraction:
        """Media time that would be gone through."""
        return sum((each.asked_seconds for each in self.to_do), Fraction(0))

    @property
    def size_bytes(self) -> int:
        """Of what would be gone through; each byte is read for two digests and once more to be decoded."""
        return sum(each.size_bytes for each in self.to_do)

    @property
    def unknown(self) -> int:
        """Streams whose length no container declares: the estimate leaves them out."""
        return sum(s.asked_seconds is None for each in self.to_do for s in each.streams)

    @property
    def samples(self) -> int | None:
        """Pictures that would be looked at, at most; None for keyframes."""
        return None if isinstance(self.rate, str) else round(float(self.asked_seconds) * self.rate)

    @property
    def exit_code(self) -> int:
        """130 interrupted, 3 nothing can be read, 10 something cannot, 0 finished."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        if not self.exhibits:
            return ExhibitError.exit_code
        return EXIT_GAPS if self.unsearched else EXIT_FINISHED

    def estimate(self) -> Estimate | None:
        """What it would take; None where nothing could be measured."""
        projection = None if self.measured is None else self.measured.projection()
        if self.measured is None or projection is None:
            return None
        hours = float(self.asked_seconds) / 3600
        # A run decodes and embeds beside finding, which a measurement does not: it is bound by the cores it can use.
        at_once = MOST_DECODING_THREADS * (1 if self.one_at_a_time else projection.workers)
        shared = BESIDE * projection.cpu_seconds / self.measured.cores
        hourly = min(projection.wall_seconds, max(shared, projection.wall_seconds / at_once))
        found = sum(each.rounds[0].indexing.tracklets for each in self.measured.recordings)
        tracklets = found / float(self.measured.media_seconds) * float(self.asked_seconds)
        return Estimate(
            startup_seconds=STARTS_SECONDS + self.measured.load_seconds,
            digest_seconds=_TIMES_DIGESTED * self.size_bytes / self.digest_bytes_a_second,
            footage_seconds=hours * hourly,
            case_bytes=CASE_BYTES + round(tracklets * TRACKLET_BYTES),
        )


def plan_run(
    footage: Sequence[str | Path],
    *,
    settings: Settings | None = None,
    request: FootageRequest | None = None,
    case: Case | None = None,
    one_at_a_time: bool = False,
    seconds: float = MEASURED_SECONDS,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> RunPlan:
    """Find out what a search or an index of footage would do, without doing it.

    Args:
        footage: files, folders (with everything below them) and glob patterns.
        settings, request: as the run would have them.
        case: that the footage would be indexed into; what it keeps by name and size needs no work.
        one_at_a_time: one recording after the other, as a search without a case does.
        seconds: of media time, how much of each measured recording is worked on.
        listener: is told what cannot be read.
        stop: asked a few times a second; once it says True what is known is given.

    Raises:
        UsageError, RefusedError: as the run itself.
        ModelError: a device, detector or embedder that cannot be used.
    """
    settings = settings or Settings()
    request = request or FootageRequest(FootageNotes.under(settings.clock))
    found = find_footage(footage)
    check_request(request, found.files)
    for missing in found.unreadable:
        listener(Skipped(missing.subject, missing.reason, missing.hint))
    with DecoderProcess(settings.video) as decoder:
        looking = _Looking(decoder, request, listener, _kept(case))
        for file in found.files:
            if stop():
                break
            looking.look(file)
    planned = sorted((e for e in looking.exhibits if not e.kept), key=lambda e: e.asked_seconds, reverse=True)
    chosen = [each for each in planned if each.asked_seconds][:MEASURED_RECORDINGS]
    measured = None
    if chosen and not stop():
        alone = with_decoding_threads(settings, usable_cores()) if one_at_a_time else settings
        paths = [each.path for each in chosen]
        measured = measure_speed(
            paths, settings=alone, seconds=seconds, rounds=1, listener=listener, stop=stop
        )
    return RunPlan(
        exhibits=tuple(looking.exhibits),
        left_out=tuple(looking.left_out),
        unsearched=(*found.unreadable, *looking.unsearched),
        ignored=(*found.ignored, *looking.programs),
        rate="keyframes" if settings.sampling.only_keyframes else settings.sampling.rate,
        measured=measured,
        digest_bytes_a_second=_digesting(max(planned, key=lambda e: e.size_bytes).path) if planned else 0.0,
        one_at_a_time=one_at_a_time,
        interrupted=stop(),
    )


def free_bytes(path: Path) -> int:
    """Free space where a path is or would be made, in bytes."""
    existing = path.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


class _Looking:
    """Reads headers, and settles what of each file is asked for. No digest is taken."""

    def __init__(
        self, decoder: DecoderProcess, request: FootageRequest, listener: Listener, kept: set[tuple[str, int]]
    ) -> None:
        self.exhibits: list[PlannedExhibit] = []
        self.left_out: list[Unsearched] = []
        self.unsearched: list[Unsearched] = []
        self.programs: list[str] = []
        self._decoder, self._request, self._listener, self._kept = decoder, request, listener, kept

    def look(self, file: FootageFile) -> None:
        notes = self._request.notes.for_exhibit(file.path, file.name)
        selection = self._request.selection
        reason = selection.why_not_camera(notes.camera) or selection.why_not_exhibit(file.name)
        if reason is not None:
            self.left_out.append(Unsearched(file.name, reason))
            return
        try:
            size = look_at(file).st_size
            facts = self._decoder.call(read_container, file.path, file.name, subject=file.name)
            refuse_unsearchable(file, facts)
            exhibit = as_exhibit(file, facts, "", size, notes)
            window = selection.window
            windows = () if window.is_open else window.media_windows(exhibit.clock, file.name)
        except ExhibitError as error:
            if is_mere_program(file, error):
                self.programs.append(file.name)
            else:
                missing = Unsearched.because(error, file.name)
                self.unsearched.append(missing)
                self._listener(Skipped(missing.subject, missing.reason, missing.hint))
            return
        streams = tuple(
            PlannedStream(stream, _asked(stream.declared_seconds, windows))
            for stream in exhibit.streams
            if selection.takes_stream(stream.index)
        )
        kept = (file.name, size) in self._kept
        self.exhibits.append(PlannedExhibit(file.name, file.path, size, streams, kept))


def _kept(case: Case | None) -> set[tuple[str, int]]:
    if case is None:
        return set()
    return {(stored.exhibit.name, stored.exhibit.size_bytes) for stored in exhibits(case)}


def _asked(declared: Fraction | None, windows: Sequence[MediaWindow]) -> Fraction | None:
    """How much of a stream lies in the windows; all of it where there are none."""
    if declared is None:
        return None
    if not windows:
        return declared
    return sum(_overlaps(declared, windows), Fraction(0))


def _overlaps(declared: Fraction, windows: Sequence[MediaWindow]) -> Iterator[Fraction]:
    for start, end in windows:
        low = max(Fraction(0), start if start is not None else Fraction(0))
        high = min(declared, end if end is not None else declared)
        yield max(Fraction(0), high - low)


def _digesting(path: Path) -> float:
    """How many bytes a second are read and digested, measured on the beginning of a file."""
    digest, done, began = hashlib.sha256(), 0, time.perf_counter()
    with path.open("rb") as file:
        while done < _DIGESTED_BYTES and (block := file.read(1 << 20)):
            digest.update(block)
            done += len(block)
    return done / max(time.perf_counter() - began, 1e-6)
