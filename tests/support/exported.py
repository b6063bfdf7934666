"""What exports are made of in tests, and the ecosystem's own readers, which give back the times they find."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fakes import exhibit as fake_exhibit
from fixed_results import CHECKED_CLOCK, appearance, search_result, stream
from retrofr.case.searches import SearchRecord
from retrofr.disclosure.contents import ALWAYS, CANDIDATES, COVERAGE, HITS
from retrofr.documents import exact_seconds
from retrofr.exporting import formats
from retrofr.exporting.material import Material, Options
from retrofr.records import Exhibit, VideoStream
from retrofr.redaction.checking import HowChecked
from retrofr.redaction.clips import RedactedClip
from retrofr.results import Appearance, Coverage

Files = Mapping[str, bytes]
Span = tuple[Fraction, Fraction]
TO_EXAMINE = "to be examined"
BEGAN = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


class Kept:
    """An output that keeps files by their names."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, name: str, data: bytes) -> None:
        assert name not in self.files
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        self.files[name] = data

    def take(self, name: str, path: Path) -> None:
        self.write(name, path.read_bytes())
        path.unlink()


class FakeClips:
    """Has all recordings, and cuts clips that only say of what."""

    def holds(self, appearance: Appearance) -> bool:
        return bool(appearance.exhibit_sha256)

    def clip(self, appearance: Appearance, start: Fraction, end: Fraction, path: Path) -> RedactedClip:
        path.write_text(f"{appearance.rank} {start} {end}")
        how = HowChecked("fake", 0.3, 12)
        return RedactedClip(path, start, end, 100, 90, 80, 2, 1, 3, 3, how, "compared anew at 0.363 or more")


class FakeBundle:
    """A case that has no more to say than a bundle must hold, and signs nothing."""

    def files(self) -> dict[str, bytes]:
        return {name: b"{}\n" for name in ALWAYS if name not in (CANDIDATES, HITS, COVERAGE)}

    def info(self) -> dict[str, str]:
        return {"Bag-Software-Agent": "a test", "External-Identifier": "two\nlines"}

    def sign(self, tag_manifest: bytes) -> bytes:
        return b"{}\n"


def exported(name: str, material: Material, **options: bool) -> tuple[dict[str, bytes], list[str]]:
    """The files of an export, and what it says is not in it; skips where its extra is not installed."""
    if (package := formats.find(name).package) is not None:
        pytest.importorskip(package)
    output = Kept()
    clips = FakeClips() if formats.find(name).needs_footage else None
    bundle = FakeBundle() if formats.find(name).needs_case else None
    said = list(formats.load(name)(material, Options(**options, clips=clips, case=bundle), output))
    return output.files, said


def exhibit_of(name: str, sha256: str, rate: Fraction | None = Fraction(25)) -> Exhibit:
    video = VideoStream(0, "h264", 320, 240, rate, Fraction(120))
    return replace(fake_exhibit(name, CHECKED_CLOCK), sha256=sha256, streams=(video,))


def material(**changes: Any) -> Material:
    """Three hits and two candidates in two exhibits, one of them without a clock and damaged; one unreadable."""
    result = search_result()
    found = (*result.hits, *result.candidates)
    fields: dict[str, Any] = {
        "appearances": found,
        "coverage": result.coverage,
        "exhibits": {a.exhibit_sha256: exhibit_of(a.exhibit, a.exhibit_sha256) for a in found},
        "case_id": "4f0d8a52-9f0c-4a5e-8d5b-6a4a50f8f0aa",
        "case_name": "quay",
        "search": search_record(),
    }
    return Material(**fields | changes)


def search_record() -> SearchRecord:
    """Search 3 of a case."""
    return SearchRecord(
        started=BEGAN,
        finished=BEGAN.replace(minute=31),
        recipe_key="ab" * 32,
        settings={"join_gap_seconds": 4.0},
        probes=[{"name": "suspect", "images": [{"sha256": "0" * 64}]}],
        threshold=0.363,
        threshold_source="default of sface",
        compared=31,
        run={"selection": {"window": "all of it"}},
        id=3,
    )


