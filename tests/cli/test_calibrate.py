"""``retrofr calibrate``: a file that searches go by, on drawn photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import draw_photo, photo_folder

from retrofr.calibration.operating import read_operating_points

FAKE = ("--detector", "fake", "--embedder", "fake", "--device", "cpu", "--quiet")


@pytest.fixture
def photos(tmp_path: Path, fake_parts: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo_folder(tmp_path / "photos", people=24, photos=4)
    return Path("photos")


def test_a_file_is_written_that_says_what_it_holds_for(run: Any, photos: Path) -> None:
    flags = ("--out", "points.toml", "--name", "drawn faces", "--date", "2026-11-23", "--conditions", "drawn")
    result = run("calibrate", photos, *FAKE, *flags, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    points = read_operating_points(Path("points.toml"))
    assert (points.system["name"], points.system["detector"], len(points.system["comparison_key"])) == (
        "fake",
        "fake",
        64,
    )
    assert (points.data.name, points.data.made, points.data.conditions) == (
        "drawn faces",
        "2026-11-23",
        "drawn",
    )
    assert (points.data.photos, points.data.people, points.data.mated, points.data.non_mated) == (
        96,
        24,
        144,
        4416,
    )
    assert points.data.command == "retrofr calibrate photos --detector fake --embedder fake"
    assert {each.measure for each in points.conditions} == {"eye_distance_pixels", "sharpness", "yaw"}
    for measure in ("eye_distance_pixels", "sharpness", "yaw"):
        own = [each for each in points.conditions if each.measure == measure]
        assert (own[0].low, own[-1].high) == (0, float("inf"))
        assert [a.high for a in own[:-1]] == [b.low for b in own[1:]]
        assert sum(each.mated for each in own) == 144
    document = json.loads(result.stdout)
    assert (document["schema"], document["exit_code"]) == ("retrofr.calibration/1", 0)
    assert document["written"] == "points.toml"
    assert document["lowest_fmr"] == points.lowest_fmr
    assert len(document["thresholds"]) == len(points.thresholds)
    assert all(claim["claimed_fmr"] for claim in document["held_out"]["claims"])


def test_what_was_written_is_what_a_search_goes_by(run: Any, photos: Path) -> None:
    assert run("calibrate", photos, *FAKE, "--out", "points.toml").exit_code == 0
    one, other = photos / "p0" / "0.png", photos / "p0" / "1.png"
    flags = ("--operating-points", "points.toml", "--fmr", "0.01", "--format", "json")
    result = run("compare", one, other, *FAKE, *flags)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    points = read_operating_points(Path("points.toml"))
    assert found["threshold"]["score"] == points.threshold_for(0.01).score
    assert found["operating_points"]["name"] == "photos"
    refused = run("compare", one, other, *FAKE, "--operating-points", "points.toml", "--fmr", "1e-6")
    assert refused.exit_code == 2
    assert "is below what the calibration data can support" in refused.stderr


def test_a_table(run: Any, photos: Path) -> None:
    result = run("calibrate", photos, *FAKE, "--out", "points.toml", columns=140)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "Thresholds of fake" in lines
    assert any(line.startswith("lowest target  --fmr ") for line in lines)
    assert any(
        line.startswith("px between the eyes 60 or more") and line.endswith("insufficient data")
        for line in lines
    )
    assert "Calibrated on some people, tried on others (each half of the people in turn)" in lines
    assert result.stdout.endswith("written  points.toml\n")


def test_a_failure_to_acquire_is_missed_and_never_a_stranger_who_was_told_apart(
    run: Any, photos: Path
) -> None:
    draw_photo(photos / "p0" / "none.png", None)
    assert run("calibrate", photos, *FAKE, "--out", "points.toml").exit_code == 0
    points = read_operating_points(Path("points.toml"))
    assert (points.data.mated, points.data.non_mated) == (144 + 4, 4416)
    assert points.thresholds[0].fnmr >= 4 / 148


def test_a_photo_that_cannot_be_read_is_a_gap(run: Any, photos: Path) -> None:
    (photos / "p0" / "broken.png").write_bytes(b"no picture")
    result = run("calibrate", photos, *FAKE, "--out", "points.toml", "--format", "json")
    assert result.exit_code == 10
    assert json.loads(result.stdout)["material"]["unreadable"] == [
        {"file": "p0/broken.png", "reason": "is not a picture that can be read"}
    ]


def test_few_data_give_no_likelihood_ratios(run: Any, photos: Path) -> None:
    small = photo_folder(Path("small"), people=3, photos=2)
    result = run("calibrate", small, *FAKE, "--out", "points.toml", columns=140)
    assert result.exit_code == 0
    assert "LR  insufficient data for likelihood ratios" in result.stdout
    assert read_operating_points(Path("points.toml")).likelihood is None


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ((), 2, "missing option '--out'"),
        (
            ("--out", "there.toml"),
            7,
            "error: there.toml: exists already, and operating points are never overwritten",
        ),
        (("--out", "no/such/points.toml"), 7, "error: no/such: there is no such folder to write to"),
        (("--out", "p.toml", "--date", "today"), 2, "error: --date: 'today' is not a day like 2026-11-23"),
        (("--out", "p.toml", "--hold-out", "0"), 2, "--hold-out"),
        (("--out", "p.toml", "--exclude", "gone.toml"), 2, "error: gone.toml: cannot be read"),
    ],
)
def test_errors_of_use(run: Any, photos: Path, flags: tuple[str, ...], code: int, message: str) -> None:
    Path("there.toml").write_text("mine")
    result = run("calibrate", photos, *FAKE, *flags)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert Path("there.toml").read_text() == "mine"
    assert not Path("p.toml").exists()


def test_nobody_twice(run: Any, photos: Path) -> None:
    once = photo_folder(Path("once"), people=3, photos=1)
    result = run("calibrate", once, *FAKE, "--out", "points.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: once: shows nobody twice" in result.stderr
    assert not Path("points.toml").exists()
