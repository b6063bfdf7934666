"""Probes and searches that a case remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from typing import Any

from retrofr.case.blobs import get_blob, put_blob
from retrofr.case.encoding import pack, unpack
from retrofr.case.exhibits import plain_json, recipe_id
from retrofr.case.store import Case, now
from retrofr.errors import CaseBusyError
from retrofr.records import Evidence, ProbeImage

EVIDENCE = "evidence of a search"
"""The kind of blob that has what a calibration says of the candidates of a search."""
_NO_FACE = -1  # SQLite takes NULLs of a UNIQUE constraint for different


_EvidenceList = list[Evidence | None]


@dataclass(frozen=True)
class CandidateRow:
    """One candidate of a search. ``best`` is the index, in the tracklet's ``best``, of the face most like the probe.

    ``evidence`` is None in searches that were recorded without.
    """

    probe: str
    tracklet_id: int
    score: float
    supporting: int
    best: int
    hit: bool
    evidence: Evidence | None = None


@dataclass(frozen=True)
class SearchRecord:
    """A search as it is kept.

    Args:
        started, finished: moments with a zone.
        recipe_key: of the recipe whose templates were searched.
        settings: of the search, as plain values.
        probes: what was looked for, as plain values.
        threshold: the lowest score of a hit; ``threshold_source`` says who says so.
        compared: how many tracklets were compared.
        index: which index ran and why, as plain values.
        candidates: hits and the best below the threshold, in the order of the result.
        run: anything else of the run, as plain values.
        id: in the case; 0 before it is there.
    """

    started: datetime
    finished: datetime
    recipe_key: str
    settings: Mapping[str, Any]
    probes: Sequence[Mapping[str, Any]]
    threshold: float
    threshold_source: str
    compared: int
    candidates: tuple[CandidateRow, ...] = ()
    index: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True)
class _SearchBody:
    settings: dict[str, Any]
    probes: list[dict[str, Any]]
    threshold: float
    threshold_source: str
    compared: int
    index: dict[str, Any]
    run: dict[str, Any]


def find_probe_image(case: Case, sha256: str, face: int | None, comparison_key: str) -> ProbeImage | None:
    """A picture of a probe with its template, if the same face of it was embedded before by the same comparison.

    ``face`` is the number of the face that was asked for; None where the picture decides.
    """
    row = case.fetch_one(
        "SELECT record FROM probe_images WHERE sha256 = ? AND face = ? AND comparison_key = ?",
        (sha256, _NO_FACE if face is None else face, comparison_key),
    )
    return None if row is None else unpack(row[0], ProbeImage, str(case.path))


def faces_of_picture(case: Case, sha256: str, comparison_key: str) -> list[tuple[int | None, ProbeImage]]:
    """The faces of a picture that were embedded: the number that was asked for, None where there is one face alone."""
    rows = case.fetch_all(
        "SELECT face, record FROM probe_images WHERE sha256 = ? AND comparison_key = ? ORDER BY id",
        (sha256, comparison_key),
    )
    subject = str(case.path)
    return [
        (None if face == _NO_FACE else face, unpack(record, ProbeImage, subject)) for face, record in rows
    ]


def put_probe_image(
    case: Case, image: ProbeImage, face: int | None, comparison_key: str, picture_jpeg: bytes | None
) -> int:
    """Keep a picture of a probe, its template, and a small picture of the face; gives its id.

    One that is known is replaced; its small picture stays where none is given.
    """
    with case.transaction():
        case.fetch_all(
            "INSERT INTO probe_images (sha256, face, comparison_key, record, jpeg) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (sha256, face, comparison_key) DO UPDATE SET record = excluded.record, "
            "jpeg = coalesce(excluded.jpeg, jpeg)",
            (image.sha256, _NO_FACE if face is None else face, comparison_key, pack(image), picture_jpeg),
        )
        row = case.fetch_one(
            "SELECT id FROM probe_images WHERE sha256 = ? AND face = ? AND comparison_key = ?",
            (image.sha256, _NO_FACE if face is None else face, comparison_key),
        )
        assert row is not None
        return int(row[0])


def probe_picture(case: Case, sha256: str, face: int | None, comparison_key: str) -> bytes | None:
    """The small picture of a probe's face, as JPEG; None where none was kept."""
    row = case.fetch_one(
        "SELECT jpeg FROM probe_images WHERE sha256 = ? AND face = ? AND comparison_key = ?",
        (sha256, _NO_FACE if face is None else face, comparison_key),
    )
    return None if row is None or row[0] is None else bytes(row[0])


