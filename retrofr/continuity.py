"""Which tracklets evidently show one face that went on being seen: pieces of what a slice's edge cut in two.

Tracklets end at the edge of their slice and at the tracker's greatest length, whatever is seen. A tracklet goes
on in another where all of this holds; every doubt leaves them two:

1. Same exhibit, stream and segment; the other begins after the end of the one, by no more than the tracker lets
   a face be missed inside a tracklet.
2. The one was cut: the other lies in a later slice, or in the same and begins later after the one's beginning
   than a tracklet may last.
3. The last box of the one and the first box of the other overlap (IoU ≥ 0.2, as in the tracker). Where neither
   overlaps any other box in question: their centres are at most one face width apart, and their widths differ
   by at most half.
4. No other tracklet competes: nothing else could continue the one, and the other could continue nothing else.
5. Where both have templates and the caller can compare them: they are alike. A cut of the film may fall on the
   edge of a slice, with another face in the same place after it.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Protocol

from retrofr.records import Floats, Tracklet
from retrofr.settings import TrackSettings

MIN_OVERLAP = 0.2
NEAR_FACE_WIDTHS = 1.0
MOST_WIDER = 1.5

Alike = Callable[[Tracklet, Tracklet], bool]
"""Whether two tracklets with templates look alike enough to be one face that went on."""

TrackletKey = tuple[str, str, int, int, int, int]


class Neighbours(Protocol):
    """Looks up tracklets of footage by time, those without templates included; in any order.

    What rule 2 rules out may be left out: tracklets of the same slice that begin within a tracklet's greatest length.
    """

    def beginning(self, beside: Tracklet, after: Fraction, until: Fraction) -> Sequence[Tracklet]:
        """Those of the stream and segment of ``beside`` whose first face is in (after, until], media seconds."""
        ...

    def ending(self, beside: Tracklet, since: Fraction, before: Fraction) -> Sequence[Tracklet]:
        """Those of the stream and segment of ``beside`` whose last face is in [since, before), media seconds."""
        ...


def tracklet_key(tracklet: Tracklet) -> TrackletKey:
    """What tells a tracklet from all others: exhibit (digest, name), stream, segment, slice, number."""
    first, exhibit = tracklet.first, tracklet.exhibit
    return (exhibit.sha256, exhibit.name, first.stream, first.segment, tracklet.slice, tracklet.number)


class Continuity:
    """Finds what a tracklet goes on in, and what it continues.

    Args:
        neighbours: where other tracklets are looked up.
        track: the tracker's settings that the tracklets were made with.
        alike: compares two tracklets that both have templates; None compares nothing.
    """

    def __init__(self, neighbours: Neighbours, track: TrackSettings, alike: Alike | None = None) -> None:
        self._neighbours, self._alike = neighbours, alike
        self._max_gap = Fraction(track.max_gap_seconds)
        self._max_length = Fraction(track.max_length_seconds)
        self._threads: dict[TrackletKey, tuple[Tracklet, ...]] = {}

    def thread(self, tracklet: Tracklet) -> tuple[Tracklet, ...]:
        """All tracklets of the one face that ``tracklet`` is a piece of, in the order of time; at least itself."""
        key = tracklet_key(tracklet)
        if key not in self._threads:
            pieces = [tracklet]
            while (earlier := self.before(pieces[0])) is not None:
                pieces.insert(0, earlier)
            while (later := self.after(pieces[-1])) is not None:
                pieces.append(later)
            thread = tuple(pieces)
            self._threads |= {tracklet_key(piece): thread for piece in thread}
        return self._threads[key]

    def after(self, tracklet: Tracklet) -> Tracklet | None:
        """The tracklet that this one evidently goes on in; None where there is none, or doubt."""
        later = _only(self._later(tracklet))
        return later if later is not None and self._agrees(tracklet, later) else None

    def before(self, tracklet: Tracklet) -> Tracklet | None:
        """The tracklet that this one evidently continues; None where there is none, or doubt."""
        earlier = _only(self._earlier(tracklet))
        return earlier if earlier is not None and self._agrees(earlier, tracklet) else None

    def _agrees(self, earlier: Tracklet, later: Tracklet) -> bool:
        """Whether each is the only one in question for the other."""
        there, back = _only(self._later(earlier)), _only(self._earlier(later))
        if there is None or back is None:
            return False
        return tracklet_key(there) == tracklet_key(later) and tracklet_key(back) == tracklet_key(earlier)

    def _later(self, tracklet: Tracklet) -> list[Tracklet]:
        """What could continue this one; only those whose boxes overlap, if any do."""
        end = tracklet.last.seconds
        found = self._neighbours.beginning(tracklet, end, end + self._max_gap)
        possible = [other for other in found if self._was_cut(tracklet, other)]
        return _surest((other, _closeness(tracklet, other)) for other in possible)

    def _earlier(self, tracklet: Tracklet) -> list[Tracklet]:
        start = tracklet.first.seconds
        found = self._neighbours.ending(tracklet, start - self._max_gap, start)
        possible = [other for other in found if self._was_cut(other, tracklet)]
        return _surest((other, _closeness(other, tracklet)) for other in possible)

    def _was_cut(self, earlier: Tracklet, later: Tracklet) -> bool:
        """Whether it could be the tracker's rules alone that made two of them."""
        if tracklet_key(earlier)[:4] != tracklet_key(later)[:4]:
            return False
        too_long = later.first.seconds - earlier.first.seconds > self._max_length
        if not (later.slice > earlier.slice or (later.slice == earlier.slice and too_long)):
            return False
        if self._alike is None or not (len(earlier.templates) and len(later.templates)):
            return True
        return self._alike(earlier, later)


