"""A reading that goes on where another one was cut off gives what an unbroken one would have given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clips
from retrofr.records import Exhibit, Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.plan import ReadingPlan, Resume
from retrofr.video.reader import CoverageFacts, SliceStart, read_samples

FRAMES = 160
SLICES = VideoSettings(slice_seconds=2.0)
SUMMED = ["frames", "samples", "suspect_frames"] + [
    field.name
    for field in fields(CoverageFacts)
    if field.name.endswith("_seconds") and field.name.split("_")[0] not in ("first", "last", "declared")
]


def with_gap(path: Path) -> Path:
    times = [n * 40 + n % 3 + (20_000 if n > 70 else 0) for n in range(FRAMES)]
    return clips.make_clip(path, frames=FRAMES, time_base=Fraction(1, 1000), times=times, b_frames=2)


def set_back(path: Path) -> Path:
    start = datetime(2024, 10, 27, 2, 59, 59)
    return clips.make_dav(path, start=start, frames=FRAMES, set_back_at=70)


def clip(**options: Any) -> Callable[[Path], Path]:
    return lambda path: clips.make_clip(path, frames=FRAMES, **options)


CLIPS: dict[str, Callable[[Path], Path]] = {
    "a.mp4": clip(b_frames=3),
    "a.ts": clip(container="mpegts", b_frames=2),
    "a.h264": clip(container="h264"),
    "b.h264": clip(container="h264", b_frames=3),
    "a.mpg": clip(container="vob"),
    "a.mkv": clip(b_frames=3),
    "a.avi": clip(b_frames=3),
    "hevc.mp4": clip(codec="libx265", b_frames=3),
    "gap.mp4": with_gap,
    "a.dav": set_back,
}


@dataclass
class Whole:
    """An unbroken reading: its samples, and after each one the point to go on from and the facts so far."""

    exhibit: Exhibit
    plan: ReadingPlan
    samples: list[Sample]
    points: list[Resume | None]
    facts: list[CoverageFacts]
    at_end: CoverageFacts
    starts: list[SliceStart]


def read_whole(path: Path, rate: float) -> Whole:
    exhibit = open_exhibit(FootageFile(path, path.name))
    plan = ReadingPlan(SamplingSettings(rate=rate), SLICES)
    starts: list[SliceStart] = []
    with read_samples(exhibit, 0, plan, on_slice=starts.append) as reader:
        whole = Whole(exhibit, plan, [], [], [], reader.coverage_facts, starts)
        for sample in reader:
            whole.samples.append(sample)
            whole.points.append(reader.resume_point())
            whole.facts.append(replace(reader.coverage_facts))
    return whole


def resumed(whole: Whole, resume: Resume) -> tuple[list[Sample], CoverageFacts]:
    with read_samples(whole.exhibit, 0, replace(whole.plan, resume=resume)) as reader:
        return list(reader), reader.coverage_facts


def assert_same(found: list[Sample], wanted: list[Sample]) -> None:
    assert [sample.frame for sample in found] == [sample.frame for sample in wanted]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("rate", [120.0, 2.0])
def test_it_gives_the_same_samples_and_the_facts_add_up(tmp_path: Path, name: str, rate: float) -> None:
    whole = read_whole(CLIPS[name](tmp_path / name), rate)
    count = len(whole.samples)
    for n in {0, 1, count // 3, count // 2, count - 2}:
        point = whole.points[n]
        assert point is not None
        found, facts = resumed(whole, point)
        assert_same(found, whole.samples[n + 1 :])
        for fact in SUMMED:
            told = getattr(whole.facts[n], fact) + getattr(facts, fact)
            assert told == getattr(whole.at_end, fact), fact
        assert max(whole.facts[n].segments, facts.segments) == whole.at_end.segments


@pytest.mark.parametrize("name", CLIPS)
def test_it_can_begin_with_any_slice(tmp_path: Path, name: str) -> None:
    whole = read_whole(CLIPS[name](tmp_path / name), 120.0)
    assert len(whole.starts) >= 3
    for start in whole.starts[1:]:
        wanted = [s for s in whole.samples if (s.frame.packet or 0) >= start.packet]
        segment = whole.samples[len(whole.samples) - len(wanted) - 1].frame.segment
        found, _ = resumed(whole, Resume(start.number, None, wanted[0].frame.ordinal, segment))
        assert_same(found, wanted)


def test_slices_begin_at_keyframes_once_they_are_long_enough(tmp_path: Path) -> None:
    whole = read_whole(CLIPS["a.mp4"](tmp_path / "a.mp4"), 2.0)
    assert whole.starts == [SliceStart(n, 50 * n, Fraction(2 * n)) for n in range(4)]


def test_a_jump_in_time_ends_a_slice_at_the_next_keyframe(tmp_path: Path) -> None:
    whole = read_whole(CLIPS["a.dav"](tmp_path / "a.dav"), 2.0)
    # The clock is set back at frame 70, in the slice that began with 50; the next keyframe is 75.
    assert [start.packet for start in whole.starts] == [0, 50, 75, 125]


def test_numbers_go_on_where_the_caller_says(tmp_path: Path) -> None:
    whole = read_whole(CLIPS["a.mkv"](tmp_path / "a.mkv"), 2.0)
    found, facts = resumed(whole, Resume(2, None, 5000, 7))
    assert found[0].frame.ordinal == 5000
    assert {sample.frame.segment for sample in found} == {7}
    assert facts.segments == 8
    assert {r.segment for r in facts.ranges} == {7}


def test_damage_told_before_is_not_told_again(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.avi", frames=100, codec="mjpeg", pixel_format="yuvj420p")
    clips.break_packets(path, [52, 60])
    whole = read_whole(path, 120.0)
    assert whole.at_end.damaged_packets == 2
    n = next(n for n, sample in enumerate(whole.samples) if sample.frame.packet == 55)
    point = whole.points[n]
    assert point == Resume(1, 55, 55, 0)
    _, facts = resumed(whole, point)
    assert facts.damaged_packets == 1
    assert facts.problems == ["1 damaged packet at 2.400 s"]


def test_a_slice_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    whole = read_whole(CLIPS["a.mp4"](tmp_path / "a.mp4"), 2.0)
    found, facts = resumed(whole, Resume(99, None, 160, 0))
    assert found == []
    assert (facts.frames, facts.ranges, facts.problems) == (0, [], [])


def test_the_caller_hears_of_every_packet(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES)
    whole = read_whole(path, 2.0)
    sizes: list[int] = []
    plan = replace(whole.plan, resume=Resume(2, None, 100, 0))
    with read_samples(whole.exhibit, 0, plan, on_packet=sizes.append) as reader:
        list(reader)
    assert sum(sizes) == sum(size for _, _, _, size in clips.packets_of(path))
    assert len([size for size in sizes if size]) == FRAMES


def test_what_the_caller_raises_comes_out(tmp_path: Path) -> None:
    exhibit = open_exhibit(FootageFile(clips.make_clip(tmp_path / "a.mp4", frames=300), "a.mp4"))
    heard: list[int] = []

    def on_packet(size: int) -> None:
        heard.append(size)
        if len(heard) == 200:
            raise BrokenPipeError("the parent is gone")  # an OSError, as damaged files raise too

    with (
        pytest.raises(BrokenPipeError, match="the parent is gone"),
        read_samples(exhibit, 0, SamplingSettings(rate=2.0), on_packet=on_packet) as reader,
    ):
        list(reader)
    assert len(heard) == 200
