"""A reader of made-up footage that keeps the contract of read_samples, for tests of what happens around a reader.

The footage is a small JSON file: how many frames, where slices begin, and at which packet the reader comes to
harm. One packet is one frame; every tenth frame is a sample, its picture full of its number.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from retrofr.clock import NO_CLOCK, WallClock
from retrofr.errors import ExhibitError
from retrofr.records import Exhibit, FrameRef, Sample, TimeRange, VideoStream
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.decoding.slices import SliceStart
from retrofr.video.plan import ReadingPlan, Resume
from retrofr.video.samples import SampleIterator

RATE = 10
SAMPLE_EVERY = 10


def make_footage(path: Path, *, frames: int = 100, slice_frames: int = 20, **harm: Any) -> Exhibit:
    """Write made-up footage.

    Args:
        harm: ``crash_at`` (packet numbers at which the process kills itself), ``hang_at`` (numbers at which it
            sleeps for ever), ``bug_at`` (a number at which it raises KeyError), ``crash_while_skipping`` (numbers
            that cannot be passed at all), ``crash_when_opened``, ``only_once`` (each does harm the first time
            only), ``endless`` (it starts over at its end), ``millis`` (each packet takes that long).
    """
    path.write_text(json.dumps({"frames": frames, "slice_frames": slice_frames} | harm), encoding="utf-8")
    size = path.stat().st_size
    declared = Fraction(frames, RATE)
    stream = VideoStream(0, "made-up", 8, 8, Fraction(RATE), declared)
    return Exhibit(path, path.name, "0" * 64, size, "made-up", (stream,), WallClock(NO_CLOCK))


def open_slowly(
    exhibit: Exhibit,
    stream: int,
    plan: ReadingPlan,
    *,
    on_position: Callable[[Fraction], None] | None = None,
    on_packet: Callable[[int], None] | None = None,
    on_slice: Callable[[SliceStart], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> SlowReader:
    """As :func:`retrofr.video.reader.read_samples`."""
    return SlowReader(exhibit, plan, on_position, on_packet, on_slice)


class SlowReader(SampleIterator):
    """Iterates over the samples of made-up footage."""

    def __init__(
        self,
        exhibit: Exhibit,
        plan: ReadingPlan,
        on_position: Callable[[Fraction], None] | None,
        on_packet: Callable[[int], None] | None,
        on_slice: Callable[[SliceStart], None] | None,
    ) -> None:
        self._path = exhibit.path
        if not exhibit.path.exists():
            raise ExhibitError("does not exist any more", subject=exhibit.name)
        self._facts: dict[str, Any] = json.loads(exhibit.path.read_text(encoding="utf-8"))
        if self._facts.get("crash_when_opened"):
            self._harm("open", lambda: os.kill(os.getpid(), signal.SIGSEGV))
        self._plan, self._resume = plan, plan.resume or Resume(0, None, 0, 0)
        self._on_position, self._on_packet, self._on_slice = on_position, on_packet, on_slice
        self.coverage_facts = CoverageFacts()
        self._point: Resume | None = None
        self._samples = self._read()

    def close(self) -> None:
        self._samples.close()

    def resume_point(self) -> Resume | None:
        return self._point

    def _read(self) -> Generator[Sample, None, None]:
        try:
            yield from self._frames()
        finally:
            self.coverage_facts.problems = [f"{self.coverage_facts.frames} frames in this leg"]

    def _frames(self) -> Iterator[Sample]:
        slice_frames, number = self._facts["slice_frames"], 0
        first = self._resume.from_slice * slice_frames
        while number < self._facts["frames"] or self._facts.get("endless"):
            if self._on_packet is not None:
                self._on_packet(1000 if self._facts.get("endless") else 1)
            if number in self._facts.get("crash_while_skipping", []):
                os.kill(os.getpid(), signal.SIGSEGV)
            if number >= first:
                if number % slice_frames == 0 and self._on_slice is not None:
                    start = SliceStart(number // slice_frames, number, Fraction(number, RATE))
                    self._on_slice(start)
                self._come_to_harm(number)
                if self._resume.after_packet is None or number > self._resume.after_packet:
                    yield from self._show(number)
            number += 1

    def _come_to_harm(self, number: int) -> None:
        time.sleep(self._facts.get("millis", 0) / 1000)
        if number in self._facts.get("crash_at", []):
            self._harm(str(number), lambda: os.kill(os.getpid(), signal.SIGSEGV))
        if number in self._facts.get("hang_at", []):
            self._harm(str(number), lambda: time.sleep(1000))
        if number == self._facts.get("bug_at"):
            raise KeyError(number)

    def _harm(self, mark: str, harm: Callable[[], object]) -> None:
        done = self._path.with_suffix(f".{mark}")
        if self._facts.get("only_once") and done.exists():
            return
        done.touch()
        harm()

    def _show(self, number: int) -> Iterator[Sample]:
        facts, resume = self.coverage_facts, self._resume
        start, end = Fraction(number, RATE), Fraction(number + 1, RATE)
        segment = resume.first_segment
        facts.segments = segment + 1
        facts.first_seconds = start if facts.first_seconds is None else facts.first_seconds
        ordinal = resume.first_ordinal + facts.frames
        facts.frames += 1
        facts.last_seconds = end
        facts.searched_seconds += end - start
        begun = facts.ranges[0].start_seconds if facts.ranges else start
        facts.ranges = [TimeRange("searched", begun, end, segment)]
        self._point = Resume(number // self._facts["slice_frames"], number, ordinal + 1, segment)
        if self._on_position is not None:
            self._on_position(start)
        if number % SAMPLE_EVERY == 0:
            facts.samples += 1
            frame = FrameRef(0, segment, ordinal, number, Fraction(1, RATE), start, end, "pts", number)
            yield Sample(frame, np.full((8, 8, 3), number % 256, np.uint8))
