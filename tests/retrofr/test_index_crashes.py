"""Indexing is killed at random moments over real clips: the finished case is that of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from retrofr.case.exhibits import active_recipe
from retrofr.case.keys import KeyStore
from retrofr.case.reading import case_coverage, stored_tracklet, tracklet_table
from retrofr.case.store import Case, open_case
from retrofr.case.verifying import verify_case
from retrofr.case_search import search_case
from retrofr.records import Tracklet
from retrofr.results import Coverage

KILLS = 30
WEBCAM = ("again",)


def footage(shared: Path) -> list[Path]:
    clips = shared / "clips"
    return [clips / "composite", *(clips / "webcam" / f"{name}.mkv" for name in WEBCAM)]


def command(case: Path, clips: list[Path]) -> list[str]:
    settings = ("--set", "video.slice_seconds=4", "--quiet")
    return [sys.executable, "-m", "retrofr_cli", "index", *map(str, clips), "--case", str(case), *settings]


@contextmanager
def opened(path: Path, keys: Path) -> Iterator[Case]:
    with open_case(path, keys=KeyStore(keys)) as case:
        yield case


def slices(path: Path, keys: Path) -> int:
    with opened(path, keys) as case:
        row = case.fetch_one("SELECT count(*) FROM slices")
    assert row is not None
    return int(row[0])


def place(tracklet: Tracklet) -> tuple[object, ...]:
    return (tracklet.exhibit.sha256, tracklet.first.stream, tracklet.slice, tracklet.number)


def tracklets(case: Case) -> list[Tracklet]:
    recipe = active_recipe(case)
    assert recipe is not None
    found = [stored_tracklet(case, int(number)) for number in tracklet_table(case, recipe.key).ids]
    return sorted(found, key=place)


def coverage(case: Case) -> Coverage:
    recipe = active_recipe(case)
    assert recipe is not None
    return case_coverage(case, recipe.key)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_kills_leave_the_same_case(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    monkeypatch.setenv("RETROFR_KEYS", str(keys))
    clips = footage(shared_data)
    subprocess.run(command(tmp_path / "whole", clips), check=True, timeout=300)  # nets are converted here
    began = time.monotonic()
    subprocess.run(command(tmp_path / "timed", clips), check=True, timeout=300)
    lasts = time.monotonic() - began
    kills, cases, partly = 0, 0, 0
    case, reached = tmp_path / "killed-0", 0
    while kills < KILLS:
        if run_until(command(case, clips), random.uniform(0.1, lasts / 2)) == 0:
            compare(
                tmp_path / "whole", case, keys, clips
            )  # it came to its end between two kills: begin another
            cases, reached = cases + 1, 0
            case = tmp_path / f"killed-{cases}"
            continue
        kills += 1
        if (case / "case.json").exists():
            now = slices(case, keys)
            assert now >= reached, "a committed slice was lost"
            partly, reached = partly + (now > reached), now
    assert partly >= 2, "no kill came while slices were being committed"
    subprocess.run(command(case, clips), check=True, timeout=300)
    compare(tmp_path / "whole", case, keys, clips)


def run_until(arguments: list[str], seconds: float) -> int:
    """Run a command, and kill it after so many seconds; gives its exit code, or minus the signal."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        return process.wait()


def compare(whole: Path, killed: Path, keys: Path, clips: list[Path]) -> None:
    """Everything that must be alike in two cases of the same footage is."""
    probes = sorted((clips[0] / "enrol").iterdir())
    with opened(whole, keys) as one, opened(killed, keys) as other:
        for case in (one, other):
            verify_case(case)
        expected, found = tracklets(one), tracklets(other)
        assert [place(t) for t in found] == [place(t) for t in expected]
        assert len({place(t) for t in found}) == len(found) > 20
        for a, b in zip(expected, found, strict=True):
            assert (a.first, a.last, a.faces) == (b.first, b.last, b.faces)
            assert [face.frame for face in a.best] == [face.frame for face in b.best]
            assert np.allclose(a.templates, b.templates, rtol=0, atol=1e-6)
        assert coverage(other) == coverage(one)
        hits = [search_case(case, [str(probe) for probe in probes]).hits for case in (one, other)]
        key = [
            [(h.probe, h.exhibit, h.start_seconds, h.end_seconds, h.faces) for h in found] for found in hits
        ]
        assert key[0] == key[1]
        assert len(key[0]) >= 10
        assert np.allclose([h.score for h in hits[0]], [h.score for h in hits[1]], rtol=0, atol=1e-5)
