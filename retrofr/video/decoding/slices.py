"""Where a stream is cut into slices: known from its packets alone, so every reading cuts at the same places."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrofr.video.decoding.packets import REORDER_PACKETS, StreamPacket
from retrofr.video.decoding.timing import GAP_SECONDS, exceeds

# A keyframe whose group of pictures is open is a poor place to cut: pictures of it need the group before.
# Where all are open, one is taken once a slice is this many times as long as it should be.
_OPEN_GROUP_PATIENCE = 2
# Where times stand still, slices end all the same.
_MOST_FRAMES_A_SECOND = 240


@dataclass(frozen=True)
class SliceStart:
    """The beginning of a slice.

    Args:
        number: slices count from 0.
        packet: number of its first packet, a keyframe unless it is the stream's first; packets of the stream
            count from 0 in order of storage.
        seconds: media time of that packet, as far as the container says; counted where it does not.
    """

    number: int
    packet: int
    seconds: Fraction


class SliceCutter:
    """Cuts at the first good keyframe once a slice is long enough, and at the first one after a jump in time.

    Args:
        slice_seconds: least length.
        step: seconds between frames as the container declares it.
    """

    def __init__(self, slice_seconds: Fraction, step: Fraction) -> None:
        self._least = slice_seconds
        self._tolerance = max(GAP_SECONDS, REORDER_PACKETS * step)
        self._latest: SliceStart | None = None
        self._before: Fraction | None = None
        self._jumped = False

    def enter(self, packet: StreamPacket) -> SliceStart | None:
        """Take the stream's next packet; gives the slice that begins with it, if one does."""
        before, self._before = self._before, packet.seconds
        if self._latest is None or before is None:
            return self._begin(packet)
        self._jumped = self._jumped or exceeds(packet.seconds - before, self._tolerance)
        if not packet.is_key:
            return None
        least = self._least * (_OPEN_GROUP_PATIENCE if packet.has_leading else 1)
        is_long = packet.seconds - self._latest.seconds >= least
        is_full = packet.number - self._latest.packet >= least * _MOST_FRAMES_A_SECOND
        return self._begin(packet) if self._jumped or is_long or is_full else None

    def _begin(self, packet: StreamPacket) -> SliceStart:
        number = 0 if self._latest is None else self._latest.number + 1
        self._latest = SliceStart(number, packet.number, packet.seconds)
        self._jumped = False
        return self._latest
