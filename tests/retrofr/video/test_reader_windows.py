"""Reading only what lies in a time window: the same samples as from all of it, at a part of the cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clips
from retrofr.records import Sample
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit
from retrofr.video.decoding.windows import Window, in_windows
from retrofr.video.footage import FootageFile
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts, read_samples

FRAMES = 200
MIDDLE: tuple[Window, ...] = ((Fraction(41, 10), Fraction(51, 10)),)
ENDS: tuple[Window, ...] = ((None, Fraction(1)), (Fraction(7), None))
NONE: tuple[Window, ...] = ((Fraction(100), None),)


def read(
    path: Path, windows: tuple[Window, ...] = (), rate: float = 120.0
) -> tuple[list[Sample], CoverageFacts]:
    plan = replace(ReadingPlan(SamplingSettings(rate=rate, gate=False)), windows=windows)
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, plan) as reader:
        return list(reader), reader.coverage_facts


def where(sample: Sample) -> tuple[Any, ...]:
    frame = sample.frame
    return frame.segment, frame.packet, frame.seconds, frame.until_seconds


@pytest.mark.parametrize("windows", [MIDDLE, ENDS, NONE], ids=["middle", "ends", "none"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {}),
        ("b.mp4", {"b_frames": 3}),
        ("a.ts", {"container": "mpegts", "b_frames": 2}),
        ("a.mkv", {"b_frames": 3}),
        ("a.avi", {"b_frames": 3}),
        ("hevc.mp4", {"codec": "libx265", "b_frames": 3}),
        ("open.mpg", {"codec": "mpeg2video", "container": "mpeg", "options": {"bf": "2", "g": "12"}}),
        ("a.mpg", {"container": "vob"}),
        ("a.h264", {"container": "h264"}),
    ],
)
def test_samples_are_those_of_the_whole_inside(
    tmp_path: Path, name: str, options: dict[str, Any], windows: tuple[Window, ...]
) -> None:
    path = clips.make_clip(tmp_path / name, frames=FRAMES, **options)
    whole, all_facts = read(path)
    found, facts = read(path, windows)
    wanted = [sample for sample in whole if in_windows(sample.frame.seconds, windows)]
    assert [where(sample) for sample in found] == [where(sample) for sample in wanted]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(found, wanted, strict=True))
    assert facts.searched_seconds == sum(s.frame.until_seconds - s.frame.seconds for s in wanted)
    assert facts.searched_seconds + facts.outside_seconds == all_facts.searched_seconds
    assert facts.problems == []


def test_a_window_decodes_no_more_than_the_groups_it_touches(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=1500, b_frames=2, size=(64, 64), picture=tiny)
    _, facts = read(path, ((Fraction(30), Fraction(31)),), rate=2.0)
    assert facts.frames == 25
    _, facts = read(path, MIDDLE, rate=2.0)
    assert facts.frames == 50
    assert [(r.kind, r.start_seconds, r.end_seconds) for r in facts.ranges] == [
        ("outside", 0, Fraction(412, 100)),
        ("searched", Fraction(412, 100), Fraction(512, 100)),
        ("outside", Fraction(512, 100), 60),
    ]


def tiny(number: int, width: int, height: int) -> clips.Image:
    return np.full((height, width, 3), 40 + number % 100, np.uint8)


def test_a_window_between_two_points_of_the_grid_has_a_sample(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=100)
    samples, _ = read(path, ((Fraction(11, 10), Fraction(13, 10)),), rate=0.5)
    assert [sample.frame.seconds for sample in samples] == [Fraction(28, 25)]


def test_a_gap_that_is_skipped_still_parts_segments(tmp_path: Path) -> None:
    times = [n * 40 + (20_000 if n > 100 else 0) for n in range(FRAMES)]
    path = clips.make_clip(
        tmp_path / "a.mp4", frames=FRAMES, time_base=Fraction(1, 1000), times=times, b_frames=2
    )
    windows: tuple[Window, ...] = ((Fraction(0), Fraction(1)), (Fraction(27), None))
    samples, facts = read(path, windows)
    assert {sample.frame.segment for sample in samples} == {0, 1}
    assert facts.problems == ["no picture between 4.000 s and 24.040 s"]
    assert facts.gap_seconds == 20
    assert facts.frames < 75


def test_a_clock_that_was_set_back_into_the_window_is_searched_there_too(tmp_path: Path) -> None:
    start = datetime(2024, 10, 27, 2, 59, 59)
    path = clips.make_dav(tmp_path / "a.dav", start=start, frames=FRAMES, set_back_at=70)
    samples, facts = read(path, ((Fraction(-3598), Fraction(-3597)),))
    # Frame 70 is at 2.8 s less an hour, -3597.2 s.
    assert [clips.number_in(sample.image) for sample in samples] == list(range(70, 75))
    assert {sample.frame.segment for sample in samples} == {1}
    # Where the date changes, the demuxer goes on from the whole second that the recorder writes.
    assert facts.problems == ["time steps back from 2.760 s to -3598.000 s"]


def test_nothing_inside_is_not_taken_for_a_broken_file(tmp_path: Path) -> None:
    samples, facts = read(clips.make_clip(tmp_path / "a.mp4"), NONE)
    assert samples == []
    assert (facts.frames, facts.outside_seconds, facts.problems) == (0, 2, [])
    assert [(r.kind, r.start_seconds, r.end_seconds) for r in facts.ranges] == [("outside", 0, 2)]
