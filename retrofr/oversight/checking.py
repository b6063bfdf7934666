"""Whether something may be done: policy, authority, probes and footage held against each other, before any decoding.

:func:`allowed` is what every use site calls, through :func:`retrofr.case.permitting.permit`. What is not known yet
is left out of the facts, and the question is asked again when it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from retrofr.errors import RefusedError
from retrofr.oversight.authority import AUTHORITY_VARIABLE, NOT_RECORDED, Authority
from retrofr.oversight.operators import OPERATOR_VARIABLE, Operator
from retrofr.oversight.policy import REQUIRABLE, Policy
from retrofr.oversight.probe_records import NOT_RECORDED as PICTURE_NOT_RECORDED
from retrofr.oversight.probe_records import ProbeRecord, record_path, refuse_expired
from retrofr.oversight.scope import Scope, narrowed
from retrofr.selection import Selection

_SHOW = "`retrofr policy show` says what is demanded, and where"


@dataclass(frozen=True)
class AskedProbe:
    """A picture that is to be looked for: of whom, where it lies, its SHA-256 and what is recorded of it.

    ``eye_distance`` in pixels of the picture is None where it was not measured yet.
    """

    name: str
    path: str
    sha256: str
    record: ProbeRecord | None = None
    eye_distance: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; ``line`` says where it came from, or that this is not recorded."""
        record = self.record
        line = PICTURE_NOT_RECORDED if record is None else record.line()
        plain = None if record is None else record.as_dict()
        return {"probe": self.name, "sha256": self.sha256, "line": line, "record": plain}


@dataclass(frozen=True)
class AskedThreshold:
    """The threshold of a search, and its measured false-match rate; None where that is not known."""

    score: float
    fmr: float | None


@dataclass(frozen=True)
class Facts:
    """What is known of what is to be done.

    Args:
        authority: under which; None is "not recorded".
        operator: who acts.
        reason: why, in the operator's words.
        probes: pictures that are looked for; None where none are known, or none belong to it.
        detector, embedder: names; None where they are not known, or not used.
        threshold: None where it is not known yet, or nothing is compared.
        case_made: the day the case was made that is worked on; None for none.
        now: the moment that counts.
    """

    authority: Authority | None = None
    operator: Operator | None = None
    reason: str | None = None
    probes: tuple[AskedProbe, ...] | None = None
    detector: str | None = None
    embedder: str | None = None
    threshold: AskedThreshold | None = None
    case_made: date | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Violation:
    """A demand that is not met.

    Args:
        field: its name.
        subject: what does not meet it, or the file that makes it; it may name people.
        sentence: what is wrong. It goes into the log outside of cases, which is not encrypted: it names nobody.
        hint: what to do next.
    """

    field: str
    subject: str
    sentence: str
    hint: str

    @property
    def place(self) -> str:
        """What does not meet which demand: ``policy.toml, max_probes`` or ``authority RF/17``."""
        return self.subject if self.subject.startswith(self.field) else f"{self.subject}, {self.field}"


@dataclass(frozen=True)
class Permission:
    """That something may be done, and on what terms.

    Args:
        line: for every output: ``authority: RF/17, valid until ...`` or ``authority: not recorded``.
        reference: of the authority; None where there is none.
        selection: what was asked of the footage, narrowed to the authority's scope.
        policy: what was demanded.
        facts: what was known.
    """

    line: str
    reference: str | None
    selection: Selection
    policy: Policy
    facts: Facts

    @property
    def scope(self) -> Scope:
        """What the authority covers; everything where there is none."""
        return Scope() if self.facts.authority is None else self.facts.authority.scope

    def as_dict(self, templates_outside: int | None = None) -> dict[str, Any]:
        """Plain values for the run record of an output.

        Args:
            templates_outside: how many templates were counted that the scope does not cover; None where no footage
                belongs to it.
        """
        authority, operator = self.facts.authority, self.facts.operator
        told: dict[str, Any] = {
            "authority": {
                "line": self.line,
                "reference": self.reference,
                "record": None if authority is None else authority.as_dict(),
            },
            "operator": None if operator is None else operator.describe(),
            "reason": self.facts.reason,
            "policy": self.policy.as_dict(),
        }
        if templates_outside is not None:
            told["templates_outside_scope"] = templates_outside
        if self.facts.probes is not None:
            told["probe_records"] = [probe.as_dict() for probe in self.facts.probes]
        return told


def check(policy: Policy, facts: Facts) -> tuple[Violation, ...]:
    """Every demand that is not met; of what the facts leave out, nothing is said."""
    found = [*_missing(policy, facts), *_of_authority(facts), *_of_probes(policy, facts)]
    found += _of_case(policy, facts)
    for kind, name in (("detectors", facts.detector), ("embedders", facts.embedder)):
        may = getattr(policy, kind)
        if may is not None and name is not None and name not in may:
            there = ", ".join(may) or "none, as the policies exclude each other's"
            sentence = f"{name} is not among those that may be used"
            found.append(_violation(policy, kind, sentence, f"those are: {there}"))
    threshold, most = facts.threshold, policy.maximum_fmr
    if most is not None and threshold is not None and (threshold.fmr is None or threshold.fmr > most):
        rate = "is not known" if threshold.fmr is None else f"is {threshold.fmr:g}"
        sentence = (
            f"the false-match rate at the threshold {threshold.score:.3f} {rate}; at most {most:g} is allowed"
        )
        found.append(_violation(policy, "maximum_fmr", sentence, f"ask for it with --fmr {most:g}"))
    return tuple(found)


