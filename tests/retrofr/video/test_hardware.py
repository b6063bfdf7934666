"""Decoding by a GPU's decoder: the same pictures, honest where it cannot be had, blind to damage and saying so.

There is no such decoder here. Frames laid out as it lays them out stand for it.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from clips import break_packets, make_clip
from retrofr import index_work
from retrofr.errors import ExhibitError
from retrofr.index_work import on_own_gpu
from retrofr.recipe import recipe_of
from retrofr.records import Exhibit, Sample
from retrofr.scoring import build_scorer
from retrofr.settings import SamplingSettings, Settings, VideoSettings
from retrofr.video import hardware
from retrofr.video.container import open_exhibit
from retrofr.video.decoding import decode
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.decoding.frame import Frame, frame_of
from retrofr.video.decoding.upright import upright_rgb
from retrofr.video.footage import FootageFile
from retrofr.video.hardware import in_planes
from retrofr.video.luma import luma_at
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import read_samples
from retrofr.video.shots import points_of

EVERY_FRAME = SamplingSettings(rate=120.0)
ABSENT = "the decoder of GPU 0 cannot be opened (Operation not permitted)"
NOT_TAKEN = "the hardware decoder does not take this stream"
BLIND = "no decoder-reported damage; the h264 hardware decoder does not report all damage"


def read(path: Path, wanted: str, threads: int = 1) -> tuple[list[Sample], CoverageFacts]:
    plan = ReadingPlan(EVERY_FRAME, VideoSettings(hardware=wanted, threads=threads))
    with read_samples(exhibit_of(path), 0, plan) as reader:
        return list(reader), reader.coverage_facts


def exhibit_of(path: Path) -> Exhibit:
    return open_exhibit(FootageFile(path, path.name))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=30)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that takes every stream; its frames are not yet NV12."""
    monkeypatch.setattr(hardware, "why_unusable", lambda _: None)
    monkeypatch.setattr(hardware, "_accelerated", lambda _: None)
    monkeypatch.setattr(hardware, "_is_accelerated", lambda _: True)


