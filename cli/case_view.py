"""What is in a case, and which cases there are: for a person, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from retrofr.clock import format_seconds

from .text import counted, human_bytes, shown

if TYPE_CHECKING:
    from rich.console import Console

    from retrofr.case.describe import CaseFacts, ExhibitFacts, RecipeFacts
    from retrofr.case.finding import FoundCase
    from retrofr.case.retention import Retention

CASE_SCHEMA = "retrofr.case_facts/1"
LIST_SCHEMA = "retrofr.case_list/1"
SHORT_KEY = 12


def facts_document(facts: CaseFacts) -> dict[str, Any]:
    """``case show --format json``."""
    return {
        "schema": CASE_SCHEMA,
        "id": facts.id,
        "name": facts.name,
        "path": str(facts.path),
        "created": facts.created.isoformat(),
        "read_only": facts.read_only,
        "size_bytes": facts.size_bytes,
        "log_bytes": facts.log_bytes,
        "tracklets": facts.tracklets,
        "templates": facts.templates,
        "face_pictures": facts.face_pictures,
        "face_picture_bytes": facts.picture_bytes,
        "probe_images": facts.probe_images,
        "searches": facts.searches,
        "people": facts.people,
        "kept_index_bytes": facts.kept_index_bytes,
        "retention": _retention_fields(facts.retention),
        "exhibits": [_exhibit_fields(exhibit) for exhibit in facts.exhibits],
        "recipes": [_recipe_fields(recipe) for recipe in facts.recipes],
    }


def _retention_fields(retention: Retention) -> dict[str, Any]:
    hold = retention.hold
    return {
        "until": None if retention.until is None else str(retention.until),
        "past_due": retention.is_past_due(),
        "hold": None
        if hold is None
        else {"since": hold.since.isoformat(), "reason": hold.reason, "by": hold.by},
    }


def _exhibit_fields(exhibit: ExhibitFacts) -> dict[str, Any]:
    return {
        "name": exhibit.name,
        "path": str(exhibit.path),
        "sha256": exhibit.sha256,
        "size_bytes": exhibit.size_bytes,
        "camera": exhibit.camera,
        "added": exhibit.added.isoformat(),
        "recipes": list(exhibit.recipes),
        "unfinished": list(exhibit.unfinished),
    }


def _recipe_fields(recipe: RecipeFacts) -> dict[str, Any]:
    return {
        "key": recipe.key,
        "comparison": recipe.comparison,
        "dimensions": recipe.dimensions,
        "active": recipe.active,
        "exhibits": recipe.exhibits,
        "unfinished": recipe.unfinished,
        "searched_seconds": float(recipe.searched_seconds),
        "tracklets": recipe.tracklets,
        "templates": recipe.templates,
        "has_gaps": recipe.has_gaps,
    }


def print_facts(console: Console, facts: CaseFacts) -> None:
    """``case show`` for a person: what it is, what is in it, what is unfinished, what is searchable."""
    console.print(Text(shown(facts.name), style="bold"))
    grid = _grid()
    size = human_bytes(facts.size_bytes)
    if facts.log_bytes:
        size += f" and {human_bytes(facts.log_bytes)} that are still in its log"
    grid.add_row("file", f"{shown(str(facts.path))}{' (read-only)' if facts.read_only else ''}")
    grid.add_row("size", size)
    grid.add_row("id", facts.id)
    grid.add_row("created", facts.created.isoformat(sep=" ", timespec="seconds"))
    grid.add_row("retention", shown(facts.retention.describe()))
    grid.add_row(
        "exhibits", f"{len(facts.exhibits):,}, {human_bytes(sum(e.size_bytes for e in facts.exhibits))}"
    )
    grid.add_row("tracklets", f"{facts.tracklets:,}, with {counted(facts.templates, 'template')}")
    grid.add_row("pictures", f"{counted(facts.face_pictures, 'face')}, {human_bytes(facts.picture_bytes)}")
    grid.add_row("searches", f"{facts.searches:,}, with {counted(facts.probe_images, 'probe picture')}")
    grid.add_row("people", f"{facts.people:,}")
    if facts.kept_index_bytes:
        grid.add_row("kept index", human_bytes(facts.kept_index_bytes))
    console.print(_indented(grid))
    _print_recipes(console, facts)
    _print_unfinished(console, facts)


def _print_recipes(console: Console, facts: CaseFacts) -> None:
    console.print()
    if not facts.recipes:
        console.print("Nothing is indexed yet: retrofr index FOOTAGE... --case DIR", markup=False)
        return
    console.print(Text("Searchable with", style="bold"))
    for recipe in facts.recipes:
        console.print(Text(f"  {shown(recipe.comparison)}{'' if recipe.active else ', not the last used'}"))
        grid = _grid()
        done = counted(recipe.exhibits, "exhibit")
        if recipe.unfinished:
            done += f" and {recipe.unfinished:,} unfinished"
        grid.add_row("footage", f"{done}, {format_seconds(recipe.searched_seconds)} searched")
        grid.add_row(
            "faces",
            f"{counted(recipe.tracklets, 'tracklet')}, {counted(recipe.templates, 'template')} "
            f"of {recipe.dimensions} dimensions",
        )
        if recipe.has_gaps:
            grid.add_row("gaps", "not all of the footage could be searched; every search says what")
        grid.add_row("recipe", recipe.key[:SHORT_KEY])
        console.print(_indented(grid, 4))


def _print_unfinished(console: Console, facts: CaseFacts) -> None:
    unfinished = [exhibit for exhibit in facts.exhibits if exhibit.unfinished or not exhibit.recipes]
    if not unfinished:
        return
    console.print()
    console.print(Text("Not indexed to the end (`retrofr index` goes on)", style="bold yellow"))
    for exhibit in unfinished:
        how_far = "; ".join(exhibit.unfinished) or "not indexed yet"
        console.print(Text(f"  {shown(exhibit.name)}: {how_far}"))


def list_document(found: Sequence[FoundCase]) -> dict[str, Any]:
    """``case list --format json``."""
    return {
        "schema": LIST_SCHEMA,
        "cases": [
            {
                "id": case.id,
                "name": case.name or None,
                "folder": None if case.path is None else str(case.path),
                "created": None if case.created is None else case.created.isoformat(),
                "size_bytes": case.size_bytes,
                "has_key": case.has_key,
                "here": case.here,
                "problem": case.problem,
                "retain_until": None if case.retain_until is None else str(case.retain_until),
                "on_hold": case.on_hold,
            }
            for case in found
        ],
    }


def print_list(console: Console, found: Sequence[FoundCase]) -> None:
    """``case list`` for a person: one block a case."""
    if not found:
        console.print("No case is here, and no key of one: retrofr case create DIR makes one.", markup=False)
    for case in found:
        name = shown(case.name) or "a case"
        size = "" if case.size_bytes is None else f", {human_bytes(case.size_bytes)}"
        console.print(Text.assemble((name, "bold"), size))
        grid = _grid()
        if case.path is not None:
            grid.add_row(
                "folder",
                shown(str(case.path)) if case.here else f"not found here; was {shown(str(case.path))}",
            )
        if case.id is not None:
            grid.add_row("id", case.id)
        if case.created is not None:
            grid.add_row("created", case.created.isoformat(sep=" ", timespec="seconds"))
        if case.retain_until is not None or case.on_hold:
            grid.add_row("retention", _label_retention(case))
        if case.problem is not None:
            grid.add_row("problem", case.problem)
        elif not case.has_key:
            grid.add_row("key", "not in the key store: retrofr case key import FILE")
        else:
            grid.add_row("key", "in the key store")
        console.print(_indented(grid))


def _label_retention(case: FoundCase) -> str:
    from retrofr.case.retention import NO_DATE, Retention

    text = NO_DATE if case.retain_until is None else Retention(case.retain_until).describe()
    return f"{text}; on hold" if case.on_hold else text


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim", min_width=9)
    grid.add_column(overflow="fold")
    return grid


def _indented(grid: Table, columns: int = 2) -> Padding:
    return Padding(grid, (0, 0, 0, columns))
