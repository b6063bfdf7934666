from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import clips
from retrofr.errors import ExhibitError
from retrofr.records import Exhibit, Sample
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit, reopen_stream
from retrofr.video.decoding.packets import PacketSource
from retrofr.video.footage import FootageFile
from retrofr.video.reader import CoverageFacts, read_samples

EVERY_FRAME = SamplingSettings(rate=120.0)
STEP = Fraction(1, 25)


def exhibit_of(path: Path) -> Exhibit:
    return open_exhibit(FootageFile(path, path.name))


def read(
    path: Path, stream: int = 0, sampling: SamplingSettings = EVERY_FRAME
) -> tuple[list[Sample], CoverageFacts]:
    with read_samples(exhibit_of(path), stream, sampling) as reader:
        return list(reader), reader.coverage_facts


def numbers(samples: Sequence[Sample]) -> list[int | None]:
    return [clips.number_in(sample.image) for sample in samples]


def seconds(samples: Sequence[Sample]) -> list[Fraction]:
    return [sample.frame.seconds for sample in samples]


def sources(samples: Sequence[Sample]) -> set[str]:
    return {sample.frame.time_source for sample in samples}


def assert_whole(samples: Sequence[Sample], facts: CoverageFacts, count: int = 50) -> None:
    """Every frame came, in order, at its time, and nothing is reported."""
    assert numbers(samples) == list(range(count))
    assert seconds(samples) == [n * STEP for n in range(count)]
    assert [sample.frame.until_seconds for sample in samples] == [(n + 1) * STEP for n in range(count)]
    assert [sample.frame.ordinal for sample in samples] == list(range(count))
    assert {sample.frame.segment for sample in samples} == {0}
    assert facts.problems == []
    assert (facts.frames, facts.samples, facts.damaged_packets, facts.segments) == (count, count, 0, 1)
    assert facts.first_seconds == 0
    assert facts.last_seconds == facts.searched_seconds == count * STEP


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("mp4", {}),
        ("mp4", {"b_frames": 3}),
        ("mp4", {"sound": True}),
        ("mp4", {"container_options": {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}}),
        ("mkv", {}),
        ("mkv", {"b_frames": 3}),
        ("mkv", {"codec": "ffv1", "pixel_format": "gray"}),
        ("avi", {}),
        ("avi", {"codec": "mpeg4"}),
        ("avi", {"codec": "mjpeg", "pixel_format": "yuvj420p"}),
        ("ts", {"container": "mpegts"}),
        ("ts", {"container": "mpegts", "b_frames": 2}),
        ("mp4", {"codec": "libx265"}),
        ("mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("mp4", {"pixel_format": "gray"}),
        ("mp4", {"pixel_format": "yuv444p", "size": (321, 241)}),
        ("avi", {"codec": "mjpeg", "pixel_format": "yuvj420p", "size": (321, 241)}),
    ],
)
def test_every_frame_of_a_sound_clip_comes_at_its_time(
    tmp_path: Path, ending: str, options: dict[str, Any]
) -> None:
    path = clips.make_clip(tmp_path / f"a.{ending}", **options)
    samples, facts = read(path)
    assert_whole(samples, facts)
    assert sources(samples) == {"pts"}
    width, height = options.get("size", (320, 240))
    assert {sample.image.shape for sample in samples} == {(height, width, 3)}
    codec = {"libx264": "h264", "libx265": "hevc"}.get(options.get("codec", "libx264"), options.get("codec"))
    assert facts.codec_reports_damage == (codec in ("h264", "ffv1"))
    # Nobody may take a clean report of such a decoder for a clean recording.
    silent = f"no decoder-reported damage; the {codec} decoder does not report all damage"
    assert facts.notes == ([] if facts.codec_reports_damage else [silent])


def test_media_time_starts_at_the_first_frame_of_a_late_starting_stream(tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "a.ts",
        container="mpegts",
        start=90_000,
        time_base=Fraction(1, 90_000),
        times=[n * 3600 for n in range(50)],
        container_options={"mpegts_copyts": "1"},
    )
    samples, facts = read(path)
    assert_whole(samples, facts)
    assert samples[0].frame.pts == 90_000
    assert samples[0].frame.time_base == Fraction(1, 90_000)


