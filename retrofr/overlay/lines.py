"""From the lines of text of single frames to the places where a time is shown throughout a recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from retrofr.overlay.fit import Piece, Reading, fit_pieces
from retrofr.overlay.layouts import ORDERS, Order, ShownTime, read_shown_date, read_shown_time
from retrofr.overlay.text_reader import TextLine

# In line heights: how far two pieces of a row may be apart, and a date above or below its time.
_ROW_GAP, _STACK_GAP = 3.0, 1.5

DAY = 86_400


@dataclass(frozen=True)
class ShownLine:
    """A time that one frame shows, at a media time, and where: x1, y1, x2, y2 in its pixels, half-open."""

    seconds: Fraction
    shown: ShownTime
    box: tuple[int, int, int, int]


Track = list[ShownLine]


@dataclass(frozen=True)
class TrackFit:
    """What a track says as a clock: the lines that went in, and their fit for each order its dates may be in.

    ``fits`` is empty where it is no clock. The order is None where the times were laid out without dates;
    ``start_shown`` of a fit counts seconds from the day before 0001-01-01, or from a midnight without a date.
    """

    lines: tuple[ShownLine, ...]
    fits: tuple[tuple[Order | None, tuple[Piece, ...]], ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return self.fits[0][1]

    @property
    def agreeing(self) -> int:
        return sum(len(piece.members) for piece in self.pieces)


def shown_lines(seconds: Fraction, lines: Sequence[TextLine]) -> list[ShownLine]:
    """The times in the text of one frame, each with the date that stands beside, above or below it.

    A date elsewhere counts where it is the only one in the frame.
    """
    rows = _rows(lines)
    dates = [row for row in rows if read_shown_time(row.text) is None and read_shown_date(row.text)]
    found = []
    for row in rows:
        shown = read_shown_time(row.text)
        if shown is None:
            continue
        beside = [date for date in dates if _stacked(row, date)] or dates
        if not shown.dates and len(beside) == 1:
            shown = read_shown_time(f"{beside[0].text} {row.text}") or shown
        found.append(ShownLine(seconds, shown, row.box))
    return found


def tracks(shown: Iterable[ShownLine]) -> list[Track]:
    """Times at the same place in different frames belong together; one a frame, in the order they came."""
    found: list[Track] = []
    for line in shown:
        for track in found:
            if track[-1].seconds != line.seconds and _same_place(track[0].box, line.box):
                track.append(line)
                break
        else:
            found.append([line])
    return found


def _rows(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines side by side joined, unless that makes two times of one; then each stays by itself."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.box[0]):
        for row in rows:
            if _beside(row[-1], line):
                row.append(line)
                break
        else:
            rows.append([line])
    joined = []
    for row in rows:
        whole = _joined(row)
        timed = [line for line in row if read_shown_time(line.text) is not None]
        split = len(row) > 1 and read_shown_time(whole.text) is None and timed
        joined += row if split else [whole]
    return joined


def _joined(row: Sequence[TextLine]) -> TextLine:
    left, top, right, bottom = zip(*(line.box for line in row), strict=True)
    return TextLine(" ".join(line.text for line in row), (min(left), min(top), max(right), max(bottom)))


def _beside(left: TextLine, right: TextLine) -> bool:
    low, high = sorted((left.height, right.height))
    overlap = min(left.box[3], right.box[3]) - max(left.box[1], right.box[1])
    return overlap > 0.5 * low and high < 1.8 * low and right.box[0] - left.box[2] < _ROW_GAP * low


def _stacked(one: TextLine, other: TextLine) -> bool:
    gap = max(one.box[1] - other.box[3], other.box[1] - one.box[3])
    across = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    return across > 0 and gap < _STACK_GAP * min(one.height, other.height)


def _same_place(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    height = min(one[3] - one[1], other[3] - other[1])
    apart = abs((one[1] + one[3]) - (other[1] + other[3])) / 2
    return apart < 0.7 * height and min(one[2], other[2]) > max(one[0], other[0])


def fit_track(track: Track) -> TrackFit:
    """Lay a line through a track, once for each order its dates may be in; the best orders are kept."""
    fits: list[tuple[Order, tuple[ShownLine, ...], tuple[Piece, ...]]] = []
    for order in ORDERS:
        lines = tuple(line for line in track if order in line.shown.dates)
        pieces = tuple(fit_pieces([_dated(line, order) for line in lines]))
        if pieces and all(piece.start_shown >= DAY for piece in pieces):  # in the calendar
            fits.append((order, lines, pieces))
    of_day = tuple(fit_pieces(_times_of_day(track)))
    best = max(((_members(pieces), -len(pieces)) for _, _, pieces in fits), default=(0, 0))
    # Where dates are read so badly that the times alone agree far better, the dates are not used.
    if not fits or 2 * best[0] < _members(of_day):
        return TrackFit(tuple(track), ((None, of_day),) if of_day else ())
    equal = [fit for fit in fits if (_members(fit[2]), -len(fit[2])) == best]
    kept: dict[Fraction, tuple[Order, tuple[Piece, ...]]] = {}
    for order, _, pieces in equal:
        kept.setdefault(pieces[0].start_shown, (order, pieces))
    return TrackFit(equal[0][1], tuple(kept.values()))


def _members(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.members) for piece in pieces)


def _dated(line: ShownLine, order: Order) -> Reading:
    shown = line.shown
    return Reading(line.seconds, shown.dates[order].toordinal() * DAY + shown.seconds, shown.step)


def _times_of_day(track: Track) -> list[Reading]:
    """Times without their dates, carried over midnight as a clock that runs with the recording would be."""
    start = track[0].shown.seconds - track[0].seconds
    readings = []
    for line in track:
        days = round((start - (line.shown.seconds - line.seconds)) / DAY)
        readings.append(Reading(line.seconds, line.shown.seconds + days * DAY, line.shown.step))
    return readings
