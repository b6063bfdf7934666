"""The order of work: from footage and probes to a search result.

A one-shot search keeps nothing of anybody who is not a candidate: faces live in memory until their tracklet
has been compared, and no file is written here at all.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from retrofr import __version__, registry
from retrofr.comparison import build_comparison
from retrofr.detectors.base import Detector
from retrofr.events import Listener, ignore, never
from retrofr.faces import FaceFinder
from retrofr.footage_run import FootageRun
from retrofr.intake import TakenIn, check_request
from retrofr.notes import FootageNotes
from retrofr.probes import ProbeSpec, describe_probes, load_probes, parse_probe, probe_pictures
from retrofr.request import FootageRequest
from retrofr.results import Coverage, SearchResult, mark_changed
from retrofr.runtime import Device, resolve_device
from retrofr.searching import Search
from retrofr.settings import Settings
from retrofr.video.footage import find_footage

LIBRARIES = ("annoy", "av", "numpy", "onnx", "opencv-python-headless", "openvino", "pillow", "torch")


def search(
    footage: Sequence[str | Path],
    probes: Sequence[str | Path | ProbeSpec],
    *,
    settings: Settings | None = None,
    request: FootageRequest | None = None,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
    keep_stills: bool = False,
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
        keep_stills: give every hit and listed candidate its pictures; costs time and memory.

    Returns:
        Ranked appearances, and what was and was not searched: unreadable footage is in the coverage.

    Raises:
        UsageError: no footage or no probe, an unknown part, a probe without exactly one chosen face, a request
            that does not go with the footage.
        RefusedError: footage that is not a recorded file.
        ModelError: a device, detector or embedder that cannot be used.
    """
    settings = settings or Settings()
    request = request or FootageRequest(FootageNotes.under(settings.clock))
    files = find_footage(footage)
    check_request(request, files.files)  # here, so that a mistyped name fails before models are loaded
    pictures = probe_pictures([parse_probe(probe) for probe in probes])
    registry.load("indexes", settings.search.index)
    device = resolve_device(settings.device)
    detector = build_detector(settings, device)
    comparison = build_comparison(settings.embed.embedder, settings.parts, device)
    loaded = load_probes(pictures, detector, comparison, settings.quality, listener)
    searching = Search(loaded, comparison, settings.search, settings.parts)
    find = partial(
        FaceFinder, detector=detector, comparison=comparison, settings=settings, keep_stills=keep_stills
    )
    run = FootageRun(find, settings, request, listener, stop)
    started = datetime.now(UTC)
    for found in run.tracklets(files):
        searching.add(found.tracklet, found.still)
    record: dict[str, object] = {
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device.describe(),
        "settings": settings.as_dict(),
        "detector": _describe_detector(detector),
        "embedder": comparison.identity(),
        "versions": versions(),
    }
    return _result(searching, run.coverage(), record | _describe_footage(request, run.taken))


def _result(searching: Search, coverage: Coverage, record: dict[str, object]) -> SearchResult:
    hits, candidates = (mark_changed(found, coverage) for found in searching.appearances())
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
        recall=searching.recall(),
        run=asked | record,
    )


def build_detector(settings: Settings, device: Device) -> Detector:
    """The detector that the settings name, ready on the device."""
    part, chosen = registry.load_with_settings("detectors", settings.detect.detector, settings.parts)
    detector: Detector = part.build(chosen, device)
    return detector


def versions() -> dict[str, str]:
    """Versions of retrofr, of Python and of every library that can change a result."""
    own = {"retrofr": __version__, "python": platform.python_version(), "platform": platform.platform()}
    return own | {name: version(name) for name in LIBRARIES}


def _describe_detector(detector: Detector) -> dict[str, object]:
    weights = [{"name": w.name, "sha256": w.sha256, "licence": w.licence} for w in detector.weights]
    return {"name": detector.name, "weights": weights}


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
