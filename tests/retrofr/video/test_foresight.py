"""Frames that no sample needs are not decoded, and nothing else changes by that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clips
from retrofr.records import Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.decoding.clean_start import is_clean_start
from retrofr.video.decoding.decode import StreamDecoder
from retrofr.video.footage import FootageFile
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts, read_samples

FRAMES = 240


def clip(**options: Any) -> Callable[[Path], Path]:
    return lambda path: clips.make_clip(path, **{"frames": FRAMES} | options)


def open_groups(path: Path) -> Path:
    return clips.make_clip(
        path, frames=FRAMES, b_frames=3, options={"x264-params": "threads=1:open-gop=1:scenecut=0"}
    )


def with_gap(path: Path) -> Path:
    times = [n * 40 + (20_000 if n > 130 else 0) for n in range(FRAMES)]
    return clips.make_clip(path, frames=FRAMES, time_base=Fraction(1, 1000), times=times)


CLIPS: dict[str, Callable[[Path], Path]] = {
    "plain.mp4": clip(),
    "reordered.mp4": clip(b_frames=3),
    "packets.ts": clip(container="mpegts", b_frames=2),
    "open.mkv": open_groups,
    "hevc.mp4": clip(codec="libx265", b_frames=3),
    "storage.avi": clip(b_frames=2),
    "bare.h264": clip(container="h264"),
    "gap.mp4": with_gap,
    "pictures.avi": clip(codec="mjpeg", pixel_format="yuvj420p"),
}
CUT = {"plain.mp4", "reordered.mp4", "packets.ts", "gap.mp4", "pictures.avi"}


def read(
    path: Path, monkeypatch: pytest.MonkeyPatch, **sampling: Any
) -> tuple[list[Sample], CoverageFacts, int]:
    """The samples, the facts, and how many packets went to the decoder."""
    fed: list[object] = []
    decode = StreamDecoder._decode

    def counting(self: StreamDecoder, packet: Any, stamp: Any) -> Any:
        fed.extend([packet] if packet is not None else [])
        return decode(self, packet, stamp)

    video = VideoSettings(decode=sampling.pop("decode", "needed"))
    windows = sampling.pop("windows", ())
    plan = ReadingPlan(SamplingSettings(**{"gate": False} | sampling), video, windows=windows)
    exhibit = open_exhibit(FootageFile(path, path.name))
    with monkeypatch.context() as patched:
        patched.setattr(StreamDecoder, "_decode", counting)
        with read_samples(exhibit, 0, plan) as reader:
            samples = list(reader)
    return samples, reader.coverage_facts, len(fed)


def same(left: list[Sample], right: list[Sample]) -> None:
    assert [sample.frame for sample in left] == [sample.frame for sample in right]
    assert [sample.shot for sample in left] == [sample.shot for sample in right]
    for one, other in zip(left, right, strict=True):
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("windows", [(), ((Fraction(21, 10), Fraction(52, 10)),)], ids=["all", "window"])
@pytest.mark.parametrize("rate", [0.4, 2.0])
@pytest.mark.parametrize("name", CLIPS)
def test_samples_and_account_are_those_of_decoding_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rate: float, windows: Any
) -> None:
    path = CLIPS[name](tmp_path / name)
    samples, facts, fed = read(path, monkeypatch, rate=rate, windows=windows)
    whole, its_facts, all_fed = read(path, monkeypatch, rate=rate, windows=windows, decode="all")
    same(samples, whole)
    assert vars(facts) == vars(its_facts)
    assert fed <= all_fed
    if name in CUT and not windows:
        assert fed < all_fed


def test_of_a_group_only_what_comes_before_its_last_sample_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=200, keyframe_every=50)
    # The first group is whole; of the others 39 of 50: the last sample is at 38 frames, one more may be needed.
    _, _, fed = read(path, monkeypatch, rate=2.0)
    assert 50 + 3 * 38 <= fed <= 50 + 3 * 40


def test_keyframes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=200, keyframe_every=50)
    samples, facts, fed = read(path, monkeypatch, only_keyframes=True)
    assert [sample.frame.ordinal for sample in samples] == [0, 50, 100, 150]
    assert fed == 4
    assert (facts.frames, facts.searched_seconds, facts.problems) == (200, 8, [])
    assert facts.notes == ["keyframes alone were looked at, at most 2.000 s apart"]
    whole, its_facts, _ = read(path, monkeypatch, only_keyframes=True, decode="all")
    same(samples, whole)
    assert vars(facts) == vars(its_facts)


def test_keyframes_of_a_stream_of_keyframes_are_thinned_out_by_the_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make_clip(tmp_path / "a.avi", frames=100, codec="mjpeg", pixel_format="yuvj420p")
    samples, facts, fed = read(path, monkeypatch, only_keyframes=True, rate=1.0)
    assert [float(sample.frame.seconds) for sample in samples] == [0, 1, 2, 3]
    assert fed <= 6
    assert facts.frames == 100


def test_keyframes_far_apart_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=40, rate=1, keyframe_every=100)
    samples, facts, _ = read(path, monkeypatch, only_keyframes=True)
    assert len(samples) == 1
    assert facts.problems == ["no keyframe between 0.000 s and 40.000 s: nobody looked there"]


def test_behind_reported_damage_everything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make_clip(tmp_path / "a.mkv", frames=500, keyframe_every=50)
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content) // 2, 500):
        content[place : place + 40] = bytes(40)
    path.write_bytes(content)
    _, facts, fed = read(path, monkeypatch, rate=0.5)
    assert facts.problems
    _, _, least = read(
        clips.make_clip(tmp_path / "b.mkv", frames=500, keyframe_every=50), monkeypatch, rate=0.5
    )
    assert fed > least + 150


def test_a_resumed_reading_goes_on_in_what_was_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=300, b_frames=2, keyframe_every=50)
    exhibit = open_exhibit(FootageFile(path, path.name))
    plan = ReadingPlan(SamplingSettings(rate=1.0, gate=False), VideoSettings(slice_seconds=2.0))
    with read_samples(exhibit, 0, plan) as reader:
        whole = list(reader)
    points = []
    with read_samples(exhibit, 0, plan, on_position=lambda _: points.append(reader.resume_point())) as reader:
        list(reader)
    assert len(points) > 10
    for point in filter(None, points):
        with read_samples(exhibit, 0, replace(plan, resume=point)) as rest:
            samples = list(rest)
        same(samples, [sample for sample in whole if sample.frame.ordinal >= point.first_ordinal])


class FakePacket:
    def __init__(self, *units: bytes, length_bytes: int = 0) -> None:
        start = b"\x00\x00\x00\x01"
        self.content = b"".join(
            (len(unit).to_bytes(length_bytes, "big") if length_bytes else start) + unit for unit in units
        )

    def __bytes__(self) -> bytes:
        return self.content


AVC = b"\x01\x64\x00\x28\xff"
HEVC = b"\x01" + bytes(20) + b"\xff"


@pytest.mark.parametrize(
    ("codec", "extradata", "packet", "clean"),
    [
        ("h264", None, FakePacket(b"\x67sps", b"\x68pps", b"\x65idr"), True),
        ("h264", None, FakePacket(b"\x67sps", b"\x06recovery", b"\x41slice"), False),
        ("h264", AVC, FakePacket(b"\x06note", b"\x65idr", length_bytes=4), True),
        ("h264", AVC, FakePacket(b"\x06note", b"\x41slice", length_bytes=4), False),
        ("h264", AVC, FakePacket(b"\x65idr", length_bytes=2), False),
        ("h264", None, FakePacket(), False),
        ("h264", AVC, FakePacket(), False),
        ("hevc", None, FakePacket(b"\x40vps", b"\x26idr"), True),
        ("hevc", HEVC, FakePacket(b"\x28idr", length_bytes=4), True),
        ("hevc", HEVC, FakePacket(b"\x2acra", length_bytes=4), False),
        ("mpeg4", None, FakePacket(), True),
    ],
)
def test_what_a_decoder_can_begin_at(codec: str, extradata: bytes | None, packet: Any, clean: bool) -> None:
    assert is_clean_start(packet, codec, extradata) is clean
