"""The bookkeeping of a reading that takes several decoder processes, one leg each, because some of them died.

When a decoder dies, a new one goes on right behind the last frame that is accounted for. When it dies again in
the same slice, the rest of the slice is given up and the next leg begins with the slice after it.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from retrofr.processes.wire import Delta
from retrofr.records import Sample, TimeRange
from retrofr.video.decoding.coverage import CoverageFacts, shown
from retrofr.video.isolation.messages import Account
from retrofr.video.plan import Resume

_DEATHS_A_SLICE = 2
# So many slices in a row without a single frame: the next ones are not tried any more, each may cost minutes.
_FRUITLESS_SLICES = 3

_SUMS = frozenset(
    {"frames", "samples", "damaged_packets", "damaged_frames", "suspect_frames", "searched_seconds"}
    | {f"{kind}_seconds" for kind in ("suspect", "missing", "gap", "lost", "unreadable", "static", "outside")}
)
_FIRST_KNOWN = frozenset({"first_seconds", "declared_seconds"})
_LAST_KNOWN = frozenset({"last_seconds"})
_EVERY = frozenset({"codec_reports_damage"})


def joined(before: CoverageFacts, after: CoverageFacts) -> CoverageFacts:
    """The facts of two readings, the second going on where the first left off, and in its segment."""
    before = _without_overlap(before, after)
    values: dict[str, object] = {}
    for spec in dataclasses.fields(CoverageFacts):
        old, new = getattr(before, spec.name), getattr(after, spec.name)
        if spec.name == "ranges":
            values[spec.name] = _joined_ranges(old, new)
        elif isinstance(old, list):
            values[spec.name] = old + [item for item in new if item not in old]
        elif spec.name in _SUMS:
            values[spec.name] = old + new
        elif spec.name in _FIRST_KNOWN:
            values[spec.name] = new if old is None else old
        elif spec.name in _LAST_KNOWN:
            values[spec.name] = old if new is None else new
        elif spec.name in _EVERY:
            values[spec.name] = old and new
        elif spec.name == "segments":
            values[spec.name] = max(old, new)
        else:
            raise TypeError(f"it is not known how {spec.name} of two readings become one")
    return CoverageFacts(**values)  # type: ignore[arg-type]


def _without_overlap(before: CoverageFacts, after: CoverageFacts) -> CoverageFacts:
    """What was told of footage outside the time windows behind the last frame is told again by the next reading."""
    if not before.ranges or not after.ranges or before.ranges[-1].kind != "outside":
        return before
    last, first = before.ranges[-1], after.ranges[0]
    if last.segment != first.segment or not last.start_seconds <= first.start_seconds < last.end_seconds:
        return before
    kept = [dataclasses.replace(last, end_seconds=first.start_seconds)]
    return dataclasses.replace(
        before,
        ranges=before.ranges[:-1] + [piece for piece in kept if piece.seconds],
        outside_seconds=before.outside_seconds - (last.end_seconds - first.start_seconds),
    )


def _joined_ranges(before: list[TimeRange], after: list[TimeRange]) -> list[TimeRange]:
    if not before or not after:
        return before + after
    last, first = before[-1], after[0]
    same = (last.kind, last.segment, last.reason) == (first.kind, first.segment, first.reason)
    if not same or last.end_seconds != first.start_seconds:
        return before + after
    return [*before[:-1], dataclasses.replace(last, end_seconds=first.end_seconds), *after[1:]]


@dataclass
class _Loss:
    """What was given up from ``start`` on; its end is where the next leg finds something."""

    start: Fraction
    segment: int
    reason: str


class _Shots:
    """Counts shots over several legs; each leg counts its own from the first frame of the slice it begins with.

    The first frame of a shot is always a sample, so the samples tell which shot any frame belongs to.
    """

    def __init__(self) -> None:
        self._base = self._latest = self._at_slice = 0
        self._start_packets: deque[int] = deque(maxlen=8)

    def slice_starts(self, packet: int) -> None:
        self._start_packets.append(packet)

    def enter_slice(self) -> None:
        """Frames of the next slice are shown from here on."""
        self._at_slice = self._latest

    def number(self, sample: Sample, *, is_new_slice: bool) -> int:
        """The sample's shot; ``is_new_slice``: it is the first thing that is told of its slice."""
        self._latest = self._base + sample.shot
        if is_new_slice and sample.frame.packet in self._start_packets:
            self._at_slice = self._latest
        return self._latest

    def begin_again(self) -> None:
        """The next leg begins with the slice that was shown last."""
        self._base = self._at_slice

    def begin_anew(self) -> None:
        """The next leg begins behind a loss."""
        self._base = self._at_slice = self._latest = self._latest + 1


def _damage_so_far(facts: CoverageFacts) -> list[str]:
    """Sentences on a leg that died, which did not come to tell of itself."""
    told = []
    until = shown(facts.last_seconds or Fraction(0))
    for count, what in ((facts.damaged_packets, "damaged packet"), (facts.damaged_frames, "damaged picture")):
        if count:
            told.append(f"{count} {what}{'s' if count > 1 else ''} before {until}")
    return told


def _told(before: CoverageFacts) -> CoverageFacts:
    """The facts of a reading that was broken off before it could say what was damaged in its leg."""
    said = [sentence for sentence in _damage_so_far(before) if sentence not in before.problems]
    return dataclasses.replace(before, problems=[*before.problems, *said])


