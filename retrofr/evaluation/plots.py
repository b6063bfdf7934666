"""The plots of an evaluation as SVG text: no fonts, no scripts and nothing fetched; readable on light and dark.

What is neither light nor dark takes the page's own text colour, and the two kinds of comparisons are told apart by
their strokes as well as by their colours.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrofr.evaluation.held_out import HeldOut, curves
from retrofr.evaluation.measuring import Histogram
from retrofr.rates.identification import CmcPoint
from retrofr.rates.verification import Det, VerificationPoint

MATED, NON_MATED = "#1b84c4", "#d9711a"
"""Blue and orange: told apart with every common kind of colour blindness, on light and on dark."""

_INK = "#123456"  # stands for the page's text colour until the SVG is written
_SIZE = (6.4, 4.0)
_DRAWN: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's font
    "svg.hashsalt": "retrofr",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "grid.color": _INK,
    "grid.alpha": 0.18,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
Draw = Callable[[Any], None]


def svg(draw: Draw, title: str) -> str:
    """Draw on an axis and give the picture; the same drawing gives the same text.

    Args:
        draw: is given the axis.
        title: what it shows, for those who cannot see it.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_DRAWN):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axis = figure.add_subplot()
        draw(axis)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    # A page scales it to its column; matplotlib's fixed size in points would not.
    text = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return _own_ids(text, title).replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _own_ids(text: str, title: str) -> str:
    """Several SVGs in one page must not share ids."""
    prefix = re.sub(r"\W+", "-", title.lower()) + "-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    return re.sub(r"url\(#", f"url(#{prefix}", text)


def det_plot(det: Det, points: Sequence[VerificationPoint]) -> Draw | None:
    """FNMR over FMR, both on logarithmic scales; None without a curve."""
    seen = (det.fmr > 0) & (det.fnmr > 0)
    if not seen.any():
        return None

    def draw(axis: Any) -> None:
        axis.plot(det.fmr[seen], det.fnmr[seen], color=MATED, label="measured")
        told = [p for p in points if p.tmr is not None and p.tmr_low is not None and p.tmr_high is not None]
        for place, point in enumerate(told):
            low, high = 1 - float(point.tmr_high or 0), 1 - float(point.tmr_low or 0)
            label = "95 % over people" if place == 0 else None
            axis.plot(
                [point.fmr] * 2, [max(low, 1e-4), high], color=MATED, linewidth=6, alpha=0.35, label=label
            )
        axis.set(xscale="log", yscale="log", xlabel="FMR", ylabel="FNMR")
        axis.set_xlim(right=1)
        axis.set_ylim(top=1)
        axis.legend(loc="lower left")

    return draw


def score_plot(histogram: Histogram, thresholds: Sequence[tuple[float, float]]) -> Draw | None:
    """How scores lie: the share of each kind in each step; None without scores."""
    if not len(histogram.mated) or not (histogram.mated.any() or histogram.non_mated.any()):
        return None

    def draw(axis: Any) -> None:
        for counts, colour, label, style in (
            (histogram.non_mated, NON_MATED, "non-mated", "--"),
            (histogram.mated, MATED, "mated", "-"),
        ):
            share = counts / max(1.0, counts.sum())
            axis.stairs(share, histogram.edges, fill=True, color=colour, alpha=0.25)
            axis.stairs(share, histogram.edges, color=colour, label=label, linestyle=style, linewidth=1.8)
        top = axis.get_ylim()[1]
        for fmr, threshold in thresholds:
            axis.axvline(threshold, color=_INK, linewidth=0.8, linestyle=":")
            axis.text(threshold, top, f" {fmr:g}", rotation=90, va="top", ha="right", fontsize=8)
        axis.set(xlabel="comparison score (dotted: threshold at an FMR)", ylabel="share of comparisons")
        axis.set_ylim(0, top)
        axis.legend(loc="upper left")

    return draw


def cmc_plot(points: Sequence[CmcPoint]) -> Draw | None:
    """Share of probes whose mate is among the first, over ranks; None without any."""
    if not points:
        return None

    def draw(axis: Any) -> None:
        ranks = [point.rank for point in points]
        values = [float(point.found.value or 0) for point in points]
        axis.fill_between(
            ranks,
            [p.found.low for p in points],
            [p.found.high for p in points],
            color=MATED,
            alpha=0.25,
            linewidth=0,
        )
        axis.plot(ranks, values, color=MATED, marker="o", markersize=4)
        axis.set(xscale="log", xlabel="rank", ylabel="mate among the first")
        axis.set_xticks(ranks, [str(rank) for rank in ranks])
        axis.minorticks_off()
        axis.set_ylim(min(0.95, *(point.found.low for point in points)) - 0.01, 1.002)

    return draw


def tippett_plot(held: HeldOut) -> Draw | None:
    """Share of held-out comparisons with at least a likelihood ratio; None without any."""
    found = curves(held)
    if found is None:
        return None

    def draw(axis: Any) -> None:
        axis.plot(found.llr, found.mated_above, color=MATED, label="mated")
        axis.plot(found.llr, found.non_mated_above, color=NON_MATED, label="non-mated", linestyle="--")
        axis.axvline(0, color=_INK, linewidth=0.8, linestyle=":")
        axis.set(xlabel="log10 LR, at least", ylabel="share of comparisons")
        axis.set_ylim(-0.02, 1.02)
        axis.legend(loc=(0.45, 0.4))

    return draw


def reliability_plot(held: HeldOut) -> Draw | None:
    """The ratio that held-out data give, over the ratio that was stated; None without any."""
    found = curves(held)
    if found is None or not len(found.stated):
        return None

    def draw(axis: Any) -> None:
        ends = np.array([held.low, held.high])
        axis.plot(ends, ends, color=_INK, linewidth=0.8, linestyle=":", label="as stated")
        axis.plot(found.stated, found.found, color=MATED, label="held-out data (PAV)")
        axis.set(xlabel="log10 LR stated", ylabel="log10 LR found")
        axis.legend(loc="upper left")

    return draw
