"""From candidates to appearances: which tracklets make one appearance, by stated rules, and in what order.

1. Joined is only what belongs to one probe (or one person), exhibit, stream and segment.
2. The pause between two neighbours is at most the join gap, in seconds of media time.
3. Tracklets that are there at the same time, also in one sample only, are never joined: nobody is in two places.
4. Of several appearances that a tracklet could go on, it goes on the one that ended last; of those that ended
   together, the one whose last box overlaps its first box most.
5. A tracklet that was cut, by the edge of its slice or for its length, and evidently goes on in another is one
   with it (:class:`Continuity` says what is evident). If one of the two is a candidate, the appearance extends
   over the other as well, in its times and ``faces_seen``; ``faces`` counts supporting faces of candidates alone.
   What an appearance of a hit extends over is not listed again below the threshold.

Rule 5 goes before rule 2, and rule 3 before both. Below the threshold only rule 5 joins anything: neighbours
there may well be different people. The same candidates in another order give the same appearances.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from retrofr.clock import WallClock, disagreement
from retrofr.continuity import Continuity, box_overlap, tracklet_key
from retrofr.documents import iso_time
from retrofr.records import Candidate, Face, Tracklet
from retrofr.results import Appearance


@dataclass(frozen=True, eq=False)
class Chain:
    """The tracklets of one appearance in the order of time, and the candidates among them in the same order.

    ``candidates`` is empty for an appearance of a person that no probe was compared with.
    """

    tracklets: tuple[Tracklet, ...]
    candidates: tuple[Candidate, ...] = ()

    @property
    def best(self) -> Candidate:
        """The candidate with the best score, the first of equals."""
        return max(self.candidates, key=lambda candidate: candidate.score)

    @property
    def best_tracklet(self) -> Tracklet:
        """The tracklet that shows the face best: that of the best candidate, else the one with the best face."""
        if self.candidates:
            return self.best.tracklet
        return max((t for t in self.tracklets if t.best), key=lambda t: t.best[0].quality.rank)


def join_appearances(
    candidates: Iterable[Candidate],
    *,
    hit: bool,
    join_gap_seconds: float | None,
    first_rank: int = 1,
    continuity: Continuity | None = None,
) -> tuple[Appearance, ...]:
    """Join candidates to appearances and rank them, best score first.

    Args:
        candidates: in any order.
        hit: what the appearances' ``hit`` says.
        join_gap_seconds: the longest pause inside one appearance, in seconds of media time; None joins nothing
            but what ``continuity`` says.
        first_rank: the rank of the first.
        continuity: finds what tracklets that were cut go on in; without it rule 5 joins nothing.
    """
    chains = join_candidates(candidates, join_gap_seconds=join_gap_seconds, continuity=continuity)
    return tuple(appearance_of(chain, rank=first_rank + i, hit=hit) for i, chain in enumerate(chains))


def rank_appearances(
    hits: Iterable[Candidate],
    below: Iterable[Candidate],
    *,
    join_gap_seconds: float,
    continuity: Continuity | None = None,
) -> tuple[tuple[Appearance, ...], tuple[Appearance, ...]]:
    """The appearances of hits and those of candidates below the threshold, ranked one after the other."""
    found, rest = join_all(hits, below, join_gap_seconds=join_gap_seconds, continuity=continuity)
    first = len(found) + 1
    return (
        tuple(appearance_of(chain, rank=1 + i, hit=True) for i, chain in enumerate(found)),
        tuple(appearance_of(chain, rank=first + i, hit=False) for i, chain in enumerate(rest)),
    )


def join_all(
    hits: Iterable[Candidate],
    below: Iterable[Candidate],
    *,
    join_gap_seconds: float,
    continuity: Continuity | None = None,
) -> tuple[list[Chain], list[Chain]]:
    """The chains of hits, and those of candidates below the threshold that no chain of hits extends over."""
    found = join_candidates(hits, join_gap_seconds=join_gap_seconds, continuity=continuity)
    if continuity is not None:
        taken = {(c.best.probe, tracklet_key(t)) for c in found for t in c.tracklets}
        below = [c for c in below if (c.probe, tracklet_key(c.tracklet)) not in taken]
    return found, join_candidates(below, join_gap_seconds=None, continuity=continuity)


def join_candidates(
    candidates: Iterable[Candidate], *, join_gap_seconds: float | None, continuity: Continuity | None = None
) -> list[Chain]:
    """Candidates as the chains of tracklets that the rules make of them, best score first."""
    groups: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        groups[(candidate.probe, *_place(candidate.tracklet))].append(candidate)
    chains = [
        chain for group in groups.values() for chain in _joined(_threads(group, continuity), join_gap_seconds)
    ]
    return sorted(chains, key=_rank_order)


def join_people(
    tracklets: Iterable[tuple[int, Tracklet]], *, join_gap_seconds: float
) -> list[tuple[int, Chain]]:
    """Tracklets and the number of the person each was put to, as the person's appearances.

    Rules 1 to 4, with the person in place of a probe; rule 5 adds nothing to people, as what goes on within the
    gap and belongs to the person is joined anyway. By person, then exhibit, stream, segment and time.
    """
    groups: dict[tuple[int, str, str, int, int], list[Chain]] = defaultdict(list)
    for person, tracklet in tracklets:
        groups[(person, *_place(tracklet))].append(Chain((tracklet,)))
    return [
        (place[0], chain)
        for place, group in sorted(groups.items(), key=lambda item: item[0])
        for chain in sorted(_joined(group, join_gap_seconds), key=lambda c: _time_order(c.tracklets[0]))
    ]


def _place(tracklet: Tracklet) -> tuple[str, str, int, int]:
    return (tracklet.exhibit.name, tracklet.exhibit.sha256, tracklet.first.stream, tracklet.first.segment)


def _threads(group: Sequence[Candidate], continuity: Continuity | None) -> list[Chain]:
    """Each candidate with what its tracklet was cut from (rule 5), candidates of one thread together."""
    if continuity is None:
        return [Chain((candidate.tracklet,), (candidate,)) for candidate in group]
    threads: dict[object, tuple[tuple[Tracklet, ...], list[Candidate]]] = {}
    for candidate in group:
        thread = continuity.thread(candidate.tracklet)
        threads.setdefault(tracklet_key(thread[0]), (thread, []))[1].append(candidate)
    return [
        Chain(tracklets, tuple(sorted(found, key=lambda c: _time_order(c.tracklet))))
        for tracklets, found in threads.values()
    ]


def _joined(threads: Iterable[Chain], join_gap_seconds: float | None) -> list[Chain]:
    """Threads that follow each other within the gap, put together (rules 2 to 4)."""
    gap = Fraction(-1) if join_gap_seconds is None else Fraction(join_gap_seconds)
    chains: list[Chain] = []
    open_chains: list[int] = []
    for thread in sorted(threads, key=lambda c: _time_order(c.tracklets[0])):
        start = thread.tracklets[0].first.seconds
        # What ended too long ago for this thread did so for all later ones.
        open_chains = [i for i in open_chains if start - _end(chains[i]) <= gap]
        fitting = [i for i in open_chains if _end(chains[i]) < start]
        if fitting:
            i = max(fitting, key=lambda i: (_end(chains[i]), _overlap(chains[i], thread)))
            before = chains[i]
            chains[i] = Chain(before.tracklets + thread.tracklets, before.candidates + thread.candidates)
        else:
            open_chains.append(len(chains))
            chains.append(thread)
    return chains


def _end(chain: Chain) -> Fraction:
    return chain.tracklets[-1].last.seconds


def _overlap(chain: Chain, thread: Chain) -> float:
    last, first = chain.tracklets[-1].last_box, thread.tracklets[0].first_box
    return 0.0 if last is None or first is None else box_overlap(last, first)


def _time_order(tracklet: Tracklet) -> tuple[Fraction, int, int, Fraction]:
    return (tracklet.first.seconds, tracklet.slice, tracklet.number, tracklet.last.seconds)


def _rank_order(chain: Chain) -> tuple[object, ...]:
    first = chain.tracklets[0]
    return (-chain.best.score, first.exhibit.name, first.first.seconds, chain.best.probe, *_place(first),
            first.slice, first.number)  # fmt: skip


def appearance_of(chain: Chain, *, rank: int, hit: bool) -> Appearance:
    """The appearance that candidates of one probe support."""
    best = chain.best
    known = (c.person for c in sorted(chain.candidates, key=lambda c: -c.score) if c.person is not None)
    return dataclasses.replace(
        _seen(chain, best.best),
        rank=rank,
        hit=hit,
        probe=best.probe,
        score=best.score,
        faces=sum(candidate.supporting for candidate in chain.candidates),
        still_pictures=best.still,
        person=next(known, None),
        tracklet=best.tracklet_id,
        best_face=next((i for i, face in enumerate(best.tracklet.best) if face is best.best), None),
        evidence=best.evidence,
        tracklets_extending=len(chain.tracklets) - len(chain.candidates),
    )


def person_appearance(person: int, chain: Chain) -> Appearance:
    """The appearance of a person that no probe was compared with; ``faces`` counts those with a template."""
    faces = sum(len(tracklet.best) for tracklet in chain.tracklets)
    return dataclasses.replace(
        _seen(chain, chain.best_tracklet.best[0]), person=person, faces=faces, best_face=0
    )


def _seen(chain: Chain, best: Face) -> Appearance:
    """All that does not depend on what was looked for."""
    first, last = chain.tracklets[0].first, chain.tracklets[-1].last
    exhibit = chain.tracklets[0].exhibit
    clock, start, end = exhibit.clock, first.seconds, last.until_seconds
    x1, y1, x2, y2 = (float(v) for v in best.box)
    compared = [face for tracklet in chain.tracklets for face in tracklet.best]
    return Appearance(
        rank=0,
        hit=False,
        probe="",
        exhibit=exhibit.name,
        exhibit_sha256=exhibit.sha256,
        stream=first.stream,
        segment=first.segment,
        start_seconds=start,
        end_seconds=end,
        start_time=iso_time(clock.original_at(start)),
        end_time=iso_time(clock.original_at(end)),
        time_source=" and ".join(sorted({first.time_source, last.time_source})),
        clock_source=clock.source,
        score=math.nan,
        faces=0,
        faces_seen=sum(tracklet.faces for tracklet in chain.tracklets),
        best_seconds=best.frame.seconds,
        best_box=(x1, y1, x2, y2),
        eye_distance_pixels=best.quality.eye_distance_pixels,
        camera=exhibit.camera,
        start_time_adjusted=iso_time(clock.adjusted_at(start)),
        end_time_adjusted=iso_time(clock.adjusted_at(end)),
        clock_status=clock.status,
        clock_note=_clock_note(clock, start, end),
        clock_offset_seconds=_offset_seconds(clock),
        faces_suspect=sum(face.frame.suspect for face in compared),
        best_suspect=best.frame.suspect,
        tracklets=len(chain.tracklets),
    )


def _offset_seconds(clock: WallClock) -> Fraction | None:
    if clock.origin.at is None:
        return None
    return Fraction(clock.offset // timedelta(microseconds=1), 1_000_000)


def _clock_note(clock: WallClock, start: Fraction, end: Fraction) -> str | None:
    notes = [clock.note_at(start), clock.note_at(end), *disagreement(clock)]
    return "; ".join(dict.fromkeys(note for note in notes if note)) or None
