"""The frame-rate character of a stream: constant, variable or unknown, from its packets' times alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

RateCharacter = Literal["constant", "variable", "unknown"]

# Distinct steps that are counted one by one; what comes beyond is in the shortest and longest only.
_MAX_STEPS = 512
# Containers round times to their ticks (Matroska and DHAV to 1 ms), which moves a step by up to two ticks.
_ROUNDING_TICKS = 2
# A constant rate may miss a frame now and then and stay one.
_MOSTLY = Fraction(95, 100)


@dataclass(frozen=True)
class Rhythm:
    """How evenly frames follow each other, gaps left out.

    Args:
        character: ``constant`` where at least 95 % of the steps are the usual one, up to the rounding of the
            container's ticks; ``unknown`` below two times.
        usual_step: the most frequent step between frames, in seconds; where constant, the mean of those.
        shortest_step, longest_step: over all steps.
        steps: how many were measured.
    """

    character: RateCharacter = "unknown"
    usual_step: Fraction | None = None
    shortest_step: Fraction | None = None
    longest_step: Fraction | None = None
    steps: int = 0

    @property
    def rate(self) -> Fraction | None:
        """Frames a second at the usual step."""
        return 1 / self.usual_step if self.usual_step else None


UNKNOWN = Rhythm()


class RhythmMeter:
    """Counts the steps between frames, in ticks; memory is bounded.

    Args:
        tick: seconds a tick of the container.
    """

    def __init__(self, tick: Fraction) -> None:
        self._tick = tick
        self._steps: Counter[int] = Counter()
        self._count = 0
        self._shortest = self._longest = 0

    def add(self, ticks: int, frames: int = 1) -> None:
        """So many ticks passed over so many frames (more than one where times in between are not stored)."""
        if ticks <= 0:
            return
        step = round(Fraction(ticks, frames))
        self._shortest = min(self._shortest, step) if self._count else step
        self._longest = max(self._longest, step)
        self._count += frames
        if step in self._steps or len(self._steps) < _MAX_STEPS:
            self._steps[step] += frames

    def rhythm(self) -> Rhythm:
        """What was measured so far."""
        if not self._count:
            return UNKNOWN
        usual = max(self._steps, key=lambda step: (self._steps[step], -step))
        rounding = _ROUNDING_TICKS if self._tick >= Fraction(1, 2000) else _ROUNDING_TICKS * usual // 1000
        near = {step: n for step, n in self._steps.items() if abs(step - usual) <= rounding}
        constant = sum(near.values()) >= _MOSTLY * self._count
        mean = Fraction(sum(step * n for step, n in near.items()), sum(near.values()))
        return Rhythm(
            "constant" if constant else "variable",
            (mean if constant else usual) * self._tick,
            self._shortest * self._tick,
            self._longest * self._tick,
            self._count,
        )
