"""Verdicts: the scale, what is signed, who may give one, and what several of them come to."""

from __future__ import annotations

import json
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from retrofr.errors import IntegrityError, RefusedError, UsageError
from retrofr.oversight.operators import Operator, OperatorKey, Signature, operator_key
from retrofr.oversight.verdict_rules import Joint, check_independent, current, joint, own_verdict
from retrofr.oversight.verdicts import (
    FEATURES,
    INCONCLUSIVE,
    SCALE,
    Alone,
    Conclusion,
    Verdict,
    check_notes,
    parse_conclusion,
    parse_verdict,
)

STEPS = st.sampled_from(SCALE)


def verdict(examiner: str = "A. Smith", word: str = "weak-same", number: int = 1, key: str = "") -> Verdict:
    """Unsigned; its key is made of the name where none is given."""
    return Verdict(
        case_id="c1",
        search=3,
        probe="anna",
        tracklet=318,
        conclusion=parse_conclusion(word),
        notes="ears alike",
        features={"scars": "none seen"},
        at="2030-01-02T03:04:05.000000+00:00",
        account="asmith@desk",
        shown_before=(),
        supersedes=None,
        reason=None,
        alone=Alone("", {"scars": "none seen"}, "00"),
        signature=Signature(examiner, key or examiner.encode().hex(), ""),
        id=number,
    )


def given_as(*steps: Conclusion) -> list[Verdict]:
    """A verdict each of examiners 1, 2, ..."""
    return [replace(verdict(f"examiner {n}", number=n), conclusion=step) for n, step in enumerate(steps, 1)]


# ---- the scale -----------------------------------------------------------------------------------------------


def test_requirement_26_the_scale_has_two_sides_and_a_middle() -> None:
    assert [step.word for step in SCALE] == [
        *("strong-different", "moderate-different", "weak-different"),
        "inconclusive",
        *("weak-same", "moderate-same", "strong-same"),
    ]
    assert [step.describe() for step in SCALE[2:5]] == [
        "weak support for two people rather than one",
        "inconclusive",
        "weak support for one person rather than two",
    ]


@given(STEPS)
def test_a_step_is_read_back_from_its_word(step: Conclusion) -> None:
    assert parse_conclusion(step.word) == step
    assert parse_conclusion(f" {step.word.upper().replace('-', ' ')} ") == step


@pytest.mark.parametrize(("text", "word"), [("inc", "inconclusive"), ("strong_s", "strong-same")])
def test_a_beginning_is_enough(text: str, word: str) -> None:
    assert parse_conclusion(text).word == word


@pytest.mark.parametrize("text", ["", "weak", "match", "same"])
def test_what_names_no_single_step_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected one step of the scale") as caught:
        parse_conclusion(text)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("there are: strong-different, ")


def test_a_conclusion_without_its_degree_is_none() -> None:
    for side, degree in (("same", 0), ("different", 4), ("inconclusive", 1)):
        with pytest.raises(ValueError, match="has no degree"):
            Conclusion(side, degree)  # type: ignore[arg-type]


# ---- notes ---------------------------------------------------------------------------------------------------


def test_notes_are_ordered_by_their_headings() -> None:
    notes, features = check_notes(" free ", {"Scars ": " one ", "skin": "smooth", "ears": " "})
    assert (notes, list(features.items())) == ("free", [("skin", "smooth"), ("scars", "one")])
    assert len(FEATURES) == 19


def test_requirement_23_a_verdict_without_notes_is_refused() -> None:
    with pytest.raises(UsageError, match="needs notes of what was seen"):
        check_notes(" \n", {"ears": ""})
    with pytest.raises(UsageError, match="no such heading of features: 'gait'"):
        check_notes("", {"gait": "quick"})
    with pytest.raises(UsageError, match="at most 20,000 characters"):
        check_notes("x" * 20_001, {})


@pytest.mark.parametrize(
    "text", ["nose 32 mm long", "eyes 3.5cm apart", "80% alike", "60 px", "turned 12 degrees"]
)
def test_requirement_23_no_numeric_measures_of_a_face(text: str) -> None:
    with pytest.raises(UsageError, match="no measures of a face"):
        check_notes("", {"nose": text})


def test_other_numbers_are_no_measures() -> None:
    assert check_notes("2 moles left of the nose, seen in 14 pictures", {})[0]


# ---- what is signed ------------------------------------------------------------------------------------------


def test_a_verdict_is_read_back_as_it_was_signed(key: OperatorKey) -> None:
    signed = verdict().signed(key)
    assert parse_verdict(signed.encoded(), 1, sealed=True) == signed
    assert json.loads(signed.encoded())["conclusion"] == "weak-same"


@pytest.mark.parametrize(
    "field",
    ["conclusion", "notes", "examiner", "tracklet", "at", "case", "shown_before", "noted_alone"],
)
def test_an_edited_verdict_is_noticed(key: OperatorKey, field: str) -> None:
    fields = json.loads(verdict().signed(key).encoded())
    fields[field] = {
        "tracklet": 4,
        "shown_before": ["search"],
        "conclusion": "strong-same",
        "noted_alone": None,
    }.get(field, "x")
    data = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(IntegrityError, match="verdict 7 is not as its examiner signed it"):
        parse_verdict(data, 7, sealed=False)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_bytes_that_are_no_verdict(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="verdict 7 is not as it was written"):
        parse_verdict(data, 7, sealed=False)


