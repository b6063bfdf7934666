"""The figures of an oversight report: right, complete, and nobody's name among them."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from retrofr.oversight.log import OPERATIONS, Draft, Entry, make_entry
from retrofr.oversight.operators import Operator
from retrofr.oversight.summary import (
    REQUIREMENTS,
    figures_document,
    summarise,
    summary_document,
)


def entry(action: str, month: str = "2030-01", **fields: Any) -> Entry:
    """An entry of a month; its digest does not matter here."""
    fields.setdefault("operator", Operator("A. Smith"))
    made = make_entry(Draft(action, **fields), log="log", last=None, public_key_hex=None)
    return made | {"at": f"{month}-02T03:04:05.000000+00:00"}


def search(month: str = "2030-01", **details: Any) -> Entry:
    return entry("search", month, details=details, authority="RF/1", case_id="c1")


def verdict(side: str, *, final: bool = False) -> Entry:
    return entry("verdict", details={"side": side, "final": final})


def test_requirement_30_the_figures_of_a_log() -> None:
    told = summarise(
        [
            search(compared=100, candidates=3, hits=2),
            search("2030-02", compared=50, candidates=1, hits=0, threshold_override=True),
            entry("search", outcome="failed", details={"compared": 7}),
            entry("search", details={"compared": 1}, operator=Operator("root", stated=False)),
            entry("search", outcome="begun"),
            entry("threshold", reason="poor light"),
            entry("denied", details={"asked": "search", "violations": ["authority", "operator"]}),
            entry("denied", outcome="refused", details={"violations": ["authority"]}, case_id="c2"),
            verdict("same"),
            verdict("different"),
            verdict("inconclusive"),
            *(verdict("same", final=True) for _ in range(3)),
            verdict("different", final=True),
            verdict("inconclusive", final=True),
            entry("export", details={"unredacted": True}),
            entry("export"),
            entry("forget", details={"erased": {"templates": 40, "pictures": 12}}),
            entry("reject", details={"erased": {"templates": 2}}),
            entry("reject"),
            entry("purge"),
        ]
    )
    assert (told.entries, told.first, told.last) == (
        22,
        "2030-01-02T03:04:05.000000+00:00",
        "2030-02-02T03:04:05.000000+00:00",
    )
    assert list(told.months) == ["2030-01", "2030-02"]
    assert (told.months["2030-01"].compared, told.months["2030-02"].compared) == (101, 50)
    document = figures_document(told.total)
    assert {name: number for name, number in document.pop("actions").items() if number} == {
        **{"search": 4, "threshold": 1, "denied": 2, "verdict": 8, "export": 2},
        **{"forget": 1, "reject": 2, "purge": 1},
    }
    rate = document.pop("false_candidates")
    assert (rate["count"], rate["total"], rate["share"], rate["level"]) == (1, 4, 0.25, 0.95)
    assert (rate["low"], rate["high"]) == pytest.approx((0.006309, 0.805880), abs=1e-6)
    requirements = document.pop("denials_by_requirement")
    assert {name: number for name, number in requirements.items() if number} == {
        "authority": 2,
        "operator": 1,
    }
    assert document == {
        "searches": 3,
        "failed_searches": 1,
        "searches_without_authority": 1,
        "threshold_overrides": 2,
        "tracklets_compared": 151,
        "candidates": 4,
        "hits": 2,
        "denials": 2,
        "verdicts": {"same": 1, "different": 1, "inconclusive": 1, "other": 0},
        "conclusions": {"same": 3, "different": 1, "inconclusive": 1, "other": 0},
        "exports": 2,
        "unredacted_exports": 1,
        "erasures": 3,
        "erased": {"templates": 42, "pictures": 12, "probes": 0, "cases": 0, "other": 0},
        "operators": 2,
        "acts_without_stated_operator": 1,
        "cases": 2,
    }


def test_an_empty_log_has_all_figures() -> None:
    document = summary_document(summarise([]))
    assert document["total"]["false_candidates"] is None
    assert document["total"]["searches"] == 0
    assert (document["entries"], document["first"], document["months"]) == (0, None, [])


SECRET = "zzsecretzz"
Secret = st.just(SECRET)
Details = st.dictionaries(
    st.sampled_from(["violations", "side", "erased", "compared", "asked", "probes", "final", SECRET]),
    st.one_of(
        Secret, st.lists(Secret, max_size=2), st.dictionaries(Secret, st.integers(0, 5)), st.integers()
    ),
)


@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), Details), max_size=5))
def test_requirement_30_nobody_is_named(acts: list[tuple[str, dict[str, Any]]]) -> None:
    said: dict[str, Any] = {
        "authority": SECRET,
        "reason": SECRET,
        "case_id": SECRET,
        "operator": Operator(SECRET),
    }
    entries = [entry(action, details=details, models={SECRET: "ab" * 32}, **said) for action, details in acts]
    assert SECRET not in json.dumps(summary_document(summarise(entries)))


def test_an_unknown_word_is_counted_and_not_repeated() -> None:
    told = summarise([entry("denied", details={"violations": ["anna", "scope"]}), verdict("anna")])
    document = figures_document(told.total)
    assert document["denials_by_requirement"]["other"] == 1
    assert document["denials_by_requirement"]["scope"] == 1
    assert document["verdicts"]["other"] == 1
    assert "scope" in REQUIREMENTS


def test_where_no_candidate_was_false_a_bound_is_given() -> None:
    rate = summarise([verdict("same", final=True)] * 30).total.false_candidates
    assert rate is not None
    assert (rate.errors, rate.trials, rate.low) == (0, 30, 0.0)
    assert rate.high == pytest.approx(1 - 0.05 ** (1 / 30))