def test_times_may_wrap(tmp_path: Path) -> None:
    ticks = [2**33 - 90_000 + n * 3600 for n in range(50)]
    path = clips.make_clip(
        tmp_path / "a.ts",
        container="mpegts",
        time_base=Fraction(1, 90_000),
        times=ticks,
        container_options={"mpegts_copyts": "1"},
    )
    assert_whole(*read(path))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_requirement_09_a_variable_rate_keeps_exact_times_and_a_gap_is_not_billed(
    tmp_path: Path, ending: str
) -> None:
    gaps = [0, 40, 40, 80, 200, 1000, 33, 40, 600_000, 40, 40]
    times = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    path = clips.make_clip(
        tmp_path / f"a.{ending}", frames=len(times), time_base=Fraction(1, 1000), times=times
    )
    samples, facts = read(path)
    assert numbers(samples) == list(range(len(times)))
    assert seconds(samples) == [Fraction(t, 1000) for t in times]
    assert [sample.frame.segment for sample in samples] == [0] * 8 + [1] * 3
    assert facts.problems == ["no picture between 1.433 s and 601.433 s"]
    assert Fraction(3, 2) < facts.searched_seconds < Fraction(8, 5)
    assert samples[7].frame.until_seconds - samples[7].frame.seconds == Fraction(40, 1000)


def test_sampling_looks_at_the_first_frame_at_or_after_each_point(tmp_path: Path) -> None:
    samples, facts = read(clips.make_clip(tmp_path / "a.mkv"), sampling=SamplingSettings(rate=2.0))
    assert numbers(samples) == [0, 13, 25, 38]
    assert (facts.frames, facts.samples) == (50, 4)
    assert facts.searched_seconds == 2


def test_the_first_frame_of_each_segment_is_looked_at(tmp_path: Path) -> None:
    times = [0, 40, 80, 20_000, 20_040, 20_080]
    path = clips.make_clip(tmp_path / "a.mp4", frames=6, time_base=Fraction(1, 1000), times=times)
    samples, _ = read(path, sampling=SamplingSettings(rate=2.0))
    assert numbers(samples) == [0, 3]


@pytest.mark.parametrize("b_frames", [0, 3])
def test_a_bare_stream_counts_frames_and_says_so(tmp_path: Path, b_frames: int) -> None:
    samples, facts = read(clips.make_clip(tmp_path / "a.h264", container="h264", b_frames=b_frames))
    assert_whole(samples, facts)
    assert sources(samples) == {"assumed rate"}
    assert {sample.frame.pts for sample in samples} == {None}
    assert facts.notes == ["this stream has no times; they are counted at an assumed 25 frames/s"]


def test_frames_without_a_time_are_placed_between_those_with_one(tmp_path: Path) -> None:
    samples, facts = read(clips.make_clip(tmp_path / "a.mpg", container="vob"))
    assert sources(samples) == {"pts", "interpolated"}
    assert all((s.frame.pts is None) == (s.frame.time_source == "interpolated") for s in samples)
    assert facts.problems == []
    assert facts.frames == 50
    assert facts.searched_seconds == 2
    # FFmpeg gives a picture that begins at a pack's very end the next one's time; that is not believed.
    assert numbers(samples) == list(range(50))
    assert seconds(samples) == [n * STEP for n in range(50)]


def test_reordered_frames_in_avi_are_not_scrambled(tmp_path: Path) -> None:
    samples, facts = read(clips.make_clip(tmp_path / "a.avi", b_frames=3))
    assert_whole(samples, facts)
    assert sources(samples) == {"dts", "interpolated"}
    assert [s.frame.time_source for s in samples].count(
        "interpolated"
    ) == 2  # the last ones have no packet left


def test_reordered_frames_in_dhav_are_not_scrambled(tmp_path: Path) -> None:
    path = clips.make_dav(tmp_path / "a.dav", start=datetime(2024, 3, 31), b_frames=3)
    assert_whole(*read(path))


