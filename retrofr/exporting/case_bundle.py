"""What a case adds to a bundle: the run, the probes, the log, the authority, the calibration and the report.

Templates are in none of it, and no picture that the report does not show: a replay makes templates anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import retrofr
from retrofr.calibration.operating import OperatingPoints, operating_points_text
from retrofr.case.audit_log import log_lines, verify_audit
from retrofr.case.authorities import authorities
from retrofr.case.exhibits import recipes
from retrofr.case.probe_register import probe_register
from retrofr.case.searches import SearchRecord, faces_of_picture, index_runs
from retrofr.case.store import Case
from retrofr.disclosure.contents import (
    AUDIT,
    AUDIT_HEADS,
    AUTHORITY,
    OPERATING_POINTS,
    OPERATORS,
    PROBES,
    PROBES_SCHEMA,
    REPORT,
    RUN,
    RUN_SCHEMA,
    described_exhibit,
)
from retrofr.disclosure.differences import SCORE_TOLERANCE
from retrofr.disclosure.signing import sign_bundle
from retrofr.documents import encoded, json_text
from retrofr.errors import IntegrityError, ModelError, UsageError
from retrofr.exporting.case_footage import recorded_exhibits
from retrofr.exporting.material import Material
from retrofr.integrity import sha256_bytes
from retrofr.operating import find_operating_points, resolve_threshold
from retrofr.oversight.authority import NOT_RECORDED
from retrofr.oversight.findings import Findings
from retrofr.oversight.log import parse_head
from retrofr.oversight.operators import OperatorKey, operator_key
from retrofr.oversight.probe_records import NOT_RECORDED as PICTURE_NOT_RECORDED
from retrofr.recipe import Recipe, scorer_of
from retrofr.reporting.folder import report_files
from retrofr.reporting.of_case import of_case
from retrofr.reporting.searched import Searched
from retrofr.results import LEADS_ONLY
from retrofr.settings import SearchSettings

DESCRIPTION = (
    "All that is recorded of a search for a face in recordings, to be checked and run again. "
    "Its candidates are investigative leads, to be examined by a person."
)
_OF_THE_RUN = ("selection", "versions", "device", "policy", "reason", "statement", "templates_outside_scope")


class CaseBundle:
    """What a bundle of one search has of its case; see :class:`retrofr.exporting.material.BundleSource`.

    Args:
        case: an open case.
        material: of one search of it.

    Raises:
        UsageError: the material is of people and no search.
        CaseError, OutputError: the operator has no key to sign with.
    """

    def __init__(self, case: Case, material: Material) -> None:
        if material.search is None:
            raise UsageError("is of one search", subject="--format bundle", hint="leave out --people")
        self._case, self._material, self._search = case, material, material.search
        self._key: OperatorKey = operator_key()
        self._made = datetime.now(UTC)

    def files(self) -> dict[str, bytes]:
        """See :class:`retrofr.exporting.material.BundleSource`."""
        points, why = self._points
        calibration = {} if points is None else {OPERATING_POINTS: encoded(operating_points_text(points))}
        report = {f"{REPORT}{name}": data for name, data in report_files(self._searched).items()}
        return {
            RUN: _document(self._run(calibration, why)),
            PROBES: _document(self._probes(report)),
            AUTHORITY: _document(self._authority()),
            **self._audit(),
            **calibration,
            **report,
        }

    def info(self) -> dict[str, str]:
        """See :class:`retrofr.exporting.material.BundleSource`."""
        return {
            "Bag-Software-Agent": f"retrofr {retrofr.__version__}",
            "Bagging-Date": self._made.date().isoformat(),
            "Contact-Name": self._key.operator.describe(),
            "External-Description": DESCRIPTION,
            "External-Identifier": f"case {self._case.id}, search {self._search.id}",
        }

    def sign(self, tag_manifest: bytes) -> bytes:
        """See :class:`retrofr.exporting.material.BundleSource`."""
        return sign_bundle(tag_manifest, self._key)

    @cached_property
    def _recipe(self) -> Recipe:
        return next(known for known in recipes(self._case) if known.key == self._search.recipe_key)

    @cached_property
    def _searched(self) -> Searched:
        return of_case(self._case, self._search.id)

    def _run(self, calibration: Mapping[str, bytes], why: str) -> dict[str, Any]:
        search, recipe, shown = self._search, self._recipe, self._material.appearances
        found, notes = recorded_exhibits(self._case, search)
        points = {"file": None, "sha256": None, "reason": why}
        for name, data in calibration.items():
            points = {"file": name, "sha256": sha256_bytes(data), "reason": None}
        known = search.run.get("authority")
        return {
            "schema": RUN_SCHEMA,
            "note": LEADS_ONLY,
            "case": {"id": self._case.id, "name": self._case.name},
            "search": search.id,
            "started": search.started.isoformat(),
            "finished": search.finished.isoformat(),
            "operator": self._searched.run.get("operator"),
            "authority": known if isinstance(known, Mapping) else None,
            "authority_line": self._material.authority,
            "threshold": {"score": search.threshold, "source": search.threshold_source},
            "counts": {
                "compared": search.compared,
                "hits": sum(each.hit for each in shown),
                "candidates": sum(not each.hit for each in shown),
            },
            "settings": {"search": _without_paths(search)},
            "recipe": {
                "key": recipe.key,
                "comparison": recipe.comparison,
                "comparison_key": recipe.comparison_key,
                "dimensions": recipe.dimensions,
                "terms": dict(recipe.terms),
            },
            "operating_points": points,
            "index": dict(search.index),
            "index_runs": index_runs(self._case),
            **{name: search.run.get(name) for name in _OF_THE_RUN},
            "selection": search.run.get("selection") or {},
            "exhibits": [described_exhibit(exhibit) for exhibit in found],
            "replay": {"score_tolerance": SCORE_TOLERANCE, "notes": notes},
            "bundle": {
                "made": self._made.isoformat(timespec="seconds"),
                "software": f"retrofr {retrofr.__version__}",
            },
        }

    def _probes(self, report: Mapping[str, bytes]) -> dict[str, Any]:
        """Who was looked for: the pictures by their digests, the faces that the report shows, where they came from."""
        shown = iter([face for probe in self._searched.probes for face in probe.faces])
        probes = [
            {
                "name": probe["name"],
                "images": [self._image(image, next(shown), report) for image in probe.get("images", ())],
            }
            for probe in self._search.probes
        ]
        records = [
            {
                "probe": each.name,
                "sha256": each.sha256,
                "line": PICTURE_NOT_RECORDED if each.record is None else each.record.line(),
                "record": None if each.record is None else each.record.as_dict(),
                "authority": each.authority,
                "reason": each.reason,
            }
            for each in probe_register(self._case)
            if self._search.id in each.searches
        ]
        return {"schema": PROBES_SCHEMA, "probes": probes, "records": records}

    def _image(self, image: Mapping[str, Any], shown: Any, report: Mapping[str, bytes]) -> dict[str, Any]:
        name = None if shown.picture is None else f"{REPORT}{shown.picture}"
        return {
            "file": Path(str(image["path"])).name,
            "sha256": image["sha256"],
            "face": self._face(image),
            "box": list(image["box"]),
            "eye_distance_pixels": image.get("eye_distance_pixels"),
            "warnings": list(image.get("warnings", ())),
            "picture": name,
            "picture_sha256": None if name is None else sha256_bytes(report[name]),
            "picture_missing": shown.missing,
        }

    def _face(self, image: Mapping[str, Any]) -> int | None:
        """Which face of a picture it was, left to right; None where it is the only one."""
        box = [float(side) for side in image["box"]]
        for face, known in faces_of_picture(self._case, image["sha256"], self._recipe.key):
            if [round(float(side), 2) for side in known.box] == box:
                return face
        return None

    def _authority(self) -> dict[str, Any]:
        """The record of what it was done under, as the case has it now: it may have been rejected since."""
        reference = self._material.authority_reference
        stored = [each for each in authorities(self._case) if each.authority.reference == reference]
        return {
            "line": self._material.authority,
            "authority": None if not stored else stored[-1].authority.as_dict(),
            "recorded_at": None if not stored else stored[-1].at.isoformat(),
            "recorded_by": None if not stored else stored[-1].by,
            "note": NOT_RECORDED if reference is None else None,
        }

    def _audit(self) -> dict[str, bytes]:
        """The whole chain of the case's log, its signed heads, and the public keys that signed them."""
        checked = verify_audit(self._case)
        if isinstance(checked, Findings):
            raise IntegrityError(
                f"its audit log was altered: {checked.first.sentence}",
                subject=str(self._case.path),
                hint="`retrofr audit verify --case DIR` says what; a bundle vouches for no such log",
            )
        entries, heads = log_lines(self._case)
        keys: dict[str, str] = {}
        for head in filter(None, map(parse_head, heads)):
            keys[head.signature.public_key_hex] = head.signature.operator
        keys[self._key.public_key_hex] = self._key.operator.name
        told = [{"operator": name, "public_key": key} for key, name in keys.items()]
        return {
            AUDIT: b"".join(line + b"\n" for line in entries),
            AUDIT_HEADS: b"".join(line + b"\n" for line in heads),
            OPERATORS: _document({"operators": told}),
        }

    @cached_property
    def _points(self) -> tuple[OperatingPoints | None, str]:
        """The operating points that the search went by, or why they are not here any more."""
        search, recipe = self._search, self._recipe
        try:
            settings = SearchSettings.from_mapping(dict(search.settings))
            scorer, detector = scorer_of(recipe), str(recipe.terms["detect"]["detector"])
            operating = find_operating_points(
                settings, recipe.terms["comparison"], detector, case_folder=self._case.path.parent
            )
            if operating.points is None:
                return None, operating.reason
            now = resolve_threshold(settings, scorer, operating)
        except (UsageError, ModelError) as error:
            return None, f"they cannot be read any more: {error.reason}"
        told = search.run.get("statement", {}).get("operating_points")
        same = told is None or told.get("name") == operating.points.data.name
        if now.score != search.threshold or not same:
            return None, "those that are here now are not those of the search"
        return operating.points, ""


def _without_paths(search: SearchRecord) -> dict[str, Any]:
    """The settings of the search; a file of operating points is called by its name alone."""
    settings = dict(search.settings)
    if settings.get("operating_points") is not None:
        settings["operating_points"] = Path(str(settings["operating_points"])).name
    return settings


def _document(values: Mapping[str, Any]) -> bytes:
    return encoded(json_text(values, indent=2) + "\n")
