"""How fast footage is indexed: the same samples both ways, nothing kept, every failure named."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import RATE, break_packets, make_clip, make_two_cameras, numbered_picture
from fakes import COLOURS, draw_face
from retrofr.errors import UsageError
from retrofr.events import Advanced, Event, ExhibitFinished, ExhibitStarted, RunStarted, Skipped
from retrofr.records import Pixels, VideoStream
from retrofr.results import Unsearched
from retrofr.settings import Settings
from retrofr.speed.machine import MemoryWatch, held_bytes
from retrofr.speed.measured import Indexing, Recording, Round, SpeedResult
from retrofr.speed.measuring import measure_speed
from retrofr.speed.reading import Decoding
from retrofr.speed.stages import STAGES, Spent, Stopwatch

Parts = dict[str, dict[str, object]]
STREAM = VideoStream(0, "h264", 320, 240, Fraction(25), Fraction(60))


def visitor(number: int, width: int, height: int) -> Pixels:
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 20 + number % 30, 60, 60)
    return image


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four seconds with a visitor all the time."""
    return make_clip(tmp_path / "cam1.mp4", frames=4 * RATE, picture=visitor, keyframe_every=RATE)


@pytest.fixture
def settings(fake_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("retrofr.comparison.build_landmark_net", lambda *_: None)  # real, and slow to load
    return Settings.from_mapping({name: value for name, value in fake_parts.items() if name != "search"})


def stop_at(calls: int) -> Callable[[], bool]:
    """Says True from the so-many-th time on."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= calls


def test_both_ways_look_at_the_same_samples(clip: Path, settings: Settings) -> None:
    result = measure_speed([clip], settings=settings, rounds=2)
    assert result.exit_code == 0
    (recording,) = result.recordings
    assert (recording.name, recording.stream.width, recording.problems) == ("cam1.mp4", 320, ())
    assert recording.media_seconds == result.media_seconds == 4
    for each in recording.rounds:
        decoding, indexing = each.decoding, each.indexing
        assert (decoding.samples, decoding.media_seconds) == (8, 4)
        assert (indexing.samples, indexing.media_seconds, indexing.faces) == (8, 4, 8)
        assert indexing.tracklets >= 1
        assert 1 <= indexing.templates <= 3 * indexing.tracklets
        assert sum(spent.cpu_seconds for spent in indexing.stages.values()) == indexing.cpu_seconds > 0
        assert min(spent.cpu_seconds for spent in indexing.stages.values()) >= 0
        assert indexing.stages["decode"].cpu_seconds > 0
        assert decoding.wall_seconds > 0
    assert len(recording.rounds) == 2
    assert result.samples == 8


def test_only_the_beginning_is_read(clip: Path, settings: Settings) -> None:
    (recording,) = measure_speed([clip], settings=settings, seconds=1.5, rounds=1).recordings
    (each,) = recording.rounds
    assert (each.decoding.samples, each.indexing.samples, each.indexing.faces) == (3, 3, 3)
    assert Fraction(3, 2) <= recording.media_seconds < Fraction(9, 4)


def test_static_footage_is_gone_through_without_being_looked_at(tmp_path: Path, settings: Settings) -> None:
    still = make_clip(
        tmp_path / "still.mp4",
        frames=4 * RATE,
        keyframe_every=4 * RATE,
        picture=lambda _n, w, h: numbered_picture(0, w, h),
    )
    ungated = replace(settings, sampling=replace(settings.sampling, gate=False))
    samples = []
    for chosen in (settings, ungated):
        (recording,) = measure_speed([still], settings=chosen, rounds=1).recordings
        assert recording.media_seconds == 4
        samples.append(recording.rounds[0].indexing.samples)
    assert samples == [1, 8]


def test_nothing_is_written(clip: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clip.parent / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = clip.read_bytes()
    measure_speed([clip], settings=settings, rounds=1)
    assert list(folder.iterdir()) == []
    assert sorted(clip.parent.iterdir()) == [clip, folder]
    assert clip.read_bytes() == before


def test_streams_of_one_file_are_measured_each(tmp_path: Path, settings: Settings) -> None:
    two = make_two_cameras(tmp_path / "two.mp4")
    result = measure_speed([two], settings=settings, rounds=1)
    assert [recording.name for recording in result.recordings] == ["two.mp4, stream 0", "two.mp4, stream 1"]
    assert result.samples == 8
    assert result.exit_code == 0


def test_what_cannot_be_measured_is_named(clip: Path, settings: Settings) -> None:
    (clip.parent / "a.mp4").write_text("this is no video")
    (clip.parent / "notes.txt").touch()
    events: list[Event] = []
    result = measure_speed([clip.parent], settings=settings, rounds=1, listener=events.append)
    assert [recording.name for recording in result.recordings] == ["cam1.mp4"]
    assert [one.subject for one in result.unmeasured] == ["a.mp4"]
    assert [event.subject for event in events if isinstance(event, Skipped)] == ["a.mp4"]
    assert result.ignored == ("notes.txt",)
    assert result.exit_code == 10


def test_where_nothing_can_be_measured(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.mp4").write_text("this is no video")
    result = measure_speed([tmp_path / "a.mp4"], settings=settings)
    assert (result.exit_code, result.recordings, result.projection()) == (3, (), None)


def test_a_stream_that_gives_no_picture_is_not_measured(tmp_path: Path, settings: Settings) -> None:
    clip = break_packets(make_clip(tmp_path / "broken.mp4", frames=20), range(20))
    result = measure_speed([clip], settings=settings, rounds=2)
    (missing,) = result.unmeasured
    assert (missing.subject, result.exit_code) == ("broken.mp4", 3)
    assert missing.reason == "no picture could be made of what was read"


def test_damage_is_told(tmp_path: Path, settings: Settings) -> None:
    clip = break_packets(make_clip(tmp_path / "cam.mp4", frames=50, keyframe_every=10), [13])
    result = measure_speed([clip], settings=settings, rounds=1)
    (recording,) = result.recordings
    assert recording.problems
    assert result.exit_code == 10


def test_events_of_a_run(clip: Path, settings: Settings) -> None:
    events: list[Event] = []
    measure_speed([clip], settings=settings, rounds=2, seconds=3, listener=events.append)
    assert events[0] == RunStarted(2, clip.stat().st_size)
    assert [event for event in events if isinstance(event, ExhibitStarted)] == [
        ExhibitStarted("cam1.mp4", 1, 3.0),
        ExhibitStarted("cam1.mp4", 2, 3.0),
    ]
    assert any(isinstance(event, Advanced) for event in events)
    assert isinstance(events[-1], ExhibitFinished)


@pytest.mark.parametrize("calls", [0, 2, 4])
def test_a_run_that_is_stopped_gives_the_rounds_that_are_done(
    clip: Path, settings: Settings, calls: int
) -> None:
    result = measure_speed([clip], settings=settings, rounds=1, stop=stop_at(calls))
    assert (result.exit_code, result.interrupted, result.recordings) == (130, True, ())


def test_a_finished_round_stays_when_the_run_is_stopped(clip: Path, settings: Settings) -> None:
    finished = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, ExhibitFinished):
            finished.set()

    result = measure_speed([clip], settings=settings, rounds=50, listener=listen, stop=finished.is_set)
    (recording,) = result.recordings
    assert (len(recording.rounds), result.exit_code) == (1, 130)
    assert result.projection() is not None


def test_a_decoder_that_dies_is_no_measurement(
    clip: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is gone with it; a figure without it would flatter."""
    from retrofr.speed.stages import TimedDecoder

    killed = []

    def kill_once(decoder: TimedDecoder) -> int | None:
        if (
            not killed
            and (pid := original(decoder)) is not None
            and threading.current_thread().name.startswith("retrofr mem")
        ):
            killed.append(pid)
            os.kill(pid, 9)
            return pid
        return original(decoder)

    original = TimedDecoder.pid.fget
    assert original is not None
    monkeypatch.setattr(TimedDecoder, "pid", property(kill_once))
    result = measure_speed([clip], settings=settings, rounds=2)
    assert killed
    (missing,) = result.unmeasured
    assert missing.reason == "the decoder crashed on it, so what it takes cannot be told"
    assert (result.recordings, result.exit_code) == ((), 3)


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 3), (-1.0, 3), (60.0, 0)])
def test_what_makes_no_sense(clip: Path, settings: Settings, seconds: float, rounds: int) -> None:
    with pytest.raises(UsageError, match=r"^cannot measure"):
        measure_speed([clip], settings=settings, seconds=seconds, rounds=rounds)


