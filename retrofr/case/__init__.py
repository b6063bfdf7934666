"""The case: one encrypted file that holds what was indexed, searched and decided."""

from __future__ import annotations

from retrofr.case.blobs import blob_keys, drop_blobs, get_blob, put_blob
from retrofr.case.exhibits import (
    StoredExhibit,
    active_recipe,
    exhibits,
    find_exhibit,
    note_unsearched,
    put_exhibit,
    put_recipe,
    recipes,
    unsearched,
)
from retrofr.case.keys import KeyStore
from retrofr.case.reading import (
    TrackletTable,
    case_coverage,
    face_picture,
    stored_tracklet,
    template_blocks,
    template_count,
    tracklet_count,
    tracklet_table,
)
from retrofr.case.searches import (
    CandidateRow,
    SearchRecord,
    candidates_of,
    find_probe_image,
    finish_run,
    probe_picture,
    put_probe_image,
    record_search,
    searches,
    start_run,
)
from retrofr.case.store import Case, create_case, open_case
from retrofr.case.writing import StoredStream, commit_slice, finish_stream, open_stream, streams

__all__ = [
    "CandidateRow",
    "Case",
    "KeyStore",
    "SearchRecord",
    "StoredExhibit",
    "StoredStream",
    "TrackletTable",
    "active_recipe",
    "blob_keys",
    "candidates_of",
    "case_coverage",
    "commit_slice",
    "create_case",
    "drop_blobs",
    "exhibits",
    "face_picture",
    "find_exhibit",
    "find_probe_image",
    "finish_run",
    "finish_stream",
    "get_blob",
    "note_unsearched",
    "open_case",
    "open_stream",
    "probe_picture",
    "put_blob",
    "put_exhibit",
    "put_probe_image",
    "put_recipe",
    "recipes",
    "record_search",
    "searches",
    "start_run",
    "stored_tracklet",
    "streams",
    "template_blocks",
    "template_count",
    "tracklet_count",
    "tracklet_table",
    "unsearched",
]
