"""Lists of digests that come with evidence, and which digest of them is that of which file.

``retrofr.hash_formats`` says which formats are read. MD5, SHA-1, SHA-256 and SHA-512 are told apart by length.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from retrofr.errors import UsageError
from retrofr.hash_formats import read_rows, wrong_line

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""Algorithms by the number of hexadecimal digits, the weakest first."""

LIST_SUFFIXES = (".md5", ".sha1", ".sha256", ".sha512", ".md5sum", ".sha1sum", ".sha256sum", ".hashdeep")
LIST_NAMES = ("md5sums", "sha1sums", "sha256sums", "sha512sums")
"""What a folder that is given as a list is looked through for; any case, LIST_NAMES with any suffix."""

_MOST_BYTES = 64 << 20
_Parts = tuple[str, ...]
_Fit = tuple[int, int]
"""How many parts, from the name upwards, two paths share, in any case and in the same case."""


@dataclass(frozen=True)
class Expected:
    """The digest that a list says a file has, in lower-case hexadecimal, and where it says so.

    ``name`` is as the list writes it; ``parts`` are those of the full path it stands for.
    """

    algorithm: str
    digest: str
    line: int
    list_name: str
    name: str = ""
    parts: _Parts = field(default=(), repr=False, compare=False)

    @property
    def place(self) -> str:
        """``hashes.md5, line 3``."""
        return f"{self.list_name}, line {self.line}"


@dataclass(frozen=True)
class HashList:
    """What lists say, one entry for each listed file: that of the strongest algorithm."""

    entries: tuple[Expected, ...]

    def expected(self, path: Path, name: str) -> Expected | None:
        """The digest listed for one file; as :meth:`assigned`, for a run of nothing but this file."""
        return self.assigned({path: name}).get(path)

    def assigned(self, files: Mapping[Path, str]) -> dict[Path, Expected]:
        """The entry about each file of a run; files without one are left out.

        An entry is about a file of the same name; of several, about the one that has the most folders in common
        with it, counted from the name upwards. Upper and lower case (where it leaves a choice, the same case
        wins), the kind of slash, drives and the way accents are encoded do not matter.

        Args:
            files: paths, and what outputs call them.

        Raises:
            UsageError: an entry fits two files equally well, or a file two entries with different digests.
        """
        namesakes: defaultdict[str, list[tuple[_Parts, Path]]] = defaultdict(list)
        for path in files:
            parts = path_parts(str(path.absolute()))
            namesakes[_loose(parts[-1])].append((parts, path))
        chosen: dict[Path, tuple[_Fit, Expected]] = {}
        for last in namesakes.keys() & self._by_name.keys():
            for entry in self._by_name[last]:
                fits = [(_fit(entry.parts, parts), path) for parts, path in namesakes[last]]
                (fit, path), *others = sorted(fits, reverse=True)
                if others and others[0][0] == fit:
                    raise _fits_two(entry, files[others[0][1]], files[path])
                known = chosen.get(path)
                if known and known[0] == fit and known[1].digest != entry.digest:
                    raise _listed_twice(files[path], known[1], entry)
                if known is None or known[0] < fit:
                    chosen[path] = (fit, entry)
        return {path: entry for path, (_, entry) in chosen.items()}

    def unused(self, used: Iterable[Expected]) -> tuple[Expected, ...]:
        """Entries about none of the files of a run; ``used`` are those that :meth:`assigned` gave."""
        taken = set(used)
        return tuple(entry for entry in self.entries if entry not in taken)

    @cached_property
    def _by_name(self) -> dict[str, list[Expected]]:
        groups: dict[str, list[Expected]] = {}
        for entry in self.entries:
            groups.setdefault(_loose(entry.parts[-1]), []).append(entry)
        return groups


