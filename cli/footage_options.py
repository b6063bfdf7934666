"""Options that say what is known about the footage, and which part of it is meant; shared by several commands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrofr.errors import UsageError
from retrofr.settings import ClockSettings, Settings

from .options import STAGE_JOINT, Option

if TYPE_CHECKING:
    from retrofr.notes import FootageNotes
    from retrofr.request import FootageRequest
    from retrofr.selection import Selection

KNOWN = "What is known about the footage"
PART = "Which part of it"


@dataclass(frozen=True)
class FootageFlags:
    """The words behind these options, as they were given; a command that leaves options out has the defaults."""

    start: str | None = None
    clock_offset: str | None = None
    sidecar: Path | None = None
    sar: str | None = None
    fps: str | None = None
    hashes: Path | None = None
    ocr: bool = False
    from_time: str | None = None
    to_time: str | None = None
    cameras: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()


def _option(flag: str, name: str, metavar: str, help: str, section: str = KNOWN, **extra: Any) -> Any:
    return click.option(flag, name, metavar=metavar, cls=Option, section=section, help=help, **extra)


_FILE = click.Path(path_type=Path, dir_okay=False)
_FILE_OR_FOLDER = click.Path(path_type=Path)
_TIMEZONE = f"{ClockSettings.stage}{STAGE_JOINT}timezone"
_OPTIONS = {
    "--start": _option(
        "--start",
        "start",
        "TIME",
        "What the recorder's clock showed at the first picture, 2024-03-30T17:11:05; for one recording.",
    ),
    "--timezone": _option(
        "--timezone", _TIMEZONE, "ZONE", "Zone of the recorder's clock, for example Europe/London or +01:00."
    ),
    "--clock-offset": _option(
        "--clock-offset",
        "clock_offset",
        "OFFSET|CHECK",
        "True time less recorder time, -00:07:03 or -7m3s; or the record of a check: "
        "recorder=TIME,true=TIME,on=DATE,by=NAME.",
    ),
    "--sidecar": _option(
        "--sidecar",
        "sidecar",
        "FILE",
        "CSV file with what is known about each recording; its rows go before flags.",
        type=_FILE,
    ),
    "--sar": _option(
        "--sar", "sar", "W:H", "Shape of a pixel where the recording does not say it or says it wrong, 16:11."
    ),
    "--fps": _option(
        "--fps", "fps", "RATE", "Frames a second of recordings without times, 12.5 or 30000/1001."
    ),
    "--hashes": _option(
        "--hashes",
        "hashes",
        "FILE",
        "List of digests that came with the footage (md5sum, sha256sum, hashdeep, CSV, …), or a folder of them: "
        "a file that differs is not searched.",
        type=_FILE_OR_FOLDER,
    ),
    "--ocr": click.option(
        "--ocr",
        is_flag=True,
        cls=Option,
        section=KNOWN,
        help="Read the clock burnt into the pictures as well (needs the extra: pip install 'retrofr[ocr]').",
    ),
    "--from": _option(
        "--from",
        "from_time",
        "TIME",
        "Search from here on: media time, 90 or 0:01:30, or adjusted wall-clock time, 2024-03-30T17:11.",
        PART,
    ),
    "--to": _option("--to", "to_time", "TIME", "Search up to here, the time itself not included.", PART),
    "--camera": _option(
        "--camera",
        "cameras",
        "NAME",
        "Only recordings of this camera, * and ? are wild; known from a sidecar or the file's name. Repeatable.",
        PART,
        multiple=True,
    ),
    "--stream": _option(
        "--stream",
        "streams",
        "N",
        "Only this stream of each file, counted from 0. Repeatable.",
        PART,
        multiple=True,
        type=click.INT,
    ),
}


def footage_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds the options to a command, which gets their words as ``footage_flags``.

    ``--timezone`` is a setting (``clock.timezone``): it arrives among the flags of :func:`gather_settings`.

    Args:
        without: flags that the command does not have, for example ``("--from", "--to")``.
    """
    unknown = set(without) - set(_OPTIONS)
    if unknown:
        raise ValueError(f"without: no such options: {sorted(unknown)}")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(*args: Any, **values: Any) -> Any:
            names = [spec.name for spec in fields(FootageFlags) if spec.name in values]
            flags = FootageFlags(**{name: values.pop(name) for name in names})
            return function(*args, footage_flags=flags, **values)

        decorated: Callable[..., Any] = command
        for flag, option in reversed(_OPTIONS.items()):
            if flag not in without:
                decorated = option(decorated)
        return decorated

    return decorate


def gather_notes(flags: FootageFlags, settings: Settings) -> tuple[FootageNotes, Selection]:
    """What is known about the footage and which part of it is meant, every word checked.

    Raises:
        UsageError: a word is not what its option takes; the sidecar cannot be read or says something impossible.
        SettingsError: the setting ``clock.timezone`` or ``clock.file_name_patterns`` cannot be used.
    """
    from retrofr.clock import ClockCheck
    from retrofr.given import parse_aspect, parse_clock_offset, parse_rate, parse_start
    from retrofr.notes import FootageNotes
    from retrofr.selection import Selection, TimeWindow
    from retrofr.sidecar import Given, read_sidecar

    offset = parse_clock_offset(flags.clock_offset) if flags.clock_offset is not None else None
    check = offset if isinstance(offset, ClockCheck) else None
    given = Given(
        start=None if flags.start is None else parse_start(flags.start),
        offset=offset.offset if isinstance(offset, ClockCheck) else offset,
        check=check,
        pixel_aspect=None if flags.sar is None else parse_aspect(flags.sar),
        frame_rate=None if flags.fps is None else parse_rate(flags.fps),
    )
    rows = read_sidecar(flags.sidecar) if flags.sidecar is not None else ()
    if not all(camera.strip() for camera in flags.cameras):
        raise UsageError("names no camera", subject="--camera")
    if any(stream < 0 for stream in flags.streams):
        raise UsageError("streams are counted from 0", subject="--stream")
    selection = Selection(TimeWindow.parse(flags.from_time, flags.to_time), flags.cameras, flags.streams)
    return FootageNotes.under(settings.clock, given, rows), selection


def gather_request(flags: FootageFlags, settings: Settings) -> FootageRequest:
    """All of :func:`gather_notes`, and the digests that came with the footage.

    Raises:
        UsageError, SettingsError: as there, or the hash list cannot be read.
    """
    from retrofr.hash_lists import read_hash_lists
    from retrofr.request import FootageRequest

    notes, selection = gather_notes(flags, settings)
    hashes = read_hash_lists([flags.hashes]) if flags.hashes is not None else None
    return FootageRequest(notes, selection, hashes, flags.ocr)
