"""What differs between the candidates of a bundle and those of the same search run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from retrofr.disclosure.contents import span_of
from retrofr.documents import decimal_text

SCORE_TOLERANCE = 5e-3
"""By how much scores may differ on another machine; ``docs/bundle.md`` has what was measured. Times must be equal."""

Row = Mapping[str, Any]
Kind = Literal["gone", "new", "other times", "other score", "hit or not", "threshold", "probe"]


@dataclass(frozen=True)
class Difference:
    """One difference.

    Args:
        kind: what differs.
        sentence: what it was and what it is, for a person.
        before, now: records of the appearance; None where there is none.
    """

    kind: Kind
    sentence: str
    before: Row | None = None
    now: Row | None = None


@dataclass(frozen=True)
class Compared:
    """Candidates held against each other.

    Args:
        differences: those beyond the tolerance, in the order of the bundle's ranks, new ones last.
        pairs: how many candidates are at the same times in both.
        largest: difference of scores among those.
        filled: candidates below the threshold that stand in places which those of missing recordings held.
    """

    differences: tuple[Difference, ...]
    pairs: int
    largest: float
    filled: int = 0


def compare_candidates(
    before: Iterable[Row], now: Iterable[Row], *, missing: Collection[str] = ()
) -> Compared:
    """Hold two lists of candidates against each other.

    Args:
        before: records of the bundle.
        now: records of the search run again.
        missing: SHA-256 of recordings that were not there; their candidates are left out.
    """
    old = [row for row in before if row["exhibit_sha256"] not in missing]
    pairs, old, new = _paired(old, list(now))
    moved, old, new = _overlapping(old, new)
    filled = [row for row in new if missing and not row["hit"]]
    found = [each for was, is_ in pairs for each in _of_pair(was, is_)]
    found += [Difference("other times", f"{_told(was)} is now {_times(is_)}", was, is_) for was, is_ in moved]
    found += [Difference("gone", f"{_told(row)} is not found any more", row) for row in old]
    found.sort(key=lambda each: each.before["rank"] if each.before else 0)
    added = [row for row in new if not (missing and not row["hit"])]
    found += [Difference("new", f"{_told(row)} was not there", None, row) for row in added]
    scores = [abs(float(was["score"]) - float(is_["score"])) for was, is_ in pairs]
    return Compared(tuple(found), len(pairs), max(scores, default=0.0), len(filled))


def _of_pair(was: Row, is_: Row) -> Iterable[Difference]:
    if was["hit"] != is_["hit"]:
        what = "a hit" if is_["hit"] else "below the threshold"
        yield Difference("hit or not", f"{_told(was)} is now {what}, score {is_['score']:.6f}", was, is_)
    elif not abs(float(was["score"]) - float(is_["score"])) <= SCORE_TOLERANCE:
        yield Difference("other score", f"{_told(was)} has now score {is_['score']:.6f}", was, is_)


def _place(row: Row) -> tuple[Any, ...]:
    return row["probe"], row["exhibit_sha256"], row["stream"], row["segment"]


def _paired(before: Sequence[Row], now: Sequence[Row]) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Pairs at the very same times, and what has none; of several at the same times the best score comes first."""
    waiting: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(now, key=lambda row: -float(row["score"])):
        waiting[*_place(row), *span_of(row)].append(row)
    pairs, left = [], []
    for row in sorted(before, key=lambda row: -float(row["score"])):
        there = waiting[*_place(row), *span_of(row)]
        if there:
            pairs.append((row, there.pop(0)))
        else:
            left.append(row)
    return pairs, left, [row for rows in waiting.values() for row in rows]


def _overlapping(
    before: Sequence[Row], now: Sequence[Row]
) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Pairs whose times overlap, those that do so longest first; and what has none."""
    found = [
        (length, i, j)
        for i, was in enumerate(before)
        for j, is_ in enumerate(now)
        if _place(was) == _place(is_) and (length := _overlap(was, is_)) > 0
    ]
    pairs: list[tuple[Row, Row]] = []
    taken_before: set[int] = set()
    taken_now: set[int] = set()
    for _, i, j in sorted(found, key=lambda each: (-each[0], each[1], each[2])):
        if i not in taken_before and j not in taken_now:
            taken_before.add(i)
            taken_now.add(j)
            pairs.append((before[i], now[j]))
    return (
        pairs,
        [row for i, row in enumerate(before) if i not in taken_before],
        [row for j, row in enumerate(now) if j not in taken_now],
    )


def _overlap(one: Row, other: Row) -> Fraction:
    (start, end), (other_start, other_end) = span_of(one), span_of(other)
    return min(end, other_end) - max(start, other_start)


def _told(row: Row) -> str:
    kind = "hit" if row["hit"] else "candidate"
    return f"{kind} {row['rank']} ({row['exhibit']}, {_times(row)}, probe {row['probe']}, score {row['score']:.6f})"


def _times(row: Row) -> str:
    start, end = (decimal_text(at) for at in span_of(row))
    return f"{start} to {end} s"
