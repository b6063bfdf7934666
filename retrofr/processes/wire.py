"""Messages between a parent and its child process: pickles over a socket, pictures beside them as raw bytes.

A message is a header (length of the pickle, number of buffers), the lengths of the buffers, the pickle and the
buffers. Arrays travel as buffers (pickle protocol 5) and are received straight into the memory that they keep.
"""

from __future__ import annotations

import pickle
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_HEADER = struct.Struct("<QI")
# The wait is counted in pieces: if this process itself was stopped for an hour, that counts as one piece.
_PIECE_SECONDS = 1.0


class ClosedError(Exception):
    """The other side is gone."""


class SilentError(Exception):
    """Nothing came from the other side for as long as it may be silent."""


class Channel:
    """One end of a conversation. ``between_messages`` is False after a receive that was broken off half-way."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)
        self.between_messages = True

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: object) -> None:
        """Send one message; waits while the other side does not read.

        Raises:
            ClosedError: nobody is there to read it.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        sizes = struct.pack(f"<{len(views)}Q", *(view.nbytes for view in views))
        try:
            self._socket.sendall(_HEADER.pack(len(body), len(views)) + sizes + body)
            for view in views:
                self._socket.sendall(view)
        except (BrokenPipeError, ConnectionError) as error:
            raise ClosedError from error

    def receive(self, patience_seconds: float | None = None) -> Any:
        """The next message.

        Args:
            patience_seconds: how long no byte may come; None for ever.

        Raises:
            ClosedError: the other side is gone; a message that it had begun is dropped.
            SilentError: it was silent for longer than that.
        """
        self.between_messages = False
        body_bytes, count = _HEADER.unpack(self._take(_HEADER.size, patience_seconds))
        sizes = struct.unpack(f"<{count}Q", self._take(8 * count, patience_seconds))
        body = self._take(body_bytes, patience_seconds)
        buffers = [self._take(size, patience_seconds) for size in sizes]
        self.between_messages = True
        return pickle.loads(body, buffers=buffers)

    def has_something(self) -> bool:
        """Whether a message has come, or the other side is gone."""
        return bool(self._poll.poll(0))

    def _take(self, size: int, patience_seconds: float | None) -> memoryview:
        taken = np.empty(size, np.uint8).data  # numpy does not clear it first, as bytearray does
        done = 0
        while done < size:
            self._wait(patience_seconds)
            try:
                got = self._socket.recv_into(taken[done:])
            except ConnectionError as error:
                raise ClosedError from error
            if not got:
                raise ClosedError
            done += got
        return taken

    def _wait(self, patience_seconds: float | None) -> None:
        if patience_seconds is None:
            return
        waited = 0.0
        while True:
            began = time.monotonic()
            piece = min(_PIECE_SECONDS, max(0.0, patience_seconds - waited))
            if self._poll.poll(piece * 1000):
                return
            waited += min(time.monotonic() - began, _PIECE_SECONDS)
            if waited >= patience_seconds:
                raise SilentError


@dataclass
class Delta:
    """What changed in a facts object since it was last sent: new values, and lists from their first new item on."""

    values: dict[str, object]
    tails: dict[str, tuple[int, list[object]]]

    def apply(self, facts: object) -> None:
        for name, value in self.values.items():
            setattr(facts, name, value)
        for name, (kept, tail) in self.tails.items():
            getattr(facts, name)[kept:] = tail


@dataclass
class DeltaMaker:
    """Compares a mutable dataclass of plain values and lists with what was sent of it before."""

    _values: dict[str, object] = field(default_factory=dict)
    _lists: dict[str, list[object]] = field(default_factory=dict)

    def changes(self, facts: object) -> Delta:
        delta = Delta({}, {})
        for name, value in vars(facts).items():
            if isinstance(value, list):
                before = self._lists.setdefault(name, [])
                kept = _unchanged(before, value)
                if kept < max(len(before), len(value)):
                    tail = before[kept:] = value[kept:]
                    delta.tails[name] = (kept, tail)
            elif name not in self._values or self._values[name] != value:
                self._values[name] = delta.values[name] = value
        return delta


def _unchanged(before: list[object], now: list[object]) -> int:
    """How many items at the beginning are the same; the lists grow and change at their end."""
    for index, (old, new) in enumerate(zip(before, now, strict=False)):
        if old is not new and old != new:
            return index
    return min(len(before), len(now))
