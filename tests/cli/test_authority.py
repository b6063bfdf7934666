"""``--authority``, ``case authorise``, ``authority``, ``probes``, ``policy``: what they print and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fakes import COLOURS, draw_face, scene
from oversight_files import RECORD, authority_file, policy_file
from people_case import Seen, add_footage, fake_recipe
from retrofr.case import create_case, open_case
from retrofr.case.audit_log import entries, verify_audit
from retrofr.oversight.findings import Verified
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.policy import TEMPLATES
from retrofr_cli.commands import _case_oversight
from retrofr_cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, fake_parts: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty case, a picture of red, keys and a log of its own."""
    assert fake_parts
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")
    monkeypatch.chdir(tmp_path)
    picture = scene()
    draw_face(picture, COLOURS["red"], 100, 80)
    Image.fromarray(picture).save("red.png")
    create_case(Path("harbour")).close()
    return tmp_path


@pytest.fixture
def search(run: Run, place: Path) -> Run:
    """Searches the case, in which two faces were indexed, for red."""
    with open_case(place / "harbour", write=True) as case:
        add_footage(case, fake_recipe(), "a.mp4", [Seen(0, 1, "red"), Seen(2, 3, "blue")])
    words = [
        "search",
        "--case",
        "harbour",
        "--probe",
        "red.png",
        "--threshold",
        "0.8",
        "--format",
        "table",
        "--quiet",
    ]
    return lambda *more: run(*words, *more)


def told(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return result.stdout


def found(result: Result) -> str:
    """Of a search that was done; its footage was put there and never decoded, so that the exit code says 3."""
    assert (result.exit_code, result.stderr) == (3, ""), result.stderr
    return result.stdout


def last_entry() -> Any:
    return list(OutsideLog.of_user().entries())[-1]


LINES = """\
RF/17: valid until 2190-01-02 00:00 UTC
  purpose          find where the suspect went
  offence          robbery, crime number 4411
  legal basis      Data Protection Act 2018, s. 35
  necessity        nobody saw where he went
  proportionality  one camera, two seconds
  authorised by    A. Smith (Superintendent)
"""


def test_an_authority_is_recorded_and_shown(run: Run, place: Path) -> None:
    assert told(run("case", "authority", "show", "harbour")) == "authority: not recorded\n"
    unasked = run("case", "authorise", "harbour")
    assert (unasked.exit_code, unasked.stdout) == (2, "")
    assert unasked.stderr == (
        "error: no authority: this is no terminal to ask on\n"
        "       name a file with --file; docs/authority.md has one\n"
    )
    file = authority_file(place, 'cameras = ["cam1"]\nfrom = 2024-03-30T17:00:00')
    scope = "  scope            cameras cam1\n                   wall-clock time from 2024-03-30T17:00:00\n"
    assert told(run("case", "authorise", "harbour", "--file", file)) == LINES + scope
    shown = told(run("case", "authority", "show", "--case", "harbour"))
    assert shown.startswith(LINES + scope)
    assert shown.endswith(" UTC by A. Smith, recorded for the case\n")
    document = json.loads(told(run("case", "authority", "show", "harbour", "--format", "json")))
    (one,) = document["authorities"]
    assert (document["schema"], one["reference"], one["status"]) == (
        "retrofr.authorities/1",
        "RF/17",
        "valid",
    )
    assert one["scope"]["from"] == "2024-03-30T17:00:00"
    file.write_text(file.read_text().replace("necessity", "necesity"))
    wrong = run("case", "authorise", "harbour", "--file", file)
    assert (wrong.exit_code, wrong.stderr) == (
        2,
        f"error: {file}, line 5, necesity: no such field\n       did you mean necessity?\n",
    )
    assert run("case", "authorise", "--file", file).exit_code == 2
    assert run("case", "authorise", "nowhere", "--file", authority_file(place)).exit_code == 5


def test_a_case_is_made_under_an_authority(run: Run, place: Path) -> None:
    made = told(run("case", "create", "other", "--authority", authority_file(place)))
    assert made.endswith("\nauthority: RF/17, valid until 2190-01-02 00:00 UTC\n")
    assert told(run("case", "authority", "show", "other")).startswith(LINES)


ANSWERS = {
    "Reference": [" ", "RF/18"],
    "Purpose": "find her",
    "Legal basis": "s. 35",
    "It is about": ["weather", "missing_person"],
    "Which missing person": "M. Jones, 12",
    "Why it is necessary": "nobody saw her",
    "Why it is proportionate": "one hour",
    "Authorised by, name": "C. Judge",
    "Authorised by, role": "judge",
    "Valid from": ["soon", ""],
    "Valid until": ["2020-01-01", "2190-01-01"],
    "Urgent": "",
    "Only these recordings": "",
    "Only these cameras": "cam1, cam2",
    "Only these persons": "",
    "Only footage from": "2024-03-30",
    "Only footage until": ["2024-03-29", "2024-03-30"],
    "Record this": "",
}


def asked(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], case: str = "harbour") -> Result:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(_case_oversight, "sys", terminal)
    lines = [line for each in answers.values() for line in ([each] if isinstance(each, str) else each)]
    return CliRunner().invoke(cli, ["case", "authorise", case], input="\n".join(lines) + "\n")


