"""What exports call things: lines of text that no reader takes for anything else, and names of files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction

from retrofr.clock import format_seconds
from retrofr.documents import json_text
from retrofr.exporting.material import Place
from retrofr.records import TimeRange
from retrofr.results import NOT_EXAMINED, Appearance

TO_EXAMINE = "to be examined"
SCORE_DIGITS = 3

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_UNFIT_FOR_NAMES = re.compile(r'[<>:"|?*\\]')
_LONGEST_NAME = 200  # bytes, of the 255 that file systems take; the rest is for what is put to it
_DIGEST_DIGITS = 8


def one_line(text: str) -> str:
    """Text on one line of plain UTF-8: control characters, directions of writing and odd bytes as escapes.

    >>> one_line("a\\nb")
    'a\\\\nb'
    """
    return "".join(
        c.encode("unicode_escape", "surrogatepass").decode() if unicodedata.category(c) in _INVISIBLE else c
        for c in text
    )


def title_of(appearance: Appearance) -> str:
    """``Hit 1 for ann``, ``Candidate 4 for ann`` or ``Person 7``: never more than what was asked and found."""
    if not appearance.compared:
        return f"Person {appearance.person}"
    return f"{'Hit' if appearance.hit else 'Candidate'} {appearance.rank} for {one_line(appearance.probe)}"


def worth_of(appearance: Appearance) -> str:
    """``score 0.912, to be examined``, or what examiners concluded; without a probe there is no score."""
    if not appearance.compared:
        return f"no probe compared, {TO_EXAMINE}"
    said = TO_EXAMINE if appearance.verdict == NOT_EXAMINED else one_line(appearance.verdict)
    return f"score {appearance.score:.{SCORE_DIGITS}f}, {said}"


def clock_words(appearance: Appearance) -> str:
    """``2024-01-14 22:58:24 (clock unverified)``, or that there is no clock."""
    at = appearance.start_time_adjusted or appearance.start_time
    if at is None:
        return "no clock"
    return f"{_short(at)} ({one_line(appearance.clock_status)})"


def where(appearance: Appearance) -> str:
    """The camera, or the exhibit where there is none."""
    return one_line(appearance.camera or appearance.exhibit)


def gap_words(stretch: TimeRange) -> str:
    """What became of a stretch of time that was not looked at in whole pictures, and why."""
    kind = {
        "suspect": "searched in damaged pictures",
        "outside": "not searched: outside the time that was asked for",
        "gap": "not searched: the recorder's clock jumps",
    }.get(stretch.kind, f"not searched: {stretch.kind}")
    return f"{kind} ({one_line(stretch.reason)})" if stretch.reason else kind


def span_words(start: Fraction, end: Fraction) -> str:
    """Media time for a person: ``0:00:12.500 to 0:00:17.000``."""
    return f"{format_seconds(start)} to {format_seconds(end)}"


def exact(seconds: Fraction) -> str:
    """A time without loss, as a whole number or a fraction: ``25/2``."""
    return str(seconds)


def file_names(places: Sequence[Place], suffix: str) -> dict[Place, str]:
    """A name for each exhibit's file: the exhibit's with another ending, in the same folders.

    Where two exhibits would have one name, also on a system that does not tell capitals, both keep their ending; where
    that is not enough, they have the first digits of their SHA-256.
    """
    attempts: list[Callable[[Place], str]] = [
        lambda place: _relative(place[0], cut_ending=True),
        lambda place: _relative(place[0], cut_ending=False),
        lambda place: f"{_relative(place[0], cut_ending=False)}-{place[1][:_DIGEST_DIGITS]}",
        lambda place: f"exhibit-{sorted(places).index(place) + 1:05}",
    ]
    named: dict[Place, str] = {}
    for attempt in attempts:
        open_places = [place for place in places if place not in named]
        wanted = {place: attempt(place) + suffix for place in open_places}
        counts: dict[str, int] = dict.fromkeys((name.casefold() for name in named.values()), 1)
        for name in wanted.values():
            counts[name.casefold()] = counts.get(name.casefold(), 0) + 1
        named |= {place: name for place, name in wanted.items() if counts[name.casefold()] == 1}
    return named


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """``1 appearance``, ``12,345 appearances``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def named_few(names: Sequence[str], most: int = 4) -> str:
    """The first few names on one line, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(one_line, names[:most])) + (f" and {more:,} more" if more > 0 else "")


def _relative(name: str, *, cut_ending: bool) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".", "..")] or ["exhibit"]
    if cut_ending and "." in parts[-1].lstrip("."):
        parts[-1] = parts[-1].rpartition(".")[0]
    return "/".join(_cut(_UNFIT_FOR_NAMES.sub("_", _plain(part))) for part in parts)


def _plain(part: str) -> str:
    return "".join("_" if unicodedata.category(c) in _INVISIBLE else c for c in part)


def _cut(part: str) -> str:
    return part.encode()[:_LONGEST_NAME].decode("utf-8", "ignore").rstrip(". ") or "_"


def _short(at: str) -> str:
    day, _, time = at.partition("T")
    clock, dot, rest = time.partition(".")
    zone = rest[6:] if dot else ""
    return f"{day} {clock}{zone}"


def json_line(value: object) -> str:
    """A document as JSON on one line of plain UTF-8, whatever its texts hold."""
    return "".join(_json_escape(c) if unicodedata.category(c) in _INVISIBLE else c for c in json_text(value))


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
