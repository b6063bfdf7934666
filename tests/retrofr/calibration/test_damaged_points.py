"""A file of operating points that was altered or damaged tells no false error rates: it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr.calibration.operating import (
    OperatingPoints,
    parse_operating_points,
    read_operating_points,
    write_operating_points,
)
from retrofr.calibration.points import Condition, DataFacts, FmrPoint, Likelihood
from retrofr.errors import SettingsError

FILE = "points.toml"


def made() -> OperatingPoints:
    """Three thresholds, a table of densities, one condition with an isotonic calibration."""
    rows = ((0.0, 1000, 0.0), (0.5, 10, 0.1), (0.9, 0, 0.5))
    isotonic = {"scores": [0.0, 0.5, 1.0], "probabilities": [0.1, 0.5, 0.9]}
    density = {"low": 0.0, "high": 1.0, "ratios": [-2.0, 0.0, 2.0]}
    return OperatingPoints(
        {"name": "made", "comparison_key": "a" * 64, "detector": "yunet"},
        DataFacts("made", "photos", 40, 20, 100, 1000, "2026-01-01", "made", "none"),
        tuple(
            FmrPoint(
                *(score, errors / 1000, errors / 1100, min(1.0, (errors + 4) / 900), errors, 1000),
                *(fnmr, fnmr / 2, fnmr + 0.04),
            )
            for score, errors, fnmr in rows
        ),
        Likelihood("kde", density, -1.5, 1.5, 0.2, 0.19, 100, 1000, {"kde": 0.2}),
        (
            Condition(
                *("yaw", 0.0, 0.5, 100, 1000, ((0.01, 0.1, 0.05, 0.2),)),
                Likelihood("isotonic", isotonic, -1.0, 1.0, 0.2, 0.19, 100, 1000),
            ),
        ),
    )


@pytest.fixture
def text(tmp_path: Path) -> str:
    write_operating_points(made(), tmp_path / FILE)
    return (tmp_path / FILE).read_text(encoding="utf-8")


def altered(text: str, section: str, field: str, value: str) -> str:
    """The first such field after a heading has another value."""
    at = text.index(section)
    pattern = rf"^{field} = .*$"
    changed, count = re.subn(pattern, f"{field} = {value}", text[at:], count=1, flags=re.M)
    assert count == 1
    return text[:at] + changed


@pytest.mark.parametrize(
    ("section", "field", "value", "reason"),
    [
        ("[data]", "non_mated", "0", "non_mated is 0, and error rates need comparisons of different people"),
        ("[data]", "non_mated", "-3", "non_mated is not a count"),
        ("[data]", "people", '"many"', "people is not a count"),
        ("[data]", "photos", "true", "photos is not a count"),
        ("[data]", "name", "7", "name is not a text"),
        ("[data]", "non_mated", "1000000", "threshold 1: non_mated is not that of the data"),
        ("score = 0.5", "fmr", "0.00001", "threshold 2: fmr is not 10 of 1000"),
        ("score = 0.5", "errors", "1", "threshold 2: fmr is not 1 of 1000"),
        ("score = 0.5", "high", "0.001", "threshold 2: fmr is not inside its interval"),
        ("score = 0.5", "fnmr", "0.9", "threshold 2: fnmr is not inside its interval"),
        ("score = 0.5", "low", "nan", "low is not a number"),
        ("score = 0.9", "high", "0.0", "threshold 3: no error was seen, and the bound is missing"),
        ("score = 0.5", "score", '"high"', "threshold 2: score is not a number"),
        ("[likelihood]", "llr_high", "inf", "bounds: expected low <= 0 <= high"),
        ("[likelihood]", "cllr", "[]", "likelihood: cllr is not a number"),
        ("[likelihood]", "parameters", "{ low = 1.0, high = 0.0, ratios = [1.0] }", "expected low <= high"),
        ("[[condition]]", "high", "1979-01-01", "condition: high is not a number"),
        ("[[condition]]", "high", "-1.0", "condition: yaw has no range"),
        ("[[condition]]", "fnmr", "[[0.01, 0.1]]", "fnmr has not four numbers a row"),
        (
            "[condition.likelihood]",
            "parameters",
            "{ scores = [1.0, 0.0], probabilities = [0.1, 0.9] }",
            "expected rising scores",
        ),
        (
            "[condition.likelihood]",
            "parameters",
            "{ scores = [0.0, 1.0], probabilities = [0.1, 1.9] }",
            "expected probabilities that rise from 0 to 1",
        ),
    ],
)
def test_figures_that_contradict_each_other_are_refused(
    text: str, section: str, field: str, value: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(reason)) as caught:
        parse_operating_points(altered(text, section, field, value), FILE)
    assert caught.value.subject == FILE
    assert caught.value.exit_code == 2


def test_an_error_rate_that_rises_with_the_score_is_refused(text: str) -> None:
    low, high = text.index("[[threshold]]\nscore = 0.5"), text.index("[[threshold]]\nscore = 0.9")
    end = text.index("[[condition]]")
    swapped = text[:low] + text[high:end].replace("score = 0.9", "score = 0.5")
    swapped += text[low:high].replace("score = 0.5", "score = 0.9") + text[end:]
    with pytest.raises(SettingsError, match="threshold 3: an error rate goes the wrong way"):
        parse_operating_points(swapped, FILE)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00schema")
    with pytest.raises(SettingsError, match="is not a text file"):
        read_operating_points(tmp_path / FILE)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_operating_points(tmp_path)


values = st.sampled_from(["nan", "inf", "-1", "0", "1.5", "true", '"x"', "[]", "{}", "1979-01-01"])


@given(st.data())
def test_a_damaged_line_is_refused_or_does_no_harm(data: st.DataObject) -> None:
    """No other error, now or when the points are used; and no rate but that of the counts."""
    lines = _written(made()).split("\n")
    place = data.draw(st.integers(0, len(lines) - 1))
    damage: Callable[[], list[str]] = data.draw(
        st.sampled_from(
            [
                lambda: lines[:place] + lines[place + 1 :],
                lambda: [*lines[:place], lines[place], *lines[place:]],
                lambda: lines[:place],
            ]
        )
    )
    damaged = damage()
    if data.draw(st.booleans()):
        new = re.sub("= .*", lambda _: f"= {data.draw(values)}", lines[place])
        damaged = [*lines[:place], new, *lines[place + 1 :]]
    try:
        points = parse_operating_points("\n".join(damaged), FILE)
    except SettingsError:
        return
    for point in points.thresholds:
        assert point.fmr == pytest.approx(point.errors / 1000, abs=1e-9)
    assert points.fmr_at(0.7).fmr <= 1
    assert points.lowest_fmr == 0.003
    for score in (-1.0, 0.3, 2.0):
        told = points.llr(score, {"yaw": 0.2})
        assert told.llr is None or np.isfinite(told.llr)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(texts, st.dictionaries(texts, st.one_of(texts, st.integers(0, 9), st.booleans(), st.lists(texts))))
def test_any_text_and_any_name_come_back(text: str, more: dict[str, object]) -> None:
    points = made()
    system = {**more, "set": more, **points.system}
    written = replace(points, system=system, data=replace(points.data, conditions=text))
    again = parse_operating_points(_written(written), FILE)
    assert again.data == written.data
    assert again.system == system
    assert again.thresholds == written.thresholds


def test_a_file_name_that_is_no_utf_8_is_written_visibly() -> None:
    points = made()
    written = _written(replace(points, data=replace(points.data, command="calibrate \udcff")))
    assert parse_operating_points(written, FILE).data.command == "calibrate \\udcff"


def _written(points: OperatingPoints) -> str:
    from retrofr.calibration import operating

    return "\n".join(operating._lines(points)) + "\n"
