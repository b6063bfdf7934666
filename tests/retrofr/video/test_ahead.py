"""Groups of pictures that are decoded side by side give what they give one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clips
from retrofr.records import Sample
from retrofr.settings import SamplingSettings, VideoSettings
from retrofr.video.container import open_exhibit
from retrofr.video.decoding import ahead
from retrofr.video.decoding.ahead import Ahead
from retrofr.video.decoding.decode import StreamDecoder
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts, SampleReader, read_samples

FRAMES = 240


def clip(**options: Any) -> Callable[[Path], Path]:
    return lambda path: clips.make_clip(path, **{"frames": FRAMES} | options)


def with_gap(path: Path) -> Path:
    times = [n * 40 + (20_000 if n > 130 else 0) for n in range(FRAMES)]
    return clips.make_clip(path, frames=FRAMES, time_base=Fraction(1, 1000), times=times)


def with_cuts(path: Path) -> Path:
    """Shots that begin between samples."""

    def colour(number: int) -> tuple[int, int, int]:
        level = 40 + 50 * (number // 33 % 4)
        return level, level, level

    return clips.make_clip(path, frames=FRAMES, keyframe_every=50, picture=clips.plain_picture(colour))


def open_groups(path: Path) -> Path:
    options = {"x264-params": "threads=1:open-gop=1:scenecut=0"}
    return clips.make_clip(path, frames=FRAMES, b_frames=3, options=options)


CLIPS: dict[str, Callable[[Path], Path]] = {
    "plain.mp4": clip(),
    "reordered.mp4": clip(b_frames=3),
    "packets.ts": clip(container="mpegts", b_frames=2),
    "hevc.mp4": clip(codec="libx265", b_frames=3),
    "gap.mp4": with_gap,
    "cuts.mp4": with_cuts,
    "open.mkv": open_groups,
    "storage.avi": clip(b_frames=2),
    "pictures.avi": clip(codec="mjpeg", pixel_format="yuvj420p"),
}
# x265 makes open groups; frames of AVI have no times; of MJPEG each frame is a group, and it is decoded quickly.
BY_ITSELF = {"hevc.mp4", "open.mkv", "storage.avi", "pictures.avi"}


def reader_of(path: Path, threads: int, **options: Any) -> SampleReader:
    windows = options.pop("windows", ())
    on_wait = options.pop("on_wait", None)
    plan = ReadingPlan(
        SamplingSettings(**{"gate": False} | options), VideoSettings(threads=threads), windows=windows
    )
    return read_samples(open_exhibit(FootageFile(path, path.name)), 0, plan, on_wait=on_wait)


def read(path: Path, threads: int, **options: Any) -> tuple[list[Sample], CoverageFacts]:
    with reader_of(path, threads, **options) as reader:
        samples = list(reader)
    return samples, reader.coverage_facts


def same(left: tuple[list[Sample], CoverageFacts], right: tuple[list[Sample], CoverageFacts]) -> None:
    assert [(sample.frame, sample.shot) for sample in left[0]] == [
        (sample.frame, sample.shot) for sample in right[0]
    ]
    for one, other in zip(left[0], right[0], strict=True):
        assert np.array_equal(one.image, other.image)
    assert vars(left[1]) == vars(right[1])


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each group that was decoded ahead, whether what came of it was taken."""
    seen: list[bool] = []
    take = Ahead._take

    def noting(self: Ahead, job: Any) -> Any:
        made = take(self, job)
        seen.append(made is not None)
        return made

    monkeypatch.setattr(Ahead, "_take", noting)
    return seen


