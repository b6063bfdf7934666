"""What a run of the speed benchmark measured."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _found import Boxes


@dataclass(frozen=True)
class Figure:
    """One measurement: seconds on the wall and of all cores, the most memory, and what else is known of it.

    ``others`` is how many cores other processes kept busy meanwhile.
    """

    wall: float
    cpu: float
    peak_bytes: int
    others: float
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class Results:
    """What was measured, by subject and way, a list of one figure a round; and what was found.

    ``found`` and ``visits`` hold boxes by frame: of the detector alone on the samples, and of what is in the case.
    ``skipped`` holds why something could not be measured, ``notes`` what else must be known of a figure.
    """

    figures: dict[str, dict[str, list[Figure]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, dict[str, dict[int, Boxes]]] = field(default_factory=dict)
    visits: dict[str, dict[str, dict[int, Boxes]]] = field(default_factory=dict)
    truth: dict[str, Path] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, subject: str, way: str, figure: Figure) -> None:
        """Take in one measurement, and say so."""
        self.figures.setdefault(subject, {}).setdefault(way, []).append(figure)
        print(
            f"{subject}: {way}: {figure.wall:.1f} s, {figure.cpu:.1f} s of cores, {figure.peak_bytes / 1e6:,.0f} MB",
            file=sys.stderr,
            flush=True,
        )


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median (least–most); the value alone where there is but one."""
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
