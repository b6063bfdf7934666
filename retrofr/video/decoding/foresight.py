"""Which packets of a group of pictures must be decoded for the samples in it, known before it is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from retrofr.video.decoding.packets import StreamPacket
from retrofr.video.decoding.timing import SegmentClock
from retrofr.video.decoding.windows import Window, in_windows
from retrofr.video.sampling import SamplingGrid


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
    ) -> int:
        """How many packets from the beginning of a group are to be decoded.

        Args:
            group: in order of storage; the first one is a keyframe, or it is the stream's first.
            shown: the same in the order in which their frames are shown.
            following: the keyframe behind it; None at the end of the stream.
        """
        before, key_before = self._last, self._last_key
        broken = self._follow(shown)
        self._last, self._last_key = shown[-1].seconds, group[0].seconds
        decoding, self._decoding = self._decoding, True
        if not group[0].is_key:
            return len(group)
        if not self._can_be_cut(group, following):
            return len(group)
        anchor = self._grid.anchor
        known = anchor is not None and anchor >= self._segment_start and not broken
        if self._only_keyframes:
            if (
                known
                and key_before is not None
                and not self._grid.crosses_point(key_before, group[0].seconds)
            ):
                return 0
            return 1 if in_windows(group[0].seconds, self._windows) else 0
        if before is None or not known or not decoding:
            return len(group)
        return self._until_last_sample(group, [before, *(packet.seconds for packet in shown)])

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

    def _until_last_sample(self, group: Sequence[StreamPacket], times: Sequence[Fraction]) -> int:
        """Count of packets up to the last that a wanted frame needs; ``times``: shown, and one from before."""
        wanted = [
            number
            for number, (before, at) in enumerate(pairwise(times), 1)
            if in_windows(at, self._windows)
            and (self._grid.crosses_point(before, at) or not in_windows(before, self._windows))
        ]
        if not wanted:
            return 0
        last = times[min(wanted[-1] + self._needs_follower, len(times) - 1)]
        count = max(number for number, packet in enumerate(group, 1) if packet.seconds <= last)
        # What is left out must be shown behind all that is not, or frames would come out of order.
        while count < len(group) and min(packet.seconds for packet in group[count:]) < max(
            packet.seconds for packet in group[:count]
        ):
            count += 1
        return count


def _is_odd(packet: StreamPacket) -> bool:
    return bool(packet.failed_before or packet.packet.is_corrupt or packet.packet.is_discard)
