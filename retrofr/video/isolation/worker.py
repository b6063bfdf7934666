"""The decoder process: does one job after the other for its parent and dies with it.

It is started by :mod:`retrofr.video.isolated` and by nobody else. Native libraries that read hostile files run
here, so that a crash or a hang costs a slice and not the run. Nothing is given to the parent by a thread: a sign
of life comes from the loop over packets, so that a library that hangs falls silent.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from retrofr.errors import RetrofrError
from retrofr.processes.child_side import OUT_OF_MEMORY_STATUS, die_with_parent, keep_quiet, that_travels
from retrofr.processes.wire import Channel, ClosedError, Delta, DeltaMaker
from retrofr.records import Sample
from retrofr.video.decoding.error_log import ErrorLog
from retrofr.video.decoding.slices import SliceStart
from retrofr.video.isolation.endless import EndGuard, EndlessError
from retrofr.video.isolation.messages import (
    Account,
    Answer,
    Call,
    Cancel,
    Cancelled,
    Ended,
    Failed,
    Fed,
    Looked,
    Opened,
    Position,
    Progress,
    Reading,
    Ready,
)
from retrofr.video.reader import SampleReader

_BEAT_SECONDS = 0.5
# How often it is asked whether the parent has called the job off: packets come thousands a second.
_LISTEN_SECONDS = 0.01
_STDERR = 2


class _CancelledError(BaseException):
    """The parent wants the job left. Not an Exception: a reader that survives damage must not survive this."""


def main(descriptor: int, lifeline: int) -> None:
    """Serve jobs until the parent closes the socket.

    Args:
        descriptor: of the socket to the parent.
        lifeline: of a pipe whose other end is held by the parent alone and never written to.
    """
    die_with_parent(lifeline)
    keep_quiet()
    log = ErrorLog.install(_STDERR)
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        channel.send(Ready())
        while True:
            job = channel.receive()
            # The parent has made standard error a file, where it finds the last words of a crash: of this job.
            os.ftruncate(_STDERR, 0)
            log.grew()
            match job:
                case Call():
                    _answer(channel, partial(_call, channel, job))
                case Reading():
                    _answer(channel, partial(_read, channel, job))
                case Cancel():  # crossed with the end of the job it was meant for
                    pass
    except ClosedError:
        return


def _answer(channel: Channel, run: Callable[[], object]) -> None:
    try:
        report = run()
    except _CancelledError:
        report = Cancelled()
    except RetrofrError as error:
        report = Failed(error, "")
    except ClosedError:
        raise
    except MemoryError:
        os._exit(OUT_OF_MEMORY_STATUS)
    except Exception as error:  # a bug: told to the parent, and the end of this process
        channel.send(Failed(that_travels(error), traceback.format_exc()))
        raise
    channel.send(report)


class _Parent:
    """The parent during a job: hears signs of life, and may call it off."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._told = self._listened = time.monotonic()

    def send(self, message: object) -> None:
        self._channel.send(message)
        self._told = time.monotonic()

    def is_due(self) -> bool:
        """Whether a sign of life is due. Leaves the job if the parent has called it off, or is gone."""
        now = time.monotonic()
        if now - self._listened < _LISTEN_SECONDS:
            return False
        self._listened = now
        if self._channel.has_something():
            self._channel.receive()
            raise _CancelledError
        return now - self._told >= _BEAT_SECONDS


def _call(channel: Channel, job: Call) -> Answer:
    if not job.reports:
        return Answer(job.function(*job.arguments))
    parent = _Parent(channel)

    def on_progress(*arguments: Any) -> None:
        if parent.is_due():
            parent.send(Progress(arguments))

    return Answer(job.function(*job.arguments, on_progress=on_progress))


def _read(channel: Channel, job: Reading) -> Ended | Cancelled:
    """Read a stream and tell the parent of each sample.

    The reader's ``resume_point()`` gives a Resume that belongs to its ``coverage_facts`` as they are at that
    moment: with it, a new reading goes on right behind the last frame that is in them. None before that.
    """
    told = _Told(_Parent(channel), EndGuard(job.exhibit.size_bytes, job.exhibit.name))
    reader = job.open_reader(
        job.exhibit,
        job.stream,
        job.plan,
        on_position=told.position,
        on_packet=told.packet,
        on_slice=told.fed,
        on_wait=told.wait,
    )
    told.reader = reader
    channel.send(Opened())
    try:
        with reader:
            for sample in reader:
                told.looked(sample)
    except EndlessError as error:
        return Ended(told.facts(), error.reason)
    except _CancelledError:
        return Cancelled(tuple(reader.coverage_facts.problems), tuple(reader.coverage_facts.notes))
    return Ended(told.facts())


class _Told:
    """What the parent is told of a reading: each message carries what has changed in the coverage facts."""

    def __init__(self, parent: _Parent, guard: EndGuard) -> None:
        self.reader: SampleReader | None = None
        self._parent, self._guard = parent, guard
        self._seconds: Fraction | None = None
        self._deltas = DeltaMaker()

    def packet(self, size_bytes: int) -> None:
        self._guard.took(size_bytes)
        self.wait()

    def wait(self) -> None:
        if self._parent.is_due():
            self._parent.send(Position(self._seconds, self._account()))

    def position(self, seconds: Fraction) -> None:
        self._seconds = seconds

    def fed(self, start: SliceStart) -> None:
        self._parent.send(Fed(start.number, start.packet))

    def looked(self, sample: Sample) -> None:
        self._parent.send(Looked(sample, self._account()))

    def facts(self) -> Delta:
        return Delta({}, {}) if self.reader is None else self._deltas.changes(self.reader.coverage_facts)

    def _account(self) -> Account:
        return Account(self.facts(), None if self.reader is None else self.reader.resume_point())
