"""The page of an evaluation stands alone, and shows only what the data can carry."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from retrofr.errors import OutputError
from retrofr.evaluation.measuring import Measured, measure
from retrofr.evaluation.page import Grid, Line, Section, page, plots_of, write_evaluation
from retrofr.pages.folder import check_folder
from retrofr.rates.comparisons import FAILED, all_pairs
from retrofr.rates.identification import Searches


@pytest.fixture(scope="module")
def measured() -> Measured:
    random = np.random.default_rng(0)
    whose = np.repeat(np.arange(24), 5).astype(np.int64)
    scores = random.normal(size=(120, 120)) + 3.5 * (whose[:, None] == whose[None])
    scores = (scores + scores.T) / 2
    searches = Searches(scores, whose, whose, np.eye(120, dtype=bool))
    return measure(all_pairs(scores, whose), searches, (1e-2, 1e-3))


def html(measured: Measured) -> str:
    sections = [
        Section("A <b>title</b>", (Line("x", "1 < 2 & more", warns=True),), key="comparisons"),
        Section("Searches", grids=(Grid(("FMR", "FPIR"), (("0.01", "–"),), "what"),), key="searches"),
        Section("Evidence", texts=("said",), key="evidence"),
    ]
    return page("Error rates", "system", sections, plots_of(measured))


def test_every_plot_is_well_formed_and_has_its_own_ids(measured: Measured) -> None:
    text = html(measured)
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawn) == 5
    for svg in drawn:
        root = ET.fromstring(svg)
        assert root.attrib["role"] == "img"
        assert "width" not in root.attrib
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) > 0
    used = {*re.findall(r'href="#([^"]*)"', text), *re.findall(r"url\(#([^)]*)\)", text)}
    assert used <= set(ids)


def test_the_page_fetches_and_runs_nothing(measured: Measured) -> None:
    text = html(measured)
    addresses = set(re.findall(r"https?://[^\"'\s<>]*", text))
    assert addresses <= {"http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|<iframe|@import|\bsrc=|\bon\w+=", text)
    assert "prefers-color-scheme: dark" in text
    assert "#123456" not in text


def test_words_are_escaped(measured: Measured) -> None:
    text = html(measured)
    assert "<h2>A &lt;b&gt;title&lt;/b&gt;</h2>" in text
    assert '<dd class="warn">1 &lt; 2 &amp; more</dd>' in text
    assert "<caption>what</caption>" in text
    assert "<td>0.01</td><td>–</td>" in text


def test_the_same_figures_give_the_same_page(measured: Measured) -> None:
    assert html(measured) == html(measured)


def test_what_cannot_be_drawn_is_left_out() -> None:
    scores, whose = np.full((2, 2), FAILED), np.array([0, 1])
    searches = Searches(scores, whose, whose, np.eye(2, dtype=bool))
    nothing = measure(all_pairs(scores, whose), searches, (1e-2,))
    assert plots_of(nothing) == {}
    assert "<svg" not in html(nothing)


def test_a_grid_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="expected 2 cells in every row"):
        Grid(("a", "b"), (("1",),))


def test_a_folder_takes_both_files_once(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    check_folder(out)
    assert write_evaluation("page", {"a": 1}, out) == ["evaluation.json", "evaluation.html"]
    assert (out / "evaluation.json").read_text() == '{\n  "a": 1\n}\n'
    with pytest.raises(OutputError, match="is not empty, and nothing is overwritten"):
        write_evaluation("other", {}, out)
    assert (out / "evaluation.html").read_text() == "page"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        check_folder(tmp_path / "file")
