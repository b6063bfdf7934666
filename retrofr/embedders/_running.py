"""What the embedders share: running a net on chips and on their mirror images, and checking what they are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats, Pixels

Run = Callable[[Pixels], tuple[Floats, ...]]


def embed_chips(run: Run, chips: Pixels, side_pixels: int, *, mirror: bool) -> Floats:
    """Run a net on chips (N, S, S, 3) uint8 and give its vectors (N, D) float32.

    Args:
        run: the net, from :func:`retrofr.runtime.compile_module`.
        chips: N may be 0.
        side_pixels: S, as the net expects it.
        mirror: give the mean of each chip's vector and that of its mirror image.

    Raises:
        ValueError: the chips have another shape or type.
    """
    if chips.ndim != 4 or chips.shape[1:] != (side_pixels, side_pixels, 3) or chips.dtype != np.uint8:
        raise ValueError(
            f"chips: expected (N, {side_pixels}, {side_pixels}, 3) uint8, got {chips.shape} {chips.dtype}"
        )
    vectors = run(chips)[0]
    if mirror:
        vectors = (vectors + run(np.ascontiguousarray(chips[:, :, ::-1]))[0]) / np.float32(2)
    return vectors


def unit_length(vectors: Floats) -> npt.NDArray[np.float64]:
    """Rows scaled to length 1; a row of zeros stays so. In float64, so that a vector's cosine to itself is 1."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.maximum(lengths, 1e-12))


def cosine(left: Floats, right: Floats) -> Floats:
    """Cosine of the angles between (L, D) and (R, D) as (L, R)."""
    return (unit_length(left) @ unit_length(right).T).astype(np.float32)
