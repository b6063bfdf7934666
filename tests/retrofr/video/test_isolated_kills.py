"""Decoder processes are killed at random while real clips are read: only what is named as lost may be missing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clips import make_clip, number_in
from retrofr.processes import child
from retrofr.records import Exhibit, Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.footage import find_footage
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import read_samples

# A cut is found by what came before it, which a reading that goes on in the middle knows less of: none here.
PLAN = ReadingPlan(SamplingSettings(rate=8.0, shot_difference=255.0), VideoSettings(slice_seconds=1.0))


def exhibit_of(path: Path) -> Exhibit:
    return open_exhibit(find_footage([path]).files[0])


def read_directly(exhibit: Exhibit) -> tuple[list[Sample], CoverageFacts]:
    with read_samples(exhibit, 0, PLAN) as reader:
        return list(reader), reader.coverage_facts


class Killer:
    """Kills decoder processes, each once; ``killed`` holds their ids."""

    def __init__(self) -> None:
        self.killed: set[int] = set()

    def kill(self, decoder: DecoderProcess) -> None:
        pid = decoder.pid
        if pid is not None and pid not in self.killed:
            self.killed.add(pid)
            os.kill(pid, signal.SIGKILL)


def check(got: list[Sample], facts: CoverageFacts, whole: list[Sample]) -> int:
    """Every sample is one of the unbroken reading, none comes twice, and those not there are in a lost range.

    Returns:
        How many samples were lost.
    """
    expected = {sample.frame.packet: sample for sample in whole}
    assert len(expected) == len(whole)
    for sample in got:
        twin = expected[sample.frame.packet]
        assert number_in(sample.image) == number_in(twin.image)
        assert np.array_equal(sample.image, twin.image)
        for name in ("seconds", "until_seconds", "pts", "time_source", "suspect"):
            assert getattr(sample.frame, name) == getattr(twin.frame, name)
    packets = [sample.frame.packet for sample in got]
    assert len(set(packets)) == len(packets)
    assert [s.frame.ordinal for s in got] == sorted({s.frame.ordinal for s in got})
    lost = [one for one in facts.ranges if one.kind == "lost"]
    missing = [sample.frame.seconds for sample in whole if sample.frame.packet not in set(packets)]
    for seconds in missing:
        assert any(one.start_seconds <= seconds < one.end_seconds for one in lost), float(seconds)
    for sample in got:
        assert not any(one.start_seconds <= sample.frame.seconds < one.end_seconds for one in lost)
    return len(missing)


def check_sums(facts: CoverageFacts, unbroken: CoverageFacts, samples: int) -> None:
    """What was searched and what was lost make up what an unbroken reading searches, and each loss is told."""
    lost = [one for one in facts.ranges if one.kind == "lost"]
    assert facts.samples == samples
    assert facts.lost_seconds == sum((one.seconds for one in lost), Fraction(0))
    assert facts.searched_seconds + facts.lost_seconds == unbroken.searched_seconds
    for before, after in zip(facts.ranges, facts.ranges[1:], strict=False):
        assert before.end_seconds == after.start_seconds
    told = [sentence for sentence in facts.problems if sentence.startswith("lost between ")]
    assert len(told) == len(lost)
    for one in lost:
        assert one.reason.startswith("the decoder crashed (SIGKILL")


MAKERS: dict[str, Callable[[Path], Path]] = {
    "mp4 with reordered frames": lambda folder: make_clip(folder / "clip.mp4", frames=250, b_frames=2),
    "matroska": lambda folder: make_clip(folder / "clip.mkv", frames=250),
    "transport stream": lambda folder: make_clip(folder / "clip.ts", frames=250, container="mpegts"),
    "bare stream": lambda folder: make_clip(folder / "clip.h264", frames=250, container="h264"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_an_unbroken_reading_is_the_same_in_another_process(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    exhibit = exhibit_of(make(tmp_path))
    whole, unbroken = read_directly(exhibit)
    with DecoderProcess() as decoder, decoder.read_samples(exhibit, 0, PLAN) as reader:
        got = list(reader)
    assert [(s.frame, s.shot) for s in got] == [(s.frame, s.shot) for s in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(got, whole, strict=True))
    assert reader.coverage_facts == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_one_kill_in_a_slice_loses_nothing(make: Callable[[Path], Path], tmp_path: Path) -> None:
    exhibit = exhibit_of(make(tmp_path))
    whole, unbroken = read_directly(exhibit)
    got, killer, begun = [], Killer(), {}
    with DecoderProcess() as decoder, decoder.read_samples(exhibit, 0, PLAN) as reader:
        for sample in reader:
            got.append(sample)
            # A process decodes ahead of what has come from it: it may die slices later than where it is killed. The
            # next is not killed in the slice where it begins, which may take one death and no second.
            first = begun.setdefault(decoder.pid, int(sample.frame.seconds))
            if sample.frame.seconds > first + Fraction(3, 2):
                killer.kill(decoder)
    facts = reader.coverage_facts
    assert len(killer.killed) >= 2
    assert [(s.frame, s.shot) for s in got] == [(s.frame, s.shot) for s in whole]
    assert facts.notes[-1] == f"the decoder was restarted {len(killer.killed)} times"
    assert dataclasses.replace(facts, notes=unbroken.notes) == unbroken


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Exhibit:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return exhibit_of(make_clip(path, frames=6000, size=(160, 120), b_frames=2))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # each kill costs a start of Python and its libraries
def test_two_hundred_kills_lose_only_what_is_named(
    long_clip: Exhibit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 200 random samples and up to 20 ms later: 240 slices, some hit twice, some in the very first frames."""
    # What waits in the socket when a decoder dies still comes: seconds of these small pictures, unless it is small.
    monkeypatch.setattr(child, "_SOCKET_BYTES", 1 << 16)
    whole, unbroken = read_directly(long_clip)
    chance, killer, got = random.Random(20240402), Killer(), []
    with DecoderProcess() as decoder, decoder.read_samples(long_clip, 0, PLAN) as reader:
        for sample in reader:
            got.append(sample)
            if len(killer.killed) < 200 and chance.random() < 0.9:
                time.sleep(chance.random() * 0.02)
                killer.kill(decoder)
    facts = reader.coverage_facts
    assert len(killer.killed) == 200
    assert facts.notes[-1] == "the decoder was restarted 200 times"
    lost = check(got, facts, whole)
    check_sums(facts, unbroken, len(got))
    assert 0 < lost < len(whole) / 4


@pytest.mark.slow
def test_kills_at_any_time_lose_only_what_is_named(tmp_path: Path) -> None:
    """Also while a process starts, opens the file or skips what was read: the rest may be lost, and is named then."""
    clip = exhibit_of(make_clip(tmp_path / "clip.mp4", frames=1500, size=(160, 120), b_frames=2))
    whole, unbroken = read_directly(clip)
    chance, killer, over, got = random.Random(7), Killer(), threading.Event(), []

    def run() -> None:
        while not over.wait(chance.random() * 2):
            with contextlib.suppress(ProcessLookupError):  # it was replaced at this very moment
                killer.kill(decoder)

    with DecoderProcess() as decoder:
        reader = decoder.read_samples(clip, 0, PLAN)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            for sample in reader:
                got.append(sample)
                time.sleep(0.01)  # a detector's work, so that the kills spread over the clip
        finally:
            over.set()
            thread.join()
    assert killer.killed
    check(got, reader.coverage_facts, whole)
    check_sums(reader.coverage_facts, unbroken, len(got))
