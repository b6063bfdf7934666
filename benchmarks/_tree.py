"""Runs a command and measures it together with all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_SECONDS = 0.25
"""How often memory is looked at: a peak that is shorter can be missed."""


@dataclass(frozen=True)
class Run:
    """What a command took: seconds on the wall and of all cores, and the most memory of all its processes together.

    ``peak_bytes`` is the largest sum of the processes' proportional set sizes (PSS), in which memory that several
    share counts once; seen in samples, several a second. A process that keeps its map to itself counts with its
    resident set size instead, which is never less. ``others`` is how many cores all other processes of the machine
    kept busy meanwhile, on average: figures are good where it is near 0.
    """

    wall: float
    cpu: float
    peak_bytes: int
    others: float
    exit_code: int
    stdout: str
    stderr: str


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end.

    Seconds of cores are those of the process and of all below it that were waited for, as the kernel counts them.
    Python keeps what it compiled, as it does where a program is installed, whatever the surroundings say.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started, busy = time.perf_counter(), _busy_seconds()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=inherited | dict(environment or {}))
        watch = _MemoryWatch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall, busy = time.perf_counter() - started, _busy_seconds() - busy
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    cpu = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy - cpu) / wall
    return Run(wall, cpu, watch.peak_bytes, others, process.returncode, *texts)


def _busy_seconds() -> float:
    """Seconds that the machine's cores were busy since it was started."""
    user, nice, system, _, _, *rest = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, *rest))) / os.sysconf("SC_CLK_TCK")


class _MemoryWatch(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._ended = pid, threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        ended = False
        while not ended:
            self.peak_bytes = max(self.peak_bytes, sum(_pss(pid) for pid in _tree(self._pid)))
            ended = self._ended.wait(EVERY_SECONDS)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _tree(pid: int) -> list[int]:
    """A process and all below it; those that end meanwhile are left out."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except PermissionError:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
