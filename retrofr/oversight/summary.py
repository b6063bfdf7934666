"""The figures of an oversight report, month by month, from a log alone; numbers only, nobody's name.

Reports like this are asked for by Art. 26(10) of the EU AI Act and principle 10 of the UK Surveillance Camera Code.
Of the details of an entry these are read: of a search ``compared``, ``candidates``, ``hits``, ``threshold_override``;
of a verdict ``side`` (same, different, inconclusive), ``final``, ``sides`` (of verdicts that were sealed until then)
and ``search`` and ``row`` of its candidate, of which the latest joint conclusion counts; of a denial ``violations``;
of an export ``unredacted``; of what erases ``erased`` (counts by kind). Any other text is left out, whatever it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrofr.oversight.log import OPERATIONS, Entry

if TYPE_CHECKING:
    from retrofr.rates.intervals import Share

SUMMARY_SCHEMA = "retrofr.oversight/1"
SIDES = ("same", "different", "inconclusive")
"""What an examiner can conclude of a candidate: the same person as the probe, another one, or neither."""
REQUIREMENTS = (
    "authority",
    "operator",
    "reason",
    "probe_record",
    "reviewers",
    "min_eye_distance",
    "maximum_fmr",
    "retention_days",
    "embedders",
    "detectors",
    "max_probes",
    "probe_expiry_days",
    "forget_others",
    "scope",
    "retention",
    "hold",
    "outside_log",
)
"""Names of requirements by which denials are told apart; all others are counted together."""
ERASED = ("templates", "pictures", "probes", "cases")
LEVEL = 0.95
_OTHER = "other"


@dataclass
class Figures:
    """Counts of what a log tells of a period.

    ``compared`` are tracklets, summed over searches; ``overrides`` are searches with a threshold of their own and
    changes of a threshold; ``verdicts`` are those of single examiners, ``concluded`` is what several of them made of
    each candidate.
    """

    actions: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    failed_searches: int = 0
    without_authority: int = 0
    overrides: int = 0
    compared: int = 0
    candidates: int = 0
    hits: int = 0
    denials: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    concluded: dict[tuple[object, ...], str] = field(default_factory=dict)
    exports: int = 0
    unredacted_exports: int = 0
    erasures: int = 0
    erased: Counter[str] = field(default_factory=Counter)
    operators: set[str] = field(default_factory=set)
    operators_not_stated: int = 0
    cases: set[str] = field(default_factory=set)

    @property
    def conclusions(self) -> Counter[str]:
        """Joint conclusions by their side, the latest of each candidate."""
        return Counter(self.concluded.values())

    @property
    def false_candidates(self) -> Share | None:
        """How many of the candidates that were concluded on were another person; None before any was."""
        from retrofr.rates.intervals import clopper_pearson

        decided = self.conclusions["same"] + self.conclusions["different"]
        return clopper_pearson(self.conclusions["different"], decided, LEVEL) if decided else None

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        action, details = str(entry["action"]), entry["details"]
        if entry["outcome"] == "begun" or action not in OPERATIONS:
            return
        self.actions[action] += 1
        operator = entry["operator"]
        self.operators.add(str(operator.get("name")))
        self.operators_not_stated += operator.get("stated") is not True
        if entry["case"] is not None:
            self.cases.add(str(entry["case"]))
        match action:
            case "search":
                self._add_search(entry, details)
            case "threshold":
                self.overrides += 1
            case "denied":
                self.denials += 1
                self.violations.update(_known(details.get("violations"), REQUIREMENTS))
            case "verdict" if entry["outcome"] == "done":
                self._add_verdict(entry, details)
            case "export":
                self.exports += 1
                self.unredacted_exports += details.get("unredacted") is True
        self._add_erased(action, details.get("erased"))

    def _add_search(self, entry: Entry, details: Mapping[str, Any]) -> None:
        if entry["outcome"] == "failed":
            self.failed_searches += 1
            return
        self.searches += 1
        self.without_authority += entry["authority"] is None
        self.overrides += details.get("threshold_override") is True
        self.compared += _count(details.get("compared"))
        self.candidates += _count(details.get("candidates"))
        self.hits += _count(details.get("hits"))

    def _add_verdict(self, entry: Entry, details: Mapping[str, Any]) -> None:
        self.verdicts.update(_known(details.get("sides"), SIDES))
        if "side" not in details:
            return  # it is sealed; the entry that unseals it tells of its side
        (side,) = _known([details["side"]], SIDES)
        if details.get("final") is not True:
            self.verdicts[side] += 1
            return
        place = (details.get("search"), details.get("row"))
        known = all(type(number) is int for number in place)
        self.concluded[(entry["case"], *place) if known else (len(self.concluded),)] = side

    def _add_erased(self, action: str, erased: Any) -> None:
        self.erasures += OPERATIONS[action] == "erase" or bool(erased)
        if isinstance(erased, Mapping):
            for kind, number in erased.items():
                self.erased[kind if kind in ERASED else _OTHER] += _count(number)


@dataclass(frozen=True)
class Summary:
    """Figures of the whole log and of each month in which something was written, as ``YYYY-MM`` in UTC."""

    entries: int
    first: str | None
    last: str | None
    total: Figures
    months: Mapping[str, Figures]


def summarise(entries: Sequence[Entry]) -> Summary:
    """The figures of a log."""
    total = Figures()
    months: dict[str, Figures] = {}
    for entry in entries:
        total.add(entry)
        months.setdefault(str(entry["at"])[:7], Figures()).add(entry)
    moments = sorted(str(entry["at"]) for entry in entries)
    return Summary(
        len(entries),
        moments[0] if moments else None,
        moments[-1] if moments else None,
        total,
        dict(sorted(months.items())),
    )


def figures_document(figures: Figures) -> dict[str, Any]:
    """Figures as plain JSON values, with every key in every document."""
    rate = figures.false_candidates
    return {
        "searches": figures.searches,
        "failed_searches": figures.failed_searches,
        "searches_without_authority": figures.without_authority,
        "threshold_overrides": figures.overrides,
        "tracklets_compared": figures.compared,
        "candidates": figures.candidates,
        "hits": figures.hits,
        "denials": figures.denials,
        "denials_by_requirement": _counts(figures.violations, (*REQUIREMENTS, _OTHER)),
        "verdicts": _counts(figures.verdicts, (*SIDES, _OTHER)),
        "conclusions": _counts(figures.conclusions, (*SIDES, _OTHER)),
        "false_candidates": None
        if rate is None
        else {
            "count": rate.errors,
            "total": rate.trials,
            "share": rate.value,
            "low": rate.low,
            "high": rate.high,
            "level": LEVEL,
        },
        "exports": figures.exports,
        "unredacted_exports": figures.unredacted_exports,
        "erasures": figures.erasures,
        "erased": _counts(figures.erased, (*ERASED, _OTHER)),
        "actions": _counts(figures.actions, tuple(OPERATIONS)),
        "operators": len(figures.operators),
        "acts_without_stated_operator": figures.operators_not_stated,
        "cases": len(figures.cases),
    }


def summary_document(summary: Summary) -> dict[str, Any]:
    """A summary as plain JSON values."""
    return {
        "schema": SUMMARY_SCHEMA,
        "entries": summary.entries,
        "first": summary.first,
        "last": summary.last,
        "total": figures_document(summary.total),
        "months": [
            {"month": month, **figures_document(figures)} for month, figures in summary.months.items()
        ],
    }


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _known(values: Any, known: Iterable[str]) -> list[str]:
    """Words of a list that are known ones; any other may be somebody's name, and becomes "other"."""
    if not isinstance(values, list):
        return []
    known = set(known)
    return [value if isinstance(value, str) and value in known else _OTHER for value in values]


def _counts(counter: Counter[str], names: Sequence[str]) -> dict[str, int]:
    return {name: counter[name] for name in names}
