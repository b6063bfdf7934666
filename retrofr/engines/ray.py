"""Works on the nodes of a Ray cluster, or on this machine with a Ray of its own; a lost node costs a slice a worker."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, ClassVar

from retrofr.engines._ray_cluster import SUBJECT, Room, connected, ray_itself
from retrofr.engines._ray_hand import Begun, Hand, OutOfMemory
from retrofr.engines._worker import Failed, Over, Piece, Told
from retrofr.engines.base import Died, Done, Gave, Outcome, Prepare, Raised
from retrofr.errors import ExhibitError, ModelError, RetrofrError, UsageError
from retrofr.events import Listener, Warned
from retrofr.settings import StageSettings, setting

if find_spec("ray") is None:
    raise ModelError(
        "needs the package ray, which is not installed",
        subject=SUBJECT,
        hint="`pip install 'retrofr[ray]'` installs it",
    )

_ASKS_STOP_EVERY_SECONDS = 0.1
_UNASKED_PIECES = 2
"""Of a task, that Ray holds until they are received; the worker waits when there are more."""
_MOVES_AFTER_SECONDS = 5.0
_WARNS_AFTER_SECONDS = 30.0
_FETCHED_SECONDS = 120.0
_ENDS_BY_ITSELF_SECONDS = 1.0
_TELLS_EVERY_SECONDS = 0.2
_TELLS_A_SECOND = 100
"""Of all workers together, so that a large cluster does not bury the run in news."""
_GPU_A_WORKER = 0.25
"""Of a GPU, where several workers feed it: each decodes on ``cpus_a_worker`` cores."""

ELSEWHERE = True
"""Its workers may be on other machines: they make sure that the footage there is the one that was taken in."""


@dataclass(frozen=True)
class RaySettings(StageSettings):
    """Where Ray is, and what a worker is given there; ``index.workers`` says how many workers there are."""

    stage: ClassVar[str] = "parts.ray"
    address: str | None = setting(
        None,
        help="Cluster to join: auto, or HOST:PORT of its head; without it Ray is started on this machine.",
    )
    cpus_a_worker: int = setting(
        4,
        unit="cores",
        bounds=(1, 256),
        help="Processor cores a worker is given; its nets use as many threads.",
    )
    gpus_a_worker: float | None = setting(
        None,
        unit="GPUs",
        bounds=(0.0, 16.0),
        help="GPUs a worker is given, a fraction where several share one; without it none, or a quarter with "
        "--device cuda.",
    )

    def shared_out(self, workers: int, device: str, cores: int) -> tuple[RaySettings, int]:
        """What a worker is given, settled for a run, and how many workers there are to be; 0: as the cluster allows.

        Args:
            workers: that were asked for; 0 for none.
            device: the nets compute on, as settings name it.
            cores: of this machine, which shares them out where no cluster is joined.

        Raises:
            UsageError: a certain GPU is asked for.
        """
        if device.startswith("cuda:"):
            raise UsageError(
                f"--device {device} does not go with --engine ray, which says itself what GPU a worker has",
                subject="--device",
                hint="use --device cuda",
            )
        gpus = self.gpus_a_worker
        if gpus is None:
            gpus = _GPU_A_WORKER if device == "cuda" else 0.0
        if self.address is not None:
            return dataclasses.replace(self, gpus_a_worker=gpus), workers
        count = workers or max(1, cores // self.cpus_a_worker)
        cpus = min(self.cpus_a_worker, max(1, cores // count))
        return dataclasses.replace(self, gpus_a_worker=gpus, cpus_a_worker=cpus), count


SETTINGS = RaySettings


class _Worker:
    """A place for an actor, and the task it is at. ``node`` is empty until the actor is known to run."""

    def __init__(self) -> None:
        self.actor: Any = None
        self.pieces: Any = None
        self.task: Any = None
        self.node = ""
        self.since = 0.0
        self.warned = False
        self.told_to_stop = False

    @property
    def busy(self) -> bool:
        return self.pieces is not None


class RayEngine:
    """An actor a worker; one that is lost is replaced, on whatever node has room, when the next task is submitted.

    What a worker gives is asked for piece by piece, and the worker waits for that, so neither Ray's memory nor this
    process fills. Of a lost worker's pieces those that had arrived stand; none that came behind a lost one is given.
    """

    name = "ray"

    def __init__(
        self, settings: RaySettings, prepare: Prepare, count: int, tell: Listener, stop: Callable[[], bool]
    ) -> None:
        self._settings, self._prepare, self._count = settings, pickle.dumps(prepare), count
        self._tell, self._stop = tell, stop
        self._room = Room(settings.cpus_a_worker, settings.gpus_a_worker or 0.0)
        self._workers: list[_Worker] = []
        self._turn = 0
        self._held = contextlib.ExitStack()

    def __enter__(self) -> RayEngine:
        count = self._held.enter_context(connected(self._settings.address, self._room, self._count))
        self._held.callback(self._end_workers)
        self._workers = [_Worker() for _ in range(count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def has_room(self) -> bool:
        return any(not worker.busy for worker in self._workers)

    @property
    def busy(self) -> bool:
        return any(worker.busy for worker in self._workers)

    def submit(self, task: Any) -> None:
        free = [worker for worker in self._workers if not worker.busy]
        worker = next((worker for worker in free if worker.node), free[0])
        if worker.actor is None:
            worker.actor, worker.told_to_stop = self._new_actor(), False
        worker.task, worker.since, worker.warned = task, time.monotonic(), False
        worker.pieces = worker.actor.run.options(
            num_returns="streaming", _generator_backpressure_num_objects=_UNASKED_PIECES
        ).remote(pickle.dumps(task))

    def receive(self) -> Outcome:
        if not self.busy:
            raise RuntimeError("no task is under way")
        while True:
            outcome = self._pass_on_stop()
            if outcome is not None:
                return outcome
            self._mind_waiting()
            for worker in self._with_news():
                outcome = self._hear(worker)
                if outcome is not None:
                    return outcome

    def _new_actor(self) -> Any:
        every = max(_TELLS_EVERY_SECONDS, len(self._workers) / _TELLS_A_SECOND)
        made = ray_itself().remote(
            num_cpus=self._room.cpus,
            num_gpus=self._room.gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            concurrency_groups={"control": 1},
        )(Hand)
        return made.remote(self._prepare, version("retrofr"), every)

    def _pass_on_stop(self) -> Outcome | None:
        """Tell the workers; a task that none has begun with is given back."""
        if not self._stop():
            return None
        for worker in self._workers:
            if not worker.busy or worker.told_to_stop:
                continue
            worker.told_to_stop = True
            worker.actor.stop.options(concurrency_group="control").remote()
        for worker in self._workers:
            if worker.busy and not worker.node and time.monotonic() - worker.since > _MOVES_AFTER_SECONDS:
                task = worker.task
                self._drop(worker)
                return Raised(
                    task, ExhibitError("the run was stopped before a worker of the cluster was free")
                )
        return None

    def _mind_waiting(self) -> None:
        """A task whose actor finds no room goes to a worker that is idle; where there is none the caller is told."""
        now = time.monotonic()
        for worker in self._workers:
            if not worker.busy or worker.node or now - worker.since < _MOVES_AFTER_SECONDS:
                continue
            if any(other.node and not other.busy for other in self._workers):
                task = worker.task
                self._drop(worker)
                self.submit(task)
            elif not worker.warned and now - worker.since > _WARNS_AFTER_SECONDS:
                worker.warned = True
                if not any(other.node for other in self._workers):
                    self._tell(Warned(SUBJECT, f"waits until a node of the cluster has {self._room} free"))

    def _with_news(self) -> list[_Worker]:
        """Busy workers that have said something or are lost, each in its turn the first."""
        busy = [worker for worker in self._workers if worker.busy]
        self._turn += 1
        turned = [*busy[self._turn % len(busy) :], *busy[: self._turn % len(busy)]]
        ready, _ = ray_itself().wait(
            [worker.pieces for worker in turned], num_returns=1, timeout=_ASKS_STOP_EVERY_SECONDS
        )
        return [worker for worker in turned if any(worker.pieces is pieces for pieces in ready)]

    def _hear(self, worker: _Worker) -> Outcome | None:
        """Take one message of a worker."""
        task = worker.task
        try:
            message = pickle.loads(ray_itself().get(next(worker.pieces), timeout=_FETCHED_SECONDS))
        except StopIteration:
            return self._lost(worker, "ended by itself")
        except ray_itself().exceptions.RayTaskError:
            self._drop(worker)
            raise
        except ray_itself().exceptions.RayError as broken:
            self._refuse_without_retrofr(worker, broken)
            return self._lost(worker, _how(broken))
        match message:
            case Begun(node):
                worker.node = node
            case Told(event):
                self._tell(event)
            case Piece(piece):
                return Gave(task, piece)
            case Over():
                worker.pieces = None
                return Done(task)
            case OutOfMemory():
                return self._lost(worker, "ran out of memory")
            case Failed(error, trace, preparing):
                return self._failed(worker, error, trace, preparing=preparing)
            case _:
                raise RuntimeError(f"a worker said {message!r}")
        return None

    def _failed(self, worker: _Worker, error: Exception, trace: str, *, preparing: bool) -> Outcome:
        task, worker.pieces = worker.task, None
        if isinstance(error, RetrofrError) and not preparing:
            return Raised(task, error)
        self._drop(worker)
        if trace:
            error.add_note(f"in a worker on node {worker.node}:\n{trace}")
        raise error

    def _refuse_without_retrofr(self, worker: _Worker, error: Exception) -> None:
        """An actor that cannot even be made is no accident of one worker."""
        if getattr(error, "actor_init_failed", False) or "creation task" in str(error):
            self._drop(worker)
            why = (str(error).strip().splitlines() or [""])[-1].strip()
            raise ModelError(
                f"a worker cannot be started on its node ({why})",
                subject=SUBJECT,
                hint="install retrofr with the extra `ray`, in the same version, on every node",
            ) from error

    def _lost(self, worker: _Worker, how: str) -> Died:
        task, where = worker.task, f" on node {worker.node}" if worker.node else ""
        self._drop(worker)
        return Died(task, f"the worker{where} {how}")

    def _drop(self, worker: _Worker) -> None:
        """End an actor, whatever it is doing; its place is free."""
        if worker.actor is not None:
            ray_itself().kill(worker.actor)
        worker.actor = worker.pieces = worker.task = None
        worker.node = ""

    def _end_workers(self) -> None:
        """Idle workers let go of what they hold; then all are ended."""
        idle = [worker for worker in self._workers if worker.node and not worker.busy]
        closing = [
            worker.actor.close.options(concurrency_group="control").remote()
            for worker in idle
            if worker.actor
        ]
        if closing:
            ray_itself().wait(closing, num_returns=len(closing), timeout=_ENDS_BY_ITSELF_SECONDS)
        for worker in self._workers:
            self._drop(worker)


def _how(error: Exception) -> str:
    """Why a worker is lost, as the end of a sentence."""
    text = str(error)
    if "OutOfMemory" in type(error).__name__ or "memory pressure" in text:
        return "was ended by Ray, since its node ran out of memory"
    if "node" in text and ("died" in text or "dead" in text) and "worker process" not in text:
        return "was lost with its node"
    if "ObjectLost" in type(error).__name__ or "GetTimeout" in type(error).__name__:
        return "gave something that was lost on the way"
    return "died"


def build(
    settings: RaySettings, prepare: Prepare, count: int, tell: Listener, stop: Callable[[], bool]
) -> RayEngine:
    """See ``base``; ``count`` 0 lets the cluster say how many."""
    return RayEngine(settings, prepare, count, tell, stop)
