"""Reads one stream of a recording to its end, and says in which points it is not as the table has it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from recordings.cases import Expected
from recordings.picture import Look, combing, look_at, woven_picture
from recordings.studio import RATE
from retrofr.records import Exhibit, FrameRef, Sample

# Of recordings whose size changes midway.
_OTHER_SIZE = (640, 480)
_FRAME = Fraction(1, RATE)
# Combing of a deinterlaced frame against that of the same pictures left as they are.
_COMBING_LEFT = 0.35


@dataclass(frozen=True)
class Seen:
    """One frame: where the reader says it is, and what it shows."""

    frame: FrameRef
    look: Look
    size: tuple[int, int]
    combing: float


def see(sample: Sample, expected: Expected) -> Seen:
    """What is to be known of a sample, without its picture."""
    height, width = sample.image.shape[:2]
    look = Look(None, True)
    if expected.barcode:
        coded = (expected.size[0], expected.size[1])
        look = look_at(sample.image, (coded, _OTHER_SIZE), expected.rotation)
    combed = combing(sample.image) if expected.deinterlaced else 0.0
    return Seen(sample.frame, look, (width, height), combed)


@dataclass
class Reading:
    """Everything that was seen of one stream. ``logged``: the decoder's own log was watched for damage."""

    expected: Expected
    exhibit: Exhibit
    seen: list[Seen]
    facts: Any
    logged: bool

    def faults(self) -> list[str]:
        """Where the reading is not as the table has it; empty where it is."""
        return [
            *self._status(),
            *self._counts(),
            *self._times(),
            *self._words(),
            *self._ranges(),
            *self._labels(),
            *self._pictures(),
            *self._clock(),
        ]

    @property
    def status(self) -> str:
        if not self.facts.frames:
            return "none"
        return "gaps" if self.facts.problems else "searched"

    def _status(self) -> Iterator[str]:
        if self.status not in self.expected.statuses:
            yield f"status {self.status}, not {self.expected.status}: {self.facts.problems}"
        if not self.facts.frames and (self.facts.searched_seconds or self.facts.samples):
            yield "no frame, and yet something was searched"

    def _counts(self) -> Iterator[str]:
        expected, facts = self.expected, self.facts
        good = sum(seen.look.good for seen in self.seen)
        if facts.frames < expected.frames:
            yield f"{facts.frames} frames, not {expected.frames}"
        if expected.barcode and good < expected.least_good:
            yield f"{good} good frames, not {expected.least_good}"
        if expected.status != "none" and len(self.seen) != facts.frames:
            yield f"{facts.frames} frames decoded and {len(self.seen)} looked at"
        if expected.segments > 0 and facts.frames and facts.segments != expected.segments:
            yield f"{facts.segments} segments, not {expected.segments}"

    def _times(self) -> Iterator[str]:
        sources = {seen.frame.time_source for seen in self.seen}
        if not sources <= set(self.expected.sources):
            yield f"times from {sorted(sources)}, not {self.expected.sources}"
        if any(seen.frame.until_seconds <= seen.frame.seconds for seen in self.seen):
            yield "a frame that ends before it begins"
        late = [seen for seen in self.seen if not seen.frame.suspect and self.error(seen) >= _FRAME]
        # A decoder that hides damage shows an earlier picture again; without its log that goes unlabelled.
        allowed = 3 if self.expected.status != "searched" and not self.logged else 0
        if len(late) > allowed:
            told = [(seen.look.number, float(seen.frame.seconds)) for seen in late[:4]]
            yield f"{len(late)} frames a frame or more from their time, the first (number, seconds): {told}"

    def error(self, seen: Seen) -> Fraction:
        """How far a good frame's time is from when it was shown; 0 for a frame that shows no number."""
        number = seen.look.number
        if not self.expected.barcode or number is None or not seen.look.good:
            return Fraction(0)
        return abs(seen.frame.seconds - self.expected.seconds_of(number) - self._zero(seen))

    def _zero(self, seen: Seen) -> Fraction:
        if self.expected.first >= 0:
            return Fraction(0)
        of_segment = [s for s in self.seen if s.frame.segment == seen.frame.segment and s.look.good]
        number = of_segment[0].look.number or 0
        return of_segment[0].frame.seconds - self.expected.seconds_of(number)

    def _words(self) -> Iterator[str]:
        for kind, told, patterns in (
            ("problem", self.facts.problems, self.expected.problems),
            ("note", self.facts.notes, self.expected.notes),
        ):
            for pattern in patterns:
                if not any(re.search(pattern, sentence) for sentence in told):
                    yield f"no {kind} has {pattern!r}: {told}"
        if self.expected.blind == self.facts.codec_reports_damage and self.facts.frames:
            yield f"codec_reports_damage is {self.facts.codec_reports_damage}"
        if self.expected.blind and not any("does not report all damage" in note for note in self.facts.notes):
            yield f"no note says that not all damage is reported: {self.facts.notes}"

    def _ranges(self) -> Iterator[str]:
        facts = self.facts
        kinds = {found.kind for found in facts.ranges}
        for pattern in self.expected.ranges:
            if not any(re.fullmatch(pattern, kind) for kind in kinds):
                yield f"no range is {pattern}: {sorted(kinds)}"
        if self.expected.status == "searched" and facts.frames and kinds != {"searched"}:
            yield f"searched, and yet there are ranges {sorted(kinds)}"
        looked_at = sum((r.seconds for r in facts.ranges if r.kind in ("searched", "suspect")), Fraction(0))
        if looked_at != facts.searched_seconds:
            yield f"ranges add up to {looked_at} s, searched were {facts.searched_seconds} s"
        yield from self._overlaps()

    def _overlaps(self) -> Iterator[str]:
        segments: dict[int, list[Any]] = defaultdict(list)
        for found in self.facts.ranges:
            segments[found.segment].append(found)
        for inside in segments.values():
            for one, other in pairwise(inside):
                if other.start_seconds < one.end_seconds or one.seconds <= 0:
                    yield f"ranges overlap or are empty: {one}, {other}"

    def damaged(self) -> int:
        """How many frames are not as they were drawn, or show another frame than the time says."""
        return sum(map(self._is_wrong, self.seen))

    def mislabelled(self) -> tuple[int, int]:
        """How many damaged frames are not labelled as suspect, and how many good ones are."""
        missed = sum(self._is_wrong(seen) and not seen.frame.suspect for seen in self.seen)
        extra = sum(not self._is_wrong(seen) and seen.frame.suspect for seen in self.seen)
        return missed, extra

    def _is_wrong(self, seen: Seen) -> bool:
        return not seen.look.good or self.error(seen) >= _FRAME

    def _labels(self) -> Iterator[str]:
        if not self.expected.suspect or not self.logged:
            return
        missed, extra = self.mislabelled()
        if missed > self.expected.suspect[0] or extra > self.expected.suspect[1]:
            yield f"{missed} damaged frames not labelled and {extra} good ones labelled, not {self.expected.suspect}"

    def _pictures(self) -> Iterator[str]:
        sizes = {seen.size for seen in self.seen}
        if self.expected.shown and sizes != {self.expected.shown}:
            yield f"pictures of {sorted(sizes)}, not {self.expected.shown}"
        if self.expected.deinterlaced:
            yield from self._combs()

    def _combs(self) -> Iterator[str]:
        for seen in self.seen[2:-2]:
            woven = woven_picture(seen.look.number or 0)
            left = combing(woven[:, :, None].repeat(3, 2))
            if seen.combing > _COMBING_LEFT * left:
                yield f"frame {seen.look.number} is combed: {seen.combing:.2f} of {left:.2f}"
                return

    def _clock(self) -> Iterator[str]:
        clock = self.exhibit.clock
        shown: Any = clock.original_at(Fraction(0))
        if shown != self.expected.clock:
            yield f"the clock starts at {shown}, not {self.expected.clock}"
        if not re.search(self.expected.source, clock.source):
            yield f"the clock comes from {clock.source!r}, not {self.expected.source!r}"
