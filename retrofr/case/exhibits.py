"""Recipes and exhibits of a case, and what of the footage is not in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from retrofr.case.encoding import pack, unpack
from retrofr.case.store import Case, now
from retrofr.errors import CaseError
from retrofr.recipe import Recipe
from retrofr.records import Exhibit
from retrofr.results import Unsearched


@dataclass(frozen=True)
class StoredExhibit:
    """An exhibit as it was last taken in. ``hash_check`` is what a hash list says of it, None without a list."""

    id: int
    exhibit: Exhibit
    added: datetime
    hash_check: str | None
    notices: tuple[str, ...]


@dataclass(frozen=True)
class _ExhibitRecord:
    exhibit: Exhibit
    hash_check: str | None
    notices: tuple[str, ...]


def put_recipe(case: Case, recipe: Recipe) -> int:
    """Keep a recipe and make it the active one; gives its id. One that is known is not kept twice."""
    with case.transaction():
        case.fetch_all(
            "INSERT INTO recipes (key, comparison, comparison_key, dimensions, terms, used) "
            "VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(used), 0) + 1 FROM recipes)) "
            "ON CONFLICT (key) DO UPDATE SET used = excluded.used "
            "WHERE used < (SELECT max(used) FROM recipes)",
            (
                recipe.key,
                recipe.comparison,
                recipe.comparison_key,
                recipe.dimensions,
                plain_json(recipe.terms),
            ),
        )
        return recipe_id(case, recipe.key)


def recipes(case: Case) -> list[Recipe]:
    """All recipes, in the order of their first use."""
    return [_recipe(row) for row in case.execute(f"SELECT {_RECIPE} FROM recipes ORDER BY id")]


def active_recipe(case: Case) -> Recipe | None:
    """The recipe that was put last; None in a case that was never indexed into."""
    row = case.fetch_one(f"SELECT {_RECIPE} FROM recipes ORDER BY used DESC LIMIT 1")
    return None if row is None else _recipe(row)


def recipe_id(case: Case, key: str) -> int:
    """The id of a recipe.

    Raises:
        CaseError: it is not in the case.
    """
    row = case.fetch_one("SELECT id FROM recipes WHERE key = ?", (key,))
    if row is None:
        raise CaseError(f"holds nothing of the recipe {key[:12]}", subject=str(case.path))
    return int(row[0])


_RECIPE = "key, comparison, comparison_key, dimensions, terms"


def _recipe(row: tuple[Any, ...]) -> Recipe:
    key, comparison, comparison_key, dimensions, terms = row
    return Recipe(key, comparison, comparison_key, dimensions, json.loads(terms))


def put_exhibit(case: Case, exhibit: Exhibit, *, hash_check: str | None, notices: Sequence[str]) -> int:
    """Keep an exhibit, by its SHA-256; gives its id.

    Of one that is known, path, name, camera, clock and notices are renewed, and ``hash_check`` where one is given.
    """
    with case.transaction():
        known = find_exhibit(case, sha256=exhibit.sha256)
        if hash_check is None and known is not None:
            hash_check = known.hash_check
        record = pack(_ExhibitRecord(exhibit, hash_check, tuple(notices)))
        case.fetch_all(
            "INSERT INTO exhibits (sha256, path, added, seen, record) "
            "VALUES (?, ?, ?, (SELECT coalesce(max(seen), 0) + 1 FROM exhibits), ?) "
            "ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, seen = excluded.seen, "
            "record = excluded.record",
            (exhibit.sha256, _path_bytes(exhibit.path), now(), record),
        )
        row = case.fetch_one("SELECT id FROM exhibits WHERE sha256 = ?", (exhibit.sha256,))
        assert row is not None
        return int(row[0])


def exhibits(case: Case) -> list[StoredExhibit]:
    """All exhibits, in the order in which they were added."""
    return list(_exhibits(case, "ORDER BY id", ()))


def find_exhibit(case: Case, *, sha256: str | None = None, path: Path | None = None) -> StoredExhibit | None:
    """An exhibit by its digest, or by where it lay when it was last taken in (the latest of several); None if absent.

    Where both are given, both must fit.
    """
    if sha256 is None and path is None:
        raise ValueError("expected sha256 or path")
    wanted = {"sha256": sha256, "path": None if path is None else _path_bytes(path)}
    given = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in given)
    found = list(_exhibits(case, f"WHERE {where} ORDER BY seen DESC LIMIT 1", tuple(given.values())))
    return found[0] if found else None


def exhibit_by_id(case: Case, exhibit_id: int) -> StoredExhibit:
    """An exhibit by its id (CaseError where there is none)."""
    for found in _exhibits(case, "WHERE id = ?", (exhibit_id,)):
        return found
    raise CaseError(f"holds no exhibit {exhibit_id}", subject=str(case.path))


def _exhibits(case: Case, rest: str, parameters: tuple[Any, ...]) -> Iterator[StoredExhibit]:
    for row in case.fetch_all(f"SELECT id, added, record FROM exhibits {rest}", parameters):
        record = _unpacked(row[2], str(case.path))
        added = datetime.fromisoformat(row[1])
        yield StoredExhibit(row[0], record.exhibit, added, record.hash_check, record.notices)


@lru_cache(maxsize=1024)
def _unpacked(record: bytes, subject: str) -> _ExhibitRecord:
    """Each tracklet that is read asks for its exhibit again."""
    return unpack(record, _ExhibitRecord, subject)


def _path_bytes(path: Path) -> bytes:
    return os.fsencode(path.absolute())


def note_unsearched(
    case: Case,
    recipe_key: str,
    items: Sequence[Unsearched],
    left_out: Sequence[Unsearched],
    ignored: Sequence[str],
) -> None:
    """Keep what a run did not search; earlier notes on the same subjects are replaced.

    A note goes away once an exhibit of that name or path is finished.
    """
    notes = [("unsearched", item.subject, pack(item)) for item in items]
    notes += [("left out", item.subject, pack(item)) for item in left_out]
    notes += [("ignored", name, b"") for name in ignored]
    with case.transaction():
        recipe = recipe_id(case, recipe_key)
        forget_unsearched(case, recipe, [subject for _, subject, _ in notes])
        case.execute_many(
            "INSERT OR IGNORE INTO unsearched VALUES (?, ?, ?, ?)",
            [(recipe, kind, _subject_bytes(subject), record) for kind, subject, record in notes],
        )


def forget_unsearched(case: Case, recipe: int, subjects: Sequence[str]) -> None:
    """Take away the notes on some subjects, of one recipe."""
    case.execute_many(
        "DELETE FROM unsearched WHERE recipe_id = ? AND subject = ?",
        [(recipe, _subject_bytes(subject)) for subject in dict.fromkeys(subjects)],
    )


def unsearched(case: Case, recipe_key: str) -> tuple[list[Unsearched], list[Unsearched], list[str]]:
    """What was not searched, what was left out on purpose, and the files that were ignored."""
    found: Mapping[str, list[Any]] = {"unsearched": [], "left out": [], "ignored": []}
    rows = case.fetch_all(
        "SELECT kind, subject, record FROM unsearched WHERE recipe_id = ? ORDER BY rowid",
        (recipe_id(case, recipe_key),),
    )
    for kind, subject, record in rows:
        text = bytes(subject).decode("utf-8", "surrogatepass")
        found[kind].append(text if kind == "ignored" else unpack(record, Unsearched, str(case.path)))
    return found["unsearched"], found["left out"], found["ignored"]


def _subject_bytes(subject: str) -> bytes:
    return subject.encode("utf-8", "surrogatepass")  # names of files need not be UTF-8


def plain_json(values: Any) -> str:
    """Plain values as JSON in one form only, so that equal values give equal text; fractions become text."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
