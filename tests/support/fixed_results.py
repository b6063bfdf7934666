"""A fixed search result and a small case, for everything that writes results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fakes import exhibit as fake_exhibit
from fakes import tracklet as fake_tracklet
from retrofr.calibration.bands import verbal_band
from retrofr.calibration.operating import (
    Condition,
    DataFacts,
    FmrPoint,
    Likelihood,
    OperatingPoints,
)
from retrofr.calibration.statement import expected_false
from retrofr.clock import NO_CLOCK, ClockCheck, ClockOrigin, WallClock
from retrofr.documents import iso_time
from retrofr.records import Evidence, Exhibit, Probe, ProbeImage, Quality, Still, TimeRange, Tracklet
from retrofr.results import Appearance, Coverage, IndexUse, SearchResult, StreamCoverage, Unsearched
from retrofr.statements import SearchStatement

NIGHT = datetime(2024, 1, 14, 22, 58, 12)
UNKNOWN_CLOCK = WallClock(NO_CLOCK)
FILE_NAME_CLOCK = WallClock(ClockOrigin(NIGHT, "file name"))
CHECKED_CLOCK = WallClock(
    ClockOrigin(NIGHT, "file name"),
    timezone(timedelta(hours=1)),
    check=ClockCheck(NIGHT, NIGHT - timedelta(minutes=7, seconds=3), date(2024, 4, 2), "PC Smith"),
)


DATA = DataFacts(
    name="faces of the test",
    description="made up",
    photos=640,
    people=80,
    mated=2240,
    non_mated=201_792,
    made="2026-11-01",
    conditions="photo against photo",
    command="retrofr calibrate faces/",
)
STRONG = Evidence(3.2104, verbal_band(3.2104))
AT_BOUND = Evidence(1.5, verbal_band(1.5), at_bound=True)
AGAINST = Evidence(-0.8, verbal_band(-0.8))
NONE = Evidence(None, reason="not validated for this condition (12 px between the eyes; data from 30 px on)")


def fmr_point(score: float, errors: int = 1) -> FmrPoint:
    """Error rates from 201,792 comparisons of different people, of which so many reach the score."""
    low, high = {0: (0.0, 1.4846e-05), 1: (1.2546e-07, 2.7611e-05), 20: (6.0540e-05, 1.5307e-04)}[errors]
    return FmrPoint(score, errors / 201_792, low, high, errors, 201_792, 0.17, 0.15, 0.19)


def operating_points(key: str = "0" * 64, detector: str = "fake", name: str = "fake") -> OperatingPoints:
    """Operating points for scores about 0 to 1: log10 LR is ten times what a score is above 0.5, from -2 to 3.

    Faces with less than 20 px between the eyes have too few comparisons.
    """
    facts: dict[str, Any] = {
        "llr_low": -2.0,
        "llr_high": 3.0,
        "cllr": 0.1,
        "cllr_min": 0.09,
        "mated": 2240,
        "non_mated": 201_792,
    }
    ratios = Likelihood("logistic", {"slope": 10.0, "intercept": -5.0}, **facts)
    points = (fmr_point(0.3, errors=20), fmr_point(0.5), fmr_point(0.7, errors=0))
    conditions = (
        Condition("eye_distance_pixels", 0.0, 20.0, 12, 900, reason="too few"),
        Condition("eye_distance_pixels", 20.0, float("inf"), 2228, 200_892, likelihood=ratios),
    )
    system = {"name": name, "comparison_key": key, "detector": detector}
    return OperatingPoints(system, DATA, points, ratios, conditions)


def clock_of(exhibit: str) -> WallClock:
    return FILE_NAME_CLOCK if "cam1" in exhibit else UNKNOWN_CLOCK


def appearance(
    rank: int,
    score: float,
    exhibit: str = "cam1_20240114_225812.mp4",
    start: Fraction | int = Fraction(25, 2),
    end: Fraction | int = 17,
    clock: WallClock | None = None,
    **changes: Any,
) -> Appearance:
    clock = clock or clock_of(exhibit)
    start, end = Fraction(start), Fraction(end)
    fields: dict[str, Any] = {
        "rank": rank,
        "hit": score >= 0.363,
        "probe": "suspect",
        "exhibit": exhibit,
        "exhibit_sha256": f"{sum(map(ord, exhibit)):064x}",
        "stream": 0,
        "segment": 0,
        "start_seconds": start,
        "end_seconds": end,
        "start_time": iso_time(clock.original_at(start)),
        "end_time": iso_time(clock.original_at(end)),
        "start_time_adjusted": iso_time(clock.adjusted_at(start)),
        "end_time_adjusted": iso_time(clock.adjusted_at(end)),
        "clock_status": clock.status,
        "clock_offset_seconds": None
        if clock.origin.at is None
        else Fraction(clock.offset // timedelta(microseconds=1), 1_000_000),
        "time_source": "pts",
        "clock_source": clock.source,
        "score": score,
        "faces": 9,
        "faces_seen": 11,
        "best_seconds": start + 1,
        "best_box": (100.04, 50.0, 180.5, 150.26),
        "eye_distance_pixels": 41.26,
        "still_pictures": Still(b"jpeg of rank %d" % rank, b"png of rank %d" % rank),
    }
    return Appearance(**fields | changes)


def stream(exhibit: str, seconds: Fraction | int = 120, **changes: Any) -> StreamCoverage:
    fields: dict[str, Any] = {
        "exhibit": exhibit,
        "exhibit_sha256": f"{sum(map(ord, exhibit)):064x}",
        "stream": 0,
        "declared_seconds": Fraction(seconds),
        "searched_seconds": Fraction(seconds),
        "frames": 3000,
        "samples": 240,
        "damaged_packets": 0,
        "faces": 310,
        "faces_unfit": 21,
        "unfit_reasons": (("too small: less than 10 px between the eyes", 18), ("turned too far away", 3)),
        "problems": (),
        "ranges": (TimeRange("searched", Fraction(0), Fraction(seconds), 0),),
        "clock": clock_of(exhibit),
    }
    return StreamCoverage(**fields | changes)


def probe(name: str = "suspect", pictures: int = 1) -> Probe:
    quality = Quality(
        eye_distance_pixels=60.0,
        sharpness=0.8,
        brightness=0.5,
        contrast=0.2,
        yaw=0.1,
        roll_degrees=0.0,
        cut_by_edge=False,
        problems=(),
        warnings=(),
        pitch=0.1,
        rank=0.9,
    )
    image = ProbeImage(
        Path(f"{name}.jpg"), "0" * 64, np.zeros(4, np.float32), quality, np.zeros(8, np.float32)
    )
    return Probe(name, (image,) * pictures)


def search_result(**changes: Any) -> SearchResult:
    """Three hits and two candidates below, in two exhibits; one exhibit is damaged, one unreadable."""
    fields: dict[str, Any] = {
        "hits": (
            appearance(1, 0.6123456789, evidence=STRONG),
            appearance(
                2, 0.48, "stairs/night – deck 3.mkv", Fraction(1, 3), Fraction(3723, 2), evidence=NONE
            ),
            appearance(
                3,
                0.363,
                start=61,
                end=Fraction(125, 2),
                faces=2,
                time_source="interpolated",
                evidence=AT_BOUND,
            ),
        ),
        "candidates": (
            appearance(4, 0.351, "stairs/night – deck 3.mkv", 7, 8, faces=0, evidence=AGAINST),
            appearance(5, 0.2, start=90, end=91, faces=0),
        ),
        "probes": (probe(),),
        "threshold": 0.363,
        "compared": 31,
        "coverage": Coverage(
            streams=(
                stream("cam1_20240114_225812.mp4"),
                stream(
                    "stairs/night – deck 3.mkv",
                    Fraction(7325, 2),
                    searched_seconds=Fraction(7325, 2) - 2,
                    damaged_packets=3,
                    problems=("3 packets are damaged between 0:10:00.000 and 0:10:02.500",),
                    suspect_seconds=Fraction(1, 2),
                    unreadable_seconds=Fraction(2),
                    suspect_frames=13,
                    ranges=(
                        TimeRange("searched", Fraction(0), Fraction(600), 0),
                        TimeRange("unreadable", Fraction(600), Fraction(602), 0, "3 damaged packets"),
                        TimeRange("suspect", Fraction(602), Fraction(1205, 2), 0, "until the next keyframe"),
                        TimeRange("searched", Fraction(1205, 2), Fraction(7325, 2), 0),
                    ),
                ),
            ),
            unsearched=(
                Unsearched(
                    "cam2_0114.mp4",
                    "no video index (moov) in this file, so none of it could be searched",
                    "likely a recording cut by power loss",
                ),
            ),
            ignored=("notes.txt", "map.pdf"),
        ),
        "use": IndexUse("annoy", 155, 1.0),
        "run": {
            "device": "cpu (Some Processor, 2 threads, openvino 2026.4)",
            "threshold": {"score": 0.363, "source": "default of sface+dlib-resnet"},
            "settings": {"device": "auto"},
        },
        "statement": statement(),
    }
    return SearchResult(**fields | changes)


def statement(**changes: Any) -> SearchStatement:
    """31 tracklets compared at a threshold that one in 201,792 comparisons of different people reaches."""
    point = fmr_point(0.363)
    fields: dict[str, Any] = {
        "compared": 31,
        "compared_faces": 88,
        "probes": 1,
        "pictures": 1,
        "threshold": 0.363,
        "source": "documented default of sface+dlib-resnet",
        "point": point,
        "data": DATA,
        "origin": "default of retrofr",
        "each_probe": expected_false(31, point),
        "whole_search": expected_false(31, point),
        "notes": ("photo against photo",),
    }
    return SearchStatement(**fields | changes)


ANN, NOT_QUITE_ANN, BOB = ((1.0, 0.0, 0.0), (0.8, 0.6, 0.0), (0.0, 0.0, 1.0))
"""Beginnings of templates; by the cosine, the first two are alike (0.8) and the third is nobody else."""


def fixed_case(folder: Path, *, searched: bool = True, people: bool = True) -> Path:
    """A case of three exhibits. Ann is seen in all; in the first she goes on over the edge of a slice.

    Its one search has a hit in each exhibit and Bob below the threshold. As persons, she is 7 and Bob is 2.
    """
    from retrofr.case.people import Assignment, put_assignment
    from retrofr.case.searches import CandidateRow, SearchRecord, record_search
    from retrofr.case.store import create_case
    from retrofr.recipe import recipe_of
    from retrofr.scoring import build_scorer
    from retrofr.settings import Settings

    recipe = recipe_of(Settings.from_mapping({"embed": {"embedder": "sface"}}), build_scorer("sface", {}))
    with create_case(folder) as case:
        yard = replace(fake_exhibit("yard.mkv", CHECKED_CLOCK), sha256="cc" * 32)
        stairs = replace(fake_exhibit("stairs/night – deck 3.mkv"), sha256="bb" * 32)
        door = replace(fake_exhibit("cam1_20240114_225812.mp4", FILE_NAME_CLOCK), camera="=front door")
        slices = [
            [seen(door, 50, 59.5, ANN, slice_=0, number=1), seen(door, 52, 55, BOB, x=400, number=2)],
            [seen(door, 60, 70, NOT_QUITE_ANN, slice_=1, number=1)],
        ]
        _index(case, recipe, door, slices)
        _index(case, recipe, stairs, [[seen(stairs, 7, 9, ANN)]])
        _index(case, recipe, yard, [[seen(yard, 1, 2, ANN)]])
        ids = [row[0] for row in case.fetch_all("SELECT id FROM tracklets ORDER BY id")]
        ann, bob, ann_later, ann_stairs, ann_yard = ids
        if people:
            tracklets = np.array(ids, np.int64)
            numbers = np.array([2 if i == bob else 7 for i in ids], np.int64)
            put_assignment(case, recipe.key, Assignment(tracklets, numbers, np.full(5, 0.7, np.float32)), {})
        if searched:
            at = datetime.now(UTC) + timedelta(hours=1)
            candidates = (
                CandidateRow("ann", ann, 0.91, 2, 0, True),
                CandidateRow("ann", ann_stairs, 0.87, 2, 1, True),
                CandidateRow("ann", ann_yard, 0.95, 1, 0, True),
                CandidateRow("ann", ann_later, 0.45, 0, 0, False),
                CandidateRow("ann", bob, 0.1, 0, 0, False),
            )
            record_search(
                case,
                SearchRecord(
                    started=at,
                    finished=at,
                    recipe_key=recipe.key,
                    settings={"join_gap_seconds": 4.0},
                    probes=[{"name": "ann"}],
                    threshold=0.5,
                    threshold_source="given",
                    compared=5,
                    candidates=candidates,
                ),
            )
    return folder


def seen(
    of: Exhibit,
    start: float,
    end: float,
    template: Sequence[float],
    *,
    x: float = 100,
    slice_: int = 0,
    number: int = 1,
) -> Tracklet:
    """A tracklet of two faces that stays where it is; its templates have 128 dimensions."""
    box = np.array([x, 50, x + 60, 110], np.float32)
    whole = fake_tracklet(start, end, [*template, *[0] * 125], of=of, number=number)
    return replace(whole, slice=slice_, first_box=box, last_box=box)


def kept_picture(name: str) -> bytes:
    """A picture that a case keeps of a face, JPEG: one grey of its own, in which nobody is."""
    import cv2

    grey = hashlib.sha256(name.encode()).digest()[0]
    return bytes(cv2.imencode(".jpg", np.full((32, 32, 3), grey, np.uint8))[1])


def _index(case: Any, recipe: Any, of: Exhibit, slices: Sequence[Sequence[Tracklet]]) -> None:
    from retrofr.case.exhibits import put_exhibit, put_recipe
    from retrofr.case.writing import commit_slice, open_stream
    from retrofr.indexed import FaceCounts, IndexedSlice, IndexedTracklet, StreamProgress
    from retrofr.video.decoding.coverage import CoverageFacts

    put_recipe(case, recipe)
    opened = open_stream(
        case, put_exhibit(case, of, hash_check=None, notices=()), recipe.key, 0, {"frame_rate": None}
    )
    facts = CoverageFacts(frames=3000, samples=240, searched_seconds=Fraction(120))
    for number, tracklets in enumerate(slices):
        indexed = [
            IndexedTracklet(t, tuple(kept_picture(f"{of.name} {number} {t.number} {i}") for i in range(2)))
            for t in tracklets
        ]
        whole = number == len(slices) - 1
        coverage = stream(of.name, exhibit_sha256=of.sha256, clock=of.clock) if whole else None
        progress = StreamProgress(facts, FaceCounts(), None)
        commit_slice(case, opened.id, IndexedSlice(number, tuple(indexed), progress), coverage=coverage)