def read_hash_lists(paths: Sequence[Path]) -> HashList:
    """Read lists, and from folders and all folders below them every file that is named like a list.

    Raises:
        UsageError: a list cannot be read, holds no digest or a line that cannot be understood, or two lines
            give one file different digests; list and line are named.
    """
    found: list[Expected] = []
    for path in paths:
        if path.is_dir():
            for file in _lists_in(path):
                found += _read(file, file.relative_to(path).as_posix())
        else:
            found += _read(path, path.name)
    return HashList(tuple(_strongest(found)))


def path_parts(path: str) -> _Parts:
    """The parts of a path of any system, without drive; accents as one character each."""
    path = re.sub(r"^[A-Za-z]:", "", path.replace("\\", "/"))
    path = posixpath.normpath(unicodedata.normalize("NFC", path))
    return tuple(part.strip() for part in path.split("/") if part)


def _loose(part: str) -> str:
    return part.casefold()


def _fit(left: _Parts, right: _Parts) -> _Fit:
    shared = exact = 0
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if _loose(a) != _loose(b):
            break
        shared += 1
        exact += a == b
    return shared, exact


def _fits_two(entry: Expected, first: str, second: str) -> UsageError:
    return UsageError(
        f"fits two files: {first} and {second}",
        subject=entry.place,
        hint="list each with its folder, or search the folders one at a time with the list of each",
    )


def _listed_twice(name: str, first: Expected, second: Expected) -> UsageError:
    return UsageError(
        f"is listed with different digests: {first.place} and {second.place}",
        subject=name,
        hint="give only the list that belongs to this footage",
    )


def _lists_in(folder: Path) -> list[Path]:
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and (file.suffix.lower() in LIST_SUFFIXES or file.stem.lower() in LIST_NAMES)
    ]
    if not files:
        known = ", ".join([*(f"*{suffix}" for suffix in LIST_SUFFIXES), *map(str.upper, LIST_NAMES)])
        raise UsageError("holds no hash list", subject=str(folder), hint=f"these are looked for: {known}")
    return files


def _strongest(entries: Iterable[Expected]) -> list[Expected]:
    kept: dict[_Parts, dict[str, Expected]] = {}
    for entry in entries:
        of_file = kept.setdefault(entry.parts, {})
        known = of_file.setdefault(entry.algorithm, entry)
        if known.digest != entry.digest:
            raise UsageError(
                f"gives {entry.name} another {entry.algorithm} than {known.place}",
                subject=entry.place,
                hint="a file has one digest; find out which line is right",
            )
    order = list(ALGORITHMS.values())
    return [max(of_file.values(), key=lambda e: order.index(e.algorithm)) for of_file in kept.values()]


def _read(path: Path, list_name: str) -> Iterator[Expected]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError("is too large for a hash list", subject=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror or error})", subject=str(path)) from error
    for line, digits, written in read_rows(data, list_name):
        algorithm = ALGORITHMS.get(len(digits))
        if algorithm is None:
            kinds = "MD5, SHA-1, SHA-256 or SHA-512"
            raise wrong_line(list_name, line, f"a digest of {len(digits)} digits is no {kinds}")
        name = written or _beside(path, list_name)
        absolute = re.match(r"[A-Za-z]:|[\\/]", name)
        # A name without a drive or root is meant from the list's own folder.
        full = name if absolute else f"{path.parent.absolute().as_posix()}/{name}"
        yield Expected(algorithm, digits.lower(), line, list_name, name, path_parts(full))


def _beside(path: Path, list_name: str) -> str:
    """The file that a list with nothing but a digest is of: ``cam1.mp4.md5`` is of ``cam1.mp4``."""
    if Path(path.stem).suffix:
        return path.stem
    beside = sorted(p.name for p in path.parent.iterdir() if p.stem == path.stem and p.suffix)
    beside = [name for name in beside if not name.lower().endswith((".txt", *LIST_SUFFIXES))]
    if len(beside) == 1:
        return beside[0]
    there = f"there are {', '.join(beside)}" if beside else "no file beside it has its name"
    raise UsageError(
        f"does not say which file its digest is of, and {there}",
        subject=list_name,
        hint="call it like that file, with the kind of digest behind: cam1.mp4.md5",
    )
