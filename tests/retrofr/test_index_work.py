"""How many workers a run has, and that each takes a GPU of its own."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from retrofr import index_work
from retrofr.index_work import PrepareHere, default_workers
from retrofr.settings import Settings


@pytest.mark.parametrize(
    ("device", "cores", "there", "workers"),
    [
        ("cpu", 16, 2, 4),
        ("cpu", 2, 0, 1),
        ("auto", 16, 0, 4),
        ("auto", 64, 1, 4),  # no more than four share one
        ("auto", 4, 2, 2),
        ("cuda", 16, 1, 4),
        ("cuda", 2, 1, 1),
        ("cuda", 4, 8, 8),  # each has one at least
        ("cuda", 64, 8, 16),
        ("cuda", 64, 0, 4),  # where only torch can count them, one is supposed
        ("cuda:1", 64, 8, 4),
        ("cuda:1", 4, 8, 1),
    ],
)
def test_workers_are_as_many_as_cores_and_gpus_allow(
    device: str, cores: int, there: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_work, "usable_cores", lambda: cores)
    monkeypatch.setattr(index_work, "likely_count", lambda: there)
    assert default_workers(device) == workers


def test_each_worker_prepares_with_its_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []

    def prepare(*_: Any, worker: int) -> Any:
        loaded.append(worker)

    monkeypatch.setattr(index_work, "prepare_work", prepare)
    of_run = PrepareHere(Settings(), 1)
    for own in (of_run, of_run.for_worker(0), of_run.for_worker(3)):
        pickle.loads(pickle.dumps(own))()
    assert loaded == [0, 0, 3]
