"""Progress: JSON lines for scripts, a bar for people, and the arithmetic of the bar."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retrofr.events import (
    Advanced,
    Digesting,
    Downloading,
    Event,
    ExhibitFinished,
    ExhibitStarted,
    RunStarted,
    Skipped,
    Warned,
)
from retrofr_cli import reporters
from retrofr_cli.bar import BarReporter, Pace, whole_time

SEARCH = ("search", "footage", "--probe", "suspect.jpg")
EVENTS: tuple[Event, ...] = (
    RunStarted(2, 1000),
    ExhibitStarted("[bold]a.mp4", 1, 60.0),
    Advanced("[bold]a.mp4", 30.5, 61, 7),
    Warned("a.mp4", "odd"),
    ExhibitFinished("[bold]a.mp4", 60.0),
    Skipped("b.mp4", "it is empty", "copy it again"),
)


def test_json_lines(run: Any, fake_search: Any) -> None:
    fake_search.events = EVENTS
    lines = [json.loads(line) for line in run(*SEARCH, "--progress", "json").stderr.splitlines()]
    assert {line.pop("schema") for line in lines} == {"retrofr.progress/1"}
    assert all(line.pop("elapsed_seconds") >= 0 for line in lines)
    assert lines == [
        {"event": "run_started", "exhibits": 2, "total_bytes": 1000},
        {"event": "exhibit_started", "exhibit": "[bold]a.mp4", "ordinal": 1, "duration_seconds": 60.0},
        {
            "event": "advanced",
            "exhibit": "[bold]a.mp4",
            "position_seconds": 30.5,
            "samples": 61,
            "faces": 7,
        },
        {"event": "warned", "subject": "a.mp4", "message": "odd"},
        {"event": "exhibit_finished", "exhibit": "[bold]a.mp4", "searched_seconds": 60.0},
        {"event": "skipped", "subject": "b.mp4", "reason": "it is empty", "hint": "copy it again"},
    ]


def test_every_line_of_json_progress_is_json(run: Any, fake_search: Any) -> None:
    fake_search.events = EVENTS
    result = run(*SEARCH, "--progress", "json", "--format", "csv")
    last = [json.loads(line) for line in result.stderr.splitlines()][-1]
    assert last["event"] == "coverage"
    assert last["coverage"]["schema"] == "retrofr.coverage/1"


def test_a_usage_error_is_json_as_well(run: Any, fake_search: Any) -> None:
    result = run(*SEARCH, "--progress", "json", "--set", "x")
    assert json.loads(result.stderr)["exit_code"] == result.exit_code == 2


def test_no_progress_in_a_log_but_messages(run: Any, fake_search: Any) -> None:
    fake_search.events = EVENTS
    expected = "warning: a.mp4: odd\nnot searched: b.mp4: it is empty\n  copy it again\n"
    assert run(*SEARCH).stderr == expected
    assert run(*SEARCH, "--progress", "none").stderr == expected


def test_a_download_in_a_log_is_a_line_now_and_then(run: Any, fake_search: Any) -> None:
    fake_search.events = tuple(Downloading("facenet", n * 1_000_000, 3_000_000) for n in (1, 2, 3))
    assert run(*SEARCH).stderr == (
        "downloading facenet: 1.0 MB of 3.0 MB\ndownloading facenet: 3.0 MB of 3.0 MB\n"
    )


DIGEST = tuple(
    Digesting("[bold]a.mp4", done * 10**9, 3 * 10**9, after) for after in (False, True) for done in (1, 2, 3)
)


def test_a_digest_in_json_is_a_line_a_second_and_the_last(run: Any, fake_search: Any) -> None:
    fake_search.events = DIGEST
    lines = [json.loads(line) for line in run(*SEARCH, "--progress", "json").stderr.splitlines()]
    assert [(line["event"], line["done_bytes"] // 10**9, line["after"]) for line in lines] == [
        ("digesting", 1, False),
        ("digesting", 3, False),
        ("digesting", 1, True),
        ("digesting", 3, True),
    ]
    assert {(line["exhibit"], line["total_bytes"]) for line in lines} == {("[bold]a.mp4", 3 * 10**9)}


def test_a_digest_that_takes_long_is_told_in_a_log(
    run: Any, fake_search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_search.events = DIGEST
    assert run(*SEARCH).stderr == ""
    monkeypatch.setattr(reporters, "LINES_EVERY_SECONDS", 0.0)
    assert run(*SEARCH).stderr == (
        "taking the digest of [bold]a.mp4: 2.0 GB of 3.0 GB\n"
        "taking the digest of [bold]a.mp4: 3.0 GB of 3.0 GB\n"
        "taking the digest of [bold]a.mp4 again: 2.0 GB of 3.0 GB\n"
        "taking the digest of [bold]a.mp4 again: 3.0 GB of 3.0 GB\n"
    )


def test_the_bar_shows_a_digest_and_then_the_search_again(
    run: Any, fake_search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    fake_search.events = (DIGEST[1],)
    digest = run(*SEARCH, "--progress", "bar").stderr
    assert "taking the digest of [bold]a.mp4" in digest
    assert "2.0 GB of 3.0 GB" in digest
    fake_search.events = (*DIGEST, *EVENTS[:3])
    searching = run(*SEARCH, "--progress", "bar").stderr
    assert "0:00:30/0:01:00" in searching


def test_a_bar_can_be_asked_for(run: Any, fake_search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    fake_search.events = EVENTS
    result = run(*SEARCH, "--progress", "bar")
    assert "getting ready" in result.stderr
    assert "not searched: b.mp4: it is empty" in result.stderr
    assert "1/2" in result.stderr
    assert "\x1b" not in result.stdout


def test_the_bar_takes_every_event_and_a_name_with_markup() -> None:
    with BarReporter() as bar:
        for event in (
            *DIGEST,
            *EVENTS,
            *DIGEST,
            Downloading("facenet", 1, None),
            Downloading("facenet", 2, 2),
        ):
            bar(event)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_speed_and_time_left() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.take(RunStarted(3, 0))
    pace.take(ExhibitStarted("a", 1, 60.0))
    assert (pace.speed, pace.seconds_left) == (None, None)
    clock.now += 3
    pace.take(Advanced("a", 30.0, 60, 0))
    assert pace.speed == pytest.approx(10)
    assert pace.seconds_left == pytest.approx((30 + 60 + 60) / 10)
    clock.now += 3
    pace.take(Advanced("a", 60.0, 120, 0))
    pace.take(ExhibitFinished("a", 60.0))
    pace.take(ExhibitStarted("b", 2, 20.0))
    assert pace.seconds_left == pytest.approx((20 + 40) / 10)


def test_position_adds_up_over_streams() -> None:
    pace = Pace(Clock())
    pace.take(ExhibitStarted("a", 1, 120.0))
    for position in (30.0, 60.0, 10.0, 50.0):
        pace.take(Advanced("a", position, 0, 0))
    assert pace.shown[1].position == 110.0


def test_of_several_exhibits_at_once_the_first_is_shown() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.take(RunStarted(3, 0))
    pace.take(ExhibitStarted("a", 1, 60.0))
    pace.take(ExhibitStarted("b", 2, 60.0))
    clock.now += 4
    pace.take(Advanced("a", 30.0, 60, 0))
    pace.take(Advanced("b", 10.0, 20, 0))
    assert pace.speed == pytest.approx(10)
    assert pace.seconds_left == pytest.approx((30 + 50 + 60) / 10)
    assert (pace.shown[0], pace.beside) == ("a", 1)
    pace.take(ExhibitFinished("a", 60.0))
    assert (pace.shown[0], pace.beside) == ("b", 0)


def test_time_left_is_not_guessed_without_a_duration() -> None:
    pace = Pace(Clock())
    pace.take(ExhibitStarted("a", 1, None))
    pace.take(Advanced("a", 30.0, 60, 0))
    assert pace.seconds_left is None


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (3723, "1:02:03")])
def test_whole_time(seconds: float, text: str) -> None:
    assert whole_time(seconds) == text
