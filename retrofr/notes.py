"""What the examiner knows about the recordings, from flags and a sidecar, put together for each exhibit.

A row of the sidecar is about one recording or a few, a flag about all of them: so the row goes before the flag,
field by field. The offset of the clock and the record of its check are one field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from retrofr.clock import ClockCheck, ClockOrigin, WallClock, choose_origin
from retrofr.clock_names import read_name
from retrofr.clock_patterns import NamePattern, read_patterns
from retrofr.errors import UsageError
from retrofr.given import parse_timezone
from retrofr.settings import ClockSettings
from retrofr.sidecar import Given, SidecarRow

Exhibits = Iterable[tuple[Path, str]]


@dataclass(frozen=True)
class ExhibitNotes:
    """What is known about one exhibit before it is opened; None is not known.

    Args:
        start: what its recorder's clock showed at the first picture, as the examiner gives it;
            ``start_source`` says where.
        zone, offset, check: as in :class:`retrofr.clock.WallClock`.
        camera: from the sidecar, else from the file's name.
        pixel_aspect: width of a pixel over its height.
        frame_rate: frames a second, for streams without times.
        name_origin: the clock in the file's name.
    """

    start: datetime | None = None
    start_source: str = ""
    zone: tzinfo | None = None
    offset: timedelta = timedelta(0)
    check: ClockCheck | None = None
    camera: str | None = None
    pixel_aspect: Fraction | None = None
    frame_rate: Fraction | None = None
    name_origin: ClockOrigin | None = None

    def clock(self, found: Iterable[ClockOrigin] = ()) -> WallClock:
        """The exhibit's wall clock, from these notes and the origins that were found in its file.

        An origin of the kind ``file name`` among them is left out where the notes have one: theirs was read with
        the user's patterns.
        """
        origins = [origin for origin in found if self.name_origin is None or origin.kind != "file name"]
        if self.name_origin is not None:
            origins.append(self.name_origin)
        if self.start is not None:
            origins.append(ClockOrigin(self.start, self.start_source, "examiner"))
        return choose_origin(origins, zone=self.zone, offset=self.offset, check=self.check)


@dataclass(frozen=True)
class FootageNotes:
    """What is known about all the footage of a run.

    Args:
        flags: what was given for all of it.
        rows: of the sidecar.
        patterns: of the setting ``clock.file_name_patterns``.
    """

    flags: Given = field(default_factory=Given)
    rows: tuple[SidecarRow, ...] = ()
    patterns: tuple[NamePattern, ...] = ()

    @classmethod
    def under(
        cls, settings: ClockSettings, flags: Given | None = None, rows: tuple[SidecarRow, ...] = ()
    ) -> Self:
        """Notes with the zone and the file-name patterns of the settings; a zone among the flags goes before.

        Raises:
            UsageError: there is no such zone.
            SettingsError: a pattern is none.
        """
        flags = flags or Given()
        if flags.zone is None and settings.timezone is not None:
            flags = replace(flags, zone=parse_timezone(settings.timezone))
        return cls(flags, rows, read_patterns(settings.file_name_patterns))

    def for_exhibit(self, path: Path, name: str) -> ExhibitNotes:
        """What is known about one exhibit.

        Args:
            path: of the file.
            name: as outputs show it.

        Raises:
            UsageError: two rows of the sidecar that name it equally closely say different things.
        """
        named = read_name(path, self.patterns)
        given, start_row = self._given(path, name)
        source = (
            f"given by the examiner ({start_row.place})" if start_row else "given by the examiner (--start)"
        )
        return ExhibitNotes(
            start=given.start,
            start_source=source if given.start else "",
            zone=given.zone,
            offset=given.offset or timedelta(0),
            check=given.check,
            camera=given.camera or named.camera,
            pixel_aspect=given.pixel_aspect,
            frame_rate=given.frame_rate,
            name_origin=named.origin,
        )

    def check(self, exhibits: Exhibits) -> None:
        """Refuse a start that would be that of several recordings.

        Args:
            exhibits: path and name of every file of the run.

        Raises:
            UsageError: ``--start`` is given and more than one file has no start of its own in the sidecar; a row
                with a start, or without a pattern, names more than one file.
        """
        files = list(exhibits)
        for row in self.rows:
            named = [name for path, name in files if row.rank(path, name) is not None]
            if len(named) > 1 and (row.given.start is not None or not row.is_pattern):
                raise UsageError(
                    f"{row.file} names {len(named)} recordings: {_few(named)}",
                    subject=row.place,
                    hint="write enough of the folders in front of the name"
                    if not row.is_pattern
                    else "a start is that of one recording: write a row for each",
                )
        if self.flags.start is None:
            return
        without = [name for path, name in files if self._given(path, name)[1] is None]
        if len(without) > 1:
            raise UsageError(
                f"is the start of one recording, and there are {len(without)}: {_few(without)}",
                subject="--start",
                hint="write each into a sidecar with the columns file and start, and name that with --sidecar",
            )

    def unused(self, exhibits: Exhibits) -> list[str]:
        """The rows of the sidecar that name none of the files, each as ``FILE (SIDECAR, line N)``."""
        files = list(exhibits)
        return [
            f"{row.file} ({row.place})"
            for row in self.rows
            if all(row.rank(path, name) is None for path, name in files)
        ]

    def _given(self, path: Path, name: str) -> tuple[Given, SidecarRow | None]:
        """Row before flag, closer row before wider one; and the row that the start is from."""
        ranked = [(rank, row) for row in self.rows if (rank := row.rank(path, name)) is not None]
        ranked.sort(key=lambda found: found[0], reverse=True)
        given, start_row = Given(), None
        for names in _FIELDS:
            saying = [(rank, row) for rank, row in ranked if _said(row.given, names)]
            if not saying:
                given = replace(given, **_values(self.flags, names))
                continue
            closest, row = saying[0]
            for rank, other in saying[1:]:
                if rank == closest and _values(other.given, names) != _values(row.given, names):
                    raise UsageError(
                        f"lines {row.line} and {other.line} both name {name} and differ in {names[0]}",
                        subject=row.place.rsplit(",", 1)[0],
                        hint="leave one out, or let one of them name it more closely",
                    )
            given = replace(given, **_values(row.given, names))
            start_row = row if names == ("start",) else start_row
        return given, start_row


_FIELDS: tuple[tuple[str, ...], ...] = (
    ("start",),
    ("zone",),
    ("offset", "check"),
    ("camera",),
    ("pixel_aspect",),
    ("frame_rate",),
)


def _values(given: Given, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(given, name) for name in names}


def _said(given: Given, names: tuple[str, ...]) -> bool:
    return any(value is not None for value in _values(given, names).values())


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
