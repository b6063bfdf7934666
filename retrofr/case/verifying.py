"""Whether a case is whole: every page as it was written, every table as the others say."""

from __future__ import annotations

from dataclasses import dataclass

from retrofr.case.places import Places
from retrofr.case.store import Case
from retrofr.case.wal import check_log
from retrofr.errors import CaseError

_MOST_TOLD = 5

_CONTRADICTIONS = {
    "slices that hold another number of tracklets than was committed": """
        SELECT count(*) FROM slices WHERE tracklets <> (
            SELECT count(*) FROM tracklets WHERE tracklets.stream_id = slices.stream_id AND slice = slices.number
        )""",
    "tracklets of slices that are not there": """
        SELECT count(*) FROM tracklets WHERE NOT EXISTS (
            SELECT 1 FROM slices WHERE slices.stream_id = tracklets.stream_id AND number = slice
        )""",
    "tracklets without their record": """
        SELECT count(*) FROM tracklets LEFT JOIN tracklet_records ON tracklet_id = id WHERE record IS NULL""",
    "tracklets whose templates are missing or cut": """
        SELECT count(*) FROM tracklets JOIN streams ON streams.id = stream_id
            JOIN recipes ON recipes.id = recipe_id
            LEFT JOIN templates ON tracklet_id = tracklets.id
        WHERE coalesce(length(data), 0) <> tracklets.templates * dimensions * 4""",
    "kept files whose chunks are missing": """
        SELECT count(*) FROM blobs WHERE size_bytes <> (
            SELECT coalesce(sum(length(data)), 0) FROM blob_chunks WHERE blob_id = blobs.id
        )""",
}


@dataclass(frozen=True)
class Verified:
    """What was checked: ``pages`` of ``page_bytes`` each, all authenticated and read."""

    pages: int
    page_bytes: int


def verify_case(case: Case) -> Verified:
    """Read and authenticate every page of a case, and hold its tables against each other.

    Raises:
        CaseError: bytes were altered or are missing, or the tables contradict each other; what is wrong is named.
    """
    places = Places(case.path)
    check_log(places.log, str(case.path))
    _check_length(case)
    rows = [str(row[0]) for row in case.execute(f"PRAGMA integrity_check({_MOST_TOLD})")]
    lines = [line for row in rows for line in row.splitlines() if not line.startswith("***")]
    problems = [] if lines == ["ok"] else ["bytes of it were altered or are missing", *lines]
    if not problems:
        foreign = case.fetch_all("PRAGMA foreign_key_check")
        problems += [f"rows of {row[0]} that refer to nothing" for row in foreign[:_MOST_TOLD]]
        for what, query in _CONTRADICTIONS.items():
            row = case.fetch_one(query)
            if row is not None and row[0]:
                problems.append(f"{row[0]} {what}")
    if problems:
        raise CaseError(
            f"is damaged: {'; '.join(problems[:_MOST_TOLD])}", subject=str(case.path), hint="use a copy of it"
        )
    return Verified(_number(case, "page_count"), _number(case, "page_size"))


def _check_length(case: Case) -> None:
    """The file ends where its last page does; SQLite would take a cut page for what it was."""
    if not case.read_only:
        busy, logged, moved = case.fetch_all("PRAGMA wal_checkpoint(PASSIVE)")[0]
        if busy or logged != moved:
            return  # being written to: the file is still behind its log
    size, expected = case.path.stat().st_size, _number(case, "page_count") * _number(case, "page_size")
    if size != expected:
        raise CaseError(
            f"is damaged: it has {size:,} bytes and should have {expected:,}",
            subject=str(case.path),
            hint="use a copy of it",
        )


def _number(case: Case, pragma: str) -> int:
    return int(case.fetch_all(f"PRAGMA {pragma}")[0][0])
