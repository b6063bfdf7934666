"""The coverage statement of one stream, from what its reading found and how it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from retrofr.clock import format_seconds
from retrofr.indexed import FaceCounts
from retrofr.intake import TakenIn
from retrofr.records import VideoStream
from retrofr.results import StreamCoverage, Unsearched, UnsearchedKind
from retrofr.stream_work import StreamEnd
from retrofr.video.decoding.coverage import CoverageFacts

_OWN = frozenset({"declared_seconds", "ranges", "problems", "notes"})


def account_of(taken: TakenIn, stream: VideoStream, end: StreamEnd) -> StreamCoverage | Unsearched:
    """What was and was not searched of a stream; ``Unsearched`` where not one picture of it was."""
    facts = end.progress.facts
    problems = [*taken.facts.losses({stream.index: facts.frames}), *facts.problems]
    if end.stopped:
        problems.append(f"searched to {format_seconds(end.reached)}, then the run was stopped")
    if not facts.frames and not facts.outside_seconds:
        reason = "; ".join(problems) or "the decoder gave no picture"
        kind: UnsearchedKind = "stopped" if end.stopped else "unreadable"
        return Unsearched(named(taken, stream), reason, kind=kind)
    return coverage_of(taken, stream, facts, end.progress.counts, problems)


def coverage_of(
    taken: TakenIn, stream: VideoStream, facts: CoverageFacts, counts: FaceCounts, problems: Iterable[str]
) -> StreamCoverage:
    """The facts of a reading as a coverage statement, with these problems."""
    exhibit = taken.exhibit
    counted = {
        field.name: getattr(facts, field.name)
        for field in dataclasses.fields(StreamCoverage)
        if hasattr(facts, field.name) and field.name not in _OWN
    }
    return StreamCoverage(
        exhibit=exhibit.name,
        exhibit_sha256=exhibit.sha256,
        stream=stream.index,
        declared_seconds=stream.declared_seconds,
        ranges=tuple(facts.ranges),
        faces=counts.found,
        faces_unfit=counts.unfit,
        unfit_reasons=tuple(counts.reasons.most_common()),
        problems=tuple(problems),
        notes=(*taken.notices, *facts.notes),
        camera=exhibit.camera,
        clock=exhibit.clock,
        hash_check=taken.hash_check,
        **counted,
    )


def named(taken: TakenIn, stream: VideoStream) -> str:
    """A stream, for messages."""
    return f"{taken.exhibit.name}, stream {stream.index}"
