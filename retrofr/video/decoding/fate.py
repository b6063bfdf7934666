"""What became of each packet: a frame, an error, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# A packet whose frame has not come this many packets later has none (reordering takes 16 at most, and a
# damaged stream's decoder may lag by some more).
_LAG_PACKETS = 32
# More than this many packets without a frame are not waited for.
_MOST_OUTSTANDING = 1024
# A clean start at an open group of pictures drops up to this many leading pictures by rule.
_LEADING_PACKETS = 16


@dataclass(frozen=True)
class LostPacket:
    """A packet without a frame: its number, its media time, and whether the decoder reported an error for it."""

    number: int
    seconds: Fraction
    silent: bool


@dataclass
class _Outstanding:
    seconds: Fraction
    failed: bool = False


class PacketLedger:
    """Says which packets gave no frame, as soon as that is certain.

    Not losses: packets stored before the first frame's or shown before it (a late start, told as such), the
    second field of a picture whose fields come in two packets.

    Args:
        counts_silent: every packet makes a frame in this codec, so that one without is lost.
        in_time_order: packets' times are times of presentation, so a frame shown later than an outstanding
            packet's time says that this one will not come.
    """

    def __init__(self, *, counts_silent: bool, in_time_order: bool) -> None:
        self._counts_silent = counts_silent
        self._in_time_order = in_time_order
        self._reorders = False
        self._interlaced = self._pairs = 0
        self._outstanding: dict[int, _Outstanding] = {}
        self._maybe_halves: set[int] = set()
        self._first: int | None = None
        self._first_seconds = Fraction(0)

    def restart(self, *, late: bool) -> None:
        """The decoder begins anew; what is outstanding will not come and is not lost.

        Args:
            late: what comes first may need what was left out, and may not come; else it is as all others.
        """
        self._outstanding.clear()
        self._maybe_halves.clear()
        if late:
            self._first = None

    def feed(self, number: int, seconds: Fraction) -> list[LostPacket]:
        """Take the next packet for the decoder; gives those that have waited for too long."""
        self._outstanding[number] = _Outstanding(seconds)
        if len(self._outstanding) <= _MOST_OUTSTANDING:
            return []
        oldest = next(iter(self._outstanding))
        if self._first is None:
            del self._outstanding[oldest]
            return []
        return self._lose([oldest])

    def fail(self, number: int) -> None:
        if number in self._outstanding:
            self._outstanding[number].failed = True

    def come_out(
        self, number: int, *, is_keyframe: bool, interlaced: bool, reorders: bool
    ) -> list[LostPacket]:
        """Take the next frame in the order shown; gives the packets now known to be lost.

        Args:
            number: of the packet it was made from.
            is_keyframe: nothing in it is predicted from other frames.
            interlaced: it is flagged as made of two fields.
            reorders: the decoder shows frames in another order than that of storage.
        """
        own = self._outstanding.pop(number, None)
        if own is None:
            return []
        self._reorders = reorders
        self._maybe_halves.discard(number)
        if interlaced:
            self._interlaced += 1
            self._maybe_halves.add(number + 1)
        if self._first is None:
            self._first, self._first_seconds = number, own.seconds
            for earlier in [n for n in self._outstanding if n < number]:
                del self._outstanding[earlier]
        return self._lose(
            [n for n, o in self._outstanding.items() if self._passed(n, o, number, own, is_keyframe)]
        )

    def finish(self) -> list[LostPacket]:
        """No more frames come."""
        if self._first is None:
            return []
        return self._lose(list(self._outstanding))

    def _passed(
        self, number: int, other: _Outstanding, latest: int, own: _Outstanding, is_keyframe: bool
    ) -> bool:
        if number > latest:
            return False
        if is_keyframe or not self._reorders or number + _LAG_PACKETS < latest:
            return True
        return self._in_time_order and other.seconds < own.seconds

    def _lose(self, numbers: list[int]) -> list[LostPacket]:
        lost = []
        for number in numbers:
            gone = self._outstanding.pop(number)
            if gone.failed or (self._counts_silent and not self._is_by_rule(number, gone.seconds)):
                lost.append(LostPacket(number, gone.seconds, silent=not gone.failed))
        return lost

    def _is_by_rule(self, number: int, seconds: Fraction) -> bool:
        """Whether nothing is missing though a packet gave neither frame nor error."""
        if number in self._maybe_halves:
            self._maybe_halves.discard(number)
            self._pairs += 1
            if 2 * self._pairs >= self._interlaced:
                return True
        if self._first is None or not self._reorders or number - self._first > _LEADING_PACKETS:
            return False
        return not self._in_time_order or seconds < self._first_seconds
