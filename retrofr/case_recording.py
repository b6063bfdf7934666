"""Keeps a search in the case it was done in, with whom it looked for, in one transaction with its audit entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from retrofr.case.audit import Act
from retrofr.case.probe_register import register_probes
from retrofr.case.searches import CandidateRow, SearchRecord, record_search
from retrofr.case.store import Case
from retrofr.documents import search_statement
from retrofr.gallery.standings import Standing
from retrofr.oversight.checking import AskedProbe
from retrofr.probes import describe_probes
from retrofr.recipe import Recipe
from retrofr.results import SearchResult
from retrofr.searching import Search
from retrofr.settings import Settings

_RUN_KEPT = ("selection", "device", "versions", "authority", "reason", "policy", "templates_outside_scope")
"""What a case keeps of the run record of a search."""


def record_result(
    result: SearchResult,
    searching: Search,
    case: Case,
    recipe: Recipe,
    settings: Settings,
    started: datetime,
    asked: Sequence[AskedProbe],
    act: Act,
) -> SearchResult:
    """Keep the search in the case; gives the result with its number."""
    hits, below = searching.found()
    rows = tuple(_row(standing, hit=standing in hits) for standing in (*hits, *below) if standing.candidate)
    record = SearchRecord(
        started=started,
        finished=datetime.now(UTC),
        recipe_key=recipe.key,
        settings=settings.search.as_dict(),
        probes=describe_probes(result.probes),
        threshold=result.threshold,
        threshold_source=searching.threshold.source,
        compared=result.compared,
        candidates=rows,
        index=dataclasses.asdict(result.use),
        run={name: result.run[name] for name in _RUN_KEPT}
        | {"statement": search_statement(result.statement, result.coverage)},
    )
    with case.transaction():
        number = record_search(case, record)
        register_probes(case, asked, act)
        act.details["search"] = number
        act.covers("searches", number)
        act.commit()
    return dataclasses.replace(
        result,
        hits=tuple(dataclasses.replace(a, search=number) for a in result.hits),
        candidates=tuple(dataclasses.replace(a, search=number) for a in result.candidates),
        run=result.run | {"search": number},
    )


def _row(standing: Standing, *, hit: bool) -> CandidateRow:
    candidate = standing.candidate
    assert candidate is not None
    best = next(i for i, face in enumerate(candidate.tracklet.best) if face is candidate.best)
    return CandidateRow(
        candidate.probe,
        standing.tracklet,
        candidate.score,
        candidate.supporting,
        best,
        hit,
        candidate.evidence,
    )
