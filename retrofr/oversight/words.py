"""Words that no output of retrofr uses of a person, with the reasons; a test reads every kind of output for them.

A search gives places to look at. Whether two faces are of one person is concluded by examiners, on a scale with two
sides; what they conclude is told as theirs. A word that settles it before, or instead of, them has no place in tables,
records, pages, names of files, messages, help or manual. Words of the user (names of probes, files and cameras, notes,
reasons) are the user's own: :func:`forbidden_words` is told of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A pattern that is not to be found, and why."""

    pattern: re.Pattern[str]
    reason: str


@dataclass(frozen=True)
class Allowed:
    """A pattern in which forbidden words are no claim about a person, and why."""

    pattern: re.Pattern[str]
    reason: str


@dataclass(frozen=True)
class FoundWord:
    """A forbidden word: where, with the text around it, and why it is one."""

    word: str
    context: str
    reason: str


def _rule(pattern: str, reason: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), reason)


def _allowed(pattern: str, reason: str) -> Allowed:
    return Allowed(re.compile(pattern, re.IGNORECASE), reason)


FORBIDDEN: tuple[Rule, ...] = (
    _rule(r"\bmis?match\w*|\bmatch\w*", "says that two faces are of one person, which a score does not"),
    _rule(
        r"\bidentif(?:y|ies|ied|ying|ication|ications|iable)\b",
        "says who somebody is, which nobody here knows",
    ),
    _rule(r"\bconfiden(?:ce|t|tly)\b", "turns a score into a degree of belief"),
    _rule(r"\bsimilarit\w*", "turns a score into a measure of faces; it is a comparison score"),
    _rule(
        r"\d[\d.]*\s*(?:%|per ?cent)\s*(?:similar|alike|sure|certain|match)",
        "turns a score into a percentage",
    ),
    _rule(r"\b(?:certain(?:ty|ly)?|definite(?:ly)?|undoubted(?:ly)?)\b", "no comparison of faces is certain"),
    _rule(r"\bpositives?\b|\bnegatives?\b", "settles what an examiner is to conclude"),
    _rule(r"\bsuspects?\b", "says that somebody is under suspicion; the face looked for is a probe"),
    _rule(
        r"\b(?:culprit|offender|perpetrator|criminal|felon|thief|guilty)s?\b",
        "says that somebody did something",
    ),
    _rule(r"\b(?:is|are|was|were) the (?:same|wanted) (?:person|man|woman)\b", "says who somebody is"),
    _rule(r"\b(?:face|person) (?:was |is )?(?:recogni[sz]ed|verified|confirmed)\b", "says who somebody is"),
)
"""Forbidden before two examiners agree; afterwards too, since what is told then is what examiners concluded."""

ALLOWED: tuple[Allowed, ...] = (
    _allowed(
        r"\bfalse[- ](?:non-)?match(?:es)?(?: rates?)?\b",
        "the term of ISO/IEC 19795-1 for an error, FMR and FNMR",
    ),
    _allowed(r"\btrue match rates?\b", "the term of ISO/IEC 19795-1, TMR = 1 - FNMR"),
    _allowed(r"\bcumulative match characteristic\b", "the name of a curve of ISO/IEC 19795-1, CMC"),
    _allowed(
        r"\b(?:false (?:positive|negative)|true[- ]positive|open-set|closed-set) (?:identification )?rates?\b"
        r"|\b(?:false|true)[- ](?:positive|negative) identification[- ]rates?\b",
        "terms of ISO/IEC 19795-1 for errors of searches: FPIR, FNIR, TPIR",
    ),
    _allowed(
        r"\bnobody (?:was|is) identified\b|\bis not\W+an identification\b|\bcalls anybody a match\b"
        r"|\bno output says that faces match, that somebody is identified\b",
        "say the contrary",
    ),
    _allowed(r"\bCriminal Evidence Act\b|\bcriminal (?:offence|proceedings)\b", "of the law, and of nobody"),
    _allowed(r'"identification"|`identification`', "a key of retrofr.evaluation/1: error rates of searches"),
    _allowed(r"\bconfidence (?:interval|limit|level|bound)s?\b", "a term of statistics, of an error rate"),
    _allowed(r"\bsuspect(?:\.jpg|=|/)", "a file of the user, in an example of a command"),
    _allowed(
        r'"suspect"|`suspect`|\*suspect\*|\bsuspect_\w+|\w+_suspect\b|\b(?:is|are|as) suspect\b'
        r"|\bsuspect frames?\b|\bsearched, suspect, missing\b",
        "of pictures in which a decoder reported damage, a kind of coverage since the first version",
    ),
)
"""Where these fit, the words within them are let through."""

_AROUND = 40


def forbidden_words(text: str, own_words: Iterable[str] = ()) -> tuple[FoundWord, ...]:
    """The forbidden words of a text, in their order; none where it says nothing that it must not.

    Args:
        text: of an output.
        own_words: names and texts that the user gave, and that the output repeats.
    """
    for word in sorted(own_words, key=len, reverse=True):
        text = text.replace(word, " " * len(word))
    masked = text
    for allowed in ALLOWED:
        masked = allowed.pattern.sub(lambda found: " " * len(found.group()), masked)
    found = [(match.start(), match, rule) for rule in FORBIDDEN for match in rule.pattern.finditer(masked)]
    return tuple(
        FoundWord(
            match.group(),
            " ".join(text[max(0, start - _AROUND) : match.end() + _AROUND].split()),
            rule.reason,
        )
        for start, match, rule in sorted(found, key=lambda item: item[0])
    )
