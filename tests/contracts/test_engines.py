"""What holds for every engine: each piece comes back exactly once, those of a task in their order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import engine_work
from retrofr import registry
from retrofr.engines._ray_cluster import Room, connected
from retrofr.engines.base import Died, Done, Engine, Gave, Outcome, Raised
from retrofr.errors import ExhibitError, ModelError
from retrofr.events import Event, ignore, never

ENGINES = registry.names("engines")
Task = tuple[str, Any]


def built(
    name: str,
    count: int = 2,
    tell: Callable[[Event], None] = ignore,
    stop: Callable[[], bool] = never,
    prepare: Callable[[], Any] = engine_work.prepare,
) -> Engine:
    part = registry.load("engines", name)
    engine: Engine = part.build(part.SETTINGS(), prepare, count, tell, stop)
    return engine


def outcomes(engine: Engine, tasks: Sequence[Task]) -> list[Outcome]:
    waiting, heard = list(tasks), []
    with engine:
        while waiting or engine.busy:
            while waiting and engine.has_room:
                engine.submit(waiting.pop(0))
            heard.append(engine.receive())
    return heard


def pieces(heard: Sequence[Outcome], task: Task) -> list[Any]:
    return [outcome.piece for outcome in heard if isinstance(outcome, Gave) and outcome.task == task]


SLOW_TO_START = {"ray": [pytest.mark.slow, pytest.mark.xdist_group("ray")]}


@pytest.fixture(scope="module")
def one_ray() -> Iterator[None]:
    """A Ray that the engines of these tests find and leave as it is: its start takes seconds."""
    with connected(None, Room(4, 0.0), 2):  # as much as two workers with default settings need
        yield


@pytest.fixture(params=[pytest.param(name, marks=SLOW_TO_START.get(name, ())) for name in ENGINES])
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    if chosen == "ray":
        request.getfixturevalue("one_ray")
    return chosen


def test_every_piece_comes_once_and_in_order(name: str) -> None:
    tasks = [("count", n) for n in (5, 0, 200, 1, 17)]
    heard = outcomes(built(name), tasks)
    for task in tasks:
        assert pieces(heard, task) == list(range(task[1]))
        assert heard.count(Done(task)) == 1
    last_of = {outcome.task: outcome for outcome in heard}
    assert all(isinstance(outcome, Done) for outcome in last_of.values())


def test_an_error_of_a_task_ends_that_task_alone(name: str) -> None:
    tasks: list[Task] = [("raise", "cannot be read"), ("count", 3)]
    heard = outcomes(built(name), tasks)
    (raised,) = [outcome for outcome in heard if isinstance(outcome, Raised)]
    assert (type(raised.error), str(raised.error)) == (ExhibitError, "cam1.mp4: cannot be read")
    assert raised.task == tasks[0]
    assert pieces(heard, tasks[0]) == ["before"]
    assert pieces(heard, tasks[1]) == [0, 1, 2]


def test_a_bug_comes_out(name: str) -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        outcomes(built(name), [("bug", "by zero")])


def test_work_that_cannot_be_prepared_is_an_error_of_the_whole_run(name: str) -> None:
    with pytest.raises(ModelError, match="no such net"):
        outcomes(built(name, prepare=engine_work.prepare_in_vain), [("count", 1)])


def test_the_listener_is_told(name: str) -> None:
    told: list[Event] = []
    outcomes(built(name, tell=told.append), [("count", 3)])
    assert [event.message for event in told] == ["0", "1", "2"]  # type: ignore[union-attr]


def test_a_stop_reaches_the_work(name: str) -> None:
    began = time.monotonic()
    task = ("until stopped", None)
    heard = outcomes(built(name, stop=lambda: time.monotonic() - began > 0.3), [task])
    assert pieces(heard, task) == ["begun", "stopped"]


class TestLocal:
    """What only an engine of several processes does."""

    def test_workers_are_numbered_and_one_that_takes_the_place_of_another_has_its_number(
        self, tmp_path: Path
    ) -> None:
        tasks: list[Task] = [("number", value) for value in range(3)]
        with built("local", count=3, prepare=engine_work.Numbered()) as engine:
            for task in tasks:
                engine.submit(task)
            heard = [engine.receive() for _ in range(6)]
            numbers = {outcome.task: outcome.piece for outcome in heard if isinstance(outcome, Gave)}
            assert numbers == {task: task[1] for task in tasks}
            task = ("die once", str(tmp_path / "died"))
            engine.submit(task)
            assert engine.receive() == Died(task, "the worker crashed (SIGKILL)")
            engine.submit(("number", None))
            answer = engine.receive()
        assert isinstance(answer, Gave)
        assert answer.piece == 0

    def test_tasks_run_at_the_same_time_in_other_processes(self) -> None:
        tasks: list[Task] = [("pid", n) for n in range(4)]
        heard = outcomes(built("local", count=2), [*tasks[:2], ("sleep", 0.2), ("sleep", 0.21), *tasks[2:]])
        pids = {pid for task in tasks for pid in pieces(heard, task)}
        assert os.getpid() not in pids
        assert 1 <= len(pids) <= 2

    def test_a_death_is_told_and_the_task_can_be_given_again(self, tmp_path: Path) -> None:
        task = ("die once", str(tmp_path / "died"))
        with built("local", count=1) as engine:
            engine.submit(task)
            assert engine.receive() == Died(task, "the worker crashed (SIGKILL)")
            assert engine.has_room
            engine.submit(task)
            first, second = engine.receive(), engine.receive()
        assert (first.piece, second) == ("survived", Done(task))  # type: ignore[union-attr]

    def test_pieces_before_a_death_stand(self) -> None:
        heard = outcomes(built("local", count=1), [("die", None), ("count", 2)])
        assert pieces(heard, ("die", None)) == ["before"]
        assert pieces(heard, ("count", 2)) == [0, 1]

    def test_workers_die_with_their_parent(self) -> None:
        script = (
            "import engine_work, time\n"
            "from retrofr.engines import local\n"
            "from retrofr.events import ignore, never\n"
            "engine = local.build(local.SETTINGS(), engine_work.prepare, 1, ignore, never)\n"
            "engine.submit(('pid', 0)); print(engine.receive().piece, flush=True); engine.receive()\n"
            "engine.submit(('sleep', 60)); time.sleep(60)\n"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
        assert parent.stdout is not None
        with parent, parent.stdout:
            worker = int(parent.stdout.readline())
            parent.kill()
        until = time.monotonic() + 5
        while Path(f"/proc/{worker}").exists() and _state(worker) != "Z":
            assert time.monotonic() < until, "the worker outlived its parent"
            time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
