"""Every registered exporter does what ``exporters/base.py`` says."""

from __future__ import annotations

import io
import math
from types import ModuleType
from typing import Any

import pytest

from fixed_results import appearance, search_result
from retrofr import registry
from retrofr.exporters.base import Exporter
from retrofr.results import Coverage
from retrofr.settings import StageSettings


@pytest.fixture(params=registry.names("exporters"))
def part(request: pytest.FixtureRequest) -> ModuleType:
    return registry.load("exporters", request.param)


@pytest.fixture
def exporter(part: ModuleType) -> Exporter:
    built: Exporter = part.build(part.SETTINGS())
    return built


def written(exporter: Exporter, method: str, *arguments: Any) -> bytes:
    file = io.BytesIO()
    getattr(exporter, method)(*arguments, file)
    return file.getvalue()  # raises where the exporter closed what it was given


def test_the_formats_of_the_command_line_are_there() -> None:
    assert {"csv", "json", "jsonl"} <= set(registry.names("exporters"))


def test_settings_are_a_stage_of_the_exporters_name(part: ModuleType, exporter: Exporter) -> None:
    assert issubclass(part.SETTINGS, StageSettings)
    assert part.SETTINGS.stage == exporter.name
    assert exporter.suffix == f".{exporter.name}"


def test_what_it_writes_is_utf8_and_the_same_each_time(exporter: Exporter) -> None:
    result = search_result()
    first = written(exporter, "write", result)
    assert written(exporter, "write", result) == first
    assert "night – deck 3" in first.decode("utf-8")


def test_every_appearance_is_in_it(exporter: Exporter) -> None:
    result = search_result()
    text = written(exporter, "write", result).decode()
    records = written(exporter, "write_appearances", (*result.hits, *result.candidates)).decode()
    for schema, number in (("retrofr.hit/1", 3), ("retrofr.candidate/1", 2)):
        assert text.count(schema) == number
        assert records.count(schema) == number


def test_nothing_found_is_not_nothing_written(exporter: Exporter) -> None:
    empty = search_result(hits=(), candidates=(), coverage=Coverage())
    assert b"retrofr.hit" not in written(exporter, "write", empty)
    assert bool(written(exporter, "write", empty))


def test_coverage_is_stated_where_it_says_so(exporter: Exporter) -> None:
    stated = b"none of it could be searched" in written(exporter, "write", search_result())
    assert stated is exporter.states_coverage


def test_a_file_name_that_is_not_utf8_is_no_obstacle(exporter: Exporter) -> None:
    odd = appearance(1, 0.5, exhibit=b"cam\xff.mp4".decode("utf-8", "surrogateescape"))
    text = written(exporter, "write_appearances", (odd,)).decode("utf-8")
    assert "cam\\udcff.mp4" in text


def test_an_appearance_without_a_probe_has_no_score(exporter: Exporter) -> None:
    person = appearance(0, math.nan, probe="", hit=False, person=7)
    text = written(exporter, "write_appearances", (person,)).decode()
    assert text.count("retrofr.person_appearance/1") == 1
    assert "nan" not in text.lower()


def test_pictures_are_not_in_it(exporter: Exporter) -> None:
    assert b"jpeg of rank" not in written(exporter, "write", search_result())
