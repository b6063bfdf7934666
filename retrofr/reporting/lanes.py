"""The timeline of a report: every camera drawn to scale, with appearances, and with what was not searched.

Recordings with a wall clock share an axis of adjusted time, cut into panels where nobody recorded for an hour or more;
the others are drawn on an axis of media time, each from its own start. Positions are shares of the width (0 to 100), so
that a page scales them to any screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from retrofr.clock import format_seconds
from retrofr.reporting.moments import length
from retrofr.results import Appearance, Coverage, StreamCoverage

PAUSE_SECONDS = 3600.0
"""Where no camera recorded for so long the axis is cut."""

LEAST_LABEL_GAP = 5.0
"""Numbers of hits closer together than this share of the width would overlap on a telephone."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_TICKS = 8

KINDS = {
    "searched": "searched",
    "suspect": "searched, but pictures may be damaged",
    "missing": "not searched: missing",
    "gap": "not searched: the recording's clock jumps",
    "lost": "not searched: the decoder failed",
    "unreadable": "not searched: unreadable",
    "static": "not looked at: nothing moved",
    "outside": "not searched: outside what was asked for",
    "unknown": "what was searched of it is in the coverage below",
}
"""What each fate of a stretch of footage is called."""

LOOKS = {"suspect": "damaged"}
"""The names of patterns that are not those of the fates."""


@dataclass(frozen=True)
class Block:
    """A stretch of footage with one fate, from ``x`` for ``width`` percent of the lane; ``look`` is its pattern."""

    x: float
    width: float
    look: str
    title: str


@dataclass(frozen=True)
class Mark:
    """An appearance on a lane; ``label`` where its number has room."""

    x: float
    width: float
    rank: int
    hit: bool
    title: str
    label: bool


@dataclass(frozen=True)
class Lane:
    """One camera, or one recording where no camera is named; ``text`` says all of it to who cannot see it."""

    name: str
    detail: str
    blocks: tuple[Block, ...]
    marks: tuple[Mark, ...]
    text: str


@dataclass(frozen=True)
class Tick:
    """A place on an axis; every other one may be left out on a narrow screen."""

    x: float
    text: str
    minor: bool


@dataclass(frozen=True)
class Panel:
    """Lanes that share an axis."""

    title: str
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class _Piece:
    """A stream's footage on its axis: when it begins and ends, in seconds."""

    stream: StreamCoverage
    start: float
    end: float
    at: Callable[[Fraction], float]


def panels(coverage: Coverage, appearances: Sequence[Appearance]) -> list[Panel]:
    """The timeline: panels of wall-clock time in order, then one of media time."""
    by_stream: dict[tuple[str, str, int], list[Appearance]] = {}
    for appearance in appearances:
        key = (appearance.exhibit, appearance.exhibit_sha256, appearance.stream)
        by_stream.setdefault(key, []).append(appearance)
    clocked = [s for s in coverage.streams if s.clock.origin.at is not None]
    aware = all(_aware(stream) for stream in clocked)
    pieces = sorted((_clocked(stream, aware) for stream in clocked), key=lambda piece: piece.start)
    found = [_wall_panel(group, by_stream, aware) for group in _cut(pieces)]
    others = [_piece(stream, float) for stream in coverage.streams if stream.clock.origin.at is None]
    if others:
        found.append(_media_panel(others, by_stream))
    return found


def _aware(stream: StreamCoverage) -> bool:
    at = stream.clock.adjusted_at(Fraction(0))
    return at is None or at.tzinfo is not None


def _clocked(stream: StreamCoverage, aware: bool) -> _Piece:
    def at(seconds: Fraction) -> float:
        moment = stream.clock.adjusted_at(seconds)
        if moment is None:  # beyond the calendar
            return float(seconds)
        return moment.timestamp() if aware else (moment.replace(tzinfo=UTC)).timestamp()

    return _piece(stream, at)


def _piece(stream: StreamCoverage, at: Callable[[Fraction], float]) -> _Piece:
    ranges = stream.ranges
    first = min((r.start_seconds for r in ranges), default=Fraction(0))
    declared = stream.declared_seconds or stream.searched_seconds or Fraction(1)
    last = max((r.end_seconds for r in ranges), default=declared)
    return _Piece(stream, at(first), max(at(last), at(first) + 0.001), at)


def _cut(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    group: list[_Piece] = []
    end = 0.0
    for piece in pieces:
        if group and piece.start - end > PAUSE_SECONDS:
            yield group
            group = []
        end = piece.end if not group else max(end, piece.end)
        group.append(piece)
    if group:
        yield group


_ByStream = dict[tuple[str, str, int], list[Appearance]]


def _wall_panel(pieces: Sequence[_Piece], by_stream: _ByStream, aware: bool) -> Panel:
    start, end = min(p.start for p in pieces), max(p.end for p in pieces)
    zone = pieces[0].stream.clock.adjusted_at(Fraction(0))
    offset = (zone.utcoffset() if zone is not None and aware else None) or timedelta(0)

    def local(moment: float) -> datetime:
        return datetime.fromtimestamp(moment, UTC) + offset

    first, last = local(start), local(end)
    to = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%-d %B %Y, %H:%M:%S}"
    shift = "" if zone is None or not aware else f" {zone:%z}"
    title = f"{first:%-d %B %Y, %H:%M:%S} – {to}{shift}, adjusted time"
    ticks = _ticks(start, end, lambda moment: f"{local(moment):%H:%M:%S}", offset.total_seconds())
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda p: (_name(p.stream), p.start)):
        same = [row for row in rows if _name(row[-1].stream) == _name(piece.stream)]
        free = next((row for row in same if row[-1].end <= piece.start), None)
        if free is None:
            rows.append([piece])
        else:
            free.append(piece)
    return Panel(title, tuple(_lane(row, start, end, by_stream) for row in rows), ticks)


