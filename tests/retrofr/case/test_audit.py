"""What is done in a case is written down: in it, outside of it, also when it fails; and alterations are found."""

from __future__ import annotations

import json
import os
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from retrofr.case import Case, KeyStore, SearchRecord, create_case, open_case, record_search
from retrofr.case.audit import Act, acting, denied
from retrofr.case.audit_log import append, entries, heads, verify_audit, verify_outside
from retrofr.case.contents import contents_digest
from retrofr.case.searches import CandidateRow
from retrofr.errors import CaseError, IntegrityError, OutputError, RefusedError, UsageError
from retrofr.events import Event, Warned
from retrofr.oversight.findings import Findings, Verified
from retrofr.oversight.log import Draft, canonical, digest_of
from retrofr.oversight.operators import Operator
from retrofr.oversight.outside import OutsideLog

SHA = "ab" * 32


@pytest.fixture(autouse=True)
def own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    monkeypatch.setenv("RETROFR_OPERATOR", "A. Smith")


def outside() -> list[dict[str, Any]]:
    return OutsideLog.of_user().entries()


def first(result: Verified | Findings) -> tuple[str, int, str]:
    assert isinstance(result, Findings), result
    return result.first.kind, result.first.seq, result.first.sentence


def searched(case: Case, filling: Any) -> int:
    """A search of one candidate, recorded with its entry in one transaction; gives its id."""
    filling.commit(case, filling.stream(case), 0)
    (tracklet,) = case.fetch_all("SELECT id FROM tracklets")[0]
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    rows = (CandidateRow("anna", tracklet, 0.9, 1, 0, True),)
    record = SearchRecord(moment, moment, "a" * 64, {}, [{"name": "anna"}], 0.5, "default", 1, rows)
    with acting(case, "search", details={"compared": 1}) as act, case.transaction():
        number = record_search(case, record)
        act.covers("searches", number)
        act.commit()
    return number


# ---- acting --------------------------------------------------------------------------------------------------


def test_what_was_done_is_in_both_logs(case: Case) -> None:
    with acting(case, "search", authority="RF/17", reason="offence 12", models={"sface": SHA}) as act:
        act.details["compared"] = 120
    (inside,), (told,) = entries(case), outside()
    assert (inside, told) == (act.entry, act.outside_entry)
    assert inside["log"] == inside["case"] == told["case"] == case.id
    assert told["case_entry"] == {"seq": 1, "digest": inside["digest"]}
    for entry in (inside, told):
        said = {name: entry[name] for name in ("action", "operation", "outcome", "authority", "reason")}
        assert said == {
            "action": "search",
            "operation": "combine",
            "outcome": "done",
            "authority": "RF/17",
            "reason": "offence 12",
        }
        assert (entry["details"], entry["models"]) == ({"compared": 120}, {"sface": SHA})
        assert entry["operator"]["name"] == "A. Smith"
        assert entry["started"] < entry["finished"] <= entry["at"]
    (head,) = heads(case)
    assert (head.seq, head.digest, head.is_signed()) == (1, inside["digest"], True)
    assert verify_audit(case) == Verified(1, inside["digest"])
    assert verify_outside() == Verified(1, told["digest"])


def test_without_a_case_it_is_in_the_log_outside(keys: KeyStore) -> None:
    with acting(None, "search") as act:
        pass
    (told,) = outside()
    assert (act.entry, told["case"], told["case_entry"], told["authority"]) == (None, None, None, None)


def test_an_error_is_written_down_and_goes_on(case: Case) -> None:
    with pytest.raises(CaseError), acting(case, "index"):
        raise CaseError("is damaged", subject="anna.mp4")
    with pytest.raises(ZeroDivisionError), acting(case, "index"):
        raise ZeroDivisionError("anna")
    with pytest.raises(KeyboardInterrupt), acting(case, "index"):
        raise KeyboardInterrupt
    assert [(entry["outcome"], entry["details"]["error"]) for entry in entries(case)] == [
        ("failed", {"kind": "CaseError", "exit_code": 5, "reason": "is damaged"}),
        ("failed", {"kind": "ZeroDivisionError"}),
        ("interrupted", {"kind": "KeyboardInterrupt"}),
    ]
    assert [entry["case_entry"]["seq"] for entry in outside()] == [1, 2, 3]


