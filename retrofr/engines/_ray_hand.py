"""A worker of the Ray engine, on whatever node Ray starts it: prepares the work once, then does one task at a time.

It needs retrofr on that node and no Ray: ``ray`` beside it makes an actor of :class:`Hand`. Messages are those of a
process of the local engine, as pickles, so that what arrives is the receiver's own and holds nothing of Ray's memory.
"""

from __future__ import annotations

import pickle
import platform
import queue
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from retrofr.engines._worker import Failed, Over, Piece, Told
from retrofr.engines.base import Work
from retrofr.errors import ModelError, RetrofrError
from retrofr.events import Advanced, Event
from retrofr.processes.child_side import keep_quiet, that_travels

_WAITING = 2
"""Messages that are made and not yet asked for; the work waits when there are more."""


@dataclass(frozen=True)
class Begun:
    """From the worker: it is there, and at the task. ``node`` is the name of its machine."""

    node: str


@dataclass(frozen=True)
class OutOfMemory:
    """From the worker: the task ended because Python could get no memory; the worker is to be ended."""


class Hand:
    """The worker.

    Args:
        prepare: pickle of what makes the work; called with the first task.
        version: of retrofr where the run is; another one here is an error.
        tells_every_seconds: how often progress inside an exhibit is told at most; all other events are told at once.
    """

    def __init__(self, prepare: bytes, version: str, tells_every_seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():
            keep_quiet()
        self._prepare, self._version, self._every = prepare, version, tells_every_seconds
        self._work: Work | None = None
        self._stopped = threading.Event()

    def run(self, task: bytes) -> Iterator[bytes]:
        """Do a task; gives pickled messages, the last of which is ``Over``, ``Failed`` or ``OutOfMemory``."""
        yield pickle.dumps(Begun(platform.node()))
        post = _Post(self._every)
        threading.Thread(target=self._do, args=(task, post), daemon=True).start()
        yield from post.taken_out()

    def stop(self) -> None:
        """End the task that is under way, and all later ones, soon."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of what the work holds; no task is under way."""
        close = getattr(self._work, "close", None)
        if close is not None:
            close()

    def _do(self, task: bytes, post: _Post) -> None:
        preparing = self._work is None
        try:
            if self._work is None:
                self._work = self._prepared()
            preparing = False
            for piece in self._work(pickle.loads(task), post.tell, self._stopped.is_set):
                post.put(Piece(piece))
        except RetrofrError as error:
            post.end(Failed(_of_this_node(error) if preparing else error, "", preparing))
        except MemoryError:
            post.end(OutOfMemory())
        except Exception as error:  # a bug: told to the run, which ends this worker
            post.end(Failed(that_travels(error), traceback.format_exc(), preparing))
            raise
        else:
            post.end(Over())

    def _prepared(self) -> Work:
        if self._version != (here := version("retrofr")):
            raise ModelError(
                f"the run is one of retrofr {self._version}, and here is {here}",
                subject="engine ray",
                hint="install the same version of retrofr on every node",
            )
        work: Work = pickle.loads(self._prepare)()
        return work


class _Post:
    """Messages on their way from the thread that works to the one that Ray waits for."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._told = float("-inf")
        self._last: Advanced | None = None
        self._messages: queue.Queue[tuple[bytes, bool]] = queue.Queue(_WAITING)

    def tell(self, event: Event) -> None:
        """Pass an event on; of many that say how far the work has come, only the last of each while."""
        if isinstance(event, Advanced) and time.monotonic() - self._told < self._every:
            self._last = event
            return
        if isinstance(event, Advanced):
            self._told, self._last = time.monotonic(), None
        self._send(Told(event))

    def put(self, message: Any) -> None:
        """Send a message, after what was told before it."""
        if self._last is not None:
            self._send(Told(self._last))
            self._last = None
        self._send(message)

    def end(self, message: Any) -> None:
        """Send the last message."""
        if self._last is not None:
            self._send(Told(self._last))
        self._send(message, last=True)

    def taken_out(self) -> Iterator[bytes]:
        """The messages in their order, up to the last one."""
        last = False
        while not last:
            message, last = self._messages.get()
            yield message

    def _send(self, message: Any, *, last: bool = False) -> None:
        self._messages.put((pickle.dumps(message, pickle.HIGHEST_PROTOCOL), last))


def _of_this_node(error: RetrofrError) -> RetrofrError:
    """The error, with the name of the node that it is of."""
    return type(error)(f"{error.reason} (on node {platform.node()})", subject=error.subject, hint=error.hint)
