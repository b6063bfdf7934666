"""An evaluation as one document of plain values. A key is never renamed under the same schema version."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrofr.evaluation.evaluating import Acquisition, Clusters, Evaluation
from retrofr.evaluation.grouping import AtThreshold, GroupFigures
from retrofr.evaluation.held_out import HeldOut, Observed, curves
from retrofr.evaluation.labels import Exclusion
from retrofr.evaluation.material import LeftOut
from retrofr.evaluation.measuring import Histogram, InForce, Measured
from retrofr.rates.comparisons import Scores
from retrofr.rates.groups import EveryGroup, Inequity
from retrofr.rates.identification import Identification
from retrofr.rates.intervals import Share
from retrofr.rates.verification import VerificationPoint
from retrofr.statements import data_document

EVALUATION_SCHEMA = "retrofr.evaluation/1"


def evaluation_document(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation of photos as plain values."""
    material = evaluation.material
    groups = evaluation.groups
    return {
        "schema": EVALUATION_SCHEMA,
        "exit_code": evaluation.exit_code,
        "material": {
            "kind": "photos",
            "folder": str(material.folder),
            "labels": material.source,
            "photos": len(material.photos),
            "people": len(material.names),
            "left_out": left_out(material.left_out),
            "unreadable": left_out(material.unreadable),
            "exclusions": exclusions_document(evaluation.exclusions),
        },
        "acquisition": acquisition_document(evaluation.acquisition),
        **measured_document(evaluation.measured),
        "in_force": in_force_document(evaluation.in_force),
        "clusters": clusters_document(evaluation.clusters),
        "groups": None if groups is None else groups_document(groups),
        "footage": None,
        "run": evaluation.run,
    }


def measured_document(measured: Measured) -> dict[str, Any]:
    """Error rates as plain values, under the keys of the whole document."""
    everything = measured.everything
    return {
        "verification": [point_document(point) for point in measured.verification],
        "verification_nothing_left_out": None
        if everything is None
        else [point_document(point) for point in everything],
        "equal_error_rate": measured.eer,
        "det": {
            "threshold": listed(measured.det.thresholds),
            "fmr": listed(measured.det.fmr),
            "fnmr": listed(measured.det.fnmr),
        },
        "scores": _histogram(measured.histogram),
        "cmc": [{"rank": point.rank, **share_document(point.found, "found")} for point in measured.cmc],
        "identification": [_identification(fmr, each) for fmr, each in measured.identification],
        "held_out": held_out_document(measured.held_out),
    }


def point_document(point: VerificationPoint) -> dict[str, Any]:
    """A point of ``verification``; figures are None where the data cannot carry them, and ``reason`` says so."""
    return {
        "fmr": point.fmr,
        "threshold": point.threshold,
        "tmr": point.tmr,
        "tmr_low": point.tmr_low,
        "tmr_high": point.tmr_high,
        "mated": point.mated,
        "non_mated": point.non_mated,
        "non_mated_reached": point.false_matches,
        "reason": point.reason or None,
    }


def share_document(share: Share, counted: str = "errors") -> dict[str, Any]:
    """A share as plain values; ``rate`` is None without trials, ``bound_only`` where no error was seen."""
    return {
        counted: share.errors,
        "trials": share.trials,
        "rate": share.value,
        "low": share.low,
        "high": share.high,
        "bound_only": share.bound_only,
    }


def left_out(items: Sequence[LeftOut]) -> list[dict[str, str]]:
    """What was not used, and why."""
    return [{"file": item.subject, "reason": item.reason} for item in items]


def exclusions_document(exclusions: Sequence[Exclusion]) -> list[dict[str, Any]]:
    """Pairs of people that were left out, and why."""
    return [{"people": list(each.people), "reason": each.reason} for each in exclusions]


def acquisition_document(acquisition: Acquisition) -> dict[str, Any]:
    """What became of photos."""
    return {
        **share_document(acquisition.failed, "failed"),
        "failures": left_out(acquisition.failures),
        "unfit": left_out(acquisition.unfit),
        "unfit_fail": acquisition.gated,
    }


