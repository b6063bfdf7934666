"""Work on footage that another machine took in: what lies here under the same path must be the same recording.

Where the run and its workers are on one machine nothing of this is used, so it costs nothing there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retrofr.engines.base import Work
from retrofr.errors import ExhibitError
from retrofr.events import Listener, StoppedError
from retrofr.integrity import sha256_file
from retrofr.records import Exhibit
from retrofr.stream_work import StreamTask

SAME_PATH = "every node must see the footage under the same path: mount the share that it is on there as well"
OTHER_CONTENT = "make the path lead to the same file on every node, and index it again"

_State = tuple[str, int, int]


class SharedFootage:
    """Work that first makes sure that the footage is the one that was taken in.

    A file is digested once, and again where its size or its time of change is another than then.

    Args:
        work: what is done with it.
        folder: where the run was started, for footage that it named by a relative path.
    """

    def __init__(self, work: Work, folder: Path) -> None:
        self._work, self._folder = work, folder
        self._seen: dict[_State, str] = {}

    def __call__(self, task: StreamTask, tell: Listener, stop: Callable[[], bool]) -> Iterator[Any]:
        """See :data:`retrofr.engines.base.Work`.

        Raises:
            ExhibitError: what is here is not the exhibit, or nothing is; the node is named.
        """
        exhibit = task.taken.exhibit
        exhibit = dataclasses.replace(exhibit, path=self._folder / exhibit.path)
        with contextlib.suppress(
            StoppedError
        ):  # nothing is looked at then, and the work says how far it came
            self._check(exhibit, stop)
        taken = dataclasses.replace(task.taken, exhibit=exhibit)
        yield from self._work(dataclasses.replace(task, taken=taken), tell, stop)

    def close(self) -> None:
        """Let go of what the work holds."""
        close = getattr(self._work, "close", None)
        if close is not None:
            close()

    def _check(self, exhibit: Exhibit, stop: Callable[[], bool]) -> None:
        node = platform.node()
        try:
            now = exhibit.path.stat()
        except OSError as error:
            raise ExhibitError(
                f"cannot be read on node {node} at {exhibit.path} ({error.strerror})",
                subject=exhibit.name,
                hint=SAME_PATH,
            ) from error
        if now.st_size != exhibit.size_bytes:
            raise ExhibitError(
                f"what lies on node {node} at {exhibit.path} is another file: it has {now.st_size} bytes, and the "
                f"exhibit has {exhibit.size_bytes}",
                subject=exhibit.name,
                hint=OTHER_CONTENT,
            )
        state = (str(exhibit.path), now.st_size, now.st_mtime_ns)
        if state not in self._seen:
            self._seen[state] = sha256_file(exhibit.path, lambda _done: _refuse_to_go_on(stop))
        if self._seen[state] != exhibit.sha256:
            raise ExhibitError(
                f"what lies on node {node} at {exhibit.path} is another file: its SHA-256 is {self._seen[state]}, and "
                f"the exhibit's is {exhibit.sha256}",
                subject=exhibit.name,
                hint=OTHER_CONTENT,
            )


def _refuse_to_go_on(stop: Callable[[], bool]) -> None:
    if stop():
        raise StoppedError
