"""The parent's handle of a child process: starts it when needed, hears it, and says how it died."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Any

from retrofr.errors import RetrofrError
from retrofr.processes.child_side import OUT_OF_MEMORY_STATUS
from retrofr.processes.wire import Channel, ClosedError, SilentError

# -P and the parent's own list of folders: the working folder may be one of evidence, and must not be imported from.
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[3]); "
    "from importlib import import_module; "
    "import_module(sys.argv[4]).main(int(sys.argv[1]), int(sys.argv[2]))"
)
# A loaded machine may take long to load its libraries; that is no hang of one.
_STARTS_SECONDS = 120.0
_ENDS_BY_ITSELF_SECONDS = 1.0
_REAPED_SECONDS = 5.0
_LAST_WORDS_BYTES = 4096
_LONGEST_LAST_WORDS = 200
_SOCKET_BYTES = 4 << 20


class DiedError(Exception):
    """The process is no more. The text says how, as part of a sentence: ``the decoder crashed (SIGSEGV)``."""

    def __init__(self, how: str, *, hung: bool = False) -> None:
        super().__init__(how)
        self.hung = hung


class Child:
    """One process at a time, started when something is sent to it; a dead one is replaced then.

    Args:
        module: whose ``main(descriptor, lifeline)`` runs in the process.
        called: what messages call it, for example ``the decoder``.
        stall_seconds: how long it may be silent before it is taken to hang; None for ever. Where it is not None,
            the process says something, whatever it is, as soon as it has loaded its libraries.
        environment: added to this process's own, where that does not say otherwise.
    """

    def __init__(
        self,
        module: str,
        called: str,
        stall_seconds: float | None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._module, self._called = module, called
        self._stall_seconds = stall_seconds
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._lifeline: int | None = None
        self._log: IO[bytes] | None = None
        self._starting = False

    @property
    def pid(self) -> int | None:
        """Of the running process; None where there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process now, where there is none, so that it is ready when something is sent to it."""
        if self._channel is None:
            self._start()

    def send(self, message: object) -> None:
        """Send a message to the process; one is started where there is none.

        Raises:
            DiedError: it died before it took the message.
        """
        self.start()
        assert self._channel is not None
        try:
            self._channel.send(message)
        except ClosedError:
            raise DiedError(self._post_mortem()) from None

    def receive(self, patience_seconds: float | None = None) -> Any:
        """The next message from the process.

        Args:
            patience_seconds: instead of ``stall_seconds``.

        Raises:
            DiedError: it died, or was silent for too long and was killed.
        """
        if self._channel is None:
            raise DiedError(f"{self._called} is not running")
        patience = self._stall_seconds if patience_seconds is None else patience_seconds
        try:
            if self._starting:
                self._channel.receive(max(patience or 0.0, _STARTS_SECONDS))
                self._starting = False
            return self._channel.receive(patience)
        except ClosedError:
            raise DiedError(self._post_mortem()) from None
        except SilentError:
            self.kill()
            raise DiedError(f"{self._called} hung (no sign of life for {patience:g} s)", hung=True) from None

    def fileno(self) -> int:
        """Of the connection, to wait for several processes at once; -1 where there is no process."""
        return -1 if self._channel is None else self._channel.fileno()

    @property
    def can_be_told(self) -> bool:
        """Whether it runs and the conversation is between two messages."""
        return self._channel is not None and self._channel.between_messages

    def close(self) -> None:
        """Let the process end by itself; kill it if it does not within a second."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS_BY_ITSELF_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            # A process that the kernel holds, on a dead network drive for example, ends when it is let go.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_REAPED_SECONDS)
        if self._channel is not None:
            self._channel.close()
        if self._lifeline is not None:
            os.close(self._lifeline)
        if self._log is not None:
            self._log.close()
        self._process = self._channel = self._lifeline = self._log = None

    def _start(self) -> None:
        if not sys.executable:
            raise RetrofrError(f"the Python interpreter is not known, so {self._called} cannot be started")
        folders = json.dumps([folder for folder in map(str, sys.path) if folder])
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):  # fewer turns for a picture of 6 MB; the kernel gives what it allows
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        lifeline_read, self._lifeline = os.pipe()
        self._channel, self._starting = Channel(ours), self._stall_seconds is not None
        try:
            # Each writer at its end: the process may write through several descriptors.
            self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed with the process
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c", _BOOT),
                    *(str(theirs.fileno()), str(lifeline_read), folders, self._module),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs.fileno(), lifeline_read),
                env={**self._environment, **os.environ},
                process_group=0,  # Ctrl-C goes to the parent's group; what to do about it is the parent's decision
            )
        except OSError as error:
            self.kill()
            raise RetrofrError(f"{self._called} cannot be started ({error.strerror})") from error
        finally:
            theirs.close()
            os.close(lifeline_read)

    def _post_mortem(self) -> str:
        """How the process died; it is cleaned up after that."""
        assert self._process is not None
        assert self._log is not None
        try:
            status: int | None = self._process.wait(_ENDS_BY_ITSELF_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        words = _last_words(self._log)
        self.kill()
        return f"{self._called} {_how(status, words)}"


def _how(status: int | None, words: str) -> str:
    if status is None:
        return f"closed its connection{words}"
    if status == OUT_OF_MEMORY_STATUS:
        return "ran out of memory"
    if status >= 0:
        return f"ended by itself (status {status}{words})"
    try:
        name = signal.Signals(-status).name
    except ValueError:  # a real-time signal
        name = f"signal {-status}"
    return f"crashed ({name}{words})"


def _last_words(log: IO[bytes]) -> str:
    """The last line that was written to standard error, for a sentence; addresses, which differ each time, left out."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LAST_WORDS_BYTES))
    lines = log.read().decode("utf-8", "replace").split("\n")
    written = [line.strip() for line in lines if line.strip()]
    if not written:
        return ""
    line = re.sub(r" ?@? ?0x[0-9a-f]+", "", written[-1])
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return f'; it last wrote "{line[:_LONGEST_LAST_WORDS]}"'
