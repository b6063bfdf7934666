"""A comparison of two pictures for a person, in the words of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrofr.results import LEADS_ONLY

from .coverage import Row
from .oversight_view import authority_line
from .render import GUTTER, print_rows
from .statement_view import error_rate, evidence_text, measured_on, threshold_row, unknown_row
from .text import shown

if TYPE_CHECKING:
    from retrofr.comparing import ComparedFace, PictureComparison


def print_comparison(console: Console, result: PictureComparison, written: str | None = None) -> None:
    """Print both faces, their score, and what it says."""
    table = Table(box=None, padding=(0, GUTTER, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("picture", overflow="fold")
    for title in ("eyes", "sharpness", "turn"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("face", overflow="fold")
    for face in result.faces:
        quality = face.image.quality
        measures = (
            f"{quality.eye_distance_pixels:.0f} px",
            f"{quality.sharpness:.2f}",
            f"{quality.yaw:.2f}",
        )
        table.add_row(face.name, Text(shown(str(face.image.path))), *measures, _box(face))
    console.print()
    console.print(table)
    for face in result.faces:
        if poor := (*face.image.quality.problems, *face.image.quality.warnings):
            console.print(Text(f"{face.name}: {shown('; '.join(poor))}", style="yellow"))
    console.print()
    rows = comparison_rows(result)
    print_rows(console, rows if written is None else [*rows, Row("written", written)])
    console.print()
    console.print(Text(authority_line(result.run)))
    console.print(Text(LEADS_ONLY, style="italic"))


def comparison_rows(result: PictureComparison) -> list[Row]:
    """What is said of a comparison beside its faces, in order."""
    threshold = result.threshold
    rows = [
        Row(
            "score",
            f"{result.score:.3f}, {'at or above' if result.reaches_threshold else 'below'} the threshold",
        ),
        Row("evidence", evidence_text(result.evidence)),
        threshold_row(threshold.score, threshold.source, overridden=threshold.overridden),
    ]
    if threshold.point is None or threshold.points is None:
        rows.append(unknown_row(threshold.operating.reason))
    else:
        rows.append(Row("error rate", error_rate(threshold.point)))
        rows.append(Row("measured on", measured_on(threshold.points.data, threshold.operating.origin)))
    return [*rows, Row("device", shown(str(result.run["device"])))]


def _box(face: ComparedFace) -> str:
    x1, y1, x2, y2 = (round(float(side)) for side in face.image.box)
    return f"x {x1} to {x2}, y {y1} to {y2}"
