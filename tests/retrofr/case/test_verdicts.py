"""Verdicts in a case: sealed, unsealed together, logged, never edited."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixed_results import fixed_case
from retrofr.case import Case, KeyStore, open_case
from retrofr.case.audit import acting
from retrofr.case.audit_log import entries, verify_audit
from retrofr.case.verdict_blindness import note_alone, noted_in, order_seed, shuffled_key, view_details
from retrofr.case.verdicts import (
    Given,
    examined_candidates,
    find_candidate,
    give_verdict,
    verdict_states,
)
from retrofr.errors import CaseBusyError, IntegrityError, RefusedError, UsageError
from retrofr.oversight.findings import Findings, Verified
from retrofr.oversight.operators import Operator, operator_key, public_key
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.summary import figures_document, summarise
from retrofr.oversight.verdicts import parse_conclusion
from retrofr.timeline import timeline

SMITH, JONES, KHAN = (Operator(name) for name in ("A. Smith", "B. Jones", "C. Khan"))
ANN = 1
"""The tracklet of Ann at the door: a hit of search 1."""

Give = Callable[..., Given]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with a search, its keys and the log, to be copied."""
    base = tmp_path_factory.mktemp("verdicts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETROFR_KEYS", str(base / "keys"))
        patch.setenv("RETROFR_AUDIT", str(base / "audit"))
        fixed_case(base / "harbour", people=False)
    return base


@pytest.fixture
def folder(searched: Path, tmp_path: Path, keys: KeyStore) -> Path:
    shutil.copytree(searched / "keys", tmp_path / "keys")
    shutil.copytree(searched / "harbour", tmp_path / "harbour")
    return tmp_path / "harbour"


@pytest.fixture
def case(folder: Path) -> Any:
    with open_case(folder) as opened:
        yield opened


@pytest.fixture
def give(case: Case) -> Give:
    def given(who: Operator, word: str = "weak-same", tracklet: int = ANN, **more: Any) -> Given:
        candidate = find_candidate(case, 1, tracklet)
        more.setdefault("notes", f"notes of {who.name}")
        return give_verdict(case, candidate, parse_conclusion(word), operator=who, **more)

    return given


def details(case: Case) -> list[dict[str, Any]]:
    return [entry["details"] for entry in entries(case) if entry["action"] == "verdict"]


# ---- giving --------------------------------------------------------------------------------------------------


def test_requirement_24_the_first_is_sealed_until_the_second_is_given(case: Case, give: Give) -> None:
    first = give(SMITH, "strong-same")
    assert (first.verdict.sealed, first.joint.describe()) == (True, "one verdict, not final")
    candidate = find_candidate(case, 1, ANN)
    assert candidate.shown_to("B. Jones", public_key(JONES)) == ()
    assert candidate.own("B. Jones", public_key(JONES)) is None
    assert [v.examiner for v in candidate.shown_to("a. smith", public_key(SMITH))] == ["A. Smith"]
    assert candidate.own("A. Smith", public_key(SMITH)) == first.verdict
    log = json.dumps([entries(case), OutsideLog.of_user().entries()])
    assert not any(told in log for told in ("same", "notes of", '"side"'))

    second = give(JONES, "weak-same")
    assert second.joint.describe() == "two agreeing verdicts: weak support for one person rather than two"
    candidate = find_candidate(case, 1, ANN)
    assert [v.examiner for v in candidate.shown_to("C. Khan", None)] == ["A. Smith", "B. Jones"]
    assert verify_audit(case) == Verified(3, entries(case)[-1]["digest"])


def test_requirement_24_a_name_alone_opens_nobodys_verdict(case: Case, give: Give) -> None:
    give(SMITH)
    candidate = find_candidate(case, 1, ANN)
    for key in (None, operator_key(JONES).public_key_hex):  # B. Jones says to be A. Smith, elsewhere
        assert candidate.shown_to("A. Smith", key) == ()
        assert candidate.own("A. Smith", key) is None


def test_every_verdict_is_an_entry_and_so_is_the_joint_conclusion(case: Case, give: Give) -> None:
    give(SMITH, "weak-same")
    give(JONES, "moderate-different")
    place = {"search": 1, "candidate": ANN, "row": 1}
    seeds = [order_seed(case, 1, name) for name in ("A. Smith", "B. Jones")]
    assert details(case) == [
        {**place, "sealed": True, "final": False, "order_seed": seeds[0]},
        {**place, "side": "different", "final": False, "order_seed": seeds[1]},
        {**place, "side": "inconclusive", "final": True, "examiners": 2, "sides": ["same"]},
    ]
    assert [sorted(entry["contents"]) for entry in entries(case)] == [
        ["verdicts/1"],
        ["verdicts/2"],
        ["verdicts/1", "verdicts/2"],
    ]
    told = figures_document(summarise(OutsideLog.of_user().entries()).total)
    assert told["verdicts"] == {"same": 1, "different": 1, "inconclusive": 0, "other": 0}
    assert told["conclusions"] == {"same": 0, "different": 0, "inconclusive": 1, "other": 0}