def test_a_recorder_clock_that_is_set_back_starts_a_segment(tmp_path: Path) -> None:
    path = clips.make_dav(tmp_path / "a.dav", start=datetime(2024, 10, 27, 2, 59, 59), set_back_at=25)
    samples, facts = read(path)
    assert numbers(samples) == list(range(50))
    assert [sample.frame.segment for sample in samples] == [0] * 25 + [1] * 25
    assert seconds(samples)[25] == -3599
    assert facts.searched_seconds == 2
    assert facts.problems == ["time steps back from 0.960 s to -3599.000 s"]
    clock = exhibit_of(path).clock
    assert clock.original_at(samples[24].frame.seconds) == datetime(2024, 10, 27, 2, 59, 59, 960_000)
    assert clock.original_at(samples[25].frame.seconds) == datetime(2024, 10, 27, 2, 0, 0)


def test_two_recordings_behind_each_other_are_two_segments(tmp_path: Path) -> None:
    parts = [clips.make_clip(tmp_path / f"{n}.ts", container="mpegts", first_number=50 * n) for n in range(2)]
    samples, facts = read(clips.join(parts, tmp_path / "joined.ts"))
    assert numbers(samples) == list(range(100))
    assert [sample.frame.segment for sample in samples] == [0] * 50 + [1] * 50
    assert facts.searched_seconds == 4
    assert facts.problems == ["time steps back from 1.960 s to 0.000 s"]


def test_an_hour_that_the_clock_jumped_is_not_billed(tmp_path: Path) -> None:
    copy = {"mpegts_copyts": "1"}
    first = clips.make_clip(tmp_path / "1.ts", container="mpegts", container_options=copy)
    later = clips.make_clip(
        tmp_path / "2.ts",
        container="mpegts",
        container_options=copy,
        first_number=50,
        time_base=Fraction(1, 90_000),
        times=[(3602 * 25 + n) * 3600 for n in range(50)],
    )
    samples, facts = read(clips.join([first, later], tmp_path / "jump.ts"))
    assert numbers(samples) == list(range(100))
    assert facts.segments == 2
    assert facts.searched_seconds == 4
    assert facts.problems == ["no picture between 1.960 s and 3602.000 s"]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_one_bad_packet_loses_one_packet(tmp_path: Path, ending: str) -> None:
    # MJPEG, where every packet is a picture of its own: what is lost is that packet and nothing else.
    path = clips.make_clip(tmp_path / f"a.{ending}", codec="mjpeg", pixel_format="yuvj420p")
    samples, facts = read(clips.break_packets(path, [20]))
    assert numbers(samples) == [n for n in range(50) if n != 20]
    assert seconds(samples) == [n * STEP for n in range(50) if n != 20]
    assert facts.damaged_packets == 1
    assert facts.problems == ["1 damaged packet at 0.800 s"]
    assert facts.segments == 1  # a hole of one frame is no gap
    assert (facts.searched_seconds, facts.unreadable_seconds) == (49 * STEP, STEP)
    assert [(r.kind, r.start_seconds, r.end_seconds) for r in facts.ranges if r.kind == "unreadable"] == [
        ("unreadable", 20 * STEP, 21 * STEP)
    ]


def test_a_bad_packet_of_a_predicted_stream_does_not_end_reading(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", keyframe_every=25)
    samples, facts = read(clips.break_packets(path, [10]))
    found = numbers(samples)
    assert found[:10] == list(range(10))
    assert found[-25:] == list(range(25, 50))
    assert facts.frames >= 49
    assert facts.problems != []


def test_a_lost_stretch_is_reported_and_not_billed(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=100, codec="mjpeg", pixel_format="yuvj420p")
    samples, facts = read(clips.break_packets(path, range(20, 60)))
    assert numbers(samples) == [*range(20), *range(60, 100)]
    assert facts.damaged_packets == 40
    assert facts.problems == [
        "40 damaged packets between 0.800 s and 2.360 s",
        "no picture between 0.760 s and 2.400 s",
    ]
    assert facts.searched_seconds == 60 * STEP


def test_damage_in_many_places_is_summed_up(tmp_path: Path) -> None:
    times = [n * 4000 for n in range(60)]  # far apart, as in a time-lapse
    path = clips.make_clip(
        tmp_path / "a.mp4",
        frames=60,
        codec="mjpeg",
        pixel_format="yuvj420p",
        time_base=Fraction(1, 1000),
        times=times,
    )
    _, facts = read(clips.break_packets(path, range(3, 60, 3)))
    assert facts.damaged_packets == 19
    assert [p for p in facts.problems if "damaged" in p] == [
        "1 damaged packet at 12.000 s",
        "1 damaged packet at 24.000 s",
        "1 damaged packet at 36.000 s",
        "1 damaged packet at 48.000 s",
        "15 more damaged packets in 15 other places",
    ]


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("mp4", {"container_options": {"movflags": "+faststart"}}),
        ("mkv", {}),
        ("avi", {}),
    ],
)
def test_a_cut_file_says_how_far_it_goes(tmp_path: Path, ending: str, options: dict[str, Any]) -> None:
    path = clips.cut(clips.make_clip(tmp_path / f"a.{ending}", frames=100, **options), 0.6)
    samples, facts = read(path)
    found = numbers(samples)
    assert 40 < len(found) < 70
    assert found[:-1] == list(range(len(found) - 1))  # the last one may be damaged
    last = len(found) * STEP
    assert facts.searched_seconds == last
    assert facts.problems[-1] == f"decoded to {float(last):.3f} s of 4.000 s declared"


