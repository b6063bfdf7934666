"""What chance alone gives: how many false candidates to expect among so many comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class _Rate(Protocol):
    @property
    def fmr(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def errors(self) -> int: ...


@dataclass(frozen=True)
class ExpectedFalse:
    """False candidates to expect of ``compared`` comparisons with other people.

    Args:
        compared: N.
        expected: N·FMR, with ``expected_low`` and ``expected_high`` from the FMR's interval.
        at_least_one: 1 - (1 - FMR)^N for independent comparisons, with its interval.
        bound_only: no false match was seen when the FMR was measured: only the upper ends may be said, as "at most".
    """

    compared: int
    expected: float
    expected_low: float
    expected_high: float
    at_least_one: float
    at_least_one_low: float
    at_least_one_high: float
    bound_only: bool


def expected_false(compared: int, point: _Rate) -> ExpectedFalse:
    """What an operating point gives by chance among ``compared`` comparisons of different people."""
    if compared < 0:
        raise ValueError(f"compared: expected 0 or more, got {compared}")
    rates = (point.fmr, point.low, point.high)
    expected, expected_low, expected_high = (compared * rate for rate in rates)
    one, one_low, one_high = (_at_least_one(compared, rate) for rate in rates)
    return ExpectedFalse(
        compared, expected, expected_low, expected_high, one, one_low, one_high, point.errors == 0
    )


def _at_least_one(compared: int, rate: float) -> float:
    # log1p and expm1: (1 - 1e-9) ** N would lose every digit.
    if rate >= 1:
        return 1.0 if compared else 0.0
    return -math.expm1(compared * math.log1p(-rate))
