"""Functions that do harm to the process that runs them, for tests of who survives it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from retrofr.errors import ExhibitError

LAST_WORDS = b"[h264 @ 0x55d0c0ffee] no frame!\n"


def crash(signal_number: int) -> None:
    os.kill(os.getpid(), signal_number)


def crash_with_last_words() -> None:
    os.write(2, b"something before\n" + LAST_WORDS)
    os.kill(os.getpid(), signal.SIGSEGV)


def write_words() -> None:
    os.write(2, LAST_WORDS)


def crash_the_first_time(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return "the second time it went well"


def leave() -> None:
    os._exit(3)


def exhaust() -> None:
    raise MemoryError


def hang(seconds: float = 1000) -> None:
    time.sleep(seconds)


def stumble() -> None:
    raise KeyError("a key that is not there")


def complain(name: str) -> None:
    raise ExhibitError("no video stream in this file", subject=name, hint="look at it")


def count_to(number: int, seconds_each: float, *, on_progress: Callable[[int], None]) -> int:
    for n in range(number):
        time.sleep(seconds_each)
        on_progress(n)
    return number


def count_in_silence(seconds: float, *, on_progress: Callable[[int], None]) -> None:
    on_progress(0)
    time.sleep(seconds)


def who_am_i() -> dict[str, object]:
    """What can be seen of this process from within."""
    return {
        "pid": os.getpid(),
        "stdin": str(Path("/proc/self/fd/0").readlink()),
        "stdout": str(Path("/proc/self/fd/1").readlink()),
        "stderr": str(Path("/proc/self/fd/2").readlink()),
        "sigint_ignored": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "core_limit": Path("/proc/self/limits")
        .read_text(encoding="ascii")
        .split("Max core file size")[1]
        .split()[0],
        "modules": sorted(sys.modules),
        "path": sys.path,
    }