def _media_panel(pieces: Sequence[_Piece], by_stream: _ByStream) -> Panel:
    start, end = min(0.0, *(p.start for p in pieces)), max(p.end for p in pieces)
    ticks = _ticks(start, end, lambda moment: length(Fraction(moment)), 0.0)
    title = "Recordings without a known clock: media time, from the start of each"
    return Panel(title, tuple(_lane([piece], start, end, by_stream) for piece in pieces), ticks)


def _name(stream: StreamCoverage) -> str:
    return stream.camera or stream.exhibit


def _lane(row: Sequence[_Piece], start: float, end: float, by_stream: _ByStream) -> Lane:
    scale = 100 / (end - start)
    blocks: list[Block] = []
    marks: list[Mark] = []
    told: list[str] = []
    for piece in row:
        stream = piece.stream
        place = "" if len(row) == 1 else f"{stream.exhibit}: "
        for kind, first, last, reason in _stretches(stream):
            x = (piece.at(first) - start) * scale
            width = max((piece.at(last) - start) * scale - x, 0.0)
            times = f"{format_seconds(first)} – {format_seconds(last)}"
            title = f"{place}{KINDS[kind]}, {times}{f' ({reason})' if reason else ''}"
            blocks.append(Block(round(x, 3), round(width, 3), LOOKS.get(kind, kind), title))
            if kind not in ("searched", "unknown"):
                told.append(f"{KINDS[kind]} {times}")
        own = by_stream.get((stream.exhibit, stream.exhibit_sha256, stream.stream), ())
        marks += [_mark(appearance, piece, start, scale) for appearance in own]
    exhibits = dict.fromkeys(piece.stream.exhibit for piece in row)
    detail = "" if row[0].stream.camera is None else ", ".join(exhibits)
    hits = sum(mark.hit for mark in marks)
    text = f"{_name(row[0].stream)}: {hits} hit{'' if hits == 1 else 's'}; "
    text += "; ".join(told[:6]) or "all of it searched"
    if len(told) > 6:
        text += f"; and {len(told) - 6} more"
    return Lane(_name(row[0].stream), detail, tuple(blocks), tuple(_labelled(marks)), text)


def _stretches(stream: StreamCoverage) -> Iterator[tuple[str, Fraction, Fraction, str]]:
    """The ranges with what happened to them, those of one fate that touch each other as one."""
    if not stream.ranges:
        whole = stream.declared_seconds or stream.searched_seconds or Fraction(1)
        kind = "searched" if stream.searched_seconds >= whole else "unknown"
        yield kind, Fraction(0), whole, ""
    joined: list[tuple[str, Fraction, Fraction, str]] = []
    for stretch in stream.ranges:
        start = stretch.start_seconds
        if joined and (joined[-1][0], joined[-1][2], joined[-1][3]) == (stretch.kind, start, stretch.reason):
            start = joined.pop()[1]
        joined.append((stretch.kind, start, stretch.end_seconds, stretch.reason))
    yield from joined


def _mark(appearance: Appearance, piece: _Piece, start: float, scale: float) -> Mark:
    x = (piece.at(appearance.start_seconds) - start) * scale
    width = max((piece.at(appearance.end_seconds) - start) * scale - x, 0.0)
    kind = "hit" if appearance.hit else "candidate below the threshold"
    title = f"{kind} {appearance.rank}: {appearance.probe}, score {appearance.score:.3f}, "
    title += f"{format_seconds(appearance.start_seconds)} – {format_seconds(appearance.end_seconds)}"
    return Mark(round(x, 3), round(width, 3), appearance.rank, appearance.hit, title, label=False)


def _labelled(marks: Sequence[Mark]) -> Iterator[Mark]:
    """In the order of time, with numbers on those hits that have room for one."""
    free = -LEAST_LABEL_GAP
    for mark in sorted(marks, key=lambda m: (m.x, m.rank)):
        label = mark.hit and mark.x - free >= LEAST_LABEL_GAP
        free = mark.x if label else free
        yield Mark(mark.x, mark.width, mark.rank, mark.hit, mark.title, label)


def _ticks(start: float, end: float, text: Callable[[float], str], shift: float) -> tuple[Tick, ...]:
    """At round times: those that are whole multiples of a step on the clock that is shown."""
    span = end - start
    step = next((s for s in _STEPS if span / s <= _MOST_TICKS), 86400 * (1 + int(span / 86400 / _MOST_TICKS)))
    first = -(-(start + shift) // step) * step - shift
    found: list[Tick] = []
    moment = first
    while moment <= end:
        found.append(Tick(round((moment - start) / span * 100, 3), text(moment), bool(len(found) % 2)))
        moment += step
    return tuple(found)
