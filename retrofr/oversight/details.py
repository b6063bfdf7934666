"""What the log says of a search: figures, digests and places; no picture, no template, no name of a person or file.

The log outside of cases is not encrypted. Names of probes and files, which may be people's, stay in the case and in the
result; here a picture and a recording are their SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrofr.results import Appearance, SearchResult

MOST_LISTED = 100
_SHA256 = re.compile("[0-9a-f]{64}")


def search_details(result: SearchResult) -> dict[str, Any]:
    """Of a search that ended: Art. 12(3) of the EU AI Act asks for the data searched and what led to each hit.

    Lists end after ``MOST_LISTED``; the counts beside them are of all, and ``exhibits_digest`` is the SHA-256 of the
    sorted digests of all recordings, a line each.
    """
    digests = sorted({stream.exhibit_sha256 for stream in result.coverage.streams})
    return {
        "compared": result.compared,
        "hits": len(result.hits),
        "candidates": len(result.hits) + len(result.candidates),
        "threshold": float(result.threshold),
        "threshold_source": result.statement.source,
        "threshold_override": result.statement.overridden,
        "probes": len(result.probes),
        "probe_pictures": [image.sha256 for probe in result.probes for image in probe.images][:MOST_LISTED],
        "exhibits": len(digests),
        "exhibit_digests": digests[:MOST_LISTED],
        "exhibits_digest": hashlib.sha256("".join(f"{d}\n" for d in digests).encode()).hexdigest(),
        "searched_seconds": float(sum(stream.searched_seconds for stream in result.coverage.streams)),
        "unsearched": len(result.coverage.unsearched),
        "found": [_place(hit) for hit in result.hits[:MOST_LISTED]],
    }


def models_of(run: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the weights that a run used, by their names.

    ``run`` is that of a :class:`~retrofr.results.SearchResult`, or the terms of a recipe.
    """
    return _weights([run.get(name) for name in ("detector", "embedder", "comparison", "recipe")])


def _weights(terms: Any) -> dict[str, str]:
    """``name`` beside ``sha256``, ``weights`` beside ``weights_sha256``, and tables of ``weights``, at any depth."""
    found: dict[str, str] = {}
    if isinstance(terms, Mapping):
        for name, digest in (("name", "sha256"), ("weights", "weights_sha256")):
            if isinstance(terms.get(name), str) and _is_digest(terms.get(digest)):
                found[terms[name]] = terms[digest]
        for key, value in terms.items():
            if key == "weights" and isinstance(value, Mapping):
                found |= {str(file): str(sha256) for file, sha256 in value.items() if _is_digest(sha256)}
            found |= _weights(value)
    elif isinstance(terms, list | tuple):
        for value in terms:
            found |= _weights(value)
    return found


def _place(hit: Appearance) -> dict[str, Any]:
    return {
        "exhibit": hit.exhibit_sha256,
        "stream": hit.stream,
        "start": float(hit.start_seconds),
        "end": float(hit.end_seconds),
        "score": float(hit.score),
        "tracklet": hit.tracklet,
    }


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None
