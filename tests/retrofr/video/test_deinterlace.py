from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import clips
from retrofr.records import Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts, read_samples

STEP = Fraction(1, 25)
INTERLACED = {"flags": "+ildct+ilme", "x264-params": "tff=1:threads=1"}
NOTE = "interlaced: deinterlaced with bwdif"


def bar_at(moment: float, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A bright bar that moves 16 pixels a frame, as it stands at a moment counted in frames."""
    grey = np.full((height, width), 60, np.uint8)
    left = 20 + int(moment * 16)
    grey[40:, left : left + 40] = 220
    return grey


def woven(number: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Two fields half a frame apart, the upper one first, and the frame's number on top."""
    picture = clips.numbered_picture(number, width, height)
    picture[40:, :, :] = bar_at(number % 12, width, height)[40:, :, None]
    picture[41::2, :, :] = bar_at(number % 12 + 0.5, width, height)[41::2, :, None]
    return picture


def combing(sample: Sample) -> float:
    """Mean difference between a line and what lies above and below it, below the number."""
    grey = sample.image[44:].astype(np.float32).mean(axis=2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def make(path: Path, **options: object) -> Path:
    made = {"options": INTERLACED, "picture": woven, "container": None} | options
    return clips.make_clip(path, **made)  # type: ignore[arg-type]


def read(path: Path, rate: float = 120.0, deinterlace: str = "flagged") -> tuple[list[Sample], CoverageFacts]:
    sampling = SamplingSettings(rate=rate, shot_difference=200.0)
    plan = ReadingPlan(sampling, VideoSettings(deinterlace=deinterlace))
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, plan) as reader:
        return list(reader), reader.coverage_facts


@pytest.mark.parametrize("b_frames", [0, 2])
def test_flagged_frames_lose_their_comb_and_keep_their_times(tmp_path: Path, b_frames: int) -> None:
    path = make(tmp_path / "a.mp4", b_frames=b_frames)
    whole, facts = read(path)
    plain, _ = read(path, deinterlace="off")
    assert [clips.number_in(sample.image) for sample in whole] == list(range(50))
    assert [sample.frame for sample in whole] == [sample.frame for sample in plain]
    assert [sample.frame.seconds for sample in whole] == [n * STEP for n in range(50)]
    assert np.mean([combing(sample) for sample in plain]) > 7
    for ours, theirs in zip(whole, plain, strict=True):
        assert combing(ours) < combing(theirs) / 4
    assert facts.notes == [NOTE]


def test_few_samples_are_deinterlaced_as_they_would_be_among_all(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    every = {sample.frame.ordinal: sample for sample in read(path)[0]}
    some, facts = read(path, rate=4.0)
    assert [sample.frame.ordinal for sample in some] == [0, 7, 13, 19, 25, 32, 38, 44]
    for sample in some:
        assert sample.frame == every[sample.frame.ordinal].frame
        assert np.array_equal(sample.image, every[sample.frame.ordinal].image)
    assert facts.notes == [NOTE]


def test_what_is_not_flagged_is_left_as_it_is(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", options={})
    whole, facts = read(path)
    plain, _ = read(path, deinterlace="off")
    assert all(np.array_equal(a.image, b.image) for a, b in zip(whole, plain, strict=True))
    assert facts.notes == []


def test_a_size_change_ends_one_filter_and_begins_another(tmp_path: Path) -> None:
    copy = {"mpegts_copyts": "1"}
    parts = [
        make(tmp_path / "1.ts", container="mpegts", container_options=copy, frames=25),
        make(
            tmp_path / "2.ts",
            container="mpegts",
            container_options=copy,
            frames=25,
            size=(640, 480),
            first_number=25,
            start=25,
        ),
    ]
    samples, _ = read(clips.join(parts, tmp_path / "a.ts"))
    assert [clips.number_in(sample.image) for sample in samples] == list(range(50))
    assert [sample.image.shape for sample in samples] == [(240, 320, 3)] * 25 + [(480, 640, 3)] * 25
    assert [sample.frame.seconds for sample in samples] == [n * STEP for n in range(50)]
    assert max(combing(sample) for sample in samples) < 4


def test_a_single_frame_is_deinterlaced_without_neighbours(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", frames=1)
    (whole,), _ = read(path)
    (plain,), _ = read(path, deinterlace="off")
    assert combing(whole) < combing(plain) / 4


def test_rotated_footage_is_deinterlaced_before_it_is_turned(tmp_path: Path) -> None:
    samples, _ = read(make(tmp_path / "a.mp4", rotation=90, frames=5))
    assert [clips.number_in(np.rot90(sample.image, k=-1)) for sample in samples] == list(range(5))
