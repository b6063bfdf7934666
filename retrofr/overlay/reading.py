"""The clock that a recorder burnt into its pictures, read from several frames and laid against media time.

The least trusted source of a wall clock: what is read may be misread in every frame alike. So all that was read is
kept, what does not fit is said, and where two readings are possible neither is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from retrofr.clock import ClockOrigin, format_seconds
from retrofr.overlay.fit import FEWEST_AGREEING, Piece
from retrofr.overlay.layouts import ShownTime
from retrofr.overlay.lines import DAY, ShownLine, Track, TrackFit, fit_track, shown_lines, tracks
from retrofr.overlay.text_reader import LineReader
from retrofr.records import Sample

_LEAST_SHARE = Fraction(1, 2)


@dataclass(frozen=True)
class OverlayText:
    """What was read in one frame: the text, and whether it agrees with the clock that was found."""

    seconds: Fraction
    text: str
    agrees: bool


@dataclass(frozen=True)
class OverlayStretch:
    """A part of the recording in which the burnt-in clock ran evenly.

    ``at`` is what it would have shown at media time zero; None where its date is missing or ambiguous.
    ``first_seconds`` and ``last_seconds`` are the media times of its first and last reading.
    """

    at: datetime | None
    first_seconds: Fraction
    last_seconds: Fraction
    readings: int


@dataclass(frozen=True)
class OverlayReading:
    """A burnt-in clock that runs with the recording.

    Args:
        origin: kind ``overlay``; its ``at`` is the clock at media time zero and its ``rate`` that of the clock.
            ``at`` is None, and the source says why, where the date is missing or ambiguous or the clock jumps.
        uncertainty_seconds: how far the readings leave the time open, either way.
        rate_uncertainty: the same for the rate.
        frames: how many were looked at.
        read: in how many the clock was read.
        agreeing: how many of those lie on the line, or on one of its stretches after a jump.
        stretches: by media time; one where the clock does not jump.
        alternatives: the times at media time zero between which nothing decides; empty where there is one.
        texts: everything that was read at the clock's place.
        problems: sentences on what a person must know before using it; empty where there is nothing.
    """

    origin: ClockOrigin
    uncertainty_seconds: float
    rate_uncertainty: float
    frames: int
    read: int
    agreeing: int
    stretches: tuple[OverlayStretch, ...]
    alternatives: tuple[datetime, ...]
    texts: tuple[OverlayText, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class NoOverlayClock:
    """Why no burnt-in clock could be read; ``texts`` are the times that were read all the same."""

    reason: str
    frames: int
    texts: tuple[OverlayText, ...] = ()

    @property
    def origin(self) -> ClockOrigin:
        return ClockOrigin(None, f"none: {self.reason}", "overlay")


def read_overlay_clock(samples: Iterable[Sample], reader: LineReader) -> OverlayReading | NoOverlayClock:
    """Read the burnt-in clock of one stream.

    Args:
        samples: a few frames of it from start to end, for example from
            :func:`retrofr.video.overlay.choose_samples`; each is read and let go.
        reader: finds and reads lines of text, :func:`retrofr.overlay.text_reader.open_text_reader`.
    """
    frames, with_text = 0, 0
    shown: list[ShownLine] = []
    for sample in samples:
        frames += 1
        lines = reader.read_lines(sample.image)
        with_text += bool(lines)
        shown += shown_lines(sample.frame.seconds, lines)
    if not shown:
        return NoOverlayClock(_nothing(frames, with_text), frames)
    every = tracks(shown)
    found = sorted((fit_track(track) for track in every), key=_rank, reverse=True)
    best = found[0]
    if not best.fits or best.agreeing < len(best.lines) * _LEAST_SHARE:
        longest = max(every, key=len)
        return NoOverlayClock(_unfit(longest, best, frames), frames, _texts(longest, frozenset()))
    others = [other for other in found[1:] if other.fits and other.agreeing >= FEWEST_AGREEING]
    return _reading(best, others, frames)


def _nothing(frames: int, with_text: int) -> str:
    if not frames:
        return "no frame was looked at for a burnt-in clock"
    looked = f"the {frames} frames" if frames > 1 else "the one frame"
    if not with_text:
        return f"no text was found in {looked} looked at for a burnt-in clock"
    return f"no time was found in the text of {looked} looked at for a burnt-in clock"


def _unfit(track: Track, best: TrackFit, frames: int) -> str:
    read, first = len(track), track[0].shown
    span = track[-1].seconds - track[0].seconds
    _, same = Counter(line.shown.seconds for line in track).most_common(1)[0]
    if same > 1 and same >= 0.8 * read:
        return f"the time shown in {read} of {frames} frames, {first.text!r}, does not move in {float(span):.3g} s"
    if read < FEWEST_AGREEING:
        return f"a time was read in only {read} of {frames} frames, at least {FEWEST_AGREEING} are needed"
    if not best.fits:
        return f"a time was read in {read} of {frames} frames, but it does not run with the recording"
    return f"a time was read in {len(best.lines)} of {frames} frames, but only {best.agreeing} run evenly"


def _rank(found: TrackFit) -> tuple[int, bool]:
    return (found.agreeing if found.fits else 0, bool(found.fits) and found.fits[0][0] is not None)


def _reading(found: TrackFit, others: Sequence[TrackFit], frames: int) -> OverlayReading:
    main = found.pieces[0]
    dated = found.fits[0][0] is not None
    starts = {pieces[0].start_shown for _, pieces in found.fits} if dated else set()
    alternatives = tuple(_datetime(start) for start in sorted(starts))
    agreeing = frozenset(n for piece in found.pieces for n in piece.members)
    stretches = _stretches(found)
    source = f"burnt-in clock (OCR of {frames} frames: {len(found.lines)} read, {len(agreeing)} agree)"
    at: datetime | None = None
    if not dated:
        source = _without_date(main)
    elif len(alternatives) > 1:
        named = " or ".join(f"{time:%Y-%m-%d}" for time in alternatives)
        text = found.lines[main.members[0]].shown.text
        source = f"none: the burnt-in clock, {text!r}, can be read as {named}"
    elif len(stretches) > 1:
        source = f"none: {_jumps(found.pieces, found.lines)[0]}"
    else:
        at = alternatives[0]
    return OverlayReading(
        ClockOrigin(at, source, "overlay", main.rate),
        main.uncertainty_seconds,
        main.rate_uncertainty,
        frames,
        len(found.lines),
        len(agreeing),
        stretches,
        alternatives if len(alternatives) > 1 else (),
        _texts(found.lines, agreeing),
        tuple(_problems(found, others, frames)),
    )


def _without_date(piece: Piece) -> str:
    of_day = piece.start_shown % DAY
    if piece.rate == 1 and min(of_day, DAY - of_day) <= 1:
        return "none: what is burnt in counts from 0 with the recording: elapsed time, not a clock"
    shown = format_seconds(of_day)
    return f"none: the burnt-in clock shows no date that could be read; at media time 0 it shows {shown}"


def _problems(found: TrackFit, others: Sequence[TrackFit], frames: int) -> Iterable[str]:
    main, read, agreeing = found.pieces[0], len(found.lines), found.agreeing
    if main.rate != 1:
        rate, either = float(main.rate), main.rate_uncertainty
        yield f"the burnt-in clock runs {rate:.6g} × media time (± {either:.1g})"
    yield from _jumps(found.pieces, found.lines)
    if agreeing < read:
        yield f"{read - agreeing} of {read} readings of the burnt-in clock do not fit the others"
    if 2 * read < frames:
        yield f"the burnt-in clock was read in only {read} of {frames} frames"
    wrong = [
        line.shown for n, line in enumerate(found.lines) if n in main.members and _odd_weekday(line.shown)
    ]
    if wrong:
        yield f"the weekday shown is not that of the date in {len(wrong)} readings, for example {wrong[0].text!r}"
    for other in others:
        apart = other.pieces[0].start_shown - main.start_shown
        if (other.fits[0][0] is None) != (found.fits[0][0] is None):
            apart = (apart + DAY // 2) % DAY - DAY // 2
        text = other.lines[other.pieces[0].members[0]].shown.text
        yield f"another clock is burnt in, for example {text!r}: {_signed(apart)} from the one used"


def _odd_weekday(shown: ShownTime) -> bool:
    return shown.weekday is not None and all(at.weekday() != shown.weekday for at in shown.dates.values())


def _jumps(pieces: Sequence[Piece], lines: Sequence[ShownLine]) -> list[str]:
    ordered = sorted(pieces, key=lambda piece: piece.members)
    told = []
    for before, after in pairwise(ordered):
        left, right = lines[before.members[-1]].seconds, lines[after.members[0]].seconds
        by = _signed(after.start_shown - before.start_shown)
        told.append(
            f"the burnt-in clock jumps by {by} between media times {format_seconds(left)} and "
            f"{format_seconds(right)}"
        )
    return told


def _signed(seconds: Fraction) -> str:
    """To the second: more is not known of a clock that shows seconds."""
    return f"{'-' if seconds < 0 else '+'}{format_seconds(abs(round(seconds))).removesuffix('.000')}"


def _stretches(found: TrackFit) -> tuple[OverlayStretch, ...]:
    known = found.fits[0][0] is not None and len(found.fits) == 1
    return tuple(
        OverlayStretch(
            _datetime(piece.start_shown) if known else None,
            found.lines[piece.members[0]].seconds,
            found.lines[piece.members[-1]].seconds,
            len(piece.members),
        )
        for piece in sorted(found.pieces, key=lambda piece: piece.members)
    )


def _texts(lines: Sequence[ShownLine], agreeing: frozenset[int]) -> tuple[OverlayText, ...]:
    return tuple(OverlayText(line.seconds, line.shown.text, n in agreeing) for n, line in enumerate(lines))


def _datetime(shown: Fraction) -> datetime:
    """From seconds since the day before 0001-01-01, as :meth:`date.toordinal` counts days."""
    return datetime.min + timedelta(microseconds=round((shown - DAY) * 1_000_000))
