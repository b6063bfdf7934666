"""Reading through a decoder process that comes to harm: what is lost, what is told of it, and that nothing else is."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrofr.errors import ExhibitError
from retrofr.records import Sample, TimeRange
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from slow_reader import make_footage, open_slowly

PLAN = ReadingPlan(SamplingSettings())
SEGV = "the decoder crashed (SIGSEGV)"


def process(stall_seconds: float = 30) -> DecoderProcess:
    return DecoderProcess(VideoSettings(stall_seconds=stall_seconds), open_reader=open_slowly)


def read(folder: Path, *, stall_seconds: float = 30, **harm: Any) -> tuple[list[Sample], CoverageFacts]:
    """The samples of made-up footage of 10 s in slices of 2 s, one sample a second, and what became of the rest."""
    exhibit = make_footage(folder / "made-up.json", **harm)
    with process(stall_seconds) as decoder, decoder.read_samples(exhibit, 0, PLAN) as reader:
        return list(reader), reader.coverage_facts


def packets(samples: list[Sample]) -> list[int | None]:
    return [sample.frame.packet for sample in samples]


def fates(facts: CoverageFacts) -> list[tuple[str, float, float, int]]:
    return [(r.kind, float(r.start_seconds), float(r.end_seconds), r.segment) for r in facts.ranges]


def same(one: Sample, other: Sample) -> bool:
    return one.frame == other.frame and one.shot == other.shot and np.array_equal(one.image, other.image)


def test_samples_and_facts_are_those_of_the_reader_itself(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json")
    with open_slowly(exhibit, 0, PLAN) as direct:
        expected = list(direct)
    samples, facts = read(tmp_path)
    assert len(samples) == len(expected) == 10
    assert all(map(same, samples, expected))
    assert facts == direct.coverage_facts


def test_a_crash_that_does_not_repeat_loses_nothing(tmp_path: Path) -> None:
    whole, unbroken = read(tmp_path)
    samples, facts = read(tmp_path, crash_at=[35], only_once=True)
    assert len(samples) == len(whole)
    assert all(map(same, samples, whole))
    assert facts.notes == ["the decoder was restarted once"]
    assert dataclasses.replace(facts, notes=[], problems=[]) == dataclasses.replace(unbroken, problems=[])


def test_a_crash_that_repeats_loses_the_rest_of_its_slice_by_name(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[35])
    assert packets(samples) == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert fates(facts) == [("searched", 0, 3.1, 0), ("lost", 3.1, 4, 0), ("searched", 4, 10, 1)]
    assert facts.problems[0] == f"lost between 3.100 s and 4.000 s: {SEGV}"
    assert facts.ranges[1] == TimeRange("lost", Fraction(31, 10), Fraction(4), 0, SEGV)
    assert facts.notes == ["the decoder was restarted 2 times"]
    assert (facts.samples, facts.segments) == (10, 2)
    assert facts.searched_seconds + facts.lost_seconds == 10
    assert facts.searched_seconds == sum(r.seconds for r in facts.ranges if r.kind == "searched")


def test_two_crashes_in_a_slice_lose_it_even_at_different_places(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[25, 35], only_once=True)
    assert packets(samples) == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert fates(facts)[1] == ("lost", 3.1, 4, 0)


@pytest.mark.slow
def test_crashes_in_different_slices_are_each_retried(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[5, 25, 45, 65, 85], only_once=True)
    assert len(samples) == 10
    assert fates(facts) == [("searched", 0, 10, 0)]
    assert facts.notes == ["the decoder was restarted 5 times"]


@pytest.mark.slow
def test_neighbouring_slices_that_are_lost_are_one_stretch(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[35, 40])
    assert packets(samples) == [0, 10, 20, 30, 60, 70, 80, 90]
    assert fates(facts) == [("searched", 0, 3.1, 0), ("lost", 3.1, 6, 0), ("searched", 6, 10, 1)]


def test_a_crash_before_the_first_frame(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[0])
    assert packets(samples) == [20, 30, 40, 50, 60, 70, 80, 90]
    assert [sample.frame.ordinal for sample in samples[:2]] == [0, 10]
    assert fates(facts) == [("lost", 0, 2, 0), ("searched", 2, 10, 0)]


def test_a_crash_in_the_last_slice_loses_up_to_the_declared_end(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_at=[95])
    assert len(samples) == 10
    assert fates(facts)[-1] == ("lost", 9.1, 10, 0)
    assert facts.problems == [f"lost between 9.100 s and 10.000 s: {SEGV}"]


def test_a_place_that_cannot_be_passed_loses_the_rest(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_while_skipping=[47])
    assert packets(samples) == [0, 10, 20, 30, 40]
    assert fates(facts) == [("searched", 0, 4.1, 0), ("lost", 4.1, 10, 0)]
    assert facts.notes == ["the decoder was restarted 4 times"]


@pytest.mark.slow
def test_a_file_that_crashes_everywhere_is_given_up(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, frames=1000, slice_frames=20, crash_at=list(range(20, 1000)))
    assert packets(samples) == [0, 10]
    assert fates(facts)[-1] == ("lost", 1.1, 100, 0)
    assert facts.notes == ["the decoder was restarted 6 times"], "three slices in a row, not forty-nine"


def test_a_hang_loses_the_rest_of_its_slice(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, stall_seconds=1.5, hang_at=[55])
    assert len(samples) == 10
    assert fates(facts)[1] == ("lost", 5.1, 6, 0)
    assert facts.problems[0] == (
        "lost between 5.100 s and 6.000 s: the decoder hung (no sign of life for 1.5 s)"
    )


def test_work_that_takes_longer_than_the_stall_time_is_no_hang(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, stall_seconds=1.0, millis=20)  # a sample takes 0.2 s, all of it 2 s
    assert len(samples) == 10
    assert facts.notes == []


def test_a_parent_that_takes_its_time_is_no_hang(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json")
    with process(1.0) as decoder, decoder.read_samples(exhibit, 0, PLAN) as reader:
        next(reader)
        time.sleep(2.5)
        assert len(list(reader)) == 9
        assert reader.coverage_facts.notes == []


def test_a_file_without_end_is_left(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, endless=True, frames=100)
    assert len(samples) > 100
    assert facts.problems[-1] == (
        "the file does not come to an end: more was read from it than it can hold; "
        f"reading was ended at {float(facts.last_seconds or 0):.3f} s"
    )


def test_a_crash_at_each_opening_is_an_error(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json", crash_when_opened=True)
    with process() as decoder:
        with pytest.raises(ExhibitError) as raised:
            decoder.read_samples(exhibit, 0, PLAN)
        assert str(raised.value).startswith(f"made-up.json: {SEGV} while it was read")
        with decoder.read_samples(make_footage(tmp_path / "ok.json"), 0, PLAN) as reader:
            assert len(list(reader)) == 10


def test_a_crash_at_the_first_opening_is_noted(tmp_path: Path) -> None:
    samples, facts = read(tmp_path, crash_when_opened=True, only_once=True)
    assert len(samples) == 10
    assert facts.notes == ["the decoder was restarted once"]


def test_a_file_that_vanishes_between_two_legs_loses_the_rest(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json", millis=10)
    with process() as decoder, decoder.read_samples(exhibit, 0, PLAN) as reader:
        got = [next(reader), next(reader)]
        exhibit.path.unlink()
        assert decoder.pid is not None
        os.kill(decoder.pid, signal.SIGKILL)
        got += reader
    last = got[-1].frame.until_seconds
    assert reader.coverage_facts.problems == [
        f"lost between {float(last):.3f} s and 10.000 s: does not exist any more"
    ]


def test_a_bug_in_the_reader_is_not_taken_for_damage(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="35") as raised:
        read(tmp_path, bug_at=35)
    assert "in the decoder process" in raised.value.__notes__[0]


def test_a_reader_left_early_frees_the_process_and_keeps_what_was_done(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json", frames=100_000, millis=1)
    with process() as decoder:
        pid = decoder.call(os.getpid, subject="x")
        with decoder.read_samples(exhibit, 0, PLAN) as reader:
            next(reader)
            with pytest.raises(RuntimeError, match="still reading"):
                decoder.call(os.getpid, subject="x")
            began = time.monotonic()
        assert time.monotonic() - began < 1
        assert reader.coverage_facts.samples == 1
        assert reader.coverage_facts.last_seconds == Fraction(1, 10), "what was read ahead is not searched"
        assert len(reader.coverage_facts.problems) == 1
        assert decoder.call(os.getpid, subject="x") == pid
        reader.close()


def test_a_reader_that_does_not_obey_is_killed(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json", hang_at=[15])
    with process() as decoder:
        with decoder.read_samples(exhibit, 0, PLAN) as reader:
            assert packets([next(reader), next(reader)]) == [0, 10]
            pid = decoder.pid
            time.sleep(0.3)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert decoder.call(os.getpid, subject="x") != pid


def test_position_is_told_now_and_then(tmp_path: Path) -> None:
    exhibit = make_footage(tmp_path / "made-up.json", millis=15)
    told: list[Fraction] = []
    with process() as decoder, decoder.read_samples(exhibit, 0, PLAN, on_position=told.append) as reader:
        list(reader)
    assert told == sorted(told)
    assert all(0 <= seconds <= 10 for seconds in told)
