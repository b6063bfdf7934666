"""Authorities and records of pictures: what they must say, how errors name it, and when they hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oversight_files import AUTHORITY, RECORD, authority_file
from retrofr.errors import IntegrityError, RefusedError, UsageError
from retrofr.oversight.authority import FIELDS, Authority, Person, parse_authority, read_authority
from retrofr.oversight.policy import FIELDS as POLICY_FIELDS
from retrofr.oversight.policy import parse_policy
from retrofr.oversight.probe_records import FIELDS as RECORD_FIELDS
from retrofr.oversight.probe_records import find_record, read_probe_record, refuse_expired
from retrofr.oversight.scope import Scope

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "authority.md").read_text(encoding="utf-8")
UNTIL = "valid_until = 2190-01-01"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def example(name: str) -> str:
    return DOCS.split(f"```toml {name}\n", 1)[1].split("```", 1)[0]


def parsed(text: str = AUTHORITY) -> Authority:
    return parse_authority(text.encode(), "a.toml")


def test_the_example_of_the_manual() -> None:
    found = parsed(example("authority"))
    assert (found.reference, found.authorised_by) == ("RF/2026/17", Person("A. Smith", "Superintendent"))
    assert found.valid_until == datetime(2026, 12, 19, tzinfo=UTC)
    assert found.scope == Scope(
        ("cam1.mp4", "street/*.mkv", "9f86d081884c7d65"),
        ("entrance", "car park *"),
        datetime(2024, 3, 30, 17),
        datetime(2024, 3, 30, 18),
        ("suspect",),
    )
    assert found.line(NOON) == (
        "authority: RF/2026/17, valid until 2026-12-19 00:00 UTC; covers exhibits cam1.mp4, street/*.mkv, "
        "9f86d081884c7d65; cameras entrance, car park *; probes suspect; "
        "wall-clock time from 2024-03-30T17:00:00 to 2024-03-30T18:00:00"
    )
    assert Scope(cameras=("a", "b", "c", "d")).summary() == "4 cameras"
    assert Scope().summary() == ""
    assert len(found.sha256) == 64


def test_the_manual_names_every_field() -> None:
    section = dict(part.split("\n", 1) for part in DOCS.split("\n## ")[1:])
    for title, fields in (("The authority", FIELDS), ("Policies", POLICY_FIELDS), ("Probes", RECORD_FIELDS)):
        assert [name for name in fields if name not in section[title]] == []
    assert parse_policy(example("policy").encode(), "p.toml").demands.keys() == {
        "authority", "operator", "reason", "probe_record", "outside_log", "reviewers", "min_eye_distance",
        "maximum_fmr", "retention_days", "embedders", "detectors", "max_probes", "forget_others",
        "probe_expiry_days",
    }  # fmt: skip


@pytest.mark.parametrize("field", ["offence", "necessity", "proportionality"])
def test_requirement_02_a_purpose_that_is_no_purpose_is_refused(field: str) -> None:
    without = "".join(line for line in AUTHORITY.splitlines(True) if not line.startswith(field))
    with pytest.raises(UsageError, match="is missing"):
        parsed(without)
    blank = re.sub(rf'^{field} = ".*"$', f'{field} = "  "', AUTHORITY, flags=re.MULTILINE)
    with pytest.raises(UsageError) as error:
        parsed(blank)
    line = 1 + [each.split(" ")[0] for each in blank.splitlines()].index(field)
    assert (error.value.subject, error.value.reason) == (f"a.toml, line {line}, {field}", "is empty")


@pytest.mark.parametrize("about", ["missing_person", "threat", "proceeding"])
def test_requirement_02_it_may_be_about_another_thing_than_an_offence(about: str) -> None:
    assert list(parsed(AUTHORITY.replace("offence", about)).about) == [about]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((UNTIL, "valid_until = 2019-01-01"), "a.toml, line 9, valid_until: is not after valid_from"),
        (("purpose", "purpos"), "a.toml, line 2, purpos: no such field\ndid you mean purpose?"),
        (("2020-01-01", '"soon"'), "a.toml, line 8, valid_from: expected a time or a day, got 'soon'"),
        ((', role = "Superintendent"', ""), "a.toml, authorised_by.role: is missing"),
        (("reference = ", "reference = 5 #"), "a.toml, line 1, reference: expected a text in quotes, got 5"),
        ((UNTIL, f"{UNTIL}\n[scope]\ncamera = 1"), "line 11, scope.camera: no such"),
        ((UNTIL, f"{UNTIL}\n[scope]\ncameras = []"), "line 11, scope.cameras: is an"),
        (("purpose = ", "purpose "), "a.toml: is not TOML: "),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_field(change: tuple[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parsed(AUTHORITY.replace(*change))
    assert message in str(error.value)


def test_when_it_holds() -> None:
    found = parsed(AUTHORITY.replace("2020", "2026").replace("2190", "2027"))
    assert found.status(NOON).state == "valid"
    assert found.status(found.valid_from).is_valid
    assert str(found.status(found.valid_until)).count("expired on 2027-01-02 00:00 UTC") == 1
    assert found.status(found.valid_from - timedelta(seconds=1)).state == "not yet"
    rejected = found.reject("B. Jones", "not necessary", NOON)
    assert rejected.status(NOON).state == "rejected"
    assert "it was rejected by B. Jones on 2026-11-20 12:00 UTC: not necessary" in rejected.line(NOON)


def test_requirement_03_an_urgent_one_blocks_after_48_hours() -> None:
    text = AUTHORITY.replace("2020-01-01", "2026-11-20T12:00:00Z") + "urgent = true\n"
    found = parsed(text)
    last = NOON + timedelta(hours=48)
    assert found.status(last - timedelta(seconds=1)).is_valid
    assert found.status(last).state == "urgent-expired"
    assert "within 48 hours, by 2026-11-22 12:00 UTC" in found.status(last).sentence
    assert found.confirm(Person("C. Judge", "judge"), NOON).status(last).is_valid
    later = parsed(text + "given_at = 2026-11-21T12:00:00Z\n")
    assert later.status(last).is_valid
    with pytest.raises(UsageError, match="who confirmed it and when go together"):
        parsed(text + "confirmed_at = 2026-11-21\n")


def test_a_zone_and_a_day() -> None:
    found = parsed('timezone = "Europe/London"\n' + AUTHORITY.replace("2190-01-01", "2026-07-01"))
    assert found.valid_until == datetime(2026, 7, 1, 23, tzinfo=UTC)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_authority(tmp_path / "none.toml")
    path = authority_file(tmp_path)
    assert read_authority(path).reference == "RF/17"


def test_the_record_of_a_picture(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(example("probe"))
    found = read_probe_record(tmp_path / "p.toml")
    assert found.line() == (
        "where this picture came from: custody photograph, record 4411; lawful basis: Police and Criminal Evidence "
        "Act 1984, s. 64A; added by PC A. Smith on 2026-11-20 09:00 UTC, expires 2027-11-21 00:00 UTC"
    )
    refuse_expired("p.jpg", found, NOON)
    with pytest.raises(RefusedError, match=r"p.jpg: this picture expired on 2027-11-21 00:00 UTC"):
        refuse_expired("p.jpg", found, datetime(2027, 11, 21, tzinfo=UTC))
    with pytest.raises(RefusedError, match="lets pictures expire 10 days after"):
        refuse_expired("p.jpg", found, NOON + timedelta(days=10), 10)


def test_the_record_lies_beside_the_picture_and_tells_of_that_one(tmp_path: Path) -> None:
    picture = tmp_path / "suspect.jpg"
    assert find_record(picture, "ab" * 32) is None
    beside = tmp_path / "suspect.jpg.toml"
    beside.write_text(RECORD)
    own = find_record(picture, "ab" * 32)
    assert own is not None
    assert own.expires is None
    beside.write_text(RECORD + f'sha256 = "{"cd" * 32}"\n')
    with pytest.raises(IntegrityError, match="is not the picture its record tells of"):
        find_record(picture, "ab" * 32)
    beside.unlink()
    assert find_record(picture, "ab" * 32, own) is own