# ---- who may give one ----------------------------------------------------------------------------------------


def test_requirement_24_the_same_key_twice_is_refused() -> None:
    with pytest.raises(
        RefusedError, match="this key has signed a verdict on this candidate under another name"
    ):
        check_independent([verdict(key="ab")], "B. Jones", "ab", None)
    with pytest.raises(RefusedError, match="under another name"):
        check_independent([verdict(key="ab")], "B. Jones", "ab", "a reason changes nothing")


@pytest.mark.parametrize("name", ["A. Smith", "a. smith", " A.  SMITH"])
def test_requirement_24_the_same_name_twice_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="a second one must come from another examiner") as caught:
        check_independent([verdict(key="ab")], name, "cd", None)
    assert caught.value.exit_code == 8


def test_another_examiner_or_a_reason() -> None:
    check_independent([], "A. Smith", "ab", None)
    check_independent([verdict(key="ab")], "B. Jones", "cd", None)
    check_independent([verdict(key="ab")], "A. Smith", "ab", "better picture")
    with pytest.raises(UsageError, match="you have given none on this candidate"):
        check_independent([verdict(key="ab")], "B. Jones", "cd", "better picture")


# ---- what they come to ---------------------------------------------------------------------------------------


def test_the_latest_of_each_examiner_counts() -> None:
    first, other, later = verdict(), verdict("B. Jones", number=2), verdict("a. smith", "inc", number=3)
    assert current([later, first, other]) == (later, other)
    assert own_verdict([first, other, later], "A. Smith") == later
    assert own_verdict([other], "A. Smith") is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "not examined"),
        (["strong-same"], "one verdict, not final"),
        (
            ["strong-same", "weak-same"],
            "two agreeing verdicts: weak support for one person rather than two",
        ),
        (
            ["moderate-different", "strong-different"],
            "two agreeing verdicts: moderate support for two people rather than one",
        ),
        (["inconclusive", "inconclusive"], "two agreeing verdicts: inconclusive"),
        (["weak-same", "weak-different"], "inconclusive: examiners differ"),
        (["weak-same", "inconclusive"], "inconclusive: examiners differ"),
        (["weak-same"] * 3, "three agreeing verdicts: weak support for one person rather than two"),
    ],
)
def test_requirement_24_disagreement_stands_as_inconclusive(words: list[str], told: str) -> None:
    assert joint(given_as(*map(parse_conclusion, words))).describe() == told


@given(st.lists(STEPS, min_size=1, max_size=4), st.integers(1, 3), st.none() | st.floats(-8, 8))
def test_a_joint_conclusion_says_no_more_than_any_examiner(
    steps: list[Conclusion], reviewers: int, llr: float | None
) -> None:
    found = joint(given_as(*steps), reviewers, llr)
    assert (found.final, found.count) == (len(steps) >= reviewers, len(steps))
    if found.conclusion is not None:
        assert found.conclusion.degree <= min(step.degree for step in steps)
        assert {found.conclusion.side} == {s.side for s in steps} or found.conclusion == INCONCLUSIVE
        assert found.differ == (len({step.side for step in steps}) > 1)


@pytest.mark.parametrize(
    ("side", "llr", "degree"),
    [
        *[("same", 1.0, 1), ("same", 1.001, 2), ("same", 3.0, 2), ("same", 3.01, 3), ("same", -2.0, 1)],
        *[("different", -3.5, 3), ("different", -0.5, 1), ("different", 3.5, 1), ("same", None, 3)],
    ],
)
def test_requirement_26_the_wording_stays_within_the_likelihood_ratio(
    side: str, llr: float | None, degree: int
) -> None:
    strong = parse_conclusion(f"strong-{side}")
    found = joint(given_as(strong, strong), llr=llr)
    assert found.conclusion is not None
    assert (found.conclusion.side, found.conclusion.degree) == (side, degree)
    assert found.bounded == (degree < 3)


@given(st.lists(STEPS, min_size=2, max_size=3), st.lists(STEPS, max_size=3), st.booleans())
def test_requirement_24_what_is_not_independent_raises_nothing(
    steps: list[Conclusion], later: list[Conclusion], same: bool
) -> None:
    blind = given_as(*steps)
    after = [
        replace(
            verdict("examiner 1" if same else f"later {n}", number=10 + n),
            conclusion=step,
            shown_before=("conclusions",),
        )
        for n, step in enumerate(later)
    ]
    before, found = joint(blind), joint([*blind, *after])
    assert before.conclusion is not None
    assert found.conclusion is not None
    assert found.count == len(steps)
    assert found.conclusion.degree <= before.conclusion.degree
    assert found.conclusion.side in (before.conclusion.side, "inconclusive")
    if before.differ:
        assert found == before
    assert joint([*blind[:1], *after], 2) == Joint(1, None)


def test_one_examiner_where_one_is_asked_for() -> None:
    assert joint([verdict()], 1).describe() == "one verdict: weak support for one person rather than two"
    assert joint([verdict(), verdict("B", number=2)], 3) == Joint(2, None)
    with pytest.raises(ValueError, match="expected 1 to 5, got 6"):
        joint([], 6)


def test_keys_of_two_operators_differ(key: OperatorKey) -> None:
    assert operator_key(Operator("B. Jones")).public_key_hex != key.public_key_hex
