"""Every export format does what ``exporting/formats.py`` says, read back by the ecosystem's own readers."""

from __future__ import annotations

import importlib
import inspect
import math
import re
import sys
import tomllib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exported import READERS, ROUNDED, clocked, exported, material, outwards, spans_of
from fixed_results import appearance, stream
from retrofr import registry
from retrofr.errors import UsageError
from retrofr.exporting import formats
from retrofr.exporting.formats import FORMATS, Format
from retrofr.oversight.words import forbidden_words
from retrofr.results import Coverage

by_format = pytest.mark.parametrize("wanted", FORMATS, ids=lambda each: each.name)

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "a <b>bold</b> {\\an8} & --> 100 %.mp4",
    "two\n\n7\n00:00:01,000 --> 00:00:09,000\nlines\r\n.mp4",
    "../../outside.mp4",
    "/absolute/\u202etrue\x85.mp4",
    b"cam\xff.mp4".decode("utf-8", "surrogateescape"),
    "\U0001f3a5 " + "x" * 240 + ".mkv",
)
"""Names that a reader may take for something else."""


@by_format
def test_the_table_is_complete(wanted: Format) -> None:
    module = importlib.import_module(f"retrofr.exporting.{wanted.module}")
    assert (inspect.getdoc(module) or "").strip()
    assert list(inspect.signature(module.export).parameters) == ["material", "options", "output"]
    assert re.fullmatch(r"[a-z-]+", wanted.name)
    assert re.fullmatch(r"\.[a-z]+", wanted.suffix)
    assert 0 < len(wanted.summary) <= 60
    assert (wanted.extra is None) == (wanted.package is None)
    assert wanted.name in READERS


def test_names_are_told_apart_and_parts_of_others_go_on() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)
    assert set(registry.names("exporters")) <= set(formats.names())


@by_format
def test_requirement_29_times_come_back_exactly(wanted: Format) -> None:
    spans = [
        (Fraction(25, 2), Fraction(17)),
        (Fraction(1001, 30000), Fraction(90_001, 90_000)),
        (Fraction(3599), Fraction(36_001, 10)),
    ]
    files, _ = exported(wanted.name, clocked(spans))
    expected = outwards(spans) if wanted.name in ROUNDED else sorted(spans)
    assert READERS[wanted.name](files) == expected


TIMES = st.builds(Fraction, st.integers(0, 7_000_000), st.sampled_from([1000, 3000, 12_800, 30_000, 90_000]))


@by_format
@settings(max_examples=5, deadline=None)
@given(spans=st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=4))
def test_any_times_come_back_exactly(wanted: Format, spans: list[tuple[Fraction, Fraction]]) -> None:
    ordered = [(min(pair), max(pair) + Fraction(1, 90_000)) for pair in spans]
    files, _ = exported(wanted.name, clocked(ordered))
    expected = outwards(ordered) if wanted.name in ROUNDED else sorted(ordered)
    assert READERS[wanted.name](files) == expected


@by_format
def test_everything_is_in_it_or_said_not_to_be(wanted: Format) -> None:
    whole = material()
    files, said = exported(wanted.name, whole)
    found = READERS[wanted.name](files)
    if wanted.name == "timesketch":
        assert "2 of 5 appearances, without a wall clock" in said
        assert found == spans_of([a for a in whole.appearances if a.start_time])
    else:
        expected = spans_of(whole.appearances)
        assert found == (outwards(expected) if wanted.name in ROUNDED else expected)


@by_format
def test_what_was_not_searched_is_in_it_where_it_says_so(wanted: Format) -> None:
    whole = material(
        coverage=replace(
            material().coverage,
            streams=tuple(replace(s, clock=stream("cam1.mp4").clock) for s in material().coverage.streams),
        )
    )
    text = b"".join(exported(wanted.name, whole)[0].values())
    assert (b"3 damaged packets" in text) is wanted.states_coverage


