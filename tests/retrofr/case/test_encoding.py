"""Records survive a case exactly, whatever is in them, and no field of any can be forgotten."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.case.encoding import pack, unpack
from retrofr.case.writing import TrackletRecord
from retrofr.clock import ClockCheck, ClockOrigin, OriginKind, WallClock
from retrofr.errors import CaseError
from retrofr.indexed import FaceCounts, StreamProgress
from retrofr.records import (
    Exhibit,
    Face,
    FrameRef,
    ProbeImage,
    Quality,
    RangeKind,
    TimeRange,
    Tracklet,
    VideoStream,
)
from retrofr.results import StreamCoverage, Unsearched, UnsearchedKind
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.plan import Resume

fractions = st.fractions(max_denominator=10**9)
naturals = st.integers(0, 2**62)
names = st.text(max_size=12) | st.binary(max_size=8).map(os.fsdecode)  # bytes that are not UTF-8 among them
floats = st.floats(allow_nan=False)
zones = st.sampled_from(
    [UTC, ZoneInfo("Europe/London"), ZoneInfo("UTC"), timezone(timedelta(hours=-9, minutes=-30, seconds=-7))]
)
datetimes = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)) | st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=zones, allow_imaginary=True
)
texts = st.tuples() | st.tuples(names) | st.tuples(names, names)


def array(*shape: int) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    numbers = st.lists(st.floats(width=32), min_size=size, max_size=size)  # also not a number, and infinite
    return numbers.map(lambda values: np.array(values, np.float32).reshape(shape))


frames = st.builds(
    FrameRef, naturals, naturals, naturals, st.none() | st.integers(-(2**62), 2**62), fractions, fractions,
    fractions, names, st.none() | naturals, st.booleans(),
)  # fmt: skip
qualities = st.builds(
    Quality, floats, floats, floats, floats, floats, floats, floats, st.booleans(), texts, texts, floats
)
faces = st.builds(Face, frames, array(4), array(5, 2), floats, qualities)
origins = st.builds(
    ClockOrigin, st.none() | datetimes, names, st.sampled_from(get_args(OriginKind)),
    st.fractions(min_value=Fraction(1, 10**6), max_denominator=10**9),
)  # fmt: skip
naive = st.datetimes()
checks = st.builds(ClockCheck, naive, naive, st.none() | st.dates(), st.none() | names)
clocks = st.builds(
    WallClock, origins, st.none() | zones, st.timedeltas(), st.none(), st.tuples() | st.tuples(origins)
) | st.builds(lambda origin, check: WallClock(origin, None, check.offset, check), origins, checks)
streams = st.builds(
    VideoStream, naturals, names, naturals, naturals, st.none() | fractions, st.none() | fractions
)
exhibits = st.builds(
    Exhibit, st.binary(min_size=1, max_size=9).filter(lambda b: 0 not in b).map(lambda b: Path(os.fsdecode(b))),
    names, names, naturals, names, st.tuples() | st.tuples(streams, streams), clocks, st.none() | names,
)  # fmt: skip
ranges = st.builds(TimeRange, st.sampled_from(get_args(RangeKind)), fractions, fractions, naturals, names)
facts = st.builds(
    CoverageFacts, frames=naturals, codec_reports_damage=st.booleans(), searched_seconds=fractions,
    declared_seconds=st.none() | fractions, first_seconds=st.none() | fractions,
    ranges=st.lists(ranges, max_size=3), problems=st.lists(names, max_size=2), notes=st.lists(names, max_size=2),
)  # fmt: skip
counts = st.builds(FaceCounts, naturals, naturals, st.dictionaries(names, naturals, max_size=2).map(Counter))
resumes = st.builds(Resume, naturals, st.none() | naturals, naturals, naturals)
progresses = st.builds(StreamProgress, facts, counts, st.none() | resumes)
coverages = st.builds(
    StreamCoverage, names, names, naturals, st.none() | fractions, fractions, naturals, naturals, naturals,
    naturals, naturals, st.tuples() | st.tuples(st.tuples(names, naturals)), texts, texts, st.none() | names,
    ranges=st.tuples() | st.tuples(ranges), clock=clocks, sha256_after=st.none() | names,
    hash_check=st.none() | names, codec_reports_damage=st.booleans(),
)  # fmt: skip
tracklet_records = st.builds(
    TrackletRecord, number=naturals, first=frames, last=frames, faces=naturals,
    best=st.tuples() | st.tuples(faces, faces), slice=naturals, first_box=st.none() | array(4),
    last_box=st.none() | array(4),
)  # fmt: skip
probes = st.builds(ProbeImage, exhibits.map(lambda e: e.path), names, array(4), qualities, array(7))
notes = st.builds(Unsearched, names, names, st.none() | names, st.sampled_from(get_args(UnsearchedKind)))


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, type by type: times with zone and fold, arrays with type and shape."""
    if type(one) is not type(other):
        return False
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, datetime):
        zone_known = str(one.tzinfo) == str(other.tzinfo)
        return (
            zone_known and one.fold == other.fold and one.replace(tzinfo=None) == other.replace(tzinfo=None)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@given(tracklet_records | exhibits | clocks | progresses | coverages | probes | notes)
def test_every_record_survives_exactly(record: Any) -> None:
    assert same(unpack(pack(record), type(record), "case.db"), record)


KEPT = (Tracklet, Exhibit, StreamProgress, StreamCoverage, ProbeImage, Unsearched)


def parts(kind: Any, seen: set[type]) -> set[type]:
    """The dataclasses that a type is made of."""
    for inner in get_args(kind):
        parts(inner, seen)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind not in seen:
        seen.add(kind)
        for hint in get_type_hints(kind).values():
            parts(hint, seen)
    return seen


def test_no_field_is_left_out() -> None:
    """What is packed names every field of every record: one that is added later cannot be forgotten."""
    import msgspec

    found = set().union(*(parts(kind, set()) for kind in KEPT))
    assert {WallClock, ClockCheck, TimeRange, Face, CoverageFacts, Resume} <= found
    for kind in found:
        written = {field.encode_name for field in msgspec.inspect.type_info(kind).fields}  # type: ignore[union-attr]
        assert written == {field.name for field in dataclasses.fields(kind)}
    kept = {field.name for field in dataclasses.fields(TrackletRecord)}
    assert kept | {"exhibit", "templates"} == {field.name for field in dataclasses.fields(Tracklet)}


def test_a_field_that_came_later_has_its_default() -> None:
    @dataclasses.dataclass(frozen=True)
    class Before:
        frames: int

    read = unpack(pack(Before(7)), CoverageFacts, "case.db")
    assert read == CoverageFacts(frames=7)


def test_numbers_of_numpy_are_numbers() -> None:
    quality = Quality(*np.linspace(0, 1, 7).astype(np.float32), np.bool_(True), (), (), np.float64(0.5))  # type: ignore[arg-type]
    read = unpack(pack(quality), Quality, "case.db")
    assert (read.sharpness, read.cut_by_edge, read.rank) == (float(np.float32(1 / 6)), True, 0.5)


@pytest.mark.parametrize("value", [object(), np.zeros(2), {"a": date}], ids=["object", "float64", "class"])
def test_what_records_do_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        pack(value)


@pytest.mark.parametrize("data", [b"", b"not zlib", pack({"frames": "many"}), pack([1, 2])])
def test_other_bytes_are_no_record(data: bytes) -> None:
    with pytest.raises(CaseError, match=r"^case\.db: a record in it is not a CoverageFacts \("):
        unpack(data, CoverageFacts, "case.db")


def test_a_face_takes_less_than_a_kilobyte() -> None:
    rng = np.random.default_rng(0)
    best = tuple(
        Face(
            FrameRef(
                0, 0, n, n * 3003, Fraction(1, 90000), Fraction(n * 1001, 30000), Fraction(n, 7), "pts", n
            ),
            rng.random(4, np.float32),
            rng.random((5, 2), np.float32),
            float(rng.random()),
            Quality(*rng.random(7).tolist(), False, (), ("blurred",), float(rng.random())),
        )
        for n in range(5)
    )
    record = TrackletRecord(number=1, first=best[0].frame, last=best[-1].frame, faces=50, best=best)
    assert len(pack(record)) < 1000 * len(best)
