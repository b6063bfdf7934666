"""Every recording of the table, read frame by frame: what it shows against what is said of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import retrofr
from recordings.cases import Expected, expectations, read_table
from recordings.reading import Reading, see
from retrofr.errors import ExhibitError, RefusedError
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile, find_footage
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import read_samples

EVERY_FRAME = ReadingPlan(SamplingSettings(rate=120.0, gate=False))
EXPECTATIONS = expectations()
EACH = pytest.mark.parametrize("expected", EXPECTATIONS, ids=lambda expected: expected.id)


@pytest.fixture
def path(expected: Expected, made: Path, request: pytest.FixtureRequest) -> Path:
    shared = None if expected.is_made else request.getfixturevalue("shared_data")
    return expected.path(made, shared)


@pytest.fixture(scope="session")
def decoder() -> Iterator[Any]:
    from retrofr.video.isolated import DecoderProcess

    with DecoderProcess(VideoSettings()) as process:
        yield process


def faults_of_refusal(expected: Expected, reason: str, hint: str | None) -> list[str]:
    if expected.status != "none":
        return [f"not searched: {reason}"]
    faults = [] if re.search(expected.reason, reason) else [f"the reason is {reason!r}"]
    return faults + ([] if re.search(expected.hint, hint or "") else [f"the hint is {hint!r}"])


def read(expected: Expected, path: Path, decoder: Any = None) -> list[str]:
    """Read one stream to its end, in this process or in the decoder's, and compare it with its entry."""
    try:
        exhibit = open_exhibit(FootageFile(path, path.name))
        if decoder is None:
            reader: Any = read_samples(exhibit, expected.stream, EVERY_FRAME)
        else:
            reader = decoder.read_samples(exhibit, expected.stream, EVERY_FRAME)
    except ExhibitError as error:
        faults = [] if error.subject == path.name else [f"the subject is {error.subject!r}"]
        return faults + faults_of_refusal(expected, error.reason, error.hint)
    with reader:
        seen = [see(sample, expected) for sample in reader]
    reading = Reading(expected, exhibit, seen, reader.coverage_facts, logged=decoder is not None)
    if reading.status == "none":
        return faults_of_refusal(expected, "; ".join(reading.facts.problems), None)
    return reading.faults()


@EACH
def test_each_recording_is_as_the_table_has_it(expected: Expected, path: Path) -> None:
    faults = read(expected, path)
    assert not faults, "\n".join(faults)


@EACH
def test_each_recording_is_the_same_from_the_decoder_process(
    expected: Expected, path: Path, decoder: Any
) -> None:
    faults = read(expected, path, decoder)
    assert not faults, "\n".join(faults)


def test_every_file_that_is_made_is_in_the_table(made: Path) -> None:
    assert sorted({e.file for e in EXPECTATIONS if e.is_made}) == sorted(path.name for path in made.iterdir())


def test_every_video_stream_is_in_the_table(made: Path) -> None:
    for path in made.iterdir():
        listed = sorted(e.stream for e in EXPECTATIONS if e.file == path.name)
        try:
            exhibit = open_exhibit(FootageFile(path, path.name))
        except ExhibitError:
            continue
        assert listed == [stream.index for stream in exhibit.streams], path.name


def test_a_case_without_a_file_has_its_test_here() -> None:
    named = [case.test for case in read_table()[1] if case.test]
    assert named
    assert set(named) <= set(globals())


def test_requirement_05_a_growing_file_is_refused(made: Path, tmp_path: Path) -> None:
    growing = tmp_path / "growing.ts"
    whole = (made / "ok.ts").read_bytes()
    growing.write_bytes(whole[: len(whole) // 2])

    def grow(_done: int) -> None:
        with growing.open("ab") as file:
            file.write(whole[:188])

    with pytest.raises(ExhibitError) as caught:
        open_exhibit(FootageFile(growing, growing.name), grow)
    assert caught.value.reason == "is still being written to"
    assert caught.value.hint == "only finished recordings can be searched; wait for it, or search a copy"
    assert caught.value.exit_code == 8


def test_requirement_05_what_is_live_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "live.mp4"
    os.mkfifo(pipe)
    for live, reason in (
        (pipe, "is a pipe"),
        ("/dev/null", "is a device"),
        ("rtsp://camera.invalid/1", "is an address, not a file"),
        ("-", "standard input is not a recorded file"),
    ):
        with pytest.raises(RefusedError) as caught:
            find_footage([live])
        assert (caught.value.reason, caught.value.exit_code) == (reason, 8)
    with pytest.raises(RefusedError):
        retrofr.search([pipe], [tmp_path / "nobody.png"])


# ---- the checks themselves ---------------------------------------------------------------------------------


def changed(expected: Expected, **fields: object) -> Expected:
    return replace(expected, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"frames": 251}, "250 frames, not 251"),
        ({"first": 1}, "frames a frame or more from their time"),
        ({"sources": ("dts",)}, "times from"),
        ({"segments": 2}, "1 segments, not 2"),
        ({"status": "gaps"}, "status searched, not gaps"),
        ({"problems": ("lost",)}, "no problem has 'lost'"),
        ({"rotation": 180}, "0 good frames"),
        ({"shown": (240, 320)}, "pictures of"),
        ({"source": "DHAV"}, "the clock comes from"),
        ({"ranges": ("missing",)}, "no range is missing"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_as_the_table_has_it_is_noticed(made: Path, fields: dict[str, Any], fault: str) -> None:
    (expected,) = [e for e in EXPECTATIONS if e.file == "ok.mp4"]
    faults = read(changed(expected, **fields), made / "ok.mp4")
    assert any(fault in found for found in faults), faults
