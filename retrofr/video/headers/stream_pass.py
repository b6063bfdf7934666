"""Takes the packets of one stream in the order of storage and works out what they say."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from av.packet import Packet

from retrofr.video._pyav import AvStream, average_rate, has_decoder, time_base
from retrofr.video.decoding.timing import LOST_SECONDS, Break, SegmentClock
from retrofr.video.facts import StreamSurvey
from retrofr.video.headers.rhythm import RhythmMeter

# H.264 and HEVC reorder at most 16 frames, so among 17 packets the earliest is the next one shown.
_REORDERED = 17
# Without decoding times, a step back by more than reordering does is one of the clock.
_STEP_BACK_SECONDS = Fraction(1)
_MAX_DISTANCES = 512
_MAX_TOLD = 20
_ASSUMED_RATE = Fraction(25)


@dataclass(frozen=True, order=True)
class _Stamped:
    """A packet with a time; ``unstamped`` counts those without one that came just before it."""

    ticks: int
    number: int
    duration: int
    unstamped: int
    corrupt: bool


class StreamPass:
    """Follows one stream; memory does not grow with its length.

    Times become media time only at the end, when the start of all streams is known.
    """

    def __init__(self, stream: AvStream) -> None:
        self._base = time_base(stream)
        self._reorders = has_decoder(stream) and bool(stream.codec_context.has_b_frames)
        self._clock = SegmentClock(1 / (average_rate(stream) or _ASSUMED_RATE))
        self._meter = RhythmMeter(self._base)
        self._facts = StreamSurvey(stream.index)
        self._counts: Counter[str] = Counter()
        self._distances: Counter[int] = Counter()
        self._last_key: int | None = None
        self._waiting: list[_Stamped] = []
        self._unstamped = 0
        self._last_dts: int | None = None
        self._last_stamp: int | None = None
        self._first: int | None = None
        self._latest: _Stamped | None = None
        self._segment_start = Fraction(0)
        self._recorded = self._gaps = Fraction(0)
        self._end: Fraction | None = None
        self._breaks: list[Break] = []
        self._holes: list[tuple[Fraction, Fraction]] = []

    def take(self, packet: Packet[Any]) -> None:
        """The next packet of this stream."""
        counts = self._counts
        stamp = packet.dts if packet.pts is None else packet.pts
        if not packet.size:
            counts["empty"] += stamp is not None  # without a time it is only the end of the file
            return
        counts["packets"] += 1
        counts["bytes"] += packet.size
        counts["corrupt"] += packet.is_corrupt
        if packet.is_keyframe:
            self._take_key(counts["packets"])
        if packet.is_discard:  # an edit list leaves it out
            return
        if stamp is None:
            counts["unstamped"] += 1
            self._unstamped += 1
            return
        self._take_stamp(packet, stamp)

    def _take_key(self, number: int) -> None:
        self._counts["keys"] += 1
        distance = number - (self._last_key or number)
        if self._last_key is not None and (
            distance in self._distances or len(self._distances) < _MAX_DISTANCES
        ):
            self._distances[distance] += 1
        self._last_key = number

    def _take_stamp(self, packet: Packet[Any], stamp: int) -> None:
        if self._steps_back(packet.dts, stamp):
            self._drain()
        number = self._counts["packets"]
        duration = packet.duration or 0
        heapq.heappush(self._waiting, _Stamped(stamp, number, duration, self._unstamped, packet.is_corrupt))
        self._unstamped = 0
        if len(self._waiting) > _REORDERED:
            self._show(heapq.heappop(self._waiting))

    def _steps_back(self, dts: int | None, stamp: int) -> bool:
        """Whether the clock was set back before this packet, which reordering does not do to decoding times."""
        last_dts, last_stamp = self._last_dts, self._last_stamp
        self._last_dts, self._last_stamp = (last_dts if dts is None else dts), stamp
        if dts is not None and last_dts is not None:
            return dts < last_dts
        if last_stamp is None or stamp >= last_stamp:
            return False
        return not self._reorders or (last_stamp - stamp) * self._base > _STEP_BACK_SECONDS

    def _drain(self) -> None:
        while self._waiting:
            self._show(heapq.heappop(self._waiting))

    def _show(self, stamped: _Stamped) -> None:
        seconds = stamped.ticks * self._base
        latest, self._latest = self._latest, stamped
        broken = self._clock.enter(seconds, stamped.corrupt)
        if latest is None:
            self._first = stamped.ticks
            self._segment_start = seconds
            self._counts["segments"] += 1
        elif broken is None:
            self._meter.add(stamped.ticks - latest.ticks, stamped.unstamped + 1)
            self._note_hole(latest, stamped)
        else:
            self._close_segment(latest)
            self._segment_start = seconds
            self._counts["segments"] += 1
            self._counts[broken.kind] += 1
            if broken.kind == "gap":
                self._gaps += broken.after - broken.before
            if len(self._breaks) < _MAX_TOLD:
                self._breaks.append(broken)

    def _note_hole(self, latest: _Stamped, stamped: _Stamped) -> None:
        step = (stamped.ticks - latest.ticks) * self._base / (stamped.unstamped + 1)
        if step > LOST_SECONDS and step > 3 * self._clock.usual_step():
            self._counts["holes"] += 1
            if len(self._holes) < _MAX_TOLD:
                self._holes.append((latest.ticks * self._base, stamped.ticks * self._base))

    def _close_segment(self, latest: _Stamped) -> None:
        """A segment ends when its last frame, and those without a time behind it, have been shown."""
        shown = self._clock.shown_for(latest.duration * self._base)
        self._end = latest.ticks * self._base + shown
        self._recorded += self._end - self._segment_start

    def start(self) -> Fraction | None:
        """The first frame's time in the container's own seconds, once all packets were taken; None without times."""
        self._drain()
        return None if self._first is None else self._first * self._base

    def survey(self, zero: Fraction) -> StreamSurvey:
        """What the packets said, once all were taken. ``zero`` is the start of media time."""
        self._drain()
        counts, start, rhythm = self._counts, self.start(), self._meter.rhythm()
        if self._latest is not None:
            last = self._latest
            self._close_segment(last)
            behind = self._unstamped * (rhythm.usual_step or self._clock.usual_step())
            self._end = (self._end or Fraction(0)) + behind
            self._recorded += behind
        distances = self._distances
        even = rhythm.character == "constant"
        return replace(
            self._facts,
            packets=counts["packets"],
            size_bytes=counts["bytes"],
            empty_packets=counts["empty"],
            keyframes=counts["keys"],
            keyframe_packets=max(distances, key=lambda n: (distances[n], -n)) if distances else None,
            stamps_missing=counts["unstamped"],
            start_seconds=None if start is None else start - zero,
            end_seconds=None if self._end is None else self._end - zero,
            recorded_seconds=None if start is None else self._recorded,
            segments=counts["segments"],
            breaks=tuple(Break(b.kind, b.before - zero, b.after - zero) for b in self._breaks),
            gaps=counts["gap"],
            steps_back=counts["back"],
            gap_seconds=self._gaps,
            corrupt_packets=counts["corrupt"],
            holes=tuple((a - zero, b - zero) for a, b in self._holes) if even else (),
            hole_count=counts["holes"] if even else 0,
            rhythm=rhythm,
        )