def clocked(
    spans: Sequence[Span], exhibit: str = "cam1.mp4", rate: Fraction | None = Fraction(25)
) -> Material:
    """Appearances in one exhibit with a checked clock and a zone, all of which was searched."""
    found = [
        appearance(n, 0.9 - n / 1000, exhibit, start, end, CHECKED_CLOCK, best_seconds=start)
        for n, (start, end) in enumerate(spans, start=1)
    ]
    covered = stream(exhibit, 7200, clock=CHECKED_CLOCK)
    known = {covered.exhibit_sha256: exhibit_of(exhibit, covered.exhibit_sha256, rate)}
    return material(appearances=tuple(found), coverage=Coverage((covered,)), exhibits=known)


def spans_of(appearances: Sequence[Appearance]) -> list[Span]:
    return sorted((a.start_seconds, a.end_seconds) for a in appearances)


def outwards(spans: Sequence[Span]) -> list[Span]:
    """The same times in whole milliseconds, the start no later and the end no earlier."""
    floors = [math.floor(start * 1000) for start, _ in spans]
    ends = [max(floor + 1, math.ceil(end * 1000)) for floor, (_, end) in zip(floors, spans, strict=True)]
    return sorted(
        (Fraction(floor, 1000), Fraction(end, 1000)) for floor, end in zip(floors, ends, strict=True)
    )


