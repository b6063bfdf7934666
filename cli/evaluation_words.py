"""An evaluation in words and tables, for a terminal and for a page: what was measured and what the data cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from retrofr.evaluation.page import Grid, Line, Section

from .statement_view import measured_on, small
from .text import counted, enumerated, shown

if TYPE_CHECKING:
    from retrofr.evaluation.evaluating import Acquisition, Clusters, Evaluation
    from retrofr.evaluation.held_out import HeldOut, Observed
    from retrofr.evaluation.labels import Exclusion
    from retrofr.evaluation.material import LeftOut, PhotoMaterial
    from retrofr.evaluation.measuring import InForce, Measured
    from retrofr.rates.intervals import Share

MOST_NAMES = 6


def photo_sections(evaluation: Evaluation) -> list[Section]:
    """An evaluation of photos."""
    from .evaluation_groups import group_sections

    material = [
        *material_lines(evaluation.material),
        *_exclusions(evaluation),
        *acquisition_lines(evaluation.acquisition),
        Line("device", shown(str(evaluation.run["device"]))),
    ]
    sections = [
        Section("Material", tuple(material)),
        *measured_sections(evaluation.measured, "one photo against one photo"),
        in_force_section(evaluation.in_force),
        held_out_section(evaluation.measured.held_out),
        Section("Clustering", (cluster_line(evaluation.clusters),)),
    ]
    return sections + ([] if evaluation.groups is None else group_sections(evaluation.groups))


def material_lines(material: PhotoMaterial) -> Iterator[Line]:
    """What was measured on."""
    size = f"{counted(len(material.photos), 'photo')} of {counted(len(material.names), 'person', 'people')}"
    yield Line("material", f"{size}: {shown(str(material.folder))} ({shown(material.source)})")
    if material.unreadable:
        count = counted(len(material.unreadable), "photo")
        names = left_out(material.unreadable)
        yield Line("not read", f"{count} cannot be read, and nothing is said of them: {names}", warns=True)
    if material.left_out:
        yield Line("left out", left_out(material.left_out))


def left_out(items: Sequence[LeftOut]) -> str:
    """What was not used, and why."""
    return enumerated([f"{shown(each.subject)} ({shown(each.reason)})" for each in items], MOST_NAMES)


def _exclusions(evaluation: Evaluation) -> Iterator[Line]:
    if evaluation.exclusions:
        yield exclusion_line(evaluation.exclusions)
    if evaluation.strangers:
        names = enumerated([shown(name) for name in evaluation.strangers], MOST_NAMES)
        yield Line("", f"named to be excluded, and not among these people: {names}", warns=True)


def exclusion_line(exclusions: Sequence[Exclusion]) -> Line:
    """Which pairs of people do not count."""
    pairs = enumerated([" and ".join(map(shown, each.people)) for each in exclusions], MOST_NAMES)
    count = counted(len(exclusions), "pair")
    return Line("excluded", f"{count} of people whose labels are in doubt: {pairs}")


def acquisition_lines(acquisition: Acquisition) -> Iterator[Line]:
    """What became of the photos."""
    failed = acquisition.failed
    yield Line("no template", f"{rate(failed, 'photos')}; their comparisons count as below every threshold")
    if failed.errors:
        reasons = Counter(each.reason for each in acquisition.failures).most_common()
        yield Line("", "; ".join(f"{counted(n, 'photo')}: {shown(why)}" for why, n in reasons))
    if acquisition.unfit:
        reasons = Counter(each.reason for each in acquisition.unfit).most_common()
        why = enumerated([f"{shown(reason)} ({n:,})" for reason, n in reasons], MOST_NAMES)
        fate = "counted as without one" if acquisition.gated else "compared here all the same"
        count = counted(len(acquisition.unfit), "face")
        yield Line("unfit", f"{count} that a search would not compare in footage, {fate}: {why}")


def rate(share: Share, of: str) -> str:
    """A share for a person; of none that was seen the bound, never 0."""
    if not share.trials:
        return f"insufficient data: no {of}"
    if share.bound_only:
        return f"none of {share.trials:,} {of} (at most {digits(share.high)})"
    return f"{share.errors:,} of {share.trials:,} {of} ({digits(share.value)} {interval(share)})"


def interval(share: Share) -> str:
    """``[0.012, 0.034]``."""
    return f"[{digits(share.low)}, {digits(share.high)}]"


def digits(value: float | None) -> str:
    """A share: three decimals where they say something, else two digits that count."""
    if value is None:
        return "–"
    return small(value) if value < 0.01 else f"{value:.3f}"


def cell(share: Share) -> str:
    """A share in a table: ``0.048 [0.033, 0.068]``, a bound where all or none were seen, ``–`` without trials."""
    if not share.trials:
        return "–"
    if share.bound_only:
        return f"at most {digits(share.high)}"
    if share.errors == share.trials:
        return f"at least {digits(share.low)}"
    return f"{digits(share.value)} {interval(share)}"


def measured_sections(measured: Measured, what: str) -> list[Section]:
    """Error rates of comparisons and of searches; ``what`` is compared with what."""
    mated, non_mated = int(measured.comparisons.mated.sum()), int((~measured.comparisons.mated).sum())
    numbers = (
        f"{mated:,} mated and {non_mated:,} non-mated comparisons of {measured.comparisons.people:,} people"
    )
    lines = [
        Line(f"FMR {point.fmr:g}", point.reason, warns=True)
        for point in measured.verification
        if point.threshold is None
    ]
    if measured.eer is not None:
        lines.append(Line("equal error rate", digits(measured.eer) if measured.eer > 0 else "none was seen"))
    grids = (_verification(measured),) if any(p.threshold is not None for p in measured.verification) else ()
    title = f"{what[:1].upper()}{what[1:]}: {numbers}"
    comparisons = Section(title, tuple(lines), grids, key="comparisons")
    return [comparisons, *_searches(measured)]


def _verification(measured: Measured) -> Grid:
    everything = measured.everything
    columns = ("FMR", "threshold", "TMR", "95 % over people", "non-mated at or above")
    rows = []
    for number, point in enumerate(measured.verification):
        if point.threshold is None or point.tmr is None:
            continue
        row: tuple[str, ...] = (
            f"{point.fmr:g}",
            f"{point.threshold:.3f}",
            f"{point.tmr:.3f}",
            f"{point.tmr_low:.3f} to {point.tmr_high:.3f}",
            f"{point.false_matches:,}",
        )
        if everything is not None:
            other = everything[number].tmr
            row = (*row, "–" if other is None else f"{other:.3f}")
        rows.append(row)
    return Grid(columns if everything is None else (*columns, "TMR, nothing excluded"), tuple(rows))


def _searches(measured: Measured) -> list[Section]:
    if not measured.identification:
        return []
    first = measured.identification[0][1]
    ranks = [found.rank for fmr, found in measured.identification if fmr == measured.identification[0][0]]
    rows = []
    for fmr in dict.fromkeys(fmr for fmr, _ in measured.identification):
        own = [found for each, found in measured.identification if each == fmr]
        cells = [cell(own[0].fpir), *(cell(each.fnir) for each in own)]
        rows.append((f"{fmr:g}", f"{own[0].threshold:.3f}", *cells))
    names = ["FNIR" if rank is None else f"FNIR, first {rank}" for rank in ranks]
    lines = []
    if measured.cmc:
        found = [f"{point.rank}: {cell(point.found)}" for point in measured.cmc]
        lines.append(Line("CMC", "mate among the first, at any score: " + ", ".join(found)))
    count = counted(len(measured.searches.probes), "probe")
    title = f"Searches: {count}, each among {first.entries:,.0f} entries of other people on average"
    grid = Grid(("FMR", "threshold", "FPIR", *names), tuple(rows))
    return [Section(title, tuple(lines), (grid,), key="searches")]


def in_force_section(found: InForce) -> Section:
    """What the thresholds of a search with these settings give here."""
    lines = []
    if found.threshold is not None:
        lines.append(
            Line("default", f"threshold {found.threshold.threshold:.3f}: {observed(found.threshold)}")
        )
    points = found.operating.points
    if points is None:
        lines.append(Line("error rates", f"none to hold against this data: {shown(found.operating.reason)}"))
    else:
        lines.append(Line("measured on", measured_on(points.data, found.operating.origin)))
        if found.operating.other_detector:
            lines.append(Line("", shown(found.operating.other_detector), warns=True))
        lines += [claim_line(each) for each in found.claims]
    return Section("What a search with these settings goes by, on this material", tuple(lines))


def observed(found: Observed) -> str:
    """What a threshold gave."""
    return f"FMR {cell(found.fmr_here)}, FNMR {cell(found.fnmr_here)}"


def claim_line(found: Observed) -> Line:
    """A claimed FMR and what was seen."""
    verdict = "inside its interval" if found.holds else "NOT inside its interval"
    text = f"claimed {found.fmr:g}, seen {cell(found.fmr_here)}: {verdict}"
    return Line(f"at {found.threshold:.3f}", text, warns=not found.holds)


def held_out_section(held: HeldOut) -> Section:
    """What held-out people say of a calibration."""
    lines = [claim_line(each) for each in held.claims]
    if held.cllr is None or held.cllr_min is None:
        lines.append(Line("LR", shown(held.reason), warns=True))
    else:
        over = held.cllr / held.cllr_min - 1 if held.cllr_min else 0.0
        ratios = f"{held.kind}, log10 LR from {held.low:.2f} to {held.high:.2f}"
        cost = f"Cllr {held.cllr:.3f}, at best {held.cllr_min:.3f} ({over:+.1%})"
        lines.append(Line("LR", f"{ratios}; {cost}"))
    turns = "each half of the people in turn" if held.share == 0.5 else f"{held.share:g} of the people"
    return Section(f"Calibrated on some people, tried on others ({turns})", tuple(lines), key="evidence")


def cluster_line(clusters: Clusters) -> Line:
    """How well faces were clustered."""
    if clusters.bcubed is None:
        return Line("clusters", f"not measured: {shown(clusters.reason)}")
    figures = clusters.bcubed
    return Line(
        "clusters",
        f"{clusters.clusters:,} of {counted(clusters.people, 'person', 'people')}; B-cubed precision "
        f"{figures.precision:.3f}, recall {figures.recall:.3f}, F {figures.f:.3f}; purity {clusters.purity:.3f}",
    )
