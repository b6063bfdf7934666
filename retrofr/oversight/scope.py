"""What an authority covers: exhibits, cameras, a time window, probes; footage outside it is never looked at.

A selection is narrowed by a scope: what it says is asked *and* covered. What footage a scope names by a digest is
known once the file is read; nothing of it is decoded before that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TYPE_CHECKING

from retrofr.errors import ExhibitError, RefusedError, UsageError
from retrofr.selection import MediaWindow, Selection, TimeWindow

if TYPE_CHECKING:
    from retrofr.clock import WallClock
    from retrofr.records import Exhibit, Tracklet
    from retrofr.results import Coverage

LEAST_DIGITS = 8
MOST_NAMED = 3
WITHIN = ", and of that "
"""Between the words for a window that was asked for and those for an authority's."""
_DIGITS = re.compile(f"[0-9a-fA-F]{{{LEAST_DIGITS},64}}")


@dataclass(frozen=True)
class Scope:
    """What an authority covers; a part that is empty limits nothing.

    Args:
        exhibits: names, patterns of names (``*``, ``?``), or beginnings of SHA-256 digests (at least 8 digits).
        cameras: names or patterns, upper and lower case alike.
        start, end: wall-clock times of the footage, the end not included; without a zone they are read in the zone
            of each recording's clock.
        probes: names of persons looked for, or beginnings of SHA-256 digests of their pictures.
    """

    exhibits: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    probes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start is None or self.end is None:
            return
        if (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise UsageError("one of the two has a time zone and the other has not", subject="from and to")
        if self.end <= self.start:
            raise UsageError(f"{self.end} is not after from, {self.start}", subject="to")

    @property
    def is_open(self) -> bool:
        """Whether nothing is limited."""
        return self == Scope()

    @property
    def window(self) -> TimeWindow:
        """The time that is covered, in wall-clock time; all of it where there is no limit."""
        return TimeWindow(self.start, self.end)

    def covers_camera(self, camera: str | None) -> bool:
        """Whether recordings of this camera are covered; of one that is not known only if no camera is named."""
        return Selection(cameras=self.cameras).why_not_camera(camera) is None

    def covers_exhibit(self, name: str, sha256: str | None = None) -> bool:
        """Whether a recording is covered by its name or digest; without a digest, whether it may be."""
        if not self.exhibits or any(_is_named(text, name) for text in self.exhibits):
            return True
        digests = [text.lower() for text in self.exhibits if _DIGITS.fullmatch(text)]
        return bool(digests) if sha256 is None else any(sha256.startswith(text) for text in digests)

    def covers_probe(self, name: str, sha256: str) -> bool:
        """Whether a person may be looked for with this picture."""
        named = any(text.casefold() == name.casefold() for text in self.probes)
        by_digest = any(_DIGITS.fullmatch(text) and sha256.startswith(text.lower()) for text in self.probes)
        return not self.probes or named or by_digest

    def summary(self) -> str:
        """All parts that are limited, on one line, long lists as their length; empty where nothing is."""
        parts = {"exhibits": self.exhibits, "cameras": self.cameras, "probes": self.probes}
        told = [
            f"{len(values):,} {word}" if len(values) > MOST_NAMED else f"{word} {', '.join(values)}"
            for word, values in parts.items()
            if values
        ]
        return "; ".join(told if self.window.is_open else [*told, str(self.window)])

    def describe(self) -> tuple[str, ...]:
        """A line for each part that is limited; one line where nothing is."""
        lines = [
            f"{word} {', '.join(values)}"
            for word, values in (
                ("exhibits", self.exhibits),
                ("cameras", self.cameras),
                ("probes", self.probes),
            )
            if values
        ]
        if not self.window.is_open:
            lines.append(str(self.window))
        return tuple(lines) or ("not limited: every exhibit, camera, time and probe",)


@dataclass(frozen=True)
class ScopedWindow(TimeWindow):
    """A time window that was asked for, of which only what lies in ``within`` as well is meant."""

    within: TimeWindow = field(default_factory=TimeWindow)
    authority: str = ""

    @property
    def is_open(self) -> bool:
        """Whether everything is inside."""
        return super().is_open and self.within.is_open

    def __str__(self) -> str:
        asked = "" if super().is_open else f"{super().__str__()}{WITHIN}"
        return f"{asked}{self.within} (authority {self.authority})"

    def media_windows(self, clock: WallClock, subject: str | None = None) -> tuple[MediaWindow, ...]:
        """As :meth:`TimeWindow.media_windows`; an ExhibitError also where the authority's cannot be placed."""
        asked = super().media_windows(clock, subject)
        if self.within.is_open:
            return asked
        try:
            covered = self.within.media_windows(clock, subject)
        except ExhibitError as error:
            raise ExhibitError(
                f"the authority {self.authority} covers a time window alone: {error.reason}",
                subject=error.subject,
                hint=error.hint,
            ) from error
        return _both(asked, covered)


@dataclass(frozen=True)
class ScopedSelection(Selection):
    """A selection within the scope of an authority, whose reference is ``authority``."""

    scope: Scope = field(default_factory=Scope)
    authority: str = ""

    @property
    def is_open(self) -> bool:
        """Whether everything is meant: never, as the scope limits some of it."""
        return False

    @property
    def limits_alone(self) -> bool:
        """Whether the scope is the only limit."""
        window = self.window
        return window.start is None and window.end is None and not (self.cameras or self.streams)

    def why_not_camera(self, camera: str | None) -> str | None:
        """Why a recording of this camera is left out; None if it is searched."""
        asked = super().why_not_camera(camera)
        if asked is not None or self.scope.covers_camera(camera):
            return asked
        cameras = " or ".join(self.scope.cameras)
        if camera is None:
            return f"its camera is not known, and the authority {self.authority} covers {cameras} alone"
        return f"it is of camera {camera}, and the authority {self.authority} covers {cameras} alone"

    def why_not_exhibit(self, name: str, sha256: str | None = None) -> str | None:
        """Why this recording is left out; None if it is searched, or its digest decides."""
        if self.scope.covers_exhibit(name, sha256):
            return None
        return f"the authority {self.authority} does not cover it (scope.exhibits)"


def narrowed(selection: Selection, scope: Scope, authority: str) -> Selection:
    """What was asked for and is covered; the selection itself where the scope limits no footage.

    Args:
        selection: what was asked for.
        scope: of the authority.
        authority: its reference, for messages.

    Raises:
        RefusedError: nothing of what was asked for can be covered: other cameras, or another time.
    """
    if not (scope.exhibits or scope.cameras) and scope.window.is_open:
        return selection
    asked = selection.cameras
    plain = [camera for camera in asked if not any(wild in camera for wild in "*?[")]
    if scope.cameras and asked and plain == list(asked) and not any(map(scope.covers_camera, asked)):
        raise _outside(f"camera {' or '.join(asked)}", f"covers {' or '.join(scope.cameras)}", authority)
    if _apart(selection.window, scope.window):
        raise _outside(f"{selection.window}", f"covers {scope.window}", authority)
    window = ScopedWindow(selection.window.start, selection.window.end, scope.window, authority)
    return ScopedSelection(window, selection.cameras, selection.streams, scope, authority)


def refuse_all_outside(
    selection: Selection, footage: Iterable[tuple[str, str | None, str | None]], subject: str
) -> None:
    """Refuse footage of which nothing can be covered, before anything of it is read.

    Args:
        selection: of :func:`narrowed`; one without a scope refuses nothing.
        footage: name, digest and camera of each recording; None where they are not known.
        subject: how messages call all of it.

    Raises:
        RefusedError: every recording lies outside of the scope by its camera, name or digest.
    """
    if not isinstance(selection, ScopedSelection):
        return
    scope, named = selection.scope, list(footage)
    if named and not any(
        scope.covers_camera(camera) and scope.covers_exhibit(name, sha256) for name, sha256, camera in named
    ):
        raise _outside(f"all of {subject}", _covered(scope), selection.authority)


def nothing_inside(selection: Selection, coverage: Coverage) -> RefusedError | None:
    """Why a run that looked at nothing is refused: digests and clocks, known once files are read, said "outside".

    None where something was looked at, or where something else may be the cause: other limits that were asked for,
    footage that could not be searched, a run that was stopped.
    """
    if not isinstance(selection, ScopedSelection) or not selection.limits_alone or coverage.has_gaps:
        return None
    outside = coverage.left_out or any(stream.outside_seconds for stream in coverage.streams)
    if coverage.searched_seconds or not outside:
        return None
    return _outside("all of the footage that was named", _covered(selection.scope), selection.authority)


class OutsideCounter:
    """Counts the templates of faces in footage that a scope does not cover; what is enforced keeps it at 0.

    It asks the tracklets themselves, and nothing of what was selected. A face counts as outside where its camera, its
    recording or its time is, also where its time cannot be told.
    """

    def __init__(self, scope: Scope) -> None:
        self.count = 0
        self._scope = scope
        self._windows: dict[tuple[str, str], tuple[MediaWindow, ...]] = {}

    def add(self, tracklet: Tracklet) -> int:
        """Count one more; gives how many of its own templates are outside."""
        if self._scope.is_open:
            return 0
        windows = self.windows(tracklet.exhibit)
        moments = [face.frame.seconds for face in tracklet.best]
        outside = sum(not any(_holds(window, at) for window in windows) for at in moments)
        self.count += outside
        return outside

    def windows(self, exhibit: Exhibit) -> tuple[MediaWindow, ...]:
        """The media time of an exhibit that is covered; empty where none of it is, or its clock is not known."""
        key = (exhibit.sha256, exhibit.name)
        if key not in self._windows:
            self._windows[key] = self._of(exhibit)
        return self._windows[key]

    def _of(self, exhibit: Exhibit) -> tuple[MediaWindow, ...]:
        scope = self._scope
        if not (scope.covers_camera(exhibit.camera) and scope.covers_exhibit(exhibit.name, exhibit.sha256)):
            return ()
        try:
            return scope.window.media_windows(exhibit.clock, exhibit.name)
        except ExhibitError:  # no clock: nothing says that it is inside
            return ()


def _holds(window: MediaWindow, at: Fraction) -> bool:
    low, high = window
    return (low is None or low <= at) and (high is None or at < high)


def _is_named(text: str, name: str) -> bool:
    # A scope that names `cam1.mp4` means that file wherever it lies; `footage/cam1.mp4` means that path.
    return fnmatchcase(name, text) or fnmatchcase(name.replace("\\", "/").rsplit("/", 1)[-1], text)


def _both(first: Sequence[MediaWindow], second: Sequence[MediaWindow]) -> tuple[MediaWindow, ...]:
    """What lies in a window of each; never empty, as :meth:`TimeWindow.media_windows`."""
    found: list[MediaWindow] = []
    for low, high in first:
        for other_low, other_high in second:
            start = max((each for each in (low, other_low) if each is not None), default=None)
            end = min((each for each in (high, other_high) if each is not None), default=None)
            if start is None or end is None or start < end:
                found.append((start, end))
    return tuple(found) or ((Fraction(0), Fraction(0)),)


def _apart(asked: TimeWindow, covered: TimeWindow) -> bool:
    """Whether no moment can be in both; a zone that is not known makes no difference of up to a day and more."""
    for before, after in ((asked.end, covered.start), (covered.end, asked.start)):
        if not isinstance(before, datetime) or not isinstance(after, datetime):
            continue
        if (before.tzinfo is None) == (after.tzinfo is None):
            apart = before <= after
        else:  # zones differ from UTC by up to 15 h
            apart = before.replace(tzinfo=None) + timedelta(hours=15) <= after.replace(tzinfo=None)
        if apart:
            return True
    return False


def _covered(scope: Scope) -> str:
    limits = [f"cameras {', '.join(scope.cameras)}"] if scope.cameras else []
    limits += [f"exhibits {', '.join(scope.exhibits)}"] if scope.exhibits else []
    limits += [] if scope.window.is_open else [str(scope.window)]
    return f"covers {' and '.join(limits)}"


def _outside(asked: str, covered: str, authority: str) -> RefusedError:
    return RefusedError(
        f"{asked} lies outside of the authority, which {covered}",
        subject=f"authority {authority}, scope",
        hint="ask for what it covers, or have the authority extended; `retrofr case authority show` has its scope",
    )
