"""Which packets of a group of pictures must be decoded for the samples in it, known before it is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from retrofr.video.decoding.packets import StreamPacket
from retrofr.video.decoding.timing import SegmentClock
from retrofr.video.decoding.windows import Window, in_windows
from retrofr.video.sampling import SamplingGrid


@dataclass(frozen=True)
class Need:
    """What samples need of a group of pictures.

    Args:
        packets: how many from its beginning are to be decoded.
        alone: neither it nor what follows depends on anything in the other, or on what went before.
        looks: numbers of the packets whose frames are samples; None where that is not known.
    """

    packets: int
    alone: bool = False
    looks: frozenset[int] | None = None


class Foresight:
    """Follows a stream's packets, group by group, and says how many of each group samples need.

    A group is cut only where nothing can depend on it: nothing in it or behind it was reported as damaged, its
    times are unbroken, and the next group does not reach back into it. The first group that is decoded is whole.

    Args:
        grid: of the reading; its anchor tells where the samples lie.
        clock: finds the breaks in packets' times, as the reading does in those of frames.
        windows: media time that is looked at; empty for all.
        only_keyframes: samples are keyframes alone; nothing else is ever needed.
        needs_follower: a sample's picture is made with the frame behind it (it may be interlaced).
        is_clean_start: says of a keyframe whether nothing stored from it on needs what is stored before it.
        saw_damage: says whether damage was reported so far.
    """

    def __init__(
        self,
        grid: SamplingGrid,
        clock: SegmentClock,
        windows: tuple[Window, ...],
        *,
        only_keyframes: bool,
        needs_follower: bool,
        is_clean_start: Callable[[StreamPacket], bool],
        saw_damage: Callable[[], bool],
    ) -> None:
        self._grid, self._clock, self._windows = grid, clock, windows
        self._only_keyframes, self._needs_follower = only_keyframes, needs_follower
        self._is_clean_start, self._saw_damage = is_clean_start, saw_damage
        self._last: Fraction | None = None
        self._last_key: Fraction | None = None
        self._segment_start = Fraction(0)
        self._decoding = False

    def passes(self, shown: Sequence[StreamPacket]) -> None:
        """A group that is not decoded; as for :meth:`needed`."""
        self._follow(shown)
        self._last, self._last_key = shown[-1].seconds, shown[0].seconds

    def needed(
        self, group: Sequence[StreamPacket], shown: Sequence[StreamPacket], following: StreamPacket | None
    ) -> Need:
        """What is to be decoded of a group.

        Args:
            group: in order of storage; the first one is a keyframe, or it is the stream's first.
            shown: the same in the order in which their frames are shown.
            following: the keyframe behind it; None at the end of the stream.
        """
        before, key_before = self._last, self._last_key
        broken = self._follow(shown)
        self._last, self._last_key = shown[-1].seconds, group[0].seconds
        decoding, self._decoding = self._decoding, True
        if not group[0].is_key or not self._can_be_cut(group, following):
            return Need(len(group))
        alone = not group[0].has_leading and self._is_clean_start(group[0])
        anchor = self._grid.anchor
        known = anchor is not None and anchor >= self._segment_start and not broken
        if self._only_keyframes:
            return Need(self._key_alone(group[0], key_before if known else None), alone, _numbers(group[:1]))
        if before is None or not known or not decoding:
            return Need(len(group), alone)
        looks = self._samples(shown, before)
        return Need(self._until_last(group, shown, looks), alone, self._known_looks(shown, looks))

    def _key_alone(self, key: StreamPacket, before: Fraction | None) -> int:
        """``before``: time of the keyframe before, where it is known what the grid wants."""
        if before is not None and not self._grid.crosses_point(before, key.seconds):
            return 0
        return 1 if in_windows(key.seconds, self._windows) else 0

    def _follow(self, shown: Sequence[StreamPacket]) -> bool:
        """Whether time is broken in front of one of these."""
        broken = False
        for packet in shown:
            if self._clock.enter(packet.seconds, damaged=False) is not None or self._last is None:
                broken, self._segment_start = True, packet.seconds
                self._last = packet.seconds
        return broken

    def _can_be_cut(self, group: Sequence[StreamPacket], following: StreamPacket | None) -> bool:
        if self._saw_damage() or any(_is_odd(packet) for packet in group):
            return False
        if following is None:
            return True
        return not following.has_leading and not following.failed_before and self._is_clean_start(following)

    def _samples(self, shown: Sequence[StreamPacket], before: Fraction) -> list[int]:
        """Which of these the grid wants, as places in ``shown``; ``before``: time of the frame before them."""
        times = [before, *(packet.seconds for packet in shown)]
        return [
            number
            for number, (earlier, at) in enumerate(pairwise(times))
            if in_windows(at, self._windows)
            and (self._grid.crosses_point(earlier, at) or not in_windows(earlier, self._windows))
        ]

    def _until_last(
        self, group: Sequence[StreamPacket], shown: Sequence[StreamPacket], looks: Sequence[int]
    ) -> int:
        """Count of packets up to the last that a sample needs."""
        if not looks:
            return 0
        last = shown[min(looks[-1] + self._needs_follower, len(shown) - 1)].seconds
        count = max(number for number, packet in enumerate(group, 1) if packet.seconds <= last)
        # What is left out must be shown behind all that is not, or frames would come out of order.
        while count < len(group) and min(packet.seconds for packet in group[count:]) < max(
            packet.seconds for packet in group[:count]
        ):
            count += 1
        return count

    def _known_looks(self, shown: Sequence[StreamPacket], looks: Sequence[int]) -> frozenset[int] | None:
        # A picture that is made with its neighbours needs those as well.
        return None if self._needs_follower else _numbers([shown[place] for place in looks])


def _numbers(packets: Sequence[StreamPacket]) -> frozenset[int]:
    return frozenset(packet.number for packet in packets)


def _is_odd(packet: StreamPacket) -> bool:
    return bool(packet.failed_before or packet.packet.is_corrupt or packet.packet.is_discard)
