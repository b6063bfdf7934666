"""The engine that works on a Ray cluster: what three nodes find is what one machine finds, also when one is lost."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine_work
from retrofr import registry
from retrofr.case.keys import KeyStore
from retrofr.case.reading import case_coverage, stored_tracklet, tracklet_table
from retrofr.case.store import Case, create_case, open_case
from retrofr.engines._ray_cluster import Room, _alone, _scratch_folder, connected
from retrofr.engines.base import Died, Done, Gave, Outcome
from retrofr.engines.ray import RayEngine, RaySettings, build
from retrofr.errors import ModelError, UsageError
from retrofr.events import Advanced, Event, ExhibitStarted, Listener, ignore, never
from retrofr.indexing import IndexResult, index
from retrofr.integrity import sha256_file
from retrofr.records import Tracklet
from retrofr.request import FootageRequest
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import Settings
from retrofr.shared_footage import OTHER_CONTENT

NODES = 3
SUPPORT = Path(engine_work.__file__).parent
FIRST_PART = FootageRequest(selection=Selection(TimeWindow(end=Fraction(48))))
A_CORE = {"cpus_a_worker": 1}


def on(address: str | None, **more: Any) -> RaySettings:
    return RaySettings(address=address, **{**A_CORE, **more})


def engine(
    address: str,
    count: int,
    tell: Listener = ignore,
    stop: Callable[[], bool] = never,
    prepare: Callable[[], Any] = engine_work.prepare,
) -> RayEngine:
    return build(on(address), prepare, count, tell, stop)


def outcomes(running: RayEngine, tasks: list[Any]) -> list[Outcome]:
    heard: list[Outcome] = []
    while tasks or running.busy:
        while tasks and running.has_room:
            running.submit(tasks.pop(0))
        heard.append(running.receive())
    return heard


# ---- without Ray ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "asked", "device", "given"),
    [
        ({}, 0, "cpu", (4, 0.0, 4)),
        ({}, 2, "cpu", (4, 0.0, 2)),
        ({}, 16, "auto", (1, 0.0, 16)),
        ({"cpus_a_worker": 32}, 0, "cpu", (16, 0.0, 1)),
        ({}, 0, "cuda", (4, 0.25, 4)),
        ({"gpus_a_worker": 1.0}, 1, "auto", (4, 1.0, 1)),
        ({"address": "auto", "cpus_a_worker": 32}, 0, "cpu", (32, 0.0, 0)),
    ],
)
def test_cores_are_shared_out(
    settings: dict[str, Any], asked: int, device: str, given: tuple[int, float, int]
) -> None:
    chosen, count = RaySettings(**settings).shared_out(asked, device, cores=16)
    assert (chosen.cpus_a_worker, chosen.gpus_a_worker, count) == given


def test_ray_says_which_gpu() -> None:
    with pytest.raises(UsageError) as caught:
        RaySettings().shared_out(0, "cuda:1", cores=4)
    assert str(caught.value) == (
        "--device: --device cuda:1 does not go with --engine ray, which says itself what GPU a worker has\n"
        "use --device cuda"
    )


@pytest.mark.parametrize(
    ("room", "resources", "fits"),
    [
        (Room(4, 0.0), {"CPU": 16.0}, 4),
        (Room(4, 0.0), {"CPU": 3.0}, 0),
        (Room(4, 0.25), {"CPU": 64.0, "GPU": 2.0}, 8),
        (Room(4, 0.4), {"CPU": 64.0, "GPU": 2.0}, 4),
        (Room(4, 2.0), {"CPU": 64.0, "GPU": 5.0}, 2),
        (Room(1, 1.0), {"CPU": 64.0}, 0),
    ],
)
def test_what_a_node_has_room_for(room: Room, resources: dict[str, float], fits: int) -> None:
    assert room.fits(resources) == fits


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1 (Connection refused)"),
        ("ray://127.0.0.1:1", "expected auto or HOST:PORT, got 'ray://127.0.0.1:1'"),
        ("head", "expected auto or HOST:PORT, got 'head'"),
    ],
)
def test_an_address_where_nothing_is(address: str, message: str) -> None:
    with pytest.raises(UsageError) as caught, connected(address, Room(1, 0.0), 1):
        pass
    assert (caught.value.subject, caught.value.reason) == ("--ray-address", message)
    assert caught.value.hint is not None


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "retrofr.engines.ray")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    (status,) = [part for part in registry.listing("engines") if part.name == "ray"]
    assert status.problem == (
        "engine ray: needs the package ray, which is not installed\n`pip install 'retrofr[ray]'` installs it"
    )


# ---- three nodes ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and nodes of one core each; all on the loopback, none for anybody else."""
    import ray
    from ray.cluster_utils import Cluster

    quick = {
        "health_check_initial_delay_ms": 500,
        "health_check_period_ms": 300,
        "health_check_failure_threshold": 3,
    }
    with pytest.MonkeyPatch.context() as patch, _alone(), _scratch_folder() as folder:
        patch.setenv("PYTHONPATH", str(SUPPORT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", str(folder))
        small = {"object_store_memory": 100 << 20, "include_dashboard": False}
        running = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick, **small}
        )
        for _ in range(NODES):
            running.add_node(num_cpus=1, wait=False, **small)
        running.wait_for_nodes()
        yield running
        assert not ray.is_initialized(), "a run left its connection open"
        running.shutdown()


