"""The tracklets of a case as a search goes through them, and the pictures of its candidates."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from retrofr.case.people import person_of
from retrofr.case.reading import TemplateReader, among, face_picture, stored_tracklet
from retrofr.case.store import Case
from retrofr.gallery.base import Ids, TemplateBlock
from retrofr.records import Still, Tracklet
from retrofr.redaction.record import redaction_record
from retrofr.results import SearchResult
from retrofr.settings import Settings

if TYPE_CHECKING:
    from retrofr.redaction.checking import HowChecked


class CaseGallery:
    """The tracklets of a case that a search goes through; see :class:`retrofr.gallery.base.Gallery`.

    Args:
        case: an open case.
        recipe_key: of the templates.
        tracklets: ids of those that are meant, ascending.
        make_still: makes a still of a face picture, as JPEG; no stills are given where None.
    """

    def __init__(
        self, case: Case, recipe_key: str, tracklets: Ids, make_still: Callable[[bytes], Still] | None = None
    ) -> None:
        self._case, self._recipe_key = case, recipe_key
        self._tracklets, self._make_still = tracklets, make_still
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
        jpeg = None if self._make_still is None else face_picture(self._case, tracklet_id, face)
        return None if jpeg is None or self._make_still is None else self._make_still(jpeg)

    def person(self, tracklet_id: int) -> int | None:
        """See :class:`retrofr.gallery.base.Gallery`."""
        if self._people is None:
            self._people = person_of(self._case, self._recipe_key)
        return self._people.get(tracklet_id)


class CasePictures:
    """The pictures of one search of a case.

    Args:
        wanted: whether pictures are given at all.
        unredacted: the reason for which others are not looked for in them; None where they are.
    """

    def __init__(self, wanted: bool, unredacted: str | None) -> None:
        self._wanted, self._unredacted = wanted, unredacted if wanted else None
        self._how: HowChecked | None = None

    @property
    def details(self) -> dict[str, Any]:
        """What the audit log says of them."""
        return {} if self._unredacted is None else {"unredacted": True}

    def still_maker(self, settings: Settings) -> Callable[[bytes], Still] | None:
        """What makes a still of a face picture; its errors are those of :func:`retrofr.stills.kept_face`.

        Args:
            settings: of the search; they name the detector.
        """
        if not self._wanted:
            return None
        # Here, as a search without pictures needs no detector and is over sooner than these are imported.
        from retrofr.redaction.checking import picture_check
        from retrofr.runtime import resolve_device
        from retrofr.stills import kept_face

        check = None
        if self._unredacted is None:
            check = picture_check(settings, lambda: resolve_device(settings.device))
            self._how = check.how

        def made(jpeg: bytes) -> Still:
            shown, hidden = kept_face(jpeg, check)
            return Still(None, _as_png(shown), hidden)

        return made

    def recorded(self, result: SearchResult) -> SearchResult:
        """The same result, with what its pictures hide among what the run was."""
        if not self._wanted:
            return result
        stills = [a.still_pictures for a in (*result.hits, *result.candidates) if a.still_pictures]
        record = redaction_record(stills, self._how, self._unredacted)
        return dataclasses.replace(result, run=result.run | {"redaction": record})


def _as_png(jpeg: bytes) -> bytes:
    from PIL import Image

    with io.BytesIO() as file:
        Image.open(io.BytesIO(jpeg)).save(file, "PNG")
        return file.getvalue()
