"""The order of work: from footage and probes to a search result.

A one-shot search keeps nothing of anybody who is not a candidate: faces live in memory until their tracklet
has been compared, and no file is written here at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from retrofr import registry
from retrofr.appearances import join_appearances
from retrofr.case.audit import Act, acting
from retrofr.case.permitting import (
    permit,
    permit_faces,
    refuse_footage_outside,
    refuse_nothing_inside,
    threshold_of,
)
from retrofr.continuity import Continuity, KnownTracklets, alike_at, ends_in_question
from retrofr.documents import found_record
from retrofr.engines.inline import InlineEngine
from retrofr.errors import ModelError
from retrofr.events import Found, Listener, Warned, ignore, never
from retrofr.faces import FoundTracklet
from retrofr.footage_run import FootageRun
from retrofr.gallery.base import SliceGallery
from retrofr.intake import TakenIn, cameras_of, check_request
from retrofr.nets import Nets, describe_detector, load_nets
from retrofr.notes import FootageNotes
from retrofr.operating import find_operating_points
from retrofr.oversight.checking import Permission
from retrofr.oversight.details import models_of, search_details
from retrofr.oversight.scope import OutsideCounter, Scope
from retrofr.probe_files import ProbeSpec
from retrofr.probe_gathering import NamedPictures, make_probes, name_pictures
from retrofr.probes import describe_probes
from retrofr.records import Probe, Still, Tracklet, VideoStream
from retrofr.redaction.checking import PictureCheck, picture_check
from retrofr.redaction.record import redaction_record
from retrofr.request import FootageRequest
from retrofr.results import Coverage, SearchResult, StreamCoverage, mark_changed
from retrofr.runtime import usable_cores
from retrofr.searching import Search
from retrofr.settings import Settings, TrackSettings
from retrofr.stream_work import SliceEnd, StreamTask, StreamWork, with_decoding_threads
from retrofr.versions import versions
from retrofr.video.footage import Footage, find_footage
from retrofr.video.isolated import DecoderProcess


def search(
    footage: Sequence[str | Path],
    probes: Sequence[str | Path | ProbeSpec],
    *,
    settings: Settings | None = None,
    request: FootageRequest | None = None,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
    lenient: bool = False,
    keep_stills: bool = False,
    unredacted: str | None = None,
) -> SearchResult:
    """Search recorded footage for the faces of probes.

    Args:
        footage: files, folders (with everything below them) and glob patterns.
        probes: ``[NAME=]PATH[#FACE]`` each: a picture of one person, or a folder of pictures of one person.
            Pictures under the same name are the same person.
        settings: of every stage; the defaults where None.
        request: what is known about the footage, which part of it is searched, and digests that came with it.
        listener: is told what happens while it happens.
        stop: asked a few times a second; once it says True the run ends and gives what it has, with
            ``coverage.interrupted`` set.
        lenient: pictures that cannot be probes are listed among what was not searched, and the others searched.
        keep_stills: give every hit and listed candidate its pictures; costs time and memory.
        unredacted: the reason for which these pictures hide nobody; it is logged. None: everybody but the candidate
            is hidden in them.

    Returns:
        Ranked appearances, and what was and was not searched: unreadable footage is in the coverage.

    Raises:
        UsageError: no footage or no probe, an unknown part, a probe without exactly one chosen face, a request
            that does not go with the footage.
        RefusedError: footage that is not a recorded file; or a policy or the authority does not allow the search.
        ModelError: a device, detector or embedder that cannot be used.
    """
    with acting(None, "search", reason=unredacted, listener=listener) as act:
        pictures = _Pictures(keep_stills, unredacted, listener)
        result = _search(footage, probes, act, settings, request, listener, stop, lenient, pictures)
        act.details |= {"unredacted": True} if keep_stills and unredacted is not None else {}
        act.details |= search_details(result)
        act.models |= models_of(result.run)
        act.outcome = "interrupted" if result.coverage.interrupted else "done"
        return result


def _search(
    footage: Sequence[str | Path],
    probes: Sequence[str | Path | ProbeSpec],
    act: Act,
    settings: Settings | None,
    request: FootageRequest | None,
    listener: Listener,
    stop: Callable[[], bool],
    lenient: bool,
    pictures: _Pictures,
) -> SearchResult:
    settings = settings or Settings()
    request = request or FootageRequest(FootageNotes.under(settings.clock))
    files = find_footage(footage)
    check_request(request, files.files)  # here, so that a mistyped name fails before models are loaded
    named = name_pictures(probes, lenient=lenient)
    registry.load("indexes", settings.search.index)
    permission = _permitted(act, settings, request, files, named, listener)
    request = dataclasses.replace(request, selection=permission.selection)
    with DecoderProcess(settings.video) as decoder:
        decoder.start()  # it loads its libraries while the nets are loaded
        nets = load_nets(settings)
        ready = (nets.detector, nets.comparison)
        loaded, unusable = make_probes(named, lambda: ready, settings.quality, listener, lenient=lenient)
        permit_faces(permission, act, loaded)
        searching = _searching(loaded, nets, settings)
        pictures.prepare(settings, nets)
        started = datetime.now(UTC)
        alone = with_decoding_threads(settings, usable_cores())
        work = StreamWork(nets, decoder, alone, "frames" if pictures.wanted else "nothing")
        with InlineEngine(lambda: work, listener, stop) as engine:
            comparing = _Comparing(searching, settings.track, permission.scope, pictures, listener)
            run = FootageRun(engine, decoder, comparing, request, listener, stop)
            run.run(files)
    continuity = Continuity(
        comparing.known, settings.track, alike_at(nets.comparison.compare, searching.threshold.score)
    )
    coverage = run.coverage()
    refuse_nothing_inside(permission, act, coverage)
    coverage = dataclasses.replace(coverage, unsearched=(*coverage.unsearched, *unusable))
    record = _describe_run(started, nets, settings) | _describe_footage(request, run.taken)
    record |= permission.as_dict(comparing.outside.count)
    return pictures.recorded(_result(searching, continuity, coverage, record))


def _permitted(
    act: Act,
    settings: Settings,
    request: FootageRequest,
    files: Footage,
    named: NamedPictures,
    listener: Listener,
) -> Permission:
    """Whether this may be searched; nothing of it was opened yet."""
    permission = permit(
        None,
        act,
        selection=request.selection,
        detector=settings.detect.detector,
        embedder=settings.embed.embedder,
        probes=named.pictures,
        threshold=partial(threshold_of, settings),
        listener=listener,
    )
    refuse_footage_outside(permission, act, cameras_of(request, files.files))
    return permission


def _searching(probes: Sequence[Probe], nets: Nets, settings: Settings) -> Search:
    operating = find_operating_points(settings.search, nets.comparison.identity(), nets.detector.name)
    return Search(probes, nets.comparison, settings.search, settings.parts, operating)


class _Pictures:
    """Makes the pictures of candidates; none of a frame that could not be checked for others."""

    def __init__(self, wanted: bool, unredacted: str | None, listener: Listener) -> None:
        self.wanted = wanted
        self._unredacted, self._listener = unredacted, listener
        self._check: PictureCheck | None = None
        self._missing = 0

    def prepare(self, settings: Settings, nets: Nets) -> None:
        """Load what is needed, so that a run of hours does not end without pictures."""
        if self.wanted and self._unredacted is None:
            self._check = picture_check(settings, lambda: nets.device)
            _ = self._check.detector

    def still(self, found: FoundTracklet, face: int) -> Still | None:
        if not self.wanted:
            return None
        try:
            return found.still(face, self._check)
        except ModelError as error:
            self._missing += 1
            name = found.tracklet.exhibit.name
            why = f"a picture was not made, as it could not be checked for other faces: {error.reason}"
            self._listener(Warned(name, why))
            return None

    def recorded(self, result: SearchResult) -> SearchResult:
        """The same result, with what its pictures hide among what the run was."""
        if not self.wanted:
            return result
        stills = [a.still_pictures for a in (*result.hits, *result.candidates) if a.still_pictures]
        how = None if self._check is None else self._check.how
        record = redaction_record(stills, how, self._unredacted, self._missing)
        return dataclasses.replace(result, run=result.run | {"redaction": record})


class _Comparing:
    """Compares each tracklet as it ends, and forgets it unless it is a candidate or lies at a slice's edge.

    ``known`` are the latter: an appearance may extend over them. ``outside`` counts templates outside of the scope.
    """

    def __init__(
        self, searching: Search, track: TrackSettings, scope: Scope, pictures: _Pictures, listener: Listener
    ) -> None:
        self.known = KnownTracklets()
        self.outside = OutsideCounter(scope)
        self._searching, self._track, self._pictures = searching, track, pictures
        self._listener = listener
        self._slice: list[Tracklet] = []

    def begin(self, taken: TakenIn, stream: VideoStream) -> None:
        """Nothing is known of any stream."""

    def take(self, task: StreamTask, piece: object) -> None:  # noqa: ARG002
        match piece:
            case FoundTracklet(tracklet):
                self.outside.add(tracklet)
                made = partial(self._pictures.still, piece)
                hits = self._searching.look_through(SliceGallery([tracklet], lambda _, face: made(face)))
                for each in join_appearances(hits, hit=True, join_gap_seconds=None):
                    self._listener(Found(found_record(each)))
                self._slice.append(tracklet)
            case SliceEnd():
                self.known.add(ends_in_question(self._slice, self._track))
                self._slice = []

    def finish(self, taken: TakenIn, stream: VideoStream, coverage: StreamCoverage) -> None:
        """The run keeps the account."""


def _result(
    searching: Search, continuity: Continuity, coverage: Coverage, record: dict[str, object]
) -> SearchResult:
    hits, candidates = (mark_changed(found, coverage) for found in searching.appearances(continuity))
    threshold = searching.threshold
    asked = {
        "threshold": {"score": threshold.score, "source": threshold.source},
        "probes": describe_probes(searching.probes),
    }
    return SearchResult(
        hits=hits,
        candidates=candidates,
        probes=searching.probes,
        threshold=threshold.score,
        compared=searching.compared,
        coverage=coverage,
        use=searching.use(),
        run=asked | record,
        statement=searching.statement(),
    )


def _describe_run(started: datetime, nets: Nets, settings: Settings) -> dict[str, object]:
    return {
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": nets.device.describe(),
        "settings": settings.as_dict(),
        "detector": describe_detector(nets.detector),
        "embedder": nets.comparison.identity(),
        "versions": versions(),
    }


def _describe_footage(request: FootageRequest, taken: Sequence[TakenIn]) -> dict[str, object]:
    selection = request.selection
    return {
        "selection": {
            "window": str(selection.window),
            "cameras": list(selection.cameras),
            "streams": list(selection.streams),
        },
        "exhibits": [_describe_exhibit(each) for each in taken],
    }


def _describe_exhibit(taken: TakenIn) -> dict[str, object]:
    exhibit, notes = taken.exhibit, taken.notes
    streams = [
        {"index": s.index, "codec": s.codec, "width": s.width, "height": s.height} for s in exhibit.streams
    ]
    return {
        "name": exhibit.name,
        "path": str(exhibit.path),
        "sha256": exhibit.sha256,
        "size_bytes": exhibit.size_bytes,
        "container": exhibit.container,
        "camera": exhibit.camera,
        "clock": exhibit.clock.source,
        "clock_status": exhibit.clock.status,
        "pixel_aspect": None if notes.pixel_aspect is None else str(notes.pixel_aspect),
        "frame_rate": notes.frame_rate,
        "hash_check": taken.hash_check,
        "burnt_in_clock": _describe_overlay(taken),
        "streams": streams,
    }


def _describe_overlay(taken: TakenIn) -> dict[str, object] | None:
    """What was read of the burnt-in clock, so that a person can check it against the pictures."""
    overlay = taken.overlay
    if overlay is None:
        return None
    texts = [{"seconds": text.seconds, "text": text.text} for text in overlay.texts]
    return {"source": overlay.origin.source, "frames": overlay.frames, "texts": texts}
