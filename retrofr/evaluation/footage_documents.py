"""An evaluation on footage as one document of plain values, under the keys of one on photos."""

from __future__ import annotations

from typing import Any

from retrofr.documents import coverage_document
from retrofr.evaluation.documents import (
    EVALUATION_SCHEMA,
    clusters_document,
    in_force_document,
    measured_document,
    share_document,
)
from retrofr.evaluation.footage import FootageEvaluation


def footage_document(evaluation: FootageEvaluation) -> dict[str, Any]:
    """What was measured on footage; ``coverage`` is as of a search."""
    found, seen = evaluation.at_threshold, evaluation.seen
    return {
        "schema": EVALUATION_SCHEMA,
        "exit_code": evaluation.exit_code,
        "material": {
            "kind": "footage",
            "truth": str(evaluation.truth.source),
            "boxes": evaluation.truth.has_boxes,
            "recordings": evaluation.recordings,
            "people": len(evaluation.truth.people),
            "probes": list(evaluation.probes),
            "probes_not_in_truth": list(evaluation.absent),
            "probes_unusable": [
                {"file": each.subject, "reason": each.reason} for each in evaluation.unusable
            ],
        },
        "acquisition": None,
        **measured_document(evaluation.measured),
        "in_force": in_force_document(evaluation.in_force),
        "clusters": clusters_document(evaluation.clusters),
        "groups": None,
        "footage": {
            "looks": seen.looks,
            "faces_missed": share_document(seen.missed),
            "faces_by_boxes": seen.by_boxes,
            "false_faces": share_document(seen.false),
            "presences_without_tracklet": share_document(seen.absent),
            "tracklets": evaluation.tracklets,
            "tracklets_labelled": evaluation.labelled,
            "sightings_impure": share_document(evaluation.impure),
            "appearances_missed": share_document(evaluation.appearances),
            "threshold": {
                "score": evaluation.threshold.score,
                "source": evaluation.threshold.source,
                "overridden": evaluation.threshold.overridden,
            },
            "fpir": share_document(found.fpir),
            "fnir": share_document(found.fnir),
            "entries": found.entries,
            "false_candidates": found.false_candidates,
            "coverage": coverage_document(evaluation.coverage),
        },
        "run": evaluation.run,
    }
