"""The table of export formats. It loads nothing: help and shell completion read it as well.

A format is a module of this folder with ``export(material, options, output) -> Iterable[str]``: it writes its files to
the output and gives clauses that say which of the records, or what of them, it could not write (``docs/exports.md``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrofr.errors import UsageError

if TYPE_CHECKING:
    from retrofr.exporting.material import Material, Options
    from retrofr.exporting.outputs import Output

    Exporter = Callable[[Material, Options, Output], Iterable[str]]


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        name: as ``--format`` takes it.
        summary: what it is for, in a few words.
        suffix: what its files end in, with the dot; with ``folder`` those of its files that hold records.
        module: of this package, that writes it; empty for a part of another package.
        folder: it writes a folder of files, else one file.
        extra: the extra of retrofr that installs ``package``; None where retrofr alone is enough.
        package: the library it needs, as it is imported.
        states_coverage: what was not searched is in it as well.
        binary: not to be printed on a terminal.
        needs_footage: it is made of the recordings, not of the case alone.
        needs_case: it holds more of the case than the records, of one search, and is signed.
        cannot: what it cannot hold of any record, as a clause; empty where it holds all.
    """

    name: str
    summary: str
    suffix: str
    module: str
    folder: bool = False
    extra: str | None = None
    package: str | None = None
    states_coverage: bool = False
    binary: bool = False
    needs_footage: bool = False
    needs_case: bool = False
    cannot: str = ""


TIMES_ONLY = "columns beside probe, person, camera, score, clock and times"

FORMATS = (
    Format("csv", "spreadsheets; pandas and R", ".csv", "csv"),
    Format("jsonl", "scripts: a record a line", ".jsonl", "jsonl"),
    Format("json", "scripts: one document", ".json", "json"),
    Format(
        "parquet",
        "data frames; DuckDB, Spark, R",
        ".parquet",
        "parquet",
        extra="parquet",
        package="pyarrow",
        states_coverage=True,
        binary=True,
    ),
    Format("timesketch", "Timesketch timelines", ".jsonl", "timesketch", states_coverage=True),
    Format(
        "case-uco",
        "evidence management: CASE/UCO 1.5",
        ".jsonld",
        "case_uco",
        folder=True,
        states_coverage=True,
    ),
    Format(
        "otio",
        "editing programs: markers on each recording",
        ".otio",
        "otio",
        extra="otio",
        package="opentimelineio",
        states_coverage=True,
    ),
    Format(
        "edl",
        "editing programs: CMX 3600 cut lists",
        ".edl",
        "edl",
        folder=True,
        cannot=f"{TIMES_ONLY}; times finer than a frame, but for a comment; what was not searched",
    ),
    Format("webvtt", "cues for players", ".vtt", "webvtt", folder=True, states_coverage=True),
    Format(
        "srt",
        "subtitles for players",
        ".srt",
        "srt",
        folder=True,
        states_coverage=True,
        cannot=f"{TIMES_ONLY}; times finer than a millisecond, which are rounded outwards",
    ),
    Format(
        "clips",
        "a video of each appearance, others hidden",
        ".csv",
        "clips",
        folder=True,
        binary=True,
        needs_footage=True,
        cannot="what was not searched",
    ),
    Format(
        "bundle",
        "disclosure: all of a search, signed, to be run again",
        ".jsonl",
        "bundle",
        folder=True,
        states_coverage=True,
        binary=True,
        needs_case=True,
    ),
)


def names() -> list[str]:
    """Names of all formats, those of other packages included, in the order of the table."""
    from retrofr import registry

    own = [each.name for each in FORMATS]
    return own + [name for name in registry.names("exporters") if name not in own]


def find(name: str) -> Format:
    """The format of a name.

    Raises:
        UsageError: there is none.
    """
    for each in FORMATS:
        if each.name == name:
            return each
    if name in names():
        return Format(name, "of another package", f".{name}", module="")
    raise UsageError(f"no exporter is called {name!r}", hint=f"there are: {', '.join(names())}")


def load(name: str) -> Exporter:
    """What writes a format.

    Raises:
        UsageError: there is none of that name, or the library it needs is not installed; the extra is named.
    """
    wanted = find(name)
    if wanted.package is not None:
        _require(wanted)
    if not wanted.module:
        return _foreign(wanted)
    exporter: Exporter = importlib.import_module(f"retrofr.exporting.{wanted.module}").export
    return exporter


def _require(wanted: Format) -> None:
    assert wanted.package is not None
    try:
        importlib.import_module(wanted.package)
    except ImportError as error:
        raise UsageError(
            f"needs the package {wanted.package}, which cannot be loaded ({error})",
            subject=f"--format {wanted.name}",
            hint=f"`pip install 'retrofr[{wanted.extra}]'` installs it",
        ) from error


def _foreign(wanted: Format) -> Exporter:
    """A part of kind ``exporters`` of another package, as a format of one file."""
    from retrofr.exporting._tables import written_by

    def export(material: Material, options: Options, output: Output) -> Iterable[str]:  # noqa: ARG001  as all
        output.write(f"timeline{wanted.suffix}", written_by(wanted.name, material))
        return ()

    return export
