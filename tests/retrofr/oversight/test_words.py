"""Words that no output uses of a person: each rule finds what it is for, each exception lets through what it must."""

from __future__ import annotations

import pytest

from retrofr.oversight.words import ALLOWED, FORBIDDEN, forbidden_words

CLAIMS = {
    "2 matches found in cam1.mp4": "matches",
    "Match: 0.91": "Match",
    "the faces do not mismatch": "mismatch",
    "identified as ann": "identified",
    "a positive identification": "positive",
    "Identification of the person in hit 1": "Identification",
    "confidence 0.91": "confidence",
    "similarity of 0.91": "similarity",
    "91 % alike": "91 % alike",
    "97% sure": "97% sure",
    "certainly the man of the probe": "certainly",
    "the suspect is seen at 22:58": "suspect",
    "the perpetrators leave": "perpetrators",
    "this is the same person": "is the same person",
    "the person was recognised in cam1.mp4": "person was recognised",
}

HARMLESS = (
    "FMR 1.5e-5: one false match in 201,792 comparisons of different people",
    "a false match rate of 1e-4, a false non-match rate of 0.1",
    "the true match rate at FMR 1e-3",
    "Cumulative match characteristic",
    "false positive identification rate (FPIR)",
    "A person is a cluster of faces that look alike. Nobody was identified.",
    '{"identification": [], "suspect_seconds": 0.5, "best_suspect": false, "kind": "suspect"}',
    "95 % confidence interval",
    "retrofr search footage/ --probe suspect.jpg --probe suspect=photos/",
    "0:00:00.5 of it is suspect: damage was reported in 13 frames",
    "It is not an identification.",
    "two agreeing verdicts: weak support for one person rather than two",
    "inconclusive: examiners differ",
    "the false-match rate at the threshold; the Police and Criminal Evidence Act 1984",
    "candidate 318, not examined",
    "unidentifiable bytes, a matchbox, suspected",
)


@pytest.mark.parametrize(("text", "word"), CLAIMS.items())
def test_a_claim_is_found(text: str, word: str) -> None:
    found = forbidden_words(text)
    assert word in [each.word for each in found]
    assert all(each.reason and each.word in each.context for each in found)


@pytest.mark.parametrize("text", HARMLESS[:-1])
def test_terms_and_damage_are_let_through(text: str) -> None:
    assert forbidden_words(text) == ()


def test_the_rules_go_by_whole_words() -> None:
    assert [each.word for each in forbidden_words(HARMLESS[-1])] == ["matchbox"]


def test_an_exception_lets_nothing_else_through() -> None:
    assert [each.word for each in forbidden_words("a false match, then a match")] == ["match"]
    assert [each.word for each in forbidden_words("suspect.jpg shows the suspect")] == ["suspect"]


def test_words_of_the_user_are_the_users() -> None:
    text = "probe suspect, camera matchday: 1 hit"
    assert len(forbidden_words(text)) == 2
    assert forbidden_words(text, ("suspect", "matchday")) == ()


def test_every_rule_and_exception_is_tried_here() -> None:
    for rule in FORBIDDEN:
        assert any(rule.pattern.search(text) for text in CLAIMS), rule.pattern.pattern
        assert rule.reason
    for allowed in ALLOWED:
        assert any(allowed.pattern.search(text) for text in HARMLESS), allowed.pattern.pattern
        assert allowed.reason
