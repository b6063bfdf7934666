"""Cuts clips of a case's appearances from its footage, which is known by its SHA-256 wherever it lies now."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from retrofr.case.exhibits import find_exhibit, recipes
from retrofr.case.permitting import authority_for
from retrofr.case.store import Case
from retrofr.case.writing import streams
from retrofr.comparison import Comparison, build_comparison
from retrofr.errors import ExhibitError, IntegrityError, UsageError
from retrofr.exporting._words import counted, named_few
from retrofr.exporting.material import Material
from retrofr.integrity import sha256_file
from retrofr.operating import resolve_threshold
from retrofr.oversight.scope import Scope
from retrofr.recipe import Recipe, scorer_of, setting_values
from retrofr.records import Exhibit, Floats
from retrofr.redaction.between import FacePath, path_of
from retrofr.redaction.checking import PictureCheck, picture_check
from retrofr.redaction.clips import RedactedClip, redacted_clip, unredacted_clip
from retrofr.redaction.recognising import Recogniser
from retrofr.results import Appearance
from retrofr.runtime import Device, resolve_device
from retrofr.selection import MediaWindow
from retrofr.settings import SamplingSettings, SearchSettings, Settings
from retrofr.timeline import chains_of, last_recipe
from retrofr.video.footage import FootageFile, find_footage
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan


def exhibits_in(folder: Path, wanted: Mapping[str, Exhibit]) -> dict[str, Exhibit]:
    """Find recordings of a case by their SHA-256: those that are there, with the path at which they lie now.

    Args:
        folder: that is looked through with its folders; or a file.
        wanted: exhibits by SHA-256.

    Raises:
        IntegrityError: a file is called like one of them, and is another; and that one is nowhere in the folder.
        UsageError: there is none of them, or no footage at all.
        RefusedError, ExhibitError: the folder is none for footage, or a file cannot be read.
    """
    sizes = {exhibit.size_bytes for exhibit in wanted.values()}
    names = {exhibit.name: exhibit for exhibit in wanted.values()}
    found: dict[str, Exhibit] = {}
    others: list[tuple[Exhibit, FootageFile]] = []
    for file in find_footage([folder]).files:
        exhibit = None
        if file.path.stat().st_size in sizes:
            exhibit = wanted.get(sha256_file(file.path))
        if exhibit is not None:
            found.setdefault(exhibit.sha256, dataclasses.replace(exhibit, path=file.path))
        elif file.name in names:
            others.append((names[file.name], file))
    for exhibit, file in others:
        if exhibit.sha256 not in found:
            raise IntegrityError(
                f"is not the recording that was indexed: its SHA-256 is {sha256_file(file.path)}, "
                f"that of the exhibit {exhibit.sha256}",
                subject=str(file.path),
                hint="name a folder with the original, or an exact copy of it",
            )
    if wanted and not found:
        raise UsageError(
            f"holds none of the {counted(len(wanted), 'recording')} with appearances: "
            f"{named_few([exhibit.name for exhibit in wanted.values()])}",
            subject=str(folder),
            hint="recordings are known by their SHA-256, not by their names",
        )
    return found


@dataclass(frozen=True, eq=False)
class _Seen:
    """Where somebody was seen, and their templates (N, D)."""

    paths: tuple[FacePath, ...]
    templates: Floats


class CaseClips:
    """Cuts clips; see :class:`retrofr.exporting.material.ClipSource`.

    Args:
        case: with the appearances.
        material: of it.
        found: the recordings, from :func:`exhibits_in`.
        decoder: reads them.
        redact: hide everybody else; False hides nobody, for which somebody must have given a reason.
        told: called with the name of each clip's recording and the number of clips begun.
    """

    def __init__(
        self,
        case: Case,
        material: Material,
        found: Mapping[str, Exhibit],
        decoder: DecoderProcess,
        *,
        redact: bool,
        told: Callable[[str, int], None] = lambda _name, _number: None,
    ) -> None:
        self._case, self._material, self._found = case, material, found
        self._decoder, self._redact, self._told = decoder, redact, told
        self._begun = 0

    def holds(self, appearance: Appearance) -> bool:
        """See :class:`retrofr.exporting.material.ClipSource`."""
        return appearance.exhibit_sha256 in self._found

    def clip(self, appearance: Appearance, start: Fraction, end: Fraction, path: Path) -> RedactedClip:
        """See :class:`retrofr.exporting.material.ClipSource`."""
        exhibit = self._found[appearance.exhibit_sha256]
        if not self._scope.window.is_open:
            start, end = within_windows(appearance, start, end, self._windows(exhibit))
        plan = self._plans.get((exhibit.sha256, appearance.stream))
        self._begun += 1
        self._told(exhibit.name, self._begun)
        if not self._redact:
            return unredacted_clip(
                exhibit, start, end, path, decoder=self._decoder, stream=appearance.stream, plan=plan
            )
        seen = self._seen[_key(appearance)]
        return redacted_clip(
            exhibit,
            start,
            end,
            seen.paths,
            self.check,
            path,
            decoder=self._decoder,
            recogniser=Recogniser(self._comparison, seen.templates, self._threshold),
            stream=appearance.stream,
            plan=plan,
        )

    @cached_property
    def _scope(self) -> Scope:
        authority = authority_for(self._case)
        return Scope() if authority is None else authority.scope

    def _windows(self, exhibit: Exhibit) -> tuple[MediaWindow, ...]:
        """What the authority covers of a recording; nothing where its clock is not known."""
        try:
            return self._scope.window.media_windows(exhibit.clock, exhibit.name)
        except ExhibitError:
            return ()

    @cached_property
    def check(self) -> PictureCheck:
        """What looks for faces: the detector that the case was indexed with, more sensitive."""
        return picture_check(self._settings, lambda: self._device)

    @cached_property
    def _recipe(self) -> Recipe:
        search = self._material.search
        if search is None:
            return last_recipe(self._case)
        return next(known for known in recipes(self._case) if known.key == search.recipe_key)

    @cached_property
    def _settings(self) -> Settings:
        return Settings.from_mapping(setting_values(self._recipe))

    @cached_property
    def _device(self) -> Device:
        return resolve_device(self._settings.device)

    @cached_property
    def _comparison(self) -> Comparison:
        scorer_of(self._recipe)  # refuses other weights than those of the templates
        refine = self._recipe.terms["comparison"]["landmark_net"] is not None
        parts = self._settings.parts
        return build_comparison(self._settings.embed.embedder, parts, self._device, refine=refine)

    @cached_property
    def _threshold(self) -> float:
        """That of the search, and never less than the documented default: one that was lowered shows others."""
        search, default = self._material.search, self._comparison.default_threshold
        if search is None:
            return resolve_threshold(SearchSettings(), self._comparison).score
        return search.threshold if default is None else max(search.threshold, default)

    @cached_property
    def _plans(self) -> dict[tuple[str, int], ReadingPlan]:
        """What examiners said of the footage when it was indexed."""
        by_id = {
            stored.id: sha256
            for sha256 in self._found
            if (stored := find_exhibit(self._case, sha256=sha256)) is not None
        }
        return {
            (by_id[stream.exhibit_id], stream.stream): ReadingPlan(
                SamplingSettings(),
                self._settings.video,
                pixel_aspect=_fraction(stream.reading.get("pixel_aspect")),
                frame_rate=_fraction(stream.reading.get("frame_rate")),
            )
            for stream in streams(self._case, self._recipe.key)
            if stream.exhibit_id in by_id
        }

    @cached_property
    def _seen(self) -> dict[tuple[str, int], _Seen]:
        search = self._material.search
        chains = chains_of(self._case, search=None if search is None else search.id, people=search is None)
        found = {}
        for appearance, chain in chains:
            paths = [path for tracklet in chain.tracklets if (path := path_of(tracklet)) is not None]
            templates = np.concatenate([tracklet.templates for tracklet in chain.tracklets])
            found[_key(appearance)] = _Seen(tuple(paths), templates)
        return found


@contextlib.contextmanager
def case_clips(
    case: Case,
    material: Material,
    folder: Path,
    *,
    redact: bool,
    told: Callable[[str, int], None] = lambda _name, _number: None,
) -> Iterator[CaseClips]:
    """What cuts clips of a case's appearances.

    Args and errors are those of :class:`CaseClips` and :func:`exhibits_in`.
    """
    shown = {a.exhibit_sha256 for a in material.appearances}
    wanted = {sha256: exhibit for sha256, exhibit in material.exhibits.items() if sha256 in shown}
    found = exhibits_in(folder, wanted) if wanted else {}
    with DecoderProcess(Settings().video) as decoder:
        yield CaseClips(case, material, found, decoder, redact=redact, told=told)


def within_windows(
    appearance: Appearance, start: Fraction, end: Fraction, windows: Sequence[MediaWindow]
) -> tuple[Fraction, Fraction]:
    """From when to when a clip with its margin is shown: no margin reaches out of the windows, in media time.

    What an appearance itself has outside of all of them stays: that it was compared was decided when it was searched.
    """
    for since, until in windows:
        if (since is None or since <= appearance.start_seconds) and (
            until is None or appearance.start_seconds < until
        ):
            start = start if since is None else max(start, since)
            end = end if until is None else min(end, max(until, appearance.end_seconds))
            return start, end
    return appearance.start_seconds, appearance.end_seconds


def _key(appearance: Appearance) -> tuple[str, int]:
    """What tells an appearance from all others of a timeline."""
    return ("search", appearance.rank) if appearance.compared else ("person", appearance.tracklet or 0)


def _fraction(text: object) -> Fraction | None:
    return None if text is None else Fraction(str(text))
