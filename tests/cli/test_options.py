"""Settings from flags, ``--set`` and files: flag before file before default, and no typing error passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SEARCH = ("search", "footage", "--probe", "suspect.jpg")


def settings_of(fake_search: Any) -> Any:
    return fake_search.calls[-1]["settings"]


def test_flag_before_file_before_default(run: Any, fake_search: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('device = "cpu"\n[sampling]\nrate = 4\n[search]\ntop = 3\nthreshold = 0.5\n')
    assert run(*SEARCH, "--settings", file, "--rate", "8", "--set", "search.top=9").exit_code == 10
    settings = settings_of(fake_search)
    assert (settings.sampling.rate, settings.search.top, settings.search.threshold) == (8.0, 9, 0.5)
    assert settings.device == "cpu"
    assert settings.track.max_gap_seconds == 1.6


def test_every_flag_reaches_its_setting(run: Any, fake_search: Any) -> None:
    run(
        *SEARCH,
        *("--threshold", "0.4", "--top", "2", "--detector", "d", "--embedder", "e", "--index", "i"),
        *("--min-eye-distance", "20", "--device", "cuda:1"),
    )
    s = settings_of(fake_search)
    assert (s.search.threshold, s.search.top, s.search.index) == (0.4, 2, "i")
    assert (s.detect.detector, s.embed.embedder) == ("d", "e")
    assert (s.quality.min_eye_distance_pixels, s.device) == (20.0, "cuda:1")


def test_which_frames_are_looked_at(run: Any, fake_search: Any) -> None:
    run(*SEARCH)
    plain = settings_of(fake_search).sampling
    assert (plain.rate, plain.only_keyframes, plain.gate) == (2.0, False, True)
    run(*SEARCH, "--rate", "keyframes", "--no-gate")
    quick = settings_of(fake_search).sampling
    assert (quick.rate, quick.only_keyframes, quick.gate) == (2.0, True, False)
    run(*SEARCH, "--set", "sampling.rate=keyframes")
    assert settings_of(fake_search).sampling.only_keyframes


def test_a_part_is_set_by_its_name(run: Any, fake_search: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[parts.exact]\na = 1\n")
    run(*SEARCH, "--settings", file, "--set", "parts.annoy.trees=7", "--set", "parts.exact.b=2")
    assert settings_of(fake_search).parts == {"annoy": {"trees": "7"}, "exact": {"a": 1, "b": "2"}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "rate=3"), "error: --set rate=3: expected STAGE.NAME=VALUE\n"),
        (("--set", "sampling.rate"), "error: --set sampling.rate: expected STAGE.NAME=VALUE\n"),
        (("--set", "sampling.=3"), "error: --set sampling.=3: expected STAGE.NAME=VALUE\n"),
        (("--set", "parts.annoy=3"), "error: --set parts.annoy=3: expected STAGE.NAME=VALUE\n"),
        (
            ("--set", "sampling.rat=3"),
            "error: sampling.rat: no such setting\n       sampling has: gate, only_keyframes, rate, shot_difference\n",
        ),
        (("--set", "smpling.rate=3"), "error: smpling: no such stage of settings\n"),
        (("--set", "sampling.rate=x"), "error: sampling.rate: expected float, got 'x'\n"),
        (("--set", "sampling.rate=nan"), "error: sampling.rate: expected a finite number, got nan\n"),
        (("--threshold", "nan"), "error: search.threshold: expected a finite number, got nan\n"),
        (("--threshold", "inf"), "error: search.threshold: expected a finite number, got inf\n"),
        (("--set", "parts.yunnet.x=3"), "error: parts.yunnet: no such part\n       there are: "),
        (
            ("--rate", "3", "--set", "sampling.rate=4"),
            "error: sampling.rate: is set twice, by its own flag and by --set\n       leave one out\n",
        ),
    ],
)
def test_what_cannot_be_set(run: Any, fake_search: Any, arguments: tuple[str, ...], message: str) -> None:
    result = run(*SEARCH, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert fake_search.calls == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate = ", "is not a TOML file: "),
        ("[sampling]\nrate = nan\n", "error: sampling.rate: expected a finite number, got nan\n"),
        ("parts = 3\n", "error: parts: expected a table for each part\n"),
        ("[parts]\nannoy = 3\n", "error: parts.annoy: expected a table of settings\n"),
    ],
)
def test_settings_files_that_are_refused(
    run: Any, fake_search: Any, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    result = run(*SEARCH, "--settings", file)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_settings_file_that_is_not_there(run: Any, fake_search: Any) -> None:
    result = run(*SEARCH, "--settings", "nowhere.toml")
    assert result.exit_code == 2
    assert result.stderr == "error: nowhere.toml: cannot be read (No such file or directory)\n"