def test_a_refusal_is_a_denial(case: Case) -> None:
    with pytest.raises(RefusedError), acting(case, "search", details={"violations": ["authority"]}):
        raise RefusedError("an authority is required")
    denied(case, "export", "an operator is required", violations=["operator"])
    asked, told = entries(case)
    assert (asked["action"], asked["operation"], asked["outcome"]) == ("denied", "none", "refused")
    assert asked["details"] == {
        "violations": ["authority"],
        "asked": "search",
        "error": {"kind": "RefusedError", "exit_code": 8, "reason": "an authority is required"},
    }
    assert (told["action"], told["outcome"]) == ("denied", "refused")
    assert told["details"] == {
        "asked": "export",
        "why": "an operator is required",
        "violations": ["operator"],
    }


def test_what_was_taken_back_is_not_told_of(case: Case) -> None:
    def fails(act: Act) -> None:
        with case.transaction():
            case.insert("INSERT INTO authorities VALUES (1, x'00')", ())
            act.covers("authorities", 1)
            act.commit()
            raise OutputError("the disk is full")

    with pytest.raises(OutputError), acting(case, "authorise") as act:
        fails(act)
    (entry,) = entries(case)
    assert (entry["outcome"], entry["contents"]) == ("failed", {})
    assert outside()[0]["case_entry"]["digest"] == entry["digest"]
    assert isinstance(verify_audit(case), Verified)


def test_a_long_run_says_that_it_begins(case: Case) -> None:
    with acting(case, "index", begin=True) as act:
        assert [entry["outcome"] for entry in entries(case)] == ["begun"]
        act.outcome = "interrupted"
    assert [(e["outcome"], e["finished"] is None) for e in entries(case)] == [
        ("begun", True),
        ("interrupted", False),
    ]
    assert len({entry["started"] for entry in (*entries(case), *outside())}) == 1


def test_what_destroys_the_case_is_told_outside_alone(case: Case) -> None:
    with acting(case, "purge") as act:
        case.close()
        act.outside_only = True
    assert [(entry["action"], entry["case"]) for entry in outside()] == [("purge", case.id)]


@pytest.mark.usefixtures("permissions_hold")
def test_a_case_that_cannot_be_written_to(filled: Path) -> None:
    filled.chmod(0o500)
    (filled / "case.db").chmod(0o400)
    try:
        with open_case(filled) as case, acting(case, "search"):
            assert case.read_only
        assert outside()[0]["case_entry"] is None
    finally:
        filled.chmod(0o700)


@pytest.mark.usefixtures("permissions_hold")
def test_a_log_outside_that_cannot_be_written_to(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "locked"))
    events: list[Event] = []
    with acting(case, "view", listener=events.append):
        pass
    reason = "the audit log outside of cases cannot be written to (Permission denied)"
    assert events == [Warned("audit log", f"{reason}: {tmp_path / 'locked'}")]
    assert len(entries(case)) == 1
    ran = []
    with pytest.raises(RefusedError) as error, acting(case, "view", outside_required=True):
        ran.append(1)
    assert (error.value.exit_code, error.value.reason, ran) == (8, reason, [])


@pytest.mark.usefixtures("permissions_hold")
def test_without_a_key_store_nothing_is_signed_and_it_says_so(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "locked"))
    events: list[Event] = []
    with acting(case, "view", listener=events.append):
        pass
    (event,) = events
    assert isinstance(event, Warned)
    assert event.message.startswith("what is written is not signed: the key of the operator cannot be kept (")
    assert entries(case)[0]["operator"]["key"] is None
    assert isinstance(verify_audit(case), Verified)


def test_a_reason_has_an_end(case: Case) -> None:
    with (
        pytest.raises(UsageError, match="reason: expected at most 4,096 characters"),
        acting(case, "extend", reason="because " * 1000),
    ):
        pytest.fail("it was begun")


@pytest.mark.parametrize("given", [{"action": "peek"}, {"details": {"template": [0.5] * 128}}])
def test_what_cannot_be_written_down_is_not_begun(case: Case, given: dict[str, Any]) -> None:
    said = {"action": "view", "details": {}} | given
    with pytest.raises(ValueError, match=r"expected one of|has no place"), acting(case, **said):
        pytest.fail("it was begun")
    assert entries(case) == outside() == []


