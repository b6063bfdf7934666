"""Reading ahead gives what the reader gives, in its order, with what it knew then, and holds only so much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from fakes import frame_ref
from retrofr.records import Sample
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume
from retrofr.video.read_ahead import ReadAhead

PICTURE = np.zeros((10, 10, 3), np.uint8)


class CountingReader:
    """Gives so many samples and knows how many it has given."""

    def __init__(self, count: int, *, fails: Exception | None = None) -> None:
        self.given, self.thread = 0, 0
        self._count, self._fails = count, fails

    def __iter__(self) -> Iterator[Sample]:
        for number in range(self._count):
            self.given, self.thread = number + 1, threading.get_ident()
            yield Sample(frame_ref(number), PICTURE)
        if self._fails is not None:
            raise self._fails

    def so_far(self) -> tuple[CoverageFacts, Resume]:
        return CoverageFacts(samples=self.given), Resume(0, self.given, self.given, 0)


def nothing() -> None:
    pass


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_everything_comes_in_order_with_what_was_known_then() -> None:
    reader = CountingReader(50)
    with ReadAhead(reader, nothing) as ahead:
        items = list(ahead)
    assert [item.sample.frame.seconds for item in items] == list(range(50))
    assert [item.facts.samples for item in items] == list(range(1, 51))
    assert [item.resume.after_packet for item in items] == list(range(1, 51))
    assert reader.thread != threading.get_ident()


@pytest.mark.parametrize(("most_bytes", "held"), [(1, 2), (1500, 5), (1 << 30, 16)])
def test_it_reads_no_further_ahead_than_it_may(most_bytes: int, held: int) -> None:
    reader = CountingReader(40)
    with ReadAhead(reader, nothing, most_bytes=most_bytes) as ahead:
        wait_until(lambda: reader.given == held + 1)  # that many wait, and one is in hand
        time.sleep(0.05)
        assert reader.given == held + 1
        assert len(list(ahead)) == 40


def test_what_the_reader_raises_comes_behind_its_samples() -> None:
    with ReadAhead(CountingReader(3, fails=ValueError("broken")), nothing) as ahead:
        samples = iter(ahead)
        assert [next(samples).facts.samples for _ in range(3)] == [1, 2, 3]
        with pytest.raises(ValueError, match="broken"):
            next(samples)


def test_leaving_it_ends_the_thread_though_nobody_takes_what_waits() -> None:
    before = threading.active_count()
    reader = CountingReader(10_000)
    with ReadAhead(reader, nothing) as ahead:
        next(iter(ahead))
    assert ahead.closing
    assert threading.active_count() == before
    assert reader.given < 100


class SilentReader(CountingReader):
    """Gives nothing until it is told to end."""

    def __init__(self) -> None:
        super().__init__(0)
        self.may_end = threading.Event()

    def __iter__(self) -> Iterator[Sample]:
        self.may_end.wait(10)
        return iter(())


def test_while_nothing_comes_the_caller_may_leave() -> None:
    class LeftError(Exception):
        pass

    def leave() -> None:
        raise LeftError

    reader = SilentReader()
    ahead = ReadAhead(reader, leave)
    with pytest.raises(LeftError):
        next(iter(ahead))
    reader.may_end.set()
    ahead.close()