@pytest.fixture
def nv12(stand_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same GPU, and its frames are."""

    def laid_out(decoded: VideoFrame) -> Frame:
        other = decoded.reformat(format="nv12", threads=1)
        return replace(frame_of(decoded), picture=other, points=points_of(other))

    monkeypatch.setattr(decode, "frame_of", laid_out)


def pictures(samples: list[Sample]) -> np.ndarray:
    return np.stack([sample.image for sample in samples])


@pytest.mark.parametrize(
    ("codec", "pixel_format", "laid_out"),
    [
        ("libx264", "yuv420p", "nv12"),
        ("libx264", "yuvj420p", "nv12"),
        ("libx265", "yuv420p10le", "p010le"),
        ("libx264", "yuv422p", "nv16"),
    ],
)
def test_frames_of_hardware_give_the_same_picture(
    codec: str, pixel_format: str, laid_out: str, tmp_path: Path
) -> None:
    path, random = tmp_path / "clip.mp4", np.random.default_rng(5)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 176, 144, pixel_format
        for _ in range(3):
            noise = random.integers(0, 256, (36, 44, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
            output.mux(stream.encode(VideoFrame.from_ndarray(noise, format="rgb24")))
        output.mux(stream.encode(None))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == pixel_format
    hard = frame.reformat(format=laid_out, threads=1)
    back = in_planes(hard)
    assert (back.format.name, back.pts, back.interlaced_frame) == (pixel_format, frame.pts, False)
    np.testing.assert_array_equal(upright_rgb(back, Fraction(1), 0), upright_rgb(frame, Fraction(1), 0))
    np.testing.assert_array_equal(luma_at(hard, 32, 18), luma_at(frame, 32, 18))
    assert in_planes(frame) is frame


def test_a_reading_in_hardware_gives_the_same_samples(clip: Path, request: pytest.FixtureRequest) -> None:
    soft, facts = read(clip, "off")
    assert facts.notes == []
    request.getfixturevalue("nv12")
    hard, hard_facts = read(clip, "auto", threads=4)
    np.testing.assert_array_equal(pictures(hard), pictures(soft))
    assert [sample.frame for sample in hard] == [sample.frame for sample in soft]
    assert (facts.codec_reports_damage, hard_facts.codec_reports_damage) == (True, False)
    assert hard_facts.notes == ["decoded in hardware (NVDEC)", BLIND]
    assert hard_facts.problems == []
    assert len(read(clip, "require")[0]) == 30


@pytest.mark.usefixtures("nv12")
def test_damage_that_is_seen_all_the_same_is_told(clip: Path) -> None:
    _, facts = read(break_packets(clip, [10]), "auto")
    assert facts.suspect_frames > 0
    assert facts.notes[-1] == "the h264 hardware decoder does not report all damage"


@pytest.mark.usefixtures("nv12")
def test_nothing_is_decoded_ahead(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr("retrofr.video.sample_reader.reopen_stream", lambda *given: opened.append(given))
    read(clip, "auto", threads=4)
    assert opened == []


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's own words where CUDA cannot be loaded, also on machines where it can be."""

    def refuse(_: int) -> None:
        raise av.error.PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(hardware, "_accelerated", refuse)
    monkeypatch.setattr(hardware, "why_unusable", hardware.why_unusable.__wrapped__)


def test_a_gpu_that_is_not_there_cannot_be_opened() -> None:
    why = hardware.why_unusable(63)
    assert why is not None
    assert why.startswith("the decoder of GPU 63 cannot be opened (")


@pytest.mark.usefixtures("no_gpu")
def test_where_there_is_no_gpu_software_decodes_and_says_why(clip: Path) -> None:
    soft, _ = read(clip, "off")
    samples, facts = read(clip, "auto")
    np.testing.assert_array_equal(pictures(samples), pictures(soft))
    assert facts.notes == [f"decoded in software: {ABSENT}"]
    assert (facts.problems, facts.codec_reports_damage) == ([], True)


@pytest.mark.usefixtures("no_gpu")
def test_what_is_required_and_not_there_is_an_error(clip: Path) -> None:
    with pytest.raises(ExhibitError) as caught:
        read(clip, "require")
    assert str(caught.value) == (
        f"clip.mp4: cannot be decoded in hardware, which is required: {ABSENT}\n"
        "`--set video.hardware=auto` decodes in software what hardware does not take"
    )


@pytest.mark.usefixtures("stand_in")
def test_a_stream_that_hardware_does_not_take_is_told_by_its_frames(clip: Path) -> None:
    samples, facts = read(clip, "auto")
    assert len(samples) == 30
    assert facts.notes == [f"decoded in software: {NOT_TAKEN}"]
    assert facts.codec_reports_damage
    with pytest.raises(ExhibitError, match=NOT_TAKEN):
        read(clip, "require")


@pytest.mark.usefixtures("stand_in")
def test_a_codec_without_a_hardware_decoder(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_is_accelerated", lambda _: False)
    _, facts = read(clip, "auto")
    assert facts.notes == ["decoded in software: there is no hardware decoder for h264"]
    with pytest.raises(ExhibitError, match="there is no hardware decoder for h264"):
        read(clip, "require")


@pytest.mark.usefixtures("stand_in")
def test_a_gpu_that_fails_when_the_stream_is_opened(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opens = hardware.reopen_stream

    def refuse(exhibit: Exhibit, index: int, *accelerated: object) -> object:
        if accelerated:
            raise ExhibitError("is no recording", subject=exhibit.name)
        return opens(exhibit, index)

    monkeypatch.setattr(hardware, "reopen_stream", refuse)
    samples, facts = read(clip, "auto")
    assert len(samples) == 30
    assert facts.notes == ["decoded in software: the GPU did not take it when it was opened"]


def test_each_worker_decodes_on_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_work, "likely_count", lambda: 3)
    wanted = Settings(video=VideoSettings(hardware="auto"))

    def gpus(settings: Settings) -> list[int]:
        return [on_own_gpu(settings, worker).video.hardware_gpu for worker in range(4)]

    assert gpus(wanted) == [0, 1, 2, 0]
    assert gpus(replace(wanted, device="cuda:2")) == [2, 2, 2, 2]
    assert on_own_gpu(Settings(), 1) == Settings()


def test_templates_of_both_are_of_one_recipe() -> None:
    keys = set()
    for video in (
        VideoSettings(),
        VideoSettings(hardware="auto"),
        VideoSettings(hardware="auto", hardware_gpu=1),
    ):
        settings = Settings(video=video)
        keys.add(recipe_of(settings, build_scorer(settings.embed.embedder, {})).key)
    assert len(keys) == 1
