"""The options that say what is known about the footage: from words to notes, and what is refused."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from retrofr.clock import ClockCheck
from retrofr.errors import SettingsError, UsageError
from retrofr.notes import FootageNotes
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import ClockSettings, Settings
from retrofr_cli.footage_options import FootageFlags, footage_options, gather_notes
from retrofr_cli.options import Command, common_options, gather_settings

AT = datetime(2024, 3, 30, 17, 11, 5)


def command(**without: Any) -> tuple[click.Command, list[tuple[FootageFlags, dict[str, Any]]]]:
    calls: list[tuple[FootageFlags, dict[str, Any]]] = []

    def tried(footage_flags: FootageFlags, **flags: Any) -> None:
        calls.append((footage_flags, flags))

    make: Any = click.command(cls=Command)
    decorate: Any = footage_options(**without)
    return make(decorate(common_options(tried))), calls


def given(*words: str) -> tuple[FootageNotes, Selection]:
    tried, calls = command()
    result = CliRunner().invoke(tried, list(words))
    assert result.exit_code == 0, result.output
    footage_flags, flags = calls[0]
    notes, selection = gather_notes(footage_flags, gather_settings(None, (), flags))
    return notes, selection


def test_every_word_reaches_its_place(tmp_path: Path) -> None:
    sidecar = tmp_path / "notes.csv"
    sidecar.write_text("file,camera\na.mp4,Gate\n")
    notes, selection = given(
        *("--start", "2024-03-30T17:11:05", "--timezone", "Europe/London", "--clock-offset", "-00:07:03"),
        *("--sidecar", str(sidecar), "--sar", "16:11", "--fps", "30000/1001"),
        *(
            "--from",
            "1:30",
            "--to",
            "0:02:00",
            "--camera",
            "Gate*",
            "--camera",
            "x",
            "--stream",
            "0",
            "--stream",
            "2",
        ),
    )
    assert notes.flags.start == AT
    assert str(notes.flags.zone) == "Europe/London"
    assert (notes.flags.offset, notes.flags.check) == (-timedelta(minutes=7, seconds=3), None)
    assert (notes.flags.pixel_aspect, notes.flags.frame_rate) == (Fraction(16, 11), Fraction(30000, 1001))
    assert [row.file for row in notes.rows] == ["a.mp4"]
    assert selection == Selection(TimeWindow(Fraction(90), Fraction(120)), ("Gate*", "x"), (0, 2))


def test_nothing_given_is_nothing_known() -> None:
    assert given() == (FootageNotes(), Selection())


def test_a_check_of_the_clock() -> None:
    notes, _ = given("--clock-offset", "recorder=2024-04-02T17:20:00,true=2024-04-02T17:12:57,by=PC Smith")
    check = ClockCheck(datetime(2024, 4, 2, 17, 20), datetime(2024, 4, 2, 17, 12, 57), None, "PC Smith")
    assert (notes.flags.check, notes.flags.offset) == (check, check.offset)


def test_the_list_of_digests_is_only_named() -> None:
    tried, calls = command()
    assert CliRunner().invoke(tried, ["--hashes", "SHA256SUMS"]).exit_code == 0
    assert calls[0][0].hashes == Path("SHA256SUMS")


def test_settings_give_zone_and_patterns() -> None:
    clock = ClockSettings(timezone="+01:00", file_name_patterns=("{camera}_{YYYY}{MM}{DD}{hh}{mm}",))
    notes, _ = gather_notes(FootageFlags(), Settings(clock=clock))
    assert str(notes.flags.zone) == "UTC+01:00"
    assert [pattern.text for pattern in notes.patterns] == ["{camera}_{YYYY}{MM}{DD}{hh}{mm}"]


def test_the_zone_is_a_setting_and_is_not_set_twice() -> None:
    tried, calls = command()
    CliRunner().invoke(tried, ["--timezone", "Europe/London"])
    with pytest.raises(SettingsError, match=r"clock\.timezone: is set twice"):
        gather_settings(None, ["clock.timezone=UTC"], calls[0][1])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--start", "yesterday"), "--start: expected a time like 2024-03-30T17:11:05, got 'yesterday'"),
        (("--timezone", "Mars"), "--timezone: no such time zone: 'Mars'"),
        (("--clock-offset", "7m"), "--clock-offset: '7m' needs a sign"),
        (("--clock-offset", ""), "--clock-offset: expected an offset or a check, got ''"),
        (("--sidecar", "missing.csv"), "missing.csv: cannot be read (No such file or directory)"),
        (("--sar", "wide"), "--sar: expected the shape of a pixel like 16:11, got 'wide'"),
        (("--fps", "0"), "--fps: expected frames a second like 12.5 or 30000/1001, got '0'"),
        (("--from", "later"), "--from: expected a time, got 'later'"),
        (("--to", "0:00:00", "--from", "1"), "--to: 0:00:00 is not after --from 1"),
        (("--camera", " "), "--camera: names no camera"),
        (("--stream", "-1"), "--stream: streams are counted from 0"),
    ],
)
def test_words_that_are_refused(words: tuple[str, ...], error: str) -> None:
    with pytest.raises(UsageError) as raised:
        given(*words)
    assert f"{raised.value.subject}: {raised.value.reason}" == error
    assert raised.value.exit_code == 2


def test_a_pattern_that_is_none_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match=r"no such field: \{YYY\} at character 1"):
        gather_notes(FootageFlags(), Settings(clock=ClockSettings(file_name_patterns=("{YYY}",))))


def test_a_command_may_leave_options_out() -> None:
    tried, calls = command(without=("--from", "--to", "--camera"))
    shown = CliRunner().invoke(tried, ["--help"]).output
    assert "--from" not in shown
    assert "--stream" in shown
    assert CliRunner().invoke(tried, ["--from", "1"]).exit_code == 2
    assert CliRunner().invoke(tried, []).exit_code == 0
    assert calls[0][0] == FootageFlags()
    with pytest.raises(ValueError, match=r"no such options: \['--form'\]"):
        footage_options(without=("--form",))


def test_every_option_stands_under_its_heading() -> None:
    shown = CliRunner().invoke(command()[0], ["--help"]).output
    known, part = shown.index("What is known about the footage:"), shown.index("Which part of it:")
    flags = ["--start", "--timezone", "--clock-offset", "--sidecar", "--sar", "--fps", "--hashes", "--ocr"]
    places = [shown.index(f"\n  {flag}") for flag in flags]
    assert places == sorted(places)
    assert known < places[0]
    assert places[-1] < part < shown.index("\n  --from")
    assert len(flags) + 4 == len(dataclasses.fields(FootageFlags)) + 1  # --timezone is a setting
