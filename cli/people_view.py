"""Persons of a case for people and for scripts: tables, documents, and the faces of a contact sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.case.person_detail import PersonDetail, PersonTracklet
from retrofr.case.person_facts import People, Person
from retrofr.case.store import Case
from retrofr.case_stills import case_check, shown_picture
from retrofr.clock import format_seconds
from retrofr.contact_sheet import FORMATS, MOST_FACES, SheetFace, contact_sheet
from retrofr.errors import OutputError, UsageError
from retrofr.recipe import Recipe

from .text import counted, enumerated, shown
from .times import media_time, wall_clock

PEOPLE_SCHEMA = "retrofr.people/1"
PERSON_SCHEMA = "retrofr.person/1"
DETAIL_SCHEMA = "retrofr.person_detail/1"
COLUMNS = (
    "number",
    "appearances",
    "tracklets",
    "faces",
    "first_time",
    "last_time",
    "cameras",
    "exhibits",
    "spread",
    "mean_score",
    "least_score",
    "tracklets_below",
    "best_tracklet",
    "schema",
)
"""The columns of a person in CSV and its keys in JSON; new ones may be added."""

UNNAMED = "A person is a cluster of faces that look alike. Nobody was identified."
NAMES = 3
DIGITS = 3


def listed(people: People, *, everybody: bool) -> list[Person]:
    """Those that are shown: without ``everybody``, those of more than one tracklet."""
    return [person for person in people.persons if everybody or len(person.tracklets) > 1]


def person_document(person: Person) -> dict[str, Any]:
    """A person as plain values under the names of COLUMNS."""
    return {
        "number": person.number,
        "appearances": person.appearances,
        "tracklets": len(person.tracklets),
        "faces": person.faces,
        "first_time": _iso(person.first),
        "last_time": _iso(person.last),
        "cameras": list(person.cameras),
        "exhibits": list(person.exhibits),
        "spread": person.spread,
        "mean_score": _rounded(person.mean_score),
        "least_score": _rounded(person.least_score),
        "tracklets_below": person.below,
        "best_tracklet": person.best,
        "schema": PERSON_SCHEMA,
    }


def people_document(case: Case, recipe: Recipe, people: People) -> dict[str, Any]:
    """What holds for all persons."""
    state = people.clustered
    return {
        "schema": PEOPLE_SCHEMA,
        "case": case.name,
        "case_id": case.id,
        "recipe": recipe.key,
        "embedder": recipe.comparison,
        "persons": len(people.persons),
        "persons_of_one_tracklet": sum(len(person.tracklets) == 1 for person in people.persons),
        "tracklets": sum(len(person.tracklets) for person in people.persons),
        "tracklets_not_clustered": people.unclustered,
        "clustered": None if state is None else state.at.isoformat(),
        "settings": None if state is None else dict(state.settings),
        "decisions": [_decision(decision) for decision in people.decisions],
    }


def csv_of_people(persons: Sequence[Person]) -> str:
    """A line of names, then a line for each person; lists are joined by semicolons."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for person in persons:
        values = person_document(person).values()
        writer.writerow(["; ".join(value) if isinstance(value, list) else value for value in values])
    return text.getvalue()


def detail_document(detail: PersonDetail) -> dict[str, Any]:
    """A person with its appearances, tracklets and decisions."""
    from retrofr.documents import record

    return {
        **person_document(detail.person),
        "schema": DETAIL_SCHEMA,
        "appearance_list": [record(appearance) for appearance in detail.appearances],
        "tracklet_list": [_tracklet(each) for each in detail.tracklets],
        "decisions": [_decision(decision) for decision in detail.decisions],
    }


def print_people(console: Console, people: People, *, everybody: bool) -> None:
    """Print persons, those with most appearances first."""
    persons = listed(people, everybody=everybody)
    single = len(people.persons) - len(persons)
    console.print()
    if persons:
        named = any(person.cameras for person in persons)
        table = _table("person", "appearances", "tracklets", "cameras" if named else "exhibits")
        clock = any(person.first for person in persons)
        if clock:
            table.add_column("first seen – last seen")
        table.add_column("tracklets with each other")
        for person in persons:
            cells = [str(person.number), str(person.appearances), str(len(person.tracklets)), _places(person)]
            table.add_row(*cells, *([_seen(person)] if clock else []), how_sure(person))
        console.print(table)
        console.print()
    for line in _footnotes(people, len(persons), single):
        console.print(line)
    console.print(Text(UNNAMED, style="italic"))


def how_sure(person: Person) -> str:
    """``tight: mean 5.10, least 4.02``: how much alike its tracklets are, which says nothing of who it is."""
    if person.mean_score is None or person.least_score is None:
        return person.spread
    scores = f"mean {person.mean_score:.2f}, least {person.least_score:.2f}"
    below = f", {person.below} below the threshold" if person.below else ""
    return f"{person.spread}: {scores}{below}"