def test_a_stream_that_starts_between_keyframes(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.ts", container="mpegts")
    packet = 188
    data = path.read_bytes()
    path.write_bytes(data[len(data) // packet // 5 * packet :])
    samples, facts = read(path)
    assert numbers(samples) == list(range(25, 50))
    start = samples[0].frame.seconds
    assert start > Fraction(1, 2)
    assert f"no picture between 0.000 s and {float(start):.3f} s" in facts.problems


def test_both_cameras_of_one_file(tmp_path: Path) -> None:
    path = clips.make_two_cameras(tmp_path / "two.mkv", second_starts=25)
    first, facts = read(path, 0)
    assert_whole(first, facts)
    second, facts = read(path, 1)
    assert numbers(second) == list(range(1000, 1050))
    assert seconds(second) == [n * STEP + 1 for n in range(50)]  # on one clock with the first
    assert facts.problems == []
    assert {sample.frame.stream for sample in second} == {1}


def test_sizes_may_change(tmp_path: Path) -> None:
    samples, facts = read(clips.make_size_change(tmp_path / "a.ts"))
    assert_whole(samples, facts, 100)
    assert [sample.image.shape for sample in samples] == [(240, 320, 3)] * 50 + [(480, 640, 3)] * 50


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [(Fraction(16, 11), (240, 465, 3)), (Fraction(1, 2), (480, 320, 3)), (Fraction(1), (240, 320, 3))],
)
def test_pixels_are_square(tmp_path: Path, aspect: Fraction, shape: tuple[int, ...]) -> None:
    samples, _ = read(clips.make_clip(tmp_path / "a.mp4", frames=3, pixel_aspect=aspect))
    assert {sample.image.shape for sample in samples} == {shape}
    assert {sample.image.dtype for sample in samples} == {np.dtype(np.uint8)}
    if aspect >= 1:
        assert numbers(samples) == [0, 1, 2]


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (270, 3), (-90, 3)])
def test_pictures_stand_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    samples, _ = read(clips.make_clip(tmp_path / "a.mp4", frames=3, rotation=rotation))
    # Turned back, the coded picture must be there: a counter-clockwise rotation was applied.
    assert [clips.number_in(np.rot90(sample.image, k=-turns)) for sample in samples] == [0, 1, 2]
    assert samples[0].image.shape == ((320, 240, 3) if turns % 2 else (240, 320, 3))
    assert samples[0].image.flags.c_contiguous


def test_pixel_aspect_belongs_to_the_coded_picture(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=1, rotation=90, pixel_aspect=Fraction(2))
    samples, _ = read(path)
    assert samples[0].image.shape == (640, 240, 3)


def test_pictures_of_phones_stand_upright(shared_data: Path) -> None:
    # Seen by eye: the letters on the keyboard that these show stand upright in all four.
    folder = shared_data / "odd" / "decord" / "tests" / "test_data"
    shapes = {angle: read(folder / f"video_{angle}.mov")[0][0].image.shape for angle in (0, 90, 180, 270)}
    assert shapes == {0: (320, 568, 3), 90: (568, 320, 3), 180: (320, 568, 3), 270: (568, 320, 3)}


