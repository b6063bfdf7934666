"""Shot cuts are found while decoding, and motion, noise and light are not taken for them."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from clips import make_clip
from retrofr.video.shots import ShotCounter, points_of


def cuts_in(path: Path, difference: float = 12.0) -> list[int]:
    counter = ShotCounter(difference)
    with av.open(str(path)) as container:
        found = [n for n, frame in enumerate(container.decode(video=0)) if counter.cuts(points_of(frame))]
    assert counter.shot == len(found)
    return found


def spliced(number: int, width: int, height: int) -> np.ndarray:  # type: ignore[type-arg]
    """Another pattern every 20 frames."""
    stripes = np.arange(width) * (3 + number // 20 * 2) // width % 2 * 120 + 60
    return np.broadcast_to(stripes[None, :, None], (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [("libx264", "yuv420p", "mp4"), ("mjpeg", "yuvj420p", "avi"), ("ffv1", "gray", "mkv"),
     ("ffv1", "yuv420p10le", "mkv"), ("ffv1", "bgr0", "mkv")],
)  # fmt: skip
def test_every_cut_is_found_in_any_pixel_format(
    tmp_path: Path, codec: str, pixel_format: str, suffix: str
) -> None:
    clip = make_clip(
        tmp_path / f"a.{suffix}", frames=60, codec=codec, pixel_format=pixel_format, picture=spliced
    )
    assert cuts_in(clip) == [20, 40]


def test_a_padded_odd_width_is_read_inside_the_picture(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "a.mkv", frames=30, codec="ffv1", pixel_format="gray", size=(321, 241), picture=spliced
    )
    assert cuts_in(clip) == [20]


def test_motion_and_noise_are_no_cuts(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    base = random.integers(0, 255, (60, 80)).repeat(4, axis=0).repeat(4, axis=1)

    def panned(number: int, width: int, height: int) -> np.ndarray:  # type: ignore[type-arg]
        noise = np.random.default_rng(number).normal(0, 12, (height, width))
        picture = np.clip(np.roll(base, number * 9, axis=1) + noise, 0, 255)
        return picture.astype(np.uint8)[:, :, None].repeat(3, axis=2)

    clip = make_clip(tmp_path / "a.mp4", frames=60, picture=panned)
    # The pan begins at once, so its first step is the only change there is nothing to compare with.
    assert [n for n in cuts_in(clip) if n > 1] == []


def test_every_splice_of_real_footage_is_found_and_nothing_else(shared_data: Path) -> None:
    folder = shared_data / "clips" / "composite"
    with (folder / "ground_truth.tsv").open() as file:
        starts = [int(row["start_frame"]) for row in csv.DictReader(file, delimiter="\t")]
    assert cuts_in(folder / "composite.mp4") == starts[1:]
