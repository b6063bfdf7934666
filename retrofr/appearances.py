"""From candidates to appearances: intervals of an exhibit, ranked.

Candidates of one probe in one segment of one stream are one appearance when they follow each other within the
join gap. Two that are there at the same time are never one: nobody is in two places at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction

from retrofr.clock import WallClock, disagreement
from retrofr.documents import iso_time
from retrofr.records import Candidate
from retrofr.results import Appearance


def join_appearances(
    candidates: Iterable[Candidate], *, hit: bool, join_gap_seconds: float | None, first_rank: int = 1
) -> tuple[Appearance, ...]:
    """Join candidates to appearances and rank them, best score first.

    Args:
        candidates: in any order.
        hit: what the appearances' ``hit`` says.
        join_gap_seconds: the longest pause inside one appearance, in seconds of media time; None joins nothing,
            as is right below the threshold, where neighbours may well be different people.
        first_rank: the rank of the first.
    """
    groups: dict[tuple[str, str, int, int], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        tracklet = candidate.tracklet
        place = (candidate.probe, tracklet.exhibit.name, tracklet.first.stream, tracklet.first.segment)
        groups[place].append(candidate)
    gap = Fraction(-1) if join_gap_seconds is None else Fraction(join_gap_seconds)
    joined = [chain for group in groups.values() for chain in _chains(group, gap)]
    joined.sort(key=_order)
    return tuple(_appearance(chain, first_rank + i, hit) for i, chain in enumerate(joined))


def _chains(group: list[Candidate], gap: Fraction) -> list[list[Candidate]]:
    """Candidates that follow each other, each appended to the chain that ended last before it."""
    chains: list[list[Candidate]] = []
    for candidate in sorted(group, key=lambda c: (c.tracklet.first.seconds, c.tracklet.number)):
        start = candidate.tracklet.first.seconds
        open_chains = [c for c in chains if 0 < start - c[-1].tracklet.last.seconds <= gap]
        if open_chains:
            max(open_chains, key=lambda c: c[-1].tracklet.last.seconds).append(candidate)
        else:
            chains.append([candidate])
    return chains


def _order(chain: list[Candidate]) -> tuple[float, str, Fraction, str]:
    first = chain[0].tracklet
    return (-max(c.score for c in chain), first.exhibit.name, first.first.seconds, chain[0].probe)


def _appearance(chain: list[Candidate], rank: int, hit: bool) -> Appearance:
    best = max(chain, key=lambda candidate: candidate.score)
    first, last = chain[0].tracklet.first, chain[-1].tracklet.last
    exhibit = best.tracklet.exhibit
    clock, start, end = exhibit.clock, first.seconds, last.until_seconds
    x1, y1, x2, y2 = (float(v) for v in best.best.box)
    compared = [face for candidate in chain for face in candidate.tracklet.best]
    return Appearance(
        rank=rank,
        hit=hit,
        probe=best.probe,
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
        score=best.score,
        faces=sum(candidate.supporting for candidate in chain),
        faces_seen=sum(candidate.tracklet.faces for candidate in chain),
        best_seconds=best.best.frame.seconds,
        best_box=(x1, y1, x2, y2),
        eye_distance_pixels=best.best.quality.eye_distance_pixels,
        still_pictures=best.still,
        camera=exhibit.camera,
        start_time_adjusted=iso_time(clock.adjusted_at(start)),
        end_time_adjusted=iso_time(clock.adjusted_at(end)),
        clock_status=clock.status,
        clock_note=_clock_note(clock, start, end),
        clock_offset_seconds=_offset_seconds(clock),
        faces_suspect=sum(face.frame.suspect for face in compared),
        best_suspect=best.best.frame.suspect,
    )


def _offset_seconds(clock: WallClock) -> Fraction | None:
    if clock.origin.at is None:
        return None
    return Fraction(clock.offset // timedelta(microseconds=1), 1_000_000)


def _clock_note(clock: WallClock, start: Fraction, end: Fraction) -> str | None:
    notes = [clock.note_at(start), clock.note_at(end), *disagreement(clock)]
    return "; ".join(dict.fromkeys(note for note in notes if note)) or None
