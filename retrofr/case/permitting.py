"""The one question that every use site asks: may this be done? From policies, the authority that counts, and probes.

Nothing is decoded before it is answered. A refusal is raised inside of :func:`retrofr.case.audit.acting`, which writes
it down as a denial.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from retrofr.case.audit import Act, checked_reason, denied
from retrofr.case.authorities import current_authority, recorded, rejected, remember
from retrofr.case.retention import today
from retrofr.case.store import Case
from retrofr.errors import OutputError, RefusedError
from retrofr.events import Listener, ignore
from retrofr.oversight.authority import Authority
from retrofr.oversight.checking import AskedProbe, AskedThreshold, Facts, Permission, allowed
from retrofr.oversight.declared import declared, declared_authority, declared_probe_record
from retrofr.oversight.details import MOST_LISTED
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.policy import applying_policy
from retrofr.oversight.probe_records import find_record
from retrofr.oversight.scope import nothing_inside, refuse_all_outside
from retrofr.probe_files import ProbePicture
from retrofr.records import Probe
from retrofr.results import Coverage
from retrofr.selection import Selection

if TYPE_CHECKING:
    from retrofr.operating import Threshold
    from retrofr.settings import Settings


def permit(
    case: Case | None,
    act: Act,
    *,
    selection: Selection,
    detector: str,
    embedder: str,
    probes: Sequence[ProbePicture] | None = None,
    threshold: Callable[[], Threshold] | None = None,
    listener: Listener = ignore,
) -> Permission:
    """Whether something may be done, as the policies and the authority that count here say.

    Args:
        case: the case that is worked on; None for none.
        act: of the audit log, around it; is told the authority, the reason, and what was violated.
        selection: what is asked of the footage.
        detector, embedder: names of those that are used.
        probes: pictures that are looked for; None where nobody is.
        threshold: gives that of a search; asked where a policy has a limit.
        listener: is told where the log outside of cases cannot be written.

    Raises:
        RefusedError: it may not be done.
        UsageError: a policy, the authority or the record of a probe cannot be read.
        IntegrityError: the record of a probe tells of another picture.
        CaseError: an authority of the case cannot be read.
    """
    act.reason = checked_reason("; ".join(filter(None, (declared().reason, act.reason))) or None)
    authority = authority_for(case)
    act.authority = None if authority is None else authority.reference
    policy = applying_policy(None if case is None else case.path.parent)
    limited = threshold is not None and policy.maximum_fmr is not None
    facts = Facts(
        authority=authority,
        operator=act.operator,
        reason=act.reason,
        probes=None if probes is None else asked_probes(probes),
        detector=detector,
        embedder=embedder,
        threshold=_measured_at(threshold()) if limited and threshold is not None else None,
        case_made=None if case is None else case.created.date(),
    )
    if probes is not None:
        act.details["probe_pictures"] = [picture.sha256 for picture in probes][:MOST_LISTED]
    if policy.files:
        act.details["policy"] = [dict(told) for told in policy.files.values()]
    permission = allowed(policy, facts, selection, act.details)
    if "outside_log" in policy.require:
        _require_outside_log(policy.source("outside_log"), act)
    if case is not None and authority is not None:
        remember(case, authority, listener=listener)
    return permission


def threshold_of(settings: Settings) -> Threshold:
    """The threshold that a search with these settings has, without the nets.

    Raises:
        UsageError: an error rate that the data cannot support, operating points of another embedder.
    """
    from retrofr.operating import find_operating_points, resolve_threshold
    from retrofr.scoring import build_scorer

    scorer = build_scorer(settings.embed.embedder, settings.parts)
    operating = find_operating_points(settings.search, scorer.identity(), settings.detect.detector)
    return resolve_threshold(settings.search, scorer, operating)


def permit_faces(permission: Permission, act: Act, probes: Iterable[Probe]) -> None:
    """Ask again, once the faces of the probes' pictures are known: a policy may demand their size.

    Raises:
        RefusedError: an eye distance is too small.
    """
    if permission.policy.min_eye_distance is None:
        return
    sizes = {image.sha256: image.quality.eye_distance_pixels for probe in probes for image in probe.images}
    asked = [dataclasses.replace(p, eye_distance=sizes.get(p.sha256)) for p in permission.facts.probes or ()]
    facts = dataclasses.replace(permission.facts, probes=tuple(asked))
    allowed(permission.policy, facts, details=act.details)


def refuse_footage_outside(
    permission: Permission,
    act: Act,
    footage: Iterable[tuple[str, str | None, str | None]],
    subject: str = "the footage that was named",
) -> None:
    """Refuse footage of which nothing can be in the authority's scope; see :func:`refuse_all_outside`.

    Raises:
        RefusedError: all of it is outside.
    """
    try:
        refuse_all_outside(permission.selection, footage, subject)
    except RefusedError:
        act.details["violations"] = ["scope"]
        raise


def refuse_nothing_inside(permission: Permission, act: Act, coverage: Coverage) -> None:
    """Refuse where footage proved to lie outside of the authority's scope once it was read: see :func:`nothing_inside`.

    Raises:
        RefusedError: nothing of it was in the scope.
    """
    refusal = nothing_inside(permission.selection, coverage)
    if refusal is not None:
        act.details["violations"] = ["scope"]
        raise refusal


def authority_for(case: Case | None) -> Authority | None:
    """The authority that counts: the one that was declared, else the latest valid one of the case.

    One that was rejected or confirmed in the case is that, whatever its file says.

    Raises:
        UsageError: the file that was declared cannot be read, or is no authority.
    """
    given = declared_authority()
    if case is None:
        return given
    if given is not None:
        # The case may know of it what its file does not: that it was rejected, or confirmed.
        return rejected(case, given.reference) or recorded(case, given) or given
    stored = current_authority(case)
    return None if stored is None else stored.authority


def asked_probes(pictures: Iterable[ProbePicture]) -> tuple[AskedProbe, ...]:
    """What is recorded of the pictures of probes.

    Raises:
        UsageError: a record cannot be read.
        IntegrityError: a record tells of another picture.
    """
    given = declared_probe_record()
    return tuple(
        AskedProbe(
            picture.spec.name,
            str(picture.spec.path),
            picture.sha256,
            find_record(Path(picture.spec.path), picture.sha256, given),
        )
        for picture in pictures
    )


def retention_by_policy(
    until: date | None, made: date | None = None, folder: Path | None = None
) -> date | None:
    """The last day a case may be kept: the one that is asked for, else the last one that policies allow.

    Args:
        until: what is asked for; None for nothing.
        made: the day the case was made; by default today.
        folder: of a case that is there.

    Raises:
        RefusedError: the policies do not allow that it is kept so long.
        UsageError: a policy cannot be read.
    """
    policy = applying_policy(folder)
    if policy.retention_days is None:
        return until
    last = (made or today()) + timedelta(days=policy.retention_days)
    if until is not None and until > last:
        raise RefusedError(
            f"{until} is later than {last}: a case may be kept for {policy.retention_days:,} days",
            subject=f"{policy.source('retention_days')}, retention_days",
            hint="name an earlier day",
        )
    return until or last


def retention_of_new(until: date | None) -> date | None:
    """As :func:`retention_by_policy`, of a case that is about to be made; a refusal is written down as a denial."""
    try:
        return retention_by_policy(until)
    except RefusedError as error:
        denied(None, "create", error.reason, violations=["retention_days"])
        raise


def _measured_at(threshold: Threshold) -> AskedThreshold:
    """Where nobody reached the threshold, the bound of the rate counts; 0 would be more than is known."""
    point = threshold.point
    if point is None:
        return AskedThreshold(threshold.score, None)
    return AskedThreshold(threshold.score, point.fmr if point.errors else point.high)


def _require_outside_log(file: str, act: Act) -> None:
    try:
        OutsideLog.of_user().check_writable()
    except OutputError as error:
        act.details["violations"] = ["outside_log"]
        raise RefusedError(
            f"{error.reason}, and that is required",
            subject=f"{file}, outside_log",
            hint=error.hint,
        ) from error
