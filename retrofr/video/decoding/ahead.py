"""Groups of pictures are decoded ahead of whoever takes their frames, side by side, each by a decoder of its own.

That changes nothing but the time it takes. Where a decoder says anything at all of damage, or the stream does what a
decoder that began elsewhere might take otherwise, what was decoded ahead is thrown away: the stream's own decoder does
it again, packet by packet, and all that follows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from queue import SimpleQueue

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from retrofr.errors import ExhibitError
from retrofr.video._pyav import AV_FAILURES, AvStream, InputContainer
from retrofr.video.decoding.error_log import ErrorMeter
from retrofr.video.decoding.frame import Frame, frame_of
from retrofr.video.decoding.gate import Fed, Group, Item
from retrofr.video.decoding.log_turns import LogTurns
from retrofr.video.decoding.opening import set_up_decoder, show_corrupt
from retrofr.video.decoding.parameter_sets import CODECS, ParameterSets
from retrofr.video.shots import Points, change_between

_NOT_OPENED: tuple[type[Exception], ...] = (ExhibitError, *AV_FAILURES)
# What one group may hold decoded, and all together, packets included.
_MOST_GROUP_BYTES = 96 << 20
_MOST_BYTES = 192 << 20
# Packets are read while nothing is decoded, so many groups are read at one time, and no more before few are left.
_MOST_JOBS_A_DECODER = 4
_MOST_ITEMS_A_DECODER = 16
# Of a group's frames its first is kept as well, and one that a cut begins with.
_SPARE_FRAMES = 2
_PATIENCE_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class DecodedGroup:
    """What became of the packets of a group: the frames that came out at each, and those that came at the end."""

    at_packets: tuple[tuple[Frame, ...], ...]
    at_end: tuple[Frame, ...]


@dataclass(frozen=True, eq=False)
class _Job:
    """A group that is decoded ahead."""

    size: int
    result: Future[DecodedGroup | None]


@dataclass(eq=False)
class _Decoder:
    """``knows``: it has seen the stream's first keyframe, as the stream's own decoder has."""

    context: VideoCodecContext
    knows: bool = False


class Ahead:
    """Decodes groups of one stream ahead.

    Args:
        stream: the stream; nobody but the caller uses its decoder.
        reopen: opens it once more, for another decoder; the caller of that closes the container.
        threads: how many groups are decoded at once; with 1 none is decoded ahead.
        cut_change: grey levels; a frame that differs by less from the one before it begins no shot.
        errors: tells of FFmpeg's error messages.
        on_wait: called while one is waited for and decoding goes on; what it raises comes out.
    """

    def __init__(
        self,
        stream: AvStream,
        reopen: Callable[[], tuple[InputContainer, AvStream]],
        threads: int,
        cut_change: float,
        *,
        errors: ErrorMeter | None,
        on_wait: Callable[[], None],
    ) -> None:
        self._stream, self._reopen, self._count = stream, reopen, threads
        self._cut_change, self._errors, self._on_wait = cut_change, errors, on_wait
        codec = stream.codec_context
        self._works = threads > 1 and codec.codec.canonical_name in CODECS
        self._sets = ParameterSets(codec.codec.canonical_name, codec.extradata) if self._works else None
        self._reorders = codec.has_b_frames
        self._frame_bytes = max(1, codec.width * codec.height * 3 // 2)
        self._queue: deque[tuple[Item, _Job | None]] = deque()
        self._first_key: Fed | None = None
        self._turns = LogTurns()
        self._threads: ThreadPoolExecutor | None = None
        self._decoders: SimpleQueue[_Decoder] = SimpleQueue()
        self._containers: list[InputContainer] = []
        self._calls = 0

    def items(self, items: Iterator[Item]) -> Iterator[tuple[Item, DecodedGroup | None]]:
        """The same in the same order, groups with what was made of them; None where that is the caller's work.

        A group was decoded as far as it is needed, by a decoder that began with it.
        """
        try:
            while True:
                self._fill(items)
                if not self._queue:
                    return
                item, job = self._queue.popleft()
                yield item, None if job is None else self._take(job)
        finally:
            self._close()

    def _fill(self, items: Iterator[Item]) -> None:
        """Where little is under way take items until enough is, or one comes that is the caller's work."""
        if self._jobs() > self._count:
            return
        while self._has_room() and not (self._queue and self._is_callers(*self._queue[-1])):
            item = self._next(items)
            if item is None:
                return
            self._queue.append((item, self._begin(item)))

    def _has_room(self) -> bool:
        if not self._works:
            return not self._queue
        few = self._jobs() < _MOST_JOBS_A_DECODER * self._count
        return (
            few and len(self._queue) < _MOST_ITEMS_A_DECODER * self._count and self._under_way() < _MOST_BYTES
        )

    def _jobs(self) -> int:
        return sum(job is not None for _, job in self._queue)

    def _is_callers(self, item: Item, job: _Job | None) -> bool:
        return isinstance(item, Fed) or (isinstance(item, Group) and item.needed > 0 and job is None)

    def _under_way(self) -> int:
        return sum(job.size for _, job in self._queue if job is not None)

    def _next(self, items: Iterator[Item]) -> Item | None:
        with self._turns.reading():
            is_silent = self._is_silent()
            item = next(items, None) if is_silent else None
        if not is_silent:
            self._stop()
            item = next(items, None)
        if self._sets is not None and isinstance(item, Fed | Group):
            for fed in item.fed if isinstance(item, Group) else (item,):
                self._works = self._works and not self._sets.change_in(fed.packet.packet)
                if self._first_key is None and fed.packet.is_key:
                    self._first_key = fed
        return item

    def _is_silent(self) -> bool:
        """Whether no decoder has reported an error since this was last asked; for whoever has the log alone."""
        return self._threads is None or not self._works or self._errors is None or not self._errors.grew()

    def _begin(self, item: Item) -> _Job | None:
        if not self._works or not isinstance(item, Group) or item.looks is None or not item.needed:
            return None
        fed = item.fed[: item.needed]
        kept = len(item.looks) + _SPARE_FRAMES
        size = kept * self._frame_bytes + sum(each.packet.packet.size for each in item.fed)
        if size > _MOST_GROUP_BYTES or not self._open():
            return None
        assert self._threads is not None
        return _Job(size, self._threads.submit(self._decode, fed, item.looks))

    def _open(self) -> bool:
        """Open the decoders, once; False where they cannot be had."""
        if self._threads is None:
            try:
                for _ in range(self._count):
                    container, stream = self._reopen()
                    self._containers.append(container)
                    self._decoders.put(_Decoder(set_up_decoder(stream)))
            except _NOT_OPENED:
                self._works = False
                return False
            if self._errors is not None:
                self._errors.grew()  # what opening was told, the first opening was told as well
            self._threads = ThreadPoolExecutor(self._count, "retrofr decode")
        return True

    def _take(self, job: _Job) -> DecodedGroup | None:
        made = self._wait(job) if self._works else None
        if made is not None and self._is_silent() and self._has_order(self._stream.codec_context):
            return made
        self._stop()
        return None

    def _wait(self, job: _Job) -> DecodedGroup | None:
        calls = self._calls
        while True:
            try:
                return job.result.result(_PATIENCE_SECONDS)
            except NotYetError:
                if self._calls != calls:  # a decoder that hangs shall be noticed
                    calls = self._calls
                    self._on_wait()

    def _has_order(self, context: VideoCodecContext) -> bool:
        # A decoder that finds frames further out of order than it expected holds back more from there on.
        return bool(context.has_b_frames == self._reorders)

    def _stop(self) -> None:
        """From here on everything is the caller's work, what is under way included."""
        self._works = False
        for _, job in self._queue:
            if job is not None:
                job.result.cancel()
        wait([job.result for _, job in self._queue if job is not None])
        if self._errors is not None:
            self._errors.grew()  # by what will be decoded again

    def _decode(self, fed: Sequence[Fed], looks: frozenset[int]) -> DecodedGroup | None:
        """In one of the threads: a group's frames; None where anything is not as it should be."""
        decoder = self._decoders.get()
        context = decoder.context
        try:
            if not decoder.knows and self._first_key is not None:
                self._call(context, self._first_key)
                context.flush_buffers()
                show_corrupt(context)
                decoder.knows = True
            return self._decoded(context, fed, looks)
        except AV_FAILURES:
            return None
        finally:
            context.flush_buffers()
            self._decoders.put(decoder)

    def _decoded(
        self, context: VideoCodecContext, fed: Sequence[Fed], looks: frozenset[int]
    ) -> DecodedGroup | None:
        keeper = _Keeper(looks, self._cut_change)
        at_packets = []
        for each in (*fed, None):
            if not self._works:
                return None
            at_packets.append(tuple(map(keeper.take, self._call(context, each))))
            if not keeper.is_sound or keeper.kept * self._frame_bytes > _MOST_GROUP_BYTES:
                return None
        return DecodedGroup(tuple(at_packets[:-1]), at_packets[-1]) if self._has_order(context) else None

    def _call(self, context: VideoCodecContext, fed: Fed | None) -> list[VideoFrame]:
        with self._turns.decoding():
            frames = context.decode(None if fed is None else fed.packet.packet)
        self._calls += 1
        return frames

    def _close(self) -> None:
        self._works = False
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        while not self._decoders.empty():
            self._decoders.get()
        for container in self._containers:
            container.close()


class _Keeper:
    """Drops the pictures that nobody will look at. ``kept`` counts the others."""

    def __init__(self, looks: frozenset[int], cut_change: float) -> None:
        self.is_sound = True
        self.kept = 0
        self._looks, self._cut_change = looks, cut_change
        self._before: Points | None = None

    def take(self, decoded: VideoFrame) -> Frame:
        frame = frame_of(decoded)
        before, self._before = self._before, frame.points
        if frame.packet is None or frame.is_corrupt or frame.is_interlaced:
            self.is_sound = False
        # Whether a first frame begins a shot only whoever knows the one before it can say.
        is_cut = before is None or change_between(before, frame.points) >= self._cut_change
        if not is_cut and frame.packet not in self._looks:
            return frame.without_picture()
        self.kept += 1
        return frame
