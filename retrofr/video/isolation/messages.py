"""What a decoder process and its parent say to each other; plain data, one class a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from retrofr.processes.wire import Delta
from retrofr.records import Exhibit, Sample
from retrofr.video.plan import ReadingPlan, Resume

# ---- to the decoder process ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """Run a function and answer with what it gives; ``reports``: pass it ``on_progress``."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    reports: bool


@dataclass(frozen=True)
class Reading:
    """Read one stream; ``open_reader`` is :func:`retrofr.video.reader.read_samples` or keeps its contract."""

    open_reader: Callable[..., Any]
    exhibit: Exhibit
    stream: int
    plan: ReadingPlan


@dataclass(frozen=True)
class Cancel:
    """Leave the job."""


# ---- from the decoder process --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """It has started; the first thing that it says."""


@dataclass(frozen=True)
class Answer:
    """The job is done; of a call, this is what the function gave."""

    value: Any = None


@dataclass(frozen=True)
class Failed:
    """The job raised; ``trace`` is the traceback as text, empty for the errors of retrofr."""

    error: BaseException
    trace: str


@dataclass(frozen=True)
class Cancelled:
    """The job was left as asked; of a reading, what there is to tell of it."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """What the function told of its progress."""

    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Opened:
    """The stream is open."""


@dataclass(frozen=True)
class Fed:
    """The first packet of a slice, which is the packet of this number, goes to the decoder."""

    slice_number: int
    packet: int


@dataclass(frozen=True)
class Account:
    """What became of the stream so far, and how a new reading goes on from exactly there.

    ``facts`` and what a reading with ``resume`` finds add up to the facts of an unbroken reading. ``resume`` is
    None where nothing was shown yet.
    """

    facts: Delta
    resume: Resume | None


@dataclass(frozen=True)
class Position:
    """Sign of life with the media time that decoding has reached."""

    seconds: Fraction | None
    account: Account


@dataclass(frozen=True)
class Looked:
    """A sample, and the account up to its end."""

    sample: Sample
    account: Account


@dataclass(frozen=True)
class Ended:
    """The stream is read to its end; ``endless`` says why it was left before, empty if it was not."""

    facts: Delta
    endless: str = ""
