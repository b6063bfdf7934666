"""A search that a case remembers, as a report shows it. Footage is not needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from retrofr.case.audit_log import entries
from retrofr.case.exhibits import recipes
from retrofr.case.person_facts import Person, people_of
from retrofr.case.probe_register import probe_register
from retrofr.case.searches import SearchRecord
from retrofr.case.store import Case
from retrofr.case_selection import recorded_selection, select
from retrofr.case_stills import case_check, shown_picture
from retrofr.documents import iso_time
from retrofr.errors import UsageError
from retrofr.oversight.operators import Operator
from retrofr.oversight.probe_records import NOT_RECORDED
from retrofr.recipe import Recipe
from retrofr.reporting.moments import interval
from retrofr.reporting.searched import PersonShown, Searched, shown_probes
from retrofr.results import Appearance, Coverage
from retrofr.settings import SearchSettings
from retrofr.timeline import coverage_of, find_search, indexed_after, timeline

MOST_PEOPLE = 400


def of_case(case: Case, search: int | None = None, *, everybody: bool = False) -> Searched:
    """A search of a case.

    Args:
        case: an open case.
        search: number of the search; None for the last one.
        everybody: show all persons of the case, in place of those that are hits or listed candidates.

    Raises:
        CaseError: nothing was searched, or there is no such search.
        UsageError, ModelError, SettingsError: the detector that looks for whom to hide is not on this machine.
    """
    record = find_search(case, search)
    recipe = next(known for known in recipes(case) if known.key == record.recipe_key)
    pictures = _Pictures(case)
    found = sorted(timeline(case, search=record.id), key=lambda a: a.rank)
    shown = [pictures.with_face(appearance) for appearance in found]
    people = _people(case, recipe, record, None if everybody else shown, pictures)
    probes, faces = shown_probes(record.probes)
    coverage, told = _coverage(case, record)
    return Searched(
        hits=tuple(a for a in shown if a.hit),
        candidates=tuple(a for a in shown if not a.hit),
        probes=probes,
        threshold=record.threshold,
        threshold_source=record.threshold_source,
        compared=record.compared,
        coverage=coverage,
        statement=record.run.get("statement", {}),
        index=record.index,
        run=_run(case, recipe, record) | {"redaction": pictures.record()},
        people=people,
        notes=(*told, *_notes(case, record)),
        pictures=pictures.files | faces,
    )


def _run(case: Case, recipe: Recipe, record: SearchRecord) -> dict[str, Any]:
    terms = dict(recipe.terms)
    own = {name: value for name, value in record.run.items() if name != "statement"}
    return {
        "started": record.started.isoformat(timespec="seconds"),
        "finished": record.finished.isoformat(timespec="seconds"),
        "settings": {"search": dict(record.settings)},
        "embedder": terms.pop("comparison", None),
        "detector": terms.pop("detector", None),
        "recipe": {"key": recipe.key, "terms": terms},
        "case": {"id": case.id, "name": case.name},
        "search": record.id,
        "operator": _operator(case, record.id),
        "probe_records": _probe_records(case, record.id),
        **own,
    }


def _operator(case: Case, search: int) -> str | None:
    """Who searched, by the log of the case."""
    found = (e for e in entries(case) if e["action"] == "search" and e["details"].get("search") == search)
    entry = next(found, None)
    if entry is None:
        return None
    name, stated = entry["operator"]["name"], entry["operator"]["stated"]
    return Operator(name, stated=stated).describe()


def _probe_records(case: Case, search: int) -> list[dict[str, str]]:
    """Where the pictures of the probes came from, a line each."""
    return [
        {"probe": each.name, "line": NOT_RECORDED if each.record is None else each.record.line()}
        for each in probe_register(case)
        if search in each.searches
    ]


def _notes(case: Case, record: SearchRecord) -> tuple[str, ...]:
    later = dict.fromkeys(indexed_after(case, record))
    if not later:
        return ()
    return (
        f"Indexed after this search, wholly or in part, and not in it: {', '.join(later)}. "
        "The coverage below is that of the case as it is now.",
    )


def _coverage(case: Case, record: SearchRecord) -> tuple[Coverage, tuple[str, ...]]:
    """What of the case the search went through, and what must be said of that."""
    limits = record.run.get("selection") or {}
    try:
        return select(case, record.recipe_key, recorded_selection(limits)).coverage, ()
    except UsageError as error:
        told = (
            f"This search was limited to a part of the case that cannot be drawn any more ({error.reason})."
        )
        return coverage_of(case, record), (f"{told} The coverage below is that of the whole case.",)


class _Pictures:
    """The faces that the report shows; whoever else is in them is hidden, as in all pictures of a case."""

    def __init__(self, case: Case) -> None:
        self.files: dict[str, bytes] = {}
        self._case, self._check = case, case_check(case)

    def with_face(self, appearance: Appearance) -> Appearance:
        """With the picture that the case keeps of its best face; frames are not kept in a case."""
        if appearance.tracklet is None or appearance.best_face is None:
            return appearance
        kind = "hit" if appearance.hit else "candidate"
        name = f"stills/{kind}-{appearance.rank:04}-face.jpg"
        return replace(appearance, still=self.add(name, appearance.tracklet, appearance.best_face))

    def add(self, name: str, tracklet: int, face: int) -> str | None:
        """Put the picture of a face among the files; None where the case keeps none that may be shown."""
        picture = shown_picture(self._case, tracklet, face, self._check)
        if picture is None:
            return None
        self.files[name] = picture
        return name

    def record(self) -> dict[str, Any]:
        """What was done to the pictures, under the names that a search uses."""
        return {"unredacted": False, "checked": self._check.how.describe(), "pictures": len(self.files)}


def _people(
    case: Case,
    recipe: Recipe,
    record: SearchRecord,
    only: Iterable[Appearance] | None,
    pictures: _Pictures,
) -> tuple[PersonShown, ...]:
    """Persons, those with most appearances first; whoever is no candidate only where everybody was asked for."""
    numbers = None if only is None else sorted({a.person for a in only if a.person is not None})
    if numbers is not None and not numbers:
        return ()
    gap = float(record.settings.get("join_gap_seconds", SearchSettings().join_gap_seconds))
    persons: Sequence[Person] = people_of(case, recipe, join_gap_seconds=gap, only=numbers).persons
    return tuple(_person(person, pictures) for person in persons[:MOST_PEOPLE])


def _person(person: Person, pictures: _Pictures) -> PersonShown:
    name = f"stills/person-{person.number:04}-face.jpg"
    return PersonShown(
        number=person.number,
        appearances=person.appearances,
        places=person.cameras or person.exhibits,
        seen=interval(iso_time(person.first), iso_time(person.last)) or "",
        picture=pictures.add(name, person.best, 0),
    )
