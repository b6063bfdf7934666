"""The writers' lock of a case: one process at a time indexes into it, and others are told which.

An exclusive ``flock`` on ``case.lock``. The kernel lets go of it when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
import time
import weakref
from datetime import datetime
from pathlib import Path
from typing import IO

from retrofr.errors import CaseBusyError, CaseError

SCHEMA = "retrofr.case-lock/1"
_POLL_SECONDS = 0.1


class WriterLock:
    """Held from :meth:`acquire` to :meth:`release`, or to the end of this process.

    Args:
        path: of the lock file; it is made where it is missing and stays.
        subject: the case, for messages.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path, self._subject = path, subject
        self._file: IO[bytes] | None = None

    def acquire(self, wait_seconds: float = 0.0) -> None:
        """Take the lock, waiting for it at most so long.

        Raises:
            CaseBusyError: another process holds it; which, since when, and what it runs are named.
            CaseError: the lock file cannot be made.
        """
        file = self._open()
        deadline = time.monotonic() + wait_seconds
        while not self._locked(file):
            if time.monotonic() >= deadline:
                told = _holder(file)
                file.close()
                raise CaseBusyError(
                    f"another process is writing to it: {told}",
                    subject=self._subject,
                    hint="wait for it with `--wait SECONDS`, or try again when it has finished",
                )
            time.sleep(_POLL_SECONDS)
        self._file = file
        _HELD.add(self)
        self._sign(file)

    def release(self) -> None:
        """Let go of the lock; nothing happens where it is not held."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk must not keep the lock
                self._file.truncate(0)
            fcntl.flock(self._file, fcntl.LOCK_UN)  # also for a forked child that has not closed it yet
            self._file.close()
        self.forget()

    def forget(self) -> None:
        """In a forked child: the lock is its parent's, and must not outlive it there."""
        if self._file is not None:
            self._file.close()
            self._file = None
        _HELD.discard(self)

    def _open(self) -> IO[bytes]:
        try:
            return os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b", 0)
        except OSError as error:
            raise CaseError(
                f"cannot be written to ({error.strerror or error})",
                subject=self._subject,
                hint="copy the case to a folder that you may write to, or correct its permissions",
            ) from error

    def _locked(self, file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            file.close()
            raise CaseError(
                f"cannot be locked ({error.strerror or error})",
                subject=self._subject,
                hint="copy the case to a disk of this machine",
            ) from error
        return True

    def _sign(self, file: IO[bytes]) -> None:
        facts = {
            "schema": SCHEMA,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": _command(),
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, others learn less
            file.truncate(0)
            file.write(json.dumps(facts).encode() + b"\n")


_HELD: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_HELD):
        lock.forget()


os.register_at_fork(after_in_child=_forget_all)


def _command() -> str:
    """The program and its command; not its other arguments, which may name a person."""
    words = [Path(sys.argv[0] or "python").name]
    words += [word for word in sys.argv[1:2] if word.isalpha()]
    return " ".join(words)


def _holder(file: IO[bytes]) -> str:
    file.seek(0)
    try:
        facts = json.loads(file.read(65536))
        return f"process {facts['pid']} on {facts['host']} (`{facts['command']}`), since {facts['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said which it is"
