"""What a search gives: appearances, what was and was not searched, and what it ran on. All are frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from retrofr.clock import NO_CLOCK, WallClock, disagreement
from retrofr.errors import (
    EXIT_FINISHED,
    EXIT_GAPS,
    EXIT_INTERRUPTED,
    ExhibitError,
    IntegrityError,
    RefusedError,
    RetrofrError,
)
from retrofr.records import Evidence, Probe, RangeKind, Still, TimeRange
from retrofr.statements import SearchStatement

LEADS_ONLY = "Investigative leads, to be examined by a person."

NOT_EXAMINED = "not examined"
"""What is said of an appearance on which no examiner has given a verdict."""

_UNKNOWN_CLOCK = WallClock(NO_CLOCK)

UnsearchedKind = Literal["unreadable", "integrity", "stopped", "refused"]

BLIND_DECODER = "decoder does not report all damage"
"""How notes on streams end whose ``codec_reports_damage`` is False."""

NOT_SEARCHED: tuple[RangeKind, ...] = ("missing", "gap", "lost", "unreadable")
"""Kinds of time ranges that were asked for and not looked at. ``suspect`` was, but not in whole pictures."""


@dataclass(frozen=True, eq=False)
class Appearance:
    """Interval [start, end) of one exhibit that one probe's candidates support.

    ``hit`` is True where the score reaches the threshold. ``rank`` counts from 1, best score first, over all
    probes of the run. ``faces`` counts the supporting faces, ``faces_seen`` all detections of its tracklets.
    ``still`` is the best still's path relative to the output folder, None where none was written.

    Wall clock, all ISO 8601 to the microsecond and None where unknown (``clock_source`` says why):
    ``start_time`` and ``end_time`` are what the recorder's clock showed, the ``_adjusted`` ones have the offset
    and zone applied. ``clock_status`` says what is known about how right the clock is, ``clock_note`` what else
    a reader of these times must know, ``clock_offset_seconds`` is true time less the recorder's.

    ``faces_suspect`` counts the compared faces in whose pictures damage was reported, ``best_suspect`` says it
    of the best one. ``exhibit_changed`` is True where the file had another digest after the search.

    ``tracklets`` counts those it is made of; ``tracklets_extending`` are the ones among them that are no
    candidates themselves and only show the same face going on. ``person`` is the number of the person that its
    best tracklet was put to. ``search`` and ``tracklet`` (of the best face, and that face's place
    ``best_face`` among its tracklet's best) are numbers of a case; None outside of one. ``evidence`` is what the
    score of the best tracklet says for or against the probe's person; None where nothing was asked. ``verdict`` says
    whether examiners concluded on it, and what.

    An appearance of a person that no probe was compared with has an empty ``probe``, no ``hit``, rank 0 and a
    score that is no number; ``faces`` then counts its faces with a template.
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
    camera: str | None = None
    start_time_adjusted: str | None = None
    end_time_adjusted: str | None = None
    clock_status: str = "no clock"
    clock_note: str | None = None
    clock_offset_seconds: Fraction | None = None
    faces_suspect: int = 0
    best_suspect: bool = False
    exhibit_changed: bool = False
    person: int | None = None
    tracklets: int = 1
    tracklets_extending: int = 0
    search: int | None = None
    tracklet: int | None = None
    best_face: int | None = None
    evidence: Evidence | None = None
    verdict: str = NOT_EXAMINED

    @property
    def compared(self) -> bool:
        """Whether a probe was compared with it; False for the appearance of a person alone."""
        return bool(self.probe)


@dataclass(frozen=True)
class StreamCoverage:
    """What was and was not searched of one video stream.

    ``problems`` are sentences for a person, each saying what was lost and where; ``notes`` say what was assumed
    without losing anything. Faces are counted per sample: ``faces_unfit`` were found and not fit to be compared,
    by reason in ``unfit_reasons``.

    Args:
        searched_seconds: media time the decoded frames span, ``suspect_seconds`` included.
        suspect_seconds, missing_seconds, gap_seconds, lost_seconds, unreadable_seconds, static_seconds,
            outside_seconds: sums over the ranges of that kind; :class:`retrofr.records.TimeRange` says what
            the kinds mean. Exact also where ``ranges`` were joined to keep them few.
        suspect_frames: frames in which, or in what they were predicted from, damage was reported.
        ranges: the whole stream in the order of reading, each stretch with its fate.
        codec_reports_damage: False for decoders that do not report all damage (HEVC): then no damage reported
            does not mean that there is none.
        clock: of the exhibit.
        sha256_after: the exhibit's digest after the search; None where it was not taken.
        hash_check: what a hash list that came with the evidence says, for example ``sha256 as in hashes.txt,
            line 3``; None where no list was given.
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
    camera: str | None = None
    suspect_seconds: Fraction = Fraction(0)
    missing_seconds: Fraction = Fraction(0)
    gap_seconds: Fraction = Fraction(0)
    lost_seconds: Fraction = Fraction(0)
    unreadable_seconds: Fraction = Fraction(0)
    static_seconds: Fraction = Fraction(0)
    outside_seconds: Fraction = Fraction(0)
    suspect_frames: int = 0
    ranges: tuple[TimeRange, ...] = ()
    codec_reports_damage: bool = True
    clock: WallClock = _UNKNOWN_CLOCK
    sha256_after: str | None = None
    hash_check: str | None = None

    @property
    def has_gaps(self) -> bool:
        """True where not all that was asked for of this stream was searched in whole pictures."""
        short = self.suspect_frames or any(self.seconds(kind) for kind in ("suspect", *NOT_SEARCHED))
        return bool(self.problems or short)

    @property
    def changed(self) -> bool:
        """True where the exhibit had another digest after the search than before."""
        return self.sha256_after is not None and self.sha256_after != self.exhibit_sha256

    @property
    def clock_notes(self) -> tuple[str, ...]:
        """What a reader of this stream's wall-clock times must know: an hour that occurs twice, other clocks of
        the exhibit that disagree with the one in use.
        """
        edges = (self.ranges[0].start_seconds, self.ranges[-1].end_seconds) if self.ranges else (Fraction(0),)
        notes = [note for edge in edges if (note := self.clock.note_at(edge)) is not None]
        return (*notes[:1], *disagreement(self.clock))

    def seconds(self, kind: RangeKind) -> Fraction:
        """Media time of one fate; ``searched`` includes ``suspect``."""
        value: Fraction = getattr(self, f"{kind}_seconds")
        return value


@dataclass(frozen=True)
class Unsearched:
    """Something of which nothing was searched, and why.

    ``kind``: ``unreadable``; ``integrity``: it is not what a hash list says it is, or was altered;
    ``stopped``: the run was stopped before it; ``refused``: it is still being written to, so it is no recording.
    """

    subject: str
    reason: str
    hint: str | None = None
    kind: UnsearchedKind = "unreadable"

    @classmethod
    def because(cls, error: RetrofrError, subject: str) -> Unsearched:
        """For an error that ended work on one exhibit; ``subject`` where the error names none."""
        kind: UnsearchedKind = "integrity" if isinstance(error, IntegrityError) else "unreadable"
        if isinstance(error, RefusedError):
            kind = "refused"
        return cls(error.subject or subject, error.reason, error.hint, kind)


@dataclass(frozen=True)
class Coverage:
    """What a run looked at, and what it did not.

    ``ignored`` are files of searched folders that are not video by their name; they were not opened.
    ``interrupted`` is True where the run was stopped before the end. ``not_in_footage`` are the names that a
    hash list holds and no file of the footage has, ``left_out`` are files and streams that the caller's
    selection leaves out; neither counts as a gap.
    """

    streams: tuple[StreamCoverage, ...] = ()
    unsearched: tuple[Unsearched, ...] = ()
    ignored: tuple[str, ...] = ()
    interrupted: bool = False
    not_in_footage: tuple[str, ...] = ()
    left_out: tuple[Unsearched, ...] = ()

    @property
    def has_gaps(self) -> bool:
        """True where something that was asked for could not be searched."""
        return self.interrupted or bool(self.unsearched) or any(s.has_gaps or s.changed for s in self.streams)

    @property
    def exit_code(self) -> int:
        """130 interrupted, 4 an exhibit is not what it was, 8 nothing was searched but what was refused, 3 nothing was
        searched, 10 gaps, 0 finished.
        """
        if self.interrupted:
            return EXIT_INTERRUPTED
        if self.integrity_fails:
            return IntegrityError.exit_code
        if not any(stream.frames for stream in self.streams):
            refused = self.unsearched and all(item.kind == "refused" for item in self.unsearched)
            return RefusedError.exit_code if refused else ExhibitError.exit_code
        return EXIT_GAPS if self.has_gaps else EXIT_FINISHED

    @property
    def faces_unfit(self) -> int:
        """Faces that were found and were too poor to compare."""
        return sum(stream.faces_unfit for stream in self.streams)

    @property
    def searched_seconds(self) -> Fraction:
        return self.seconds("searched")

    def seconds(self, kind: RangeKind) -> Fraction:
        """Media time of one fate, over all streams; ``searched`` includes ``suspect``."""
        return sum((stream.seconds(kind) for stream in self.streams), Fraction(0))

    @property
    def changed(self) -> tuple[str, ...]:
        """Exhibits whose digest after the search was another than before, each once."""
        return tuple(dict.fromkeys(stream.exhibit for stream in self.streams if stream.changed))

    @property
    def integrity_fails(self) -> bool:
        """True where an exhibit is not what it was, or not what a hash list says."""
        return bool(self.changed) or any(item.kind == "integrity" for item in self.unsearched)


def mark_changed(appearances: Iterable[Appearance], coverage: Coverage) -> tuple[Appearance, ...]:
    """The same appearances, those of exhibits that changed while they were searched marked as such."""
    changed = {(stream.exhibit, stream.exhibit_sha256) for stream in coverage.streams if stream.changed}
    return tuple(
        replace(a, exhibit_changed=True) if (a.exhibit, a.exhibit_sha256) in changed else a
        for a in appearances
    )


@dataclass(frozen=True)
class IndexUse:
    """Which index a search used and why, and how much of the truth it was measured to propose.

    Args:
        index: the one that ran, ``exact`` where the search fell back to it.
        queries: on how many faces or pictures recall was measured; 0 where it was not.
        recall: share of what an exact search finds, of the index that was asked for; None where nothing was
            measured. The exact one leaves out nothing and is not measured.
        reason: one sentence for a person.
        fell_back: another index was asked for or would have been chosen, and was not good enough.
    """

    index: str
    queries: int
    recall: float | None
    reason: str = ""
    fell_back: bool = False


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Everything a search found, what it looked at and what it ran on.

    ``hits`` reach the threshold, ``candidates`` are the best below it, as many as asked for; both ranked.
    ``compared`` counts tracklets that were compared, ``run`` is what run.json holds beside the coverage,
    ``statement`` is what is known of the search's errors.
    """

    hits: tuple[Appearance, ...]
    candidates: tuple[Appearance, ...]
    probes: tuple[Probe, ...]
    threshold: float
    compared: int
    coverage: Coverage
    use: IndexUse
    run: dict[str, object]
    statement: SearchStatement

    @property
    def exit_code(self) -> int:
        """See :attr:`Coverage.exit_code`."""
        return self.coverage.exit_code
