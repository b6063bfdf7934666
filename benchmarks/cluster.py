"""How indexing through Ray grows with workers, what the run itself can keep up with, and what that means for a cluster.

    taskset -c 0,1 python benchmarks/cluster.py [--rounds 5]
    python benchmarks/cluster.py --parts limits size --cpu-seconds-an-hour 60

``scale`` indexes different recordings, which cost decoding and little else, in turn with one worker on one core and
with two on two, everything else that the run needs included (its decoder, Ray, committing): a worker would otherwise
take what it finds free. The time is from the first sample to the end, medians of the rounds and of the pairs' ratios.
``limits`` measures what the one process does that runs a cluster: digesting, committing slices, and receiving them.
``size`` computes a table for 10,000 hours from those limits and ``--cpu-seconds-an-hour``, the processor time that an
hour of footage costs (``docs/cluster.md`` says where that comes from).
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from case_store import PROGRESS, _tracklet
from isolation import render
from search import EXHIBIT

from retrofr.case.exhibits import put_exhibit, put_recipe
from retrofr.case.store import create_case, open_case
from retrofr.case.writing import commit_slice, open_stream
from retrofr.engines._ray_cluster import Room, connected
from retrofr.engines.base import Gave
from retrofr.engines.ray import RaySettings, build
from retrofr.events import Advanced, Event, Listener, ignore, never
from retrofr.indexed import IndexedSlice, IndexedTracklet
from retrofr.indexing import index
from retrofr.recipe import recipe_of
from retrofr.scoring import build_scorer
from retrofr.settings import Settings

HOURS = 10_000
SECONDS_AN_HOUR = 3600
SLICES_AN_HOUR = 60
READS_BY_RUN = 2
READS_BY_WORKER = 2
PICTURE_BYTES = 3000
FACES = 5
SLICE_TRACKLETS = 4


# ---- scale ---------------------------------------------------------------------------------------------------


def footage(folder: Path, files: int, seconds: float, loops: int) -> list[Path]:
    """Different recordings of the same pictures: one is rendered, and looped under several titles."""
    rendered = render(folder / "one.mp4", seconds, 1920, 1080)
    made = []
    for number in range(files):
        made.append(folder / "footage" / f"cam{number}.mp4")
        made[-1].parent.mkdir(exist_ok=True)
        _looped(rendered, made[-1], loops, f"camera {number}")
    return made


def _looped(source: Path, path: Path, loops: int, title: str) -> None:
    with av.open(str(path), "w") as output:
        output.metadata["title"] = title
        stream, shift = None, 0
        for _ in range(loops):
            with av.open(str(source)) as original:
                given = original.streams.video[0]
                stream = stream or output.add_stream_from_template(given)
                end = shift
                for packet in original.demux(given):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    end = max(end, packet.pts + packet.duration)
                    packet.stream = stream
                    output.mux(packet)
                shift = end


def indexed_seconds(clips: list[Path], workers: int) -> float:
    """Wall time of indexing from the first sample to the end."""
    began: list[float] = []

    def heard(event: Event) -> None:
        if not began and isinstance(event, Advanced):
            began.append(time.perf_counter())

    ray = {"cpus_a_worker": 1}
    settings = Settings.from_mapping(
        {"index": {"engine": "ray", "workers": workers}, "device": "cpu", "parts": {"ray": ray}}
    )
    with tempfile.TemporaryDirectory() as folder:
        create_case(Path(folder) / "case").close()
        with open_case(Path(folder) / "case", write=True) as case:
            result = index(clips, case, settings=settings, listener=heard)
    assert result.exit_code == 0, result.coverage
    return time.perf_counter() - began[0]


def _on_cores(clips: list[Path], cores: list[int]) -> float:
    """Wall time with a worker for each core, all processes of the run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        with connected(None, Room(1, 0.0), len(cores)):
            return indexed_seconds(clips, len(cores))
    finally:
        os.sched_setaffinity(0, before)


