"""What every export is made of: the appearances of one search or of all people, and the coverage they stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import retrofr
from retrofr.case.authorities import current_authority
from retrofr.case.exhibits import exhibits
from retrofr.case.searches import SearchRecord
from retrofr.case.store import Case
from retrofr.oversight.authority import NOT_RECORDED, line_of
from retrofr.records import Exhibit, TimeRange
from retrofr.results import NOT_SEARCHED, Appearance, Coverage, StreamCoverage
from retrofr.timeline import coverage_of, find_search, timeline

if TYPE_CHECKING:
    from retrofr.redaction.clips import RedactedClip

NOT_WHOLE = (*NOT_SEARCHED, "suspect", "outside")
"""Kinds of time ranges that a reader must see beside the hits: not looked at, or not in whole pictures."""

RUN_FACTS = ("selection", "policy", "reason", "versions", "statement")
"""What of a search's run goes with its records where a format has a place for it."""

AUTHORITY_LABEL = "authority: "

MARGIN_SECONDS = Fraction(2)
"""What a clip shows before and after an appearance: how somebody came and went."""

Place = tuple[str, str]
"""An exhibit: its name and SHA-256."""


class ClipSource(Protocol):
    """Cuts clips from footage."""

    def holds(self, appearance: Appearance) -> bool:
        """Whether the recording of an appearance is there."""
        ...

    def clip(self, appearance: Appearance, start: Fraction, end: Fraction, path: Path) -> RedactedClip:
        """Write a stretch [start, end) of media time of an appearance's recording to a new file.

        Raises:
            ExhibitError: the recording cannot be read there.
            ModelError, OutputError: nothing can be written.
        """
        ...


class BundleSource(Protocol):
    """What a bundle has of a case beside the records of a search, and who signs it."""

    def files(self) -> Mapping[str, bytes]:
        """Content by name, each below ``data/``.

        Raises:
            IntegrityError: the audit log of the case was altered.
            UsageError, ModelError: nothing can be shown of the search on this machine.
        """
        ...

    def info(self) -> Mapping[str, str]:
        """What the bag says of itself, by label."""
        ...

    def sign(self, tag_manifest: bytes) -> bytes:
        """The signature over a tag manifest."""
        ...


@dataclass(frozen=True)
class Options:
    """What a user may ask of a format beside its name.

    Args:
        bom: begin CSV with a byte-order mark, by which Excel knows UTF-8.
        table: write a table of comma-separated values where the format has two forms (Timesketch).
        clips: cuts clips from the footage; None where no footage was given.
        margin_seconds: of media time before and after an appearance that is in its clip.
        case: what a bundle has of the case; None for other formats.
    """

    bom: bool = False
    table: bool = False
    clips: ClipSource | None = None
    margin_seconds: Fraction = MARGIN_SECONDS
    case: BundleSource | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """What is exported.

    Args:
        appearances: in the order of time (:func:`retrofr.timeline.timeline`).
        coverage: what of the footage they could be found in.
        exhibits: of the case, by SHA-256.
        case_id, case_name: of the case.
        search: whose appearances; None for those of all people.
        authority: the line of what the search was done under, or that none is recorded; of people, of what holds now.
        authority_reference: its reference; None where none is recorded.
        software: name and version of what wrote it.
    """

    appearances: tuple[Appearance, ...]
    coverage: Coverage
    exhibits: Mapping[str, Exhibit] = field(default_factory=dict)
    case_id: str = ""
    case_name: str = ""
    search: SearchRecord | None = None
    authority: str = NOT_RECORDED
    authority_reference: str | None = None
    software: str = f"retrofr {retrofr.__version__}"

    @property
    def title(self) -> str:
        """What this is, on one line: which search of which case, or its people."""
        what = "people" if self.search is None else f"search {self.search.id}"
        return f"{what} of case {self.case_name}"

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """All exhibits that appearances or coverage name, in the order of their names."""
        found = {(a.exhibit, a.exhibit_sha256) for a in self.appearances}
        found |= {(s.exhibit, s.exhibit_sha256) for s in self.coverage.streams}
        return tuple(sorted(found))

    def appearances_in(self, place: Place) -> list[Appearance]:
        """The appearances of one exhibit, by stream and media time."""
        return self._by_place[0].get(place, [])

    def streams_of(self, place: Place) -> list[StreamCoverage]:
        """The coverage of one exhibit, by stream."""
        return self._by_place[1].get(place, [])

    @cached_property
    def _by_place(self) -> tuple[dict[Place, list[Appearance]], dict[Place, list[StreamCoverage]]]:
        """Looked up once: a case may have thousands of exhibits."""
        found: dict[Place, list[Appearance]] = {}
        for a in sorted(self.appearances, key=lambda a: (a.stream, a.start_seconds, a.end_seconds, a.rank)):
            found.setdefault((a.exhibit, a.exhibit_sha256), []).append(a)
        streams: dict[Place, list[StreamCoverage]] = {}
        for s in sorted(self.coverage.streams, key=lambda s: s.stream):
            streams.setdefault((s.exhibit, s.exhibit_sha256), []).append(s)
        return found, streams


def material_of(case: Case, *, search: int | None = None, people: bool = False) -> Material:
    """What a case has to export.

    Args:
        case: an open case.
        search: number of a search; None for the last one.
        people: every person's appearances, without any probe, in place of a search's.

    Raises:
        CaseError: nothing was searched, there is no such search, or nobody was put to persons.
    """
    record = None if people else find_search(case, search)
    authority, reference = _authority(case, record)
    return Material(
        appearances=timeline(case, search=search, people=people),
        coverage=coverage_of(case, record),
        exhibits={stored.exhibit.sha256: stored.exhibit for stored in exhibits(case)},
        case_id=case.id,
        case_name=case.name,
        search=record,
        authority=authority,
        authority_reference=reference,
    )


def _authority(case: Case, record: SearchRecord | None) -> tuple[str, str | None]:
    if record is not None:
        known = record.run.get("authority")
        return line_of(record.run), known.get("reference") if isinstance(known, Mapping) else None
    current = current_authority(case)
    return (
        (NOT_RECORDED, None) if current is None else (current.authority.line(), current.authority.reference)
    )


def not_whole(stream: StreamCoverage) -> list[TimeRange]:
    """The stretches of a stream that were not looked at, or not in whole pictures, in the order of time."""
    return [stretch for stretch in stream.ranges if stretch.kind in NOT_WHOLE and stretch.seconds > 0]


def facts(material: Material) -> dict[str, Any]:
    """What the records are of, as plain values: for the metadata of formats that have a place for it."""
    known: dict[str, Any] = {
        "software": material.software,
        "case": material.case_id,
        "case_name": material.case_name,
        "authority": material.authority.removeprefix(AUTHORITY_LABEL),
    }
    if (search := material.search) is None:
        return known
    return (
        known
        | {
            "search": search.id,
            "started": search.started.isoformat(),
            "threshold": search.threshold,
            "threshold_source": search.threshold_source,
            "compared": search.compared,
            "recipe": search.recipe_key,
        }
        | {name: search.run.get(name) for name in RUN_FACTS}
    )
