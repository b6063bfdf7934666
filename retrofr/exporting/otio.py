"""OpenTimelineIO: a track for each exhibit with a marker for each appearance. Needs the extra ``otio``.

A clip is the whole recording, so that an editor shows what lies before and after. All times are whole ticks of a rate
in which both the frames and the times of the exhibit are whole: no time is rounded. Markers carry the whole record.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from retrofr.documents import coverage_document, encoded, json_text, record
from retrofr.errors import OutputError
from retrofr.exporting._words import gap_words, one_line, title_of, where, worth_of
from retrofr.exporting.material import Material, Options, Place, facts, not_whole
from retrofr.exporting.outputs import Output
from retrofr.records import TimeRange
from retrofr.results import LEADS_ONLY, Appearance

HIT_COLOR, CANDIDATE_COLOR, COVERAGE_COLOR = "RED", "YELLOW", "PURPLE"

MOST = 2**53
"""OpenTimelineIO counts in floating point, which holds whole numbers exactly up to here."""


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:  # noqa: ARG001  as all
    """One file; its metadata hold what it is of and the whole coverage."""
    import opentimelineio as otio

    timeline = otio.schema.Timeline(one_line(material.title))
    coverage = json.loads(json_text(coverage_document(material.coverage)))
    timeline.metadata["retrofr"] = _plain({**facts(material), "note": LEADS_ONLY, "coverage": coverage})
    for place in material.places:
        for stream in _streams(material, place):
            timeline.tracks.append(_track(otio, material, place, stream))
    output.write("timeline.otio", f"{timeline.to_json_string()}\n".encode())
    return ()


def _streams(material: Material, place: Place) -> list[int]:
    covered = {stream.stream for stream in material.streams_of(place)}
    return sorted(covered | {a.stream for a in material.appearances_in(place)})


def _track(otio: Any, material: Material, place: Place, stream: int) -> Any:
    found = [a for a in material.appearances_in(place) if a.stream == stream]
    coverage = next((s for s in material.streams_of(place) if s.stream == stream), None)
    gaps = [] if coverage is None else not_whole(coverage)
    ends = [a.end_seconds for a in found] + [g.end_seconds for g in gaps]
    if coverage is not None:
        ends += [coverage.declared_seconds or Fraction(0), *(r.end_seconds for r in coverage.ranges)]
    last = max(ends)
    times = [last, *ends, *(a.start_seconds for a in found), *(g.start_seconds for g in gaps)]
    rate = math.lcm(_frames(material, place, stream), *(time.denominator for time in times))
    clip = otio.schema.Clip(
        name=one_line(place[0]),
        media_reference=otio.schema.ExternalReference(
            target_url=_url(place[0]), available_range=_range(otio, Fraction(0), last, rate)
        ),
        source_range=_range(otio, Fraction(0), last, rate),
        metadata={"retrofr": _plain({"exhibit": place[0], "exhibit_sha256": place[1], "stream": stream})},
    )
    clip.markers.extend(_marker(otio, a, rate) for a in found)
    clip.markers.extend(_gap(otio, g, rate) for g in gaps)
    name = one_line(place[0]) + (f", stream {stream}" if len(_streams(material, place)) > 1 else "")
    return otio.schema.Track(name=name, kind=otio.schema.TrackKind.Video, children=[clip])


def _marker(otio: Any, appearance: Appearance, rate: int) -> Any:
    return otio.schema.Marker(
        name=title_of(appearance),
        marked_range=_range(otio, appearance.start_seconds, appearance.end_seconds, rate),
        color=HIT_COLOR if appearance.hit else CANDIDATE_COLOR,
        comment=f"{where(appearance)}: {worth_of(appearance)}",
        metadata={"retrofr": _plain(record(appearance))},
    )


def _gap(otio: Any, stretch: TimeRange, rate: int) -> Any:
    return otio.schema.Marker(
        name=gap_words(stretch),
        marked_range=_range(otio, stretch.start_seconds, stretch.end_seconds, rate),
        color=COVERAGE_COLOR,
        metadata={"retrofr": _plain({"kind": stretch.kind, "segment": stretch.segment})},
    )


def _frames(material: Material, place: Place, stream: int) -> int:
    """A whole number of ticks in a second in which a frame is whole as well; 1 where the rate is not known."""
    exhibit = material.exhibits.get(place[1])
    rates = [] if exhibit is None else [s.average_rate for s in exhibit.streams if s.index == stream]
    return rates[0].numerator if rates and rates[0] else 1


def _range(otio: Any, start: Fraction, end: Fraction, rate: int) -> Any:
    if max(start, end) * rate >= MOST:
        raise OutputError(f"a time of {end} s is beyond what it holds exactly", subject="--format otio")
    first, length = (
        otio.opentime.RationalTime(float(time * rate), float(rate)) for time in (start, end - start)
    )
    return otio.opentime.TimeRange(first, length)


def _url(name: str) -> str:
    """A relative address that gives the file's name back, whatever bytes it has."""
    return quote(name.encode("utf-8", "surrogateescape"))


def _plain(value: Any) -> Any:
    """Values as metadata hold them: exact times as text (``25/2``), odd bytes of names as escapes."""
    match value:
        case Fraction():
            return str(value)
        case str():
            return encoded(value).decode()
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
