"""What was found out about files of footage without looking for faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from retrofr.clock import NO_CLOCK, WallClock
from retrofr.errors import EXIT_FINISHED, EXIT_GAPS, EXIT_INTERRUPTED, ExhibitError, IntegrityError
from retrofr.records import TimeRange
from retrofr.results import Unsearched
from retrofr.video.facts import ContainerFacts, StreamFacts, StreamSurvey
from retrofr.video.suggestions import Suggestion


@dataclass(frozen=True)
class Decoded:
    """What decoding all of a stream showed; the fields are those of the reader's coverage facts."""

    frames: int
    damaged_packets: int
    damaged_frames: int
    suspect_frames: int
    codec_reports_damage: bool
    searched_seconds: Fraction
    suspect_seconds: Fraction
    missing_seconds: Fraction
    gap_seconds: Fraction
    lost_seconds: Fraction
    unreadable_seconds: Fraction
    segments: int
    ranges: tuple[TimeRange, ...]


@dataclass(frozen=True)
class StreamInspection:
    """One recorded video stream: its headers, its packets, and what decoding showed where that was asked for.

    ``problems`` say what of it is lost, ``notes`` what to know of it, one sentence each.
    """

    facts: StreamFacts
    survey: StreamSurvey | None = None
    decoded: Decoded | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileInspection:
    """One file.

    Args:
        name, path: as outputs call it, and where it is.
        size_bytes, modified, sha256: None where it could not be read.
        hash_check: what the hash list says of it; None where there is none, or it differs (see ``unreadable``).
        container: None where it did not open.
        streams: the recorded video streams.
        camera, clock: which camera recorded it and when, as far as the file, its name and the examiner tell.
        problems, notes: of the file as a whole, one sentence each.
        suggestions: flags that would make it read better.
        unreadable: not None where nothing of it can be searched.
    """

    name: str
    path: Path
    size_bytes: int | None = None
    modified: datetime | None = None
    sha256: str | None = None
    hash_check: str | None = None
    container: ContainerFacts | None = None
    streams: tuple[StreamInspection, ...] = ()
    camera: str | None = None
    clock: WallClock = field(default_factory=lambda: WallClock(NO_CLOCK))
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    unreadable: Unsearched | None = None

    @property
    def has_problems(self) -> bool:
        """Whether something of it is lost."""
        return bool(self.unreadable or self.problems or any(stream.problems for stream in self.streams))


@dataclass(frozen=True)
class Inspection:
    """What was found out about footage.

    ``ignored`` are files of folders that are not video; ``archives`` those of them that may hold footage;
    ``unreadable`` is what could not be looked into, such as a folder without permission. ``full``: everything
    was decoded. ``not_inspected`` are the files that an ``interrupted`` run did not come to, or not to the end of.
    """

    files: tuple[FileInspection, ...]
    ignored: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    unreadable: tuple[Unsearched, ...] = ()
    full: bool = False
    interrupted: bool = False
    not_inspected: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """130 interrupted, 4 a file is not what a hash list says, 3 nothing can be searched, 10 something is lost
        or not readable, 0 nothing wrong.
        """
        if self.interrupted:
            return EXIT_INTERRUPTED
        if any(file.unreadable and file.unreadable.kind == "integrity" for file in self.files):
            return IntegrityError.exit_code
        if all(file.unreadable for file in self.files):
            return ExhibitError.exit_code
        return (
            EXIT_GAPS if self.unreadable or any(file.has_problems for file in self.files) else EXIT_FINISHED
        )
