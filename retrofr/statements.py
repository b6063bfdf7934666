"""What a search says of its own errors: how much was compared, at which error rate, and what to expect of chance."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrofr.records import Evidence

if TYPE_CHECKING:
    from retrofr.calibration.operating import DataFacts, FmrPoint, Likelihood
    from retrofr.calibration.statement import ExpectedFalse

STATEMENT_SCHEMA = "retrofr.statement/1"
LLR_DIGITS = 3

NOTE_PHOTOS = (
    "error rates and likelihood ratios were measured with one photo against one photo; the score of a tracklet, the "
    "mean of the better half of its faces' scores, is read as if it were that of one photo"
)
NOTE_PICTURES = (
    "probes have up to {pictures} pictures, and a face counts with the one it is most like: chance has more to choose "
    "from than one picture gives it, at most {pictures} times the expected number"
)
NOTE_AVERAGED = (
    "probes have up to {pictures} pictures, whose {what} averaged; the error rates are those of one picture"
)
NOTE_TRACKLETS = (
    "each tracklet is counted as a face of somebody who is not looked for; several tracklets of one person leave the "
    "expected number as it is, and make none or many of them more likely than counted here"
)


@dataclass(frozen=True)
class SearchStatement:
    """The figures by which a reader judges the hits of a search.

    Args:
        compared: tracklets that each probe was compared with, ``compared_faces`` their faces.
        probes: how many were searched, ``pictures`` the most pictures that one of them has.
        threshold: the lowest score of a hit, ``source`` who says so.
        overridden: a score was given, in place of an error rate.
        asked_fmr: the error rate that was asked for; None where none was.
        point: the error rates measured at the threshold; None where none are known, and ``reason`` says why.
        data: what they were measured on, ``origin`` where they come from.
        likelihood: the calibration of likelihood ratios; None where there is none.
        each_probe, whole_search: false candidates to expect; None without ``point``.
        notes: what a reader must know to read these figures rightly, a sentence each.
    """

    compared: int
    compared_faces: int
    probes: int
    pictures: int
    threshold: float
    source: str
    overridden: bool = False
    asked_fmr: float | None = None
    point: FmrPoint | None = None
    data: DataFacts | None = None
    origin: str = ""
    reason: str | None = None
    likelihood: Likelihood | None = None
    each_probe: ExpectedFalse | None = None
    whole_search: ExpectedFalse | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.point is None) != (self.reason is not None):
            raise ValueError("an error rate, or the reason why there is none")


def statement_document(statement: SearchStatement) -> dict[str, Any]:
    """The statement as plain values, for JSON and for what a case remembers."""
    return {
        "schema": STATEMENT_SCHEMA,
        "compared": {
            "tracklets": statement.compared,
            "faces": statement.compared_faces,
            "probes": statement.probes,
        },
        "threshold": {
            "score": statement.threshold,
            "source": statement.source,
            "overridden": statement.overridden,
            "asked_fmr": statement.asked_fmr,
        },
        "operating_point": None if statement.point is None else point_document(statement.point),
        "operating_points": None
        if statement.data is None
        else data_document(statement.data, statement.origin),
        "reason": statement.reason,
        "expected_false": {
            "each_probe": _expected(statement.each_probe),
            "whole_search": _expected(statement.whole_search),
        },
        "likelihood": None if statement.likelihood is None else likelihood_document(statement.likelihood),
        "notes": list(statement.notes),
    }


def point_document(point: FmrPoint) -> dict[str, Any]:
    """An operating point as plain values."""
    return dataclasses.asdict(point)


def data_document(data: DataFacts, origin: str) -> dict[str, Any]:
    """What operating points were measured on, and where they come from, as plain values."""
    return {"origin": origin, **dataclasses.asdict(data)}


def likelihood_document(likelihood: Likelihood) -> dict[str, Any]:
    """What is known of a calibration of likelihood ratios, without its parameters."""
    names = ("kind", "llr_low", "llr_high", "cllr", "cllr_min", "mated", "non_mated")
    return {name: getattr(likelihood, name) for name in names}


def evidence_document(evidence: Evidence | None) -> dict[str, object]:
    """Evidence under the names of a record's columns; absent where nothing was asked."""
    known = evidence is not None and evidence.llr is not None
    return {
        "llr": round(evidence.llr, LLR_DIGITS) if evidence is not None and evidence.llr is not None else None,
        "llr_band": evidence.band if evidence is not None and known else None,
        "llr_at_bound": evidence.at_bound if evidence is not None and known else None,
        "llr_reason": None if evidence is None else evidence.reason,
    }


def _expected(expected: ExpectedFalse | None) -> dict[str, Any] | None:
    return None if expected is None else dataclasses.asdict(expected)
