"""``retrofr people``: lists, one person, decisions, contact sheets; what is said and with which exit code."""

from __future__ import annotations

import csv
import getpass
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from people_case import Seen, add_footage, fake_recipe
from retrofr.case.store import create_case, open_case
from retrofr.clock import ClockOrigin, WallClock
from retrofr.people import decisions, person_of
from retrofr_cli import main

People = Callable[..., Result]
THRESHOLD = ("--set", "people.threshold=0.8")


@pytest.fixture
def case(tmp_path: Path, fake_parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Red: 1 to 4, three of them in a.mp4; blue: 5 and 7; green: 6. A case that nothing was clustered in."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr(getpass, "getuser", lambda: "sam")
    noon = WallClock(ClockOrigin(datetime(2026, 1, 1, 12, tzinfo=UTC), "given"))
    red = [Seen(0, 1, "red"), Seen(2, 3, "red"), Seen(20, 21, "red"), Seen(40, 41, "red")]
    with create_case(tmp_path / "case", name="operation x") as made:
        add_footage(made, fake_recipe(), "a.mp4", [*red, Seen(0.5, 1.5, "blue")], camera="door", clock=noon)
        add_footage(made, fake_recipe(), "b.mp4", [Seen(5, 6, "green"), Seen(7, 8, "blue")], camera="yard")
    return tmp_path / "case"


@pytest.fixture
def people(run: Any, case: Path, monkeypatch: pytest.MonkeyPatch) -> People:
    monkeypatch.setattr(main, "COMMANDS", tuple(dict.fromkeys([*main.COMMANDS, "people"])))
    return lambda *arguments, **options: run("people", *arguments, **options)


@pytest.fixture
def clustered(people: People, case: Path) -> People:
    assert people("--case", case, *THRESHOLD).exit_code == 0
    return people


def numbers(case: Path) -> dict[int, int]:
    with open_case(case) as opened:
        return person_of(opened, fake_recipe().key)


# ---- lists -------------------------------------------------------------------------------------------------


def test_a_table_of_persons(people: People, case: Path) -> None:
    result = people("--case", case, *THRESHOLD, "--format", "table", columns=130)
    assert result.exit_code == 0
    assert result.stdout == (
        "\n"
        "person  appearances  tracklets  cameras     first seen – last seen                               "
        "tracklets with each other\n"
        "     1            3          4  door        2026-01-01 12:00:00+0000 – 2026-01-01 12:00:41+0000  "
        "tight: mean 1.00, least 1.00\n"
        "     2            2          2  door, yard  2026-01-01 12:00:00+0000 – 2026-01-01 12:00:01+0000  "
        "tight: mean 1.00, least 1.00\n"
        "\n"
        "1 more person has one tracklet only (--all lists them)\n"
        "one person: mean score of 0.8 or more (given for this run (override))\n"
        "A person is a cluster of faces that look alike. Nobody was identified.\n"
    )


def test_all_persons(people: People, case: Path) -> None:
    result = people("--case", case, *THRESHOLD, "--format", "table", "--all")
    assert "one tracklet only" not in result.stdout
    assert "     3            1          1  yard" in result.stdout


def test_in_a_pipe_it_is_json_lines_with_the_whole_at_the_end(people: People, case: Path) -> None:
    *persons, whole = map(json.loads, people("--case", case, *THRESHOLD).stdout.splitlines())
    assert persons[0] == {
        "number": 1,
        "appearances": 3,
        "tracklets": 4,
        "faces": 8,
        "first_time": "2026-01-01T12:00:00+00:00",
        "last_time": "2026-01-01T12:00:41+00:00",
        "cameras": ["door"],
        "exhibits": ["a.mp4"],
        "spread": "tight",
        "mean_score": 1.0,
        "least_score": 1.0,
        "tracklets_below": 0,
        "best_tracklet": 1,
        "schema": "retrofr.person/1",
    }
    assert [person["number"] for person in persons] == [1, 2]
    assert whole["schema"] == "retrofr.people/1"
    assert (whole["case"], whole["embedder"]) == ("operation x", "fake")
    assert (whole["persons"], whole["persons_of_one_tracklet"], whole["tracklets"]) == (3, 1, 7)
    assert (whole["tracklets_not_clustered"], whole["decisions"]) == (0, [])
    assert whole["settings"]["threshold"] == 0.8


def test_json_holds_the_list_in_the_whole(people: People, case: Path) -> None:
    whole = json.loads(people("--case", case, *THRESHOLD, "--all", "--format", "json").stdout)
    assert [person["number"] for person in whole["person_list"]] == [1, 2, 3]


def test_csv(people: People, case: Path) -> None:
    text = people("--case", case, *THRESHOLD, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["number"], row["tracklets"], row["cameras"]) for row in rows] == [
        ("1", "4", "door"), ("2", "2", "door; yard"),
    ]  # fmt: skip


