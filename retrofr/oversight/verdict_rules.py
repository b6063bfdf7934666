"""How verdicts add up: who may give one, which of them count, and what they come to together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrofr.errors import RefusedError, UsageError
from retrofr.oversight.verdicts import DEGREES, INCONCLUSIVE, Conclusion, Side, Verdict
from retrofr.results import NOT_EXAMINED

REVIEWERS = 2
"""How many examiners conclude on a candidate, where no policy asks for another number."""
MOST_REVIEWERS = 5

EXAMINERS_DIFFER = "inconclusive: examiners differ"

_CEILINGS = ((10.0, 1), (1_000.0, 2), (math.inf, 3))
"""Upper edge of a likelihood ratio, and the strongest degree in words that it bears: the bands of the guideline."""
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def same_examiner(one: str, other: str) -> bool:
    """Whether two names are one, whatever their case and blanks."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def current(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The latest verdict of each examiner, in the order in which examiners came."""
    found: dict[str, Verdict] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.id):
        found[" ".join(verdict.examiner.split()).casefold()] = verdict
    return tuple(found.values())


def independent(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Those that were given by somebody who had not been shown what others concluded; of each examiner the latest."""
    return current(verdict for verdict in verdicts if "conclusions" not in verdict.shown_before)


def own_verdict(verdicts: Iterable[Verdict], examiner: str) -> Verdict | None:
    """The latest verdict of an examiner; None where there is none."""
    return next((v for v in current(verdicts) if same_examiner(v.examiner, examiner)), None)


def check_independent(verdicts: Sequence[Verdict], examiner: str, key_hex: str, reason: str | None) -> None:
    """Refuse a verdict that would be a second one of the same examiner.

    Raises:
        RefusedError: another examiner's verdict was signed with this key; or the examiner has given one already,
            and there is no reason to replace it.
        UsageError: a reason, and nothing to replace.
    """
    for verdict in verdicts:
        if verdict.signature.public_key_hex == key_hex and not same_examiner(verdict.examiner, examiner):
            raise RefusedError(
                "this key has signed a verdict on this candidate under another name",
                subject=examiner,
                hint="a second verdict must come from another examiner, with a key of their own",
            )
    own = own_verdict(verdicts, examiner)
    if own is not None and not (reason or "").strip():
        raise RefusedError(
            "has given a verdict on this candidate already; a second one must come from another examiner",
            subject=examiner,
            hint="to replace your own, say why with --reason TEXT: both are kept",
        )
    if own is None and reason is not None:
        raise UsageError(
            "says why a verdict replaces your own, and you have given none on this candidate",
            subject="--reason",
            hint="what you saw goes into --notes",
        )


@dataclass(frozen=True)
class Joint:
    """What the verdicts on a candidate come to.

    Args:
        count: how many examiners gave one, independently of the others.
        conclusion: of all of them together; None while there are fewer than are asked for.
        differ: they did not conclude the same.
        bounded: the degree was lowered to what the likelihood ratio of the score bears.
    """

    count: int
    conclusion: Conclusion | None
    differ: bool = False
    bounded: bool = False

    @property
    def final(self) -> bool:
        """Whether as many examiners as are asked for gave their verdict."""
        return self.conclusion is not None

    def describe(self) -> str:
        """What an output says of a candidate; never more than what examiners concluded."""
        if not self.count:
            return NOT_EXAMINED
        number = _NUMBERS.get(self.count, str(self.count))
        noun = "verdict" if self.count == 1 else "verdicts"
        if self.conclusion is None:
            return f"{number} {noun}, not final"
        if self.differ:
            return EXAMINERS_DIFFER
        agreeing = "" if self.count == 1 else "agreeing "
        return f"{number} {agreeing}{noun}: {self.conclusion.describe()}"


def joint(verdicts: Iterable[Verdict], reviewers: int = REVIEWERS, llr: float | None = None) -> Joint:
    """The joint conclusion: that side on which all are, in the weaker degree; else inconclusive.

    A verdict that was given after others were unsealed takes none away: it can lower the joint conclusion, and neither
    raise it nor end a disagreement, for it is independent of nobody.

    Args:
        verdicts: on one candidate, superseded ones included.
        reviewers: how many examiners are asked for, 1 to ``MOST_REVIEWERS``.
        llr: log10 of the bounded likelihood ratio of the score; the wording says no more than it bears. None where
            there is none, and then nothing bounds it.
    """
    if not 1 <= reviewers <= MOST_REVIEWERS:
        raise ValueError(f"reviewers: expected 1 to {MOST_REVIEWERS}, got {reviewers}")
    verdicts = tuple(verdicts)
    blind = independent(verdicts)
    count = len(blind)
    if count < reviewers:
        return Joint(count, None)
    given = [verdict.conclusion for verdict in (*blind, *current(verdicts))]
    if len({conclusion.side for conclusion in given}) > 1:
        return Joint(count, INCONCLUSIVE, differ=True)
    weakest = min(given, key=lambda conclusion: conclusion.degree)
    ceiling = _ceiling(weakest.side, llr)
    if weakest.degree <= ceiling:
        return Joint(count, weakest)
    return Joint(count, Conclusion(weakest.side, ceiling), bounded=True)


def _ceiling(side: Side, llr: float | None) -> int:
    """The strongest degree that a likelihood ratio bears for a side; the weakest where it speaks for the other."""
    if llr is None:
        return len(DEGREES)
    towards = llr if side == "same" else -llr
    return next(degree for edge, degree in _CEILINGS if edge == math.inf or towards <= math.log10(edge))