def test_a_terminal_is_asked_question_by_question(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = asked(monkeypatch, ANSWERS)
    assert result.exit_code == 0, result.stderr
    questions = [line.split("[")[0] for line in result.stderr.splitlines()]
    for question in ANSWERS:
        assert [line for line in questions if line.startswith(question)], question
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert errors[0] == "Error: please say something"
    assert errors[1].startswith("Error: 'weather' is not one of 'offence', 'missing_person', 'threat'")
    assert errors[2] == "Error: expected a time or a day, got 'soon'"
    assert errors[3].startswith("Error: is not after 20")
    assert errors[4] == "Error: is not after 2024-03-30"
    assert len(errors) == 5
    assert result.stdout == "recorded RF/18 in harbour\n"
    assert "\nRF/18: valid until 2190-01-02 00:00 UTC\n  purpose          find her\n" in result.stderr
    stored = told(CliRunner().invoke(cli, ["case", "authority", "show", "harbour"]))
    assert "  missing person   M. Jones, 12\n" in stored
    assert "  scope            cameras cam1, cam2\n" in stored
    assert asked(monkeypatch, ANSWERS | {"Record this": "n"}).exit_code == 130
    nowhere = asked(monkeypatch, ANSWERS, "nowhere")
    assert (nowhere.exit_code, "Reference" in nowhere.stderr) == (5, False)


def test_requirement_01_what_the_authority_does_not_allow_is_refused(
    search: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(search()).splitlines()[-2:] == [
        "authority: not recorded",
        "Investigative leads, to be examined by a person.",
    ]
    file = authority_file(place, valid_until="2021-01-01")
    expired = search("--authority", file)
    assert (expired.exit_code, expired.stdout) == (8, "")
    assert expired.stderr == (
        "error: authority RF/17: it expired on 2021-01-02 00:00 UTC\n"
        "       have it renewed, and name the new one with --authority FILE or `retrofr case authorise`\n"
    )
    entry = last_entry()
    assert (entry["action"], entry["authority"], entry["details"]["violations"]) == (
        "denied",
        "RF/17",
        ["authority"],
    )
    monkeypatch.setenv("RETROFR_AUTHORITY", str(file))
    assert search().exit_code == 8
    monkeypatch.setenv("RETROFR_AUTHORITY", str(authority_file(place)))
    assert "\nauthority: RF/17, valid until 2190-01-02 00:00 UTC\n" in found(search("--reason", "robbery"))
    assert last_entry()["reason"] == "robbery"
    long = search("--reason", "x" * 5000)
    assert (long.exit_code, long.stderr) == (2, "error: reason: expected at most 4,096 characters\n")
    elsewhere = search("--authority", authority_file(place, 'cameras = ["cam9"]'))
    assert elsewhere.exit_code == 8
    assert elsewhere.stderr.startswith(
        "error: authority RF/17, scope: all of what was asked for of the case lies outside of the authority, "
        "which covers cameras cam9\n"
    )


def test_requirement_02_what_is_no_purpose_is_refused_by_the_command(search: Run, place: Path) -> None:
    aimless = search("--authority", authority_file(place, offence='" "'))
    assert (aimless.exit_code, aimless.stdout) == (2, "")
    assert aimless.stderr.startswith(f"error: {place / 'authority.toml'}, line 4, offence: is empty\n")


def test_requirement_03_what_came_from_a_rejected_authority_is_destroyed(
    run: Run, search: Run, place: Path
) -> None:
    told(run("case", "authorise", "harbour", "--file", authority_file(place)))
    found(search())
    words = ["case", "authority", "reject", "harbour", "--reason", "not necessary"]
    done = told(run(*words, "--yes")).splitlines()
    assert done[0].startswith("RF/17: it was rejected by A. Smith on ")
    assert done[-2] == "purged the case harbour"
    certificate = done[-1].removeprefix("certificate: ")
    assert not (place / "harbour").exists()
    assert not list((place / "keys").glob("*.key"))
    fields = told(run("case", "certificate", certificate))
    assert "; reason: authority RF/17 was rejected: not necessary\n" in fields
    told(run("audit", "verify"))
    assert [entry["action"] for entry in OutsideLog.of_user().entries()][-3:] == ["reject", "purge", "purge"]


def test_a_rejected_authority_does_not_destroy_what_came_from_elsewhere(
    run: Run, search: Run, place: Path
) -> None:
    found(search())
    found(search("--authority", authority_file(place)))
    words = ["case", "authority", "reject", "harbour", "--reason", "not necessary", "--yes"]
    lines = told(run(*words)).splitlines()
    assert lines[-2:] == [
        "came from it and is still there: search 2",
        "other things were done in the case as well, so it was not purged: "
        "`retrofr case purge --case harbour` destroys all of it",
    ]
    again = run(*words)
    assert (again.exit_code, again.stderr.startswith("error: authority RF/17: it was rejected by A.")) == (
        2,
        True,
    )
    assert search("--authority", place / "authority.toml").exit_code == 8
    found(search())


def test_requirement_03_an_urgent_one_is_confirmed(run: Run, search: Run, place: Path) -> None:
    given = datetime.now(UTC) - timedelta(hours=49)
    file = authority_file(place, valid_from=given.isoformat(), urgent="true")
    told(run("case", "authorise", "harbour", "--file", file))
    late = search()
    assert late.exit_code == 8
    assert "it was urgent, and was not confirmed within 48 hours, by " in late.stderr
    confirmed = told(run("case", "authority", "confirm", "harbour", "--by", "C. Judge", "--role", "judge"))
    assert "  urgent           confirmed by C. Judge (judge)\n" in confirmed
    found(search())
    found(search("--authority", file))  # its file does not say so, and the case does
    with open_case(place / "harbour") as case:
        assert [e["action"] for e in entries(case)][-4:] == ["denied", "authorise", "search", "search"]
        assert isinstance(verify_audit(case), Verified)


def test_who_was_looked_for_and_why(run: Run, search: Run, place: Path) -> None:
    assert told(run("case", "probes", "harbour")) == "nobody was looked for\n"
    (place / "red.png.toml").write_text(RECORD + 'why = "wanted for robbery"\n')
    found(search("--authority", authority_file(place)))
    lines = told(run("case", "probes", "harbour")).splitlines()
    assert lines[0].startswith("red, SHA-256 ")
    assert lines[1].startswith(
        "  where this picture came from: custody photograph, record 4411; lawful basis: "
    )
    assert lines[2] == "  why: wanted for robbery; authority: RF/17"
    assert lines[3].startswith("  first looked for: ")
    assert lines[3].endswith(" UTC by A. Smith; in search 1")
    document = json.loads(told(run("case", "probes", "--case", "harbour", "--format", "json")))
    (probe,) = document["probes"]
    assert (document["schema"], probe["name"], probe["searches"]) == ("retrofr.probes/1", "red", [1])
    (place / "red.png.toml").write_text(RECORD.replace("2026", "2020") + "expires = 2021-01-01\n")
    expired = search()
    assert (expired.exit_code, expired.stdout) == (8, "")
    assert "red.png, probe_expiry_days: this picture expired on 2021-01-02 00:00 UTC\n" in expired.stderr


def test_a_list_that_is_larger_than_a_policy_allows_is_refused(run: Run, search: Run, place: Path) -> None:
    policy_file(place / "harbour" / "policy.toml", "max_probes = 1")
    found(search())
    (place / "list").mkdir()
    for name in ("anna", "ben"):
        (place / "list" / f"{name}.png").write_bytes((place / "red.png").read_bytes())
    listed = run("search", "--case", "harbour", "--probes-from", "list", "--threshold", "0.8")
    assert (listed.exit_code, listed.stdout) == (8, "")
    assert listed.stderr.splitlines()[0] == (
        "error: harbour/policy.toml, max_probes: 2 persons are looked for; at most 1 are allowed in a search"
    )
    assert last_entry()["details"]["violations"] == ["max_probes"]


def test_a_policy_may_ask_for_more_examiners_and_not_for_fewer(run: Run, search: Run, place: Path) -> None:
    found(search())
    for number, asked in ((1, 2), (3, 3)):
        policy_file(place / "harbour" / "policy.toml", f"reviewers = {number}")
        listed = run("verdict", "list", "--case", "harbour", "--format", "json")
        assert json.loads(listed.stdout)["reviewers"] == asked


def test_a_policy_is_shown_and_checked(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = told(run("policy", "show", "--case", "harbour")).splitlines()
    assert none[0] == "no policy applies, so nothing is demanded; looked for:"
    assert none[-1] == "  case: harbour/policy.toml"
    ours = policy_file(place / "ours.toml", 'require = ["authority"]\nmax_probes = 3')
    theirs = policy_file(place / "harbour" / "policy.toml", "max_probes = 1")
    monkeypatch.setenv("RETROFR_POLICY", str(ours))
    assert told(run("policy", "show", "--case", "harbour")) == (
        f"{ours}: policy of the test, version 1\n"
        "harbour/policy.toml: policy of the test, version 1\n"
        f"  authority   required  ({ours})\n"
        "  max_probes  1  (harbour/policy.toml)\n"
    )
    document = json.loads(told(run("policy", "show", "--format", "json")))
    assert document["schema"] == "retrofr.policy/1"
    assert document["demands"]["max_probes"] == {"value": 3, "file": str(ours)}
    assert told(run("policy", "check", theirs)).endswith("\n  max_probes  1\n")
    theirs.write_text(theirs.read_text() + "max_probe = 1\n")
    wrong = run("policy", "check", theirs)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert (
        wrong.stderr
        == f"error: {theirs}, line 4, max_probe: no such field\n       did you mean max_probes?\n"
    )
    assert run("policy", "show", "--case", "nowhere").exit_code == 2


def test_a_policy_is_written_from_a_template(run: Run, place: Path) -> None:
    for name in TEMPLATES:
        assert told(run("policy", "write", name)).startswith("# A ")
        told(run("policy", "write", name, "--out", place / f"{name}.toml"))
        told(run("policy", "check", place / f"{name}.toml"))
    again = run("policy", "write", "open", "--out", place / "open.toml")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (
        7,
        f"error: {place}/open.toml: is there already",
    )
    unknown = run("policy", "write", "uk-police")
    assert (unknown.exit_code, unknown.stderr) == (
        2,
        "error: uk-police: no such policy comes with retrofr\n       did you mean uk-police-rfr?\n",
    )


def test_comparing_is_asked_as_well(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "compare",
        "red.png",
        "red.png",
        "--detector",
        "fake",
        "--embedder",
        "fake",
        "--threshold",
        "0.8",
    ]
    assert "\nauthority: not recorded\n" in told(run(*words))
    monkeypatch.setenv("RETROFR_POLICY", str(policy_file(place / "p.toml", 'require = ["authority"]')))
    refused = run(*words)
    assert (refused.exit_code, refused.stdout) == (8, "")
    assert refused.stderr.startswith(
        f"error: {place}/p.toml, authority: an authority that is recorded and valid"
    )
    entry = last_entry()
    assert (entry["action"], entry["details"]["violations"]) == ("denied", ["authority"])
    allowed = run(*words, "--authority", authority_file(place), "--out", "page")
    assert "\nauthority: RF/17, valid until 2190-01-02 00:00 UTC\n" in told(allowed)
    assert "<p>authority: RF/17, valid until" in (place / "page" / "comparison.html").read_text()


def test_a_timeline_says_under_which_authority_it_came_to_be(run: Run, search: Run, place: Path) -> None:
    found(search("--authority", authority_file(place)))
    exported = run("export", "--case", "harbour")
    assert (exported.exit_code, exported.stderr.splitlines()[-1]) == (
        0,
        "authority: RF/17, valid until 2190-01-02 00:00 UTC",
    )
