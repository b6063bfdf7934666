"""From a container's packets to frames of one stream, losing one packet for one bad packet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame

from retrofr.video._coverage import Spots
from retrofr.video._pyav import AV_FAILURES, AvStream, InputContainer, recorded_streams, time_base

# How much is read ahead, over all video streams, to see what the timestamps are worth.
_LEAD_PACKETS_PER_STREAM = 96
_LEAD_BYTES = 16 << 20
# B-frames move a packet's time by at most 16 frames (H.264 and HEVC allow no deeper reordering).
_REORDER_PACKETS = 17

# A demuxer that fails this often in a row without giving a packet has nothing more to give.
_MAX_DEMUX_FAILURES = 16

# Frames above 64 megapixels (8K is 33) come from damaged headers; decoding one could take gigabytes.
MAX_PIXELS = 64 << 20

# Containers without a place for presentation times. For frames that the encoder reordered they give the
# order of storage (measured on AVI, OGM and DHAV with B-frames: every second to third frame steps back).
_STORAGE_ORDER_FORMATS = frozenset({"avi", "dhav", "ogg"})

# Codecs of which every packet makes one frame, so that packets without a frame are losses; others have
# packets that are not shown. A clean start at an open group of pictures drops up to 16 leading ones by rule.
_FRAME_A_PACKET = frozenset({"h264", "hevc"})
_LEADING_PACKETS = 16


@dataclass(frozen=True)
class Decoded:
    """A frame.

    ``damaged``: damage was reported in it, in the frame before it, or between the two. ``stored`` is the
    time, in ticks, of the packet at which it came out; None at the end of the stream.
    """

    frame: VideoFrame
    damaged: bool
    stored: int | None


class StreamDecoder:
    """Decodes one video stream from its beginning, with a single thread.

    Damaged streams decode differently with another number of threads, and with frame threads differently
    from run to run, so one thread it is: a second run has to give the same pictures. Packets without
    content (dropped frames in AVI) are not handed to the decoder, which would take them for the end of the
    stream.
    """

    def __init__(self, container: InputContainer, stream: AvStream) -> None:
        self._container = container
        self._stream = stream
        self._recorded = recorded_streams(container)
        context = stream.codec_context
        context.thread_count = 1
        context.thread_type = "NONE"
        context.options = {**context.options, "max_pixels": str(MAX_PIXELS)}
        self.time_base = time_base(stream)
        self.damaged_packets = Spots()
        self.damaged_frames = Spots()
        self.demux_failures = Spots()
        self.unfinished = False
        self._position: Fraction | None = None
        self._packets = self._demux()
        self._lead = self._read_lead()
        self.timed = self._has_times()
        self.reorder_shift = self._storage_order_shift()
        self._packets_fed = self._frames_out = 0
        self._suspicious = False

    def _storage_order_shift(self) -> Fraction | None:
        """Where frames are reordered and packet times are not: the seconds those run ahead; else None."""
        context = self._stream.codec_context
        if self._container.format.name not in _STORAGE_ORDER_FORMATS or not context.has_b_frames:
            return None
        stamps = [stamp for stamp in map(_stamp, self._own_lead()) if stamp is not None]
        steps = [b - a for a, b in pairwise(stamps)]
        if not steps or min(steps) <= 0:  # a real presentation time steps back in order of storage
            return None
        return context.reorder_depth * min(steps) * self.time_base

    def media_zero(self) -> Fraction:
        """Earliest start of the container's video streams, in its own seconds; 0 where nothing has a time."""
        starts = [self._start(stream) for stream in self._recorded]
        return min((start for start in starts if start is not None), default=Fraction(0))

    def own_start(self) -> Fraction | None:
        """Where this stream starts, in the container's own seconds; None where nothing has a time."""
        return self._start(self._stream)

    def _start(self, stream: AvStream) -> Fraction | None:
        # Packets that an edit list discards lie before the start.
        own = [p for p in self._lead if p.stream_index == stream.index and p.size and not p.is_discard]
        known = [stamp for stamp in map(_stamp, own[:_REORDER_PACKETS]) if stamp is not None]
        if not known and stream.start_time is not None:
            known = [stream.start_time]
        return min(known) * time_base(stream) if known else None

    def _has_times(self) -> bool:
        """Whether any packet of the lead has a timestamp; a bare elementary stream has none."""
        own = self._own_lead()
        return not own or any(_stamp(packet) is not None for packet in own)

    @property
    def packets_lost(self) -> int:
        """Packets that made no picture and no error; 0 below what is usual at a start, and for some codecs."""
        if self._stream.codec_context.name not in _FRAME_A_PACKET:
            return 0
        lost = self._packets_fed - self._frames_out - self.damaged_packets.count
        return lost if lost > _LEADING_PACKETS else 0

    def frames(self) -> Iterator[Decoded]:
        """All frames that can be had, in the order in which they are shown."""
        for packet in chain(self._drain_lead(), self._packets):
            if packet.stream_index != self._stream.index or packet.size == 0:
                continue
            stamp = _stamp(packet)
            if stamp is not None:
                self._position = stamp * self.time_base
            self._suspicious = self._suspicious or packet.is_corrupt
            self._packets_fed += not packet.is_discard
            yield from self._decode(packet, stamp)
        yield from self._decode(None, None)

    def _decode(self, packet: Packet[Any] | None, stamp: int | None) -> Iterator[Decoded]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except EOFError:  # the decoder has ended itself
            return
        except AV_FAILURES:
            self.damaged_packets.add(self._position)
            self._suspicious = True
            return
        for frame in frames:
            self._frames_out += 1
            if frame.is_corrupt:
                self.damaged_frames.add(self._position if frame.pts is None else frame.pts * self.time_base)
            yield Decoded(frame, self._suspicious or frame.is_corrupt, stamp)
            self._suspicious = frame.is_corrupt

    def _own_lead(self) -> list[Packet[Any]]:
        return [p for p in self._lead if p.stream_index == self._stream.index and p.size]

    def _drain_lead(self) -> Iterator[Packet[Any]]:
        lead, self._lead = deque(self._lead), []
        while lead:
            yield lead.popleft()

    def _read_lead(self) -> list[Packet[Any]]:
        lead: list[Packet[Any]] = []
        size = 0
        limit = _LEAD_PACKETS_PER_STREAM * len(self._recorded)
        while len(lead) < limit and size < _LEAD_BYTES:
            packet = next(self._packets, None)
            if packet is None:
                break
            lead.append(packet)
            size += packet.size
        return lead

    def _demux(self) -> Iterator[Packet[Any]]:
        """Packets of all video streams; an av generator that died of an error is replaced by a new one."""
        failures = 0
        while failures < _MAX_DEMUX_FAILURES:
            try:
                for packet in self._container.demux(self._recorded):
                    if packet.size:
                        failures = 0
                        yield packet
                return
            except AV_FAILURES:
                failures += 1
                self.demux_failures.add(self._position)
        self.unfinished = True


def _stamp(packet: Packet[Any]) -> int | None:
    return packet.dts if packet.pts is None else packet.pts
