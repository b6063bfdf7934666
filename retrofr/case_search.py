"""Searches a case for the faces of probes: no footage is touched, and no net is loaded for a known picture."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from retrofr import registry
from retrofr.case.audit import Act, acting
from retrofr.case.blobs import get_blob, put_blob
from retrofr.case.exhibits import active_recipe, recipes
from retrofr.case.permitting import permit, permit_faces, refuse_footage_outside
from retrofr.case.scoped import templates_outside
from retrofr.case.store import Case
from retrofr.case_gallery import CaseGallery, CasePictures
from retrofr.case_probes import CaseProbes
from retrofr.case_recording import record_result
from retrofr.case_selection import CaseSelection, Selected, asked_footage, select
from retrofr.errors import CaseError
from retrofr.events import Listener, ignore
from retrofr.gallery.base import Gallery
from retrofr.gallery.resident import ResidentGallery
from retrofr.gallery.saved_index import gallery_stamp, open_index
from retrofr.operating import Threshold, find_operating_points, resolve_threshold
from retrofr.oversight.checking import Permission
from retrofr.oversight.details import models_of, search_details
from retrofr.probe_files import ProbeSpec
from retrofr.probe_gathering import NamedPictures, make_probes, name_pictures
from retrofr.probes import describe_probes
from retrofr.recipe import Recipe, scorer_of, setting_values
from retrofr.results import Coverage, SearchResult, mark_changed
from retrofr.scoring import Scorer
from retrofr.searching import Search
from retrofr.settings import Settings
from retrofr.timeline import continuity_of
from retrofr.versions import versions

if TYPE_CHECKING:
    from retrofr.comparison import Comparison
    from retrofr.detectors.base import Detector


def search_case(
    case: Case,
    probes: Sequence[str | Path | ProbeSpec],
    *,
    settings: Settings | None = None,
    selection: CaseSelection | None = None,
    listener: Listener = ignore,
    lenient: bool = False,
    keep_stills: bool = False,
    unredacted: str | None = None,
    loaded: ResidentGallery | None = None,
) -> SearchResult:
    """Search what is indexed in a case.

    Args:
        case: an open case. The search is recorded in it, unless its medium cannot be written to.
        probes: ``[NAME=]PATH[#FACE]`` each, as for :func:`retrofr.search`.
        settings: those of ``search``, ``embed`` and ``device`` count; the others are the recipe's. By default
            the case's.
        selection: which part of the case; all of it where None.
        listener: is told what happens.
        lenient: pictures that cannot be probes are listed among what was not searched, and the others searched.
        keep_stills: give every appearance the picture of its face.
        unredacted: the reason for which others are not looked for in these pictures; None: whoever is found in one
            beside the candidate is hidden.
        loaded: from :func:`load_gallery`, where the same case is searched again and again.

    Raises:
        ProbeError: a picture cannot be a probe, and not ``lenient``; or none can.
        UsageError: an unknown index, camera or exhibit.
        RefusedError: a policy or the authority does not allow the search.
        CaseError: nothing is indexed, or not with this embedder.
        ModelError: an embedder's weights are not those that the templates were made with; or the nets are needed
            for a new picture, and cannot be used.
    """
    pictures = CasePictures(keep_stills, unredacted)
    with acting(case, "search", reason=unredacted, details=pictures.details, listener=listener) as act:
        return _search_case(case, probes, act, settings, selection, listener, lenient, pictures, loaded)


def _search_case(
    case: Case,
    probes: Sequence[str | Path | ProbeSpec],
    act: Act,
    settings: Settings | None,
    selection: CaseSelection | None,
    listener: Listener,
    lenient: bool,
    pictures: CasePictures,
    loaded: ResidentGallery | None,
) -> SearchResult:
    started = datetime.now(UTC)
    recipe = recipe_for(case, None if settings is None else settings.embed.embedder)
    settings = _settings_for(recipe, settings)
    registry.load("indexes", settings.search.index)
    scorer = scorer_of(recipe)
    named = name_pictures(probes, lenient=lenient)
    operating = find_operating_points(
        settings.search, recipe.terms["comparison"], _detector(recipe), case_folder=case.path.parent
    )
    selection = selection or CaseSelection()
    threshold = partial(resolve_threshold, settings.search, scorer, operating)
    permission = _permitted(case, act, recipe, selection, named, threshold, listener)
    selection = dataclasses.replace(selection, footage=permission.selection)
    selected = select(case, recipe.key, selection)
    nets = _Nets(settings)
    memory = CaseProbes(case, recipe)
    persons, unusable = make_probes(named, nets, settings.quality, listener, lenient=lenient, memory=memory)
    permit_faces(permission, act, persons)
    searching = Search(persons, scorer, settings.search, settings.parts, operating)
    gallery = CaseGallery(case, recipe.key, selected.tracklets, pictures.still_maker(settings))
    if loaded is None:
        searching.look_through(_indexed(gallery, case, recipe, searching, scorer, settings, selected))
    else:
        searching.look_through(loaded.over(gallery).only(selected.tracklets))
    for standing in itertools.chain(*searching.found()):
        if standing.candidate is not None:
            standing.candidate = dataclasses.replace(standing.candidate, tracklet_id=standing.tracklet)
    coverage = dataclasses.replace(selected.coverage, unsearched=(*selected.coverage.unsearched, *unusable))
    result = _result(searching, case, recipe, coverage, settings, selection, started, nets.device)
    outside = sum(templates_outside(case, recipe.key, selected.tracklets, permission.scope).values())
    result = dataclasses.replace(result, run=result.run | permission.as_dict(outside))
    result = pictures.recorded(result)
    act.details |= search_details(result)
    act.models |= models_of(result.run)
    if case.read_only:
        return result
    return record_result(
        result, searching, case, recipe, settings, started, permission.facts.probes or (), act
    )


def _detector(recipe: Recipe) -> str:
    return str(recipe.terms["detect"]["detector"])


def _permitted(
    case: Case,
    act: Act,
    recipe: Recipe,
    selection: CaseSelection,
    named: NamedPictures,
    threshold: Callable[[], Threshold],
    listener: Listener,
) -> Permission:
    """Whether this may be searched, before any template is read."""
    permission = permit(
        case,
        act,
        selection=selection.footage,
        detector=_detector(recipe),
        embedder=recipe.comparison,
        probes=named.pictures,
        threshold=threshold,
        listener=listener,
    )
    refuse_footage_outside(permission, act, asked_footage(case, selection), "what was asked for of the case")
    return permission


def load_gallery(case: Case, embedder: str | None = None) -> ResidentGallery:
    """All templates of a case, kept in memory for repeated searches, a byte a number.

    What is indexed after that is not in it.

    Raises:
        CaseError: as :func:`recipe_for`.
    """
    recipe = recipe_for(case, embedder)
    tracklets = select(case, recipe.key, CaseSelection()).tracklets
    return ResidentGallery(CaseGallery(case, recipe.key, tracklets), scorer_of(recipe))


def recipe_for(case: Case, embedder: str | None) -> Recipe:
    """The recipe that a search of a case goes by: the latest, or the latest with this embedder.

    Raises:
        CaseError: nothing is indexed, or nothing with this embedder.
    """
    active = active_recipe(case)
    if active is None:
        raise CaseError(
            "nothing is indexed in it yet",
            subject=str(case.path),
            hint="`retrofr index FOOTAGE --case DIR` does that",
        )
    if embedder is None or active.comparison == embedder:
        return active
    known = recipes(case)
    for recipe in reversed(known):
        if recipe.comparison == embedder:
            return recipe
    raise CaseError(
        f"nothing is indexed with embedder {embedder}",
        subject=str(case.path),
        hint=f"it is searchable with: {', '.join(dict.fromkeys(r.comparison for r in known))}",
    )


def _settings_for(recipe: Recipe, asked: Settings | None) -> Settings:
    own = Settings.from_mapping(setting_values(recipe))
    if asked is None:
        return own
    parts = {**asked.parts, **own.parts}
    return dataclasses.replace(own, search=asked.search, device=asked.device, parts=parts)


class _Nets:
    """The nets of a search, loaded when a picture needs them; ``device`` says what they ran on."""

    def __init__(self, settings: Settings) -> None:
        self.device = "not used"
        self._settings = settings

    def __call__(self) -> tuple[Detector, Comparison]:
        from retrofr.nets import load_nets

        loaded = load_nets(self._settings)
        self.device = loaded.device.describe()
        return loaded.detector, loaded.comparison


def _indexed(
    gallery: CaseGallery,
    case: Case,
    recipe: Recipe,
    searching: Search,
    scorer: Scorer,
    settings: Settings,
    selected: Selected,
) -> Gallery:
    """The gallery, with its saved index where that is asked for: to build one takes longer than to search without."""
    if settings.search.index != "annoy" or not len(selected.tracklets):
        return gallery
    _, chosen = registry.load_with_settings("indexes", "annoy", settings.parts)
    store = (lambda *_: None) if case.read_only else partial(put_blob, case)
    return open_index(
        gallery,
        scorer,
        chosen,  # type: ignore[arg-type]
        reach=searching.reach,
        stamp=gallery_stamp(recipe.key, selected.tracklets),
        put_blob=store,
        get_blob=partial(get_blob, case),
    )


def _result(
    searching: Search,
    case: Case,
    recipe: Recipe,
    coverage: Coverage,
    settings: Settings,
    selection: CaseSelection,
    started: datetime,
    device: str,
) -> SearchResult:
    asked = _describe(selection)
    found = searching.appearances(continuity_of(case, recipe, searching.threshold.score, asked))
    run: dict[str, object] = {
        "threshold": {"score": searching.threshold.score, "source": searching.threshold.source},
        "probes": describe_probes(searching.probes),
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "settings": settings.as_dict(),
        "embedder": dict(recipe.terms["comparison"]),
        "versions": versions(),
        "case": {"id": case.id, "name": case.name, "path": str(case.path), "recorded": not case.read_only},
        "recipe": {"key": recipe.key, "terms": dict(recipe.terms)},
        "selection": asked,
    }
    return SearchResult(
        hits=mark_changed(found[0], coverage),
        candidates=mark_changed(found[1], coverage),
        probes=searching.probes,
        threshold=searching.threshold.score,
        compared=searching.compared,
        coverage=coverage,
        use=searching.use(),
        run=run,
        statement=searching.statement(),
    )


def _describe(selection: CaseSelection) -> dict[str, object]:
    footage = selection.footage
    return {
        "window": str(footage.window),
        "cameras": list(footage.cameras),
        "streams": list(footage.streams),
        "exhibits": list(selection.exhibits),
        "min_quality": selection.min_quality,
    }
