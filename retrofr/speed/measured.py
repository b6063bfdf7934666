"""What was measured of footage, and what it says of more of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from retrofr.errors import EXIT_FINISHED, EXIT_GAPS, EXIT_INTERRUPTED, ExhibitError
from retrofr.records import VideoStream
from retrofr.results import Unsearched
from retrofr.settings import Settings
from retrofr.speed.reading import Decoding
from retrofr.speed.stages import STAGES, Spent, Stage

_HOUR = 3600


@dataclass(frozen=True)
class Indexing:
    """What reading, finding, tracking and embedding took together, in both processes, and what came of it.

    ``peak_bytes`` is the most memory of both, None where the system does not tell. The processor seconds of
    ``stages`` add up to ``cpu_seconds``.
    """

    wall_seconds: float
    cpu_seconds: float
    samples: int
    media_seconds: Fraction
    faces: int
    tracklets: int
    templates: int
    peak_bytes: int | None
    stages: Mapping[Stage, Spent]

    def __post_init__(self) -> None:
        if list(self.stages) != list(STAGES):
            raise ValueError(f"stages: expected {list(STAGES)}, got {list(self.stages)}")


@dataclass(frozen=True)
class Round:
    """Both ways, one right after the other. ``others`` is how many cores other processes kept busy meanwhile."""

    decoding: Decoding
    indexing: Indexing
    others: float | None

    @property
    def wall_ratio(self) -> float:
        """Indexing over decoding alone, on the wall."""
        return self.indexing.wall_seconds / self.decoding.wall_seconds

    @property
    def cpu_ratio(self) -> float:
        """Indexing over decoding alone, in seconds of cores."""
        return self.indexing.cpu_seconds / self.decoding.cpu_seconds


@dataclass(frozen=True)
class Recording:
    """One stream that was measured, at least once. ``problems`` are sentences on damage that was met."""

    name: str
    stream: VideoStream
    rounds: tuple[Round, ...]
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("rounds: expected at least one")

    def median(self, value: Callable[[Round], float]) -> float:
        """Of one figure of its rounds."""
        return median(value(each) for each in self.rounds)

    @property
    def media_seconds(self) -> Fraction:
        """How much of it was gone through."""
        return self.rounds[0].indexing.media_seconds

    @property
    def speed(self) -> float:
        """How many times as fast as real time indexing was."""
        return float(self.media_seconds) / self.median(lambda each: each.indexing.wall_seconds)


@dataclass(frozen=True)
class Projection:
    """What more of such footage takes on this machine, if cost grows with the footage.

    Args:
        wall_seconds: of one hour, one recording after the other.
        cpu_seconds: of one hour, of all cores.
        workers: how many recordings ``retrofr index`` works on at once here.
        seconds: of one hour, with so many at once: never less than the cores allow. It is a calculation.
    """

    wall_seconds: float
    cpu_seconds: float
    workers: int
    seconds: float

    def take_seconds(self, hours: float) -> float:
        """What so many hours of footage take."""
        return hours * self.seconds


@dataclass(frozen=True)
class SpeedResult:
    """What was measured.

    Args:
        recordings: each stream that was measured.
        unmeasured: what could not be, and why.
        ignored: files of folders that are not video by their names.
        settings, device: of the run; the device as a line of text.
        cores: how many this process may run on; ``workers``: how many recordings are indexed at once on them.
        load_seconds: what loading the nets took, on the wall.
        interrupted: the caller stopped before all rounds were done.
    """

    recordings: tuple[Recording, ...]
    unmeasured: tuple[Unsearched, ...]
    ignored: tuple[str, ...]
    settings: Settings
    device: str
    cores: int
    workers: int
    load_seconds: float
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """130 interrupted, 3 nothing was measured, 10 something was not or is damaged, 0 finished."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        if not self.recordings:
            return ExhibitError.exit_code
        gaps = self.unmeasured or any(recording.problems for recording in self.recordings)
        return EXIT_GAPS if gaps else EXIT_FINISHED

    def total(self, value: Callable[[Round], float]) -> float:
        """Sum of the recordings' medians."""
        return math.fsum(recording.median(value) for recording in self.recordings)

    @property
    def media_seconds(self) -> Fraction:
        """Of all recordings."""
        return sum((recording.media_seconds for recording in self.recordings), Fraction(0))

    @property
    def samples(self) -> int:
        """Of all recordings, in one round."""
        return sum(recording.rounds[0].indexing.samples for recording in self.recordings)

    def stages(self) -> dict[Stage, Spent]:
        """What each stage took over all recordings in one round; sums of medians."""
        return {stage: Spent(self._cpu_of(stage), self._wall_of(stage)) for stage in STAGES}

    def _cpu_of(self, stage: Stage) -> float:
        return self.total(lambda each: each.indexing.stages[stage].cpu_seconds)

    def _wall_of(self, stage: Stage) -> float | None:
        walls = [each.indexing.stages[stage].wall_seconds for one in self.recordings for each in one.rounds]
        if not walls or None in walls:
            return None
        return self.total(lambda each: each.indexing.stages[stage].wall_seconds or 0.0)

    def projection(self) -> Projection | None:
        """What an hour of such footage takes; None where nothing was measured."""
        if not self.media_seconds:
            return None
        hourly = _HOUR / float(self.media_seconds)
        wall = hourly * self.total(lambda each: each.indexing.wall_seconds)
        cpu = hourly * self.total(lambda each: each.indexing.cpu_seconds)
        return Projection(wall, cpu, self.workers, min(wall, max(wall / self.workers, cpu / self.cores)))