def scale(options: argparse.Namespace) -> None:
    """One worker against two."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as temporary:
        clips = footage(Path(temporary), options.files, options.seconds, options.loops)
        total = options.files * options.seconds * options.loops
        print(f"{options.files} recordings, 1920 × 1080, 25 frames/s, {total:.0f} s together")
        one, two = [], []
        for _ in range(options.rounds):
            one.append(_on_cores(clips, cores[:1]))
            two.append(_on_cores(clips, cores))
            print(f"  1 worker {one[-1]:.1f} s, 2 workers {two[-1]:.1f} s", flush=True)
    ratios = [a / b for a, b in zip(one, two, strict=True)]
    for name, taken in (("1 worker", one), ("2 workers", two)):
        median = statistics.median(taken)
        print(
            f"{name}: {median:.1f} s ({min(taken):.1f} to {max(taken):.1f}), {total / median:.1f} × real time"
        )
    print(f"2 workers reach {statistics.median(ratios):.2f} × ({min(ratios):.2f} to {max(ratios):.2f})")


# ---- limits --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """What one process keeps up with."""

    digested_bytes_a_second: float
    slices_a_second: float
    received_a_second: float


def limits(options: argparse.Namespace) -> Limits:
    """Digesting, committing and receiving, in this process."""
    data = os.urandom(1 << 20)
    digest = hashlib.sha256()
    began = time.perf_counter()
    for _ in range(1024):
        digest.update(data)
    digested = 1024 * len(data) / (time.perf_counter() - began)
    commits, size = committed(options.slices)
    received = received_a_second(options.slices)
    print(f"digesting: {digested / 1e6:,.0f} MB/s (SHA-256, one core, from memory)")
    print(
        f"committing: {commits:,.0f} slices/s of {SLICE_TRACKLETS} tracklets, {FACES} faces and pictures each; "
        f"{size / options.slices / 1000:,.0f} kB a slice on disk"
    )
    print(f"receiving: {received:,.0f} slices/s through Ray from 2 workers on this machine")
    return Limits(digested, commits, received)


def _slice(number: int) -> IndexedSlice:
    import numpy as np

    generator = np.random.default_rng(number)
    items = []
    for n in range(SLICE_TRACKLETS):
        templates = generator.normal(size=(FACES, DIMENSIONS)).astype(np.float32)
        pictures = tuple(generator.bytes(PICTURE_BYTES) for _ in range(FACES))
        items.append(IndexedTracklet(_tracklet(number, n, templates), pictures))
    return IndexedSlice(number, tuple(items), PROGRESS)


DIMENSIONS = build_scorer(Settings().embed.embedder, {}).dimensions


def committed(count: int) -> tuple[float, int]:
    """Slices a second that a case takes, and its size in bytes."""
    slices = [_slice(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        create_case(Path(folder) / "case").close()
        with open_case(Path(folder) / "case", write=True) as case:
            recipe = recipe_of(Settings(), build_scorer(Settings().embed.embedder, {}))
            put_recipe(case, recipe)
            exhibit = put_exhibit(case, EXHIBIT, hash_check=None, notices=())
            stream = open_stream(case, exhibit, recipe.key, 0, {})
            began = time.perf_counter()
            for piece in slices:
                commit_slice(case, stream.id, piece)
            taken = time.perf_counter() - began
        return count / taken, (Path(folder) / "case" / "case.db").stat().st_size


def prepare_slices() -> Callable[..., Iterator[Any]]:
    """Work that has its slices ready."""
    ready = _slice(0)

    def work(task: int, _tell: Listener, _stop: Callable[[], bool]) -> Iterator[Any]:
        for _ in range(task):
            yield ready

    return work


def received_a_second(count: int) -> float:
    """Slices a second that the engine hands over when two workers have them ready."""
    import cluster  # by its name as a module, so that workers find what is sent to them

    settings = RaySettings(cpus_a_worker=1)
    with (
        connected(None, Room(1, 0.0), 2),
        build(settings, cluster.prepare_slices, 2, ignore, never) as engine,
    ):
        for task in (1, 1):  # workers are started
            engine.submit(task)
        while engine.busy:
            engine.receive()
        began, heard = time.perf_counter(), 0
        for task in (count, count):
            engine.submit(task)
        while engine.busy:
            heard += isinstance(engine.receive(), Gave)
        return heard / (time.perf_counter() - began)


# ---- size ----------------------------------------------------------------------------------------------------


def size(options: argparse.Namespace, limit: Limits) -> None:
    """A table of what 10,000 hours take."""
    bytes_an_hour = options.megabits * 1e6 / 8 * SECONDS_AN_HOUR
    digests = HOURS * bytes_an_hour * READS_BY_RUN / limit.digested_bytes_a_second / SECONDS_AN_HOUR
    writes = HOURS * SLICES_AN_HOUR / limit.slices_a_second / SECONDS_AN_HOUR
    receives = HOURS * SLICES_AN_HOUR / limit.received_a_second / SECONDS_AN_HOUR
    print(
        f"{HOURS:,} h at {options.megabits:g} Mbit/s ({HOURS * bytes_an_hour / 1e12:.0f} TB), "
        f"{options.cpu_seconds_an_hour:g} processor seconds an hour of footage, {options.cores} cores a node"
    )
    print(
        f"the run itself, whatever the nodes: digests {_hours(digests)} h, commits {_hours(writes)} h, "
        f"receives {_hours(receives)} h"
    )
    print("| nodes | cores | their work, h | whole run, h | limited by | file store, MB/s |")
    print("|---|---|---|---|---|---|")
    for nodes in (1, 10, 100):
        cores = nodes * options.cores
        work = HOURS * options.cpu_seconds_an_hour / cores / SECONDS_AN_HOUR
        # The run digests, commits and receives in one thread, so these add up.
        driver = digests + writes + receives
        whole = max(work, driver)
        reads = HOURS * bytes_an_hour * (READS_BY_RUN + READS_BY_WORKER) / (whole * SECONDS_AN_HOUR) / 1e6
        by = "the nodes" if work >= driver else "the run's digests"
        print(f"| {nodes} | {cores:,} | {_hours(work)} | {_hours(whole)} | {by} | {reads:,.0f} |")
    balance = HOURS * options.cpu_seconds_an_hour / (digests + writes + receives) / SECONDS_AN_HOUR
    print(f"one run keeps {math.floor(balance)} cores busy")


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=("scale", "limits", "size"), default=["scale"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=4, help="recordings that are indexed")
    parser.add_argument("--seconds", type=float, default=20, help="length of the pictures that are rendered")
    parser.add_argument("--loops", type=int, default=6, help="how often each recording shows them")
    parser.add_argument("--slices", type=int, default=1000, help="how many are committed and received")
    parser.add_argument("--cpu-seconds-an-hour", type=float, help="processor time of an hour of footage")
    parser.add_argument("--megabits", type=float, default=4.0, help="of a second of footage")
    parser.add_argument("--cores", type=int, default=16, help="of a node")
    options = parser.parse_args()
    if "size" in options.parts and options.cpu_seconds_an_hour is None:
        parser.error("--parts size needs --cpu-seconds-an-hour")
    if "scale" in options.parts:
        scale(options)
    if "limits" in options.parts or "size" in options.parts:
        measured = limits(options)
        if "size" in options.parts:
            size(options, measured)


if __name__ == "__main__":
    main()
