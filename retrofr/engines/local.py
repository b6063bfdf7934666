"""Works in processes of this machine, one task each; one that crashes costs what it was at, and not the run."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from retrofr.engines._worker import Begin, Failed, Over, Piece, Run, Stop, Told
from retrofr.engines.base import Died, Done, Gave, Outcome, Prepare, Raised
from retrofr.errors import RetrofrError
from retrofr.events import Listener
from retrofr.processes.child import Child, DiedError
from retrofr.settings import StageSettings

_PROCESS = "retrofr.engines._worker"
_ASKS_STOP_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class LocalSettings(StageSettings):
    """Working in processes of this machine has no settings; ``index.workers`` says how many."""

    stage: ClassVar[str] = "parts.local"


SETTINGS = LocalSettings


class _Worker:
    """One process, and the task it is at."""

    def __init__(self, prepare: Prepare) -> None:
        self.prepare = prepare
        self.child = Child(_PROCESS, "the worker", None)
        self.task: Any = None
        self.busy = self.worked = False
        self.told_to_stop = False
        self.death = ""


class LocalEngine:
    """A pool of processes; a dead one is replaced when the next task is submitted.

    What comes back waits in the pipe of its process until it is received, and the process waits with it.
    """

    name = "local"

    def __init__(self, prepare: Prepare, count: int, tell: Listener, stop: Callable[[], bool]) -> None:
        self._tell, self._stop = tell, stop
        own = getattr(prepare, "for_worker", lambda _: prepare)
        self._workers = [_Worker(own(number)) for number in range(max(1, count))]
        self._turn = 0

    def __enter__(self) -> LocalEngine:
        # What is prepared takes seconds; meanwhile the caller finds the first task.
        with contextlib.suppress(DiedError):  # submitting starts another
            self._workers[0].child.send(Begin(self._workers[0].prepare))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.busy or not worker.worked:
                worker.child.kill()
            worker.child.close()

    @property
    def has_room(self) -> bool:
        return any(not worker.busy for worker in self._workers)

    @property
    def busy(self) -> bool:
        return any(worker.busy for worker in self._workers)

    def submit(self, task: Any) -> None:
        worker = next(worker for worker in self._workers if not worker.busy)
        worker.task, worker.busy, worker.worked = task, True, True
        try:
            if worker.child.pid is None:
                worker.told_to_stop = False
                worker.child.send(Begin(worker.prepare))
            worker.child.send(Run(task))
        except DiedError as died:
            worker.death = str(died)

    def receive(self) -> Outcome:
        while True:
            self._pass_on_stop()
            for worker in self._with_news():
                outcome = self._hear(worker)
                if outcome is not None:
                    return outcome

    def _pass_on_stop(self) -> None:
        if not self._stop():
            return
        for worker in self._workers:
            if worker.busy and not worker.told_to_stop:
                worker.told_to_stop = True
                with contextlib.suppress(DiedError):  # receiving tells how
                    worker.child.send(Stop())

    def _with_news(self) -> list[_Worker]:
        """Busy workers that have said something or died, each in its turn the first."""
        busy = [worker for worker in self._workers if worker.busy]
        if not busy:
            raise RuntimeError("no task is under way")
        dead = [worker for worker in busy if worker.child.fileno() < 0]
        if dead:
            return dead
        poll = select.poll()
        for worker in busy:
            poll.register(worker.child.fileno(), select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(_ASKS_STOP_EVERY_SECONDS * 1000)}
        self._turn += 1
        turned = [*busy[self._turn % len(busy) :], *busy[: self._turn % len(busy)]]
        return [worker for worker in turned if worker.child.fileno() in ready]

    def _hear(self, worker: _Worker) -> Outcome | None:
        """Take one message of a worker."""
        task = worker.task
        if worker.death:
            worker.busy, how, worker.death = False, worker.death, ""
            return Died(task, how)
        try:
            message = worker.child.receive()
        except DiedError as died:
            worker.busy = False
            return Died(task, str(died))
        match message:
            case Told(event):
                self._tell(event)
                return None
            case Piece(piece):
                return Gave(task, piece)
            case Over():
                worker.busy = False
                return Done(task)
            case Failed(error, trace, preparing):
                worker.busy = False
                if isinstance(error, RetrofrError) and not preparing:
                    return Raised(task, error)
                worker.child.kill()
                if trace:
                    error.add_note(f"in a worker process:\n{trace}")
                raise error
        raise RuntimeError(f"a worker said {message!r}")


def build(
    settings: LocalSettings,  # noqa: ARG001  every engine is built alike
    prepare: Prepare,
    count: int,
    tell: Listener,
    stop: Callable[[], bool],
) -> LocalEngine:
    """See ``base``."""
    return LocalEngine(prepare, count, tell, stop)
