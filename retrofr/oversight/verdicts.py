"""What examiners conclude of a candidate, as signed records; how they add up: :mod:`retrofr.oversight.verdict_rules`.

The scale has two sides and "inconclusive" in its middle, as the FISWG and ENFSI ask for; its three degrees are named by
words of the ENFSI Guideline for Evaluative Reporting (2015), as in :mod:`retrofr.calibration.bands`. An examiner's
degree is a judgement: no number stands behind it. Features have the headings of ASTM E3149 and of the FISWG's list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from retrofr.calibration.bands import DIFFERENT, SAME
from retrofr.errors import IntegrityError, UsageError
from retrofr.oversight.log import canonical
from retrofr.oversight.operators import OperatorKey, Signature, verify

SCHEMA = "retrofr.verdict/1"
LONGEST_NOTES = 20_000

Side = Literal["same", "different", "inconclusive"]
Shown = Literal["search", "export", "rank", "probe", "conclusions"]
"""What an examiner had been shown before: the score, by a search or export; the rank; the probe's face, before what
they noted of the candidate alone; what others concluded."""

DEGREES = ("weak", "moderate", "strong")
FEATURES = (
    *("skin", "face outline", "composition", "hairline", "forehead", "eyebrows", "eyes", "cheeks", "nose", "ears"),
    *("mouth", "chin and jawline", "neck", "facial hair", "facial lines", "scars", "marks", "alterations", "other"),
)  # fmt: skip
"""Headings of feature notes, from the whole to the detail."""

UNSIGNED = Signature("", "", "")
_MEASURE = re.compile(r"\d\s*(?:%|°|mm\b|cm\b|px\b|pixels?\b|degrees?\b|per ?cent\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Conclusion:
    """A step of the scale. ``degree`` is 1 (weak) to 3 (strong), 0 for inconclusive."""

    side: Side
    degree: int

    def __post_init__(self) -> None:
        if not (self.degree == 0 if self.side == "inconclusive" else 1 <= self.degree <= len(DEGREES)):
            raise ValueError(f"conclusion: {self.side} has no degree {self.degree}")

    @property
    def word(self) -> str:
        """As it is given: ``moderate-same``, ``inconclusive``."""
        return self.side if not self.degree else f"{DEGREES[self.degree - 1]}-{self.side}"

    def describe(self) -> str:
        """``moderate support for one person rather than two``, or ``inconclusive``."""
        if not self.degree:
            return self.side
        return f"{DEGREES[self.degree - 1]} support {SAME if self.side == 'same' else DIFFERENT}"


INCONCLUSIVE = Conclusion("inconclusive", 0)
SCALE = (
    *(Conclusion("different", degree) for degree in (3, 2, 1)),
    INCONCLUSIVE,
    *(Conclusion("same", degree) for degree in (1, 2, 3)),
)
"""All steps, from one end to the other."""


@dataclass(frozen=True)
class Alone:
    """What was noted of a candidate before its probe was shown.

    Args:
        notes, features: as of a verdict.
        salt: random, so that nobody finds out short notes by trying what has their digest.
    """

    notes: str
    features: Mapping[str, str]
    salt: str

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"notes": self.notes, "features": dict(self.features), "salt": self.salt}

    def digest(self) -> str:
        """SHA-256, which the audit log has before the probe is shown."""
        return hashlib.sha256(canonical(self.document())).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What one examiner concluded of one candidate, and why; it is never changed once it is signed.

    Args:
        case_id, search, probe, tracklet: which candidate of which search.
        conclusion: on the scale.
        notes: free text.
        features: notes by heading, of ``FEATURES``.
        at: the moment, as :func:`retrofr.oversight.log.moment` gives it.
        account: user and machine it was given on.
        shown_before: what retrofr had shown this examiner before, as far as the log of the case tells.
        supersedes: id of the examiner's own verdict that this one replaces, with its ``reason``; None for the first.
        alone: what of the notes was made before the probe was shown; None where nobody can tell.
        signature: of the examiner.
        id: in the case; 0 before it is there.
        sealed: other examiners are not shown it yet.
    """

    case_id: str
    search: int
    probe: str
    tracklet: int
    conclusion: Conclusion
    notes: str
    features: Mapping[str, str]
    at: str
    account: str
    shown_before: tuple[Shown, ...]
    supersedes: int | None
    reason: str | None
    alone: Alone | None = None
    signature: Signature = UNSIGNED
    id: int = 0
    sealed: bool = field(default=True, compare=False)

    @property
    def examiner(self) -> str:
        """The operator's name."""
        return self.signature.operator

    def message(self) -> bytes:
        """The bytes that are signed: the canonical JSON of all fields but key and signature."""
        return canonical(
            {
                "schema": SCHEMA,
                "case": self.case_id,
                "search": self.search,
                "probe": self.probe,
                "tracklet": self.tracklet,
                "conclusion": self.conclusion.word,
                "notes": self.notes,
                "features": dict(self.features),
                "at": self.at,
                "account": self.account,
                "shown_before": list(self.shown_before),
                "supersedes": self.supersedes,
                "reason": self.reason,
                "noted_alone": None if self.alone is None else self.alone.document(),
                "examiner": self.examiner,
            }
        )

    def signed(self, key: OperatorKey) -> Verdict:
        """The same, signed by its examiner."""
        unsigned = replace(self, signature=Signature(key.operator.name, "", ""))
        return replace(unsigned, signature=key.sign(unsigned.message()))

    def document(self) -> dict[str, Any]:
        """Plain JSON values: the signed fields, with key and signature."""
        fields: dict[str, Any] = json.loads(self.message())
        signature = self.signature
        return fields | {"public_key": signature.public_key_hex, "signature": signature.signature_hex}

    def encoded(self) -> bytes:
        """Canonical JSON, as a case keeps it."""
        return canonical(self.document())


