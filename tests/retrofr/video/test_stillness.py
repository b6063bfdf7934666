"""Samples that show nothing new are held back, told with the next one, and stand in the coverage as static."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from retrofr.records import Sample
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit
from retrofr.video.decoding.picture import PictureMaker
from retrofr.video.footage import FootageFile
from retrofr.video.reader import CoverageFacts, read_samples
from retrofr.video.stillness import StillnessGate, block_means, has_changed

RATE = 25


def scene(grey: int = 90, size: tuple[int, int] = (320, 240)) -> Any:
    rows, columns = np.ogrid[: size[1], : size[0]]
    return np.repeat(((rows + columns) % 64 + grey)[..., None], 3, 2).astype(np.uint8)


def film(path: Path, frames: int, moves: Any, noise: float = 0.0, **options: Any) -> Path:
    """``moves(n)`` says where a light square of 24 pixels stands in frame n; None for nowhere."""
    generator = np.random.default_rng(3)

    def picture(number: int, _width: int, _height: int) -> Any:
        image = scene().astype(np.float32)
        at = moves(number)
        if at is not None:
            image[100:124, at : at + 24] = 220
        image += generator.normal(0, noise, image.shape) if noise else 0
        return np.clip(image, 0, 255).astype(np.uint8)

    return clips.make_clip(path, frames=frames, size=(320, 240), picture=picture, **options)


def read(path: Path, **sampling: Any) -> tuple[list[Sample], CoverageFacts]:
    exhibit = open_exhibit(FootageFile(path, path.name))
    with read_samples(exhibit, 0, SamplingSettings(**sampling)) as reader:
        return list(reader), reader.coverage_facts


def at(samples: list[Sample]) -> list[float]:
    return [float(sample.frame.seconds) for sample in samples]


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_where_nothing_moves_keyframes_alone_are_looked_at(tmp_path: Path, noise: float) -> None:
    path = film(tmp_path / "a.mp4", 300, lambda _: None, noise, keyframe_every=75)
    samples, facts = read(path)
    assert at(samples) == [0, 3, 6, 9]
    assert [at_ for sample in samples for at_ in map(float, (f.seconds for f in sample.held))] == [
        *(0.52, 1.0, 1.52, 2.0, 2.52),
        *(3.52, 4.0, 4.52, 5.0, 5.52),
        *(6.52, 7.0, 7.52, 8.0, 8.52),
    ]
    assert facts.samples == 4
    assert facts.static_seconds + facts.searched_seconds == 12
    assert {r.kind for r in facts.ranges} == {"searched", "static"}
    assert facts.ranges[0].end_seconds == Fraction(13, 25)


def test_without_the_gate_every_sample_is_looked_at(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 100, lambda _: None, keyframe_every=75)
    samples, facts = read(path, gate=False)
    assert (len(samples), facts.static_seconds, [s.held for s in samples]) == (8, 0, [()] * 8)


def test_what_appears_or_moves_is_looked_at_again(tmp_path: Path) -> None:
    appears, moves = 60, 110
    path = film(
        tmp_path / "a.mp4",
        200,
        lambda n: None if n < appears else 50 if n < moves else 50 + (n - moves),
        3.0,
        keyframe_every=1000,
    )
    samples, _ = read(path)
    seen = at(samples)
    assert seen[:3] == [0, 2.52, 4.52]
    assert [second for second in seen if second > 4.5] == [4.52, 5.0, 5.52, 6.0, 6.52, 7.0, 7.52]


def test_a_picture_is_looked_at_every_ten_seconds_whatever_it_shows(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 40 * RATE, lambda _: None, keyframe_every=5000)
    samples, _ = read(path, rate=1.0)
    assert at(samples) == [0, 10, 20, 30]


def test_the_first_sample_behind_a_keyframe_between_two_is_looked_at(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 100, lambda _: None, keyframe_every=30)
    samples, _ = read(path)
    # Keyframes are at 0, 1.2, 2.4 and 3.6 s, samples every half second.
    assert at(samples) == [0, 1.52, 2.52]


def test_what_could_not_be_made_a_picture_is_no_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PictureMaker, "picture", lambda *_: None)
    samples, facts = read(film(tmp_path / "a.mp4", 100, lambda _: None, keyframe_every=1000))
    assert samples == []
    assert facts.static_seconds == 0
    assert len([r for r in facts.ranges if r.kind == "unreadable"]) == 8


def frame_of(luma: Any) -> VideoFrame:
    return VideoFrame.from_ndarray(np.asarray(luma, np.uint8), format="gray")


@pytest.mark.parametrize("size", [(48, 64), (240, 320), (1080, 1920), (33, 2000), (1, 1)])
def test_blocks_cover_the_whole_picture(size: tuple[int, int]) -> None:
    means = block_means(frame_of(np.full(size, 77)))
    assert means.size
    assert np.allclose(means, 77)
    if min(size) > 30:
        dark = np.full(size, 77)
        dark[-size[0] // 3 :, -size[1] // 3 :] = 20
        assert has_changed(means, block_means(frame_of(dark)))


@given(
    face=st.integers(32, 200),
    row=st.integers(0, 1079 - 200),
    column=st.integers(0, 1919 - 200),
    contrast=st.integers(25, 100),
    noise=st.floats(0, 5),
)
@settings(max_examples=15, deadline=None)
def test_a_face_of_32_pixels_is_a_change_and_noise_is_none(
    face: int, row: int, column: int, contrast: int, noise: float
) -> None:
    generator = np.random.default_rng(face)
    wall = np.full((1080, 1920), 100.0)

    def shot(scene: Any) -> Any:
        return block_means(frame_of(np.clip(scene + generator.normal(0, noise, scene.shape), 0, 255)))

    before = shot(wall)
    assert not has_changed(before, shot(wall))
    wall[row : row + face, column : column + face] += contrast
    assert has_changed(before, shot(wall))


def test_light_that_rises_slowly_is_seen_in_the_end() -> None:
    gate = StillnessGate()
    looked = [
        gate.looks_at(frame_of(scene(90 + n)[..., 0]), Fraction(n, 10), always=False) for n in range(20)
    ]
    assert [n for n, looks in enumerate(looked) if looks] == [0, 9, 18]


def test_a_picture_of_another_size_is_looked_at() -> None:
    gate = StillnessGate()
    assert gate.looks_at(frame_of(np.full((240, 320), 90)), Fraction(0), always=False)
    assert gate.looks_at(frame_of(np.full((480, 320), 90)), Fraction(1), always=False)
    assert not gate.looks_at(frame_of(np.full((480, 320), 90)), Fraction(2), always=False)
    assert gate.looks_at(frame_of(np.full((480, 320), 90)), Fraction(2), always=True)
