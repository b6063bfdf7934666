"""An evaluation on footage in words and tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrofr.evaluation.page import Line, Section

from .coverage import footage_rows
from .evaluation_words import (
    MOST_NAMES,
    cluster_line,
    held_out_section,
    in_force_section,
    measured_sections,
    rate,
)
from .text import counted, enumerated, shown

if TYPE_CHECKING:
    from retrofr.evaluation.footage import FootageEvaluation


def footage_sections(evaluation: FootageEvaluation) -> list[Section]:
    """An evaluation on footage."""
    coverage = footage_rows(
        evaluation.coverage,
        "--format json",
        clocks_said=(),
        meant="the footage that was named",
        digested="search",
    )
    return [
        Section("Material", tuple(_material(evaluation))),
        Section("Coverage", tuple(Line(row.label, row.text, row.warns) for row in coverage)),
        Section("Faces and tracklets", tuple(_seen(evaluation))),
        _threshold(evaluation),
        *measured_sections(evaluation.measured, "one probe against one tracklet"),
        in_force_section(evaluation.in_force),
        held_out_section(evaluation.measured.held_out),
    ]


def _material(evaluation: FootageEvaluation) -> Iterator[Line]:
    truth, probes = evaluation.truth, evaluation.probes
    kind = "boxes of faces" if truth.has_boxes else "scenes"
    people = counted(len(truth.people), "person", "people")
    recordings = counted(evaluation.recordings, "recording")
    yield Line("material", f"{recordings}, {people} in them: {shown(str(truth.source))} ({kind})")
    names = enumerated([shown(name) for name in probes], MOST_NAMES)
    yield Line("probes", f"{counted(len(probes), 'person', 'people')}: {names}")
    if evaluation.absent:
        names = enumerated([shown(name) for name in evaluation.absent], MOST_NAMES)
        yield Line("", f"searched for and nowhere in the truth: {names}")
    for each in evaluation.unusable:
        yield Line("not usable", f"{shown(each.subject)}: {shown(each.reason)}", warns=True)
    yield Line("device", shown(str(evaluation.run["device"])))


def _seen(evaluation: FootageEvaluation) -> Iterator[Line]:
    seen = evaluation.seen
    how = (
        "" if seen.by_boxes else "; counted, not placed (the truth has no boxes): the least that were missed"
    )
    yield Line(
        "missed", f"{rate(seen.missed, 'faces')} in {counted(seen.looks, 'frame')} that were looked at{how}"
    )
    yield Line("false", f"a face where nobody is: {rate(seen.false, 'frames')}")
    yield Line("no tracklet", f"somebody is there and no tracklet is theirs: {rate(seen.absent, 'times')}")
    known = f"{evaluation.labelled:,} of {counted(evaluation.tracklets, 'tracklet')} known whose they are"
    yield Line("tracklets", f"{known}; not of their own person: {rate(evaluation.impure, 'sightings')}")
    yield cluster_line(evaluation.clusters)


def _threshold(evaluation: FootageEvaluation) -> Section:
    found, threshold = evaluation.at_threshold, evaluation.threshold
    count = counted(len(evaluation.probes), "search", "searches")
    lines = (
        Line("threshold", f"{threshold.score:.3f}, {shown(threshold.source)}", warns=threshold.overridden),
        Line("FPIR", f"a false candidate: {rate(found.fpir, 'searches')}; {found.false_candidates:,} in all"),
        Line("FNIR", f"nothing of who is there: {rate(found.fnir, 'searches')}"),
        Line(
            "appearances",
            f"missed: {rate(evaluation.appearances, 'times somebody who is looked for is there')}",
        ),
    )
    title = f"{count} as they would be run, each among {found.entries:,.0f} tracklets of others on average"
    return Section(title, lines)
