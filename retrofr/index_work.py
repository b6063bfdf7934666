"""What indexing runs in its workers: how many there are, what each is given, and how its work is prepared."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retrofr.engines.base import Work
from retrofr.events import Listener
from retrofr.gpus import likely_count
from retrofr.nets import load_nets
from retrofr.runtime import THREADS_VARIABLE, usable_cores
from retrofr.settings import Settings
from retrofr.shared_footage import SharedFootage
from retrofr.stream_work import CollectedPiece, StreamTask, StreamWork, collected
from retrofr.video.isolated import DecoderProcess

CORES_A_WORKER = 4
"""A worker decodes in one process; in another it finds faces and embeds them, both with several threads."""

_NETS_AT_ONCE = 2

_WORKERS_A_GPU = 4
"""At most: a worker cuts, tracks and judges in one thread, which keeps no GPU busy; each takes memory there."""


@dataclass(frozen=True, eq=False)
class PrepareHere:
    """Prepares the work in a process of this machine; see :func:`prepare_work`."""

    settings: Settings
    threads: int | None
    decoder: DecoderProcess | None = None
    worker: int = 0

    def for_worker(self, number: int) -> PrepareHere:
        """The same for the worker of that number: of several GPUs it takes another than its neighbours."""
        return dataclasses.replace(self, worker=number)

    def __call__(self) -> Work:
        return prepare_work(self.settings, self.threads, self.decoder, worker=self.worker)


def prepare_work(
    settings: Settings, threads: int | None, decoder: DecoderProcess | None = None, *, worker: int = 0
) -> Work:
    """Load the nets and give the work that an engine runs.

    Args:
        settings: of the run.
        threads: that the nets may use on a CPU; None where the environment says it.
        decoder: reads the footage; one of its own where None.
        worker: number of this process among those of the run.
    """
    return _Collecting(settings, threads, decoder, worker)


def prepare_elsewhere(settings: Settings, threads: int, folder: Path) -> Work:
    """As :func:`prepare_work`, on a machine that may be another; ``folder`` is where the run was started."""
    return SharedFootage(prepare_work(settings, threads), folder)


class _Collecting:
    """Gives whole slices. Its nets and its decoder live until it is closed."""

    def __init__(
        self, settings: Settings, threads: int | None, decoder: DecoderProcess | None, worker: int
    ) -> None:
        settings = on_own_gpu(settings, worker)
        self._decoder = decoder or DecoderProcess(settings.video)
        self._decoder.start()  # it loads its libraries while the nets are loaded
        nets = load_nets(settings, threads=threads, worker=worker)
        self._work = StreamWork(nets, self._decoder, settings, "faces")

    def __call__(
        self, task: StreamTask, tell: Listener, stop: Callable[[], bool]
    ) -> Iterator[CollectedPiece]:
        return collected(self._work(task, tell, stop))

    def close(self) -> None:
        self._decoder.close()


def on_own_gpu(settings: Settings, worker: int) -> Settings:
    """The settings of one worker: where footage is decoded in hardware, by the GPU that runs its nets."""
    if settings.video.hardware == "off":
        return settings
    number = settings.device.partition(":")[2]
    gpu = int(number) if number else worker % max(1, likely_count())
    return dataclasses.replace(settings, video=dataclasses.replace(settings.video, hardware_gpu=gpu))


def default_workers(device: str) -> int:
    """How many streams are worked on at once: as the cores allow; of GPUs each has one worker at least, few at most.

    Args:
        device: as settings name it; where it lets torch choose, GPUs are counted as far as that goes without torch.
    """
    by_cores = max(1, usable_cores() // CORES_A_WORKER)
    found = 0 if device == "cpu" else likely_count()
    if device.startswith("cuda"):
        found = 1 if ":" in device else max(1, found)
    return min(max(by_cores, found), found * _WORKERS_A_GPU) if found else by_cores


def threads_of_nets(workers: int) -> int | None:
    """How many threads each net of each of so many workers uses; None where the environment says it."""
    return None if THREADS_VARIABLE in os.environ else max(1, usable_cores() // (workers * _NETS_AT_ONCE))