def test_colours_are_right(tmp_path: Path) -> None:
    colour = (200, 60, 30)
    path = clips.make_clip(tmp_path / "a.mp4", frames=2, picture=clips.plain_picture(lambda _: colour))
    samples, _ = read(path)
    assert np.abs(samples[0].image.astype(int) - colour).max() <= 6


def test_a_second_run_gives_the_same(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=60)
    clips.break_packets(path, [7, 31])
    (first, facts), (second, again) = read(path), read(path)
    assert [s.frame for s in first] == [s.frame for s in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))
    assert facts == again


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[Fraction] = []
    exhibit = exhibit_of(clips.make_clip(tmp_path / "a.mp4", frames=100))
    with read_samples(exhibit, 0, SamplingSettings(rate=1.0), on_position=seen.append) as reader:
        assert len(list(reader)) == 4
    assert len(seen) >= 5
    assert seen == sorted(seen)
    assert seen[-1] > 3


def test_stopping_early_keeps_what_was_searched(tmp_path: Path) -> None:
    exhibit = exhibit_of(clips.make_clip(tmp_path / "a.mp4", frames=100))
    with read_samples(exhibit, 0, EVERY_FRAME) as reader:
        for sample in reader:
            if sample.frame.seconds >= 1:
                break
    assert reader.coverage_facts.samples == 26
    assert 1 <= reader.coverage_facts.searched_seconds <= Fraction(11, 10)
    assert reader.coverage_facts.problems == []
    assert list(reader) == []
    reader.close()


def test_closing_before_reading(tmp_path: Path) -> None:
    reader = read_samples(exhibit_of(clips.make_clip(tmp_path / "a.mp4")), 0, EVERY_FRAME)
    reader.close()
    assert list(reader) == []
    assert reader.coverage_facts == CoverageFacts(declared_seconds=Fraction(2))


def test_files_are_closed(tmp_path: Path) -> None:
    exhibit = exhibit_of(clips.make_clip(tmp_path / "a.mp4", frames=5))
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        list(read_samples(exhibit, 0, EVERY_FRAME))
        read_samples(exhibit, 0, EVERY_FRAME).close()
        with pytest.raises(ExhibitError):
            read_samples(exhibit, 7, EVERY_FRAME)
    assert len(list(descriptors.iterdir())) == before


def test_a_file_that_changed_since_its_digest_is_refused(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4")
    exhibit = exhibit_of(path)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ExhibitError) as error:
        read_samples(exhibit, 0, EVERY_FRAME)
    assert error.value.reason == f"has {size + 4} bytes and had {size} when its digest was taken"
    path.unlink()
    with pytest.raises(ExhibitError, match="cannot be read any more"):
        read_samples(exhibit, 0, EVERY_FRAME)


def test_a_stream_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExhibitError, match=r"^a.mp4: has no video stream 3$"):
        read_samples(exhibit_of(clips.make_clip(tmp_path / "a.mp4")), 3, EVERY_FRAME)


def test_the_helper_reads_what_it_writes() -> None:
    for number in (0, 1, 999, 4095):
        assert clips.number_in(clips.numbered_picture(number)) == number
        assert clips.number_in(clips.numbered_picture(number, 641, 100)) == number
    broken = clips.numbered_picture(5)
    broken[:24, :20] = 255 - broken[:24, :20]
    assert clips.number_in(broken) != 5


class UnreadableFrom:
    """A container whose demuxer fails for ever after some packets, as a failing disk does."""

    def __init__(self, container: Any, good: int) -> None:
        self._container = container
        self._good = good
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, streams: Any) -> Any:
        for packet in self._container.demux(streams):
            if self._good == 0:
                self.failures += 1
                raise OSError(5, "Input/output error")
            self._good -= 1
            yield packet


def test_a_disk_that_fails_for_ever_ends_reading(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=300)
    container, stream = reopen_stream(exhibit_of(path), 0)
    with container:
        failing = UnreadableFrom(container, good=200)
        source = PacketSource(cast(Any, failing), stream)
        assert [packet.number for packet in source.packets()] == list(range(200))
    assert failing.failures < 100
    assert source.unfinished
    assert source.demux_failures.count == failing.failures
