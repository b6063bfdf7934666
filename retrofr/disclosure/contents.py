"""What lies in a bundle: names of its files, and the documents that a verification and a replay read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from retrofr.disclosure.bag import PAYLOAD
from retrofr.documents import exact_seconds
from retrofr.errors import IntegrityError
from retrofr.recipe import Recipe
from retrofr.selection import MediaWindow
from retrofr.settings import SearchSettings

RUN_SCHEMA = "retrofr.bundle/1"
PROBES_SCHEMA = "retrofr.bundle-probes/1"

CANDIDATES = f"{PAYLOAD}candidates.jsonl"
HITS = f"{PAYLOAD}hits.csv"
COVERAGE = f"{PAYLOAD}coverage.csv"
RUN = f"{PAYLOAD}run.json"
PROBES = f"{PAYLOAD}probes.json"
AUDIT = f"{PAYLOAD}audit.jsonl"
AUDIT_HEADS = f"{PAYLOAD}audit-heads.jsonl"
OPERATORS = f"{PAYLOAD}operators.json"
AUTHORITY = f"{PAYLOAD}authority.json"
OPERATING_POINTS = f"{PAYLOAD}operating-points.toml"
REPORT = f"{PAYLOAD}report/"

ALWAYS = (CANDIDATES, HITS, COVERAGE, RUN, PROBES, AUDIT, AUDIT_HEADS, OPERATORS, AUTHORITY)
"""Files that every bundle has, beside those of the report."""

Windows = tuple[MediaWindow, ...]


@dataclass(frozen=True)
class RecordedStream:
    """How a stream was read when it was indexed; ``windows`` is the media time that was, empty for all of it."""

    stream: int
    pixel_aspect: Fraction | None
    frame_rate: Fraction | None
    windows: Windows


@dataclass(frozen=True)
class RecordedExhibit:
    """A recording that a search went through.

    Args:
        name, sha256, size_bytes, camera: of it.
        streams: those that are indexed.
        compared: the media time of which faces were compared.
        covered: the media time that the authority covers, in which every face of a tracklet lies that was compared;
            None where it does not limit the time.
    """

    name: str
    sha256: str
    size_bytes: int
    camera: str | None
    streams: tuple[RecordedStream, ...]
    compared: Windows
    covered: Windows | None = None


@dataclass(frozen=True)
class RecordedPicture:
    """A picture of a probe: of whom, its file's name and SHA-256, which face (None: the only one), and its box."""

    probe: str
    file: str
    sha256: str
    face: int | None
    box: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class RecordedSearch:
    """A search, as a bundle tells of it.

    Args:
        recipe: what the templates were made with.
        settings: of the search; ``operating_points`` is the file of the bundle, None where it has none.
        threshold: the lowest score of a hit.
        compared: how many tracklets were compared.
        selection: which part of the case, as it is recorded.
        exhibits: what it went through.
        pictures: of the probes, in their order.
        candidates: records of the appearances, ranked.
        case_id, search: of it.
        authority: reference of what it was done under; None where none is recorded.
    """

    recipe: Recipe
    settings: SearchSettings
    threshold: float
    compared: int
    selection: Mapping[str, Any]
    exhibits: tuple[RecordedExhibit, ...]
    pictures: tuple[RecordedPicture, ...]
    candidates: tuple[Mapping[str, Any], ...]
    case_id: str
    search: int
    authority: str | None


def read_recorded(folder: Path) -> RecordedSearch:
    """The search that a bundle tells of.

    Args:
        folder: of a bundle that was verified.

    Raises:
        IntegrityError: a document of it is none that this retrofr can read.
    """
    run, probes = _document(folder, RUN, RUN_SCHEMA), _document(folder, PROBES, PROBES_SCHEMA)
    points = folder / OPERATING_POINTS
    try:
        recipe = run["recipe"]
        settings = dict(run["settings"]["search"])
        settings["operating_points"] = str(points) if points.exists() else None
        lines = (folder / CANDIDATES).read_text(encoding="utf-8").split("\n")[:-1]
        return RecordedSearch(
            recipe=Recipe(
                recipe["key"],
                recipe["comparison"],
                recipe["comparison_key"],
                recipe["dimensions"],
                recipe["terms"],
            ),
            settings=SearchSettings.from_mapping(settings),
            threshold=float(run["threshold"]["score"]),
            compared=int(run["counts"]["compared"]),
            selection=run["selection"],
            exhibits=tuple(_exhibit(each) for each in run["exhibits"]),
            pictures=tuple(_pictures(probes["probes"])),
            candidates=tuple(json.loads(line) for line in lines),
            case_id=str(run["case"]["id"]),
            search=int(run["search"]),
            authority=(run.get("authority") or {}).get("reference"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"tells of no search ({error})", subject=RUN) from error


def described_exhibit(exhibit: RecordedExhibit) -> dict[str, Any]:
    """A recording as plain values; :func:`read_recorded` reads them."""
    return {
        "name": exhibit.name,
        "sha256": exhibit.sha256,
        "size_bytes": exhibit.size_bytes,
        "camera": exhibit.camera,
        "streams": [
            {
                "stream": each.stream,
                "pixel_aspect": _text(each.pixel_aspect),
                "frame_rate": _text(each.frame_rate),
                "windows": _told(each.windows),
            }
            for each in exhibit.streams
        ],
        "compared": _told(exhibit.compared),
        "covered": None if exhibit.covered is None else _told(exhibit.covered),
    }


def windows_of(pairs: Sequence[Sequence[object]]) -> Windows:
    """Windows of media time from pairs of texts or None."""
    return tuple((_fraction(start), _fraction(end)) for start, end in pairs)


def span_of(row: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Start and end of a record in exact media time."""
    return exact_seconds(row, "start"), exact_seconds(row, "end")


def _document(folder: Path, name: str, schema: str) -> dict[str, Any]:
    try:
        document = json.loads((folder / name).read_bytes())
        found = document["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"is no document of a bundle ({error})", subject=name) from error
    if found != schema:
        raise IntegrityError(
            f"is of schema {found}, and this retrofr reads {schema}", subject=name, hint="update retrofr"
        )
    return dict(document)


def _exhibit(fields: Mapping[str, Any]) -> RecordedExhibit:
    streams = [
        RecordedStream(
            int(each["stream"]),
            _fraction(each["pixel_aspect"]),
            _fraction(each["frame_rate"]),
            windows_of(each["windows"]),
        )
        for each in fields["streams"]
    ]
    covered = fields["covered"]
    return RecordedExhibit(
        name=str(fields["name"]),
        sha256=str(fields["sha256"]),
        size_bytes=int(fields["size_bytes"]),
        camera=fields["camera"],
        streams=tuple(streams),
        compared=windows_of(fields["compared"]),
        covered=None if covered is None else windows_of(covered),
    )


def _pictures(probes: Sequence[Mapping[str, Any]]) -> list[RecordedPicture]:
    return [
        RecordedPicture(probe["name"], image["file"], image["sha256"], image["face"], tuple(image["box"]))
        for probe in probes
        for image in probe["images"]
    ]


def _told(windows: Windows) -> list[list[str | None]]:
    return [[_text(start), _text(end)] for start, end in windows]


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _fraction(text: object) -> Fraction | None:
    return None if text is None else Fraction(str(text))
