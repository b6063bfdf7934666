"""A process of the local engine: prepares the work once, then does one task after the other for its parent.

It is started by ``local`` and by nobody else, and dies with its parent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import traceback
from dataclasses import dataclass
from typing import Any

from retrofr.engines.base import Prepare, Work
from retrofr.errors import RetrofrError
from retrofr.events import Event
from retrofr.processes.child_side import OUT_OF_MEMORY_STATUS, die_with_parent, keep_quiet, that_travels
from retrofr.processes.wire import Channel, ClosedError

_STDERR = 2


@dataclass(frozen=True)
class Begin:
    """To the process: make the work. The first message, answered only where that fails."""

    prepare: Prepare


@dataclass(frozen=True)
class Run:
    """To the process: the next task."""

    task: Any


@dataclass(frozen=True)
class Stop:
    """To the process: end the task that is under way, and all later ones, soon."""


@dataclass(frozen=True)
class Told:
    """From the process: something of the progress."""

    event: Event


@dataclass(frozen=True, eq=False)
class Piece:
    """From the process: a piece of the task."""

    piece: Any


@dataclass(frozen=True)
class Over:
    """From the process: all pieces of the task were given."""


@dataclass(frozen=True)
class Failed:
    """From the process: the task, or the preparation, raised; ``trace`` is empty for errors of retrofr."""

    error: Exception
    trace: str
    preparing: bool = False


class _Parent:
    """The parent during a task: is told of it, and may ask it to stop."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.stopped = False

    def tell(self, event: Event) -> None:
        self._channel.send(Told(event))

    def stop(self) -> bool:
        if not self.stopped and self._channel.has_something():
            self.stopped = isinstance(self._channel.receive(), Stop)
        return self.stopped


def main(descriptor: int, lifeline: int) -> None:
    """Serve tasks until the parent closes the socket; see :func:`retrofr.processes.child_side.die_with_parent`."""
    die_with_parent(lifeline)
    keep_quiet()
    channel = Channel(socket.socket(fileno=descriptor))
    parent = _Parent(channel)
    work: Work | None = None
    try:
        while True:
            match channel.receive():
                case Begin(prepare):
                    work = _prepared(channel, prepare)
                case Stop():
                    parent.stopped = True
                case Run(task):
                    os.ftruncate(
                        _STDERR, 0
                    )  # a file of the parent's, where it finds the last words of a crash
                    assert work is not None
                    _run(channel, parent, work, task)
    except ClosedError:
        pass
    finally:
        close = getattr(work, "close", None)
        if close is not None:
            close()


def _prepared(channel: Channel, prepare: Prepare) -> Work:
    try:
        return prepare()
    except RetrofrError as error:
        channel.send(Failed(error, "", preparing=True))
        _wait_for_the_end(channel)
        raise SystemExit from error
    except Exception as error:  # a bug: told to the parent, and the end of this process
        channel.send(Failed(that_travels(error), traceback.format_exc(), preparing=True))
        _wait_for_the_end(channel)
        raise


def _wait_for_the_end(channel: Channel) -> None:
    """The parent hears why it failed only once it has a task; a process that is gone by then could not say it."""
    with contextlib.suppress(ClosedError):
        while True:
            channel.receive()


def _run(channel: Channel, parent: _Parent, work: Work, task: Any) -> None:
    try:
        for piece in work(task, parent.tell, parent.stop):
            channel.send(Piece(piece))
    except RetrofrError as error:
        channel.send(Failed(error, ""))
    except ClosedError:
        raise
    except MemoryError:
        os._exit(OUT_OF_MEMORY_STATUS)
    except Exception as error:  # a bug: told to the parent, and the end of this process
        channel.send(Failed(that_travels(error), traceback.format_exc()))
        raise
    else:
        channel.send(Over())
