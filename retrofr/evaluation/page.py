"""An evaluation as a folder: a page with plots that a person can read and print, and the figures as JSON.

The page stands alone: plots are in it, it fetches nothing and runs nothing. Its words are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrofr.documents import encoded, json_text
from retrofr.evaluation.measuring import Measured
from retrofr.evaluation.plots import (
    Draw,
    cmc_plot,
    det_plot,
    reliability_plot,
    score_plot,
    svg,
    tippett_plot,
)
from retrofr.pages import fill
from retrofr.pages.folder import write_folder

PAGE, DOCUMENT = "evaluation.html", "evaluation.json"
_TEMPLATE = "templates/evaluation.html"


@dataclass(frozen=True)
class Line:
    """A labelled sentence; ``warns`` where it tells of something a reader must not miss."""

    label: str
    text: str
    warns: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first column stands to the left."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"grid: expected {len(self.columns)} cells in every row")


@dataclass(frozen=True)
class Section:
    """A part of a report: sentences, tables, then labelled sentences; ``key`` says which plots stand in it."""

    title: str
    lines: tuple[Line, ...] = ()
    grids: tuple[Grid, ...] = ()
    texts: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Plot:
    """A picture as SVG text, what it is called, and how to read it."""

    title: str
    text: str
    svg: str


def plots_of(measured: Measured) -> dict[str, list[Plot]]:
    """All plots that the data can carry, by the key of the section where they belong."""
    thresholds = [(p.fmr, p.threshold) for p in measured.verification if p.threshold is not None]
    wanted: list[tuple[str, Draw | None, str, str]] = [
        (
            "comparisons",
            det_plot(measured.det, measured.verification),
            "DET",
            "How many comparisons of one person are missed (FNMR) where so many of two people are not (FMR). "
            "Lower is better.",
        ),
        (
            "comparisons",
            score_plot(measured.histogram, thresholds),
            "Scores",
            "How scores of one person and of two people lie. Where they overlap, errors cannot be avoided.",
        ),
        (
            "searches",
            cmc_plot(measured.cmc),
            "CMC",
            "How often the person is among the first so many candidates, whatever their score.",
        ),
        (
            "evidence",
            tippett_plot(measured.held_out),
            "Tippett",
            "Which share of held-out comparisons has at least that likelihood ratio. Right of 0 the dashed line is "
            "misleading evidence, left of 0 what the solid one lacks is.",
        ),
        (
            "evidence",
            reliability_plot(measured.held_out),
            "Reliability",
            "The likelihood ratio that held-out comparisons give, over the one that was stated for them. On the "
            "dotted line both are the same; below it on the right, more was stated than is so.",
        ),
    ]
    found: dict[str, list[Plot]] = {}
    for key, draw, title, text in wanted:
        if draw is not None:
            found.setdefault(key, []).append(Plot(title, text, svg(draw, title)))
    return found


def page(title: str, subtitle: str, sections: Sequence[Section], plots: Mapping[str, Sequence[Plot]]) -> str:
    """The page as HTML; everything but the plots is escaped."""
    parts = [
        {
            "title": section.title,
            "texts": section.texts,
            "rows": section.lines,
            "tables": section.grids,
            "plots": plots.get(section.key, ()) if section.key else (),
        }
        for section in sections
    ]
    values = {"title": title, "subtitle": subtitle, "sections": parts}
    return fill("retrofr.evaluation", _TEMPLATE, values)


def write_evaluation(text: str, document: Mapping[str, Any], folder: Path) -> list[str]:
    """Write a page and its figures; gives the names written.

    Args:
        text: from :func:`page`.
        document: the figures as plain values.
        folder: new or empty.

    Raises:
        OutputError: it is no folder, is not empty, or cannot be written to; then nothing new is left in it.
    """
    return write_folder(
        {DOCUMENT: encoded(json_text(document, indent=2) + "\n"), PAGE: encoded(text)}, folder
    )
