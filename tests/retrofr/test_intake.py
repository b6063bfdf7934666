"""What an examiner knows and asks of footage, through a whole search: cameras, streams, windows, digests, clocks."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import retrofr
from burnt_in import make_clock_clip, running_clock
from clips import make_clip, make_two_cameras, numbered_picture
from fakes import COLOURS, draw_face, scene
from retrofr.errors import UsageError
from retrofr.events import Advanced, Event
from retrofr.hash_lists import read_hash_lists
from retrofr.integrity import sha256_file
from retrofr.notes import FootageNotes
from retrofr.overlay.text_reader import WEIGHTS
from retrofr.records import Pixels
from retrofr.request import FootageRequest
from retrofr.results import SearchResult
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import Settings
from retrofr.weights import find_weights

Parts = dict[str, dict[str, object]]
PATTERNS = {"clock": {"file_name_patterns": ["{camera}_{YYYY}{MM}{DD}_{hh}{mm}{ss}"]}}


def always_red(number: int, width: int, height: int) -> Pixels:
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 100, 80)
    return image


@pytest.fixture
def red_probe(tmp_path: Path) -> Path:
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80)
    path = tmp_path / "red.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Ten seconds each of a front and a back camera, both starting at 17:11:05 by their names."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for camera in ("back", "front"):
        make_clip(folder / f"{camera}_20240330_171105.mp4", frames=250, picture=always_red)
    return folder


def search(footage: Path, probe: Path, parts: Parts, **request: object) -> SearchResult:
    settings = Settings.from_mapping(parts | PATTERNS)
    asked = FootageRequest(FootageNotes.under(settings.clock), **request)  # type: ignore[arg-type]
    return retrofr.search([footage], [probe], settings=settings, request=asked)


def test_only_the_camera_that_was_asked_for(footage: Path, red_probe: Path, fake_parts: Parts) -> None:
    result = search(footage, red_probe, fake_parts, selection=Selection(cameras=("FRONT",)))
    assert [(hit.exhibit, hit.camera) for hit in result.hits] == [("front_20240330_171105.mp4", "front")]
    (left,) = result.coverage.left_out
    assert left.subject == "back_20240330_171105.mp4"
    assert left.reason == "it is of camera back, and FRONT was asked for (--camera)"
    assert result.exit_code == 0


def test_a_camera_that_nobody_knows_is_refused(footage: Path, red_probe: Path, fake_parts: Parts) -> None:
    with pytest.raises(UsageError, match="no recording is of camera frnt\nknown cameras: back, front"):
        search(footage, red_probe, fake_parts, selection=Selection(cameras=("frnt",)))


@pytest.mark.parametrize(
    ("start", "end"), [("2024-03-30T17:11:08", "2024-03-30T17:11:10"), ("3", "0:05"), ("3s", "5.000")]
)
def test_a_time_window_in_media_time_or_wall_clock(
    footage: Path, red_probe: Path, fake_parts: Parts, start: str, end: str
) -> None:
    result = search(footage, red_probe, fake_parts, selection=Selection(TimeWindow.parse(start, end)))
    # Two samples a second from the window's start: the last of four is frame 113, shown until 4.56 s.
    assert {(hit.start_seconds, hit.end_seconds) for hit in result.hits} == {(3, Fraction(114, 25))}
    for stream in result.coverage.streams:
        assert (stream.searched_seconds, stream.outside_seconds) == (2, 8)
        assert [(r.kind, r.start_seconds, r.end_seconds) for r in stream.ranges] == [
            ("outside", 0, 3), ("searched", 3, 5), ("outside", 5, 10),
        ]  # fmt: skip
    assert result.exit_code == 0


def test_a_recording_outside_the_window_is_no_gap(footage: Path, red_probe: Path, fake_parts: Parts) -> None:
    window = TimeWindow.parse("2024-03-30T18:00", "2024-03-30T19:00")
    result = search(footage, red_probe, fake_parts, selection=Selection(window))
    assert result.hits == ()
    assert [(s.searched_seconds, s.outside_seconds) for s in result.coverage.streams] == [(0, 10), (0, 10)]
    assert not result.coverage.has_gaps


def test_a_recording_that_cannot_be_placed_is_not_searched(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    clip = make_clip(tmp_path / "cam.mp4", frames=50, picture=always_red)
    result = search(
        clip, red_probe, fake_parts, selection=Selection(TimeWindow.parse("2024-03-30T17:00", None))
    )
    (missing,) = result.coverage.unsearched
    assert missing.reason.startswith(
        "the time window is wall-clock time, and this recording has no wall clock"
    )
    assert (result.hits, result.exit_code) == ((), 3)


def test_only_the_stream_that_was_asked_for(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    clip = make_two_cameras(tmp_path / "two.mkv")
    result = search(clip, red_probe, fake_parts, selection=Selection(streams=(1,)))
    assert [stream.stream for stream in result.coverage.streams] == [1]
    assert [(u.subject, u.reason) for u in result.coverage.left_out] == [
        ("two.mkv, stream 0", "it was not asked for (--stream 1)")
    ]


def test_requirement_08_a_file_that_is_not_as_listed_is_not_searched(
    footage: Path, red_probe: Path, fake_parts: Parts, tmp_path: Path
) -> None:
    good = footage / "front_20240330_171105.mp4"
    listed = tmp_path / "sums.txt"
    listed.write_text(
        f"{sha256_file(good)}  {good.name}\n{'0' * 32}  back_20240330_171105.mp4\n{'1' * 64}  gone.mp4\n"
    )
    result = search(footage, red_probe, fake_parts, hashes=read_hash_lists([listed]))
    assert {hit.exhibit for hit in result.hits} == {good.name}
    (altered,) = result.coverage.unsearched
    assert (altered.subject, altered.kind) == ("back_20240330_171105.mp4", "integrity")
    assert altered.reason.endswith(f"and sums.txt, line 2, says {'0' * 32}")
    assert [stream.hash_check for stream in result.coverage.streams] == ["sha256 as in sums.txt, line 1"]
    assert result.coverage.not_in_footage == ("gone.mp4",)
    assert result.exit_code == 4


def test_requirement_08_a_file_that_changes_while_it_is_searched(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    clip = make_clip(tmp_path / "cam.mp4", frames=250, picture=always_red)
    before = sha256_file(clip)

    def write_into_it(event: Event) -> None:
        if isinstance(event, Advanced):
            with clip.open("r+b") as file:
                file.write(b"\0\0\0\1")

    result = retrofr.search(
        [clip], [red_probe], settings=Settings.from_mapping(fake_parts), listener=write_into_it
    )
    (stream,) = result.coverage.streams
    assert (stream.exhibit_sha256, stream.sha256_after) == (before, sha256_file(clip))
    assert result.hits
    assert all(hit.exhibit_changed for hit in result.hits)
    assert result.exit_code == 4


@pytest.mark.slow
def test_the_burnt_in_clock_is_used_where_there_is_no_other(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    if any(find_weights(file) is None for file in WEIGHTS):
        pytest.skip("needs the extra ocr: the package rapidocr is not installed")
    clip = make_clock_clip(tmp_path / "cam.mp4", running_clock(datetime(2024, 3, 30, 17, 11, 5)), seconds=12)
    result = search(clip, red_probe, fake_parts, ocr=True)
    (stream,) = result.coverage.streams
    assert stream.clock.origin.kind == "overlay"
    assert stream.clock.origin.at is not None
    assert abs((stream.clock.origin.at - datetime(2024, 3, 30, 17, 11, 5)).total_seconds()) < 1
    (exhibit,) = result.run["exhibits"]  # type: ignore[misc]
    assert len(exhibit["burnt_in_clock"]["texts"]) >= 10
