"""From an exhibit to the samples that are looked at.

Media time zero is the earliest start of the exhibit's video streams, so times of two cameras in one file
agree. A time is ``pts × time_base`` less that zero, an exact fraction. A frame's time may be negative where
a damaged stream starts before what its container declares.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Self

from av.video.frame import VideoFrame

from retrofr.errors import ExhibitError
from retrofr.records import Exhibit, FrameRef, Sample
from retrofr.settings import SamplingSettings
from retrofr.video._coverage import BreakLog, CoverageFacts, Spots, shown
from retrofr.video._decode import Decoded, StreamDecoder
from retrofr.video._pyav import AV_FAILURES, average_rate
from retrofr.video._timing import Placed, SegmentClock, Timeline
from retrofr.video._upright import believable_aspect, upright_rgb
from retrofr.video.container import reopen_stream
from retrofr.video.sampling import SamplingGrid
from retrofr.video.shots import ShotCounter

__all__ = ["CoverageFacts", "SampleReader", "read_samples"]

# Without any declared rate; FFmpeg assumes the same for bare streams.
_ASSUMED_RATE = Fraction(25)
# Frames that wait for a known time are held decoded; together they take at most this.
_WAITING_BYTES = 64 << 20
_POSITION_EVERY_FRAMES = 16
# A stream that ends this much before its declared end was cut; containers round less than that.
_SHORTFALL_SECONDS = Fraction(1, 2)


def read_samples(
    exhibit: Exhibit,
    stream: int,
    sampling: SamplingSettings,
    *,
    on_position: Callable[[Fraction], None] | None = None,
) -> SampleReader:
    """Open one video stream of an exhibit for reading from its start to its end.

    Args:
        exhibit: from :func:`retrofr.video.container.open_exhibit`.
        stream: the ``index`` of one of its streams.
        sampling: which frames are looked at.
        on_position: called now and then with the media time that decoding has reached.

    Raises:
        ExhibitError: the file is gone or differs in size from when its digest was taken, or the stream has no
            decoder. Damage inside the stream never raises; it is in the reader's ``coverage_facts``.
    """
    return SampleReader(exhibit, stream, sampling, on_position)


@dataclass
class _Shown:
    """The latest frame: it is finished when the time of the next one is known."""

    seconds: Fraction
    declared: Fraction
    sample: Sample | None = None


@dataclass(frozen=True)
class _Waiting:
    decoded: Decoded
    ordinal: int


class SampleReader:
    """Iterates over the samples of one stream, in the order in which they are shown; a context manager.

    The container is closed when the end is reached, on an error, by :meth:`close` and at the end of ``with``.
    Memory is bounded: one sample is held back until the next frame's time is known.
    """

    def __init__(
        self,
        exhibit: Exhibit,
        stream: int,
        sampling: SamplingSettings,
        on_position: Callable[[Fraction], None] | None,
    ) -> None:
        self.coverage_facts = CoverageFacts()
        self._declared = {facts.index: facts.declared_seconds for facts in exhibit.streams}.get(stream)
        self._index = stream
        self._on_position = on_position
        self._container, self._stream = reopen_stream(exhibit, stream)
        try:
            self._decoder = StreamDecoder(self._container, self._stream)
            self._prepare(sampling)
        except AV_FAILURES as error:
            self._container.close()
            raise ExhibitError(
                f"stream {stream} cannot be decoded ({error})", subject=exhibit.name
            ) from error
        self._samples = self._read()

    def _prepare(self, sampling: SamplingSettings) -> None:
        decoder, stream = self._decoder, self._stream
        step = self._step = 1 / (average_rate(stream) or _ASSUMED_RATE)
        context = stream.codec_context
        frame_bytes = max(1, context.width * context.height * 3 // 2)
        self._timeline: Timeline[_Waiting] = Timeline(
            decoder.time_base,
            step,
            has_times=decoder.timed,
            reorders=bool(context.has_b_frames),
            reorder_shift=decoder.reorder_shift,
            max_waiting=min(32, max(2, _WAITING_BYTES // frame_bytes)),
        )
        self._zero = decoder.media_zero() if decoder.timed else Fraction(0)
        self._own_start = decoder.own_start()
        # Half a tick, where ticks are coarse enough to matter: what Matroska's milliseconds are rounded by.
        self._shots = ShotCounter(sampling.shot_difference)
        self._grid = SamplingGrid(sampling.rate, min(decoder.time_base / 2, Fraction(1, 2000)))
        self._clock = SegmentClock(step)
        self._breaks = BreakLog()
        self._unseen = Spots()
        self._billed = Fraction(0)
        self._segment_start = Fraction(0)
        self._latest: _Shown | None = None
        self._aspect = believable_aspect(stream.sample_aspect_ratio)
        self._size = (context.width, context.height)

    def __iter__(self) -> Iterator[Sample]:
        return self

    def __next__(self) -> Sample:
        return next(self._samples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and close the file; may be called more than once."""
        self._samples.close()
        self._container.close()

    def _read(self) -> Generator[Sample, None, None]:
        facts = self.coverage_facts
        complete = False
        try:
            for decoded in self._decoder.frames():
                waiting = _Waiting(decoded, facts.frames)
                facts.frames += 1
                facts.damaged_packets = self._decoder.damaged_packets.count
                frame = decoded.frame
                for placed in self._timeline.place(waiting, frame.pts, frame.dts, decoded.stored):
                    yield from self._show(placed)
            for placed in self._timeline.flush():
                yield from self._show(placed)
            yield from self._finish_latest(None)
            complete = True
        finally:
            self._conclude(complete)
            self._container.close()  # last: streams must not be touched after it

    def _show(self, placed: Placed[_Waiting]) -> Iterator[Sample]:
        """Take in a frame whose time is known; gives the sample before it, which is finished by that."""
        facts, waiting = self.coverage_facts, placed.item
        seconds = placed.seconds - self._zero
        broken = self._clock.enter(seconds, waiting.decoded.damaged)
        yield from self._finish_latest(seconds if broken is None else None)
        if broken is not None:
            self._breaks.add(broken.kind, broken.before, broken.after)
        if broken is not None or facts.first_seconds is None:
            facts.segments += 1
            self._segment_start = seconds
        if facts.first_seconds is None:
            facts.first_seconds = seconds
        frame = waiting.decoded.frame
        self._latest = _Shown(seconds, (frame.duration or 0) * self._decoder.time_base)
        cut = self._shots.cuts(frame)
        if self._grid.wants(facts.segments - 1, seconds) or cut:
            self._latest.sample = self._look(placed, seconds)
        if self._on_position is not None and waiting.ordinal % _POSITION_EVERY_FRAMES == 0:
            self._on_position(seconds)

    def _finish_latest(self, until: Fraction | None) -> Iterator[Sample]:
        """The latest frame is shown until this media time; None: until its segment ends."""
        latest, facts = self._latest, self.coverage_facts
        if latest is None:
            return
        ends = latest.seconds + self._clock.shown_for(latest.declared) if until is None else until
        self._latest = None
        facts.last_seconds = ends
        facts.searched_seconds = self._billed + ends - self._segment_start
        if until is None:
            self._billed = facts.searched_seconds
        if latest.sample is not None:
            facts.samples += 1
            yield replace(latest.sample, frame=replace(latest.sample.frame, until_seconds=ends))

    def _look(self, placed: Placed[_Waiting], seconds: Fraction) -> Sample | None:
        frame, ordinal = placed.item.decoded.frame, placed.item.ordinal
        try:
            image = upright_rgb(frame, self._aspect_of(frame))
        except AV_FAILURES:
            self._unseen.add(seconds)
            return None
        where = FrameRef(
            stream=self._index,
            segment=self.coverage_facts.segments - 1,
            ordinal=ordinal,
            pts=frame.pts,
            time_base=self._decoder.time_base,
            seconds=seconds,
            until_seconds=seconds,
            time_source=placed.source,
        )
        return Sample(where, image, self._shots.shot)

    def _aspect_of(self, frame: VideoFrame) -> Fraction:
        """The container's pixel aspect; the decoder's where the picture has changed its size since."""
        if (frame.width, frame.height) == self._size:
            return self._aspect
        return believable_aspect(self._stream.codec_context.sample_aspect_ratio)

    def _conclude(self, complete: bool) -> None:
        facts, decoder = self.coverage_facts, self._decoder
        facts.damaged_packets = decoder.damaged_packets.count
        facts.damaged_frames = decoder.damaged_frames.count
        facts.problems = [
            *self._lost_pictures(complete),
            *self._late_start(),
            *self._breaks.sentences(),
            *(self._shortfall() if complete else []),
        ]
        if not decoder.timed:
            rate = 1 / self._step
            facts.notes.append(
                f"this stream has no times; they are counted at an assumed {float(rate):g} frames/s"
            )

    def _lost_pictures(self, complete: bool) -> list[str]:
        facts, decoder, zero = self.coverage_facts, self._decoder, self._zero
        told = []
        if complete and facts.frames == 0:
            silent = not facts.damaged_packets and not decoder.demux_failures.count
            told.append(
                "the decoder gave no picture and reported no error"
                if silent
                else "no picture could be decoded"
            )
        told += decoder.damaged_packets.sentences("damaged packet", "damaged packets", zero)
        told += decoder.damaged_frames.sentences(
            "picture reported as damaged", "pictures reported as damaged", zero
        )
        told += decoder.demux_failures.sentences(
            "place that could not be read", "places that could not be read", zero
        )
        told += self._unseen.sentences(
            "picture that could not be converted", "pictures that could not be converted", Fraction(0)
        )
        if decoder.unfinished:
            told.append("the rest of the file could not be read")
        if complete and decoder.packets_lost:
            told.append(f"{decoder.packets_lost} packets gave no picture, without an error")
        return told

    def _late_start(self) -> list[str]:
        first = self.coverage_facts.first_seconds
        if first is None or self._own_start is None or not self._decoder.timed:
            return []
        start = self._own_start - self._zero
        if first - start <= _SHORTFALL_SECONDS:
            return []
        return [f"no picture between {shown(start)} and {shown(first)}"]

    def _shortfall(self) -> list[str]:
        declared, last = self._declared, self.coverage_facts.last_seconds
        if declared is None or last is None or self._breaks.stepped_back:
            return []
        reached = last - ((self._own_start or self._zero) - self._zero)
        if declared - reached <= max(_SHORTFALL_SECONDS, 2 * self._clock.usual_step()):
            return []
        return [f"decoded to {shown(reached)} of {shown(declared)} declared"]