def record_search(case: Case, record: SearchRecord) -> int:
    """Keep a search with its candidates; gives its id.

    Raises:
        CaseError: the recipe is not in the case, or the medium is read-only.
        CaseBusyError: a candidate was forgotten by another process while it was searched.
    """
    body = _SearchBody(
        dict(record.settings),
        [dict(probe) for probe in record.probes],
        record.threshold,
        record.threshold_source,
        record.compared,
        dict(record.index),
        dict(record.run),
    )
    with case.transaction():
        _check_present(case, record.candidates)
        search_id = case.insert(
            "INSERT INTO searches (recipe_id, started, finished, record) VALUES (?, ?, ?, ?)",
            (
                recipe_id(case, record.recipe_key),
                record.started.isoformat(),
                record.finished.isoformat(),
                pack(body),
            ),
        )
        case.execute_many(
            "INSERT INTO candidates (search_id, probe, tracklet_id, score, supporting, best, hit) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (search_id, c.probe, c.tracklet_id, float(c.score), c.supporting, c.best, int(c.hit))
                for c in record.candidates
            ],
        )
        if any(c.evidence is not None for c in record.candidates):
            evidence = pack([c.evidence for c in record.candidates])
            put_blob(case, EVIDENCE, str(search_id), [evidence])
        return search_id


def _check_present(case: Case, candidates: Sequence[CandidateRow]) -> None:
    for tracklet_id in {candidate.tracklet_id for candidate in candidates}:
        if case.fetch_one("SELECT 1 FROM tracklets WHERE id = ?", (tracklet_id,)) is None:
            raise CaseBusyError(
                "others were forgotten in it while it was searched, and one of them is a candidate of this search",
                subject=str(case.path),
                hint="search again",
            )


def searches(case: Case) -> list[SearchRecord]:
    """All searches, the newest last, without their candidates: see :func:`candidates_of`."""
    rows = case.fetch_all(
        "SELECT searches.id, recipes.key, started, finished, record FROM searches "
        "JOIN recipes ON recipes.id = recipe_id ORDER BY searches.id"
    )
    found = []
    for search_id, recipe_key, started, finished, record in rows:
        body = unpack(record, _SearchBody, str(case.path))
        found.append(
            SearchRecord(
                started=datetime.fromisoformat(started),
                finished=datetime.fromisoformat(finished),
                recipe_key=recipe_key,
                id=search_id,
                **vars(body),
            )
        )
    return found


def candidates_of(case: Case, search_id: int) -> list[CandidateRow]:
    """The candidates of a search, in the order in which they were recorded; empty where there are none."""
    rows = case.fetch_all(
        "SELECT probe, tracklet_id, score, supporting, best, hit FROM candidates WHERE search_id = ? ORDER BY id",
        (search_id,),
    )
    kept = get_blob(case, EVIDENCE, str(search_id))
    evidence = repeat(None) if kept is None else unpack(b"".join(kept), _EvidenceList, str(case.path))
    return [
        CandidateRow(probe, tracklet_id, score, supporting, best, bool(hit), own)
        for (probe, tracklet_id, score, supporting, best, hit), own in zip(rows, evidence, strict=False)
    ]


def start_run(case: Case, command: str, software: Mapping[str, Any]) -> int:
    """Note that a command began to work on the case, and with which software; gives the run's id."""
    return case.insert(
        "INSERT INTO runs (started, command, software) VALUES (?, ?, ?)",
        (now(), command, plain_json(software)),
    )


def finish_run(case: Case, run_id: int) -> None:
    """Note that a run came to its end; one that was killed has no end."""
    case.require_writable()
    case.fetch_all("UPDATE runs SET finished = ? WHERE id = ?", (now(), run_id))


def index_runs(case: Case) -> list[dict[str, Any]]:
    """When footage was indexed, and with which software; ``finished`` is None of a run that was killed."""
    rows = case.fetch_all("SELECT started, finished, software FROM runs WHERE command = 'index' ORDER BY id")
    return [
        {"started": started, "finished": finished, "software": json.loads(software)}
        for started, finished, software in rows
    ]
