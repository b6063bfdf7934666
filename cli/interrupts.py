"""Ctrl-C: once to stop and keep what there is, twice to leave at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = b"\nstopping: what was found so far will be written; press Ctrl-C again to leave at once\n"
STOPPING_AS_JSON = b'{"schema": "retrofr.progress/1", "event": "stopping"}\n'


@contextlib.contextmanager
def interruptible(message: bytes = STOPPING) -> Iterator[Callable[[], bool]]:
    """Within, the first SIGINT or SIGTERM makes the given callable answer True; the next raises KeyboardInterrupt.

    Args:
        message: written to stderr at the first signal; empty for none.
    """
    asked = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        with contextlib.suppress(OSError):
            # Straight to the descriptor: a signal may come while the stream object is being written to.
            os.write(2, message)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # only the main thread may set handlers; its owner decides what Ctrl-C does
        return
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
