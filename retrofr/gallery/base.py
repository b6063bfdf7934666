"""What a search reads: the templates of tracklets, in blocks, whether of a slice in memory or of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrofr.records import Floats, Still, Tracklet

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TemplateBlock:
    """Templates of some tracklets: ``tracklets`` (T,) their ids, ``counts`` (T,) how many each has, at least 1,
    ``templates`` (sum of counts, D) float32, tracklet after tracklet, best face first.
    """

    tracklets: Ids
    counts: Ids
    templates: Floats

    def __post_init__(self) -> None:
        if len(self.tracklets) != len(self.counts) or int(self.counts.sum()) != len(self.templates):
            raise ValueError(
                f"block: {len(self.tracklets)} tracklets, {len(self.counts)} counts that add up to "
                f"{int(self.counts.sum())}, {len(self.templates)} templates"
            )


class Gallery(Protocol):
    """The tracklets that a search goes through; only those with templates. Ids are the gallery's own."""

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        """All templates, or those of the tracklets ``only``, in an order that is the same each time.

        A block fits easily into memory, and a tracklet lies in one block.
        """
        ...

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """One tracklet with everything that is known of it."""
        ...

    def still(self, tracklet_id: int, face: int) -> Still | None:
        """Pictures of face ``face`` of ``tracklet.best``; None where none are kept."""
        ...

    def person(self, tracklet_id: int) -> int | None:
        """Number of the person that the tracklet was put to; None where it was put to none."""
        ...


class SliceGallery:
    """Tracklets in memory, those of a slice for example; an id is the place in the list.

    Args:
        tracklets: those without templates are passed over.
        make_still: is given the place in the list and the face.
    """

    def __init__(
        self,
        tracklets: Sequence[Tracklet],
        make_still: Callable[[int, int], Still | None] = lambda _tracklet, _face: None,
    ) -> None:
        self._tracklets = tracklets
        self._make_still = make_still

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        """See :class:`Gallery`; one block."""
        wanted = np.arange(len(self._tracklets)) if only is None else np.sort(only)
        ids = np.array([n for n in wanted if len(self._tracklets[n].templates)], np.int64)
        if len(ids):
            templates = [self._tracklets[n].templates for n in ids]
            yield TemplateBlock(ids, np.array([len(t) for t in templates]), np.concatenate(templates))

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """See :class:`Gallery`."""
        return self._tracklets[tracklet_id]

    def still(self, tracklet_id: int, face: int) -> Still | None:
        """See :class:`Gallery`."""
        return self._make_still(tracklet_id, face)

    def person(self, tracklet_id: int) -> int | None:  # noqa: ARG002 - a slice knows no people
        """See :class:`Gallery`; None."""
        return None


class GalleryOver:
    """A gallery that stands before another one, ``gallery``, which has the templates and all that is known."""

    gallery: Gallery

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        """See :class:`Gallery`."""
        return self.gallery.blocks(only)

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """See :class:`Gallery`."""
        return self.gallery.tracklet(tracklet_id)

    def still(self, tracklet_id: int, face: int) -> Still | None:
        """See :class:`Gallery`."""
        return self.gallery.still(tracklet_id, face)

    def person(self, tracklet_id: int) -> int | None:
        """See :class:`Gallery`."""
        return self.gallery.person(tracklet_id)
