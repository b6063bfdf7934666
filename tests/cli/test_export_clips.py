"""``retrofr export --format clips``: cut from the very recordings, others hidden, times exact, nothing else inside."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import fakes
from clips import make_clip
from fakes import COLOURS, draw_face, scene
from retrofr import registry
from retrofr.case.audit_log import entries
from retrofr.case.store import create_case, open_case
from retrofr.case_search import search_case
from retrofr.indexing import index
from retrofr.integrity import sha256_file
from retrofr.records import Pixels
from retrofr.settings import Settings

RATE, FRAMES, THERE = 25, 75, range(25, 50)
Export = Callable[..., Result]


def street(number: int, width: int, height: int) -> Pixels:
    """Blue is there all the time, red for the second second."""
    image = scene(width, height)
    draw_face(image, COLOURS["blue"], 200, 80)
    if number in THERE:
        draw_face(image, COLOURS["red"], 20 + number, 80)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A case of one recording, searched for red; exports change nothing but its log."""
    folder = tmp_path_factory.mktemp("clips")
    found = {"detectors": fakes.FAKE_DETECTOR, "embedders": fakes.FAKE_EMBEDDER}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            registry,
            "_foreign",
            lambda kind: {"fake": fakes.as_entry_point(found[kind])} if kind in found else {},
        )
        patch.setenv("RETROFR_KEYS", str(folder / "keys"))
        patch.setenv("RETROFR_AUDIT", str(folder / "audit"))
        (folder / "footage").mkdir()
        notes = {"title": "of somebody", "comment": "secret"}
        recording = folder / "footage" / "cam1.mp4"
        make_clip(recording, frames=FRAMES, rate=RATE, picture=street, sound=True, metadata=notes)
        image = scene()
        draw_face(image, COLOURS["red"], 100, 80)
        Image.fromarray(image).save(folder / "red.png")
        settings = Settings.from_mapping(
            {
                "detect": {"detector": "fake"},
                "embed": {"embedder": "fake"},
                "search": {"threshold": 0.8},
                "index": {"engine": "inline"},
            }
        )
        with create_case(folder / "case") as case:
            index([recording], case, settings=settings)
            hits = search_case(case, [folder / "red.png"], settings=settings).hits
            assert len(hits) == 1
        yield folder


@pytest.fixture
def export(run: Any, folder: Path) -> Export:
    return lambda *arguments: run("export", "--case", folder / "case", "--format", "clips", *arguments)


def last_entry(folder: Path) -> Any:
    with open_case(folder / "case") as case:
        return list(entries(case))[-1]


