"""Work on one stream: samples are read, faces found, tracked and embedded, and given slice by slice.

This is what an engine runs, in this process or in others. A stream that was left is gone on with right behind
the last slice that was given whole, with the same result as if it had never been left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

from retrofr.events import Advanced, Listener, StoppedError
from retrofr.faces import FaceFinder, FoundTracklet, Keeps
from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.intake import TakenIn
from retrofr.nets import Nets
from retrofr.records import FrameRef, Sample, VideoStream
from retrofr.settings import Settings
from retrofr.video.isolated import DecoderProcess, IsolatedReader
from retrofr.video.read_ahead import ReadAhead, ReadSample

# More would decode further ahead than the nets of one process follow.
MOST_DECODING_THREADS = 8


@dataclass(frozen=True)
class StreamTask:
    """One stream to work on; ``progress`` is how far an earlier run has come with it, None for nothing."""

    taken: TakenIn
    stream: VideoStream
    progress: StreamProgress | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.taken.exhibit.name}, stream {self.stream.index}"


@dataclass(frozen=True, eq=False)
class SliceEnd:
    """All tracklets of slice ``number`` were given. ``progress.resume`` is None behind the stream's last slice."""

    number: int
    progress: StreamProgress


@dataclass(frozen=True, eq=False)
class StreamEnd:
    """Nothing more comes of the stream: it is at its end or, where ``stopped``, the caller stopped at ``reached``.

    ``progress`` then counts a slice that was not finished as well.
    """

    progress: StreamProgress
    reached: Fraction
    stopped: bool


Piece = FoundTracklet | SliceEnd | StreamEnd
CollectedPiece = IndexedSlice | StreamEnd


def with_decoding_threads(settings: Settings, cores: int) -> Settings:
    """The settings of work that has so many cores for one stream at a time; what was asked for stays."""
    if settings.video.threads:
        return settings
    threads = min(max(1, cores), MOST_DECODING_THREADS)
    return replace(settings, video=replace(settings.video, threads=threads))


class StreamWork:
    """Works on one stream after the other.

    Args:
        nets: ready on their device.
        decoder: reads the footage.
        settings: of the run.
        keeps: what of pictures is kept beside templates.
        embeds_aside: faces are embedded by a thread of its own while the next ones are found.
    """

    def __init__(
        self,
        nets: Nets,
        decoder: DecoderProcess,
        settings: Settings,
        keeps: Keeps,
        *,
        embeds_aside: bool = True,
    ) -> None:
        self._nets, self._decoder = nets, decoder
        self._settings, self._keeps = settings, keeps
        self._aside = ThreadPoolExecutor(1, "retrofr embed") if embeds_aside else None

    def __call__(self, task: StreamTask, tell: Listener, stop: Callable[[], bool]) -> Iterator[Piece]:
        """Give what is found in a stream: tracklets as they end, and where its slices end.

        Raises:
            ExhibitError: the stream cannot be opened.
        """
        before = task.progress
        if before is not None and before.resume is None:
            yield StreamEnd(before, Fraction(0), stopped=False)
            return
        plan = task.taken.plan(self._settings)
        facts = None
        if before is not None:
            plan, facts = replace(plan, resume=before.resume), before.facts
        look = _Look(self, task, tell, stop)
        reader = self._decoder.read_samples(
            task.taken.exhibit, task.stream.index, plan, on_position=look.refuse_to_read_on, before=facts
        )
        with reader:
            with ReadAhead(reader, look.refuse_to_go_on) as ahead:
                look.ahead = ahead
                yield from look.pieces(ahead)
            yield from look.end(reader)

    def finder(self, task: StreamTask) -> FaceFinder[SliceEnd]:
        """What looks for the faces of a stream; it counts on from where an earlier run left off."""
        counts = FaceCounts()
        if task.progress is not None:
            known = task.progress.counts
            counts = FaceCounts(known.found, known.unfit, known.reasons.copy())
        nets, exhibit = self._nets, task.taken.exhibit
        return FaceFinder(
            exhibit,
            nets.detector,
            nets.comparison,
            self._settings,
            keeps=self._keeps,
            counts=counts,
            aside=self._aside,
        )

    @property
    def batch_frames(self) -> int:
        return self._settings.detect.batch_frames