@pytest.fixture
def address(cluster: Any) -> str:
    return str(cluster.address)


pytest_cluster = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.timeout(300)]


class TestCluster:
    """In this order: the last test takes a node away."""

    pytestmark = pytest_cluster

    def test_the_cluster_says_how_many_workers_there_are(self, address: str) -> None:
        tasks = [("pid", n) for n in range(6)]
        with engine(address, 0) as running:
            heard = outcomes(running, list(tasks))
        pids = {outcome.piece for outcome in heard if isinstance(outcome, Gave)}
        assert 1 <= len(pids) <= NODES
        assert os.getpid() not in pids
        assert sum(isinstance(outcome, Done) for outcome in heard) == len(tasks)

    def test_a_death_is_told_and_the_task_can_be_given_again(self, address: str, tmp_path: Path) -> None:
        task = ("die once", str(tmp_path / "died"))
        with engine(address, 1) as running:
            running.submit(task)
            died = running.receive()
            assert isinstance(died, Died)
            assert died.how == f"the worker on node {os.uname().nodename} died"
            running.submit(task)
            first, second = running.receive(), running.receive()
        assert (first.piece, second) == ("survived", Done(task))  # type: ignore[union-attr]

    def test_a_task_that_finds_no_room_goes_to_an_idle_worker(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrofr.engines.ray._MOVES_AFTER_SECONDS", 1.0)
        tasks = [("count", n + 1) for n in range(NODES + 2)]
        with engine(address, NODES + 2) as running:
            heard = outcomes(running, list(tasks))
        for task in tasks:
            found = [o.piece for o in heard if isinstance(o, Gave) and o.task == task]
            assert found == list(range(task[1]))

    def test_what_no_node_has_is_an_error(self, address: str) -> None:
        with pytest.raises(ModelError) as caught, connected(address, Room(64, 0.5), 2):
            pass
        assert caught.value.reason == (
            "no node of the cluster has 64 processor cores and 0.5 GPU, as a worker needs "
            f"(nodes: {NODES + 1})"
        )

    def test_a_worker_of_another_version_is_refused(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrofr.engines.ray.version", lambda _name: "0.0.9")
        refused = pytest.raises(ModelError, match=r"is one of retrofr 0\.0\.9, and here is .* \(on node ")
        with refused, engine(address, 1) as running:
            outcomes(running, [("count", 1)])

    def test_three_nodes_give_the_case_of_one_machine(
        self, address: str, on_one_machine: Case, clips: list[Path], new_case: Case
    ) -> None:
        told: list[Event] = []
        result = indexed(clips, new_case, address, listener=told.append)
        assert result.exit_code == 0
        assert_same(on_one_machine, new_case, result)
        assert {event.exhibit for event in told if isinstance(event, Advanced)} == {
            clip.name for clip in clips
        }

    def test_a_recording_that_is_another_one_on_a_node_is_refused(
        self, address: str, clips: list[Path], new_case: Case, tmp_path: Path
    ) -> None:
        clip = tmp_path / "cam1.mkv"
        clip.write_bytes(clips[-1].read_bytes())

        def change(event: Event) -> None:
            if isinstance(event, ExhibitStarted):  # it was digested, and no worker has it yet
                clip.write_bytes(clip.read_bytes()[:-1] + b"?")

        result = indexed([clip], new_case, address, listener=change)
        assert result.exit_code == 3
        (item,) = result.coverage.unsearched
        assert item.reason == (
            f"what lies on node {os.uname().nodename} at {clip} is another file: its SHA-256 is {sha256_file(clip)}, "
            f"and the exhibit's is {sha256_file(clips[-1])}"
        )
        assert item.hint == OTHER_CONTENT

    def test_a_node_that_is_lost_costs_no_slice(
        self,
        cluster: Any,
        address: str,
        on_one_machine: Case,
        clips: list[Path],
        new_case: Case,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        running: list[RayEngine] = []
        killed: list[float] = []
        deaths: list[str] = []
        watch(monkeypatch, running, deaths)

        def kill(event: Event) -> None:
            if killed or not isinstance(event, Advanced) or event.exhibit != "composite.mp4":
                return
            if event.position_seconds > 8:  # a worker may be some slices ahead of what is told
                killed.append(event.position_seconds)
                cluster.remove_node(node_of(cluster, running[0], event.exhibit), allow_graceful=False)

        result = indexed(clips, new_case, address, listener=kill)
        assert killed, "the run was over before a node was taken away"
        assert deaths == [f"the worker on node {os.uname().nodename} was lost with its node"]
        assert result.exit_code == 0
        assert_same(on_one_machine, new_case, result)


def indexed(clips: list[Path], case: Case, address: str, listener: Listener = ignore) -> IndexResult:
    ray = {"address": address, **A_CORE}
    chosen = settings("ray", workers=NODES, parts={"ray": ray})
    return index(clips, case, settings=chosen, request=FIRST_PART, listener=listener)


def settings(name: str, workers: int, parts: dict[str, Any] | None = None) -> Settings:
    return Settings.from_mapping(
        {
            "video": {"slice_seconds": 4.0},
            "index": {"engine": name, "workers": workers},
            "device": "cpu",
            "parts": parts or {},
        }
    )


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> list[Path]:
    folder = shared_data / "clips"
    return [
        folder / "composite" / "composite.mp4",
        *(folder / "webcam" / f"{n}.mkv" for n in ("again", "bird")),
    ]


@pytest.fixture(scope="module")
def on_one_machine(clips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("local")
    with made_case(folder) as case:
        assert index(clips, case, settings=settings("local", workers=1), request=FIRST_PART).exit_code == 0
        yield case


@pytest.fixture
def new_case(tmp_path: Path) -> Iterator[Case]:
    with made_case(tmp_path) as case:
        yield case


def made_case(folder: Path) -> Case:
    keys = KeyStore(folder / "keys")
    create_case(folder / "case", keys=keys).close()
    return open_case(folder / "case", keys=keys, write=True)


def assert_same(one: Case, other: Case, result: IndexResult) -> None:
    key = result.recipe.key
    expected, found = tracklets(one, key), tracklets(other, key)
    assert [place(t) for t in found] == [place(t) for t in expected]
    assert len({place(t) for t in found}) == len(found) > 10
    for a, b in zip(expected, found, strict=True):
        assert (a.first, a.last, a.faces) == (b.first, b.last, b.faces)
        assert [face.frame for face in a.best] == [face.frame for face in b.best]
        assert np.allclose(a.templates, b.templates, rtol=0, atol=1e-6)
    assert case_coverage(other, key) == case_coverage(one, key)
    counted = [case.fetch_one("SELECT count(*) FROM slices") for case in (one, other)]
    assert counted[0] == counted[1] == (result.counts.slices,)


def tracklets(case: Case, key: str) -> list[Tracklet]:
    found = [stored_tracklet(case, int(number)) for number in tracklet_table(case, key).ids]
    return sorted(found, key=place)


def place(tracklet: Tracklet) -> tuple[Any, ...]:
    return (tracklet.exhibit.sha256, tracklet.first.stream, tracklet.slice, tracklet.number)


def watch(monkeypatch: pytest.MonkeyPatch, running: list[RayEngine], deaths: list[str]) -> None:
    """Have the engine of the next run, and hear of the workers it loses."""
    real = RayEngine.receive

    def receive(self: RayEngine) -> Outcome:
        if self not in running:
            running.append(self)
        outcome = real(self)
        if isinstance(outcome, Died):
            deaths.append(outcome.how)
        return outcome

    monkeypatch.setattr(RayEngine, "receive", receive)


def node_of(cluster: Any, running: RayEngine, exhibit: str) -> Any:
    """The simulated node where a recording is worked on."""
    from ray._private.state import actors

    (worker,) = [w for w in running._workers if w.busy and w.task.taken.exhibit.name == exhibit]
    where = actors(worker.actor._actor_id.hex())["Address"]["NodeID"]
    (node,) = [node for node in cluster.worker_nodes if node.node_id == where]
    return node


# ---- no cluster ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_without_a_cluster_it_runs_on_this_machine_and_leaves_nothing(
    shared_data: Path, tmp_path: Path
) -> None:
    clip = shared_data / "clips" / "webcam" / "again.mkv"
    (tmp_path / "again.mkv").write_bytes(clip.read_bytes())
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the folder of the evidence')")
    temporary = tmp_path / "t"
    temporary.mkdir()
    environment = os.environ | {"RETROFR_KEYS": str(tmp_path / "keys"), "HOME": str(temporary)}
    environment.pop("PYTHONPATH", None)
    command = [
        sys.executable,
        "-P",
        "-m",
        "retrofr_cli",
        "index",
        "again.mkv",
        "--case",
        "case",
        "--engine",
        "ray",
    ]
    ended = subprocess.run(
        [*command, "--quiet", "--format", "json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("{")
    assert not (temporary / ".ray").exists()
    until = time.monotonic() + 10
    while left := [line for line in processes() if "retrofr-ray-" in line]:
        assert time.monotonic() < until, left
        time.sleep(0.2)


def processes() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()