def allowed(
    policy: Policy, facts: Facts, selection: Selection | None = None, details: dict[str, Any] | None = None
) -> Permission:
    """Whether something may be done; it decodes nothing and writes nothing.

    Args:
        policy: what is demanded.
        facts: what is known.
        selection: what is asked of the footage; None where no footage belongs to it.
        details: of the entry in the audit log; gets the ``violations`` before they are raised.

    Raises:
        RefusedError: a demand is not met, the authority is not valid, a picture expired, or nothing of what was
            asked for lies in the authority's scope.
    """
    found = check(policy, facts)
    if found:
        if details is not None:
            details["violations"] = list(dict.fromkeys(violation.field for violation in found))
        raise refusal(found, policy)
    selection, authority = selection or Selection(), facts.authority
    if authority is None:
        return Permission(NOT_RECORDED, None, selection, policy, facts)
    try:
        selection = narrowed(selection, authority.scope, authority.reference)
    except RefusedError:
        if details is not None:
            details["violations"] = ["scope"]
        raise
    return Permission(authority.line(facts.now), authority.reference, selection, policy, facts)


def refusal(found: Sequence[Violation], policy: Policy) -> RefusedError:
    """The error that tells of demands that are not met: the first, what to do, and the others below."""
    first, *others = found
    lines = [first.hint]
    for other in others:
        lines += [f"also {other.place}: {other.sentence}", f"  {other.hint}"]
    if policy.files:
        lines.append(_SHOW)
    return RefusedError(first.sentence, subject=first.place, hint="\n".join(filter(None, lines)))


def _missing(policy: Policy, facts: Facts) -> Iterator[Violation]:
    told = {
        "authority": facts.authority is not None,
        "operator": facts.operator is not None and facts.operator.stated,
        "reason": bool(facts.reason and facts.reason.strip()),
    }
    hints = {
        "authority": f"name one with --authority FILE or {AUTHORITY_VARIABLE}, "
        "or record it in the case with `retrofr case authorise`",
        "operator": f"say who acts with --operator NAME or {OPERATOR_VARIABLE}",
        "reason": "say why with --reason TEXT",
    }
    for word, there in told.items():
        if word in policy.require and not there:
            yield _violation(policy, word, f"{REQUIRABLE[word]} is required, and there is none", hints[word])
    for probe in facts.probes or ():
        if "probe_record" in policy.require and probe.record is None:
            sentence = f"{REQUIRABLE['probe_record']} is required, and there is none"
            hint = f"write it to {record_path(Path(probe.path))}, or name one with --probe-record FILE"
            yield Violation("probe_record", probe.path, sentence, hint)


def _of_authority(facts: Facts) -> Iterator[Violation]:
    authority = facts.authority
    if authority is None:
        return
    status = authority.status(facts.now)
    if not status.is_valid:
        hint = {
            "rejected": "nothing may be done under it; a new authority needs a reference of its own",
            "urgent-expired": "have it confirmed: `retrofr case authority confirm`, or confirmed_by in its file",
            "expired": "have it renewed, and name the new one with --authority FILE or `retrofr case authorise`",
            "not yet": "wait until then, or correct valid_from",
        }[status.state]
        yield Violation("authority", f"authority {authority.reference}", status.sentence, hint)
    for probe in facts.probes or ():
        if not authority.scope.covers_probe(probe.name, probe.sha256):
            yield Violation(
                "scope",
                probe.path,
                f"this probe is not among those that the authority {authority.reference} covers",
                f"it is called {probe.name}, and these are covered: {', '.join(authority.scope.probes)}",
            )


def _of_probes(policy: Policy, facts: Facts) -> Iterator[Violation]:
    probes = facts.probes or ()
    names = {probe.name for probe in probes}
    if policy.max_probes is not None and len(names) > policy.max_probes:
        sentence = (
            f"{len(names):,} persons are looked for; at most {policy.max_probes:,} are allowed in a search"
        )
        yield _violation(policy, "max_probes", sentence, "search for fewer persons at once")
    for probe in probes:
        if probe.record is not None:
            try:
                refuse_expired(probe.path, probe.record, facts.now, policy.probe_expiry_days)
            except RefusedError as error:
                yield Violation("probe_expiry_days", probe.path, error.reason, error.hint or "")
        elif policy.probe_expiry_days is not None and "probe_record" not in policy.require:
            sentence = (
                "nothing says when this picture was added, so that it cannot be told whether it expired"
            )
            hint = f"write it to {record_path(Path(probe.path))}"
            yield Violation("probe_expiry_days", probe.path, sentence, hint)
        least = policy.min_eye_distance
        if least is not None and probe.eye_distance is not None and probe.eye_distance < least:
            sentence = f"its eyes are {probe.eye_distance:.0f} px apart; at least {least:g} are required"
            yield Violation("min_eye_distance", probe.path, sentence, "use a larger picture of the person")


def _of_case(policy: Policy, facts: Facts) -> Iterator[Violation]:
    if policy.retention_days is None or facts.case_made is None:
        return
    last = facts.case_made + timedelta(days=policy.retention_days)
    if facts.now.date() > last:
        yield _violation(
            policy,
            "retention_days",
            f"the case was made on {facts.case_made}, and may be kept until {last}",
            "`retrofr case purge --case DIR` destroys it",
        )


def _violation(policy: Policy, name: str, sentence: str, hint: str) -> Violation:
    return Violation(name, policy.source(name), sentence, hint)