def _footnotes(people: People, number: int, single: int) -> list[Text]:
    notes = []
    if single:
        more = "more " if number else ""
        who = "person has" if single == 1 else "persons have"
        notes.append(Text(f"{single:,} {more}{who} one tracklet only (--all lists them)", style="dim"))
    if not people.persons:
        notes.append(Text("No face in this case could be compared, so there are no persons."))
    if people.unclustered:
        they = "is" if people.unclustered == 1 else "are"
        what = counted(people.unclustered, "tracklet")
        notes.append(Text(f"{what} {they} not clustered yet: `retrofr people` does that", style="yellow"))
    if people.clustered is not None:
        settings = people.clustered.settings
        notes.append(
            Text(
                f"one person: mean score of {settings['threshold']:g} or more ({settings['threshold_source']})",
                style="dim",
            )
        )
    return notes


def print_detail(console: Console, detail: PersonDetail) -> None:
    """Print a person: its appearances, its tracklets, what was decided."""
    person = detail.person
    console.print()
    counts = [counted(person.appearances, "appearance"), counted(len(person.tracklets), "tracklet")]
    console.print(Text.assemble((f"Person {person.number}", "bold"), f"  {', '.join(counts)}"))
    console.print(Text(f"tracklets with each other: {how_sure(person)}", style="dim"))
    console.print()
    clock = any(appearance.start_time for appearance in detail.appearances)
    table = _table("appearance", "exhibit", "media time", *(["wall clock"] if clock else []), "faces")
    for number, seen in enumerate(detail.appearances, 1):
        camera = f" ({shown(seen.camera)})" if seen.camera else ""
        cells = [str(number), f"{shown(seen.exhibit)}{camera}", media_time(seen)]
        table.add_row(*cells, *([wall_clock(seen)] if clock else []), str(seen.faces_seen))
    console.print(table)
    console.print()
    table = _table("tracklet", "appearance", "start", "faces", "score with the others", "next person")
    for each in detail.tracklets:
        own = "" if each.score is None else f"{each.score:.2f}"
        other = "" if each.next_score is None else f"{each.next_person} ({each.next_score:.2f})"
        start = format_seconds(each.tracklet.first.seconds)
        table.add_row(str(each.id), str(each.appearance), start, str(each.tracklet.faces), own, other)
    console.print(table)
    console.print()
    for decision in detail.decisions:
        at = decision.at.isoformat(sep=" ", timespec="seconds")
        why = f": {shown(decision.why)}" if decision.why else ""
        console.print(Text(f"{at} {shown(decision.by)}: {decision.describe()}{why}"))
    console.print(Text(UNNAMED, style="italic"))


def check_sheet(path: Path) -> None:
    """Refuse a contact sheet that could not be written, before anything is clustered for it."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"a contact sheet ends in {', '.join(FORMATS)}", subject=f"--sheet {path}")
    if path.exists() or path.is_symlink():
        raise OutputError(
            "exists already, and a contact sheet is never overwritten",
            subject=str(path),
            hint="name another file, or move this one away",
        )


def write_sheet(case: Case, people: People, path: Path, *, everybody: bool) -> None:
    """Write the best face of each person listed, or of the first of them; whoever else is in it is hidden."""
    persons = listed(people, everybody=everybody)
    number = counted(len(persons), "person")
    if len(persons) > MOST_FACES:
        number = f"the {MOST_FACES} persons with most appearances, of {len(persons):,}"
    heading = f"{case.name}: {number}, unnamed" + ("" if everybody else ", of more than one tracklet")
    check = case_check(case)
    faces = [
        SheetFace(
            f"person {person.number}",
            counted(person.appearances, "appearance"),
            shown_picture(case, person.best, 0, check),
        )
        for person in persons[:MOST_FACES]
    ]
    picture = contact_sheet(faces, heading, suffix=path.suffix)
    try:
        with path.open("xb") as file:
            file.write(picture)
    except FileExistsError:
        check_sheet(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        justify: Any = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    return table


_NUMBERS = ("person", "appearances", "tracklets", "appearance", "tracklet", "faces", "score with the others")


def _places(person: Person) -> str:
    return enumerated([shown(name) for name in person.cameras or person.exhibits], NAMES)


def _seen(person: Person) -> str:
    if person.first is None or person.last is None:
        return ""
    first, last = (f"{moment:%Y-%m-%d %H:%M:%S%z}" for moment in (person.first, person.last))
    return f"{first} – {last}"


def _tracklet(each: PersonTracklet) -> dict[str, Any]:
    tracklet = each.tracklet
    return {
        "tracklet": each.id,
        "appearance": each.appearance,
        "exhibit": tracklet.exhibit.name,
        "stream": tracklet.first.stream,
        "start_seconds": round(float(tracklet.first.seconds), 6),
        "end_seconds": round(float(tracklet.last.until_seconds), 6),
        "faces": tracklet.faces,
        "score": _rounded(each.score),
        "next_person": each.next_person,
        "next_score": _rounded(each.next_score),
    }


def _decision(decision: Any) -> dict[str, Any]:
    return {
        "at": decision.at.isoformat(),
        "by": decision.by,
        "kind": decision.kind,
        "persons": list(decision.numbers),
        "why": decision.why,
        "what": decision.describe(),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, DIGITS)
