"""Times of AVI frames from the file's index, where frames that cannot be found would be counted past.

A frame of an AVI has no time of its own. FFmpeg counts the chunks that it finds, so each one whose head is damaged
makes everything behind it one frame early. The index at the file's end lists where each frame is, in order.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from retrofr.video._pyav import AvStream

# An index lists where a chunk's head begins; FFmpeg tells where its content does.
_HEAD_BYTES = 8


class IndexWalk:
    """Walks along a stream's index with its packets, which come in order of storage."""

    def __init__(self, stream: AvStream) -> None:
        self._entries = stream.index_entries
        self._next = 0
        self._ahead = 0

    def correct(self, packet: Packet[Any]) -> bool:
        """Give a packet the time that the index has for it; True where frames before it were not found."""
        before, self._ahead = self._ahead, self._ahead_of(packet)
        if self._ahead:
            packet.pts = None if packet.pts is None else packet.pts + self._ahead
            packet.dts = None if packet.dts is None else packet.dts + self._ahead
        return self._ahead > before

    def _ahead_of(self, packet: Packet[Any]) -> int:
        """By how many ticks the index is ahead of the count; as before where it does not list the packet."""
        place, count = packet.pos, len(self._entries)
        if place is None or packet.dts is None:
            return self._ahead
        while self._next < count and self._entries[self._next].pos < place - _HEAD_BYTES:
            self._next += 1
        if self._next == count:
            return self._ahead
        entry = self._entries[self._next]
        if entry.pos not in (place, place - _HEAD_BYTES):
            return self._ahead
        return max(self._ahead, entry.timestamp - packet.dts)