def table(out: Path) -> list[dict[str, str]]:
    with (out / "clips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pictures(path: Path) -> list[tuple[Fraction, Pixels]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.time_base is not None
        return [
            (frame.pts * stream.time_base, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in file.decode(stream)
        ]


def colour(image: Pixels, channel: int, other: int) -> int:
    return int((image[:, :, channel].astype(int) - image[:, :, other] > 60).sum())


def test_requirement_29_a_clip_of_each_appearance_hides_all_others(
    export: Export, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "clips"
    result = export("--footage", folder / "footage", "--out", out, "--margin", "0.4")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-2:] == [
        "1 clip: checked: every found face but the candidate's hidden as far as the detector goes (fake)",
        "not in clips: what was not searched",
    ]
    assert sorted(path.name for path in out.iterdir()) == ["clips.csv", "search-1-hit-0001.mp4"]
    (row,) = table(out)
    clip = out / row["clip"]
    assert row["clip_sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    rate = int(row["clip_ticks_per_second"])
    start, end = (Fraction(int(row[f"clip_{edge}_ticks"]), rate) for edge in ("start", "end"))
    seen = [Fraction(int(row[f"{edge}_ticks"]), int(row["ticks_per_second"])) for edge in ("start", "end")]
    assert (start, end) == (seen[0] - Fraction("0.4"), seen[1] + Fraction("0.4"))
    shown = pictures(clip)
    assert [time + start for time, _ in shown] == [start + Fraction(n, RATE) for n in range(len(shown))]
    assert len(shown) == int(row["clip_frames"]) == (end - start) * RATE
    assert [colour(image, 2, 0) for _, image in shown] == [0] * len(shown)
    first = int(start * RATE)
    red = [number for number, (_, image) in enumerate(shown, start=first) if colour(image, 0, 2) > 1000]
    assert red == [number for number in range(first, first + len(shown)) if number in THERE]
    assert (int(row["clip_frames_with_candidate"]), row["clip_frames_doubtful"]) == (len(red), "0")
    assert (row["clip_frames_suspect"], row["clip_frames_hidden"]) == ("0", "0")
    details = last_entry(folder)["details"]
    assert (details["format"], details["unredacted"], details["files"]) == ("clips", False, 2)


def test_a_clip_has_one_stream_and_tells_nothing_else(export: Export, folder: Path, tmp_path: Path) -> None:
    out, reason = tmp_path / "clips", "disclosure ordered by the court, 4 March"
    result = export("--footage", folder / "footage", "--out", out, "--unredacted", reason)
    assert "nobody is hidden: bystanders can be recognised in these pictures" in result.stderr
    assert (last_entry(folder)["reason"], last_entry(folder)["details"]["unredacted"]) == (reason, True)
    (row,) = table(out)
    assert (row["clip_checked"], row["clip_faces_hidden"]) == ("nobody is hidden", "")
    clip = out / row["clip"]
    assert all(colour(image, 2, 0) > 1000 for _, image in pictures(clip))
    with av.open(str(clip)) as file:
        assert [stream.type for stream in file.streams] == ["video"]
        assert file.streams.video[0].codec_context.name == "h264"
        assert set(file.metadata) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}
        assert Fraction(file.duration or 0, av.time_base) == Fraction(int(row["clip_frames"]), RATE)
    assert not any(word in clip.read_bytes() for word in (b"of somebody", b"secret", b"cam1"))
    if shutil.which("ffprobe"):
        asked = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(clip)]
        (stream,) = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)["streams"]
        assert (stream["codec_type"], stream["codec_name"], stream["start_pts"]) == ("video", "h264", 0)


def test_requirement_29_footage_that_is_not_the_same_is_refused(
    export: Export, folder: Path, tmp_path: Path
) -> None:
    other, renamed = tmp_path / "other", tmp_path / "renamed"
    other.mkdir()
    original = folder / "footage" / "cam1.mp4"
    data = bytearray(original.read_bytes())
    data[-1] ^= 1
    (other / "cam1.mp4").write_bytes(data)
    refused = export("--footage", other, "--out", tmp_path / "out")
    assert (refused.exit_code, refused.stderr.partition("error: ")[2]) == (
        4,
        f"{other}/cam1.mp4: is not the recording that was indexed: its SHA-256 is "
        f"{sha256_file(other / 'cam1.mp4')}, that of the exhibit {sha256_file(original)}\n"
        "       name a folder with the original, or an exact copy of it\n",
    )
    (other / "cam1.mp4").rename(other / "yard.mp4")
    absent = export("--footage", other, "--out", tmp_path / "out")
    assert (absent.exit_code, absent.stderr.partition("error: ")[2]) == (
        2,
        f"{other}: holds none of the 1 recording with appearances: cam1.mp4\n"
        "       recordings are known by their SHA-256, not by their names\n",
    )
    assert not (tmp_path / "out").exists()
    renamed.mkdir()
    shutil.copyfile(original, renamed / "copy.mp4")
    found = export("--footage", renamed, "--out", tmp_path / "out", "--margin", "0", "--unredacted", "a test")
    assert (found.exit_code, len(table(tmp_path / "out"))) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "o"), "--format clips: is cut from the recordings"),
        (("--footage", "f"), "--format clips: writes a folder of files"),
        (("--format", "csv", "--footage", "f"), "--footage: goes with --format clips"),
        (("--format", "csv", "--margin", "1"), "--margin: goes with --format clips"),
        (("--format", "csv", "--unredacted", "why"), "--unredacted: goes with --stills or --format clips"),
    ],
)
def test_options_that_do_not_go_together(export: Export, arguments: tuple[str, ...], said: str) -> None:
    refused = export(*arguments)
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (2, f"error: {said}")