class _Look:
    """One pass over the samples of a stream."""

    def __init__(self, work: StreamWork, task: StreamTask, tell: Listener, stop: Callable[[], bool]) -> None:
        self._task, self._tell, self._stop = task, tell, stop
        self._finder = work.finder(task)
        self._most = work.batch_frames
        self._batch: list[Sample] = []
        resume = None if task.progress is None else task.progress.resume
        self._next = 0 if resume is None else resume.from_slice + 1
        self._slice: int | None = None
        self._reached = Fraction(0)
        self._samples = 0
        self._stopped = False
        self._progress: StreamProgress | None = None
        self.ahead: ReadAhead | None = None

    def refuse_to_go_on(self) -> None:
        """End the work where the caller wants that."""
        if self._stop():
            raise StoppedError

    def refuse_to_read_on(self, _seconds: Fraction) -> None:
        """Called in the thread that reads ahead, while nothing comes of the decoder."""
        if self.ahead is not None and self.ahead.closing:
            raise StoppedError

    def pieces(self, ahead: ReadAhead) -> Iterator[Piece]:
        """What is found in the samples, and where slices end before the last one; some time after they do."""
        try:
            for read in ahead:
                yield from self._take(read)
                self.refuse_to_go_on()
        except StoppedError:
            self._stopped = True
        yield from self._look_at_rest()
        self._finder.end_slice()
        yield from self._finder.finish()

    def _take(self, read: ReadSample) -> Iterator[Piece]:
        resume = read.resume
        if self._slice is None or resume.from_slice > self._slice:
            if self._slice is not None:
                assert self._progress is not None
                yield from self._look_at_rest(read.sample.held)
                # Its faces are embedded while the next slice is looked at.
                self._finder.end_slice(SliceEnd(self._slice, replace(self._progress, counts=self._counts())))
            self._slice = resume.from_slice
            self._finder.begin_slice(self._slice)
        self._batch.append(read.sample)
        self._progress = StreamProgress(read.facts, FaceCounts(), resume)
        if len(self._batch) == self._most:
            yield from self._look(read.facts.samples)

    def end(self, reader: IsolatedReader) -> Iterator[Piece]:
        """The end of the stream's last slice and of the stream; nobody else uses the reader any more."""
        reader.close()
        facts, _ = reader.so_far()
        progress = StreamProgress(facts, self._counts(), None)
        if not self._stopped:
            # Where nothing came of what was left of the stream, it is a slice of its own, without a sample.
            yield SliceEnd(self._next if self._slice is None else self._slice, progress)
        yield StreamEnd(progress, self._reached, self._stopped)

    def _look_at_rest(self, held: Sequence[FrameRef] = ()) -> Iterator[Piece]:
        """``held``: the slice's last frames that show what its last sample shows."""
        if self._batch:
            yield from self._look(self._samples + len(self._batch))
        self._finder.hold(held)

    def _look(self, samples: int) -> Iterator[Piece]:
        batch, self._batch = self._batch, []
        yield from self._finder.look_at(batch)
        self._reached, self._samples = batch[-1].frame.seconds, samples
        name = self._task.taken.exhibit.name
        self._tell(Advanced(name, float(self._reached), samples, self._finder.counts.found))

    def _counts(self) -> FaceCounts:
        counts = self._finder.counts
        return FaceCounts(counts.found, counts.unfit, counts.reasons.copy())


def collected(pieces: Iterator[Piece]) -> Iterator[CollectedPiece]:
    """Whole slices with pictures of faces, as a case takes them in; what lies in an unfinished slice is dropped."""
    tracklets: list[IndexedTracklet] = []
    for piece in pieces:
        match piece:
            case FoundTracklet():
                tracklets.append(IndexedTracklet(piece.tracklet, piece.faces_jpeg()))
            case SliceEnd(number, progress):
                yield IndexedSlice(number, tuple(tracklets), progress)
                tracklets = []
            case StreamEnd():
                yield piece
