"""What the commands that measure give out: a report on stdout or JSON, and a folder with a page."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .text import shown

if TYPE_CHECKING:
    from retrofr.evaluation.measuring import Measured
    from retrofr.evaluation.page import Section


TERMS = (
    ("mated, non-mated", "comparisons of two pictures of one person, of two people"),
    ("FMR", "share of non-mated comparisons at or above the threshold"),
    ("FNMR, TMR", "share of mated comparisons below the threshold; TMR is the rest"),
    ("FPIR", "share of searches that give a false candidate"),
    ("FNIR", "share of searches of who is there that do not give them"),
    ("LR", "likelihood ratio: how much more a score is to be expected of one person than of two"),
    ("Cllr", "what likelihood ratios cost: 0 is perfect, 1 is what saying nothing costs"),
    ("[a, b]", "95 % interval; where no error was seen, or nothing else, only the bound is told"),
)


def write_out(
    sections: Sequence[Section], measured: Measured, document: Mapping[str, Any], title: str, folder: Path
) -> str:
    """Write page and figures; gives what was written, for a person."""
    from retrofr.evaluation.page import Line, Section, page, plots_of, write_evaluation

    run = document["run"]
    system = f"{run['embedder']['name']} with detector {run['detector']['name']}"
    subtitle = f"{system}, retrofr {run['versions']['retrofr']}, {run['finished']}"
    terms = Section("Terms", tuple(Line(label, words) for label, words in TERMS))
    text = page(title, subtitle, [*sections, terms], plots_of(measured))
    return f"{shown(str(folder))}: {', '.join(write_evaluation(text, document, folder))}"


def print_report(
    sections: Sequence[Section], document: Mapping[str, Any], format_name: str, written: str | None
) -> None:
    """Print a report, or its document."""
    from .output import table_output, writing_to_stdout

    with writing_to_stdout():
        if format_name == "json":
            from retrofr.documents import encoded, json_text

            sys.stdout.flush()
            sys.stdout.buffer.write(encoded(json_text(document, indent=2) + "\n"))
            return
        from .evaluation_view import print_sections

        with table_output(sys.stdout) as console:
            print_sections(console, sections, written)
