"""Wall-clock times and camera names in file names: patterns of users, of makers, and the general forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from retrofr.clock import NO_CLOCK, ClockOrigin
from retrofr.clock_patterns import NamePattern


@dataclass(frozen=True)
class MakersName:
    """How a maker's recordings are named.

    Args:
        example: a name as the maker writes it; ``reads`` is the start that is read from it, in ISO 8601.
        pattern: None where the general forms of :func:`clock_from_file_name` read it.
        source: where the form is described.
    """

    maker: str
    example: str
    reads: str
    source: str
    pattern: NamePattern | None = None


MAKERS = (
    MakersName(
        "Dahua and Amcrest, on SD cards and FTP servers",
        "2018-05-19/001/dav/10/10.36.45-10.45.00[R][0@0][0].dav",
        "2018-05-19T10:36:45",
        "paths that its cameras give to client software",
        NamePattern("{YYYY}-{MM}-{DD}/{camera}/dav/{**}/{hh}.{mm}.{ss}-{*}[{*}"),
    ),
    MakersName(
        "Xiongmai (many brands)",
        "idea0/2023-04-27/001/06.00.00-06.10.18@5ff0.h264",
        "2023-04-27T06:00:00",
        "documents of the maker's software kit",
        NamePattern("{YYYY}-{MM}-{DD}/{camera}/{hh}.{mm}.{ss}-{*}@{*}"),
    ),
    MakersName(
        "Axis, on SD cards and network shares",
        "axis-ACCC8EE207AE/20211020/14/20211020_143325_B4F5_ACCC8EE207AE/20211020_14/20211020_145333_CB36.mkv",
        "2021-10-20T14:53:33",
        "folders of an AXIS P7304",
        NamePattern("axis-{camera}/{**}/{YYYY}{MM}{DD}_{hh}{mm}{ss}_{*}"),
    ),
    MakersName(
        "Canon VB and VK, storage server (Greenwich time)",
        "NVR_MPEG4_0123456789abcdef_20060314_081500_20060314_083000.mov",
        "2006-03-14T08:15:00+00:00",
        "Canon VB-C300 and VK-64 manuals",
        NamePattern("NVR_{*}_{camera}_{YYYY}{MM}{DD}_{hh}{mm}{ss}_{#}_{#}", UTC),
    ),
    MakersName(
        "Frigate (UTC)",
        "recordings/2024-03-30/17/front_door/11.05.mp4",
        "2024-03-30T17:11:05+00:00",
        "Frigate documentation, Recording",
        NamePattern("recordings/{YYYY}-{MM}-{DD}/{hh}/{camera}/{mm}.{ss}", UTC),
    ),
    MakersName(
        "exacqVision",
        "2018/01/30/23/2040-00160380.ps",
        "2018-01-30T23:20:40",
        "exacqVision support, Video File Naming Format",
        NamePattern("{YYYY}/{MM}/{DD}/{hh}/{mm}{ss}-{camera}.ps"),
    ),
    MakersName(
        "Cloudvue Gateway (UTC)",
        "smartvue/video/0050F9627E62/2023-03-30/1680140457.mp4",
        "2023-03-30T01:40:57+00:00",
        "Cloudvue support, Video File Naming Format",
        NamePattern("smartvue/video/{camera}/{*}/{epoch}"),
    ),
    MakersName(
        "Brickcom NVR",
        "20140509-000500-001000_192.168.1.11-CH2.avi",
        "2014-05-09T00:05:00",
        "Brickcom support, naming rule of video files",
        NamePattern("{YYYY}{MM}{DD}-{hh}{mm}{ss}-{#}_{camera}"),
    ),
    MakersName(
        "Tesla",
        "2026-04-17_14-30-22-left_repeater.mp4",
        "2026-04-17T14:30:22",
        "descriptions of the TeslaCam folder",
        NamePattern(
            "{YYYY}-{MM}-{DD}_{hh}-{mm}-{ss}-"
            "{camera:front|back|left_repeater|right_repeater|left_pillar|right_pillar}"
        ),
    ),
    MakersName(
        "Viofo",
        "2023_0307_103534_0001F.MP4",
        "2023-03-07T10:35:34",
        "names in software for its cameras",
        NamePattern("{YYYY}_{MM}{DD}_{hh}{mm}{ss}_{#}{camera}"),
    ),
    MakersName(
        "Nextbase Piqo",
        "240915_143027_001_FH.MP4",
        "2024-09-15T14:30:27",
        "Nextbase support, File Names",
        NamePattern("{YY}{MM}{DD}_{hh}{mm}{ss}_{#}_{camera:FH|FL|RH|RL}"),
    ),
    MakersName(
        "BlackVue",
        "20240330_171105_NF.mp4",
        "2024-03-30T17:11:05",
        "software that fetches its recordings",
    ),
    MakersName(
        "Reolink",
        "RecM01_20220306_020024_020118_6732828_2821E4C.mp4",
        "2022-03-06T02:00:24",
        "names that its cameras give to client software",
    ),
    MakersName(
        "Ring", "RingVideo_20260529_113106.mp4", "2026-05-29T11:31:06", "names of downloaded recordings"
    ),
    MakersName(
        "iCarVisions vehicle recorders",
        "H20190808-095851P1N2P0.avi",
        "2019-08-08T09:58:51",
        "iCarVisions support, record files name rules",
    ),
    MakersName("ABUS", "ABUS_20091115_164501.avi", "2009-11-15T16:45:01", "ABUS TVIP40000 manual"),
)


@dataclass(frozen=True)
class NameReading:
    """What the name and the folders of a file say: when it starts, and which camera it is (None: nothing)."""

    origin: ClockOrigin
    camera: str | None = None


def read_name(path: Path | str, patterns: Sequence[NamePattern] = ()) -> NameReading:
    """Read start and camera from a path: the user's patterns first, then the makers', then the general forms.

    Args:
        path: of the file; a relative one is completed, as patterns may name folders that were not given.
        patterns: of the setting ``clock.file_name_patterns``. The first that fits is used, and nothing else,
            even if the digits in its place are not a possible time: the source then says so.
    """
    whole = str(Path(path).absolute()).replace("\\", "/")
    general = clock_from_file_name(whole)
    for pattern in patterns:
        reading = pattern.read(whole)
        if reading is not None:
            name = f"{'path' if '/' in pattern.text else 'file name'}, pattern {pattern.text}"
            if not reading.has_time:
                return NameReading(general, reading.camera)
            source = name if reading.at else f"none: not a possible time in the {name}"
            return NameReading(ClockOrigin(reading.at, source, "file name"), reading.camera)
    for maker in MAKERS:
        reading = maker.pattern.read(whole) if maker.pattern else None
        if maker.pattern is not None and reading is not None and reading.at is not None:
            name = "path" if "/" in maker.pattern.text else "file name"
            return NameReading(
                ClockOrigin(reading.at, f"{name} in the form of {maker.maker}", "file name"), reading.camera
            )
    return NameReading(general)


# Recorders write the four-digit year as 19xx or 20xx; two-digit years have no safe reading.
_YEAR = r"(?:19|20)\d\d"
_BETWEEN = r"(?:[ _.\-]?T[ _.\-]?|[ _.\-]{1,3}|_?at_?|)"
_COMPACT_TIME = r"(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?P<f>\d{3})?"
_SPACED_TIME = r"(?P<H>\d\d)[\-_.:h](?P<M>\d\d)[\-_.:m](?P<S>\d\d)(?:[.,](?P<f>\d{3})(?=[._\- Z]))?"
_ZONE = r"(?:(?:[ _.\-]?(?P<half>[AaPp])[Mm]| ?(?P<zone>Z|[+]\d\d:?\d\d))(?![0-9A-Za-z]))?"
_DATES = {
    "ymd": (
        rf"(?P<y>{_YEAR})(?P<m>\d\d)(?P<d>\d\d)",
        rf"(?P<y>{_YEAR})(?P<sep>[\-_.])(?P<m>\d\d)(?P=sep)(?P<d>\d\d)",
    ),
    "dmy": (
        rf"(?P<d>\d\d)(?P<m>\d\d)(?P<y>{_YEAR})",
        rf"(?P<d>\d\d)(?P<sep>[\-_.])(?P<m>\d\d)(?P=sep)(?P<y>{_YEAR})",
    ),
}


def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    made = []
    for order, (compact, spaced) in _DATES.items():
        for date in (compact, spaced):
            for time in (_COMPACT_TIME, _SPACED_TIME):
                # A bare run of 14 digits is read year first only; day first it could be anything.
                between = _BETWEEN if order == "ymd" else _BETWEEN.replace("|)", ")")
                text = rf"(?<!\d){date}{between}{time}(?!\d){_ZONE}"
                made.append((order, re.compile(text)))
    return made


_PATTERNS = _patterns()
_EPOCH = re.compile(r"(?i)(?:epoch|unix(?:time)?|timestamp)[ _\-=]?(?P<s>1\d{9})(?P<f>\d{3})?(?!\d)")


def clock_from_file_name(name: str) -> ClockOrigin:
    """Read the wall-clock time at which a recording starts from its file name.

    Understood, anywhere in the last part of a path, digits on neither side:

    - ``20240330171105``, ``20240330_171105``, ``20240330-171105``, ``20240330T171105``, each also with
      three more digits of milliseconds (``20240330171105123``);
    - ``2024-03-30_17-11-05``, ``2024-03-30T17:11:05``, ``2024.03.30 17.11.05.123.mkv``,
      ``2024-03-30T171105``;
    - ``30-03-2024_17-11-05`` and ``30032024_171105``, where only one of day and month first is a possible
      date;
    - a following ``Z`` or ``+0100`` (the time then has a zone), ``AM`` or ``PM`` (twelve-hour clock);
    - ``epoch1711818665`` or ``unix_1711818665000``: seconds or milliseconds since 1970, only where labelled
      (UTC);
    - two of these, start and end: the first is taken, if the second is not earlier.

    Everything without a zone is naive local time of the recorder. Nothing is read from two-digit years, from
    dates without seconds of time, or from folders. What could be read in two ways is not read: the source
    then says why.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    times: list[tuple[int, datetime]] = []
    refused: list[str] = []
    for start, text, readings in _found(name):
        possible = sorted({reading for reading in readings if reading is not None}, key=str)
        if len(possible) == 1:
            times.append((start, possible[0]))
        elif possible:
            days = " or ".join(f"{reading:%Y-%m-%d}" for reading in possible)
            refused.append(f"{text} in the file name can be read as {days}")
        else:
            refused.append(f"{text} in the file name is not a possible time")
    if refused:
        return ClockOrigin(None, f"none: {refused[0]}")
    if not times:
        return NO_CLOCK
    at = [time for _, time in sorted(times, key=lambda found: found[0])]
    if len(at) > 2:
        return ClockOrigin(None, f"none: the file name holds {len(at)} times")
    if len(at) == 2 and at[1].replace(tzinfo=None) < at[0].replace(tzinfo=None):
        return ClockOrigin(None, "none: the file name holds two times, the second earlier than the first")
    return ClockOrigin(at[0], "file name")