# ---- figures -------------------------------------------------------------------------------------------------


def round_of(wall: float, cpu: float = 1.0, decoding: float = 1.0) -> Round:
    stages = {stage: Spent(cpu / len(STAGES), None) for stage in STAGES}
    indexing = Indexing(wall, cpu, 120, Fraction(60), 5, 1, 3, 10**8, stages)
    return Round(Decoding(decoding, decoding, 120, Fraction(60)), indexing, 0.0)


def result_of(*recordings: Recording, cores: int = 2, workers: int = 1) -> SpeedResult:
    return SpeedResult(recordings, (), (), Settings(), "cpu (a processor)", cores, workers, 1.0)


def recording_of(*rounds: Round) -> Recording:
    return Recording("cam1.mp4", STREAM, rounds)


def test_ratios_are_taken_within_each_round() -> None:
    recording = recording_of(round_of(2, decoding=1), round_of(30, decoding=10), round_of(4, decoding=1))
    assert recording.median(lambda each: each.wall_ratio) == 3
    assert recording.median(lambda each: each.indexing.wall_seconds) == 4
    assert recording.speed == 15


@given(
    walls=st.lists(st.lists(st.floats(0.1, 100), min_size=1, max_size=3), min_size=1, max_size=3),
    workers=st.integers(1, 8),
    cores=st.integers(1, 32),
)
def test_a_projection_is_what_was_measured_times_the_footage(
    walls: list[list[float]], workers: int, cores: int
) -> None:
    recordings = [recording_of(*map(round_of, own)) for own in walls]
    result = result_of(*recordings, cores=cores, workers=workers)
    projection = result.projection()
    assert projection is not None
    hourly = 60 / len(walls)  # a minute of each was measured
    assert projection.wall_seconds == pytest.approx(hourly * sum(median(own) for own in walls))
    assert projection.cpu_seconds == pytest.approx(60.0)
    assert projection.seconds <= projection.wall_seconds
    assert projection.seconds >= min(projection.wall_seconds, projection.cpu_seconds / cores)
    assert projection.take_seconds(10) == 10 * projection.seconds
    if workers == 1:
        assert projection.seconds == projection.wall_seconds


