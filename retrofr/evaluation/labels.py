"""What the user knows beside the labels of photos: pairs of people whose labels are in doubt, and groups of people."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrofr.errors import UsageError
from retrofr.evaluation.material import PhotoMaterial, read_table
from retrofr.rates.comparisons import Mask


@dataclass(frozen=True)
class Exclusion:
    """Two people whose labels are in doubt where they meet: comparisons between them do not count."""

    people: tuple[str, str]
    reason: str


def read_exclusions(path: Path) -> tuple[Exclusion, ...]:
    """Read pairs of people to leave out: TOML, a ``[[pair]]`` each with ``people`` (two names) and ``reason``.

    Raises:
        UsageError: it cannot be read, or a pair is not two different people with a reason; the pair is named.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"is not a TOML file: {error}", subject=str(path)) from error
    pairs = values.get("pair")
    if not isinstance(pairs, list) or set(values) != {"pair"}:
        raise UsageError("expected [[pair]] entries and nothing else", subject=str(path))
    found: list[Exclusion] = []
    for number, pair in enumerate(pairs, 1):
        where = f"{path}, pair {number}"
        people = pair.get("people") if isinstance(pair, dict) else None
        if not isinstance(people, list) or len({str(name) for name in people}) != 2 or len(people) != 2:
            raise UsageError("expected people = [ONE, OTHER]", subject=where)
        reason = pair.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError("has no reason, and nothing is left out without one", subject=where)
        found.append(Exclusion((str(people[0]), str(people[1])), reason))
    return tuple(found)


def excluded_pairs(material: PhotoMaterial, exclusions: Sequence[Exclusion]) -> Mask:
    """(n, n) True where two photos are of a pair of people that is left out."""
    places = {name: number for number, name in enumerate(material.names)}
    out = np.zeros((len(places), len(places)), bool)
    for one, other in (exclusion.people for exclusion in exclusions):
        if one in places and other in places:
            out[places[one], places[other]] = out[places[other], places[one]] = True
    return np.asarray(out[np.ix_(material.people, material.people)])


def not_in_material(material: PhotoMaterial, exclusions: Sequence[Exclusion]) -> tuple[str, ...]:
    """People that exclusions name and nobody has a photo of."""
    named = {name for exclusion in exclusions for name in exclusion.people}
    return tuple(sorted(named - set(material.names)))


@dataclass(frozen=True)
class Groups:
    """Which group each of the people is in, by name, and the file that says so."""

    source: Path
    groups: Mapping[str, str]

    def numbered(self, names: Sequence[str]) -> dict[int, str]:
        """The groups of these people, by their place among them; people in no group are not in it."""
        return {number: self.groups[name] for number, name in enumerate(names) if name in self.groups}


def read_groups(path: Path, names: Sequence[str]) -> Groups:
    """Read the groups that the user holds labels of: a table with the columns ``identity`` and ``group``.

    Args:
        path: CSV, or TSV by its name.
        names: the people of the material.

    Raises:
        UsageError: it cannot be read, a name is not in the material or listed twice, or a row has no group.
    """
    groups: dict[str, str] = {}
    for line, row in read_table(path, ("identity", "group")):
        where, name, group = f"{path}, line {line}", row["identity"], row["group"]
        if not name or not group:
            raise UsageError(f"names no {'group' if name else 'identity'}", subject=where)
        if name not in names:
            raise UsageError(f"there is nobody called {name} in the material", subject=where)
        if name in groups:
            raise UsageError(f"{name} is listed twice", subject=where)
        groups[name] = group
    if not groups:
        raise UsageError("puts nobody in a group", subject=str(path))
    return Groups(path, groups)