def listed(values: Scores) -> list[float | None]:
    """Numbers with six digits that count, as JSON has them: None for what is infinite."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in np.asarray(values).tolist()]


def _histogram(histogram: Histogram) -> dict[str, Any]:
    return {
        "edges": listed(histogram.edges),
        "mated": [int(count) for count in histogram.mated],
        "non_mated": [int(count) for count in histogram.non_mated],
    }


def _identification(fmr: float, found: Identification) -> dict[str, Any]:
    return {
        "fmr": fmr,
        "threshold": found.threshold,
        "rank": found.rank,
        "entries": found.entries,
        "false_candidates": found.false_candidates,
        "fpir": share_document(found.fpir),
        "fnir": share_document(found.fnir),
    }


def observed_document(observed: Observed) -> dict[str, Any]:
    """What a threshold gave."""
    return {
        "claimed_fmr": observed.fmr,
        "threshold": observed.threshold,
        "fmr": share_document(observed.fmr_here),
        "fnmr": share_document(observed.fnmr_here),
        "claim_inside_interval": observed.holds,
    }


def held_out_document(held: HeldOut) -> dict[str, Any]:
    """What held-out people say of a calibration."""
    known, drawn = held.cllr is not None, curves(held)
    return {
        "share": held.share,
        "claims": [observed_document(each) for each in held.claims],
        "reason": held.reason or None,
        "kind": held.kind or None,
        "cllr": held.cllr,
        "cllr_min": held.cllr_min,
        "llr_low": held.low if known else None,
        "llr_high": held.high if known else None,
        "mated": len(held.mated),
        "non_mated": len(held.non_mated),
        "tippett": None
        if drawn is None
        else {
            "llr": listed(drawn.llr),
            "mated": listed(drawn.mated_above),
            "non_mated": listed(drawn.non_mated_above),
        },
        "reliability": None
        if drawn is None
        else {"stated": listed(drawn.stated), "found": listed(drawn.found)},
    }


def in_force_document(found: InForce) -> dict[str, Any]:
    """What the default threshold and the operating points of a search give here."""
    operating = found.operating
    return {
        "threshold": None if found.threshold is None else observed_document(found.threshold),
        "source": found.source,
        "operating_points": None
        if operating.points is None
        else data_document(operating.points.data, operating.origin),
        "other_detector": operating.other_detector or None,
        "reason": operating.reason or None,
        "claims": [observed_document(each) for each in found.claims],
    }


def clusters_document(clusters: Clusters) -> dict[str, Any]:
    """How well faces were clustered."""
    figures = clusters.bcubed
    return {
        "faces": clusters.faces,
        "people": clusters.people,
        "clusters": clusters.clusters,
        "threshold": clusters.threshold,
        "bcubed_precision": None if figures is None else figures.precision,
        "bcubed_recall": None if figures is None else figures.recall,
        "bcubed_f": None if figures is None else figures.f,
        "purity": clusters.purity,
        "reason": clusters.reason or None,
    }


def groups_document(groups: GroupFigures) -> dict[str, Any]:
    """Rates by groups."""
    return {
        "source": groups.source,
        "unlabelled": list(groups.unlabelled),
        "at": [_at(each) for each in groups.at],
        "every_group": [_every(each) for each in groups.every_group],
    }


def _at(found: AtThreshold) -> dict[str, Any]:
    return {
        "fmr": found.fmr,
        "threshold": found.threshold,
        "groups": [
            {
                "group": rates.group,
                "people": rates.people,
                "comparisons": rates.photos_compared,
                "small": rates.small,
                "fmr": share_document(rates.fmr),
                "fnmr": share_document(rates.fnmr),
            }
            for rates in found.rates
        ],
        "fmr_apart": _apart(found.fmr_apart),
        "fnmr_apart": _apart(found.fnmr_apart),
    }


def _apart(inequity: Inequity) -> dict[str, Any]:
    return {
        "max_over_geometric_mean": inequity.max_over_geometric_mean,
        "worst": inequity.worst,
        "bounded": list(inequity.bounded),
        "left_out": list(inequity.left_out),
    }


def _every(found: EveryGroup) -> dict[str, Any]:
    return {
        "fmr": found.fmr,
        "threshold": found.threshold,
        "deciding": found.deciding,
        "insufficient": [{"group": group, "reason": reason} for group, reason in found.insufficient],
    }
