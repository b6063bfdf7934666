"""A stream's frames as shown, each with its media time, and what was skipped between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from retrofr.video._pyav import AvStream, InputContainer
from retrofr.video.decoding.ahead import Ahead
from retrofr.video.decoding.clean_start import is_clean_start
from retrofr.video.decoding.decode import Decoded, StreamDecoder
from retrofr.video.decoding.error_log import ErrorMeter
from retrofr.video.decoding.foresight import Foresight
from retrofr.video.decoding.gate import PacketGate, Skipped
from retrofr.video.decoding.opening import set_up_decoder
from retrofr.video.decoding.packets import REORDER_PACKETS, PacketSource
from retrofr.video.decoding.slices import SliceCutter, SliceStart
from retrofr.video.decoding.timing import Placed, SegmentClock, Timeline, TimeSource
from retrofr.video.plan import ReadingPlan
from retrofr.video.sampling import SamplingGrid

# Frames that wait for a known time are held decoded; together they take at most this.
_WAITING_BYTES = 64 << 20
_PROGRESSIVE = 1  # FFmpeg's AVFieldOrder; streams of which it does not know say 0
# Frames come out at most this many slices behind what is fed.
_RECENT_SLICES = 16


@dataclass(frozen=True)
class Hooks:
    """What is called while a stream is read; see :func:`retrofr.video.reader.read_samples`."""

    on_position: Callable[[Fraction], None] | None = None
    on_packet: Callable[[int], None] | None = None
    on_slice: Callable[[SliceStart], None] | None = None
    on_wait: Callable[[], None] | None = None


@dataclass(frozen=True)
class Timed:
    """A frame, its media time, and how that is known."""

    decoded: Decoded
    seconds: Fraction
    source: TimeSource


class FrameSequence:
    """Puts together what reads packets, chooses and decodes them, and gives frames their times.

    ``reopen`` opens the stream once more, for a decoder beside its own.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AvStream,
        plan: ReadingPlan,
        hooks: Hooks,
        errors: ErrorMeter | None,
        reopen: Callable[[], tuple[InputContainer, AvStream]],
    ) -> None:
        self.source = PacketSource(
            container, stream, frame_rate=plan.frame_rate, on_packet=hooks.on_packet, errors=errors
        )
        # Half a tick, where ticks are coarse enough to matter: what Matroska's milliseconds are rounded by.
        self.grid = SamplingGrid(plan.sampling.rate, min(self.source.time_base / 2, Fraction(1, 2000)))
        self._on_slice = hooks.on_slice
        self._starts: deque[SliceStart] = deque(maxlen=_RECENT_SLICES)
        resume = plan.resume
        self.decoder = StreamDecoder(
            set_up_decoder(stream),
            self.source,
            self._gate(stream, plan),
            Ahead(
                stream,
                reopen,
                plan.video.threads,
                plan.sampling.shot_difference,
                errors=errors,
                on_wait=hooks.on_wait or (lambda: None),
            ),
            errors=errors,
            on_slice=self._begin_slice,
            told_after=-1 if resume is None or resume.after_packet is None else resume.after_packet,
        )
        self._timeline = self._make_timeline(stream)
        self._first_slot: int | None = None
        self._frames = 0

    def _gate(self, stream: AvStream, plan: ReadingPlan) -> PacketGate:
        source = self.source
        skips = source.timed and source.fully_timed and source.has_keyframes
        reorders = bool(stream.codec_context.has_b_frames)
        return PacketGate(
            SliceCutter(Fraction(repr(plan.video.slice_seconds)), source.step),
            from_slice=0 if plan.resume is None else plan.resume.from_slice,
            windows=plan.windows if skips else (),
            reach=source.step * (REORDER_PACKETS if reorders else 1),
            tells_leading=source.reorder_shift is None,
            begins_at_key=source.has_keyframes,
            foresight=self._foresight(stream, plan) if skips else None,
            groups=plan.video.threads > 1,
        )

    def _foresight(self, stream: AvStream, plan: ReadingPlan) -> Foresight | None:
        """What says which packets samples need; None where that is not known, or all are to be decoded."""
        source, context = self.source, stream.codec_context
        progressive = context.field_order == _PROGRESSIVE
        frame_a_packet = progressive or source.packets_far_apart
        if plan.video.decode == "all" or source.reorder_shift is not None or not frame_a_packet:
            return None
        codec, extradata = context.codec.canonical_name, context.extradata
        return Foresight(
            self.grid,
            SegmentClock(source.step),
            plan.windows,
            only_keyframes=plan.sampling.only_keyframes,
            needs_follower=not progressive,
            is_clean_start=lambda key: is_clean_start(key.packet, codec, extradata),
            saw_damage=self._saw_damage,
        )

    def _saw_damage(self) -> bool:
        return self.decoder.saw_damage or bool(self.source.demux_failures.count)

    def _make_timeline(self, stream: AvStream) -> Timeline[Decoded]:
        source, context = self.source, stream.codec_context
        frame_bytes = max(1, context.width * context.height * 3 // 2)
        return Timeline(
            source.time_base,
            source.step,
            has_times=source.timed,
            reorders=bool(context.has_b_frames),
            reorder_shift=source.reorder_shift,
            max_waiting=min(32, max(2, _WAITING_BYTES // frame_bytes)),
        )

    def _begin_slice(self, start: SliceStart) -> None:
        self._starts.append(start)
        if self._on_slice is not None:
            self._on_slice(start)

    def slice_of(self, packet: int) -> int:
        """Number of the slice that a packet lies in, which was fed or skipped not long ago."""
        return max((start.number for start in self._starts if start.packet <= packet), default=0)

    def items(self) -> Iterator[Timed | Skipped]:
        """Frames in the order shown. What was skipped comes where its frames would have."""
        for item in self.decoder.frames():
            if isinstance(item, Decoded):
                yield from map(self._timed, self._place(item))
                continue
            yield from map(self._timed, self._timeline.flush())
            if item.packets:
                self._timeline.pass_to(item.packets[-1].seconds + self.source.zero)
            yield item
        yield from map(self._timed, self._timeline.flush())

    def _place(self, decoded: Decoded) -> list[Placed[Decoded]]:
        # Where nothing has a time, frames count: from the first one's packet, lost ones included.
        if self._first_slot is None:
            self._first_slot = decoded.packet or 0
        slot = self._first_slot + self._frames + decoded.lost_before
        self._frames += 1
        frame = decoded.frame
        return self._timeline.place(
            decoded, frame.pts, frame.dts, decoded.stored, packet=decoded.packet, slot=slot
        )

    def _timed(self, placed: Placed[Decoded]) -> Timed:
        return Timed(placed.item, placed.seconds - self.source.zero, placed.source)
