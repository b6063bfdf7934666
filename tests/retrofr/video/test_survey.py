"""What a file's packets say without decoding them."""

from __future__ import annotations

import pickle
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clips
from retrofr.errors import ExhibitError
from retrofr.video.decoding.timing import Break
from retrofr.video.facts import FirstLook, StreamSurvey, Survey
from retrofr.video.headers.rhythm import RhythmMeter
from retrofr.video.survey import survey

STEP = Fraction(1, 25)
MILLISECOND = Fraction(1, 1000)


def only(path: Path) -> StreamSurvey:
    surveyed = survey(path, path.name)
    assert surveyed == Survey(surveyed.streams)
    (stream,) = surveyed.streams
    return stream


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts", "mov", "asf"])
@pytest.mark.parametrize("b_frames", [0, 3])
def test_an_even_clip_in_every_container(tmp_path: Path, ending: str, b_frames: int) -> None:
    path = clips.make_clip(
        tmp_path / f"a.{ending}", container={"ts": "mpegts"}.get(ending), b_frames=b_frames
    )
    stream = only(path)
    assert (stream.packets, stream.keyframes, stream.keyframe_packets) == (50, 2, 25)
    assert (stream.start_seconds, stream.segments, stream.stamps_missing) == (0, 1, 0)
    assert stream.recorded_seconds == pytest.approx(2, abs=0.002)
    assert stream.breaks == stream.holes == ()
    assert (stream.rhythm.character, stream.rhythm.steps) == ("constant", 49)
    assert stream.rhythm.usual_step == pytest.approx(0.04, abs=0.0001)
    assert stream.look == FirstLook(320, 240, "yuv420p", interlaced=False, rotation_degrees=0)


