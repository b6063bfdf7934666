"""Parquet: the columns of CSV with their types, for pandas, DuckDB, Spark and R. Needs the extra ``parquet``."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from retrofr.documents import COLUMNS, coverage_document, encoded, json_text, record
from retrofr.errors import OutputError
from retrofr.exporting.material import Material, Options, facts
from retrofr.exporting.outputs import Output
from retrofr.results import LEADS_ONLY

WHOLE = frozenset(
    (
        *("rank", "stream", "faces", "segment", "faces_seen", "faces_suspect", "person"),
        *("ticks_per_second", "start_ticks", "end_ticks", "best_ticks"),
        *("tracklets", "tracklets_extending", "search", "tracklet"),
    )
)
TRUTHS = frozenset(("hit", "best_suspect", "exhibit_changed", "llr_at_bound"))
NUMBERS = frozenset(
    (
        *("start_seconds", "end_seconds", "best_seconds", "clock_offset_seconds", "score", "llr"),
        *("best_box_x1", "best_box_y1", "best_box_x2", "best_box_y2", "eye_distance_pixels"),
    )
)
"""Columns by their type; the others are text."""

MOMENTS = {"start_utc": "start_time_adjusted", "end_utc": "end_time_adjusted"}
"""Columns that only Parquet has: moments in UTC, empty where no zone is known."""

MOST = 2**63 - 1


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:  # noqa: ARG001  as all
    """One file; its metadata hold what the records are of and the whole coverage, as JSON."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [record(appearance) for appearance in material.appearances]
    columns: dict[str, Any] = {
        name: pa.array([_value(name, row[name]) for row in rows], _type(pa, name)) for name in COLUMNS
    }
    for name, source in MOMENTS.items():
        columns[name] = pa.array([_moment(row[source]) for row in rows], pa.timestamp("us", "UTC"))
    metadata = {
        "retrofr": json_text(facts(material)),
        "retrofr.coverage": json_text(coverage_document(material.coverage)),
        "retrofr.note": LEADS_ONLY,
    }
    table = pa.table(columns).replace_schema_metadata(
        {name: encoded(text) for name, text in metadata.items()}
    )
    file = io.BytesIO()
    parquet.write_table(table, file)
    output.write("timeline.parquet", file.getvalue())
    return ()


def _type(pa: Any, name: str) -> Any:
    if name in WHOLE:
        return pa.int64()
    if name in TRUTHS:
        return pa.bool_()
    return pa.float64() if name in NUMBERS else pa.string()


def _value(name: str, value: object) -> object:
    match value:
        case Fraction():
            return float(value)
        case str():
            return encoded(value).decode()
        case int() if abs(value) > MOST:
            raise OutputError(f"{value} does not fit the whole numbers of Parquet", subject=name)
    return value


def _moment(at: object) -> datetime | None:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
