"""Burnt-in clocks read from compressed clips, the whole way: file, decoder, text nets, fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

import burnt_in
from burnt_in import Words, make_clock_clip, running_clock
from retrofr.overlay import text_reader
from retrofr.overlay.reading import NoOverlayClock, OverlayReading, read_overlay_clock
from retrofr.overlay.text_reader import TextReader, open_text_reader
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.overlay import choose_samples, overlay_plan, overlay_times
from retrofr.video.reader import read_samples
from retrofr.weights import find_weights

START = datetime(2024, 3, 30, 17, 11, 5, 400_000)
SMALL = (352, 288)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    if any(find_weights(file) is None for file in text_reader.WEIGHTS):
        pytest.skip("needs the extra ocr: the package rapidocr is not installed")
    return open_text_reader()


def read_clip(path: Path, reader: TextReader) -> OverlayReading | NoOverlayClock:
    exhibit = open_exhibit(FootageFile(path, path.name))
    end = exhibit.streams[0].declared_seconds
    assert end is not None
    with read_samples(exhibit, 0, overlay_plan(Fraction(0), end)) as samples:
        return read_overlay_clock(choose_samples(samples, overlay_times(Fraction(0), end)), reader)


def assert_starts(reading: OverlayReading | NoOverlayClock, at: datetime = START) -> OverlayReading:
    assert isinstance(reading, OverlayReading), reading.reason
    assert reading.origin.at is not None, reading.origin.source
    assert abs(reading.origin.at - at) <= timedelta(seconds=reading.uncertainty_seconds + 0.2)
    assert reading.uncertainty_seconds <= 0.5
    assert reading.agreeing >= 0.7 * reading.frames
    return reading


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "font", "layout"),
    [
        ("libx264", "blocks", "%Y-%m-%d %H:%M:%S"),
        ("libx264", "smooth", "%d/%m/%Y %H:%M:%S"),
        ("mpeg4", "strokes", "%m-%d-%Y %a %I:%M:%S %p"),
        ("mpeg4", "strokes bold", "%d %b %Y %H:%M:%S"),
    ],
)
def test_compressed_clocks_are_read_to_a_part_of_a_second(
    tmp_path: Path, reader: TextReader, codec: str, font: str, layout: str
) -> None:
    clip = make_clock_clip(
        tmp_path / "clip.mp4",
        running_clock(START, layout=layout),
        seconds=16,
        size=SMALL,
        codec=codec,
        font=font,
        height_pixels=13,
        more=[Words("CAM 04", (0.7, 0.9), 11), Words("AB12 CDE", (0.4, 0.5), 11)],
    )
    assert assert_starts(read_clip(clip, reader)).origin.rate == 1


@pytest.mark.slow
def test_a_clock_2_percent_fast_is_measured(tmp_path: Path, reader: TextReader) -> None:
    clip = make_clock_clip(
        tmp_path / "clip.mp4", running_clock(START, rate=1.02), seconds=150, rate=2, size=SMALL
    )
    reading = assert_starts(read_clip(clip, reader))
    assert float(reading.origin.rate) == pytest.approx(1.02, abs=reading.rate_uncertainty)
    assert reading.rate_uncertainty < 0.01
    assert any(problem.startswith("the burnt-in clock runs 1.0") for problem in reading.problems)


@pytest.mark.slow
def test_a_clock_put_on_by_an_hour_is_reported_with_the_place(tmp_path: Path, reader: TextReader) -> None:
    clip = make_clock_clip(
        tmp_path / "clip.mp4", running_clock(START, jump_after=20), seconds=40, rate=2, size=SMALL
    )
    reading = read_clip(clip, reader)
    assert isinstance(reading, OverlayReading), reading.reason
    assert reading.origin.at is None
    assert [stretch.at is not None for stretch in reading.stretches] == [True, True]
    first, second = reading.stretches
    assert first.last_seconds < 20 <= second.first_seconds
    assert reading.problems[0].startswith("the burnt-in clock jumps by +1:00:00 between media times 0:00:1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text_at", "reason"),
    [
        (lambda _: "", "no t"),
        (lambda _: "LJ05 XYZ 171105", "no time was found in the text of the"),
        (lambda _: "OPEN 12:30:00", "the time shown in"),
    ],
    ids=["nothing", "a plate", "a sign"],
)
def test_what_is_no_clock_gives_none(
    tmp_path: Path, reader: TextReader, text_at: Callable[[Fraction], str], reason: str
) -> None:
    clip = make_clock_clip(tmp_path / "clip.mp4", text_at, seconds=4, size=SMALL, height_pixels=14)
    reading = read_clip(clip, reader)
    assert isinstance(reading, NoOverlayClock), reading.origin
    assert reading.reason.startswith(reason)


def test_the_burnt_in_letters_are_really_there() -> None:
    for font in burnt_in.FONTS:
        scene = burnt_in.busy_scene(0, *SMALL)
        changed = (burnt_in.burn(scene, [Words("17:11:05", font=font)]) != scene).any(axis=2)
        rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
        assert 10 <= len(rows) <= 40
        assert 50 <= len(columns) <= 160
        assert not changed[100:].any()
