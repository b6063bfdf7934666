"""Lays a straight line through clock readings: what a burnt-in clock showed at media time zero, and its rate.

A display that moves in steps shows ``x`` while the clock is in [x, x + step). So a reading is an interval, and a
line agrees with it where it passes through it. The line that agrees with most readings is taken: single misread
digits are outvoted. What lies on a parallel line for a while, before or after, is a jump of the clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

FEWEST_AGREEING = 3
# A recorder draws its clock a little late and unevenly, and stamps pictures with times rounded its own way.
SLACK_SECONDS = 0.2
_MOST_PIECES = 8
_REFINEMENTS = 3
# A picture every hour, played at 25 frames/s, is 90 000 times as fast as life.
_HIGHEST_RATE = 100_000.0
# Any three readings lie near some line; at a free rate it takes more.
_FEWEST_AT_FREE_RATE = 4


@dataclass(frozen=True)
class Reading:
    """At media time ``seconds`` the display showed ``shown`` seconds, in steps of ``step``."""

    seconds: Fraction
    shown: Fraction
    step: Fraction


@dataclass(frozen=True)
class Piece:
    """A part of the recording in which the clock ran evenly: ``clock = start_shown + rate × media time``.

    Args:
        members: positions of the readings that agree with it, in the order given.
        start_shown: the clock at media time zero, in seconds, in the middle of what the readings allow.
        uncertainty_seconds: half of what they allow.
        rate: clock seconds a second of media time; exactly 1 where the readings do not tell it from 1.
        rate_uncertainty: how far off the rate may be, from the display's step and the time between readings.
    """

    members: tuple[int, ...]
    start_shown: Fraction
    uncertainty_seconds: float
    rate: Fraction
    rate_uncertainty: float

    def at(self, seconds: Fraction) -> Fraction:
        """The clock, in seconds, at a media time."""
        return self.start_shown + self.rate * seconds


def fit_pieces(readings: Sequence[Reading]) -> list[Piece]:
    """The even stretches of a clock: first the one with most readings, then its jumps, by time.

    Empty where no line through at least three readings moves: no clock, one that stands still, or too few
    readings. A stretch after a jump also takes three, with none of the main stretch among them.
    """
    if not readings:
        return []
    every = _Points(readings)
    rate = every.best_rate()
    pieces = _pieces(every, rate)
    if rate != 1:
        # A tilted line also runs through the two halves of a clock that was set by a little. One that truly
        # drifts comes apart, at rate 1, into stretches little more than a step of its display from each other.
        stepped = _pieces(every, Fraction(1))
        drifting = 2 * (float(every.step.max()) + SLACK_SECONDS)
        starts = [float(piece.start_shown) for piece in sorted(stepped, key=lambda piece: piece.members)]
        jumps = [abs(after - before) for before, after in pairwise(starts)]
        if jumps and min(jumps) > drifting and _covered(stepped) >= _covered(pieces):
            return stepped
    return pieces


def _covered(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.members) for piece in pieces)


def _pieces(every: _Points, rate: Fraction) -> list[Piece]:
    pieces: list[Piece] = []
    rest = np.arange(len(every.t))
    for _ in range(_MOST_PIECES):
        members = every.agreeing(rest, float(rate))
        if len(members) < FEWEST_AGREEING or not every.moves(members):
            break
        rest = np.setdiff1d(rest, members)
        if not pieces or all(every.apart(members, piece.members) for piece in pieces):
            pieces.append(every.piece(members, rate))
    return pieces[:1] + sorted(pieces[1:], key=lambda piece: piece.members)


class _Points:
    """The readings as arrays, counted from the first, so that floats are exact enough."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._zero = min(reading.shown for reading in readings)
        self.t: Numbers = np.array([float(reading.seconds) for reading in readings])
        self.x: Numbers = np.array([float(reading.shown - self._zero) for reading in readings])
        self.step: Numbers = np.array([float(reading.step) for reading in readings])

    def agreeing(self, among: npt.NDArray[np.intp], rate: float) -> npt.NDArray[np.intp]:
        """The most of these readings that one line of this rate passes through, by media time where equal."""
        if len(among) == 0:
            return among
        low = self.x[among] - rate * self.t[among] - SLACK_SECONDS
        high = low + self.step[among] + 2 * SLACK_SECONDS
        # The most intervals overlap at the start of one of them.
        inside = (low[None, :] <= low[:, None] + 1e-9) & (low[:, None] < high[None, :])
        chosen: npt.NDArray[np.intp] = among[inside[int(inside.sum(axis=1).argmax())]]
        return chosen

    def best_rate(self) -> Fraction:
        everything = np.arange(len(self.t))
        as_one = self.agreeing(everything, 1.0)
        best, rate = as_one, 1.0
        for candidate in self._rates():
            members = self.agreeing(everything, candidate)
            if len(members) > len(best):
                best, rate = members, candidate
        for _ in range(_REFINEMENTS):
            if len(best) < FEWEST_AGREEING:
                break
            slope = self._slope(best)
            members = self.agreeing(everything, slope) if slope > 0 else best
            if len(members) <= len(best):
                break
            best, rate = members, slope
        # One misread digit at an end can tilt the line; two readings more cannot be had that way so easily.
        if len(best) < max(len(as_one) + 2, _FEWEST_AT_FREE_RATE):
            return Fraction(1)
        slope = self._slope(best)
        if len(self.agreeing(everything, slope)) >= len(best):
            rate = slope
        return self._rounded(rate, best)

    def _rates(self) -> list[float]:
        """The rates of the lines through two readings each, backward and still ones left out."""
        i, j = np.nonzero((self.t[None, :] > self.t[:, None]) & (self.x[None, :] > self.x[:, None]))
        rates = (self.x[j] - self.x[i]) / (self.t[j] - self.t[i])
        return sorted(set(rates[rates <= _HIGHEST_RATE].tolist()))

    def _slope(self, members: npt.NDArray[np.intp]) -> float:
        t = self.t[members] - self.t[members].mean()
        return float((t * self.x[members]).sum() / max((t * t).sum(), 1e-12))

    def _span(self, members: npt.NDArray[np.intp]) -> float:
        return float(np.ptp(self.t[members]))

    def _rate_uncertainty(self, members: npt.NDArray[np.intp]) -> float:
        return (float(self.step[members].max()) + SLACK_SECONDS) / max(self._span(members), 1e-9)

    def _rounded(self, rate: float, members: npt.NDArray[np.intp]) -> Fraction:
        """To one digit more than the readings can tell, as long as as many still agree."""
        digits = max(0, 1 - math.floor(math.log10(self._rate_uncertainty(members))))
        for more in range(4):
            rounded = Fraction(round(rate * 10 ** (digits + more)), 10 ** (digits + more))
            if rounded > 0 and len(self.agreeing(members, float(rounded))) == len(members):
                return rounded
        return Fraction(rate).limit_denominator(10**6)

    def moves(self, members: npt.NDArray[np.intp]) -> bool:
        return len(set(self.x[members].tolist())) > 1

    def apart(self, members: npt.NDArray[np.intp], other: Sequence[int]) -> bool:
        """Whether one set of readings lies wholly before or after the other."""
        one, two = self.t[members], self.t[np.array(other)]
        return bool(one.max() < two.min() or two.max() < one.min())

    def piece(self, members: npt.NDArray[np.intp], rate: Fraction) -> Piece:
        starts = self.x[members] - float(rate) * self.t[members]
        edges = sorted((float(starts.max()), float((starts + self.step[members]).min())))
        middle = Fraction(round(sum(edges) / 2 * 1000), 1000)
        return Piece(
            tuple(int(n) for n in members),
            self._zero + middle,
            (edges[1] - edges[0]) / 2,
            rate,
            self._rate_uncertainty(members),
        )
