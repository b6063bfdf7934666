"""The analyst's timeline: appearances of a case in the order of time, of one search or of all its people.

Appearances are made again, by the rules of :mod:`retrofr.appearances`, from the candidates that the case
remembers; their ranks are those of the search. Footage is not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any

from retrofr.appearances import Chain, appearance_of, join_all, join_people, person_appearance
from retrofr.case.exhibits import active_recipe, exhibit_by_id, recipes
from retrofr.case.people import person_of
from retrofr.case.reading import case_coverage, stored_tracklet
from retrofr.case.searches import SearchRecord, candidates_of, searches
from retrofr.case.store import Case
from retrofr.case.verdicts import reviewers_of, verdict_states
from retrofr.case_selection import EVERYTHING
from retrofr.continuity import Continuity, alike_at, tracklet_key
from retrofr.errors import CaseError
from retrofr.recipe import Recipe, setting_values
from retrofr.records import Candidate, Tracklet
from retrofr.results import Appearance, Coverage, mark_changed
from retrofr.scoring import build_scorer
from retrofr.settings import SearchSettings, TrackSettings

ROUNDING = 1e-6
"""Times of a case are looked up as rounded numbers; what is found is then compared exactly."""


_PEOPLE_THERE = "--people exports the appearances of all its persons"
_NO_PEOPLE = "`retrofr people --case DIR` finds persons to export with --people"


def timeline(
    case: Case, recipe: Recipe | None = None, *, search: int | None = None, people: bool = False
) -> tuple[Appearance, ...]:
    """The appearances of a search, or of all people, in the order of time.

    Args:
        case: an open case.
        recipe: whose people; None for the one the case was last indexed with. A search has its own.
        search: number of a search; None for the last one.
        people: give every person's appearances, without any probe, in place of a search's.

    Raises:
        CaseError: nothing was searched, there is no such search, or nobody was put to persons.
    """
    if people:
        known = recipe or last_recipe(case)
        found, coverage = [a for a, _ in _of_people(case, known)], case_coverage(case, known.key)
    else:
        record = find_search(case, search)
        found, coverage = [a for a, _ in _of_search(case, record)], coverage_of(case, record)
    return chronological(mark_changed(found, coverage))


def chains_of(
    case: Case, *, search: int | None = None, people: bool = False
) -> Iterator[tuple[Appearance, Chain]]:
    """What each appearance of a timeline is made of, in any order.

    Args and errors are those of :func:`timeline`.
    """
    return _of_people(case, last_recipe(case)) if people else _of_search(case, find_search(case, search))


def coverage_of(case: Case, record: SearchRecord | None) -> Coverage:
    """What of the case's footage is indexed for a search; for people, where None is given.

    Raises:
        CaseError: nothing is indexed.
    """
    return case_coverage(case, last_recipe(case).key if record is None else record.recipe_key)


def find_search(case: Case, number: int | None = None) -> SearchRecord:
    """A search of the case; the last one without a number.

    Raises:
        CaseError: nothing was searched, or there is no such search.
    """
    subject, done = str(case.path), searches(case)
    if not done:
        people = any(person_of(case, recipe.key) for recipe in recipes(case))
        raise CaseError(
            "nothing was searched in this case yet, so there is no timeline of a search",
            subject=subject,
            hint=f"`retrofr search --case DIR --probe IMAGE` makes one; {_PEOPLE_THERE if people else _NO_PEOPLE}",
        )
    found = next((record for record in reversed(done) if number in (None, record.id)), None)
    if found is None:
        numbers = str(done[0].id) if len(done) == 1 else f"{done[0].id} to {done[-1].id}"
        raise CaseError(f"holds no search {number}", subject=subject, hint=f"there are: {numbers}")
    return found


def indexed_after(case: Case, record: SearchRecord) -> list[str]:
    """Names of exhibits of which something was indexed after a search began: that is not in its timeline."""
    began = record.started.astimezone(UTC).isoformat(timespec="microseconds")
    rows = case.fetch_all(
        "SELECT DISTINCT exhibit_id FROM slices JOIN streams ON streams.id = stream_id "
        "JOIN recipes ON recipes.id = recipe_id WHERE recipes.key = ? AND committed > ? ORDER BY exhibit_id",
        (record.recipe_key, began),
    )
    return [exhibit_by_id(case, exhibit_id).exhibit.name for (exhibit_id,) in rows]


def chronological(appearances: Iterable[Appearance]) -> tuple[Appearance, ...]:
    """By adjusted wall clock where there is one, then those without by exhibit, stream and media time.

    Times are compared as moments where all have a zone, else as the clocks show them.
    """
    found = list(appearances)
    times = {id(a): datetime.fromisoformat(a.start_time_adjusted) for a in found if a.start_time_adjusted}
    if any(time.tzinfo is None for time in times.values()):
        times = {key: time.replace(tzinfo=None) for key, time in times.items()}

    def order(a: Appearance) -> tuple[Any, ...]:
        time = times.get(id(a))
        place = (a.exhibit, a.exhibit_sha256, a.stream, a.segment, a.start_seconds, a.end_seconds)
        return (time is None, time, *place, a.rank, a.probe, a.person or 0, a.tracklet or 0)

    with_clock = sorted((a for a in found if id(a) in times), key=order)
    return (*with_clock, *sorted((a for a in found if id(a) not in times), key=lambda a: order(a)[2:]))


def continuity_of(
    case: Case, recipe: Recipe, threshold: float, selection: Mapping[str, Any]
) -> Continuity | None:
    """What tracklets of a case go on in, for candidates of a search with this threshold.

    Args:
        case, recipe, threshold: of the search.
        selection: of the search, as it is recorded. None is given where it has a time window: what lies outside
            was not asked for, and no appearance may reach into it by what was found there.
    """
    if selection.get("window", EVERYTHING) != EVERYTHING:
        return None
    scorer = build_scorer(recipe.comparison, setting_values(recipe)["parts"])
    track = TrackSettings.from_mapping(recipe.terms["track"])
    neighbours = StoredNeighbours(case, recipe.key, track.max_length_seconds)
    return Continuity(neighbours, track, alike_at(scorer.compare, threshold))


class StoredNeighbours:
    """Looks up tracklets of a case by time; see :class:`retrofr.continuity.Neighbours`.

    Args:
        case: an open case.
        recipe_key: of the tracklets that are looked up.
        max_length_seconds: of a tracklet; of the same slice only those are given that begin further apart.
    """

    def __init__(self, case: Case, recipe_key: str, max_length_seconds: float) -> None:
        self._case, self._recipe_key, self._max_length = case, recipe_key, max_length_seconds
        self._streams: dict[tuple[str, int], int | None] = {}

    def beginning(self, beside: Tracklet, after: Fraction, until: Fraction) -> Sequence[Tracklet]:
        """Those whose first face is in (after, until], in the slice of ``beside`` or the next that has any."""
        found = self._found(beside, _NEXT_SLICE, "start_seconds BETWEEN ?4 AND ?5", after, until)
        return [tracklet for tracklet in found if after < tracklet.first.seconds <= until]

    def ending(self, beside: Tracklet, since: Fraction, before: Fraction) -> Sequence[Tracklet]:
        """Those whose last face is in [since, before), in the slice of ``beside`` or the last before it with any."""
        # A case knows until when the last face was shown, which may be long after it was first seen.
        found = self._found(beside, _LAST_SLICE, "end_seconds >= ?4 AND start_seconds <= ?5", since, before)
        return [tracklet for tracklet in found if since <= tracklet.last.seconds < before]

    def _found(
        self, beside: Tracklet, slices: str, times: str, low: Fraction, high: Fraction
    ) -> Iterator[Tracklet]:
        stream = self._stream(beside.exhibit.sha256, beside.first.stream)
        rows = self._case.fetch_all(
            f"SELECT id FROM tracklets WHERE stream_id = ?1 AND {slices} AND segment = ?3 AND {times} "
            "AND (slice <> ?2 OR abs(start_seconds - ?6) > ?7)",
            (
                stream,
                beside.slice,
                beside.first.segment,
                float(low) - ROUNDING,
                float(high) + ROUNDING,
                float(beside.first.seconds),
                self._max_length - ROUNDING,
            ),
        )
        return (stored_tracklet(self._case, tracklet_id) for (tracklet_id,) in rows)

    def _stream(self, sha256: str, stream: int) -> int | None:
        key = (sha256, stream)
        if key not in self._streams:
            row = self._case.fetch_one(
                "SELECT streams.id FROM streams JOIN exhibits ON exhibits.id = exhibit_id "
                "JOIN recipes ON recipes.id = recipe_id WHERE sha256 = ? AND stream = ? AND recipes.key = ?",
                (sha256, stream, self._recipe_key),
            )
            self._streams[key] = None if row is None else int(row[0])
        return self._streams[key]


_WITH_ANY = "FROM tracklets WHERE stream_id = ?1 AND slice"
_NEXT_SLICE = f"slice BETWEEN ?2 AND coalesce((SELECT min(slice) {_WITH_ANY} > ?2), ?2)"
_LAST_SLICE = f"slice BETWEEN coalesce((SELECT max(slice) {_WITH_ANY} < ?2), ?2) AND ?2"


def _of_search(case: Case, record: SearchRecord) -> Iterator[tuple[Appearance, Chain]]:
    recipe = next(known for known in recipes(case) if known.key == record.recipe_key)
    people = person_of(case, recipe.key)
    seen: dict[int, Tracklet] = {}
    hits: list[Candidate] = []
    below: list[Candidate] = []
    for row in candidates_of(case, record.id):
        tracklet = seen.get(row.tracklet_id) or stored_tracklet(case, row.tracklet_id)
        seen[row.tracklet_id] = tracklet
        candidate = Candidate(
            probe=row.probe,
            tracklet=tracklet,
            score=row.score,
            supporting=row.supporting,
            best=tracklet.best[row.best],
            still=None,
            person=people.get(row.tracklet_id),
            tracklet_id=row.tracklet_id,
            evidence=row.evidence,
        )
        (hits if row.hit else below).append(candidate)
    gap = float(record.settings.get("join_gap_seconds", SearchSettings().join_gap_seconds))
    continuity = continuity_of(case, recipe, record.threshold, record.run.get("selection", {}))
    found, rest = join_all(hits, below, join_gap_seconds=gap, continuity=continuity)
    said = verdict_states(case, record.id, reviewers_of(case))
    for rank, chain in enumerate([*found, *rest], start=1):
        a = appearance_of(chain, rank=rank, hit=rank <= len(found))
        verdict = said.get((a.probe, a.tracklet or 0), a.verdict)
        yield replace(a, search=record.id, verdict=verdict), chain


def _of_people(case: Case, recipe: Recipe) -> Iterator[tuple[Appearance, Chain]]:
    """Person by person, so that the tracklets of one only are in memory."""
    people = sorted((person, tracklet) for tracklet, person in person_of(case, recipe.key).items())
    if not people:
        raise CaseError(
            "holds no persons yet", subject=str(case.path), hint="`retrofr people --case DIR` finds them"
        )
    gap = SearchSettings().join_gap_seconds
    for person, pairs in groupby(people, key=lambda pair: pair[0]):
        tracklets = {tracklet_id: stored_tracklet(case, tracklet_id) for _, tracklet_id in pairs}
        ids = {tracklet_key(tracklet): tracklet_id for tracklet_id, tracklet in tracklets.items()}
        for _, chain in join_people(((person, t) for t in tracklets.values()), join_gap_seconds=gap):
            best = ids[tracklet_key(chain.best_tracklet)]
            yield replace(person_appearance(person, chain), tracklet=best), chain


def last_recipe(case: Case) -> Recipe:
    """The recipe that a case was last indexed with (CaseError where nothing is indexed)."""
    known = active_recipe(case)
    if known is None:
        raise CaseError(
            "nothing is indexed in this case yet",
            subject=str(case.path),
            hint="`retrofr index FOOTAGE --case DIR` does it",
        )
    return known
