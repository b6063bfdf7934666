"""A disclosure bundle: all that is needed to check a search and to run it again, as a bag (RFC 8493) that is signed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

from retrofr.disclosure.bag import PAYLOAD, SIGNATURE, TAG_MANIFEST, tag_files
from retrofr.disclosure.contents import CANDIDATES, COVERAGE, HITS, REPORT
from retrofr.exporters.csv import write_coverage
from retrofr.exporting._tables import written_by
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output
from retrofr.results import Appearance


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:
    """A folder: the records, what the case adds to them, the tag files of the bag and the signature."""
    case = options.case
    assert case is not None
    files = case.files()
    found = sorted(material.appearances, key=lambda each: each.rank)
    ranked = replace(material, appearances=tuple(_with_still(each, files) for each in found))
    hits = replace(ranked, appearances=tuple(each for each in ranked.appearances if each.hit))
    coverage = io.BytesIO()
    write_coverage(material.coverage, coverage)
    payload = {
        CANDIDATES: written_by("jsonl", ranked),
        HITS: written_by("csv", hits),
        COVERAGE: coverage.getvalue(),
        **files,
    }
    tags = tag_files(payload, case.info())
    for name, data in {**payload, **tags, SIGNATURE: case.sign(tags[TAG_MANIFEST])}.items():
        output.write(name, data)
    return _not_kept(material)


def _not_kept(material: Material) -> tuple[str, ...]:
    """What of the ranked list the search itself did not keep."""
    search = material.search
    if search is None or search.settings.get("top"):
        return ()
    return ("candidates below the threshold, as the search kept none: search with --top N for a bundle",)


def _with_still(appearance: Appearance, files: Mapping[str, bytes]) -> Appearance:
    """With the name of the picture that the report shows of it, as it is called below ``data/``."""
    kind = "hit" if appearance.hit else "candidate"
    name = f"{REPORT}stills/{kind}-{appearance.rank:04}-face.jpg"
    return replace(appearance, still=name.removeprefix(PAYLOAD) if name in files else None)
