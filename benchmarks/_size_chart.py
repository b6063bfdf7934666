"""The chart "what size of face can be compared", readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from retrofr.evaluation.plots import MATED, NON_MATED, svg

_STYLE = "<style>svg{color:#333;background:none}@media (prefers-color-scheme:dark){svg{color:#ddd}}</style>"


class SizeOutcome(Protocol):
    """What the chart needs of an outcome."""

    kind: str
    eyes: float
    fit: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    fnmr_ungated: float
    fnmr_default: float


def size_chart(outcomes: Sequence[Any], fmr: float) -> str:
    """SVG of FNMR against the distance of the eyes, with what photos as they are give."""
    sizes: list[SizeOutcome] = sorted(
        (each for each in outcomes if each.kind == "size"), key=lambda e: e.eyes
    )
    full = next(each for each in outcomes if each.kind == "as it is")

    def draw(axis: Any) -> None:
        eyes = [each.eyes for each in sizes]
        low, high = ([100 * getattr(each, name) for each in sizes] for name in ("fnmr_low", "fnmr_high"))
        axis.fill_between(eyes, low, high, color=MATED, alpha=0.2, linewidth=0)
        own = [100 * each.fnmr for each in sizes]
        axis.plot(eyes, own, color=MATED, marker="o", label=f"missed at the threshold of FMR {fmr:g}")
        strict = [100 * each.fnmr_default for each in sizes]
        axis.plot(
            eyes, strict, color=NON_MATED, linestyle="--", marker="s", label="missed at the default threshold"
        )
        bare = [100 * each.fnmr_ungated for each in sizes]
        axis.plot(
            eyes, bare, color=MATED, linestyle=(0, (1, 1)), label="the first, without the quality gates"
        )
        unfit = [100 * (1 - each.fit) for each in sizes]
        axis.plot(
            eyes,
            unfit,
            color="#777777",
            linestyle=":",
            marker="^",
            label="faces not found or not compared",
        )
        axis.axhline(
            100 * full.fnmr, color=MATED, linewidth=0.9, linestyle="-.", label="missed in photos as they are"
        )
        axis.set_xscale("log", base=2)
        axis.set_xticks(eyes, [f"{each:g}" for each in eyes])
        axis.minorticks_off()
        axis.set_ylim(0, 100)
        axis.set_xlabel("pixels between the eyes")
        axis.set_ylabel("%")
        axis.legend()

    text = svg(draw, "What size of face can be compared")
    start = text.index(">", text.index("<svg")) + 1
    return text[:start] + _STYLE + text[start:] + ("" if text.endswith("\n") else "\n")