def test_new_footage_is_clustered_by_the_next_list(clustered: People, case: Path) -> None:
    before = numbers(case)
    with open_case(case) as opened:
        add_footage(opened, fake_recipe(), "c.mp4", [Seen(0, 1, "yellow"), Seen(2, 3, "red")])
    clustered("--case", case, *THRESHOLD)
    assert before.items() <= numbers(case).items()
    assert sorted(numbers(case).values()) == [1, 1, 1, 1, 1, 2, 2, 3, 4]


def test_a_case_without_footage(people: People, tmp_path: Path) -> None:
    create_case(tmp_path / "empty").close()
    result = people("--case", tmp_path / "empty", *THRESHOLD)
    assert result.exit_code == 5
    assert "empty: holds no footage yet, so there are no faces to cluster" in result.stderr


def test_a_case_without_comparable_faces(people: People, tmp_path: Path) -> None:
    with create_case(tmp_path / "empty") as made:
        add_footage(made, fake_recipe(), "a.mp4", [])
    result = people("--case", tmp_path / "empty", *THRESHOLD, "--format", "table")
    assert result.exit_code == 0
    assert "No face in this case could be compared, so there are no persons." in result.stdout


@pytest.mark.parametrize(("arguments", "code", "message"), [
    ((), 2, "say which case, with --case DIR"),
    (("--case", "CASE"), 2, "embedder fake: no threshold of persons was measured for it"),
    (("--case", "CASE", "--set", "people.neighbours=0"), 2, "people.neighbours: 0 is out of bounds"),
    (("--case", "CASE", *THRESHOLD, "--sheet", "a.gif"), 2, "a contact sheet ends in .jpg, .jpeg, .png"),
    (("--case", "nowhere", *THRESHOLD), 5, "nowhere"),
    (("show", "99", "--case", "CASE"), 2, "there is no person 99"),
    (("show", "x", "--case", "CASE"), 2, "'x' is not a valid integer"),
    (("merge", "1", "--case", "CASE", "--why", "x"), 2, "give at least two persons to merge"),
    (("merge", "1", "2", "--case", "CASE"), 2, "missing option '--why'"),
    (("merge", "1", "2", "--case", "CASE", "--why", " "), 2, "--why: a decision is recorded with its reason"),
    (("split", "1", "--case", "CASE", "--why", "x"), 2, "say what to split off, with --tracklet or --appearance"),
])  # fmt: skip
def test_what_makes_no_sense(
    people: People, case: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = people(*(str(case) if a == "CASE" else a for a in arguments))
    assert result.exit_code == code
    assert message in result.stderr
    assert not result.stdout


# ---- one person --------------------------------------------------------------------------------------------


def test_one_person_for_a_person(clustered: People, case: Path) -> None:
    text = clustered("show", "1", "--case", case, columns=130).stdout
    assert (
        "Person 1  3 appearances, 4 tracklets\ntracklets with each other: tight: mean 1.00, least 1.00\n"
        in text
    )
    assert "         1  a.mp4 (door)  0:00:00.000 – 0:00:03.040  2026-01-01 12:00:00 – 12:00:04+0000" in text
    assert "       3           2  0:00:20.000      2                   1.00" in text
    assert text.endswith("A person is a cluster of faces that look alike. Nobody was identified.\n")


def test_one_person_as_json(clustered: People, case: Path) -> None:
    document = json.loads(clustered("show", "1", "--case", case, "--format", "json").stdout)
    assert document["schema"] == "retrofr.person_detail/1"
    assert [row["start_seconds"] for row in document["appearance_list"]] == [0, 20, 40]
    assert {row["schema"] for row in document["appearance_list"]} == {"retrofr.person_appearance/1"}
    assert [(row["tracklet"], row["appearance"]) for row in document["tracklet_list"]] == [
        (1, 1), (2, 1), (3, 2), (4, 3),
    ]  # fmt: skip
    assert document["tracklet_list"][0]["score"] == 1.0


def test_the_join_gap_says_what_one_appearance_is(clustered: People, case: Path) -> None:
    arguments = ("--case", case, "--format", "json", "--set", "search.join_gap_seconds=30")
    assert len(json.loads(clustered("show", "1", *arguments).stdout)["appearance_list"]) == 1


def test_the_case_may_stand_before_the_subcommand(clustered: People, case: Path) -> None:
    assert clustered("--case", case, "show", "1").exit_code == 0


# ---- decisions ---------------------------------------------------------------------------------------------


def test_a_merge_is_told_recorded_and_kept(clustered: People, case: Path) -> None:
    result = clustered("merge", "2", "3", "--case", case, "--why", "same scar")
    assert (result.exit_code, result.stdout) == (
        0,
        "recorded: person 3 merged into person 2, by sam: same scar\n",
    )
    clustered("--case", case, "--set", "people.threshold=0.81")
    assert numbers(case)[6] == numbers(case)[5] == 2
    shown = clustered("show", "2", "--case", case).stdout
    assert "UTC" not in shown
    assert " sam: person 3 merged into person 2: same scar\n" in shown
    assert "loose: mean" in shown


def test_a_merge_of_two_who_are_there_at_once_is_refused(clustered: People, case: Path) -> None:
    result = clustered("merge", "1", "2", "--case", case, "--why", "x")
    assert result.exit_code == 2
    assert (
        "tracklet 1 of person 1 and tracklet 5 of person 2 are there at the same time, at 0:00:00.500 of one "
        "recording, and two faces at once are never one person"
    ) in " ".join(result.stderr.split())
    with open_case(case) as opened:
        assert decisions(opened, fake_recipe().key) == []


@pytest.mark.parametrize(("chosen", "off", "told"), [
    (("--tracklet", "3"), {3}, "1 tracklet"),
    (("--appearance", "1"), {1, 2}, "2 tracklets"),
    (("--appearance", "1", "--tracklet", "4", "--tracklet", "2"), {1, 2, 4}, "3 tracklets"),
])  # fmt: skip
def test_a_split(clustered: People, case: Path, chosen: tuple[str, ...], off: set[int], told: str) -> None:
    result = clustered("split", "1", *chosen, "--case", case, "--why", "other ears", "--by", "kim")
    assert result.exit_code == 0
    assert result.stdout == f"recorded: {told} split off person 1 as person 4, by kim: other ears\n"
    clustered("--case", case, *THRESHOLD)
    assert {tracklet for tracklet, number in numbers(case).items() if number == 4} == off


def test_an_appearance_that_is_not_there(clustered: People, case: Path) -> None:
    result = clustered("split", "1", "--appearance", "4", "--case", case, "--why", "x")
    assert result.exit_code == 2
    assert "person 1: it has no appearance 4; they are counted from 1 to 3" in result.stderr


# ---- contact sheet -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [("faces.jpg", "JPEG"), ("faces.png", "PNG")])
def test_a_contact_sheet(people: People, case: Path, tmp_path: Path, name: str, kind: str) -> None:
    assert people("--case", case, *THRESHOLD, "--sheet", tmp_path / name).exit_code == 0
    assert Image.open(tmp_path / name).format == kind


def test_a_contact_sheet_is_never_overwritten(people: People, case: Path, tmp_path: Path) -> None:
    there = tmp_path / "faces.jpg"
    there.write_bytes(b"mine")
    result = people("--case", case, *THRESHOLD, "--sheet", there)
    assert result.exit_code == 7
    assert "faces.jpg: exists already, and a contact sheet is never overwritten" in result.stderr
    assert there.read_bytes() == b"mine"
    assert numbers(case) == {}  # refused before anything was clustered


def test_a_contact_sheet_that_cannot_be_written(people: People, case: Path, tmp_path: Path) -> None:
    result = people("--case", case, *THRESHOLD, "--sheet", tmp_path / "nowhere" / "faces.jpg")
    assert result.exit_code == 7
    assert "cannot be written (No such file or directory)" in result.stderr
