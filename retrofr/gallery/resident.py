"""A gallery's index vectors in memory, a byte a number, for many searches in one process.

One million templates of 256 numbers take 256 MiB. What rounding to a byte may change is measured as the vectors
are loaded and added to every reach, so nothing is missed; scores are those of the templates, fetched as needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

import numpy as np

from retrofr.gallery.base import Gallery, GalleryOver, Ids
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.gallery.scan import VectorBlock

PIECE_ROWS = 4096


class ResidentGallery(GalleryOver):
    """A gallery that can be searched again and again without reading all its templates again.

    Args:
        gallery: is read once now, and asked for the templates of those tracklets that can matter to a search.
        comparison: whose index vectors are kept; searches must use the same.
    """

    def __init__(self, gallery: Gallery, comparison: ComparesTemplates) -> None:
        self.gallery = gallery
        self.comparison_name = comparison.name
        self._blocks = [_rounded(block) for block in vector_blocks(gallery, comparison)]

    @property
    def templates(self) -> int:
        """How many there are."""
        return sum(len(block.vectors) for block in self._blocks)

    @property
    def size_bytes(self) -> int:
        """What the vectors take in memory."""
        return sum(block.vectors.nbytes for block in self._blocks)

    def vector_blocks(self) -> Iterator[VectorBlock]:
        """What is compared."""
        return iter(self._blocks)

    def over(self, gallery: Gallery) -> ResidentGallery:
        """The same vectors, with another gallery to ask for templates and pictures; its ids are the same."""
        other = copy(self)
        other.gallery = gallery
        return other

    def only(self, ids: Ids) -> ResidentGallery:
        """The same without the tracklets that are not in ``ids``."""
        narrowed = copy(self)
        narrowed._blocks = [block for each in self._blocks if len((block := _narrowed(each, ids)).counts)]
        return narrowed


def vector_blocks(gallery: Gallery, comparison: ComparesTemplates) -> Iterator[VectorBlock]:
    """The index vectors of a gallery, block by block, with the templates where they are at hand.

    Raises:
        ValueError: the gallery's vectors were made for another comparison.
    """
    if isinstance(gallery, ResidentGallery):
        if gallery.comparison_name != comparison.name:
            raise ValueError(f"vectors for {gallery.comparison_name}, searched with {comparison.name}")
        yield from gallery.vector_blocks()
        return
    for block in gallery.blocks():
        # In small pieces: what a comparison computes on the way then stays in the processor's caches.
        pieces = range(0, max(1, len(block.templates)), PIECE_ROWS)
        vectors = np.concatenate(
            [comparison.index_vectors(block.templates[n : n + PIECE_ROWS]) for n in pieces]
        )
        yield VectorBlock(block.tracklets, block.counts, vectors, templates=block.templates)


def _rounded(block: VectorBlock) -> VectorBlock:
    """The same in a byte a number, and how far the worst of its vectors was moved by that."""
    assert block.vectors.dtype == np.float32
    scale = np.maximum(np.abs(block.vectors).max(axis=0, initial=0) / np.float32(127), np.float32(1e-30))
    small = np.empty(block.vectors.shape, np.int8)
    norms = np.empty(len(small), np.float32)
    error = 0.0
    for start in range(0, len(small), PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        rounded = np.rint(block.vectors[piece] / scale)
        small[piece] = rounded
        rounded *= scale
        norms[piece] = np.einsum("ij,ij->i", rounded, rounded)
        rounded -= block.vectors[piece]
        error = max(error, float(np.einsum("ij,ij->i", rounded, rounded).max()))
    # 1 + 1e-4: the error itself was computed in float32.
    return VectorBlock(block.tracklets, block.counts, small, scale, error**0.5 * (1 + 1e-4), norms=norms)


def _narrowed(block: VectorBlock, ids: Ids) -> VectorBlock:
    kept = np.isin(block.tracklets, ids)
    if kept.all():
        return block
    rows = np.repeat(kept, block.counts)
    return replace(
        block,
        tracklets=block.tracklets[kept],
        counts=block.counts[kept],
        vectors=block.vectors[rows],
        norms=None if block.norms is None else block.norms[rows],
    )