def parse_verdict(data: bytes, verdict_id: int, *, sealed: bool) -> Verdict:
    """The verdict that :meth:`Verdict.encoded` made these bytes of.

    Raises:
        IntegrityError: they are something else, or are not as they were signed.
    """
    try:
        fields = json.loads(data)
        verdict = Verdict(
            case_id=fields["case"],
            search=fields["search"],
            probe=fields["probe"],
            tracklet=fields["tracklet"],
            conclusion=parse_conclusion(fields["conclusion"]),
            notes=fields["notes"],
            features=fields["features"],
            at=fields["at"],
            account=fields["account"],
            shown_before=tuple(fields["shown_before"]),
            supersedes=fields["supersedes"],
            reason=fields["reason"],
            alone=None if (alone := fields["noted_alone"]) is None else Alone(**alone),
            signature=Signature(fields["examiner"], fields["public_key"], fields["signature"]),
            id=verdict_id,
            sealed=sealed,
        )
        sound = verdict.encoded() == data and verify(verdict.message(), verdict.signature)
    except (ValueError, KeyError, TypeError, RecursionError, UsageError) as error:
        raise IntegrityError(f"verdict {verdict_id} is not as it was written ({error})") from error
    if not sound:
        raise IntegrityError(f"verdict {verdict_id} is not as its examiner signed it")
    return verdict


def parse_conclusion(text: str) -> Conclusion:
    """The step of the scale that a word, or its beginning, names: ``moderate-same``, ``inc``.

    Raises:
        UsageError: it names none, or several.
    """
    plain = re.sub(r"[\s_]+", "-", text.strip().casefold())
    found = [step for step in SCALE if step.word.startswith(plain)] if plain else []
    if len(found) != 1:
        raise UsageError(
            f"expected one step of the scale, got {text!r}",
            subject="conclusion",
            hint=f"there are: {', '.join(step.word for step in SCALE)}",
        )
    return found[0]


def check_notes(notes: str, features: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Notes without the blanks around them.

    Raises:
        UsageError: there are none, they are too long, a heading is unknown, or they measure a face: the standard
            practice advises against conclusions from measures taken in pictures.
    """
    told = {name.strip().casefold(): text.strip() for name, text in features.items() if text.strip()}
    for name in told:
        if name not in FEATURES:
            raise UsageError(
                f"no such heading of features: {name!r}", hint=f"there are: {', '.join(FEATURES)}"
            )
    notes = notes.strip()
    if not notes and not told:
        raise UsageError(
            "a verdict needs notes of what was seen",
            hint="give --notes TEXT, --notes-file FILE, or --feature HEADING=TEXT",
        )
    whole = "\n".join((notes, *told.values()))
    if len(whole) > LONGEST_NOTES:
        raise UsageError(f"expected at most {LONGEST_NOTES:,} characters", subject="notes")
    if found := _MEASURE.search(whole):
        raise UsageError(
            f"no measures of a face: {found.group()!r}",
            subject="notes",
            hint="describe how features compare; measures taken in pictures are no ground for a conclusion",
        )
    return notes, {name: told[name] for name in FEATURES if name in told}
