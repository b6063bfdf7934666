"""Which packets reach the decoder: those of the slices still to be read, near a time window, needed by samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import Literal

from retrofr.video.decoding.foresight import Foresight, Need
from retrofr.video.decoding.packets import REORDER_PACKETS, StreamPacket
from retrofr.video.decoding.slices import SliceCutter, SliceStart
from retrofr.video.decoding.windows import Window

# A group of pictures that is longer than this is not held back to see whether all of it is needed.
_MAX_HELD_PACKETS = 2000
_MAX_HELD_BYTES = 64 << 20


@dataclass(frozen=True)
class Fed:
    """A packet for the decoder, and the slice that begins with it, if one does."""

    packet: StreamPacket
    start: SliceStart | None


@dataclass(frozen=True)
class Skipped:
    """Packets that are not decoded.

    Args:
        why: ``before``: a reading that is resumed begins later; ``outside``: they are outside the windows;
            ``unneeded``: no sample needs them.
        packets: in the order in which their frames would be shown.
        starts: the slices that begin with one of them.
    """

    why: Literal["before", "outside", "unneeded"]
    packets: tuple[StreamPacket, ...]
    starts: tuple[SliceStart, ...]


@dataclass(frozen=True)
class Group:
    """A group of pictures that can be decoded by a decoder of its own.

    Args:
        fed: all its packets.
        needed: how many of them, from the first, samples need.
        looks: numbers of the packets whose frames are samples; None where that is not known.
        unneeded: the others.
    """

    fed: tuple[Fed, ...]
    needed: int
    looks: frozenset[int] | None
    unneeded: Skipped | None


Item = Fed | Group | Skipped


class PacketGate:
    """Lets packets through, or tells the times of those that it keeps back.

    Args:
        cutter: numbers the slices.
        from_slice: packets of earlier slices are kept back.
        windows: in media time; groups of pictures that touch none are kept back. Empty: none is.
        reach: the longest time by which a packet's picture is shown before one stored before it. A group that ends
            by less before a window's start is needed for pictures in it, if the next group is open.
        tells_leading: packets' times show whether a keyframe's group is open; else each may be.
        begins_at_key: what is stored before the first keyframe gives no frame.
        foresight: knows what samples need; None where everything is decoded.
        groups: those that can be decoded by a decoder of their own are let through as groups.
    """

    def __init__(
        self,
        cutter: SliceCutter,
        *,
        from_slice: int = 0,
        windows: tuple[Window, ...] = (),
        reach: Fraction = Fraction(0),
        tells_leading: bool = True,
        begins_at_key: bool = False,
        foresight: Foresight | None = None,
        groups: bool = False,
    ) -> None:
        self._cutter = cutter
        self._from_slice = from_slice
        self._windows = windows
        self._reach = reach
        self._tells_leading = tells_leading
        self._unseen_key = begins_at_key
        self._foresight = foresight
        self._groups = groups
        self._group: list[Fed] = []
        self._group_bytes = 0
        self._group_is_open = False

    def items(self, packets: Iterable[StreamPacket]) -> Iterator[Item]:
        waiting = self._from_slice > 0
        for packet in packets:
            start = self._cutter.enter(packet)
            if waiting and start is not None and start.number >= self._from_slice:
                yield from self._skip("before")
                waiting = False
            if waiting:
                if packet.is_key or len(self._group) >= _MAX_HELD_PACKETS:
                    yield from self._skip("before")
                self._hold_times(packet, start)
            elif self._windows or self._foresight is not None:
                yield from self._in_groups(Fed(packet, start))
            else:
                yield Fed(packet, start)
        yield from self._skip("before") if waiting else self._settle()

    def _hold_times(self, packet: StreamPacket, start: SliceStart | None) -> None:
        self._unseen_key = self._unseen_key and not packet.is_key
        if not self._unseen_key and not packet.packet.is_discard:
            self._group.append(Fed(packet, start))

    def _in_groups(self, fed: Fed) -> Iterator[Item]:
        if fed.packet.is_key:
            yield from self._settle(fed.packet)
            self._unseen_key = False
        if self._group_is_open:
            yield fed
            return
        self._group.append(fed)
        self._group_bytes += fed.packet.packet.size
        if len(self._group) >= _MAX_HELD_PACKETS or self._group_bytes >= _MAX_HELD_BYTES:
            yield from self._let_through()
            self._group_is_open = True
            self._foresight = None  # with groups like this one it would not see enough

    def _settle(self, following: StreamPacket | None = None) -> Iterator[Item]:
        self._group_is_open = False
        if not self._group:
            return
        if not self._touches(following):
            if self._foresight is not None and not self._unseen_key:
                self._foresight.passes(self._as_shown(self._group))
            yield from self._skip("outside")
            return
        unneeded: list[Fed] = []
        if self._foresight is not None and not self._unseen_key:
            group = [fed.packet for fed in self._group]
            need = self._foresight.needed(group, self._as_shown(self._group), following)
            if need.alone and self._groups:
                yield self._as_group(need)
                return
            self._group, unneeded = self._group[: need.packets], self._group[need.packets :]
        yield from self._let_through()
        self._group = unneeded
        yield from self._skip("unneeded")

    def _as_group(self, need: Need) -> Group:
        whole, self._group, self._group_bytes = self._group, self._group[need.packets :], 0
        unneeded = next(self._skip("unneeded"), None)
        return Group(tuple(whole), need.packets, need.looks, unneeded)

    def _let_through(self) -> Iterator[Fed]:
        group, self._group, self._group_bytes = self._group, [], 0
        yield from group

    def _skip(self, why: Literal["before", "outside", "unneeded"]) -> Iterator[Skipped]:
        group, self._group, self._group_bytes = self._group, [], 0
        if group:
            own = [fed for fed in group if not fed.packet.packet.is_discard]
            starts = tuple(fed.start for fed in group if fed.start is not None)
            yield Skipped(why, tuple(self._as_shown(own)), starts)

    def _as_shown(self, group: list[Fed]) -> list[StreamPacket]:
        """In the order shown: sorted by time, but not across a clock that was set back."""
        shown: list[StreamPacket] = []
        run: list[StreamPacket] = []
        for fed in group:
            if run and self._steps_back(run, fed.packet):
                shown += _by_time(run)
                run = []
            run.append(fed.packet)
        return shown + _by_time(run)

    def _steps_back(self, run: list[StreamPacket], packet: StreamPacket) -> bool:
        # Decoding times rise in order of storage, whatever the pictures' order, unless the clock goes back.
        before = run[-1]
        if before.packet.dts is not None and packet.packet.dts is not None:
            return bool(packet.packet.dts < before.packet.dts)
        return packet.seconds < max(map(_time_of, run[-REORDER_PACKETS:])) - self._reach

    def _touches(self, following: StreamPacket | None) -> bool:
        """Whether the group held is needed; ``following``: the keyframe behind it."""
        if not self._windows:
            return True
        times = [fed.packet.seconds for fed in self._group]
        first, last = min(times), max(times)
        if following is not None and (following.has_leading or not self._tells_leading):
            last += self._reach
        return any(
            (start is None or last >= start) and (end is None or first < end) for start, end in self._windows
        )


def _by_time(run: list[StreamPacket]) -> list[StreamPacket]:
    # Where all have a time of their own its ticks order alike, and whole numbers compare ten times as fast.
    timed = all(packet.stamp is not None for packet in run)
    return sorted(run, key=attrgetter("stamp") if timed else _time_of)


def _time_of(packet: StreamPacket) -> Fraction:
    return packet.seconds
