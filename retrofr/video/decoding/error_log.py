"""FFmpeg's own error messages as a sign of damage, for a process that does nothing but decode.

Decoders often conceal damage and say so only in their log. Python log handlers in av deadlock with decoder
threads, so the messages go the safe way: FFmpeg's C logger writes them to file descriptor 2, which
:meth:`ErrorLog.install` points at an anonymous file; whether that file grew says whether something was
reported. Descriptor 2 belongs to the whole process, so only a decoder process may do this.
"""

from __future__ import annotations

import os
import tempfile
from typing import Protocol

import av.logging

# A damaged hour writes megabytes of messages; only their coming and the latest of them matter.
_KEEP_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_STDERR = 2
# Errors in notes that makers put beside the pictures, in formats of their own; the pictures are not concerned.
_HARMLESS = (b"SEI type ", b"Late SEI ")


class ErrorMeter(Protocol):
    """Something that knows whether errors were reported since it was last asked."""

    def grew(self) -> bool: ...


class ErrorLog:
    """What was written to file descriptor 2 of this process since :meth:`install`."""

    _installed: ErrorLog | None = None

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._seen = os.fstat(descriptor).st_size

    @classmethod
    def install(cls, descriptor: int | None = None) -> ErrorLog:
        """Send this process's standard error and FFmpeg's errors to a file; for decoder processes only.

        Args:
            descriptor: of a regular file open for reading and appending, for example one that the parent
                process made so that it can read the last message after a crash. None: a new anonymous file.
        """
        if descriptor is None:
            with tempfile.TemporaryFile("a+b") as file:
                os.dup2(file.fileno(), _STDERR)
        elif descriptor != _STDERR:
            os.dup2(descriptor, _STDERR)
        av.logging.restore_default_callback()
        av.logging.set_libav_level(av.logging.ERROR)
        cls._installed = cls(_STDERR)
        return cls._installed

    @classmethod
    def of_this_process(cls) -> ErrorLog | None:
        """The log that was installed; None where errors go elsewhere."""
        return cls._installed

    def grew(self) -> bool:
        """Whether anything that may mean damage was written since the last call."""
        size = os.fstat(self._descriptor).st_size
        if size == self._seen:
            return False
        start = self._seen if size > self._seen else 0
        written = os.pread(self._descriptor, _READ_BYTES, start)
        self._seen = size
        if size > _KEEP_BYTES:
            os.ftruncate(self._descriptor, 0)
            self._seen = 0
        return any(line.strip() and not _is_harmless(line) for line in written.split(b"\n"))


def _is_harmless(line: bytes) -> bool:
    return any(phrase in line for phrase in _HARMLESS)
