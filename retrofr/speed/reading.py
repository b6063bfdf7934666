"""Reading the beginning of a stream, and how much of its process's time that takes. Runs in the decoder process."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from retrofr.records import Exhibit, Sample
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.isolation.endless import EndGuard
from retrofr.video.plan import ReadingPlan, Resume
from retrofr.video.reader import SampleReader, read_samples
from retrofr.video.samples import SampleIterator


@dataclass
class _Spent:
    """Processor seconds that this process has spent in reading samples, all threads together."""

    cpu_seconds: float = 0.0


_spent = _Spent()


@dataclass(frozen=True)
class Processor:
    """Processor seconds of a process since it began, and those of them that it spent in reading samples."""

    all_seconds: float
    reading_seconds: float


@dataclass(frozen=True)
class Decoding:
    """What reading alone took: seconds on the wall and of all cores; and how much was read.

    ``media_seconds`` is footage that was gone through, looked at or static.
    """

    wall_seconds: float
    cpu_seconds: float
    samples: int
    media_seconds: Fraction


class FirstSamples(SampleIterator):
    """The samples before a media time; keeps the contract of what a decoder process reads with.

    One sample more is read, to know that the time has come.
    """

    def __init__(self, reader: SampleReader, seconds: Fraction) -> None:
        self.coverage_facts: CoverageFacts = reader.coverage_facts
        self._reader, self._seconds = reader, seconds
        self._samples = self._read()

    def resume_point(self) -> Resume | None:
        """As that of the whole reader."""
        return self._reader.resume_point()

    def close(self) -> None:
        """Stop reading and close the file; may be called more than once."""
        self._samples.close()
        self._reader.close()

    def _read(self) -> Generator[Sample, None, None]:
        while True:
            began = time.process_time()
            try:
                sample = next(self._reader, None)
            finally:
                _spent.cpu_seconds += time.process_time() - began
            if sample is None or sample.frame.seconds >= self._seconds:
                return
            yield sample


def read_first(
    seconds: Fraction, exhibit: Exhibit, stream: int, plan: ReadingPlan, **hooks: Any
) -> FirstSamples:
    """Open a stream as :func:`retrofr.video.reader.read_samples` does, to read what lies before a media time."""
    return FirstSamples(read_samples(exhibit, stream, plan, **hooks), seconds)


def decode_only(
    seconds: Fraction, exhibit: Exhibit, stream: int, plan: ReadingPlan, *, on_progress: Callable[[], None]
) -> Decoding:
    """Read the samples before a media time and throw their pictures away.

    Raises:
        ExhibitError: the stream cannot be decoded, or the file has no end.
    """
    guard = EndGuard(exhibit.size_bytes, exhibit.name)

    def on_packet(size_bytes: int) -> None:
        guard.took(size_bytes)
        on_progress()

    wall, cpu = time.perf_counter(), time.process_time()
    with read_first(seconds, exhibit, stream, plan, on_packet=on_packet) as reader:
        samples = sum(1 for _ in reader)
        media = media_seconds(reader.coverage_facts)
    return Decoding(time.perf_counter() - wall, time.process_time() - cpu, samples, media)


def media_seconds(facts: CoverageFacts) -> Fraction:
    """Footage that a reading went through: what was looked at, what was static, what could not be decoded."""
    return facts.searched_seconds + facts.static_seconds + facts.unreadable_seconds


def processor() -> Processor:
    """What this process has used so far."""
    return Processor(time.process_time(), _spent.cpu_seconds)
