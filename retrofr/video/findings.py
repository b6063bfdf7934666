"""What stands out in a file's headers and packets, in sentences: problems lose footage, notes explain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from retrofr.clock import WallClock, disagreement, format_seconds
from retrofr.clock_names import clock_from_file_name
from retrofr.video.facts import StreamFacts, StreamSurvey, Survey

_MAX_TOLD = 4
# A stream that ends this much before its declared end was cut; containers round less than that.
_SHORTFALL_SECONDS = Fraction(1, 2)
# Declared and measured rates that differ by less than this are the same, rounded.
_SAME_RATE = Fraction(2, 100)
_SAME_MOMENT_SECONDS = 2
# Names are cut to the second, and recorders close files a moment after the last frame.
_SAME_LENGTH_SECONDS = 3


def file_problems(survey: Survey) -> list[str]:
    """What was lost of the whole file, one sentence each."""
    told = []
    if survey.unreadable_places:
        times = "1 place" if survey.unreadable_places == 1 else f"{survey.unreadable_places} places"
        told.append(f"{times} in it could not be read")
    if survey.unfinished:
        told.append("the rest of the file could not be read")
    if survey.endless:
        told.append("the file does not come to an end: more was read from it than it can hold")
    return told


def refused_stream(facts: StreamFacts) -> list[str]:
    """Why a stream of a file, others of which can be searched, cannot."""
    if facts.encrypted:
        return ["its video is encrypted, so none of it can be searched"]
    if not facts.decodable:
        return ["no decoder for its video, so none of it can be searched"]
    return []


def stream_problems(facts: StreamFacts, survey: StreamSurvey) -> list[str]:
    """What was lost of a stream as far as its packets show it, one sentence each."""
    if not survey.packets:
        return ["holds no packets, so there is nothing to search"]
    told = []
    if survey.look is None:
        told.append("no picture could be decoded from its beginning")
    if survey.corrupt_packets:
        packets = "packet" if survey.corrupt_packets == 1 else "packets"
        told.append(f"{survey.corrupt_packets} {packets} reported as damaged by the container")
    told += _breaks(survey)
    told += [f"frames are missing between {_span(*hole)}" for hole in survey.holes[:_MAX_TOLD]]
    if survey.hole_count > _MAX_TOLD:
        told.append(f"frames are missing in {survey.hole_count - _MAX_TOLD} more places")
    return told + _shortfall(facts, survey)


def _breaks(survey: StreamSurvey) -> Iterator[str]:
    for found in survey.breaks[:_MAX_TOLD]:
        if found.kind == "back":
            before, after = format_seconds(found.before), format_seconds(found.after)
            yield f"time steps back from {before} to {after}"
        else:
            yield f"no picture between {_span(found.before, found.after)}"
    rest = survey.gaps + survey.steps_back - _MAX_TOLD
    if rest > 0:
        yield f"{rest} more breaks in time"


def _span(start: Fraction, end: Fraction) -> str:
    return f"{format_seconds(start)} and {format_seconds(end)}"


def _shortfall(facts: StreamFacts, survey: StreamSurvey) -> list[str]:
    declared = facts.stream.declared_seconds
    if declared is None or survey.start_seconds is None or survey.end_seconds is None or survey.steps_back:
        return []
    reached = survey.end_seconds - survey.start_seconds
    step = survey.rhythm.usual_step or Fraction(0)
    if declared - reached <= max(_SHORTFALL_SECONDS, 2 * step):
        return []
    return [f"ends at {format_seconds(reached)} of {format_seconds(declared)} declared"]


def stream_notes(facts: StreamFacts, survey: StreamSurvey, *, decoded: bool) -> list[str]:
    """What an examiner should know of a stream though nothing was lost.

    ``decoded``: the notes of a reader come beside these, and tell of times and fields.
    """
    told = []
    if survey.packets > survey.stamps_missing > 0:
        without = f"{survey.stamps_missing} of {survey.packets} frames"
        told.append(f"{without} have no time of their own; it is interpolated")
    elif survey.stamps_missing and not decoded:
        told.append(f"has no times: they are counted at {_assumed_rate(facts)}")
    if survey.empty_packets:
        told.append(f"{survey.empty_packets} dropped frames, where the recorder repeated the last one")
    declared, measured = facts.stream.average_rate, survey.rhythm.rate
    look = survey.look
    even = survey.rhythm.character == "constant"
    fields = (
        look is not None
        and look.interlaced
        and bool(declared and measured and measured > Fraction(3, 2) * declared)
    )
    if fields:
        told.append("its fields are stored one by one: two packets make a frame")
    elif even and declared and measured and abs(declared - measured) > _SAME_RATE * measured:
        told.append(f"declares {float(declared):g} frames/s and has {float(measured):.4g}")
    if look is None:
        return told
    if look.interlaced and not decoded:
        told.append("interlaced")
    if look.rotation_degrees:
        told.append(f"to be shown turned by {look.rotation_degrees}° counter-clockwise")
    if (look.width, look.height) != (facts.stream.width, facts.stream.height):
        told.append(f"the first picture that decodes has {look.width}x{look.height} pixels")
    return told


def _assumed_rate(facts: StreamFacts) -> str:
    assumed, stated = facts.stream.average_rate, facts.codec_rate
    if assumed is None:
        return "an assumed rate"
    if assumed == stated:
        return f"{float(assumed):g} frames/s, which its own headers state"
    return f"an assumed {float(assumed):g} frames/s"


def clock_notes(clock: WallClock, seconds: Fraction | None) -> list[str]:
    """Where the clocks of a file disagree, and what is odd about its start.

    ``seconds`` is how long it really is; None where unknown.
    """
    told = [note] if (note := clock.note_at(Fraction(0))) is not None else []
    used = clock.origin.at
    for hint in clock.hints:
        for sentence in disagreement(replace(clock, hints=(hint,))):
            at_end = used is not None and hint.at is not None and _fits_end(used, hint.at, seconds)
            told.append(
                f"{sentence}; that is the recording's end, when some recorders write it"
                if at_end
                else sentence
            )
    return told


def name_notes(end: datetime | None, start: datetime | None, seconds: Fraction | None) -> list[str]:
    """Whether a file holds what its name says. ``start`` and ``end`` are the two times in the name."""
    if start is None or end is None or seconds is None:
        return []
    named = Fraction((end - start) // timedelta(microseconds=1), 1_000_000)
    if abs(named - seconds) <= _SAME_LENGTH_SECONDS:
        return []
    return [
        f"the file name runs to {end:%Y-%m-%d %H:%M:%S}, {format_seconds(named)} after its start; "
        f"the video holds {format_seconds(seconds)}"
    ]


def end_in_name(name: str, start: datetime | None) -> datetime | None:
    """The second of two times in a file name, where it lies within a day after the first; else None."""
    if start is None:
        return None
    cuts = [n for n in range(1, len(name)) if name[n].isdigit() and not name[n - 1].isdigit()]
    for cut in cuts:
        at = clock_from_file_name(name[cut:]).at
        if at is None or (at.tzinfo is None) != (start.tzinfo is None):
            continue
        if timedelta(seconds=1) < at - start <= timedelta(days=1):
            return at
    return None


def _fits_end(start: datetime, other: datetime, seconds: Fraction | None) -> bool:
    if seconds is None or (start.tzinfo is None) != (other.tzinfo is None):
        return False
    return abs((other - start).total_seconds() - float(seconds)) <= _SAME_MOMENT_SECONDS
