"""Which frames are labelled suspect, what of the time is told as lost, and what sound files must not report."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import clips
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import CoverageFacts, read_samples

STEP = Fraction(1, 25)
FRAMES = 150
# A decoder process reads every frame with FFmpeg's error messages watched, as no other process may.
READ = """
import pathlib, sys
import numpy as np
from retrofr.settings import SamplingSettings
from retrofr.video.decoding.error_log import ErrorLog
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.reader import read_samples

ErrorLog.install()
path = pathlib.Path(sys.argv[1])
with read_samples(open_exhibit(FootageFile(path, path.name)), 0, SamplingSettings(rate=120.0)) as reader:
    frames = [(sample.image, sample.frame) for sample in reader]
np.savez(
    sys.argv[2],
    images=np.stack([image for image, _ in frames]),
    numbers=[round(frame.seconds * 25) for _, frame in frames],
    suspect=[frame.suspect for _, frame in frames],
)
"""


@dataclass
class Labels:
    """Counts of frames: damaged ones by label, and good ones that are labelled."""

    labelled: int
    missed: int
    good_labelled: int


def textured(number: int, width: int, height: int) -> clips.Image:
    """A numbered picture on a texture, in which damage shows."""
    picture = clips.numbered_picture(number, width, height)
    rows, columns = height // 8 + 1, width // 8 + 1
    texture = np.random.default_rng(1).integers(60, 180, (rows, columns)).astype(np.uint8)
    texture = texture.repeat(8, 0).repeat(8, 1)[:height, :width]
    still = picture[:, :, 0] != 230
    still[:24] = False
    picture[still] = texture[still][:, None]
    return picture


def blocks(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    grey = image[:240, :320].mean(axis=2).astype(np.float32)
    means: npt.NDArray[np.float32] = grey.reshape(15, 16, 20, 16).mean(axis=(1, 3))
    return means


def labels_of(path: Path) -> Labels:
    found = path.with_suffix(".npz")
    subprocess.run([sys.executable, "-c", READ, str(path), str(found)], check=True, timeout=120)
    data = np.load(found)
    labels = Labels(0, 0, 0)
    for image, number, suspect in zip(data["images"], data["numbers"], data["suspect"], strict=True):
        # A bare stream's times are counted, so one lost start code moves them; the picture tells its number.
        shown = clips.number_in(image)
        truth = textured(int(number) if shown is None else shown, 320, 240)
        damaged = np.abs(blocks(image) - blocks(truth)).max() > 30
        labels.labelled += bool(damaged and suspect)
        labels.missed += bool(damaged and not suspect)
        labels.good_labelled += bool(suspect and not damaged)
    return labels


def flip_bits(path: Path) -> Path:
    data, chance = bytearray(path.read_bytes()), random.Random(5)
    for _ in range(40):
        at = chance.randrange(int(len(data) * 0.4), int(len(data) * 0.6))
        data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    return path


def blank(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 10
    data[middle : middle + length] = bytes(length)
    path.write_bytes(bytes(data))
    return path


def drop_packets(path: Path) -> Path:
    data, packet = path.read_bytes(), 188
    middle, length = len(data) // packet // 2 * packet, len(data) // packet // 10 * packet
    path.write_bytes(data[:middle] + data[middle + length :])
    return path


FAST_START = {"container_options": {"movflags": "+faststart"}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "harm"),
    [
        ("flips.mp4", FAST_START, flip_bits),
        ("flips_b.mp4", FAST_START | {"b_frames": 3}, flip_bits),
        ("flips.mkv", {}, flip_bits),
        ("flips.ts", {"container": "mpegts"}, flip_bits),
        ("flips.h264", {"container": "h264"}, flip_bits),
        ("hole.mp4", FAST_START, blank),
        ("hole.ts", {"container": "mpegts"}, drop_packets),
    ],
)
def test_every_damaged_frame_of_h264_is_suspect(
    tmp_path: Path, name: str, options: dict[str, Any], harm: Callable[[Path], Path]
) -> None:
    path = harm(clips.make_clip(tmp_path / name, frames=FRAMES, picture=textured, **options))
    labels = labels_of(path)
    assert labels.labelled >= 5
    # A flipped start code of a bare stream hides a picture from the decoder itself; nothing reports that.
    assert labels.missed <= (2 if path.suffix == ".h264" else 0)
    # After damage no frame is called good again before the next keyframe, though some happen to be.
    assert labels.good_labelled <= 25


@pytest.mark.slow
def test_a_sound_file_has_no_suspect_frame(tmp_path: Path) -> None:
    for name, options in (("a.mp4", {"b_frames": 3}), ("a.ts", {"container": "mpegts"}), ("a.mkv", {})):
        path = clips.make_clip(tmp_path / name, frames=FRAMES, picture=textured, **options)  # type: ignore[arg-type]
        assert labels_of(path) == Labels(0, 0, 0)


def read(path: Path) -> tuple[list[int | None], CoverageFacts]:
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, SamplingSettings(rate=120.0)) as reader:
        return [sample.frame.packet for sample in reader], reader.coverage_facts


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_frames_say_which_packet_they_come_from(tmp_path: Path, codec: str, b_frames: int) -> None:
    packets, _ = read(clips.make_clip(tmp_path / "a.mp4", codec=codec, b_frames=b_frames))
    assert sorted(n for n in packets if n is not None) == list(range(50))
    assert (packets == list(range(50))) == (b_frames == 0)


def test_what_the_decoder_loses_without_an_error_is_told(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", codec="libx265", keyframe_every=25)
    data = bytearray(path.read_bytes())
    # A key picture whose NAL unit's kind no decoder knows is dropped, and all that is predicted from it.
    content, is_key, near, _ = clips.packets_of(path)[25]
    assert is_key
    at, end = data.index(content[:32], near), 0
    while end < len(content):
        data[at + end + 4] = 0x60  # a reserved kind
        end += 4 + int.from_bytes(content[end : end + 4], "big")
    path.write_bytes(bytes(data))
    packets, facts = read(path)
    assert packets == list(range(25))
    assert facts.damaged_packets == 0
    assert facts.unreadable_seconds == 1
    assert facts.searched_seconds == 1
    assert facts.problems[0] == "25 packets gave no picture between 1.000 s and 1.960 s"


def test_a_hole_at_the_end_is_unreadable_and_what_was_never_there_is_missing(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=100, **FAST_START)  # type: ignore[arg-type]
    _, facts = read(clips.cut(path, 0.6))
    kinds = [r.kind for r in facts.ranges]
    assert kinds in (["searched", "unreadable", "missing"], ["searched", "suspect", "unreadable", "missing"])
    assert facts.ranges[0].start_seconds == 0
    assert facts.ranges[-1].end_seconds == facts.declared_seconds == 4
    assert sum(r.seconds for r in facts.ranges) == 4
    assert facts.ranges[-1].reason == "declared, and not in the file"


def test_raw_frames_behind_lost_ones_keep_their_times(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.h265", container="hevc", codec="libx265", frames=75)
    data = bytearray(path.read_bytes())
    content, is_key, near, _ = clips.packets_of(path)[25]
    assert is_key
    kinds = (b"\x26", b"\x28", b"\x2a")  # of key pictures
    at = data.index(content, near) + max(content.find(b"\0\0\1" + kind) for kind in kinds)
    data[at + 3] = 0x02  # the key picture now claims to be predicted from one that is not there
    path.write_bytes(bytes(data))
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, SamplingSettings(rate=120.0)) as reader:
        found = [(clips.number_in(sample.image), sample.frame.seconds) for sample in reader]
    assert found == [(n, n * STEP) for n in range(75) if not 25 <= n < 50]
    assert reader.coverage_facts.unreadable_seconds == 1


def test_the_index_of_an_avi_tells_of_frames_that_cannot_be_found(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.avi", codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    _, _, near, _ = clips.packets_of(path)[20]
    head = data.rindex(b"00dc", 0, near + 4)
    data[head : head + 4] = bytes(4)
    path.write_bytes(bytes(data))
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, SamplingSettings(rate=120.0)) as reader:
        found = [(clips.number_in(sample.image), sample.frame.seconds) for sample in reader]
    assert found == [(n, n * STEP) for n in range(50) if n != 20]
    facts = reader.coverage_facts
    assert [(r.kind, r.start_seconds) for r in facts.ranges] == [
        ("searched", 0),
        ("missing", 20 * STEP),
        ("searched", 21 * STEP),
    ]
    assert facts.missing_seconds == STEP
    assert facts.problems == ["1 place where the index lists pictures that are not there at 0.760 s"]


def test_a_rate_that_is_given_counts_the_times_of_a_stream_without_any(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.h264", container="h264")
    plan = ReadingPlan(SamplingSettings(rate=120.0), frame_rate=Fraction(25, 2))
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, plan) as reader:
        samples = list(reader)
    assert [sample.frame.seconds for sample in samples] == [n * Fraction(2, 25) for n in range(50)]
    assert {sample.frame.time_source for sample in samples} == {"assumed rate"}
    assert reader.coverage_facts.notes == ["times counted at 12.5 frames/s, as given"]
    timed = clips.make_clip(tmp_path / "a.mp4")
    with read_samples(open_exhibit(FootageFile(timed, timed.name)), 0, plan) as reader:
        assert [sample.frame.seconds for sample in reader] == [n * STEP for n in range(50)]
    assert reader.coverage_facts.notes == ["the frame rate given is not used: this stream has times"]


def test_a_pixel_aspect_that_is_given_goes_before_the_files(tmp_path: Path) -> None:
    path = clips.make_clip(tmp_path / "a.mp4", frames=3, pixel_aspect=Fraction(1, 2))
    plan = ReadingPlan(SamplingSettings(rate=120.0), pixel_aspect=Fraction(12, 11))
    with read_samples(open_exhibit(FootageFile(path, path.name)), 0, plan) as reader:
        assert {sample.image.shape for sample in reader} == {(240, 349, 3)}
    assert reader.coverage_facts.notes == ["pixel aspect 12:11, as given"]
