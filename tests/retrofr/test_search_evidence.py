"""A whole search with operating points: what it states, what its hits are worth, what a case remembers of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import retrofr
from clips import make_clip, numbered_picture
from fakes import COLOURS, ColourEmbedder, draw_face, scene
from fixed_results import operating_points
from retrofr.calibration import operating
from retrofr.calibration.operating import OperatingPoints, write_operating_points
from retrofr.case import create_case, searches
from retrofr.case_search import search_case
from retrofr.errors import UsageError
from retrofr.indexing import index
from retrofr.operating import CASE_FILE
from retrofr.records import Pixels
from retrofr.scoring import Scorer, comparison_key
from retrofr.settings import Settings
from retrofr.timeline import timeline

Parts = dict[str, dict[str, Any]]


@pytest.fixture
def key() -> str:
    """What the fake embedder's operating points are keyed to."""
    from fakes import NoSettings

    return comparison_key(Scorer([ColourEmbedder()], [NoSettings()]).identity())


@pytest.fixture
def points(key: str) -> OperatingPoints:
    return operating_points(key)


@pytest.fixture
def default_points(points: OperatingPoints, monkeypatch: pytest.MonkeyPatch) -> OperatingPoints:
    """They come with retrofr, for this test."""
    monkeypatch.setattr(operating, "default_operating_points", {points.system["comparison_key"]: points}.get)
    return points


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a large red face and a small red one."""

    def picture(number: int, width: int, height: int) -> Pixels:
        image = np.ascontiguousarray(numbered_picture(number, width, height))
        draw_face(image, COLOURS["red"], 40, 60, 60)
        draw_face(image, COLOURS["red"], 200, 60, 30)
        return image

    return make_clip(tmp_path / "cam1.mp4", frames=50, picture=picture)


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80)
    path = tmp_path / "red.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def settings(fake_parts: Parts) -> Callable[..., Settings]:
    return lambda **search: Settings.from_mapping({**fake_parts, "search": search})


def test_a_search_by_error_rate(
    clip: Path, probe: Path, settings: Any, default_points: OperatingPoints
) -> None:
    result = retrofr.search([clip], [probe], settings=settings(fmr=2e-5))
    stated = result.statement
    assert (result.threshold, stated.source) == (0.5, "for an FMR of at most 2e-05")
    assert (stated.point, stated.data) == (default_points.thresholds[1], default_points.data)
    assert (stated.compared, stated.compared_faces, stated.origin) == (2, 2, "default of retrofr")
    assert stated.each_probe is not None
    assert stated.each_probe.expected == pytest.approx(2 / 201_792)
    large, small = sorted(result.hits, key=lambda hit: -hit.eye_distance_pixels)
    assert large.evidence is not None
    assert small.evidence is not None
    assert (large.evidence.llr, large.evidence.at_bound) == (3.0, True)
    assert large.evidence.band == "moderately strong support for one person rather than two"
    assert small.evidence.llr is None
    reason = "not validated for this condition (12 px between the eyes; enough data from 20)"
    assert small.evidence.reason == reason


def test_the_worse_face_may_be_the_probes(
    clip: Path, tmp_path: Path, settings: Any, default_points: OperatingPoints
) -> None:
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80, 30)
    Image.fromarray(image).save(tmp_path / "small.png")
    result = retrofr.search([clip], [tmp_path / "small.png"], settings=settings(fmr=2e-5))
    assert {hit.evidence.llr for hit in result.hits if hit.evidence} == {None}
    # Of several pictures the one that a face is most like counts; both are alike here, and the first is taken.
    both = [f"red={tmp_path / 'small.png'}", f"red={tmp_path / 'large.png'}"]
    large = scene()
    draw_face(large, tuple(c + 8 for c in COLOURS["red"]), 100, 80)  # type: ignore[arg-type]
    Image.fromarray(large).save(tmp_path / "large.png")
    result = retrofr.search([clip], both, settings=settings(fmr=2e-5))
    assert len(result.hits) == 2
    assert "up to 2 pictures" in result.statement.notes[-1]


def test_requirement_15_a_target_that_the_data_cannot_support_is_refused(
    clip: Path, probe: Path, settings: Any, default_points: OperatingPoints
) -> None:
    with pytest.raises(UsageError) as refused:
        retrofr.search([clip], [probe], settings=settings(fmr=1e-6))
    assert str(refused.value) == (
        "--fmr: an FMR of 1e-06 is below what the calibration data can support: 201,792 non-mated comparisons of 80 "
        "people carry no claim below 1.5e-05\n"
        "the lowest target here is --fmr 1.5e-05; more labelled photos support lower ones"
    )


def test_a_file_may_be_named(
    clip: Path, probe: Path, settings: Any, points: OperatingPoints, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    write_operating_points(points, file)
    result = retrofr.search([clip], [probe], settings=settings(fmr=1e-4, operating_points=str(file)))
    assert result.statement.origin == f"file {file}"
    assert result.statement.point == points.thresholds[0]


def test_requirement_11_a_file_of_another_embedder_is_an_error(
    clip: Path, probe: Path, settings: Any, points: OperatingPoints, tmp_path: Path
) -> None:
    file = tmp_path / "other.toml"
    write_operating_points(
        replace(points, system={**points.system, "comparison_key": "f" * 64, "name": "other"}), file
    )
    with pytest.raises(UsageError, match="is for other with other weights or settings than fake has here"):
        retrofr.search([clip], [probe], settings=settings(fmr=1e-4, operating_points=str(file)))


def test_a_case_has_its_own_and_remembers_what_was_stated(
    clip: Path, probe: Path, settings: Any, points: OperatingPoints, tmp_path: Path
) -> None:
    with create_case(tmp_path / "case") as case:
        index([clip], case, settings=settings(threshold=0.5))
        write_operating_points(points, tmp_path / "case" / CASE_FILE)
        result = search_case(case, [probe], settings=settings(fmr=1e-4))
        assert result.statement.origin == f"{tmp_path / 'case' / CASE_FILE}, beside the case"
        assert result.statement.point == points.thresholds[0]
        records = {hit.tracklet: hit.evidence for hit in timeline(case)}
        assert records == {hit.tracklet: hit.evidence for hit in result.hits}
        assert {evidence.llr for evidence in records.values() if evidence} == {3.0, None}
        (kept,) = searches(case)
        assert kept.run["statement"]["operating_point"]["fmr"] == points.thresholds[0].fmr
        assert kept.run["statement"]["threshold"]["asked_fmr"] == 1e-4
        write_operating_points(
            replace(points, system={**points.system, "comparison_key": "f" * 64}),
            tmp_path / "case" / CASE_FILE,
        )
        with pytest.raises(UsageError, match="with other weights or settings than fake has here"):
            search_case(case, [probe], settings=settings(threshold=0.5))
