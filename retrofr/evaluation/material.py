"""Labelled photos: whose each one is, from folders or from an index file.

A folder holds either ``index.tsv`` or ``index.csv``, with a header and the columns ``file`` (relative to the folder)
and ``identity``, or a folder for each person with that person's photos in it. Whoever labels makes mistakes, and a
wrong label looks like an error of the system: every mistake that can be seen is an error that names file and line.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from retrofr.errors import ExhibitError, UsageError
from retrofr.integrity import sha256_file
from retrofr.probe_files import IMAGE_SUFFIXES
from retrofr.rates.comparisons import Numbers
from retrofr.video.footage import natural_key

INDEX_FILES = ("index.tsv", "index.csv")
LAYOUT = "a folder for each person, or index.tsv (or .csv) with the columns file and identity"
_OF_THE_SYSTEM = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, what it is called relative to the material's folder, and who its label says it shows."""

    path: Path
    name: str
    person: str


@dataclass(frozen=True)
class LeftOut:
    """Something that lies in the material and is not used, and why."""

    subject: str
    reason: str


@dataclass(frozen=True)
class PhotoMaterial:
    """Labelled photos, those of a person side by side.

    Args:
        folder: where they lie.
        source: ``a folder for each person`` or the index file's name.
        photos: in the order of people, then of names.
        left_out: files that are no photos, and pictures that are there twice.
        unreadable: photos that are labelled and cannot be read: a gap of whatever is measured.
    """

    folder: Path
    source: str
    photos: tuple[LabelledPhoto, ...]
    left_out: tuple[LeftOut, ...] = ()
    unreadable: tuple[LeftOut, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The people by number."""
        return tuple(dict.fromkeys(photo.person for photo in self.photos))

    @cached_property
    def people(self) -> Numbers:
        """(n,) number of each photo's person."""
        numbers = {name: number for number, name in enumerate(self.names)}
        return np.array([numbers[photo.person] for photo in self.photos], np.int64)

    def without(self, unreadable: Sequence[LeftOut]) -> PhotoMaterial:
        """Without photos that turned out not to be readable."""
        gone = {each.subject for each in unreadable}
        kept = tuple(photo for photo in self.photos if photo.name not in gone)
        return PhotoMaterial(self.folder, self.source, kept, self.left_out, tuple(unreadable))


def read_photos(folder: Path, *, least_people: int = 2) -> PhotoMaterial:
    """Find the photos of a folder and whose they are; pictures are not decoded.

    Args:
        folder: with an index file or a folder for each person.
        least_people: fewer than these are refused.

    Raises:
        UsageError: there is no such folder, or its labels cannot be right; file and line are named.
        ExhibitError: no photo is in it, or a file cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(
            "is not a folder" if folder.exists() else "no such folder",
            subject=str(folder),
            hint=f"labelled photos are {LAYOUT}",
        )
    found = [name for name in INDEX_FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise UsageError(
            f"holds {' and '.join(found)}, which may not agree", subject=str(folder), hint="keep one of them"
        )
    left_out: list[LeftOut] = []
    photos = _by_index(folder / found[0]) if found else _by_folders(folder, left_out)
    photos = _each_once(sorted(photos, key=_order), left_out)
    material = PhotoMaterial(
        folder, found[0] if found else "a folder for each person", tuple(photos), tuple(left_out)
    )
    if not photos:
        raise ExhibitError("no photo is in it", subject=str(folder), hint=f"labelled photos are {LAYOUT}")
    if len(material.names) < least_people:
        raise UsageError(
            f"holds photos of one person, {material.names[0]}, and error rates need at least two people",
            subject=str(folder),
            hint=f"labelled photos are {LAYOUT}",
        )
    return material


def _order(photo: LabelledPhoto) -> tuple[object, object]:
    return natural_key(photo.person), natural_key(photo.name)


def _by_index(index: Path) -> list[LabelledPhoto]:
    photos: dict[str, tuple[LabelledPhoto, int]] = {}
    for line, row in read_table(index, ("file", "identity")):
        where = f"{index}, line {line}"
        name, person = row["file"], row["identity"]
        if not name or not person:
            raise UsageError(f"names no {'identity' if name else 'file'}", subject=where)
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise UsageError(f"{name} lies outside of the folder", subject=where)
        path = index.parent / path
        if not path.is_file():
            raise UsageError(f"there is no file {name}", subject=where)
        key = str(path.resolve())
        if key in photos:
            other, at = photos[key]
            also = "" if other.person == person else f" as {other.person}, and here as {person}"
            raise UsageError(f"{name} is listed in line {at} already{also}", subject=where)
        photos[key] = (LabelledPhoto(path, Path(name).as_posix(), person), line)
    return [photo for photo, _ in photos.values()]


def read_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file, or of a tab-separated one, with the number of their line; values are stripped.

    Args:
        path: ``.tsv`` is separated by tabs, anything else by commas.
        columns: that it must have; others are given as well.

    Raises:
        UsageError: it cannot be read, a column is missing, or a row has too few or too many values.
    """
    separator = "\t" if path.suffix.casefold() == ".tsv" else ","
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter=separator)
            header = [name.strip() for name in next(rows, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise UsageError(
                    f"has no column {' or '.join(missing)}",
                    subject=f"{path}, line 1",
                    hint=f"its first line names the columns: {separator.join(columns)}".expandtabs(3),
                )
            for row in rows:
                if not any(value.strip() for value in row):
                    continue
                if len(row) != len(header):
                    raise UsageError(
                        f"has {len(row)} values for {len(header)} columns",
                        subject=f"{path}, line {rows.line_num}",
                    )
                yield rows.line_num, dict(zip(header, (value.strip() for value in row), strict=True))
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"is not a table of text ({error})", subject=str(path)) from error


def _by_folders(folder: Path, left_out: list[LeftOut]) -> list[LabelledPhoto]:
    photos = []
    try:
        for entry in _entries(folder):
            if not entry.is_dir():
                _no_persons(entry, left_out)
                continue
            for file in _entries(entry):
                name = file.relative_to(folder).as_posix()
                if file.is_dir():
                    raise UsageError(
                        "is a folder inside a person's folder", subject=str(file), hint=f"expected {LAYOUT}"
                    )
                if file.suffix.casefold() in IMAGE_SUFFIXES:
                    photos.append(LabelledPhoto(file, name, entry.name))
                else:
                    left_out.append(LeftOut(name, "not a picture, by its name"))
    except OSError as error:
        raise ExhibitError(f"cannot be read ({error.strerror})", subject=str(error.filename)) from error
    return photos


def _no_persons(entry: Path, left_out: list[LeftOut]) -> None:
    """A file beside the folders of people."""
    if entry.suffix.casefold() in IMAGE_SUFFIXES:
        raise UsageError(
            "lies in no person's folder, so nobody knows whose it is",
            subject=str(entry),
            hint=f"expected {LAYOUT}",
        )
    left_out.append(LeftOut(entry.name, "not a picture, by its name"))


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, without hidden files and those of file managers."""
    found = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    return sorted(
        (entry for entry in found if entry.name.casefold() not in _OF_THE_SYSTEM),
        key=lambda entry: natural_key(entry.name),
    )


def _each_once(photos: Sequence[LabelledPhoto], left_out: list[LeftOut]) -> list[LabelledPhoto]:
    """A picture that is there twice counts once; one that is there under two names is an error."""
    sizes = Counter(photo.path.stat().st_size for photo in photos)
    first: dict[str, LabelledPhoto] = {}
    kept = []
    for photo in photos:
        if sizes[photo.path.stat().st_size] > 1:
            digest = sha256_file(photo.path)
            other = first.setdefault(digest, photo)
            if other is not photo and other.person != photo.person:
                raise UsageError(
                    f"is the same picture as {other.name}, and labelled as another person "
                    f"({photo.person}, not {other.person})",
                    subject=str(photo.path),
                    hint="remove the one whose label is wrong",
                )
            if other is not photo:
                left_out.append(LeftOut(photo.name, f"the same picture as {other.name}"))
                continue
        kept.append(photo)
    return kept
