"""Turns at FFmpeg's error log, which one process has one of: whoever writes to it meanwhile is known.

Decoders that work side by side share a turn; whoever reads packets has one alone. So an error is told from which
side it came, and nobody's damage is blamed on another.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class LogTurns:
    """Many decoders at once, or one reader of packets alone, who goes first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._decoding = 0
        self._reading = False

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """For one call of a decoder."""
        with self._changed:
            while self._reading:
                self._changed.wait()
            self._decoding += 1
        try:
            yield
        finally:
            with self._changed:
                self._decoding -= 1
                self._changed.notify_all()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For reading some packets; decoders that are at it finish their call first, no other begins."""
        with self._changed:
            self._reading = True
            while self._decoding:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._reading = False
                self._changed.notify_all()
