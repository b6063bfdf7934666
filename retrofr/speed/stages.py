"""Parts that say how long they take: put around a run's own parts, so that no other run pays for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, Literal, cast

from retrofr.comparison import Comparison, FaceChips
from retrofr.detectors.base import Detector
from retrofr.records import Detections, Exhibit, Floats, Pixels, Sample
from retrofr.settings import VideoSettings
from retrofr.speed.reading import Processor, processor, read_first
from retrofr.video.isolated import DecoderProcess, IsolatedReader
from retrofr.video.plan import ReadingPlan
from retrofr.video.samples import SampleIterator

Stage = Literal["decode", "transfer", "detect", "track", "cut", "embed"]
STAGES: dict[Stage, str] = {
    "decode": "read, decode, make pictures",
    "transfer": "hand pictures to the other process",
    "detect": "find faces",
    "track": "track, judge, keep the best",
    "cut": "find landmarks again, cut chips",
    "embed": "embed chips",
}
"""In the order of the work. ``track`` is all that the process which looks does beside the other stages."""


@dataclass(frozen=True)
class Spent:
    """Seconds of all cores, and on the wall; ``wall_seconds`` is None where a stage runs beside the others."""

    cpu_seconds: float
    wall_seconds: float | None = None


class Stopwatch:
    """Adds up what parts take.

    Args:
        elsewhere: processor seconds that other threads of this process have used, which count for no part.
    """

    def __init__(self, elsewhere: Callable[[], float]) -> None:
        self._elsewhere = elsewhere
        self._taken: dict[Stage, tuple[float, float]] = {}

    def own_seconds(self) -> float:
        """Processor seconds of this process, without the threads that count for no part."""
        return time.process_time() - self._elsewhere()

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        """What is done within counts for a stage; not to be nested."""
        wall, cpu = time.perf_counter(), self.own_seconds()
        try:
            yield
        finally:
            before = self._taken.get(stage, (0.0, 0.0))
            self._taken[stage] = (
                before[0] + self.own_seconds() - cpu,
                before[1] + time.perf_counter() - wall,
            )

    def spent(self, stage: Stage) -> Spent:
        """What a stage took so far."""
        cpu, wall = self._taken.get(stage, (0.0, 0.0))
        return Spent(max(cpu, 0.0), wall)


class TimedDetector:
    """A detector whose work counts as ``detect``; ``frames`` is how many it was given."""

    def __init__(self, detector: Detector, watch: Stopwatch) -> None:
        self.name, self.weights = detector.name, detector.weights
        self.frames = 0
        self._detector, self._watch = detector, watch

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        """As :meth:`retrofr.detectors.base.Detector.detect` says."""
        self.frames += len(frames)
        with self._watch.measure("detect"):
            return self._detector.detect(frames)


class TimedComparison(Comparison):
    """A comparison whose work counts as ``cut`` and ``embed``."""

    def __init__(self, comparison: Comparison, watch: Stopwatch) -> None:
        vars(self).update(vars(comparison))  # the same nets, ready as they are
        self._watch = watch

    def cut(self, image: Pixels, landmarks: Floats) -> list[FaceChips]:
        """See :meth:`retrofr.comparison.Comparison.cut`."""
        with self._watch.measure("cut"):
            return super().cut(image, landmarks)

    def templates(self, faces: Sequence[FaceChips]) -> Floats:
        """See :meth:`retrofr.comparison.Comparison.templates`."""
        with self._watch.measure("embed"):
            return super().templates(faces)


class TimedDecoder(DecoderProcess):
    """A decoder process that reads the beginning of streams.

    ``received_seconds`` are the processor seconds that this process has spent in taking samples from it.

    Args:
        settings: as those of a decoder process.
        seconds: media time at which reading ends.
    """

    def __init__(self, settings: VideoSettings, seconds: Fraction) -> None:
        super().__init__(settings, open_reader=partial(read_first, seconds))
        self.received_seconds = 0.0

    def read_samples(
        self, exhibit: Exhibit, stream: int, plan: ReadingPlan, **options: Any
    ) -> IsolatedReader:
        """See :meth:`retrofr.video.isolated.DecoderProcess.read_samples`."""
        reader = super().read_samples(exhibit, stream, plan, **options)
        return cast(IsolatedReader, _Received(reader, self))

    def processor(self, subject: str) -> Processor:
        """What the process has used so far.

        Raises:
            ExhibitError: it died.
        """
        return self.call(processor, subject=subject)


class _Received(SampleIterator):
    """A reader that counts what it costs to take samples from the other process, in whichever thread takes them."""

    def __init__(self, reader: IsolatedReader, decoder: TimedDecoder) -> None:
        self._reader, self._decoder = reader, decoder
        self.so_far = reader.so_far

    def __next__(self) -> Sample:
        began = time.thread_time()
        try:
            return next(self._reader)
        finally:
            self._decoder.received_seconds += time.thread_time() - began

    def close(self) -> None:
        self._reader.close()
