"""Until when a case can be used, who extended that and why, and what a case that is past due still does."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from retrofr.case import Case, KeyStore, create_case, open_case, retention
from retrofr.case.audit_log import entries, verify_audit
from retrofr.case.places import Places, read_label
from retrofr.case.retention import Retention, extend_retention, retention_of, set_hold
from retrofr.errors import RefusedError, UsageError
from retrofr.oversight.findings import Findings, Verified
from retrofr.oversight.outside import OutsideLog

DUE = date(2030, 1, 31)


@pytest.fixture(autouse=True)
def own_keys(keys: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")
    on(monkeypatch, date(2030, 1, 1))


def on(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr(retention, "today", lambda: day)


def test_without_a_date_it_says_so(case: Case) -> None:
    assert retention_of(case) == Retention(None, None)
    assert retention_of(case).describe() == "no date recorded"


def test_the_date_is_in_the_case_and_on_its_label(folder: Path) -> None:
    with create_case(folder, retain_until=DUE) as case:
        assert retention_of(case) == Retention(DUE)
        assert retention_of(case).describe() == "kept until 2030-01-31"
    label = read_label(Places.of(folder).label)
    assert label is not None
    assert (label.retain_until, label.on_hold) == (DUE, False)
    open_case(folder).close()  # the label still knows its key


def test_a_date_that_has_passed_makes_no_case(folder: Path) -> None:
    with pytest.raises(UsageError, match="2029-12-31: has passed already"):
        create_case(folder, retain_until=date(2029, 12, 31))
    assert not folder.exists()


def test_requirement_28_a_past_due_case_is_refused_and_that_is_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_case(folder, retain_until=DUE).close()
    on(monkeypatch, DUE)
    open_case(folder).close()  # the last day counts
    on(monkeypatch, date(2030, 2, 1))
    for write in (False, True):
        with pytest.raises(RefusedError) as refused:
            open_case(folder, write=write)
        assert refused.value.reason == "was to be kept until 2030-01-31, and that day has passed"
        assert refused.value.exit_code == 8
        assert refused.value.hint == (
            "`retrofr case purge --case DIR` destroys it; "
            "`retrofr case extend --case DIR --until DATE --reason TEXT` keeps it longer"
        )
    denials = [entry for entry in OutsideLog.of_user().entries() if entry["action"] == "denied"]
    assert [entry["details"]["violations"] for entry in denials] == [["retention"], ["retention"]]
    with open_case(folder, past_due=True) as case:
        assert retention_of(case).describe() == (
            "past due since 2030-01-31; it can only be purged or extended"
        )
        assert extend_retention(case, date(2030, 3, 1), " trial ").until == date(2030, 3, 1)
        (entry,) = [entry for entry in entries(case) if entry["action"] == "extend"]
        assert (entry["reason"], entry["details"]) == (
            "trial",
            {"before": "2030-01-31", "until": "2030-03-01"},
        )
        assert isinstance(verify_audit(case), Verified)
    open_case(folder).close()


@pytest.mark.parametrize(
    ("until", "reason", "message"),
    [
        (DUE, "why", "2030-01-31: is not later than the recorded date 2030-01-31"),
        (date(2029, 1, 1), "why", "2029-01-01: has passed already"),
        (date(2031, 1, 1), "  ", "reason: is empty"),
    ],
)
def test_extensions_that_are_none(folder: Path, until: date, reason: str, message: str) -> None:
    with create_case(folder, retain_until=DUE) as case:
        with pytest.raises(UsageError, match=message):
            extend_retention(case, until, reason)
        assert retention_of(case).until == DUE


def test_a_hold_goes_on_and_off_with_reasons(folder: Path) -> None:
    with create_case(folder, retain_until=DUE) as case:
        held = set_hold(case, True, "court order").hold
        assert held is not None
        assert (held.reason, held.by) == ("court order", "A. Smith")
        assert retention_of(case) == Retention(DUE, held)
        assert retention_of(case).describe() == (
            f"kept until 2030-01-31; on hold since {held.since.date()}: court order"
        )
        label = read_label(Places.of(folder).label)
        assert label is not None
        assert label.on_hold
        with pytest.raises(UsageError, match="is on hold already"):
            set_hold(case, True, "again")
        assert set_hold(case, False, "lifted") == Retention(DUE)
        with pytest.raises(UsageError, match="is not on hold"):
            set_hold(case, False, "again")
        said = [(e["reason"], e["details"]["on"], e["outcome"]) for e in entries(case)]
        assert said == [
            ("court order", True, "done"),
            ("again", True, "failed"),
            ("lifted", False, "done"),
            ("again", False, "failed"),
        ]
        assert isinstance(verify_audit(case), Verified)


def test_a_date_that_was_altered_behind_the_log_is_found(case: Case) -> None:
    extend_retention(case, DUE, "a date")
    case.fetch_all("UPDATE meta SET value = '2099-01-01' WHERE name = 'retention_until'")
    found: Any = verify_audit(case)
    assert isinstance(found, Findings)
    assert (found.first.kind, found.first.seq) == ("record edited", 1)
