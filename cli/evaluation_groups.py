"""Error rates by groups, in words and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrofr.evaluation.page import Grid, Line, Section

from .evaluation_words import MOST_NAMES, cell
from .text import counted, enumerated, shown

if TYPE_CHECKING:
    from retrofr.evaluation.grouping import AtThreshold, GroupFigures
    from retrofr.rates.groups import EveryGroup


def group_sections(groups: GroupFigures) -> list[Section]:
    """Rates by groups, and the thresholds that every group would need."""
    sections = []
    for at in groups.at:
        rows = tuple(
            (
                shown(each.group),
                f"{each.people:,}{' (few)' if each.small else ''}",
                cell(each.fmr),
                cell(each.fnmr),
            )
            for each in at.rates
        )
        title = f"Groups at threshold {at.threshold:.3f} (FMR {at.fmr:g} over all people)"
        sections.append(Section(title, _apart(at), (Grid(("group", "people", "FMR", "FNMR"), rows),)))
    lines = [_every(each) for each in groups.every_group]
    if groups.unlabelled:
        names = enumerated([shown(name) for name in groups.unlabelled], MOST_NAMES)
        lines.append(Line("no group", f"{counted(len(groups.unlabelled), 'person', 'people')}: {names}"))
    sections.append(Section("A threshold for every group", tuple(lines)))
    return sections


def _every(every: EveryGroup) -> Line:
    label = f"FMR {every.fmr:g}"
    if every.threshold is not None:
        return Line(
            label, f"met in every group from {every.threshold:.3f} on; {shown(every.deciding or '')} decides"
        )
    reasons = [f"{shown(group)}: {reason}" for group, reason in every.insufficient]
    return Line(label, f"cannot be said: {'; '.join(reasons)}", warns=True)


def _apart(at: AtThreshold) -> tuple[Line, ...]:
    lines = []
    for name, apart in (("FMR", at.fmr_apart), ("FNMR", at.fnmr_apart)):
        if apart.max_over_geometric_mean is None:
            lines.append(Line(name, "insufficient data to say how far groups are apart"))
            continue
        bounded = (
            f"; without an error, by its bound: {', '.join(map(shown, apart.bounded))}"
            if apart.bounded
            else ""
        )
        ratio = f"worst over geometric mean {apart.max_over_geometric_mean:.2f} ({shown(apart.worst or '')})"
        lines.append(Line(name, ratio + bounded))
    return tuple(lines)