def alike_at(compare: Callable[[Floats, Floats], Floats], threshold: float) -> Alike:
    """Alike are two tracklets of which some two faces reach a threshold.

    Args:
        compare: a comparison's scores (P, M) of templates (P, D) against (M, D).
        threshold: that of hits.
    """

    def alike(one: Tracklet, other: Tracklet) -> bool:
        return float(compare(one.templates, other.templates).max()) >= threshold

    return alike


def box_overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes (4,), 0 to 1."""
    from retrofr import tracking  # brings OpenCV, which most searches need not wait for

    return tracking.box_overlap(one, other)


def _only(found: Sequence[Tracklet]) -> Tracklet | None:
    return found[0] if len(found) == 1 else None


def _surest(found: Iterable[tuple[Tracklet, int]]) -> list[Tracklet]:
    """Those that overlap, or where none does, those that are near."""
    pairs = [(tracklet, closeness) for tracklet, closeness in found if closeness]
    most = max((closeness for _, closeness in pairs), default=0)
    return [tracklet for tracklet, closeness in pairs if closeness == most]


def _closeness(earlier: Tracklet, later: Tracklet) -> int:
    """2: the boxes overlap; 1: near and of like size; 0: neither, or not known."""
    last, first = earlier.last_box, later.first_box
    if last is None or first is None:
        return 0
    if box_overlap(last, first) >= MIN_OVERLAP:
        return 2
    widths = sorted((float(last[2] - last[0]), float(first[2] - first[0])))
    across, down = (float(last[i] + last[i + 2] - first[i] - first[i + 2]) / 2 for i in (0, 1))
    near = across**2 + down**2 <= (NEAR_FACE_WIDTHS * widths[1]) ** 2
    return 1 if near and widths[1] <= MOST_WIDER * widths[0] else 0


class KnownTracklets:
    """Neighbours among tracklets that are held in memory.

    A search without a case adds what :func:`ends_in_question` keeps of each slice.
    """

    def __init__(self, tracklets: Iterable[Tracklet] = ()) -> None:
        self._by_start: dict[object, list[Tracklet]] = defaultdict(list)
        self._by_end: dict[object, list[Tracklet]] = defaultdict(list)
        self.add(tracklets)

    def add(self, tracklets: Iterable[Tracklet]) -> None:
        """Hold more tracklets."""
        for tracklet in tracklets:
            place = tracklet_key(tracklet)[:4]
            bisect.insort(self._by_start[place], tracklet, key=_start)
            bisect.insort(self._by_end[place], tracklet, key=_end)

    def beginning(self, beside: Tracklet, after: Fraction, until: Fraction) -> Sequence[Tracklet]:
        """See :class:`Neighbours`."""
        sorted_ = self._by_start.get(tracklet_key(beside)[:4], [])
        return sorted_[
            bisect.bisect_right(sorted_, after, key=_start) : bisect.bisect_right(sorted_, until, key=_start)
        ]

    def ending(self, beside: Tracklet, since: Fraction, before: Fraction) -> Sequence[Tracklet]:
        """See :class:`Neighbours`."""
        sorted_ = self._by_end.get(tracklet_key(beside)[:4], [])
        return sorted_[
            bisect.bisect_left(sorted_, since, key=_end) : bisect.bisect_left(sorted_, before, key=_end)
        ]


def ends_in_question(tracklets: Sequence[Tracklet], track: TrackSettings) -> list[Tracklet]:
    """Of all tracklets of one slice, those that a :class:`Continuity` may ask for, and few more.

    They begin or end within the tracker's longest gap of the slice's first or last face, or of a tracklet that
    lasted as long as one may.
    """
    gap, length = Fraction(track.max_gap_seconds), Fraction(track.max_length_seconds)
    segments: dict[int, list[Tracklet]] = defaultdict(list)
    for tracklet in tracklets:
        segments[tracklet.first.segment].append(tracklet)
    kept = []
    for group in segments.values():
        # What was cut for its length ended within a gap of its greatest length.
        long = [_end(t) for t in group if _end(t) - _start(t) >= length - gap]
        edges = [min(map(_start, group)), max(map(_end, group)), *long]
        kept += [t for t in group if any(abs(at(t) - edge) <= gap for at in (_start, _end) for edge in edges)]
    return kept


def _start(tracklet: Tracklet) -> Fraction:
    return tracklet.first.seconds


def _end(tracklet: Tracklet) -> Fraction:
    return tracklet.last.seconds
