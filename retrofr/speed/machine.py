"""What processes take of a machine while something is measured: memory, and what others take of its cores."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.25


class MemoryWatch:
    """The most memory that processes hold together while it is entered, seen a few times a second.

    It is the sum of their proportional set sizes, in which memory that several share counts once. Linux alone
    tells it; elsewhere ``peak_bytes`` stays None. ``cpu_seconds`` is what the watching itself takes.

    Args:
        processes: the ids of the processes; None among them stands for one that does not run.
    """

    def __init__(self, processes: Callable[[], list[int | None]]) -> None:
        self.peak_bytes: int | None = None
        self.cpu_seconds = 0.0
        self._processes, self._ended = processes, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="retrofr memory watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        ended = False
        while not ended:
            sizes = [held_bytes(process) for process in self._processes() if process is not None]
            known = [size for size in sizes if size is not None]
            if known:
                self.peak_bytes = max(self.peak_bytes or 0, sum(known))
            self.cpu_seconds = time.thread_time()
            ended = self._ended.wait(_EVERY_SECONDS)


def held_bytes(process: int) -> int | None:
    """A process's proportional set size; its resident set size where its map is kept from us; None if not told."""
    folder = Path("/proc") / str(process)
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)
    except PermissionError:
        with contextlib.suppress(OSError):
            return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it has ended, or this is no Linux
        pass
    return None


def busy_seconds() -> float | None:
    """Seconds that all cores of the machine were busy since it was started, added up; None where it is not told."""
    try:
        text = Path("/proc/stat").read_text()
    except OSError:
        return None
    user, nice, system, _, _, *rest = map(int, text.split("\n", 1)[0].split()[1:9])
    return sum((user, nice, system, *rest)) / os.sysconf("SC_CLK_TCK")
