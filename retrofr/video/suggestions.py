"""Flags that would make a recording read better, each with its reason. Nothing is applied here."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from retrofr.clock import NO_CLOCK, WallClock, iso_seconds
from retrofr.video.facts import StreamFacts, StreamSurvey

# Analogue video on digital recorders: widths are 704 or 720 (D1), half of it, or 928 to 960 (960H); heights are
# 576 and 480 lines, or one field of it. All of it is shown at 4:3.
_SHOWN = Fraction(4, 3)
_WIDTHS = {352: 352, 360: 352, 704: 704, 720: 704, 928: 928, 944: 944, 960: 960}
_HEIGHTS = {576: "PAL", 288: "PAL, one field", 480: "NTSC", 240: "NTSC, one field"}
# Of high definition only one field, or every second line, is stored; it is shown at 16:9.
_HALF_HEIGHT = {(1280, 360): Fraction(1, 2), (1920, 540): Fraction(1, 2), (1920, 544): Fraction(1, 2)}
# Below this a face is not distorted enough to matter: CIF and full D1 are 9 % off.
_NOTICEABLE = Fraction(12, 10)

_ASSUMED_RATE = 25
_COMMON_RATES = [Fraction(n) for n in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50, 60)]
_COMMON_RATES += [Fraction(25, 2), Fraction(25, 4), Fraction(25, 3), Fraction(15, 2)]


@dataclass(frozen=True)
class Suggestion:
    """A flag to try. ``value`` is None where only the examiner knows it; ``stream`` is None for the whole file."""

    flag: str
    value: str | None
    reason: str
    stream: int | None = None


def suggest(
    streams: list[tuple[StreamFacts, StreamSurvey | None]], clock: WallClock, named_seconds: Fraction | None
) -> list[Suggestion]:
    """What could be given on the command line, or in a sidecar, for one file.

    Args:
        streams: headers of each stream and, where its packets were read, what they say.
        clock: as it is known so far.
        named_seconds: how long the file's name says that it is; None where it does not.
    """
    made = []
    for facts, survey in streams:
        made += [*_pixel_aspect(facts), *_frame_rate(facts, survey, named_seconds)]
    return made + _start(clock)


def likely_aspect(width: int, height: int) -> Fraction | None:
    """The pixel aspect that a picture of this size was likely recorded with; None where square or unknown."""
    if (width, height) in _HALF_HEIGHT:
        return _HALF_HEIGHT[width, height]
    if width not in _WIDTHS or height not in _HEIGHTS:
        return None
    aspect = _SHOWN * height / _WIDTHS[width]
    return aspect if max(aspect, 1 / aspect) >= _NOTICEABLE else None


def _pixel_aspect(facts: StreamFacts) -> list[Suggestion]:
    stream = facts.stream
    aspect = likely_aspect(stream.width, stream.height)
    if aspect is None or facts.pixel_aspect not in (None, 1):
        return []
    shape = f"{aspect.numerator}:{aspect.denominator}"
    size = f"{stream.width}x{stream.height}"
    system = _HEIGHTS.get(stream.height, "half-height HD")
    stated = "states none" if facts.pixel_aspect is None else "states square pixels"
    squeezed = "flat" if aspect < 1 else "narrow"
    reason = (
        f"{size} ({system}) is usually recorded with pixels of {shape}; the file {stated}, "
        f"so faces look {squeezed}"
    )
    return [Suggestion("--sar", shape, reason, stream.index)]


def _frame_rate(
    facts: StreamFacts, survey: StreamSurvey | None, named_seconds: Fraction | None
) -> list[Suggestion]:
    """For a stream without times: the rate that its own headers state, else the one that its name makes likely."""
    if survey is None or not survey.packets or survey.stamps_missing < survey.packets:
        return []
    index, rate = facts.stream.index, facts.codec_rate
    if rate is not None and rate == facts.stream.average_rate:
        return []  # it is what times are counted at without the flag
    reason = "the stream has no times; its own headers state this rate"
    if rate is None and named_seconds:
        rate = _common_rate(survey.packets / named_seconds)
        reason = f"the stream has no times; {survey.packets} frames in the time that the file name spans"
    if rate is None:
        reason = (
            f"the stream has no times and states no rate; {_ASSUMED_RATE} is assumed. "
            "The recorder's settings, or a burnt-in clock, give it"
        )
    return [Suggestion("--fps", None if rate is None else str(rate), reason, index)]


def _common_rate(rate: Fraction) -> Fraction | None:
    """The rate that recorders offer within 2 % of a measured one; None where there is none."""
    near = [common for common in _COMMON_RATES if abs(common - rate) <= common / 50]
    return min(near, key=lambda common: abs(common - rate), default=None)


def _start(clock: WallClock) -> list[Suggestion]:
    """Never with a value: what is given as the start goes before every other clock, so a person has to say it."""
    origin = clock.origin
    if origin.at is None:
        nothing = origin == NO_CLOCK
        why = (
            "no clock was found in the file or its name" if nothing else origin.source.removeprefix("none: ")
        )
        return [Suggestion("--start", None, f"{why}; there is only media time unless it is given")]
    if origin.kind == "creation time":
        reason = (
            f"the only clock is the container's creation time, {iso_seconds(origin.at)}: "
            "it may be local time, or that of the recording's end"
        )
        return [Suggestion("--start", None, reason)]
    return []