def test_damage_and_what_was_not_measured_are_gaps() -> None:
    whole = result_of(recording_of(round_of(2)))
    missing = Unsearched("b.mp4", "is empty (0 bytes)")
    assert whole.exit_code == 0
    assert replace(whole, unmeasured=(missing,)).exit_code == 10
    assert result_of(replace(whole.recordings[0], problems=("1 damaged packet",))).exit_code == 10
    assert replace(whole, recordings=(), unmeasured=(missing,)).exit_code == 3
    assert replace(whole, interrupted=True).exit_code == 130


def test_stages_must_be_complete() -> None:
    with pytest.raises(ValueError, match="stages: expected"):
        Indexing(1, 1, 1, Fraction(1), 0, 0, 0, None, {"decode": Spent(1.0)})
    with pytest.raises(ValueError, match="at least one"):
        Recording("cam1.mp4", STREAM, ())


def test_a_stopwatch_leaves_other_threads_out() -> None:
    others = 0.0
    watch = Stopwatch(lambda: others)
    with watch.measure("detect"):
        others = 1000.0
    assert watch.spent("detect").cpu_seconds == 0
    with watch.measure("cut"):
        sum(range(300_000))
    spent = watch.spent("cut")
    assert spent.cpu_seconds > 0
    assert spent.wall_seconds is not None
    assert spent.wall_seconds > 0


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not tell")
def test_memory_is_seen_at_its_peak() -> None:
    before = held_bytes(os.getpid())
    assert before is not None
    with MemoryWatch(lambda: [os.getpid(), None]) as watch:
        held = np.ones(60_000_000, np.uint8)
        threading.Event().wait(0.6)
        del held
    assert watch.peak_bytes is not None
    assert watch.peak_bytes >= before + 50_000_000
    assert held_bytes(2**22 + 1) is None  # there is no such process