def test_requirement_24_the_same_examiner_twice_is_refused_and_logged(case: Case, give: Give) -> None:
    give(SMITH)
    with pytest.raises(RefusedError, match="has given a verdict on this candidate already"):
        give(Operator("a. smith"))
    (last,) = [entry for entry in entries(case) if entry["action"] == "denied"]
    assert (last["details"]["asked"], last["details"]["violations"]) == ("verdict", ["reviewers"])
    assert len(find_candidate(case, 1, ANN).verdicts) == 1


def test_requirement_24_a_copied_key_is_refused(give: Give, tmp_path: Path) -> None:
    give(SMITH)
    operator_key(JONES)
    one, other = sorted(
        (tmp_path / "keys" / "operators").glob("*.json"), key=lambda p: "Jones" in p.read_text()
    )
    other.write_text(one.read_text().replace("A. Smith", "B. Jones"))
    with pytest.raises(
        RefusedError, match="this key has signed a verdict on this candidate under another name"
    ):
        give(JONES)


def test_a_later_verdict_of_the_same_examiner_replaces_and_both_are_kept(case: Case, give: Give) -> None:
    give(SMITH, "weak-same")
    assert give(SMITH, "inc", reason="looked again").verdict.shown_before == ()
    assert give(JONES, "inc").joint.describe() == "two agreeing verdicts: inconclusive"
    assert details(case)[-1]["sides"] == ["inconclusive"]


def test_requirement_24_what_is_said_after_the_unsealing_ends_no_disagreement(case: Case, give: Give) -> None:
    give(SMITH, "weak-same")
    give(JONES, "weak-different")
    later = give(JONES, "weak-same", reason="a better picture")
    assert later.joint.describe() == "inconclusive: examiners differ"
    assert give(KHAN, "weak-same").joint.describe() == "inconclusive: examiners differ"
    known = find_candidate(case, 1, ANN).verdicts
    assert [(v.id, v.supersedes, v.reason) for v in known] == [
        (1, None, None),
        (2, None, None),
        (3, 2, "a better picture"),
        (4, None, None),
    ]
    assert [v.shown_before for v in known] == [(), (), ("conclusions",), ("conclusions",)]
    assert [entry["reason"] for entry in entries(case)] == [None, None, None, "a better picture", None]
    told = figures_document(summarise(entries(case)).total)
    assert told["conclusions"] == {"same": 0, "different": 0, "inconclusive": 1, "other": 0}
    assert isinstance(verify_audit(case), Verified)


def test_a_third_examiner_can_unsettle_it(case: Case, give: Give) -> None:
    for who in (SMITH, JONES):
        give(who)
    third = give(KHAN, "inc")
    assert (third.verdict.sealed, third.joint.describe()) == (False, "inconclusive: examiners differ")
    assert details(case)[-1]["sides"] == []


def test_three_examiners_where_three_are_asked_for(case: Case, give: Give) -> None:
    for who in (SMITH, JONES):
        assert give(who, reviewers=3).verdict.sealed
    assert verdict_states(case, 1, 3) == {("ann", ANN): "two verdicts, not final"}
    assert give(KHAN, reviewers=3).joint.count == 3
    assert details(case)[-1]["sides"] == ["same", "same"]


def test_a_verdict_needs_a_named_examiner_and_notes(give: Give) -> None:
    with pytest.raises(UsageError, match="needs the name of its examiner"):
        give(Operator("asmith", stated=False))
    with pytest.raises(UsageError, match="needs notes"):
        give(SMITH, notes="")


def test_somebody_else_was_quicker(case: Case, give: Give) -> None:
    stale = find_candidate(case, 1, ANN)
    give(SMITH)
    with pytest.raises(CaseBusyError, match="somebody gave a verdict on this candidate meanwhile"):
        give_verdict(case, stale, parse_conclusion("inc"), notes="x", operator=JONES)
    assert len(find_candidate(case, 1, ANN).verdicts) == 1


def test_requirement_25_what_the_examiner_had_been_shown_is_recorded(case: Case, give: Give) -> None:
    with acting(case, "search", operator=SMITH, details={"search": 1}):
        pass
    with acting(case, "search", operator=JONES, details={"search": 2}):
        pass
    with acting(case, "export", operator=JONES, details={"search": None}):
        pass
    assert give(SMITH, by_rank=True).verdict.shown_before == ("search", "rank")
    assert give(JONES).verdict.shown_before == ("export",)
    assert give(KHAN).verdict.shown_before == ("conclusions",)


