"""Cases for tests: a key store of their own, footage that never was, slices made of nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import fakes
from retrofr.case import (
    Case,
    KeyStore,
    StoredStream,
    commit_slice,
    create_case,
    open_stream,
    put_exhibit,
    put_recipe,
)
from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
from retrofr.recipe import Recipe
from retrofr.records import Exhibit, Tracklet
from retrofr.results import StreamCoverage
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume

ROOT = Path(__file__).resolve().parents[3]


class Filling:
    """What a test puts into a case."""

    recipe = Recipe("a" * 64, "fake", "c" * 64, 3, {"embed": {"embedder": "fake"}})
    other_recipe = Recipe("b" * 64, "fake", "d" * 64, 3, {"embed": {"embedder": "other"}})

    def exhibit(self, name: str = "cam1.mp4", digest: str = "ab") -> Exhibit:
        return dataclasses.replace(fakes.exhibit(name), sha256=digest * 32)

    def stream(
        self, case: Case, name: str = "cam1.mp4", digest: str = "ab", recipe: Recipe | None = None
    ) -> StoredStream:
        """Begin stream 0 of an exhibit."""
        used = recipe or self.recipe
        put_recipe(case, used)
        exhibit_id = put_exhibit(case, self.exhibit(name, digest), hash_check=None, notices=())
        return open_stream(case, exhibit_id, used.key, 0, {"pixel_aspect": None})

    def tracklet(self, number: int, slice_number: int, vectors: int = 2, seed: float = 0.0) -> Tracklet:
        templates = np.arange(3 * vectors, dtype=np.float32).reshape(vectors, 3) + seed
        whole = fakes.tracklet(slice_number, slice_number + 1, number=number)
        return dataclasses.replace(
            whole,
            slice=slice_number,
            best=(whole.best * vectors)[:vectors],
            templates=templates,
            first_box=np.array([1, 2, 3, 4], np.float32),
        )

    def progress(self, until: float = 5.0) -> StreamProgress:
        facts = CoverageFacts(frames=100, samples=10, searched_seconds=Fraction(until))
        facts.last_seconds = Fraction(until)
        return StreamProgress(facts, FaceCounts(7, 2, Counter({"too small": 2})), Resume(1, 99, 100, 0))

    def slice(self, number: int, *tracklets: Tracklet, jpeg: bytes = b"\xff\xd8jpeg") -> IndexedSlice:
        items = tuple(IndexedTracklet(t, (jpeg,) * len(t.best)) for t in tracklets)
        return IndexedSlice(number, items, self.progress(5.0 * (number + 1)))

    def commit(self, case: Case, stream: StoredStream, *numbers: int, vectors: int = 2) -> None:
        """Commit slices of one tracklet each."""
        for number in numbers:
            tracklet = self.tracklet(1, number, vectors, seed=number)
            commit_slice(case, stream.id, self.slice(number, tracklet))

    def coverage(self, name: str = "cam1.mp4") -> StreamCoverage:
        return StreamCoverage(
            exhibit=name,
            exhibit_sha256="ab" * 32,
            stream=0,
            declared_seconds=Fraction(60),
            searched_seconds=Fraction(60),
            frames=1500,
            samples=120,
            damaged_packets=0,
            faces=7,
            faces_unfit=2,
            unfit_reasons=(("too small", 2),),
            problems=(),
        )


@pytest.fixture
def filling() -> Filling:
    return Filling()


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyStore:
    """The key store that every function uses by default; the audit log is the test's own as well."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    return KeyStore()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the case of the test is."""
    return tmp_path / "harbour"


@pytest.fixture
def case(folder: Path, keys: KeyStore) -> Iterator[Case]:
    """An empty case, open for writing."""
    with create_case(folder) as made:
        yield made


@pytest.fixture
def filled(folder: Path, keys: KeyStore, filling: Filling) -> Path:
    """A closed case with ten slices of one tracklet each, and pictures that take more than a page."""
    with create_case(folder) as made:
        stream = filling.stream(made)
        for number in range(10):
            tracklet = filling.tracklet(1, number, seed=number)
            commit_slice(made, stream.id, filling.slice(number, tracklet, jpeg=os.urandom(40_000)))
    return folder


Script = subprocess.Popen[str]


@pytest.fixture
def start_script(keys: KeyStore, tmp_path: Path) -> Iterator[object]:
    """Run Python code in a process of its own; it is killed at the end of the test."""
    running: list[Script] = []

    def start(code: str, *arguments: object, **environment: str) -> Script:
        paths = [str(ROOT / "tests" / "support"), str(ROOT)]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()