class Legs:
    """What is known of a reading so far, in ``facts``, and how it goes on when the decoder dies.

    ``facts`` is the same object all the time; ``restarts`` counts the processes that had to be replaced.

    Args:
        resume: how the first leg begins; None for the beginning.
        before: what an earlier reading found up to there, as :meth:`so_far` gave it; it is counted in.
    """

    def __init__(self, resume: Resume | None, before: CoverageFacts | None = None) -> None:
        self.facts = CoverageFacts()
        self._closed = CoverageFacts() if before is None else _told(before)  # of the legs before this one
        self._leg = CoverageFacts()
        self._began = resume or Resume(0, None, 0, 0)
        self._point: Resume | None = None
        self._reached = False
        self.restarts = 0
        self._deaths = 0  # in this slice
        self._unreached = 0  # legs in a row that died while they skipped what was read before
        self._fruitless = 0  # slices in a row without a frame
        self._loss: _Loss | None = None
        self._shots = _Shots()
        self._update()

    def so_far(self) -> tuple[CoverageFacts, Resume]:
        """A copy of the facts, and how another reading goes on right behind what they tell of."""
        lists = {name: list(value) for name, value in vars(self.facts).items() if isinstance(value, list)}
        return dataclasses.replace(self.facts, **lists), self._point or self._began  # type: ignore[arg-type]

    def fed(self, slice_number: int, packet: int) -> None:
        """The first packet of a slice went to the decoder."""
        self._reached = self._reached or slice_number >= self._began.from_slice
        self._shots.slice_starts(packet)

    def look(self, sample: Sample, account: Account) -> Sample:
        """Take in a sample and what comes with it; gives it with its shot counted over all legs."""
        before = (self._point or self._began).from_slice
        self.take(account)
        after = (self._point or self._began).from_slice
        numbered = self._shots.number(sample, is_new_slice=after > before)
        return sample if numbered == sample.shot else dataclasses.replace(sample, shot=numbered)

    def take(self, account: Account) -> None:
        """Take in what the present leg says of itself."""
        account.facts.apply(self._leg)
        if account.resume is not None:
            if account.resume.from_slice > (self._point or self._began).from_slice:
                self._deaths = 0
                self._shots.enter_slice()
            self._point, self._reached, self._fruitless = account.resume, True, 0
        self._update()

    def died(self, how: str) -> Resume | None:
        """The decoder died.

        Args:
            how: part of a sentence, ``the decoder crashed (SIGSEGV)``.

        Returns:
            How to go on; None where the rest is given up.
        """
        if self._point is not None:
            self._leg.problems = _damage_so_far(self._leg)
            self._closed = joined(self._closed, self._leg)
            self._began = self._point
            self._shots.begin_again()
        self._unreached = 0 if self._reached else self._unreached + 1
        self._leg, self._point, self._reached = CoverageFacts(), None, False
        self.restarts += 1
        self._deaths += 1
        if self._deaths >= _DEATHS_A_SLICE:
            self._lose(how)
            if self._unreached >= _DEATHS_A_SLICE or self._fruitless >= _FRUITLESS_SLICES:
                return None
        self._update()
        return self._began

    def _lose(self, how: str) -> None:
        """Give up the rest of the slice."""
        self.give_up(how)
        self._deaths = 0
        self._fruitless += 1
        self._shots.begin_anew()
        self._began = Resume(
            self._began.from_slice + 1, None, self._began.first_ordinal, self._closed.segments
        )

    def _new_loss(self, reason: str) -> _Loss:
        start = self._closed.last_seconds
        return _Loss(Fraction(0) if start is None else start, max(0, self._closed.segments - 1), reason)

    def ended(self, facts: Delta, endless: str = "") -> None:
        """The present leg is over without dying; ``endless`` says so if the stream has no end."""
        facts.apply(self._leg)
        if not self._leg.frames and self.restarts:
            self._leg.problems.clear()  # it began behind the last frame, so that it found none is no news
        if endless:
            reached = self._leg.last_seconds or self._closed.last_seconds
            where = "before the first picture" if reached is None else f"at {shown(reached)}"
            self._leg.problems.append(f"{endless}; reading was ended {where}")
        self._update()

    def give_up(self, reason: str) -> None:
        """The rest of the stream cannot be read."""
        if self._loss is None:
            self._loss = self._new_loss(reason)

    def left(self, problems: tuple[str, ...], notes: tuple[str, ...]) -> None:
        """The present leg was left before its end; what it says of itself."""
        self._leg.problems, self._leg.notes = list(problems), list(notes)

    def conclude(self, declared_end: Fraction | None) -> None:
        """The reading is over; what is still given up reaches to the end of the stream.

        Args:
            declared_end: media time; None where it is not declared, or reading was left before.
        """
        if self._loss is not None:
            self._close_loss(declared_end, to_the_end=True)
        self._update()
        if self.restarts:
            times = "once" if self.restarts == 1 else f"{self.restarts} times"
            self.facts.notes.append(f"the decoder was restarted {times}")

    def _update(self) -> None:
        if self._loss is not None and self._leg.first_seconds is not None:
            first = self._leg.ranges[0].start_seconds if self._leg.ranges else self._leg.first_seconds
            self._close_loss(first, to_the_end=False)
        # The same object all the time: callers may hold it.
        vars(self.facts).update(vars(joined(self._closed, self._leg)))

    def _close_loss(self, end: Fraction | None, *, to_the_end: bool) -> None:
        loss, self._loss = self._loss, None
        assert loss is not None
        until = loss.start if end is None else max(end, loss.start)
        lost = TimeRange("lost", loss.start, until, loss.segment, loss.reason)
        self._closed.ranges.append(lost)
        self._closed.lost_seconds += lost.seconds
        if until > loss.start:
            where = f"lost between {shown(loss.start)} and {shown(until)}"
        elif to_the_end:
            where = f"everything after {shown(loss.start)} is lost"
        else:
            where = f"lost after {shown(loss.start)}, for a time that is not known"
        self._closed.problems.append(f"{where}: {loss.reason}")
