"""What was and was not seen of a stream, counted while it is read and said in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from retrofr.records import TimeRange

# Spots closer together than this are told as one stretch.
_JOIN_SECONDS = Fraction(5)
_MAX_STRETCHES = 1000
_MAX_TOLD = 4
# Keyframes further apart than this are no look at what lies between.
_FAR_APART = Fraction(30)


@dataclass
class _Stretch:
    first: Fraction | None
    last: Fraction | None
    count: int = 1


class Spots:
    """Moments at which something went wrong, joined to stretches; memory does not grow with their number."""

    def __init__(self) -> None:
        self.count = 0
        self._stretches: list[_Stretch] = []

    def add(self, seconds: Fraction | None) -> None:
        self.count += 1
        last = self._stretches[-1] if self._stretches else None
        if last is not None and (_near(last.last, seconds) or len(self._stretches) >= _MAX_STRETCHES):
            last.last = seconds
            last.count += 1
        else:
            self._stretches.append(_Stretch(seconds, seconds))

    def sentences(self, singular: str, plural: str, zero: Fraction = Fraction(0)) -> list[str]:
        """``1 damaged packet at 3.200 s``, ``28 damaged packets between 4.920 s and 6.000 s``, …"""
        told = []
        for stretch in self._stretches[:_MAX_TOLD]:
            what = f"1 {singular}" if stretch.count == 1 else f"{stretch.count} {plural}"
            told.append(what + _where(stretch, zero))
        rest = self._stretches[_MAX_TOLD:]
        if rest:
            count = sum(stretch.count for stretch in rest)
            told.append(f"{count} more {plural if count > 1 else singular} in {len(rest)} other places")
        return told


def _near(a: Fraction | None, b: Fraction | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(b - a) <= _JOIN_SECONDS


def _where(stretch: _Stretch, zero: Fraction) -> str:
    if stretch.first is None or stretch.last is None:
        return ""
    first, last = shown(stretch.first - zero), shown(stretch.last - zero)
    return f" at {first}" if first == last else f" between {first} and {last}"


def shown(seconds: Fraction) -> str:
    """Seconds for a sentence: ``5.800 s``."""
    return f"{float(seconds):.3f} s"


@dataclass
class CoverageFacts:
    """What became of one stream, up to date while it is read and complete when reading has ended.

    Args:
        frames: frames that reading went through; those that no sample needs are counted without being decoded.
        samples: frames that were given out to be looked at.
        damaged_packets: packets from which the decoder made no picture.
        damaged_frames: frames that the decoder itself reports as damaged. Few decoders report all damage
            (HEVC next to none), so 0 does not mean undamaged.
        suspect_frames: decoded frames with damage reported in them or in what they were predicted from.
        codec_reports_damage: the decoder of this codec reports nearly all damage (where its error log is watched, as
            decoder processes do). Where False, a frame that is not suspect may be damaged all the same.
        searched_seconds: media time that was decoded and looked at, suspect stretches included.
        suspect_seconds, missing_seconds, gap_seconds, lost_seconds, unreadable_seconds, static_seconds,
        outside_seconds: sums over ``ranges`` of that kind.
        declared_seconds: how long the container says the stream is; None where it says nothing.
        ranges: what became of the stream's media time, in order of reading; neighbours of one fate are joined.
            Inside a segment they do not overlap. ``searched`` and ``suspect`` add up to ``searched_seconds``.
        first_seconds, last_seconds: media time of the first frame's start and of the last one's end, in the
            order of reading; None without a frame.
        segments: number of stretches of unbroken time.
        problems: what was lost and where, one sentence each.
        notes: what a reader of the result should know though nothing was lost, one sentence each.
    """

    frames: int = 0
    samples: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    suspect_frames: int = 0
    codec_reports_damage: bool = True
    searched_seconds: Fraction = Fraction(0)
    suspect_seconds: Fraction = Fraction(0)
    missing_seconds: Fraction = Fraction(0)
    gap_seconds: Fraction = Fraction(0)
    lost_seconds: Fraction = Fraction(0)
    unreadable_seconds: Fraction = Fraction(0)
    static_seconds: Fraction = Fraction(0)
    outside_seconds: Fraction = Fraction(0)
    declared_seconds: Fraction | None = None
    first_seconds: Fraction | None = None
    last_seconds: Fraction | None = None
    segments: int = 0
    ranges: list[TimeRange] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class BreakLog:
    """Gaps and steps back; the first few are told one by one, the rest counted."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._count = 0
        self.stepped_back = False

    def add(self, kind: str, before: Fraction, after: Fraction) -> None:
        self._count += 1
        self.stepped_back = self.stepped_back or kind == "back"
        if len(self._told) < _MAX_TOLD:
            if kind == "back":
                self._told.append(f"time steps back from {shown(before)} to {shown(after)}")
            else:
                self._told.append(f"no picture between {shown(before)} and {shown(after)}")

    def sentences(self) -> list[str]:
        rest = self._count - len(self._told)
        return [*self._told, f"{rest} more breaks in time"] if rest else list(self._told)


class LookLog:
    """How far apart the samples are of a reading that looks at keyframes alone.

    ``longest`` is the longest time between two, and from the last one to the end once ``sentences`` was asked.
    """

    def __init__(self) -> None:
        self.longest = Fraction(0)
        self._at: tuple[Fraction, int] | None = None
        self._far: list[tuple[Fraction, Fraction]] = []
        self._count = 0

    def look(self, seconds: Fraction, segment: int) -> None:
        """A sample is at this media time."""
        if self._at is not None and self._at[1] == segment:
            self._pass(self._at[0], seconds)
        self._at = seconds, segment

    def sentences(self, end: Fraction | None) -> list[str]:
        """Where samples are too far apart; ``end``: of what was read."""
        if self._at is None:
            return ["no keyframe was found, and keyframes alone were to be looked at"]
        if end is not None:
            self._pass(self._at[0], end)
        told = [f"no keyframe between {shown(a)} and {shown(b)}: nobody looked there" for a, b in self._far]
        rest = self._count - len(self._far)
        return [*told, f"{rest} more such places"] if rest else told

    def _pass(self, start: Fraction, end: Fraction) -> None:
        self.longest = max(self.longest, end - start)
        if end - start > _FAR_APART:
            self._count += 1
            if len(self._far) < _MAX_TOLD:
                self._far.append((start, end))
