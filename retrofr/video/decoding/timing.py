"""When each frame was shown: exact where the container says, marked where it had to be worked out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

TimeSource = Literal["pts", "dts", "interpolated", "assumed rate"]

# A picture that stands longer than this, in a stream that does not always do so, is a gap: nothing was
# recorded (motion-triggered recording), or the clock jumped. Either way the time between was not searched.
GAP_SECONDS = Fraction(5)
# After reported damage a shorter hole is enough to be counted as lost.
LOST_SECONDS = Fraction(1, 2)
# Steps remembered, to know the usual one. Odd and short: one or two gaps do not move the median.
_HISTORY = 15


@dataclass(frozen=True)
class Placed(Generic[T]):
    """Something with its time in the container's own seconds."""

    item: T
    seconds: Fraction
    source: TimeSource


class Timeline(Generic[T]):
    """Gives each frame its time, in the order in which frames are shown.

    Rules: a presentation time is exact. Without one, the decoding time is used where frames are not
    reordered. Without either, frames wait (at most ``max_waiting``) for the next known time and are spread
    between the known ones, by the numbers of their packets where those rise (a lost one leaves its place free),
    else evenly; past the last one they follow at the usual step. Where nothing has a time, the frame in place
    n is at ``n × step``. Where the container stores reordered frames without
    presentation times, a frame is at the time of the packet at which it came out, less the reordering delay
    (source ``dts``). Nothing is ever sorted.

    Args:
        base: seconds a tick.
        step: seconds between frames as the container declares it.
        has_times: False for a stream without any timestamps.
        reorders: the stream has frames whose decoding times differ from their presentation times.
        reorder_shift: not None: use the times of storage, less this many seconds.
        max_waiting: how many frames may wait for the next known time.
    """

    def __init__(
        self,
        base: Fraction,
        step: Fraction,
        *,
        has_times: bool = True,
        reorders: bool = False,
        reorder_shift: Fraction | None = None,
        max_waiting: int = 16,
    ) -> None:
        self._base = base
        self._step = step
        self._has_times = has_times
        self._reorders = reorders
        self._reorder_shift = reorder_shift
        self._max_waiting = max_waiting
        self._last: Fraction | None = None
        self._last_packet: int | None = None
        self._waiting: list[tuple[T, int | None]] = []

    def place(
        self,
        item: T,
        pts: int | None,
        dts: int | None,
        stored: int | None = None,
        *,
        packet: int | None = None,
        slot: int | None = None,
    ) -> list[Placed[T]]:
        """Take the next frame; gives those whose time is known now: none, this one, or also those before it.

        Args:
            item: what comes back with its time.
            pts, dts: the frame's, in ticks.
            stored: time of the packet at which the frame came out, in ticks.
            packet: number of the packet it was made from.
            slot: its place among all frames of a stream without times; None: the next one.
        """
        if not self._has_times:
            if slot is None:
                return [self._follow(item, "assumed rate")]
            self._last = slot * self._step
            return [Placed(item, self._last, "assumed rate")]
        known = self._known(pts, dts, stored)
        if known is not None:
            placed = [*self._spread(known[0], packet), Placed(item, *known)]
            self._last, self._last_packet = known[0], packet
            return placed
        self._waiting.append((item, packet))
        if self._last is not None and len(self._waiting) > self._max_waiting:
            return self.flush()
        return []

    def flush(self) -> list[Placed[T]]:
        """Place what still waits: at the usual step after the last known time."""
        waiting, self._waiting = self._waiting, []
        self._last_packet = None
        return [self._follow(item, "interpolated") for item, _ in waiting]

    def pass_to(self, seconds: Fraction) -> None:
        """Frames up to this time were left out; what still waits is to be flushed before."""
        self._last, self._last_packet = seconds, None

    def _known(
        self, pts: int | None, dts: int | None, stored: int | None
    ) -> tuple[Fraction, TimeSource] | None:
        if self._reorder_shift is not None:
            if stored is None:
                return None
            at = stored * self._base - self._reorder_shift
            if self._last is not None and at == self._last:  # two frames came out at one packet
                at += self._step
            return at, "dts"
        if pts is not None:
            return pts * self._base, "pts"
        if dts is not None and not self._reorders:
            return dts * self._base, "dts"
        return None

    def _follow(self, item: T, source: TimeSource) -> Placed[T]:
        self._last = Fraction(0) if self._last is None else self._last + self._step
        return Placed(item, self._last, source)

    def _spread(self, until: Fraction, until_packet: int | None) -> list[Placed[T]]:
        """Place the waiting frames between the last known time and the next one."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        # Places count from that of the last known time; without one, from some place before all.
        before = -1 if self._last is None else self._last_packet
        places = _rising([before, *(packet for _, packet in waiting), until_packet])
        if places is None:
            places = list(range(len(waiting) + 2))
        end = places[-1]
        if self._last is None:
            times = [until - (end - place) * self._step for place in places[1:-1]]
        else:
            step = (until - self._last) / end
            if not 0 < step <= 4 * self._step:  # a break lies between; it is where the known time is
                step = self._step
            times = [self._last + place * step for place in places[1:-1]]
        return [Placed(item, at, "interpolated") for (item, _), at in zip(waiting, times, strict=True)]


def exceeds(span: Fraction, limit: Fraction) -> bool:
    """``abs(span) > limit`` several times as fast as Fraction says it; asked once for each packet of a stream."""
    return abs(span.numerator) * limit.denominator > limit.numerator * span.denominator


def _rising(packets: list[int | None]) -> list[int] | None:
    """Packet numbers as distances from the first; None where one is unknown or they do not rise."""
    known = [packet for packet in packets if packet is not None]
    if len(known) < len(packets) or any(b <= a for a, b in pairwise(known)):
        return None
    return [packet - known[0] for packet in known]


@dataclass(frozen=True)
class Break:
    """Where a new segment starts, and why: time stepped ``back``, or there is a ``gap``."""

    kind: Literal["back", "gap"]
    before: Fraction
    after: Fraction


class SegmentClock:
    """Follows the frames' times and says where a segment ends: at a step back and at a gap.

    Args:
        step: seconds between frames as the container declares it; used until steps were seen.
    """

    def __init__(self, step: Fraction) -> None:
        self._declared = step
        self._steps: deque[Fraction] = deque(maxlen=_HISTORY)
        self._previous: Fraction | None = None

    def enter(self, seconds: Fraction, damaged: bool) -> Break | None:
        """Take the next frame's time; gives the break in front of it, if there is one."""
        previous, self._previous = self._previous, seconds
        if previous is None:
            return None
        step = seconds - previous
        if step.numerator <= 0:
            return Break("back", previous, seconds) if step.numerator else None
        is_gap = exceeds(step, LOST_SECONDS) and step > self._limit(damaged)
        self._steps.append(step)
        return Break("gap", previous, seconds) if is_gap else None

    def is_steady(self) -> bool:
        """Whether the last steps were all about the same: a recording of constant rate."""
        return bool(self._steps) and max(self._steps) <= Fraction(3, 2) * min(self._steps)

    def usual_step(self) -> Fraction:
        return median_low(self._steps) if self._steps else self._declared

    def shown_for(self, declared: Fraction) -> Fraction:
        """How long a segment's last frame is shown: as declared where believable, else the usual step."""
        # Some containers declare one tick (DHAV: 1 ms), some the gap that follows (MP4).
        believable = Fraction(1, 240) <= declared <= self._limit(damaged=False)
        return declared if believable else self.usual_step()

    def _limit(self, damaged: bool) -> Fraction:
        if damaged:
            return max(LOST_SECONDS, 3 * self.usual_step())
        return max(GAP_SECONDS, 4 * self.usual_step())