def _of_rows(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    return sorted((exact_seconds(row, "start"), exact_seconds(row, "end")) for row in rows)


def _only(files: Files) -> bytes:
    (data,) = files.values()
    return data


def read_csv(files: Files) -> list[Span]:
    pandas = pytest.importorskip("pandas")
    return _of_rows(pandas.read_csv(io.BytesIO(_only(files)), dtype=str).to_dict("records"))


def read_jsonl(files: Files) -> list[Span]:
    return _of_rows([json.loads(line) for line in _only(files).decode().split("\n")[:-1]])


def read_json(files: Files) -> list[Span]:
    return _of_rows(json.loads(_only(files))["appearances"])


def read_timesketch(files: Files) -> list[Span]:
    events = [json.loads(line) for line in _only(files).decode().split("\n")[:-1]]
    begun = [event for event in events if event["timestamp_desc"] == "Appearance begins"]
    ended = [event for event in events if event["timestamp_desc"] == "Appearance ends"]
    assert _of_rows(begun) == _of_rows(ended)
    return _of_rows(begun)


def read_webvtt(files: Files) -> list[Span]:
    """Cues by webvtt-py, whose times must be those of the record in the note before each."""
    webvtt = pytest.importorskip("webvtt")
    rows, shown = [], []
    for data in files.values():
        read = webvtt.from_string(data.decode())
        comments = [*read.header_comments, *(c for caption in read.captions for c in caption.comments)]
        rows += [json.loads(c.split(" ", 1)[1]) for c in comments if c.startswith("retrofr.record ")]
        shown += [
            (_seconds(caption.start), _seconds(caption.end))
            for caption in read.captions
            if not caption.identifier.startswith("coverage-")
        ]
    assert sorted(shown) == outwards(_of_rows(rows))
    return _of_rows(rows)


def read_clips(files: Files) -> list[Span]:
    """The table, which must name every clip with its digest; the clips' own times lie around the appearances'."""
    table = files["clips.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "clips.csv"}
    assert {row["clip"]: row["clip_sha256"] for row in rows} == digests
    assert len(digests) == len(rows)
    for row in rows:
        start, end = (
            Fraction(int(row[f"clip_{each}_ticks"]), int(row["clip_ticks_per_second"]))
            for each in ("start", "end")
        )
        assert (exact_seconds(row, "start") - 2, exact_seconds(row, "end") + 2) == (start, end)
    return _of_rows(rows)


def read_bundle(files: Files) -> list[Span]:
    """The ranked records of a bag that the bagit library finds valid, whose hits are those of the table beside them."""
    bagit = pytest.importorskip("bagit")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        bag = bagit.Bag(folder)
        bag.validate()
        assert set(bag.info) >= {"Bag-Software-Agent", "External-Identifier", "Payload-Oxum"}
        assert bag.info["External-Identifier"].isprintable()
        assert sorted(bag.payload_files()) == sorted(n for n in files if n.startswith("data/"))
    rows = [json.loads(line) for line in files[CANDIDATES].decode().split("\n")[:-1]]
    ranks = [row["rank"] for row in rows if row["rank"] is not None]
    assert ranks == sorted(ranks)
    hits = [row for row in rows if row["hit"]]
    assert read_csv({HITS: files[HITS]}) == _of_rows(hits)
    return _of_rows(rows)


def read_srt(files: Files) -> list[Span]:
    srt = pytest.importorskip("srt")
    found = []
    for data in files.values():
        for cue in srt.parse(data.decode()):
            times = (Fraction(t.total_seconds()).limit_denominator(1000) for t in (cue.start, cue.end))
            if TO_EXAMINE in cue.content:
                found.append((next(times), next(times)))
    return sorted(found)


def read_parquet(files: Files) -> list[Span]:
    pandas = pytest.importorskip("pandas")
    return _of_rows(pandas.read_parquet(io.BytesIO(_only(files))).to_dict("records"))


def read_otio(files: Files) -> list[Span]:
    """Markers, whose rational times must be those of their records."""
    otio = pytest.importorskip("opentimelineio")
    timeline = otio.adapters.read_from_string(_only(files).decode(), "otio_json")
    found, rows = [], []
    for clip in timeline.find_clips():
        for marker in clip.markers:
            if "rank" in marker.metadata["retrofr"]:
                rows.append(dict(marker.metadata["retrofr"]))
                span = marker.marked_range
                times = (span.start_time, span.end_time_exclusive())
                found.append(tuple(Fraction(t.value) / Fraction(t.rate) for t in times))
                assert all(0 <= t.value <= clip.source_range.duration.value for t in times)
    assert sorted(found) == _of_rows(rows)
    return _of_rows(rows)


def read_case_uco(files: Files) -> list[Span]:
    """The records of appearances; each file must hold all that its nodes refer to."""
    found = []
    for data in files.values():
        nodes = {node["@id"]: node for node in json.loads(data)["@graph"]}
        assert references(list(nodes.values())) <= set(nodes)
        for node in nodes.values():
            if "retrofr:start_ticks" in node:
                row = {name.removeprefix("retrofr:"): value for name, value in node.items()}
                found += _of_rows([row])
    return sorted(found)


def references(value: Any) -> set[str]:
    """The names of nodes that a graph refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    if set(value) == {"@id"}:
        return {value["@id"]}
    return set().union(*map(references, value.values()))


def read_edl(files: Files) -> list[Span]:
    """Events by OpenTimelineIO's adapter, whose frames must be those around the exact times of the comment."""
    otio = pytest.importorskip("opentimelineio")
    pytest.importorskip("otio_cmx3600_adapter")
    found = []
    for data in files.values():
        text = data.decode()
        (told,) = re.findall(r"^\* COMMENT: .*, (\d+(?:/\d+)?) frames/s$", text, re.MULTILINE)
        rate = Fraction(told)
        timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))
        for clip in timeline.find_clips():
            comments = " ".join(clip.metadata["cmx_3600"]["comments"])
            start, end = map(Fraction, re.findall(r"EXACT SECONDS (\S+) TO (\S+)", comments)[0])
            span = clip.source_range
            assert span.start_time.value == math.floor(start * rate)
            assert span.end_time_exclusive().value == math.ceil(end * rate)
            found.append((start, end))
    return sorted(found)


def _seconds(stamp: str) -> Fraction:
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


READERS: dict[str, Callable[[Files], list[Span]]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "json": read_json,
    "parquet": read_parquet,
    "timesketch": read_timesketch,
    "case-uco": read_case_uco,
    "otio": read_otio,
    "edl": read_edl,
    "webvtt": read_webvtt,
    "srt": read_srt,
    "clips": read_clips,
    "bundle": read_bundle,
}
"""What reads each format; every format has one."""

ROUNDED = ("srt",)
"""Formats that hold whole milliseconds and nothing finer."""