def test_searches_at_the_same_time_make_one_chain(case: Case, start_script: Any, folder: Path) -> None:
    script = (
        "import sys; from retrofr.case import open_case; from retrofr.case.audit import acting\n"
        "with open_case(sys.argv[1]) as case:\n"
        "    for _ in range(10):\n"
        "        with acting(case, 'view'): pass\n"
    )
    processes: list[subprocess.Popen[str]] = [start_script(script, folder) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert isinstance(verify_audit(case), Verified)
    assert isinstance(verify_outside(), Verified)
    assert len(entries(case)) == len(outside()) == 20


# ---- what is found -------------------------------------------------------------------------------------------


@pytest.fixture
def acted(case: Case) -> Case:
    for number in range(8):
        with acting(case, "view", details={"number": number}):
            pass
    return case


def rewrite(case: Case, seq: int, **fields: Any) -> None:
    """By one who has the key of the case, and makes the digest anew."""
    (data,) = case.fetch_all("SELECT entry FROM audit WHERE seq = ?", (seq,))[0]
    entry = json.loads(data) | fields
    entry["digest"] = digest_of(entry)
    case.fetch_all("UPDATE audit SET entry = ? WHERE seq = ?", (canonical(entry), seq))


def test_requirement_12_each_kind_is_named(acted: Case) -> None:
    rewrite(acted, 3, reason="none")
    assert first(verify_audit(acted)) == ("edited", 3, "entry 3 is not the one whose head was signed")
    acted.fetch_all("DELETE FROM audit WHERE seq = 2")
    assert first(verify_audit(acted)) == ("deleted", 2, "entry 2 is missing")
    acted.fetch_all("DELETE FROM audit_heads WHERE seq > 1")
    assert first(verify_audit(acted))[:2] == ("deleted", 2)


def test_an_altered_log_outside_accuses_no_case(acted: Case) -> None:
    log = OutsideLog.of_user()
    lines = log.entry_lines()
    entry = json.loads(lines[4])
    entry["case_entry"]["digest"] = SHA
    entry["digest"] = digest_of(entry)
    lines[4] = canonical(entry) + b"\n"
    log.entries_path.write_bytes(b"".join(lines))
    assert first(verify_outside())[:2] == ("edited", 5)
    result = verify_audit(acted)
    assert isinstance(result, Verified)
    note = "the log outside of cases was altered itself, so that only its first 4 entries were believed"
    assert note in result.notes


def test_a_tail_that_was_cut_off_with_its_heads(acted: Case) -> None:
    for table in ("audit", "audit_heads"):
        acted.fetch_all(f"DELETE FROM {table} WHERE seq > 5")
    sentence = "the log ends before entry 6, and the log outside of the case tells of entry 8"
    assert first(verify_audit(acted)) == ("truncated", 6, sentence)
    with acting(acted, "view"):
        pass
    sentence = "the log outside of the case tells of two entries under the number 6"
    assert first(verify_audit(acted)) == ("rewritten", 6, sentence)


def test_requirement_12_alterations_of_a_case(acted: Case) -> None:
    dice = random.Random(12)
    whole = {t: acted.fetch_all(f"SELECT * FROM {t} ORDER BY seq") for t in ("audit", "audit_heads")}
    for _ in range(100):
        one, other = sorted(dice.sample(range(1, 9), 2))
        kind, seq = dice.choice([("edited", one), ("deleted", one), ("reordered", one), ("truncated", other)])
        if kind == "edited":
            rewrite(acted, seq, previous=SHA)
        elif kind == "deleted":
            acted.fetch_all("DELETE FROM audit WHERE seq >= ? AND seq < ?", (one, other))
        elif kind == "truncated":
            acted.fetch_all("DELETE FROM audit WHERE seq >= ?", (other,))
            if dice.random() < 0.5:
                acted.fetch_all("DELETE FROM audit_heads WHERE seq >= ?", (other,))
        else:
            swapped = "UPDATE audit SET entry = ? WHERE seq = ?"
            acted.fetch_all(swapped, (whole["audit"][other - 1][1], one))
            acted.fetch_all(swapped, (whole["audit"][one - 1][1], other))
        assert first(verify_audit(acted))[:2] == (kind, seq)
        with acted.transaction():
            for table, rows in whole.items():
                acted.fetch_all(f"DELETE FROM {table}")
                acted.execute_many(f"INSERT INTO {table} VALUES (?, ?)", rows)
    assert isinstance(verify_audit(acted), Verified)


def test_nothing_is_built_upon_an_altered_log(acted: Case) -> None:
    acted.fetch_all("DELETE FROM audit WHERE seq = 8")
    with pytest.raises(IntegrityError) as error, acting(acted, "view"):
        pass
    assert error.value.reason == "its audit log ends before entry 8, and signed heads tell of more"
    acted.fetch_all("DELETE FROM audit_heads WHERE seq = 8")
    rewrite(acted, 7, log="another")
    with pytest.raises(IntegrityError) as error, acting(acted, "view"):
        pass
    assert (error.value.exit_code, error.value.reason) == (4, "entry 7 of its audit log was altered")


def test_a_failure_is_told_also_where_the_log_was_altered(acted: Case) -> None:
    acted.fetch_all("DELETE FROM audit WHERE seq = 8")
    events: list[Event] = []
    with pytest.raises(CaseError, match="is damaged"), acting(acted, "view", listener=events.append):
        raise CaseError("is damaged")
    (event,) = events
    assert isinstance(event, Warned)
    assert event.message.startswith("this is not in the log: ")


def test_requirement_13_the_log_vouches_for_a_search(case: Case, filling: Any) -> None:
    number = searched(case, filling)
    assert entries(case)[0]["contents"] == {
        f"searches/{number}": contents_digest(case, "searches", number),
    }
    assert isinstance(verify_audit(case), Verified)
    case.fetch_all("UPDATE candidates SET score = 0.1")
    sentence = "searches/1 is not as it was when entry 1 was written"
    assert first(verify_audit(case)) == ("record edited", 1, sentence)
    case.fetch_all("DELETE FROM candidates")
    assert first(verify_audit(case))[0] == "record edited"
    case.fetch_all("DELETE FROM searches")
    sentence = "searches/1, which entry 1 tells of, is missing"
    assert first(verify_audit(case)) == ("record deleted", 1, sentence)


def test_what_is_erased_on_purpose_is_no_alteration(case: Case, filling: Any) -> None:
    number = searched(case, filling)
    with acting(case, "forget") as act, case.transaction():
        case.fetch_all("DELETE FROM candidates")
        case.fetch_all("DELETE FROM searches")
        act.covers("searches", number)
        act.commit()
    assert entries(case)[1]["contents"] == {"searches/1": None}
    assert isinstance(verify_audit(case), Verified)


def test_only_known_tables_are_vouched_for(case: Case) -> None:
    with pytest.raises(ValueError, match="table: expected one of searches, "):
        contents_digest(case, "blobs", 1)


def test_a_case_from_elsewhere_says_what_cannot_be_compared(
    acted: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "empty"))
    result = verify_audit(acted)
    assert isinstance(result, Verified)
    assert result.notes == (
        "8 of 8 entries of the case are not in the log outside of it: they were written on another machine "
        "or by another user, or that log could not be written to",
    )


def test_no_name_of_the_log_is_in_the_clear(case: Case, folder: Path) -> None:
    with acting(case, "search", reason="the missing heiress"):
        pass
    case.close()
    assert all(b"heiress" not in path.read_bytes() for path in folder.iterdir())


def test_entries_are_appended_in_the_open_transaction(case: Case) -> None:
    draft = Draft("hold", Operator("A. Smith"), case_id=case.id)

    def taken_back() -> None:
        with case.transaction():
            append(case, draft, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        taken_back()
    assert entries(case) == []
    append(case, draft, None)
    assert len(entries(case)) == 1


def test_one_log_for_many_cases(tmp_path: Path, keys: KeyStore) -> None:
    for name in ("one", "two"):
        with create_case(tmp_path / name) as made, acting(made, "create"):
            pass
        with open_case(tmp_path / name) as again:
            assert isinstance(verify_audit(again), Verified)
    assert len({entry["case"] for entry in outside()}) == 2
    assert os.environ["RETROFR_AUDIT"] == str(OutsideLog.of_user().folder)
