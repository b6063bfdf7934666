"""Verdicts in a case: given blind and sealed, unsealed together, never edited; each is an entry of the audit log."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from retrofr.case.audit import Act, acting, denied
from retrofr.case.searches import candidates_of
from retrofr.case.store import Case
from retrofr.case.verdict_blindness import order_seed, shown_before, view_details
from retrofr.errors import CaseBusyError, IntegrityError, RefusedError, UsageError
from retrofr.events import Listener, ignore
from retrofr.oversight.log import moment
from retrofr.oversight.operators import Operator, OperatorKey, current_operator, operator_key, system_user
from retrofr.oversight.policy import applying_policy
from retrofr.oversight.verdict_rules import (
    REVIEWERS,
    Joint,
    check_independent,
    current,
    joint,
    own_verdict,
    same_examiner,
)
from retrofr.oversight.verdicts import Alone, Conclusion, Verdict, check_notes, parse_verdict


@dataclass(frozen=True)
class ExaminedCandidate:
    """A candidate of a search with all verdicts on it; ``llr`` is that of its score, None where there is none."""

    id: int
    search: int
    probe: str
    tracklet: int
    llr: float | None
    verdicts: tuple[Verdict, ...]

    def joint(self, reviewers: int = REVIEWERS) -> Joint:
        """What the verdicts come to."""
        return joint(self.verdicts, reviewers, self.llr)

    def shown_to(self, examiner: str, key_hex: str | None) -> tuple[Verdict, ...]:
        """Those an examiner may see: those that are no longer sealed, and their own.

        Args:
            examiner: who asks.
            key_hex: their public key on this machine, None where there is none: a name alone opens nobody's verdict.
        """
        return tuple(v for v in self.verdicts if not v.sealed or _is_of(v, examiner, key_hex))

    def own(self, examiner: str, key_hex: str | None) -> Verdict | None:
        """The latest verdict of an examiner, if it was signed with their key; arguments as of :meth:`shown_to`."""
        found = own_verdict(self.verdicts, examiner)
        return found if found is not None and _is_of(found, examiner, key_hex) else None


@dataclass(frozen=True)
class Given:
    """A verdict that was recorded, and what the verdicts on its candidate come to now."""

    verdict: Verdict
    joint: Joint


def examined_candidates(case: Case, search: int) -> tuple[ExaminedCandidate, ...]:
    """All candidates of a search, with their verdicts, in the order in which they were recorded.

    Raises:
        IntegrityError: a verdict is not as its examiner signed it, or is of another candidate.
    """
    rows = candidates_of(case, search)
    ids = case.fetch_all("SELECT id FROM candidates WHERE search_id = ? ORDER BY id", (search,))
    found = _verdicts(case, search)
    return tuple(
        ExaminedCandidate(
            candidate_id,
            search,
            row.probe,
            row.tracklet_id,
            None if row.evidence is None else row.evidence.llr,
            _checked(case, found.get(candidate_id, []), search, row.probe, row.tracklet_id),
        )
        for (candidate_id,), row in zip(ids, rows, strict=True)
    )


def find_candidate(case: Case, search: int, tracklet: int, probe: str | None = None) -> ExaminedCandidate:
    """One candidate of a search: by the number of its tracklet, and the probe where there are several.

    Raises:
        UsageError: there is none, or it is one of several probes and none was named.
        IntegrityError: as :func:`examined_candidates`.
    """
    own = [item for item in examined_candidates(case, search) if item.tracklet == tracklet]
    found = [item for item in own if probe in (None, item.probe)]
    if not found:
        of = "" if probe is None else f" of the probe {probe}"
        raise UsageError(
            f"search {search} has no candidate {tracklet}{of}",
            subject=str(case.path),
            hint=f"`retrofr verdict list --case DIR --search {search}` lists them",
        )
    if len(found) > 1:
        raise UsageError(
            f"candidate {tracklet} of search {search} is one of several probes",
            hint=f"name one with --probe: {', '.join(sorted(item.probe for item in found))}",
        )
    return found[0]


def reviewers_of(case: Case) -> int:
    """How many examiners are asked for: ``REVIEWERS``, or more where a policy says so; none asks for fewer.

    Raises:
        UsageError: a policy cannot be read.
    """
    return max(REVIEWERS, applying_policy(case.path.parent).reviewers or 0)


def verdict_states(case: Case, search: int, reviewers: int = REVIEWERS) -> dict[tuple[str, int], str]:
    """What outputs say of those candidates of a search on which there is a verdict, by probe and tracklet.

    Raises:
        IntegrityError: as :func:`examined_candidates`.
    """
    if case.fetch_one("SELECT 1 FROM verdicts WHERE search_id = ?", (search,)) is None:
        return {}
    return {
        (item.probe, item.tracklet): item.joint(reviewers).describe()
        for item in examined_candidates(case, search)
        if item.verdicts
    }


def give_verdict(
    case: Case,
    candidate: ExaminedCandidate,
    conclusion: Conclusion,
    *,
    notes: str = "",
    features: Mapping[str, str] | None = None,
    reason: str | None = None,
    alone: Alone | None = None,
    by_rank: bool = False,
    reviewers: int = REVIEWERS,
    operator: Operator | None = None,
    listener: Listener = ignore,
) -> Given:
    """Record what an examiner concludes of a candidate; it stays sealed until as many are given as are asked for.

    Args:
        case: an open case.
        candidate: from :func:`find_candidate`.
        conclusion: on the scale.
        notes, features: what was seen: free text, and notes by heading; one of them at least.
        reason: why it replaces an earlier verdict of the same examiner.
        alone: what was noted before the probe was shown, from :func:`retrofr.case.verdict_blindness.note_alone`.
        by_rank: the examiner named the candidate by its rank in the search's result, and so knows it.
        reviewers: how many examiners are asked for.
        operator: the examiner; by default whoever acts.
        listener: is told what cannot be written down.

    Raises:
        UsageError: nobody said who examines; or as :func:`retrofr.oversight.verdicts.check_notes`.
        RefusedError: it is a second verdict of the same examiner or by the same key; the denial is in the log.
        CaseBusyError: somebody gave a verdict on it meanwhile.
        CaseError: the medium is read-only.
        OutputError: there is no key to sign with, and none can be made.
    """
    operator = operator or current_operator()
    notes, told = check_notes(notes, features or {})
    key = may_give(case, candidate, reason, operator=operator, listener=listener)
    own = own_verdict(candidate.verdicts, operator.name)
    made = Verdict(
        case_id=case.id,
        search=candidate.search,
        probe=candidate.probe,
        tracklet=candidate.tracklet,
        conclusion=conclusion,
        notes=notes,
        features=told,
        at=moment(datetime.now(UTC)),
        account=f"{system_user()}@{socket.gethostname()}",
        shown_before=shown_before(case, candidate, operator.name, by_rank=by_rank, alone=alone),
        supersedes=None if own is None else own.id,
        reason=None if reason is None else reason.strip(),
        alone=alone,
    ).signed(key)
    return _recorded(case, candidate, made, reviewers, operator, listener)


def may_give(
    case: Case,
    candidate: ExaminedCandidate,
    reason: str | None = None,
    *,
    operator: Operator | None = None,
    listener: Listener = ignore,
) -> OperatorKey:
    """The key that an examiner's verdict on a candidate would be signed with; :func:`give_verdict` asks this itself.

    Raises:
        UsageError, RefusedError, CaseError, OutputError: as :func:`give_verdict`.
    """
    operator = operator or current_operator()
    if not operator.stated:
        raise UsageError("a verdict needs the name of its examiner", hint="give --operator NAME")
    case.require_writable()
    key = operator_key(operator)
    try:
        check_independent(candidate.verdicts, operator.name, key.public_key_hex, reason)
    except RefusedError as error:
        violations, details = ["reviewers"], view_details(candidate)
        denied(case, "verdict", error.reason, violations=violations, details=details, listener=listener)
        raise
    return key


def _is_of(verdict: Verdict, examiner: str, key_hex: str | None) -> bool:
    return same_examiner(verdict.examiner, examiner) and verdict.signature.public_key_hex == key_hex


def _recorded(
    case: Case,
    candidate: ExaminedCandidate,
    made: Verdict,
    reviewers: int,
    operator: Operator,
    listener: Listener,
) -> Given:
    """Keep it with its entry, and with that of the joint conclusion where it makes or changes one."""
    earlier = candidate.joint(reviewers)
    whole = (*candidate.verdicts, replace(made, id=1 + max((v.id for v in candidate.verdicts), default=0)))
    after = joint(whole, reviewers, candidate.llr)
    concludes = after.final and (earlier.conclusion, earlier.differ) != (after.conclusion, after.differ)
    with contextlib.ExitStack() as stack:
        final: Act | None = None
        if concludes:
            final = stack.enter_context(acting(case, "verdict", operator=operator, listener=listener))
        act = stack.enter_context(
            acting(case, "verdict", reason=made.reason, operator=operator, listener=listener)
        )
        stack.enter_context(case.transaction())
        if len(_verdicts(case, candidate.search).get(candidate.id, [])) != len(candidate.verdicts):
            raise CaseBusyError(
                "somebody gave a verdict on this candidate meanwhile",
                subject=str(case.path),
                hint="give yours again",
            )
        verdict_id = case.insert(
            "INSERT INTO verdicts (search_id, candidate_id, record, sealed) VALUES (?, ?, ?, ?)",
            (candidate.search, candidate.id, made.encoded(), int(not after.final)),
        )
        # The side of a sealed verdict would be read in the log by who is to be independent of it.
        _tell(act, candidate, made.conclusion if after.final else None, final=False)
        act.details["order_seed"] = order_seed(case, candidate.search, operator.name)
        act.covers("verdicts", verdict_id)
        act.commit()
        if final is not None and after.conclusion is not None:
            case.fetch_all("UPDATE verdicts SET sealed = 0 WHERE candidate_id = ?", (candidate.id,))
            _tell(final, candidate, after.conclusion, final=True)
            final.details["examiners"] = after.count
            final.details["sides"] = [v.conclusion.side for v in current(candidate.verdicts) if v.sealed]
            for known in (*(v.id for v in candidate.verdicts), verdict_id):
                final.covers("verdicts", known)
            final.commit()
    return Given(replace(made, id=verdict_id, sealed=not after.final), after)


def _tell(act: Act, candidate: ExaminedCandidate, conclusion: Conclusion | None, *, final: bool) -> None:
    """What the log says; the conclusion is None while it is sealed."""
    act.details |= view_details(candidate)
    act.details |= {"sealed": True} if conclusion is None else {"side": conclusion.side}
    act.details["final"] = final


def _verdicts(case: Case, search: int) -> dict[int, list[Verdict]]:
    """Verdicts of a search by the id of their candidate."""
    found: dict[int, list[Verdict]] = {}
    rows = case.fetch_all(
        "SELECT id, candidate_id, record, sealed FROM verdicts WHERE search_id = ? ORDER BY id", (search,)
    )
    for verdict_id, candidate_id, record, sealed in rows:
        try:
            verdict = parse_verdict(record, verdict_id, sealed=bool(sealed))
        except IntegrityError as error:
            raise _altered(case, error.reason) from error
        found.setdefault(candidate_id, []).append(verdict)
    return found


def _checked(
    case: Case, verdicts: Sequence[Verdict], search: int, probe: str, tracklet: int
) -> tuple[Verdict, ...]:
    """Those of a candidate; a signed verdict that was put to another candidate is none of it."""
    for verdict in verdicts:
        told = (verdict.case_id, verdict.search, verdict.probe, verdict.tracklet)
        if told != (case.id, search, probe, tracklet):
            raise _altered(case, f"verdict {verdict.id} was given on another candidate")
    return tuple(verdicts)


def _altered(case: Case, reason: str) -> IntegrityError:
    return IntegrityError(
        reason,
        subject=str(case.path),
        hint="`retrofr audit verify --case DIR` says what else was altered",
    )
