"""The packets of one stream in order of storage, numbered, and what their timestamps are worth."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

from av.packet import Packet

from retrofr.video._pyav import (
    AV_FAILURES,
    AvStream,
    InputContainer,
    average_rate,
    recorded_streams,
    time_base,
)
from retrofr.video.decoding.avi_index import IndexWalk
from retrofr.video.decoding.coverage import Spots
from retrofr.video.decoding.error_log import ErrorMeter

# How much is read ahead, over all video streams, to see what the timestamps are worth.
_LEAD_PACKETS_PER_STREAM = 96
_LEAD_BYTES = 16 << 20
# B-frames move a packet's time by at most 16 frames (H.264 and HEVC allow no deeper reordering).
REORDER_PACKETS = 17

# A demuxer that fails this often in a row without giving a packet has nothing more to give.
_MAX_DEMUX_FAILURES = 16

# Containers without a place for presentation times. For frames that the encoder reordered they give the
# order of storage (measured on AVI, OGM and DHAV with B-frames: every second to third frame steps back).
_STORAGE_ORDER_FORMATS = frozenset({"avi", "dhav", "ogg"})

# Packets closer together than this part of a frame's step are no frames of their own.
_CLOSEST_STEP = Fraction(3, 4)

# Without any declared rate; FFmpeg assumes the same for bare streams.
_ASSUMED_RATE = Fraction(25)


@dataclass(frozen=True)
class StreamPacket:
    """A packet of the stream that is read.

    Args:
        number: packets of the stream count from 0, in order of storage; those without content do not count.
        stamp: its presentation time, else its decoding time, in ticks; None where it has neither.
        seconds: where it lies in the container's own seconds: its stamp, else counted on from the last one.
        failed_before: reading failed, or the demuxer reported an error, between the packet before and this.
        follower: stamp of the next packet of the stream.
    """

    packet: Packet[Any]
    number: int
    stamp: int | None
    seconds: Fraction
    failed_before: bool
    follower: int | None

    @property
    def is_key(self) -> bool:
        return bool(self.packet.is_keyframe)

    @property
    def has_leading(self) -> bool:
        """Whether a picture stored after this keyframe is shown before it (an open group of pictures)."""
        return self.stamp is not None and self.follower is not None and self.follower < self.stamp


class _Number(int):
    """A packet's number on its way through the decoder.

    av finds such an object again by its address, and forgets it when the first of several users is done. Python
    has only one object for each small number, so a number that is an object of its own is needed.
    """


class PacketSource:
    """Reads the packets of one stream from the file's beginning.

    Packets without content (dropped frames in AVI) are left out: a decoder takes them for the end of the stream.
    ``demux_failures`` tell where reading failed, ``not_found`` behind what packets are missing that an index lists.

    Args:
        frame_rate: frames a second of a stream that has no times, as an examiner gives it.
        on_packet: called with the size of each packet, of any stream.
        errors: tells of FFmpeg's error messages.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AvStream,
        *,
        frame_rate: Fraction | None = None,
        on_packet: Callable[[int], None] | None = None,
        errors: ErrorMeter | None = None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._index = stream.index
        self._recorded = recorded_streams(container)
        self._on_packet = on_packet
        self._errors = errors
        self.time_base = time_base(stream)
        self.demux_failures = Spots()
        self.not_found = Spots()
        self._index_walk = IndexWalk(stream) if container.format.name == "avi" else None
        self.unfinished = False
        self.packets_read = 0
        # FFmpeg's parser gives a picture that begins at the very end of a pack the times of the next one.
        self._stamps_stray = container.format.name == "mpeg"
        self._position: int | None = None
        self._failed = False
        self._packets = self._demux()
        self._lead = self._read_lead()
        own = [packet for packet, _ in self._own_lead()]
        # A bare elementary stream has no timestamp at all.
        self.timed = not own or any(_stamp(packet) is not None for packet in own)
        self.fully_timed = all(_stamp(packet) is not None for packet in own)
        self.has_keyframes = any(packet.is_keyframe for packet in own)
        given = None if self.timed else frame_rate
        self.step = 1 / (given or average_rate(stream) or _ASSUMED_RATE)
        self.reorder_shift = self._storage_order_shift(own)
        self.packets_far_apart = self._lie_far_apart(own)
        self.zero = self._media_zero() if self.timed else Fraction(0)
        self._per_second = self.time_base.denominator * self.zero.denominator
        self._ticks = self.time_base.numerator * self.zero.denominator
        self._zero_ticks = self.zero.numerator * self.time_base.denominator
        start = self._start(stream) if self.timed else Fraction(0)
        self.own_start = None if start is None else start - self.zero

    def packets(self) -> Iterator[StreamPacket]:
        """The stream's packets, one behind what was read: a packet's time may depend on the next one."""
        held: tuple[Packet[Any], bool] | None = None
        number = 0
        before: StreamPacket | None = None
        for packet, failed in chain(self._drain_lead(), self._packets):
            if packet.stream_index != self._index:
                continue
            if held is not None:
                before = self._made(held, packet, number, before)
                yield before
                number += 1
            held = packet, failed
        if held is not None:
            yield self._made(held, None, number, before)

    def _made(
        self,
        held: tuple[Packet[Any], bool],
        after: Packet[Any] | None,
        number: int,
        before: StreamPacket | None,
    ) -> StreamPacket:
        packet, failed = held
        if after is not None and self._stamps_stray and _is_of(after, packet):
            packet.pts = packet.dts = None
        stamp = _stamp(packet)
        packet.opaque = _Number(number)
        self.packets_read = number + 1
        if stamp is not None:
            # stamp * time_base - zero, with one reduction
            at = Fraction(stamp * self._ticks - self._zero_ticks, self._per_second)
        else:
            at = (self.own_start or Fraction(0)) if before is None else before.seconds + self.step
        follower = None if after is None else _stamp(after)
        return StreamPacket(packet, number, stamp, at, failed, follower)

    def _storage_order_shift(self, own: list[Packet[Any]]) -> Fraction | None:
        """Where frames are reordered and packet times are not: the seconds those run ahead; else None."""
        context = self._stream.codec_context
        if self._container.format.name not in _STORAGE_ORDER_FORMATS or not context.has_b_frames:
            return None
        stamps = [stamp for stamp in map(_stamp, own) if stamp is not None]
        steps = [b - a for a, b in pairwise(stamps)]
        if not steps or min(steps) <= 0:  # a real presentation time steps back in order of storage
            return None
        return context.reorder_depth * min(steps) * self.time_base

    def _lie_far_apart(self, own: list[Packet[Any]]) -> bool:
        """Whether packets lie as far apart as frames; where fields come in packets of their own they do not."""
        stamps = sorted(stamp for stamp in map(_stamp, own) if stamp is not None)
        steps = sorted(b - a for a, b in pairwise(stamps))
        return bool(steps) and steps[len(steps) // 2] * self.time_base >= self.step * _CLOSEST_STEP

    def _media_zero(self) -> Fraction:
        """Earliest start of the container's video streams, in its own seconds; 0 where nothing has a time."""
        starts = [self._start(stream) for stream in self._recorded]
        return min((start for start in starts if start is not None), default=Fraction(0))

    def _start(self, stream: AvStream) -> Fraction | None:
        # Packets that an edit list discards lie before the start.
        own = [p for p, _ in self._lead if p.stream_index == stream.index and not p.is_discard]
        known = [stamp for stamp in map(_stamp, own[:REORDER_PACKETS]) if stamp is not None]
        if not known and stream.start_time is not None:
            known = [stream.start_time]
        return min(known) * time_base(stream) if known else None

    def _own_lead(self) -> list[tuple[Packet[Any], bool]]:
        return [(packet, failed) for packet, failed in self._lead if packet.stream_index == self._index]

    def _drain_lead(self) -> Iterator[tuple[Packet[Any], bool]]:
        lead, self._lead = deque(self._lead), []
        while lead:
            yield lead.popleft()

    def _read_lead(self) -> list[tuple[Packet[Any], bool]]:
        lead: list[tuple[Packet[Any], bool]] = []
        size = 0
        limit = _LEAD_PACKETS_PER_STREAM * len(self._recorded)
        while len(lead) < limit and size < _LEAD_BYTES:
            found = next(self._packets, None)
            if found is None:
                break
            lead.append(found)
            size += found[0].size
        return lead

    def _demux(self) -> Iterator[tuple[Packet[Any], bool]]:
        """Packets of all video streams, and whether reading failed before each.

        An av generator that died of an error is replaced by a new one.
        """
        failures = 0
        self._grew()  # what opening the file was told is told again
        packets = self._container.demux(self._recorded)
        while failures < _MAX_DEMUX_FAILURES:
            try:
                packet = next(packets, None)
            except AV_FAILURES:
                failures += 1
                self._failed = True
                self.demux_failures.add(self._reached())
                packets = self._container.demux(self._recorded)
                continue
            self._failed = self._grew() or self._failed
            if packet is None:
                return
            if self._on_packet is not None:
                self._on_packet(packet.size)
            if packet.size:
                failures = 0
                yield packet, self._take_failed(packet)
                self._grew()  # written by others since
        self.unfinished = True

    def _take_failed(self, packet: Packet[Any]) -> bool:
        if packet.stream_index != self._index:
            return False
        skipped = self._index_walk is not None and self._index_walk.correct(packet)
        stamp = _stamp(packet)
        if skipped:
            self.not_found.add(self._reached())
        if stamp is not None:
            self._position = stamp
        failed, self._failed = self._failed or skipped, False
        return failed

    def _reached(self) -> Fraction | None:
        """Time of the latest packet that has one, in the container's own seconds."""
        return None if self._position is None else self._position * self.time_base

    def _grew(self) -> bool:
        return self._errors is not None and self._errors.grew()


def _stamp(packet: Packet[Any]) -> int | None:
    return packet.dts if packet.pts is None else packet.pts


def _is_of(after: Packet[Any], packet: Packet[Any]) -> bool:
    """Whether a packet was given the times of the one after it."""
    return (
        packet.pos is not None
        and packet.pos == after.pos
        and packet.pts is not None
        and (packet.pts, packet.dts) == (after.pts, after.dts)
    )
