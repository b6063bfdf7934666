"""Ray itself: joined where a cluster is named, started on this machine where none is, and left or ended afterwards.

What Ray would do by itself and retrofr does not want is switched off here: statistics that are sent to its makers,
ports that are open to the network, a dashboard, lines on the terminal, a handler of SIGTERM, the working folder (which
may be one of evidence) on the search path of its workers, and files that stay behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from retrofr.errors import ModelError, UsageError

SUBJECT = "engine ray"
_STORE_BYTES_A_WORKER = 64 << 20
_LEAST_STORE_BYTES = 128 << 20
_ANSWERS_SECONDS = 10.0
_LONGEST_FOLDER = 24  # Ray puts sockets far below it, whose names the kernel limits to 107 bytes
_TOKEN = secrets.token_hex(16)
"""Only this process and those it starts can use the Ray that it starts."""

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
_ALONE = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": _TOKEN,
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's one switch for: loopback only
}


@dataclass(frozen=True)
class Room:
    """What a worker needs of a node."""

    cpus: int
    gpus: float

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.cpus} processor core{'s' if self.cpus > 1 else ''}{gpus}"

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many workers a node with these resources has room for."""
        fits = resources.get("CPU", 0.0) // self.cpus
        gpus = resources.get("GPU", 0.0)
        if self.gpus > 1:
            fits = min(fits, gpus // self.gpus)
        elif self.gpus:
            fits = min(fits, gpus * (1 // self.gpus))  # a worker has no two halves of different ones
        return int(fits)


@contextlib.contextmanager
def connected(address: str | None, room: Room, count: int) -> Iterator[int]:
    """Within, Ray is there.

    Args:
        address: ``auto``, ``HOST:PORT`` of a cluster's head, or None: one that is started on this machine and ended
            afterwards. Where this process is connected to Ray already, that is used, and stays.
        room: of a worker.
        count: how many workers are wanted; 0 for as many as there is room for.

    Returns:
        How many workers there are to be.

    Raises:
        UsageError: the address is none, or nothing answers there.
        ModelError: Ray does not start, or no node has room for a worker.
    """
    with contextlib.ExitStack() as held:
        held.enter_context(_environment(_QUIET))
        if not _is_connected():
            held.enter_context(_own(room, count) if address is None else _joined(address))
        yield _room_for(room, count)


def ray_itself() -> Any:
    """The module; its import takes more than a second."""
    import ray

    return ray


def _is_connected() -> bool:
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def _room_for(room: Room, count: int) -> int:
    nodes = [node["Resources"] for node in ray_itself().nodes() if node["Alive"]]
    fits = sum(map(room.fits, nodes))
    if fits == 0:
        raise ModelError(
            f"no node of the cluster has {room}, as a worker needs (nodes: {len(nodes)})",
            subject=SUBJECT,
            hint="--set parts.ray.cpus_a_worker=N and parts.ray.gpus_a_worker=N say what a worker is given; "
            "`ray status` shows what the nodes have",
        )
    return count or fits


@contextlib.contextmanager
def _own(room: Room, count: int) -> Iterator[None]:
    """Ray on this machine, for this process alone."""
    with _alone(), _scratch_folder() as folder:
        _started(
            address="local",
            num_cpus=count * room.cpus,
            include_dashboard=False,
            object_store_memory=max(_LEAST_STORE_BYTES, count * _STORE_BYTES_A_WORKER),
            _temp_dir=str(folder),
            _node_ip_address="127.0.0.1",
            **({} if room.gpus else {"num_gpus": 0}),
        )
        try:
            yield
        finally:
            _left()


@contextlib.contextmanager
def _joined(address: str) -> Iterator[None]:
    """A connection to somebody's cluster."""
    if address != "auto":
        _refuse_unreachable(address)
    _started(address=address)
    try:
        yield
    finally:
        _left()


def _refuse_unreachable(address: str) -> None:
    """Ray itself tries for a long time, and may end the process after that."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(
            f"expected auto or HOST:PORT, got {address!r}",
            subject="--ray-address",
            hint="`ray status` on the cluster's head shows its address",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"no Ray cluster answers at {address} ({getattr(error, 'strerror', None) or error})",
            subject="--ray-address",
            hint="start one with `ray start --head` and name its HOST:PORT, or leave --ray-address out to run on this "
            "machine",
        ) from error


def _started(**arguments: Any) -> None:
    """Connect to Ray, or start it."""
    logger = logging.getLogger("ray")
    handler = logging.NullHandler()  # without one Python writes warnings to the terminal
    logger.addHandler(handler)
    import ray
    from ray.job_config import JobConfig

    folders = [folder for folder in map(str, sys.path) if folder] if "_temp_dir" in arguments else []
    try:
        with _unchanged_signals(), contextlib.chdir(os.sep):
            # In the root folder, since Ray puts the current one on the search path of its workers.
            ray.init(
                log_to_driver=False,
                configure_logging=False,
                job_config=JobConfig(_py_driver_sys_path=folders[::-1]),
                **arguments,
            )
    except ConnectionError as error:
        raise UsageError(
            f"no Ray cluster is found ({_first_line(error)})",
            subject="--ray-address",
            hint="start one with `ray start --head`, or leave --ray-address out to run on this machine",
        ) from error
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise ModelError(
            f"Ray does not start: {_first_line(error)}",
            subject=SUBJECT,
            hint="every node needs the same versions of Ray and of Python; `ray status` shows how a cluster is",
        ) from error


def _left() -> None:
    import ray

    with _unchanged_signals():
        ray.shutdown()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Within, a Ray that is started is this process's alone, also where ``ray`` was imported before."""
    try:
        with _environment(_ALONE):
            _read_environment_again(alone=True)
            yield
    finally:
        _read_environment_again(alone=False)


def _read_environment_again(*, alone: bool) -> None:
    """Ray reads its variables when it is imported, and keeps them and the token."""
    constants: Any = import_module("ray._private.ray_constants")
    core: Any = import_module("ray._raylet")
    constants.ENABLE_RAY_CLUSTER = not alone
    core.Config.initialize("")
    core.AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def _unchanged_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself; what to do about it is the caller's decision."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """For Ray's sockets and logs, which name footage; removed afterwards."""
    base = tempfile.gettempdir()
    if len(base) > _LONGEST_FOLDER:
        base = "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="retrofr-ray-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
