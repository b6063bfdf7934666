"""What is in a case, in numbers, and what of it can be searched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from retrofr.case.exhibits import StoredExhibit, active_recipe, exhibits, recipes
from retrofr.case.reading import case_coverage, template_count, tracklet_count
from retrofr.case.retention import Retention, retention_of
from retrofr.case.store import Case
from retrofr.case.writing import StoredStream, streams
from retrofr.clock import format_seconds
from retrofr.recipe import Recipe


@dataclass(frozen=True)
class ExhibitFacts:
    """One exhibit of a case. ``unfinished`` says of each stream that is not indexed to its end how far it is.

    ``recipes`` are the keys of those it was indexed with, unfinished ones included.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    camera: str | None
    added: datetime
    recipes: tuple[str, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class RecipeFacts:
    """What was indexed with one recipe, and so is searchable with its embedder.

    ``exhibits`` counts those with all begun streams finished, ``unfinished`` the others. ``has_gaps``: not all of
    the case's footage was searched with it.
    """

    key: str
    comparison: str
    dimensions: int
    active: bool
    exhibits: int
    unfinished: int
    searched_seconds: Fraction
    tracklets: int
    templates: int
    has_gaps: bool


@dataclass(frozen=True)
class CaseFacts:
    """What ``retrofr case show`` tells of a case. ``people`` are those of the active recipe.

    ``size_bytes`` is that of the database, ``log_bytes`` that of what is not moved into it yet.
    """

    id: str
    name: str
    path: Path
    created: datetime
    read_only: bool
    size_bytes: int
    log_bytes: int
    exhibits: tuple[ExhibitFacts, ...]
    recipes: tuple[RecipeFacts, ...]
    tracklets: int
    templates: int
    face_pictures: int
    picture_bytes: int
    probe_images: int
    searches: int
    people: int
    kept_index_bytes: int
    retention: Retention


def describe_case(case: Case) -> CaseFacts:
    """Count what is in a case.

    Raises:
        CaseError: it is damaged.
    """
    active = active_recipe(case)
    by_recipe = {recipe.key: streams(case, recipe.key) for recipe in recipes(case)}
    known = exhibits(case)
    log = case.path.with_name(f"{case.path.name}-wal")
    return CaseFacts(
        id=case.id,
        name=case.name,
        path=case.path,
        created=case.created,
        read_only=case.read_only,
        size_bytes=case.path.stat().st_size,
        log_bytes=log.stat().st_size if log.exists() else 0,
        exhibits=tuple(_exhibit(stored, by_recipe) for stored in known),
        recipes=tuple(
            _recipe(case, recipe, by_recipe[recipe.key], active is not None and recipe.key == active.key)
            for recipe in recipes(case)
        ),
        tracklets=_number(case, "SELECT count(*) FROM tracklets"),
        templates=_number(case, "SELECT coalesce(sum(templates), 0) FROM tracklets"),
        face_pictures=_number(case, "SELECT count(*) FROM face_pictures"),
        picture_bytes=_number(case, "SELECT coalesce(sum(length(jpeg)), 0) FROM face_pictures"),
        probe_images=_number(case, "SELECT count(*) FROM probe_images"),
        searches=_number(case, "SELECT count(*) FROM searches"),
        people=_number(
            case,
            "SELECT count(DISTINCT person_number) FROM people_tracklets WHERE recipe_key = ?",
            "" if active is None else active.key,
        ),
        kept_index_bytes=_number(case, "SELECT coalesce(sum(size_bytes), 0) FROM blobs"),
        retention=retention_of(case),
    )


def _exhibit(stored: StoredExhibit, by_recipe: dict[str, list[StoredStream]]) -> ExhibitFacts:
    exhibit = stored.exhibit
    own = [stream for found in by_recipe.values() for stream in found if stream.exhibit_id == stored.id]
    return ExhibitFacts(
        name=exhibit.name,
        path=exhibit.path,
        sha256=exhibit.sha256,
        size_bytes=exhibit.size_bytes,
        camera=exhibit.camera,
        added=stored.added,
        recipes=tuple(dict.fromkeys(stream.recipe_key for stream in own)),
        unfinished=tuple(_how_far(stream) for stream in own if stream.coverage is None),
    )


def _how_far(stream: StoredStream) -> str:
    if stream.progress is None:
        return f"stream {stream.stream} is not indexed yet"
    until = format_seconds(stream.progress.facts.last_seconds or Fraction(0))
    return f"stream {stream.stream} is indexed to {until}"


def _recipe(case: Case, recipe: Recipe, found: list[StoredStream], active: bool) -> RecipeFacts:
    coverage = case_coverage(case, recipe.key)
    unfinished = {stream.exhibit_id for stream in found if stream.coverage is None}
    return RecipeFacts(
        key=recipe.key,
        comparison=recipe.comparison,
        dimensions=recipe.dimensions,
        active=active,
        exhibits=len({stream.exhibit_id for stream in found} - unfinished),
        unfinished=len(unfinished),
        searched_seconds=coverage.searched_seconds,
        tracklets=tracklet_count(case, recipe.key),
        templates=template_count(case, recipe.key),
        has_gaps=coverage.has_gaps,
    )


def _number(case: Case, query: str, *parameters: str) -> int:
    return int(case.fetch_all(query, parameters)[0][0])