def test_a_survey_travels_between_processes_and_reports_its_progress(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mkv")
    seen: list[int] = []
    surveyed = survey(path, "a.mkv", on_progress=seen.append)
    assert pickle.loads(pickle.dumps(surveyed)) == surveyed
    assert seen == sorted(seen)
    assert len(seen) >= 50
    assert seen[-1] == surveyed.streams[0].size_bytes


def test_a_variable_rate_and_a_gap(tmp_path: Path) -> None:
    times, at = [], 0
    for n in range(50):
        times.append(at)
        at += 600_000 if n == 24 else (40, 40, 200, 1000)[n % 4]
    path = clips.make_clip(tmp_path / "a.mkv", time_base=MILLISECOND, times=times)
    stream = only(path)
    before, after = Fraction(times[24], 1000), Fraction(times[25], 1000)
    assert stream.breaks == (Break("gap", before, after),)
    assert (stream.gaps, stream.steps_back, stream.gap_seconds) == (1, 0, 600)
    assert stream.rhythm.character == "variable"
    assert (stream.rhythm.usual_step, stream.rhythm.longest_step) == (STEP, 1)
    assert stream.recorded_seconds is not None
    assert stream.end_seconds is not None
    assert stream.end_seconds - stream.recorded_seconds == pytest.approx(600, abs=1)


def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    start = datetime(2024, 3, 31, 0, 59, 55)
    stream = only(clips.make_dav(tmp_path / "a.dav", start=start, set_back_at=25))
    assert (stream.steps_back, stream.gaps, stream.segments) == (1, 0, 2)
    assert stream.breaks == (Break("back", Fraction(24, 25), Fraction(1) - 3600),)
    assert stream.recorded_seconds == 2


def test_frames_missing_in_an_even_stream_are_a_hole(tmp_path: Path) -> None:
    times = [n if n < 25 else n + 50 for n in range(50)]
    path = clips.make_clip(tmp_path / "a.mp4", time_base=STEP, times=times)
    stream = only(path)
    assert stream.rhythm.character == "constant"
    assert stream.holes == ((Fraction(24, 25), Fraction(3)),)
    assert (stream.hole_count, stream.gaps) == (1, 0)


@pytest.mark.parametrize("container", ["h264", "hevc"])
def test_a_bare_stream_has_no_times(tmp_path: Path, container: str) -> None:
    codec = {"h264": "libx264", "hevc": "libx265"}[container]
    stream = only(clips.make_clip(tmp_path / "a", container=container, codec=codec))
    assert (stream.packets, stream.stamps_missing) == (50, 50)
    assert stream.start_seconds is stream.end_seconds is stream.recorded_seconds is None
    assert stream.rhythm.character == "unknown"


def test_a_program_stream_with_few_times_is_as_long_as_it_is(tmp_path: Path) -> None:
    stream = only(clips.make_clip(tmp_path / "a.ps", container="vob"))
    assert 0 < stream.stamps_missing < stream.packets == 50
    assert stream.recorded_seconds == 2
    assert (stream.rhythm.character, stream.rhythm.usual_step) == ("constant", STEP)


def test_two_cameras_share_media_time(tmp_path: Path) -> None:
    first, second = survey(clips.make_two_cameras(tmp_path / "a.mkv", second_starts=10), "a.mkv").streams
    assert (first.start_seconds, second.start_seconds) == (0, Fraction(2, 5))


def test_what_only_pictures_tell(tmp_path: Path) -> None:
    turned = only(clips.make_clip(tmp_path / "a.mp4", rotation=90)).look
    assert turned is not None
    assert turned.rotation_degrees == 90
    options = {"flags": "+ildct+ilme", "x264-params": "tff=1:threads=1"}
    woven = only(clips.make_clip(tmp_path / "b.mp4", options=options)).look
    assert woven is not None
    assert woven.interlaced


def test_a_single_frame_has_a_picture_and_no_rate(tmp_path: Path) -> None:
    stream = only(clips.make_clip(tmp_path / "a.mp4", frames=1, b_frames=2))
    assert (stream.packets, stream.rhythm.character) == (1, "unknown")
    assert stream.look is not None
    assert stream.recorded_seconds == STEP


def test_a_stream_without_a_decodable_picture(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=10)
    stream = only(clips.break_packets(path, range(10)))
    assert stream.packets == 10
    assert stream.look is None


def test_truncation_and_reported_damage(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", container_options={"movflags": "+faststart"})
    surveyed = survey(clips.cut(path, 0.6), "a.mp4")
    (stream,) = surveyed.streams
    assert 20 < stream.packets < 40
    assert stream.corrupt_packets == 1
    assert stream.end_seconds == stream.packets * STEP


def test_sound_alone_cannot_be_surveyed(tmp_path: Path) -> None:
    with pytest.raises(ExhibitError, match="no recorded video stream in this file"):
        survey(clips.make_sound(tmp_path / "a.mp4"), "a.mp4")


def test_sound_in_front_of_the_video_does_not_matter(tmp_path: Path, shared_data: Path) -> None:
    """The mark at the end of demuxing belongs to stream 0, whatever was asked for."""
    path = shared_data / "odd/photoprism/assets/examples/blue-go-video.mp4"
    assert survey(path, "a").streams[0].packets == 68


# ---- the frame-rate character --------------------------------------------------------------------------------


@given(st.integers(1, 5000), st.integers(20, 200), st.integers(0, 1000))
def test_rounding_to_milliseconds_leaves_a_constant_rate(step: int, frames: int, phase: int) -> None:
    """Frames every step/10 ms, stored in whole milliseconds as Matroska does."""
    meter = RhythmMeter(MILLISECOND)
    stamps = [(phase + n * (step + 20)) // 10 for n in range(frames)]
    for a, b in pairwise(stamps):
        meter.add(b - a)
    rhythm = meter.rhythm()
    assert rhythm.character == "constant"
    assert rhythm.usual_step is not None
    assert abs(rhythm.usual_step - Fraction(stamps[-1] - stamps[0], 1000 * (frames - 1))) <= 2 * MILLISECOND


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=2000))
def test_steps_are_bounded_by_the_shortest_and_the_longest(steps: list[int]) -> None:
    meter = RhythmMeter(Fraction(1, 90_000))
    for step in steps:
        meter.add(step)
    rhythm = meter.rhythm()
    assert rhythm.usual_step is not None
    assert rhythm.shortest_step == Fraction(min(steps), 90_000)
    assert rhythm.longest_step == Fraction(max(steps), 90_000)
    assert rhythm.shortest_step <= rhythm.usual_step <= rhythm.longest_step
    assert rhythm.steps == len(steps)


def test_a_stream_that_changes_its_rate_is_variable() -> None:
    meter = RhythmMeter(MILLISECOND)
    for step in [40] * 50 + [80] * 50:
        meter.add(step)
    assert meter.rhythm().character == "variable"


def test_nothing_measured_is_unknown() -> None:
    rhythm = RhythmMeter(MILLISECOND).rhythm()
    assert (rhythm.character, rhythm.rate) == ("unknown", None)
