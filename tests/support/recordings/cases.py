"""The table of recordings: what each is, and what has to come of it. Its format is told in the table itself."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from recordings.clocks import uneven_times
from recordings.picture import HEIGHT, WIDTH
from recordings.studio import RATE

TABLE = Path(__file__).resolve().parents[2] / "recordings" / "cases.toml"
_OF_SHARED_DATA = "odd/"
STATUSES = ("searched", "gaps", "none")


@dataclass(frozen=True)
class Expected:
    """What has to come of one video stream of one file; the fields are told in the table's head."""

    file: str
    status: str
    stream: int = 0
    frames: int = 0
    good: int = -1
    barcode: bool = True
    first: int = 0
    shifts: tuple[tuple[int, int], ...] = ()
    times: str = "even"
    sources: tuple[str, ...] = ("pts",)
    segments: int = 1
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    suspect: tuple[int, ...] = ()
    blind: bool = False
    size: tuple[int, ...] = (WIDTH, HEIGHT)
    rotation: int = 0
    shown: tuple[int, ...] = ()
    deinterlaced: bool = False
    reason: str = ""
    hint: str = ""
    clock: datetime | None = None
    source: str = ""
    told: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.statuses) <= set(STATUSES):
            raise ValueError(f"{self.file}: status is {self.status}, not one of {STATUSES}")
        if (self.status == "none") != bool(self.reason):
            raise ValueError(f"{self.file}: what is not searched has a reason, and nothing else has")
        if "none" not in self.statuses and not self.frames:
            raise ValueError(f"{self.file}: how many frames?")

    @property
    def statuses(self) -> list[str]:
        return self.status.split("|")

    @property
    def least_good(self) -> int:
        if not self.barcode:
            return 0
        return self.frames if self.good < 0 else self.good

    @property
    def id(self) -> str:
        return self.file + (f":{self.stream}" if self.stream else "")

    def path(self, made: Path, shared_data: Path | None) -> Path:
        """Where the file is: among those made, or in the shared test data."""
        if not self.file.startswith(_OF_SHARED_DATA):
            return made / self.file
        if shared_data is None:
            raise FileNotFoundError(self.file)
        return shared_data / self.file

    @property
    def is_made(self) -> bool:
        return not self.file.startswith(_OF_SHARED_DATA)

    def seconds_of(self, number: int) -> Fraction:
        """Media time at which the frame with this number is shown; from an unknown zero where ``first`` is -1."""
        n = number - max(self.first, 0)
        if self.times == "uneven":
            return Fraction(uneven_times()[n], 1000)
        shift = sum(seconds for at, seconds in self.shifts if n >= at)
        return Fraction(n, RATE) + shift


@dataclass(frozen=True)
class Case:
    """A kind of recording, told for a person, and the files that stand for it."""

    group: str
    title: str
    happens: str
    does: str
    files: tuple[Expected, ...]
    test: str = ""


@dataclass(frozen=True)
class Group:
    """A section of the page."""

    key: str
    title: str
    intro: str


def read_table(path: Path = TABLE) -> tuple[list[Group], list[Case]]:
    """The groups in the order of the page, and the cases in the order of the table.

    Raises:
        ValueError, TypeError: an entry has a field that is not known, lacks one, or contradicts itself.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = [Group(**group) for group in table["group"]]
    cases = [_case(dict(case)) for case in table["case"]]
    for case in cases:
        if case.group not in {group.key for group in groups}:
            raise ValueError(f"{case.title}: no group {case.group}")
        if bool(case.files) == bool(case.test):
            raise ValueError(f"{case.title}: either files or a test")
    return groups, cases


def expectations() -> list[Expected]:
    """Every entry of every case."""
    return [expected for case in read_table()[1] for expected in case.files]


def _case(values: dict[str, Any]) -> Case:
    files = tuple(_expected(file) for file in values.pop("file", []))
    return Case(files=files, **values)


def _expected(values: dict[str, Any]) -> Expected:
    known = {field.name for field in dataclasses.fields(Expected)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"{values.get('file')}: no field {', '.join(sorted(unknown))}")
    return Expected(**{name: _frozen(value) for name, value in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
