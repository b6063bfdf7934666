"""``retrofr case purge``, ``extend``, ``hold``, ``forget-others``, ``certificate``: what they print and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from retrofr.case import create_case, open_case, retention
from retrofr.case.retention import today

Case = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with keys and audit log of its own beside it."""
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def case(run: Callable[..., Result], place: Path) -> Case:
    """``case("show", "x")`` runs ``retrofr case show x``."""
    return lambda *arguments: run("case", *arguments)


def told(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return result.stdout


def test_purge(case: Case, place: Path) -> None:
    create_case(Path("harbour")).close()
    unasked = case("purge", "--case", "harbour")
    assert (unasked.exit_code, unasked.stdout) == (2, "")
    assert unasked.stderr == (
        "error: harbour: purging destroys the case for good, and this is no terminal to ask on\n"
        "       add --yes\n"
    )
    lines = told(case("purge", "--case", "harbour", "--yes", "--certificate", "p.json")).splitlines()
    assert lines[0] == ("purged the case harbour: 0 exhibits, 0 templates, 0 pictures; its key is destroyed")
    assert lines[1].startswith(f"certificate: {place}/audit/certificates/purge-")
    assert lines[2:] == ["certificate: p.json"]
    assert not Path("harbour").exists()
    again = case("purge", "--case", "harbour", "--yes")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (5, "error: harbour: there is no such case")
    shown = told(case("certificate", "p.json"))
    assert shown.startswith("p.json: as it was signed\ncase: harbour (")
    assert "by A. Smith; reason: not recorded\nheld: 0 exhibits, 0 templates\n" in shown
    assert shown.endswith(" (a key of A. Smith on this machine)\n")
    assert json.loads(told(case("certificate", "p.json", "--format", "json")))["kind"] == "purge"
    Path("p.json").write_text(Path("p.json").read_text().replace('"harbour"', '"harvest"'))
    altered = case("certificate", "p.json")
    assert (altered.exit_code, altered.stdout) == (4, "")
    assert altered.stderr == "error: p.json: was altered: its signature does not fit\n"


def test_a_retention_date(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    until = today() + timedelta(days=30)
    assert told(case("create", "harbour", "--retain-days", "30")).endswith(
        f"\nretention: kept until {until}\n"
    )
    assert f"\n  retention  kept until {until}\n" in told(case("show", "harbour"))
    assert f"\n  retention  kept until {until}\n" in told(case("list"))
    both = case("create", "other", "--retain-days", "30", "--retain-until", "2099-01-01")
    assert (both.exit_code, both.stderr) == (2, "error: give --retain-until or --retain-days, not both\n")
    wrong = case("create", "other", "--retain-until", "31.1.2099")
    assert (wrong.exit_code, Path("other").exists()) == (2, False)
    assert "expected a day as YYYY-MM-DD, got '31.1.2099'" in wrong.stderr
    later = until + timedelta(days=1)
    monkeypatch.setattr(retention, "today", lambda: later)
    for words in (["verify", "--case", "harbour"], ["key", "export", "--case", "harbour", "--out", "k"]):
        refused = case(*words)
        assert (refused.exit_code, refused.stdout) == (8, "")
        assert refused.stderr == (
            f"error: harbour/case.db: was to be kept until {until}, and that day has passed\n"
            "       `retrofr case purge --case DIR` destroys it; "
            "`retrofr case extend --case DIR --until DATE --reason TEXT` keeps it longer\n"
        )
    past = f"\n  retention  past due since {until}; it can only be purged or extended\n"
    assert past in told(case("show", "harbour"))
    assert past in told(case("list"))
    held = told(case("hold", "--case", "harbour", "--on", "--reason", "court"))
    assert held.startswith(
        f"retention: past due since {until}; it can only be purged or extended; on hold since "
    )
    assert told(case("hold", "--case", "harbour", "--off", "--reason", "over")).count("hold") == 0
    words = ["extend", "--case", "harbour", "--until", str(later), "--reason", "trial"]
    assert told(case(*words)) == f"retention: kept until {later}\n"
    told(case("verify", "--case", "harbour"))


def test_audit_and_purge_of_a_past_due_case(
    run: Callable[..., Result], case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(case("create", "harbour", "--retain-until", str(today())))
    monkeypatch.setattr(retention, "today", lambda: date(2999, 1, 1))
    told(run("audit", "show", "--case", "harbour"))
    told(run("audit", "verify", "--case", "harbour"))
    assert run("search", "--case", "harbour", "--probe", "a.jpg").exit_code == 8
    assert run("people", "--case", "harbour").exit_code == 8
    told(case("purge", "--case", "harbour", "--yes"))


def test_a_hold(case: Case) -> None:
    create_case(Path("harbour")).close()
    unsaid = case("hold", "--case", "harbour", "--reason", "x")
    assert (unsaid.exit_code, unsaid.stderr) == (2, "error: say which: --on or --off\n")
    told(case("hold", "--case", "harbour", "--on", "--reason", "court order"))
    assert "retention  no date recorded; on hold\n" in told(case("list"))
    document = json.loads(told(case("show", "harbour", "--format", "json")))["retention"]
    assert (document["until"], document["past_due"]) == (None, False)
    assert (document["hold"]["reason"], document["hold"]["by"]) == ("court order", "A. Smith")
    refused = case("purge", "--case", "harbour", "--yes")
    assert refused.exit_code == 8
    assert "(court order), so it is not destroyed\n" in refused.stderr
    open_case("harbour").close()
