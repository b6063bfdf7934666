"""Words for likelihood ratios.

After the ENFSI Guideline for Evaluative Reporting in Forensic Science (2015): bands of the likelihood ratio with
one wording each; below 1 the reciprocal counts, for the other proposition. The words speak of support, never of who
somebody is.
"""

from __future__ import annotations

import math

BANDS: tuple[tuple[float, str], ...] = (
    (2.0, "no support for either"),
    (10.0, "weak support"),
    (100.0, "moderate support"),
    (1_000.0, "moderately strong support"),
    (10_000.0, "strong support"),
    (1_000_000.0, "very strong support"),
    (math.inf, "extremely strong support"),
)
"""Upper edge of the likelihood ratio, and its wording; an edge belongs to the weaker band."""

SAME, DIFFERENT = "for one person rather than two", "for two people rather than one"


def verbal_band(log10_lr: float) -> str:
    """The wording of a log10 likelihood ratio, for example ``strong support for one person rather than two``.

    Raises:
        ValueError: it is not a number.
    """
    if math.isnan(log10_lr):
        raise ValueError("a likelihood ratio that is not a number has no wording")
    size = abs(log10_lr)
    # The edge in logarithms carries a rounding error that must not move it to the next band.
    words = next(text for edge, text in BANDS if edge == math.inf or size <= math.log10(edge) + 1e-12)
    if words == BANDS[0][1]:
        return words
    return f"{words} {SAME if log10_lr > 0 else DIFFERENT}"
