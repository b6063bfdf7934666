"""The fate of a stream's media time as ranges, joined while it is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from retrofr.records import RangeKind, TimeRange
from retrofr.video.decoding.coverage import CoverageFacts

# More ranges than this are not listed; they are in the sums, and a note says so.
MAX_RANGES = 2000
# Behind the limit some are kept all the same while they can still change.
_SPARE_RANGES = 400
# A lost packet is known to be lost at most this many frames after its place was passed.
_RECENT_FRAMES = 128
_MOST_PENDING = 4096
# What frames stand in; "searched" and "suspect" were looked at.
_SEEN = ("searched", "suspect", "static")


class RangeLog:
    """Writes ranges and their sums into coverage facts, which hold what was told so far at any moment.

    Packets that are lost between two frames may be told before or after the frames around them are: their place
    is cut out of the time that the frame in front of them stands.
    """

    def __init__(self, facts: CoverageFacts) -> None:
        self._facts = facts
        self._ranges = facts.ranges
        self._recent: deque[tuple[Fraction, Fraction, int]] = deque(maxlen=_RECENT_FRAMES)
        self._pending: list[Fraction] = []
        self.unlisted = 0

    def show(self, kind: RangeKind, start: Fraction, end: Fraction, segment: int) -> None:
        """A frame stood from ``start`` to ``end``."""
        self.add(kind, start, end, segment)
        if kind in _SEEN:
            self._recent.append((start, end, segment))
            self._settle_pending(start, end)

    def show_run(self, kind: RangeKind, times: Sequence[Fraction], segment: int) -> None:
        """Frames stood from each of these times to the next."""
        if self._pending:
            for start, end in pairwise(times):
                self.show(kind, start, end, segment)
            return
        self.add(kind, times[0], times[-1], segment)
        if kind in _SEEN:
            self._recent.extend(
                (start, end, segment) for start, end in pairwise(times[-_RECENT_FRAMES - 1 :])
            )

    def lose(self, seconds: Fraction) -> None:
        """A packet with this media time gave no frame."""
        for start, end, segment in reversed(self._recent):
            if start <= seconds < end:
                self._cut(seconds, end, segment, exclude_start=start)
                return
        self._pending.append(seconds)
        del self._pending[:-_MOST_PENDING]

    def take_lost(self, start: Fraction, end: Fraction) -> Fraction | None:
        """Time of the first packet in [start, end) that is known to be lost; those in it are told by that."""
        found = [seconds for seconds in self._pending if start <= seconds < end]
        if found:
            self._pending = [seconds for seconds in self._pending if not start <= seconds < end]
        return min(found, default=None)

    def add(self, kind: RangeKind, start: Fraction, end: Fraction, segment: int, reason: str = "") -> None:
        """A stretch of the stream; joined to the one before it where that has the same fate."""
        if end <= start:
            return
        self._count(kind, end - start)
        self._append(TimeRange(kind, start, end, segment, reason))
        if len(self._ranges) > MAX_RANGES + _SPARE_RANGES:
            self._drop(_SPARE_RANGES // 2)

    def finish(self) -> None:
        """Nothing changes any more: keep no more than the limit."""
        self._drop(len(self._ranges) - MAX_RANGES)

    def _drop(self, number: int) -> None:
        if number > 0:
            del self._ranges[MAX_RANGES : MAX_RANGES + number]
            self.unlisted += number

    def _append(self, added: TimeRange) -> None:
        last = self._ranges[-1] if self._ranges else None
        if (
            last is not None
            and (last.kind, last.segment, last.reason) == (added.kind, added.segment, added.reason)
            and last.end_seconds == added.start_seconds
        ):
            self._ranges[-1] = replace(last, end_seconds=added.end_seconds)
        else:
            self._ranges.append(added)

    def _settle_pending(self, start: Fraction, end: Fraction) -> None:
        if not self._pending:
            return
        first = self.take_lost(start, end)
        if first is not None:
            self._cut(first, end, self._recent[-1][2], exclude_start=start)

    def _cut(self, start: Fraction, end: Fraction, segment: int, *, exclude_start: Fraction) -> None:
        """Turn [start, end) from seen into unreadable; a time shared with the frame itself takes nothing away."""
        if start == exclude_start:
            return
        at = next(
            (
                n
                for n in range(len(self._ranges) - 1, -1, -1)
                if self._ranges[n].segment == segment
                and self._ranges[n].kind in _SEEN
                and self._ranges[n].start_seconds <= start < self._ranges[n].end_seconds
            ),
            None,
        )
        if at is None:
            return
        whole = self._ranges[at]
        end = min(end, whole.end_seconds)
        later = self._ranges[at + 1 :]
        del self._ranges[at:]
        self._count(whole.kind, start - end)
        self._count("unreadable", end - start)
        pieces = [
            replace(whole, end_seconds=start),
            TimeRange("unreadable", start, end, segment),
            replace(whole, start_seconds=end),
        ]
        for piece in (*pieces, *later):
            if piece.end_seconds > piece.start_seconds:
                self._append(piece)

    def _count(self, kind: RangeKind, seconds: Fraction) -> None:
        facts = self._facts
        if kind in ("searched", "suspect"):
            facts.searched_seconds += seconds
        if kind != "searched":
            name = f"{kind}_seconds"
            setattr(facts, name, getattr(facts, name) + seconds)
