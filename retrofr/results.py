"""What a search gives: appearances, what was and was not searched, and what it ran on. All are frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from retrofr.errors import EXIT_FINISHED, EXIT_GAPS, EXIT_INTERRUPTED, ExhibitError
from retrofr.records import Probe, Still

LEADS_ONLY = "Investigative leads, to be examined by a person."


@dataclass(frozen=True, eq=False)
class Appearance:
    """Interval [start, end) of one exhibit that one probe's candidates support.

    ``hit`` is True where the score reaches the threshold. ``rank`` counts from 1, best score first, over all
    probes of the run. ``faces`` counts the supporting faces, ``faces_seen`` all detections of its tracklets.
    ``start_time`` and ``end_time`` are ISO 8601, None where the wall clock is unknown (``clock_source`` says
    why). ``still`` is the best still's path relative to the output folder, None where none was written.
    """

    rank: int
    hit: bool
    probe: str
    exhibit: str
    exhibit_sha256: str
    stream: int
    segment: int
    start_seconds: Fraction
    end_seconds: Fraction
    start_time: str | None
    end_time: str | None
    time_source: str
    clock_source: str
    score: float
    faces: int
    faces_seen: int
    best_seconds: Fraction
    best_box: tuple[float, float, float, float]
    eye_distance_pixels: float
    still: str | None = None
    still_pictures: Still | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StreamCoverage:
    """What was and was not searched of one video stream.

    ``searched_seconds`` is the media time the decoded frames span, without gaps and lost parts;
    ``problems`` are sentences for a person, each saying what was lost and where; ``notes`` say what was assumed
    without losing anything. Faces are counted per
    sample: ``faces_unfit`` were found and not fit to be compared, by reason in ``unfit_reasons``.
    """

    exhibit: str
    exhibit_sha256: str
    stream: int
    declared_seconds: Fraction | None
    searched_seconds: Fraction
    frames: int
    samples: int
    damaged_packets: int
    faces: int
    faces_unfit: int
    unfit_reasons: tuple[tuple[str, int], ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsearched:
    """Something of which nothing was searched, and why."""

    subject: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True)
class Coverage:
    """What a run looked at, and what it did not.

    ``ignored`` are files of searched folders that are not video by their name; they were not opened.
    ``interrupted`` is True where the run was stopped before the end.
    """

    streams: tuple[StreamCoverage, ...] = ()
    unsearched: tuple[Unsearched, ...] = ()
    ignored: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def has_gaps(self) -> bool:
        """True where something that was asked for could not be searched."""
        return self.interrupted or bool(self.unsearched) or any(s.problems for s in self.streams)

    @property
    def searched_seconds(self) -> Fraction:
        return sum((s.searched_seconds for s in self.streams), Fraction(0))


@dataclass(frozen=True)
class IndexRecall:
    """How many of the exact nearest probe templates the index also proposed, on ``queries`` sampled faces."""

    index: str
    queries: int
    recall: float | None


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Everything a search found, what it looked at and what it ran on.

    ``hits`` reach the threshold, ``candidates`` are the best below it, as many as asked for; both ranked.
    ``compared`` counts tracklets that were compared, ``run`` is what run.json holds beside the coverage.
    """

    hits: tuple[Appearance, ...]
    candidates: tuple[Appearance, ...]
    probes: tuple[Probe, ...]
    threshold: float
    compared: int
    coverage: Coverage
    recall: IndexRecall
    run: dict[str, object]

    @property
    def exit_code(self) -> int:
        """0 finished, 10 finished with gaps, 3 nothing could be searched, 130 interrupted."""
        if self.coverage.interrupted:
            return EXIT_INTERRUPTED
        if not self.coverage.streams:
            return ExhibitError.exit_code
        return EXIT_GAPS if self.coverage.has_gaps else EXIT_FINISHED