def _found(name: str) -> list[tuple[int, str, list[datetime | None]]]:
    """Each stretch of the name that looks like a time, with its readings (None: not a possible time)."""
    spans: dict[tuple[int, int], list[datetime | None]] = {}
    for order, pattern in _PATTERNS:
        for found in pattern.finditer(name):
            readings = spans.setdefault(found.span(), [])
            readings.append(_reading(found, found["d"], found["m"]))
            if order == "dmy":
                readings.append(_reading(found, found["m"], found["d"]))
    for found in _EPOCH.finditer(name):
        at = datetime.fromtimestamp(int(found["s"]), UTC) + timedelta(milliseconds=int(found["f"] or 0))
        spans.setdefault(found.span(), []).append(at)
    widest = [span for span in spans if not any(_inside(span, other) for other in spans)]
    return [(start, name[start:end], spans[start, end]) for start, end in widest]


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _reading(found: re.Match[str], day: str, month: str) -> datetime | None:
    hour = int(found["H"])
    if found["half"] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    zone = found["zone"]
    try:
        at = datetime(int(found["y"]), int(month), int(day), hour, int(found["M"]), int(found["S"]))
        offset = datetime.strptime(zone, "%z").tzinfo if zone else None
    except ValueError:
        return None
    return at.replace(microsecond=int(found["f"] or 0) * 1000, tzinfo=offset)