RATES = [{"rate": 2.0}, {"rate": 0.4}, {"only_keyframes": True}]
WINDOW = ((Fraction(21, 10), Fraction(52, 10)),)
CASES = [
    *((name, options) for name in CLIPS for options in (RATES[:1] if name in BY_ITSELF else RATES)),
    *((name, {"windows": WINDOW, **options}) for name in ("reordered.mp4", "gap.mp4") for options in RATES),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_samples_and_account_are_those_of_one_decoder(
    tmp_path: Path, taken: list[bool], name: str, options: dict[str, Any]
) -> None:
    path = CLIPS[name](tmp_path / name)
    alone = read(path, 1, **options)
    assert not taken
    same(read(path, 3, **options), alone)
    assert all(taken)
    assert taken or name in BY_ITSELF or "windows" in options


def test_cuts_between_samples_are_found(tmp_path: Path, taken: list[bool]) -> None:
    samples, _ = read(with_cuts(tmp_path / "a.mp4"), 3, rate=1.0)
    # Behind the last sample of a group, at 25 of its 50 frames, nothing is decoded; the first group is whole.
    starts = {sample.frame.ordinal for sample in samples if sample.frame.ordinal % 33 == 0}
    assert starts == {0, 33, 66, 165}
    assert len(taken) == 4


def damaged(path: Path, numbers: list[int]) -> Path:
    return clips.break_packets(clips.make_clip(path, frames=300, keyframe_every=25), numbers)


@pytest.mark.parametrize("numbers", [[150], [160], [30, 130, 275], [299]], ids=str)
def test_damage_is_told_as_by_one_decoder(tmp_path: Path, numbers: list[int]) -> None:
    # In a decoder process, where FFmpeg's messages are watched.
    path = damaged(tmp_path / "a.mp4", numbers)
    exhibit = open_exhibit(FootageFile(path, path.name))
    found = []
    for threads in (1, 3):
        plan = ReadingPlan(SamplingSettings(rate=2.0), VideoSettings(threads=threads))
        with DecoderProcess() as process, process.read_samples(exhibit, 0, plan) as reader:
            found.append((list(reader), reader.coverage_facts))
    same(found[1], found[0])
    assert found[1][1].damaged_packets + found[1][1].damaged_frames > 0
    assert found[1][1].problems


def test_damage_ends_decoding_ahead(tmp_path: Path, taken: list[bool]) -> None:
    # Nobody watches FFmpeg's messages here: the decoder itself says so.
    path = damaged(tmp_path / "a.mp4", [156])
    same(read(path, 3, rate=2.0), read(path, 1, rate=2.0))
    assert True in taken
    assert taken[-1] is False


def test_other_parameter_sets_end_decoding_ahead(tmp_path: Path, taken: list[bool]) -> None:
    options: dict[str, Any] = {"frames": 150, "keyframe_every": 25, "container": "mpegts"}
    first = clips.make_clip(tmp_path / "1.ts", **options)
    second = clips.make_clip(
        tmp_path / "2.ts",
        **options,
        first_number=150,
        time_base=Fraction(1, 90_000),
        times=[(150 + n) * 3600 for n in range(150)],
        options={"x264-params": "threads=1:scenecut=0:cabac=0"},
    )
    path = clips.join([first, second], tmp_path / "a.ts")
    same(read(path, 3, rate=2.0), read(path, 1, rate=2.0))
    assert 2 <= len(taken) <= 6


@pytest.mark.parametrize("limit", ["_MOST_GROUP_BYTES", "_MOST_BYTES"])
def test_groups_that_are_too_large_are_not_decoded_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[bool], limit: str
) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES)
    monkeypatch.setattr(ahead, limit, 1)
    same(read(path, 3, rate=2.0), read(path, 1, rate=2.0))
    if limit == "_MOST_GROUP_BYTES":
        assert not taken
    else:  # one at a time
        assert all(taken)
        assert len(taken) >= 3


def decoding_threads() -> Iterator[threading.Thread]:
    return (thread for thread in threading.enumerate() if thread.name.startswith("retrofr decode"))


def test_a_reading_that_is_left_leaves_no_thread(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES)
    with reader_of(path, 3, rate=2.0) as reader:
        for sample in reader:
            if sample.frame.seconds > 4:
                break
        assert list(decoding_threads())
    assert not list(decoding_threads())


def test_waiting_is_told_as_long_as_decoders_come_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_PATIENCE_SECONDS", 1e-3)
    call = Ahead._call

    def slowly(self: Ahead, context: Any, fed: Any) -> Any:
        time.sleep(5e-3)
        return call(self, context, fed)

    monkeypatch.setattr(Ahead, "_call", slowly)
    told: list[None] = []
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES)
    with reader_of(path, 2, rate=2.0, on_wait=lambda: told.append(None)) as reader:
        list(reader)
    assert told


def test_a_file_that_is_gone_is_read_on_by_one_decoder(tmp_path: Path, taken: list[bool]) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES)
    alone = read(path, 1, rate=2.0)
    with reader_of(path, 3, rate=2.0) as reader:
        path.unlink()
        samples = list(reader)
    same((samples, reader.coverage_facts), alone)
    assert not taken


def test_a_decoder_does_nothing_for_what_was_decoded_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed: list[Any] = []
    decode = StreamDecoder._decode

    def counting(self: StreamDecoder, packet: Any, stamp: Any) -> Any:
        fed.extend([packet] if packet is not None else [])
        return decode(self, packet, stamp)

    monkeypatch.setattr(StreamDecoder, "_decode", counting)
    path = clips.make_clip(tmp_path / "a.mp4", frames=FRAMES, keyframe_every=40)
    read(path, 3, rate=2.0)
    assert len(fed) == 40  # the first group, before where samples lie is known
