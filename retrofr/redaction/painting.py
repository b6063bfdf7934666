"""What stands in place of a hidden face: one flat grey, the same whoever it was.

Blurred and pixelated faces have been recognised, by comparing them with faces that were blurred alike, and over the
frames of a clip their blocks add up to more than any of them shows. Of a flat grey nothing can be computed: two
pictures that differ only in what is hidden give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrofr.records import Floats, Pixels
from retrofr.redaction.geometry import hidden_pixels

HIDDEN_GREY = 118
"""A middle grey, as dark as nothing in particular; all three channels."""


def with_hidden(
    image: Pixels, others: Floats, shown: Sequence[Floats] = (), margins: Floats | None = None
) -> Pixels:
    """A copy of a picture, (H, W, 3) uint8 in any order of channels, with everybody else hidden.

    Args:
        image: the picture; it stays as it is.
        others, shown, margins: as for :func:`retrofr.redaction.geometry.hidden_pixels`.
    """
    painted = image.copy()
    if len(others):
        mask = hidden_pixels(image.shape[1], image.shape[0], others, shown, margins)
        painted[mask] = np.uint8(HIDDEN_GREY)
    return painted