@by_format
def test_the_same_records_make_the_same_bytes(wanted: Format) -> None:
    assert exported(wanted.name, material()) == exported(wanted.name, material())


@by_format
def test_nothing_found_still_says_what_was_searched(wanted: Format) -> None:
    files, said = exported(wanted.name, material(appearances=()))
    assert READERS[wanted.name](files) == []
    assert files or "2 exhibits without an appearance, which have no file" in said
    nothing, _ = exported(wanted.name, material(appearances=(), coverage=Coverage()))
    assert READERS[wanted.name](nothing) == [] if nothing else wanted.folder


@by_format
def test_hostile_names_are_only_text(wanted: Format) -> None:
    clock = clocked([(Fraction(0), Fraction(1))]).coverage.streams[0].clock
    found = tuple(
        appearance(n, 0.5, name, n, n + Fraction(1, 2), clock, probe=name, camera=name or None)
        for n, name in enumerate(HOSTILE, start=1)
    )
    covered = Coverage(tuple(stream(name, clock=clock) for name in HOSTILE))
    files, _ = exported(wanted.name, material(appearances=found, coverage=covered, case_name=HOSTILE[2]))
    assert READERS[wanted.name](files) == spans_of(found)
    for name, data in files.items():
        assert name.isprintable()
        assert all(len(part.encode()) <= 255 for part in name.split("/"))
        if not wanted.binary:
            data.decode("utf-8")


@by_format
def test_two_exhibits_of_one_name_stay_two(wanted: Format) -> None:
    one, two, three = (
        appearance(n, 0.5, name, n, n + 1, exhibit_sha256=f"{n:064x}")
        for n, name in enumerate(("cam1/a.mp4", "cam1/A.mkv", "cam1/a.mp4"), start=1)
    )
    files, _ = exported(wanted.name, material(appearances=(one, two, three), coverage=Coverage()))
    assert READERS[wanted.name](files) == spans_of([one, two, three])
    assert len({name.casefold() for name in files}) == len(files)


@by_format
def test_people_have_no_score(wanted: Format) -> None:
    person = appearance(0, math.nan, probe="", hit=False, person=7, search=None)
    files, _ = exported(wanted.name, material(appearances=(person,), search=None, coverage=Coverage()))
    assert READERS[wanted.name](files) == spans_of([person])
    text = b"".join(files.values()).lower()
    assert wanted.binary or not re.search(rb"\bnan\b", text)


@by_format
def test_pictures_are_not_in_it(wanted: Format) -> None:
    assert b"jpeg of rank" not in b"".join(exported(wanted.name, material())[0].values())


@by_format
def test_requirement_14_no_export_says_more_than_hit_or_candidate(wanted: Format) -> None:
    files, said = exported(wanted.name, material())
    text = b"".join(files.values()).decode("utf-8", "replace")
    for told in (text, wanted.summary, wanted.cannot, *files, *said):
        assert forbidden_words(told, ["suspect"]) == ()


@by_format
def test_requirement_14_an_export_tells_what_examiners_concluded(wanted: Format) -> None:
    told = "two examiners: inconclusive"
    first, *others = material().appearances
    whole = material(appearances=(replace(first, verdict=told), *others))
    assert told.encode() in b"".join(exported(wanted.name, whole)[0].values())


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match="no exporter is called 'xls'"):
        formats.find("xls")


@pytest.mark.parametrize("wanted", [each for each in FORMATS if each.package], ids=lambda each: each.name)
def test_a_missing_extra_is_named(wanted: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, wanted.package or "", None)
    with pytest.raises(UsageError, match=f"needs the package {wanted.package}") as caught:
        formats.load(wanted.name)
    assert caught.value.hint == f"`pip install 'retrofr[{wanted.extra}]'` installs it"


@by_format
def test_extras_are_those_of_the_project(wanted: Format) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    needed = [] if wanted.extra is None else [line.split(">")[0] for line in extras[wanted.extra]]
    assert needed == ([] if wanted.package is None else [wanted.package])
