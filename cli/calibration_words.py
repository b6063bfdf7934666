"""A calibration in words and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrofr.evaluation.page import Grid, Line, Section
from retrofr.rates.verification import FMRS

from .evaluation_words import (
    MOST_NAMES,
    acquisition_lines,
    digits,
    exclusion_line,
    held_out_section,
    material_lines,
)
from .statement_view import error_rate
from .text import enumerated, shown

if TYPE_CHECKING:
    from retrofr.calibration.operating import Condition, OperatingPoints
    from retrofr.evaluation.calibrating import Calibrated

MEASURES = {"eye_distance_pixels": "px between the eyes", "sharpness": "sharpness", "yaw": "turn of the head"}


def calibration_sections(calibrated: Calibrated) -> list[Section]:
    """What was measured, what of it held-out people confirm, and where there are too few data."""
    lines = [*material_lines(calibrated.material)]
    if calibrated.exclusions:
        lines.append(exclusion_line(calibrated.exclusions))
    if calibrated.strangers:
        names = enumerated([shown(name) for name in calibrated.strangers], MOST_NAMES)
        lines.append(Line("", f"named to be excluded, and not among these people: {names}", warns=True))
    lines += [
        *acquisition_lines(calibrated.acquisition),
        Line("device", shown(str(calibrated.run["device"]))),
    ]
    points = calibrated.points
    return [
        Section("Material", tuple(lines)),
        _thresholds(points),
        _likelihood(points),
        _conditions(points),
        held_out_section(calibrated.held_out),
    ]


def _thresholds(points: OperatingPoints) -> Section:
    rows = []
    for fmr in FMRS:
        if fmr >= points.lowest_fmr:
            point = points.threshold_for(fmr)
            missed = _bounded(point.fnmr, point.fnmr_low, point.fnmr_high)
            rows.append(
                (f"{fmr:g}", f"{point.score:.3f}", f"{digits(point.low)} to {digits(point.high)}", missed)
            )
    strictest = points.thresholds[-1]
    lines = (
        Line(
            "lowest target",
            f"--fmr {points.lowest_fmr:g}: what {points.data.non_mated:,} comparisons can support",
        ),
        Line("strictest", f"threshold {strictest.score:.3f}: {error_rate(strictest)}"),
    )
    grid = Grid(("--fmr", "threshold", "FMR, 95 %", "FNMR"), tuple(rows))
    return Section(f"Thresholds of {points.system['name']}", lines, (grid,) if rows else ())


def _likelihood(points: OperatingPoints) -> Section:
    found = points.likelihood
    if found is None:
        return Section(
            "Likelihood ratios", (Line("LR", "insufficient data for likelihood ratios", warns=True),)
        )
    tried = ", ".join(f"{kind} {cost:.3f}" for kind, cost in found.tried.items())
    lines = (
        Line("chosen", f"{found.kind}; Cllr on held-out people: {tried}; at best {found.cllr_min:.3f}"),
        Line("bounds", f"log10 LR from {found.llr_low:.2f} to {found.llr_high:.2f} (ELUB)"),
    )
    return Section("Likelihood ratios", lines)


def _conditions(points: OperatingPoints) -> Section:
    rows = tuple(_row(each) for each in points.conditions)
    columns = ("the worse face", "mated", "non-mated", "FNMR at 1e-3", "FNMR at 1e-4", "log10 LR")
    texts = () if rows else ("No conditions were told apart.",)
    return Section("Conditions", grids=(Grid(columns, rows),) if rows else (), texts=texts)


def _row(condition: Condition) -> tuple[str, ...]:
    missed = {fmr: _bounded(rate, low, high) for fmr, rate, low, high in condition.fnmr}
    bounds = "insufficient data"
    if condition.likelihood is not None:
        bounds = f"{condition.likelihood.llr_low:.2f} to {condition.likelihood.llr_high:.2f}"
    measure = MEASURES.get(condition.measure, condition.measure)
    upper = "or more" if math.isinf(condition.high) else f"to {condition.high:g}"
    return (
        f"{measure} {condition.low:g} {upper}",
        f"{condition.mated:,}",
        f"{condition.non_mated:,}",
        missed.get(1e-3, "–"),
        missed.get(1e-4, "–"),
        bounds,
    )


def _bounded(rate: float, low: float, high: float) -> str:
    """A rate with its interval; where none or all were missed the bound alone."""
    if rate == 0:
        return f"at most {digits(high)}"
    return f"at least {digits(low)}" if rate == 1 else f"{digits(rate)} [{digits(low)}, {digits(high)}]"