def test_requirement_23_what_is_noted_before_the_probe_is_shown_is_in_the_log_before(
    case: Case, give: Give
) -> None:
    candidate = find_candidate(case, 1, ANN)
    with pytest.raises(
        UsageError, match="note at least one feature of the candidate before its probe is shown"
    ):
        note_alone(case, candidate, "blurred", {}, operator=SMITH)
    alone = note_alone(case, candidate, "", {"ears": "lobes attached"}, operator=SMITH)
    (entry,) = entries(case)
    assert (entry["action"], entry["details"]["noted"]) == ("view", alone.digest())
    assert "lobes" not in json.dumps([entry, OutsideLog.of_user().entries()])
    with acting(case, "view", operator=SMITH, details=view_details(candidate) | {"probe": True}):
        pass
    assert (noted_in(case, alone), noted_in(case, replace(alone, salt="0"))) == (1, None)
    with pytest.raises(ValueError, match="the log does not tell of these notes"):
        give(SMITH, alone=replace(alone, salt="0"))
    assert give(SMITH, alone=alone).verdict.shown_before == ()
    assert find_candidate(case, 1, ANN).verdicts[0].alone == alone
    late = note_alone(case, candidate, "", {"ears": "lobes attached"}, operator=SMITH)
    assert late.digest() != alone.digest()
    assert give(SMITH, alone=late, reason="again").verdict.shown_before == ("probe",)
    assert give(JONES, alone=note_alone(case, candidate, "", {"ears": "x"}, operator=JONES)).verdict.alone


def test_requirement_25_the_order_is_each_examiners_own(case: Case) -> None:
    orders = set()
    for n in range(20):
        seed = order_seed(case, 1, f"examiner {n}")
        orders.add(tuple(sorted(range(5), key=lambda tracklet: shuffled_key(seed, "ann", tracklet))))
    assert len(orders) > 10
    assert order_seed(case, 1, "A. Smith") == order_seed(case, 1, "a.  smith")


# ---- finding -------------------------------------------------------------------------------------------------


def test_a_candidate_that_is_not_there(case: Case) -> None:
    with pytest.raises(UsageError, match="search 1 has no candidate 99"):
        find_candidate(case, 1, 99)
    with pytest.raises(UsageError, match="search 1 has no candidate 1 of the probe bob"):
        find_candidate(case, 1, ANN, "bob")


def test_a_candidate_of_several_probes(case: Case) -> None:
    case.fetch_all(
        "INSERT INTO candidates (search_id, probe, tracklet_id, score, supporting, best, hit) "
        "VALUES (1, 'eve', 1, 0.6, 1, 0, 1)"
    )
    with pytest.raises(UsageError, match="is one of several probes") as caught:
        find_candidate(case, 1, ANN)
    assert caught.value.hint == "name one with --probe: ann, eve"
    assert find_candidate(case, 1, ANN, "eve").probe == "eve"
    assert len(examined_candidates(case, 1)) == 6


def test_the_timeline_has_the_state_of_each(case: Case, give: Give) -> None:
    give(SMITH)
    told = {a.tracklet: a.verdict for a in timeline(case)}
    assert told.pop(ANN) == "one verdict, not final"
    assert set(told.values()) == {"not examined"}


# ---- altered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "kind", "reason"),
    [
        ("UPDATE verdicts SET sealed = 0", "record edited", None),
        ("UPDATE verdicts SET record = x'7b7d'", "record edited", "verdict 1 is not as it was written"),
        (
            "UPDATE verdicts SET record = CAST(replace(CAST(record AS TEXT), 'k-same', 'k-different') AS BLOB)",
            "record edited",
            "verdict 1 is not as",
        ),
        ("UPDATE verdicts SET candidate_id = 2", "record edited", "verdict 1 was given on another candidate"),
        ("DELETE FROM verdicts", "record deleted", None),
        (
            "INSERT INTO verdicts SELECT 2, search_id, candidate_id, record, 0 FROM verdicts",
            "record added",
            None,
        ),
    ],
)
def test_an_altered_verdict_is_found(case: Case, give: Give, sql: str, kind: str, reason: str | None) -> None:
    give(SMITH)
    assert isinstance(verify_audit(case), Verified)
    case.fetch_all(sql)
    found = verify_audit(case)
    assert isinstance(found, Findings)
    assert {finding.kind for finding in found.found} >= {kind}
    if reason is not None:
        with pytest.raises(IntegrityError, match=reason):
            verdict_states(case, 1)
