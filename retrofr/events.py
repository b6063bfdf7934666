"""What the library tells its caller while it works. The library never prints; a listener may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RunStarted:
    """The footage is known and work begins."""

    exhibits: int
    total_bytes: int


@dataclass(frozen=True)
class ExhibitStarted:
    """One exhibit begins. ``duration_seconds`` is what its container declares, else None."""

    exhibit: str
    ordinal: int
    duration_seconds: float | None


@dataclass(frozen=True)
class Digesting:
    """An exhibit's digest is being taken, before its search or, ``after``, once more when it is done."""

    exhibit: str
    done_bytes: int
    total_bytes: int
    after: bool = False


@dataclass(frozen=True)
class Advanced:
    """Work went on inside an exhibit, to ``position_seconds`` of media time."""

    exhibit: str
    position_seconds: float
    samples: int
    faces: int


@dataclass(frozen=True)
class ExhibitFinished:
    """One exhibit is done; ``searched_seconds`` of it were looked at."""

    exhibit: str
    searched_seconds: float


@dataclass(frozen=True)
class Skipped:
    """Something could not be searched, and why. It is in the coverage as well."""

    subject: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True)
class Warned:
    """Something the user should know that does not stop the run."""

    subject: str
    message: str


@dataclass(frozen=True)
class Downloading:
    """A weights file is on its way. ``total_bytes`` is None where the server does not say."""

    name: str
    done_bytes: int
    total_bytes: int | None


@dataclass(frozen=True)
class Found:
    """A tracklet reached the threshold. ``record`` is a ``retrofr.found/1``: a hit before it is joined and ranked."""

    record: Mapping[str, object]


Event = (
    RunStarted
    | ExhibitStarted
    | Digesting
    | Advanced
    | ExhibitFinished
    | Skipped
    | Warned
    | Downloading
    | Found
)
Listener = Callable[[Event], None]


def never() -> bool:
    """The answer of a caller who does not stop a run."""
    return False


class StoppedError(Exception):
    """The caller stopped the run in the middle of a file. It stays inside the library."""


def ignore(event: Event) -> None:
    """The listener of a caller who does not want to know."""
