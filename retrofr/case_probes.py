"""Probes that a case remembers: a picture that was searched for before needs no net."""

from __future__ import annotations

from retrofr.case.searches import find_probe_image, put_probe_image
from retrofr.case.store import Case
from retrofr.probe_files import ProbePicture
from retrofr.recipe import Recipe
from retrofr.records import ProbeImage


class CaseProbes:
    """The memory of a case; see :class:`retrofr.probe_gathering.ProbeMemory`.

    Templates are kept under the whole recipe: the detector decides which face of a picture it is.
    """

    def __init__(self, case: Case, recipe: Recipe) -> None:
        self._case, self._recipe = case, recipe

    def known(self, picture: ProbePicture) -> ProbeImage | None:
        """The face of a picture, where it was embedded before."""
        return find_probe_image(self._case, picture.sha256, picture.spec.face, self._recipe.key)

    def keep(self, picture: ProbePicture, image: ProbeImage) -> None:
        """Remember a face, unless the case cannot be written to."""
        if not self._case.read_only:
            put_probe_image(self._case, image, picture.spec.face, self._recipe.key, None)
