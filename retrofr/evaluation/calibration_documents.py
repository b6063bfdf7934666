"""A calibration as one document of plain values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from retrofr.calibration.operating import Condition, Likelihood
from retrofr.errors import EXIT_FINISHED, EXIT_GAPS
from retrofr.evaluation.calibrating import Calibrated
from retrofr.evaluation.documents import (
    acquisition_document,
    exclusions_document,
    held_out_document,
    left_out,
)
from retrofr.statements import data_document, likelihood_document, point_document

CALIBRATION_SCHEMA = "retrofr.calibration/1"


def exit_code(calibrated: Calibrated) -> int:
    """0, or 10 where photos could not be read."""
    return EXIT_GAPS if calibrated.material.unreadable else EXIT_FINISHED


def calibration_document(calibrated: Calibrated, written: Path) -> dict[str, Any]:
    """What was measured, without the parameters that the file holds."""
    points, material = calibrated.points, calibrated.material
    return {
        "schema": CALIBRATION_SCHEMA,
        "exit_code": exit_code(calibrated),
        "written": str(written),
        "material": {
            "folder": str(material.folder),
            "labels": material.source,
            "photos": len(material.photos),
            "people": len(material.names),
            "left_out": left_out(material.left_out),
            "unreadable": left_out(material.unreadable),
            "exclusions": exclusions_document(calibrated.exclusions),
        },
        "acquisition": acquisition_document(calibrated.acquisition),
        "system": dict(points.system),
        "data": data_document(points.data, "measured now"),
        "lowest_fmr": points.lowest_fmr,
        "thresholds": [point_document(point) for point in points.thresholds],
        "likelihood": _likelihood(points.likelihood),
        "conditions": [_condition(each) for each in points.conditions],
        "held_out": held_out_document(calibrated.held_out),
        "run": calibrated.run,
    }


def _likelihood(likelihood: Likelihood | None) -> dict[str, Any] | None:
    if likelihood is None:
        return None
    return {**likelihood_document(likelihood), "tried": dict(likelihood.tried)}


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "measure": condition.measure,
        "low": condition.low,
        "high": None if math.isinf(condition.high) else condition.high,
        "mated": condition.mated,
        "non_mated": condition.non_mated,
        "fnmr": [
            {"fmr": fmr, "rate": rate, "low": low, "high": high} for fmr, rate, low, high in condition.fnmr
        ],
        "likelihood": _likelihood(condition.likelihood),
        "reason": condition.reason or None,
    }
