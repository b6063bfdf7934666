"""After a search, forgets whoever is no candidate of one: templates, face pictures and tracklets, beyond recovery.

What is kept: the candidates of every recorded search, the searches and their probes, exhibits, coverage. Each stream is
marked with how many were forgotten of it and when, so that later searches say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retrofr.case.audit import acting
from retrofr.case.blobs import drop_blobs
from retrofr.case.forgotten import LAST_TRACKLET, MARK, ForgottenOf, forgotten
from retrofr.case.retention import checked_reason
from retrofr.case.searches import EVIDENCE
from retrofr.case.store import Case
from retrofr.errors import CaseBusyError, CaseError
from retrofr.events import Listener, ignore

_OTHERS = "NOT IN (SELECT tracklet_id FROM candidates)"
_COUNTS = f"""
    SELECT stream_id, count(*), sum(templates), sum(
        (SELECT count(*) FROM face_pictures WHERE face_pictures.tracklet_id = tracklets.id)
    ) FROM tracklets WHERE id {_OTHERS} GROUP BY stream_id ORDER BY stream_id
"""
_WITH_TRACKLETS = ("face_pictures", "templates", "tracklet_records", "people_tracklets")


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, and how many tracklets were kept because they are candidates."""

    tracklets: int
    templates: int
    pictures: int
    kept: int

    def describe(self) -> str:
        """``forgot 12 tracklets with 40 templates and 24 pictures; kept 3, the candidates of searches``."""
        return (
            f"forgot {_counted(self.tracklets, 'tracklet')} with {_counted(self.templates, 'template')} and "
            f"{_counted(self.pictures, 'picture')}; kept {self.kept:,}, the candidates of searches"
        )


def forget_others(case: Case, *, reason: str, listener: Listener = ignore) -> Forgotten:
    """Remove every tracklet that is no candidate of a recorded search, and rewrite the file without it.

    What is kept must fit into memory while the file is rewritten. Run again, it finishes what was interrupted.

    Args:
        case: open for writing, with the writers' lock.
        reason: why; it must say something.
        listener: is told what cannot be written down.

    Raises:
        UsageError: there is no reason.
        CaseError: no search is recorded, so that all would be forgotten; or the case is read-only.
        CaseBusyError: another process reads the case: all is removed, but the log of the case may still hold it.
        OutputError: the disk is full.
    """
    if not case.writer:
        raise ValueError("forget_others: the case must be opened with write=True")
    reason = checked_reason(reason)
    case.require_writable()
    with acting(case, "forget", reason=reason, listener=listener) as act:
        if case.fetch_one("SELECT 1 FROM searches") is None:
            raise CaseError(
                "no search is recorded in it, so nobody is a candidate and all would be forgotten",
                subject=str(case.path),
                hint="search in it first; `retrofr case purge --case DIR` destroys it",
            )
        with case.transaction():
            counts = case.fetch_all(_COUNTS)
            _mark(case, {stream: ForgottenOf(act.started, *found) for stream, *found in counts})
            for stream, *_ in counts:
                act.covers("meta", f"{MARK}{stream}")
            _remove(case)
            tracklets, templates, pictures = (sum(row[place] for row in counts) for place in (1, 2, 3))
            kept = int(case.fetch_all("SELECT count(*) FROM tracklets")[0][0])
            done = Forgotten(tracklets, templates, pictures, kept)
            act.details |= {
                "erased": {"templates": done.templates, "pictures": done.pictures},
                "tracklets": done.tracklets,
                "kept": done.kept,
            }
            act.commit()
    _rewrite(case)
    return done


def _mark(case: Case, found: Mapping[int, ForgottenOf]) -> None:
    before = forgotten(case)
    for stream, new in found.items():
        case.fetch_all(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (f"{MARK}{stream}", (new + before[stream] if stream in before else new).encoded()),
        )
    case.fetch_all(
        # Ids of tracklets are written down in the audit log and in decisions: none is given a second time.
        "INSERT INTO meta SELECT ?, CAST(coalesce(max(id), 0) AS TEXT) FROM tracklets WHERE true "
        "ON CONFLICT (name) DO UPDATE SET value = CAST(max(CAST(value AS INTEGER), "
        "CAST(excluded.value AS INTEGER)) AS TEXT)",
        (LAST_TRACKLET,),
    )


def _remove(case: Case) -> None:
    for table in _WITH_TRACKLETS:
        case.fetch_all(f"DELETE FROM {table} WHERE tracklet_id {_OTHERS}")
    case.fetch_all(f"DELETE FROM tracklets WHERE id {_OTHERS}")
    case.fetch_all(
        "UPDATE slices SET tracklets = (SELECT count(*) FROM tracklets AS kept "
        "WHERE kept.stream_id = slices.stream_id AND kept.slice = slices.number)"
    )
    for (kind,) in case.fetch_all("SELECT DISTINCT kind FROM blobs WHERE kind <> ?", (EVIDENCE,)):
        drop_blobs(case, kind)  # indexes hold templates


def _rewrite(case: Case) -> None:
    """Nothing of what was removed stays in the file or in its log."""
    case.fetch_all("VACUUM")
    busy, _, _ = case.fetch_all("PRAGMA wal_checkpoint(TRUNCATE)")[0]
    if busy:
        raise CaseBusyError(
            "others were forgotten, but another process reads the case, so that its log may still hold them",
            subject=str(case.path),
            hint="run `retrofr case forget-others` again when it has finished",
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
