"""Settings refuse what makes no sense and survive a trip through their own form."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from retrofr.errors import SettingsError
from retrofr.settings import SamplingSettings, SearchSettings, Settings, StageSettings, read_settings

STAGES = [type(f.default) for f in dataclasses.fields(Settings) if isinstance(f.default, StageSettings)]


def test_out_of_bounds_names_setting_value_and_bounds() -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings(rate=0)
    assert str(caught.value) == "sampling.rate: 0 is out of bounds; it goes from 0.01 to 120 samples/s"
    assert caught.value.exit_code == 2


def test_wrong_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^sampling.rate: expected float, got 'often'$"):
        SamplingSettings.from_mapping({"rate": "often"})


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^search.threshold: expected a finite number, got "):
        SearchSettings.from_mapping({"threshold": value})


def test_settings_of_a_part_are_a_table() -> None:
    with pytest.raises(SettingsError, match=r"^parts.yunet: expected a table of settings, got 3$"):
        Settings.from_mapping({"parts": {"yunet": 3}})


def test_unknown_setting_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        SamplingSettings.from_mapping({"fps": 2})
    assert (
        str(caught.value)
        == "sampling.fps: no such setting\nsampling has: gate, only_keyframes, rate, shot_difference"
    )


def test_unknown_stage_lists_the_known_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"^sampeling: no such stage of settings\nthere are: video, clock, sampling, "
    ):
        Settings.from_mapping({"sampeling": {"rate": 2}})


@pytest.mark.parametrize(("text", "value"), [("3", 3.0), ("0.5", 0.5)])
def test_numbers_are_read_from_text(text: str, value: float) -> None:
    assert SamplingSettings.from_mapping({"rate": text}).rate == value


def test_optional_number_may_be_absent_or_text() -> None:
    assert SearchSettings().threshold is None
    assert SearchSettings.from_mapping({"threshold": "1.25"}).threshold == 1.25


def test_settings_survive_their_own_form() -> None:
    settings = Settings.from_mapping(
        {"sampling": {"rate": 5}, "device": "cpu", "parts": {"yunet": {"min_face_pixels": 30}}}
    )
    assert Settings.from_mapping(settings.as_dict()) == settings


@pytest.mark.parametrize("stage", STAGES)
def test_every_setting_has_help_and_a_default_within_bounds(stage: type[StageSettings]) -> None:
    stage()  # refuses a default out of bounds
    for spec in dataclasses.fields(stage):
        assert spec.metadata["help"].endswith("."), f"{stage.stage}.{spec.name}"


def test_settings_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("[sampling]\nrate = = 2\n")
    with pytest.raises(SettingsError, match=r"r\.toml: is not a TOML file: .*line 2"):
        read_settings(path)


def test_settings_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
