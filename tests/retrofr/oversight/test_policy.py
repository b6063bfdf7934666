"""Policies: the strictest demand of each counts, and every demand that is not met is named with what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight_files import AUTHORITY, RECORD, policy_file
from retrofr.errors import RefusedError, UsageError
from retrofr.oversight.authority import parse_authority
from retrofr.oversight.checking import AskedProbe, AskedThreshold, Facts, allowed, check
from retrofr.oversight.operators import Operator
from retrofr.oversight.policy import (
    REQUIRABLE,
    TEMPLATES,
    Policy,
    applying_policy,
    parse_policy,
    strictest,
    template,
)
from retrofr.oversight.probe_records import read_probe_record
from retrofr.oversight.summary import REQUIREMENTS

ALL = """
require = ["authority", "operator", "reason", "probe_record"]
min_eye_distance = 40
maximum_fmr = 1e-4
retention_days = 180
embedders = ["sface"]
detectors = ["yunet"]
max_probes = 1
"""
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def policy(text: str, name: str = "p.toml") -> Policy:
    return parse_policy(f'name = "n"\nversion = "1"\n{text}'.encode(), name)


def fields(demanded: Policy, facts: Facts) -> list[str]:
    return [violation.field for violation in check(demanded, facts)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_can_be_read_and_name_their_sources(name: str) -> None:
    text = template(name)
    found = parse_policy(text.encode(), name)
    (told,) = found.files.values()
    assert told["name"] == name
    if name == "open":
        assert found.demands == {}
        taken_in = "".join(
            line.removeprefix("# ") if " = " in line else line for line in text.splitlines(True)
        )
        assert set(parse_policy(taken_in.encode(), name).demands) >= {"authority", "max_probes"}
    else:
        assert "our reading" in text
        assert "not legal advice" in text
        assert {"authority", "reviewers", "maximum_fmr", "retention_days"} <= set(found.demands)


def test_requirement_01_nothing_demanded_is_nothing_refused() -> None:
    assert check(Policy(), Facts()) == ()
    permission = allowed(Policy(), Facts())
    assert (permission.line, permission.reference) == ("authority: not recorded", None)
    assert permission.as_dict(0)["authority"] == {
        "line": "authority: not recorded",
        "reference": None,
        "record": None,
    }


def test_every_demand_that_is_not_met_is_named_with_what_to_do() -> None:
    facts = Facts(
        operator=Operator("smith", stated=False),
        probes=(AskedProbe("a", "a.jpg", "0" * 64, eye_distance=20.0), AskedProbe("b", "b.jpg", "1" * 64)),
        detector="mtcnn",
        embedder="dlib-resnet",
        threshold=AskedThreshold(0.3, 0.01),
        case_made=date(2026, 1, 1),
        now=NOW,
    )
    details: dict[str, object] = {}
    with pytest.raises(RefusedError) as error:
        allowed(policy(ALL), facts, details=details)
    assert details["violations"] == [
        "authority", "operator", "reason", "probe_record", "max_probes", "min_eye_distance",
        "retention_days", "detectors", "embedders", "maximum_fmr",
    ]  # fmt: skip
    assert str(error.value) == (
        "p.toml, authority: an authority that is recorded and valid is required, and there is none\n"
        "name one with --authority FILE or RETROFR_AUTHORITY, or record it in the case with `retrofr case authorise`\n"
        "also p.toml, operator: an operator who is named, not merely the system's user is required, and there is none\n"
        "  say who acts with --operator NAME or RETROFR_OPERATOR\n"
        "also p.toml, reason: a reason in the operator's words is required, and there is none\n"
        "  say why with --reason TEXT\n"
        "also a.jpg, probe_record: a record of where each picture of a probe came from is required, and there is none\n"
        "  write it to a.jpg.toml, or name one with --probe-record FILE\n"
        "also b.jpg, probe_record: a record of where each picture of a probe came from is required, and there is none\n"
        "  write it to b.jpg.toml, or name one with --probe-record FILE\n"
        "also p.toml, max_probes: 2 persons are looked for; at most 1 are allowed in a search\n"
        "  search for fewer persons at once\n"
        "also a.jpg, min_eye_distance: its eyes are 20 px apart; at least 40 are required\n"
        "  use a larger picture of the person\n"
        "also p.toml, retention_days: the case was made on 2026-01-01, and may be kept until 2026-06-30\n"
        "  `retrofr case purge --case DIR` destroys it\n"
        "also p.toml, detectors: mtcnn is not among those that may be used\n"
        "  those are: yunet\n"
        "also p.toml, embedders: dlib-resnet is not among those that may be used\n"
        "  those are: sface\n"
        "also p.toml, maximum_fmr: the false-match rate at the threshold 0.300 is 0.01; at most 0.0001 is allowed\n"
        "  ask for it with --fmr 0.0001\n"
        "`retrofr policy show` says what is demanded, and where"
    )


def test_what_meets_every_demand_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECORD)
    record = read_probe_record(tmp_path / "r.toml")
    facts = Facts(
        authority=parse_authority(AUTHORITY.encode(), "a.toml"),
        operator=Operator("A. Smith"),
        reason="robbery",
        probes=(AskedProbe("a", "a.jpg", "0" * 64, record, 60.0),),
        detector="yunet",
        embedder="sface",
        threshold=AskedThreshold(0.9, 1e-5),
        case_made=date(2026, 11, 1),
        now=NOW,
    )
    demanded = policy(ALL + "probe_expiry_days = 5")
    assert allowed(demanded, facts).reference == "RF/17"
    assert fields(demanded, replace(facts, now=datetime(2026, 11, 25, 9, tzinfo=UTC))) == [
        "probe_expiry_days"
    ]
    assert fields(demanded, replace(facts, threshold=AskedThreshold(0.9, None))) == ["maximum_fmr"]
    assert fields(demanded, replace(facts, reason="  ")) == ["reason"]


def test_requirement_01_an_authority_that_does_not_hold_is_refused_without_a_policy() -> None:
    expired = parse_authority(AUTHORITY.replace("2190", "2021").encode(), "a.toml")
    with pytest.raises(RefusedError) as error:
        allowed(Policy(), Facts(authority=expired))
    assert error.value.reason == "it expired on 2021-01-02 00:00 UTC"
    assert "policy show" not in str(error.value)
    rejected = parse_authority(AUTHORITY.encode(), "a.toml").reject("B", "no", NOW)
    assert fields(Policy(), Facts(authority=rejected)) == ["authority"]


def test_no_name_of_a_person_or_file_reaches_the_log() -> None:
    authority = parse_authority((AUTHORITY + '[scope]\nprobes = ["ben"]').encode(), "a.toml")
    facts = Facts(authority=authority, probes=(AskedProbe("anna", "anna.jpg", "0" * 64),))
    (violation,) = check(Policy(), facts)
    assert violation.field == "scope"
    assert "anna" not in violation.sentence
    assert "anna" in violation.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maximum_fm = 1", "p.toml, line 3, maximum_fm: no such field\ndid you mean maximum_fmr?"),
        ("max_probes = 0", "p.toml, line 3, max_probes: expected a whole number of persons from 1 to 1e+06, got 0"),
        ('require = ["authorty"]', "p.toml, line 3, require: nothing is called 'authorty'\ndid you mean authority?"),
        ("embedders = []", "p.toml, line 3, embedders: is an empty list"),
        ("forget_others = 1", "p.toml, line 3, forget_others: expected true or false, got 1"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_field(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        policy(text)
    assert str(error.value).startswith(message)


def test_of_several_policies_the_strictest_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert applying_policy().files == {}
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("RETROFR_POLICY", str(tmp_path / "org.toml"))
    with pytest.raises(UsageError, match="no such policy"):
        applying_policy()
    org = policy_file(tmp_path / "org.toml", 'max_probes = 5\nrequire = ["operator"]\nembedders = ["a", "b"]')
    policy_file(tmp_path / "etc/retrofr/policy.toml", "maximum_fmr = 1e-5\nmax_probes = 5")
    user = policy_file(tmp_path / "user/retrofr/policy.toml", "maximum_fmr = 1e-4\nmax_probes = 2")
    case = policy_file(tmp_path / "case/policy.toml", 'require = ["authority"]\nembedders = ["b", "c"]')
    found = applying_policy(tmp_path / "case")
    assert found.require == ("authority", "operator")
    assert (found.max_probes, found.maximum_fmr, found.embedders) == (2, 1e-5, ("b",))
    assert (found.source("max_probes"), found.source("authority")) == (str(user), str(case))
    assert found.source("embedders") == f"{org} and {case}"
    assert len(found.files) == 4
    user.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        applying_policy()


demand = st.fixed_dictionaries(
    {},
    optional={
        "require": st.sets(st.sampled_from(list(REQUIRABLE))).map(
            lambda s: tuple(w for w in REQUIRABLE if w in s)
        ),
        "max_probes": st.integers(1, 9),
        "maximum_fmr": st.floats(1e-6, 0.1),
        "retention_days": st.integers(1, 9),
        "min_eye_distance": st.floats(0, 99),
        "embedders": st.sets(st.sampled_from("abc")).map(lambda s: tuple(sorted(s))),
        "forget_others": st.booleans(),
    },
)


@given(st.lists(demand, max_size=4), st.randoms())
def test_no_policy_loosens_another(demands: list[dict[str, object]], random: object) -> None:
    made = [
        replace(Policy(**each), sources=dict.fromkeys(Policy(**each).demands, f"{n}.toml"))  # type: ignore[arg-type]
        for n, each in enumerate(demands)
    ]
    whole = strictest(made)
    random.shuffle(made)  # type: ignore[attr-defined]
    other = strictest(made)
    assert {k: set(v) if k == "embedders" else v for k, v in other.demands.items()} == {
        k: set(v) if k == "embedders" else v for k, v in whole.demands.items()
    }
    facts = Facts(
        operator=Operator("x", stated=False),
        probes=tuple(AskedProbe(str(n), "p", "0" * 64, None, 50.0) for n in range(5)),
        embedder="b",
        threshold=AskedThreshold(0.5, 1e-3),
        case_made=date(2026, 11, 18),
        now=NOW,
    )
    assert set(fields(whole, facts)) == {field for each in made for field in fields(each, facts)}


def test_the_log_knows_every_demand() -> None:
    """Denials are counted by demand."""
    known = {*REQUIRABLE, *policy(ALL + "reviewers = 2\nforget_others = true\nprobe_expiry_days = 1").demands}
    assert known <= set(REQUIREMENTS)
