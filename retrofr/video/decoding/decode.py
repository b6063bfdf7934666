"""From a stream's packets to its frames, losing one packet for one bad packet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from retrofr.video._pyav import AV_FAILURES
from retrofr.video.decoding.ahead import Ahead, DecodedGroup
from retrofr.video.decoding.coverage import Spots
from retrofr.video.decoding.damage import DamageTrace
from retrofr.video.decoding.error_log import ErrorMeter
from retrofr.video.decoding.fate import LostPacket, PacketLedger
from retrofr.video.decoding.frame import Frame, frame_of
from retrofr.video.decoding.gate import Fed, Group, PacketGate, Skipped
from retrofr.video.decoding.opening import show_corrupt
from retrofr.video.decoding.packets import PacketSource
from retrofr.video.decoding.slices import SliceStart

# Codecs of which every packet makes one frame, so that packets without a frame are losses; others have
# packets that are not shown.
_FRAME_A_PACKET = frozenset({"h264", "hevc"})


@dataclass(frozen=True)
class Decoded:
    """A frame.

    Args:
        damaged: damage was reported in it, in the frame before it, or between the two.
        suspect: damage was reported in it, or in what it was predicted from.
        stored: time, in ticks, of the packet at which it came out; None at the end of the stream.
        lost_before: packets of the stream that were lost before it, since reading began.
        lost: packets now known to be lost that were not known to be before this frame.
    """

    frame: Frame
    damaged: bool
    suspect: bool
    stored: int | None
    lost_before: int
    lost: tuple[LostPacket, ...] = ()

    @property
    def packet(self) -> int | None:
        """Number of the packet it was made from; None where the decoder does not say."""
        return self.frame.packet

    @property
    def is_keyframe(self) -> bool:
        """Whether nothing in it is predicted from other frames."""
        return self.frame.is_keyframe


class StreamDecoder:
    """Decodes one video stream.

    Args:
        context: the stream's decoder.
        source: the stream's packets.
        gate: which of them are decoded.
        ahead: decodes what can be decoded ahead.
        errors: tells of FFmpeg's error messages.
        on_slice: called when the first packet of a slice is about to be decoded or skipped.
        told_after: damage up to this packet was told by an earlier reading.
    """

    def __init__(
        self,
        context: VideoCodecContext,
        source: PacketSource,
        gate: PacketGate,
        ahead: Ahead,
        *,
        errors: ErrorMeter | None = None,
        on_slice: Callable[[SliceStart], None] | None = None,
        told_after: int = -1,
    ) -> None:
        self._context = context
        self._source = source
        self._gate = gate
        self._ahead = ahead
        self._errors = errors
        self._on_slice = on_slice
        self._told_after = told_after
        self.damaged_packets = Spots()
        self.damaged_frames = Spots()
        self.silent_losses = Spots()
        self.lost_at_end: tuple[LostPacket, ...] = ()
        self._trace = DamageTrace()
        presentation = source.fully_timed and source.reorder_shift is None
        self._ledger = PacketLedger(
            counts_silent=context.codec.canonical_name in _FRAME_A_PACKET, in_time_order=presentation
        )
        self._overdue: list[LostPacket] = []
        self._lost = 0
        self._number = -1
        self._seconds = Fraction(0)
        self._suspicious = False
        self._dirty = False

    def frames(self) -> Iterator[Decoded | Skipped]:
        """All frames that can be had, in the order in which they are shown, and what was skipped between."""
        for item, made in self._ahead.items(self._gate.items(self._source.packets())):
            match item:
                case Skipped():
                    yield from self._skip(item)
                case Group():
                    yield from self._group(item, made)
                case Fed():
                    self._enter(item)
                    yield from self._decode(item.packet.packet, item.packet.stamp)
        yield from self._decode(None, None)
        self.lost_at_end = tuple(self._losses(self._ledger.finish()))

    def _skip(self, skipped: Skipped) -> Iterator[Decoded | Skipped]:
        yield from self._pause(complete=skipped.why == "unneeded")
        self._tell_slices(skipped.starts)
        yield skipped

    def _group(self, group: Group, made: DecodedGroup | None) -> Iterator[Decoded | Skipped]:
        """A group that depends on nothing else; behind reported damage it is decoded whole, as all that follows."""
        if self.saw_damage or self._source.demux_failures.count:
            for fed in group.fed:
                self._enter(fed)
                yield from self._decode(fed.packet.packet, fed.packet.stamp)
            return
        yield from self._pause(complete=True)
        if made is None:
            for fed in group.fed[: group.needed]:
                self._enter(fed)
                yield from self._decode(fed.packet.packet, fed.packet.stamp)
            yield from self._pause(complete=True)
        else:
            for fed, frames in zip(group.fed, made.at_packets, strict=False):
                self._enter(fed)
                for frame in frames:
                    yield self._made(frame, fed.packet.stamp)
            for frame in made.at_end:
                yield self._made(frame, None)
            self._restart(complete=True)
        if group.unneeded is not None:
            self._tell_slices(group.unneeded.starts)
            yield group.unneeded

    def _enter(self, fed: Fed) -> None:
        """A packet is about to be decoded, or was ahead."""
        packet = fed.packet
        self._number, self._seconds = packet.number, packet.seconds
        self._tell_slices(() if fed.start is None else (fed.start,))
        if packet.failed_before:
            self._report(packet.number - 1)  # a keyframe behind it is sound in itself
        if packet.packet.is_corrupt:
            self._report(packet.number)
        if not packet.packet.is_discard:
            self._overdue += self._ledger.feed(packet.number, packet.seconds)
        self._dirty = True

    def _tell_slices(self, starts: tuple[SliceStart, ...]) -> None:
        if self._on_slice is not None:
            for start in starts:
                self._on_slice(start)

    @property
    def saw_damage(self) -> bool:
        """Whether damage was reported so far."""
        spots = (self.damaged_packets, self.damaged_frames, self.silent_losses)
        return self._suspicious or any(spot.count for spot in spots)

    def _pause(self, *, complete: bool) -> Iterator[Decoded]:
        """Take what the decoder still holds and let it begin anew at the next packet.

        Args:
            complete: nothing that was fed depends on what is left out, so what gives no frame now is lost.
        """
        if not self._dirty:
            return
        yield from self._decode(None, None)
        self._context.flush_buffers()
        self._restart(complete=complete)

    def _restart(self, *, complete: bool) -> None:
        if complete:
            self._overdue += self._ledger.finish()
            # Without what went before, a damaged keyframe and all behind it would not be shown.
            show_corrupt(self._context)
        self._trace.restart()
        self._ledger.restart(late=not complete)
        self._dirty = False
        # What follows a complete group directly has its damage before it.
        self._suspicious = self._suspicious and complete

    def _decode(self, packet: Packet[Any] | None, stamp: int | None) -> Iterator[Decoded]:
        self._has_grown()  # by what others wrote since
        try:
            frames = self._context.decode(packet)
        except EOFError:  # the decoder has ended itself
            return
        except AV_FAILURES:
            if self._number > self._told_after:
                self.damaged_packets.add(self._seconds)
            self._ledger.fail(self._number)
            self._report(self._number)
            return
        if self._has_grown():
            self._report(self._number)
        for frame in frames:
            yield self._made(frame_of(frame), stamp)

    def _made(self, frame: Frame, stamp: int | None) -> Decoded:
        number = frame.packet
        if frame.is_corrupt:
            self._note_damaged(frame)
        damaged, self._suspicious = self._suspicious or frame.is_corrupt, frame.is_corrupt
        if number is None:
            return Decoded(frame, damaged, damaged, stamp, self._lost)
        gone = self._ledger.come_out(
            number,
            is_keyframe=frame.is_keyframe,
            interlaced=frame.is_interlaced,
            reorders=bool(self._context.has_b_frames),
        )
        lost = self._losses([*self._overdue, *gone])
        self._overdue = []
        suspect = self._trace.show(number, frame.is_keyframe)
        return Decoded(frame, damaged, suspect, stamp, self._lost, tuple(lost))

    def _note_damaged(self, frame: Frame) -> None:
        if frame.packet is None:
            self.damaged_frames.add(self._seconds)
            return
        self._trace.report(frame.packet)
        if frame.packet > self._told_after:
            at = self._seconds
            if frame.pts is not None:
                at = frame.pts * self._source.time_base - self._source.zero
            self.damaged_frames.add(at)

    def _losses(self, lost: list[LostPacket]) -> list[LostPacket]:
        for one in lost:
            self._lost += 1
            if one.silent:
                self._trace.report(one.number)
                if one.number > self._told_after:
                    self.silent_losses.add(one.seconds)
        return lost

    def _report(self, number: int) -> None:
        self._trace.report(number)
        self._suspicious = True

    def _has_grown(self) -> bool:
        return self._errors is not None and self._errors.grew()
