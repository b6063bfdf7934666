"""The tracklets of a case as a search goes through them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from retrofr.case.people import person_of
from retrofr.case.reading import TemplateReader, among, face_picture, stored_tracklet
from retrofr.case.store import Case
from retrofr.gallery.base import Ids, TemplateBlock
from retrofr.records import Still, Tracklet


class CaseGallery:
    """The tracklets of a case that a search goes through; see :class:`retrofr.gallery.base.Gallery`.

    Args:
        case: an open case.
        recipe_key: of the templates.
        tracklets: ids of those that are meant, ascending.
        keep_stills: give pictures of faces.
    """

    def __init__(self, case: Case, recipe_key: str, tracklets: Ids, *, keep_stills: bool = False) -> None:
        self._case, self._recipe_key = case, recipe_key
        self._tracklets, self._keep_stills = tracklets, keep_stills
        self._templates = TemplateReader(case, recipe_key)
        self._people: dict[int, int] | None = None

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        """See :class:`retrofr.gallery.base.Gallery`."""
        wanted = self._tracklets if only is None else self._tracklets[among(self._tracklets, np.sort(only))]
        return self._templates.blocks(wanted)

    def tracklet(self, tracklet_id: int) -> Tracklet:
        """See :class:`retrofr.gallery.base.Gallery`."""
        return stored_tracklet(self._case, tracklet_id)

    def still(self, tracklet_id: int, face: int) -> Still | None:
        """See :class:`retrofr.gallery.base.Gallery`; the face alone, as frames are not kept in a case."""
        jpeg = face_picture(self._case, tracklet_id, face) if self._keep_stills else None
        return None if jpeg is None else Still(None, _as_png(jpeg))

    def person(self, tracklet_id: int) -> int | None:
        """See :class:`retrofr.gallery.base.Gallery`."""
        if self._people is None:
            self._people = person_of(self._case, self._recipe_key)
        return self._people.get(tracklet_id)


def _as_png(jpeg: bytes) -> bytes:
    from PIL import Image

    with io.BytesIO() as file:
        Image.open(io.BytesIO(jpeg)).save(file, "PNG")
        return file.getvalue()
