"""Reads ahead of whoever looks at samples, so that decoding and looking go on at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from retrofr.records import Sample
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume

# So many samples wait at most, and no more than two of those that together hold more than so many bytes (10 of
# full HD, 2 of 4K do not).
_MOST_SAMPLES, _LEAST_SAMPLES = 16, 2
_MOST_BYTES = 64 << 20
_PATIENCE_SECONDS = 0.1


class Reader(Protocol):
    """What is read: :class:`retrofr.video.isolated.IsolatedReader`."""

    def __iter__(self) -> Iterator[Sample]: ...

    def so_far(self) -> tuple[CoverageFacts, Resume]: ...


@dataclass(frozen=True, eq=False)
class ReadSample:
    """A sample, and what the reader knew when it gave it."""

    sample: Sample
    facts: CoverageFacts
    resume: Resume


class ReadAhead:
    """Iterates over a reader's samples, which a thread of its own reads; a context manager.

    Until :meth:`close` the reader belongs to that thread. What the reader raises comes out where its sample would.

    Args:
        reader: open; whoever opened it closes it, after this is closed.
        while_waiting: called several times a second while no sample is there; what it raises comes out.
        most_bytes: how much the pictures that wait may hold.
    """

    def __init__(
        self, reader: Reader, while_waiting: Callable[[], None], *, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._reader, self._while_waiting, self._most_bytes = reader, while_waiting, most_bytes
        self._waiting: deque[ReadSample] = deque()
        self._bytes = 0
        self._ended = self._closing = False
        self._changed = threading.Condition()
        self._threads = ThreadPoolExecutor(1, "retrofr read-ahead")
        self._reading = self._threads.submit(self._read)

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[ReadSample]:
        while True:
            self._await()
            with self._changed:
                if not self._waiting:
                    break
                item = self._waiting.popleft()
                self._bytes -= item.sample.image.nbytes
                self._changed.notify_all()
            yield item
        self._reading.result()

    def _await(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._ended:
                    self._changed.wait(_PATIENCE_SECONDS)
                if self._waiting or self._ended:
                    return
            self._while_waiting()

    @property
    def closing(self) -> bool:
        """Whether it was closed: what the reader calls while nothing comes may ask, and end it."""
        return self._closing

    def close(self) -> None:
        """End the thread and drop what waits. Takes until the reader's next sign of life; may be called again."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            self._changed.notify_all()
        self._threads.shutdown()

    def _read(self) -> None:
        try:
            for sample in self._reader:
                if not self._put(ReadSample(sample, *self._reader.so_far())):
                    return
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, item: ReadSample) -> bool:
        """False where nobody takes it any more."""
        size = item.sample.image.nbytes
        with self._changed:
            while not self._closing and self._is_full(size):
                self._changed.wait()
            if self._closing:
                return False
            self._waiting.append(item)
            self._bytes += size
            self._changed.notify_all()
            return True

    def _is_full(self, more_bytes: int) -> bool:
        count = len(self._waiting)
        too_large = count >= _LEAST_SAMPLES and self._bytes + more_bytes > self._most_bytes
        return count >= _MOST_SAMPLES or too_large
