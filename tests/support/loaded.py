"""What a worker of an indexing run has loaded, for tests of how little that is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from retrofr import openvino_nets
from retrofr.engines.base import Work
from retrofr.events import Listener
from retrofr.index_work import prepare_work
from retrofr.settings import Settings


def prepare() -> Work:
    """Prepares as ``retrofr index`` does, and gives the names of all modules and how many nets are ready."""
    ready: list[object] = []
    running = openvino_nets._running

    def counted(compiled: Any) -> openvino_nets.Run:
        ready.append(compiled)
        return running(compiled)

    openvino_nets._running = counted
    prepared = prepare_work(Settings(), 1)

    def work(_task: None, _tell: Listener, _stop: Callable[[], bool]) -> Iterator[tuple[list[str], int]]:
        yield sorted(sys.modules), len(ready)
        prepared.close()  # type: ignore[attr-defined]

    return work
