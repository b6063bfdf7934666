"""The order of work: from footage and probes to a search result.

A one-shot search keeps nothing of anybody who is not a candidate: faces live in memory until their tracklet
has been compared, and no file is written here at all.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from retrofr import __version__, registry
from retrofr.clock import format_seconds
from retrofr.comparison import Comparison, build_comparison
from retrofr.detectors.base import Detector
from retrofr.errors import ExhibitError
from retrofr.events import (
    Advanced,
    ExhibitFinished,
    ExhibitStarted,
    Listener,
    RunStarted,
    Skipped,
    ignore,
)
from retrofr.faces import FaceFinder, FoundTracklet
from retrofr.probes import ProbeSpec, describe_probes, load_probes, parse_probe, probe_pictures
from retrofr.records import Exhibit, Sample, VideoStream
from retrofr.results import Coverage, SearchResult, StreamCoverage, Unsearched
from retrofr.runtime import Device, resolve_device
from retrofr.searching import Search
from retrofr.settings import Settings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import Footage, FootageFile, find_footage
from retrofr.video.reader import SampleReader, read_samples

LIBRARIES = ("annoy", "av", "numpy", "onnx", "opencv-python-headless", "openvino", "pillow", "torch")


def never() -> bool:
    """The answer of a caller who does not stop a run."""
    return False


def search(
    footage: Sequence[str | Path],
    probes: Sequence[str | Path | ProbeSpec],
    *,
    settings: Settings | None = None,
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
        listener: is told what happens while it happens.
        stop: asked a few times a second; once it says True the run ends and gives what it has, with
            ``coverage.interrupted`` set.
        keep_stills: give every hit and listed candidate its pictures; costs time and memory.

    Returns:
        Ranked appearances, and what was and was not searched: unreadable footage is in the coverage.

    Raises:
        UsageError: no footage or no probe, an unknown part, a probe without exactly one chosen face.
        RefusedError: footage that is not a recorded file.
        ModelError: a device, detector or embedder that cannot be used.
    """
    settings = settings or Settings()
    files = find_footage(footage)
    # A mistyped path or name should fail before models are loaded.
    pictures = probe_pictures([parse_probe(probe) for probe in probes])
    registry.load("indexes", settings.search.index)
    device = resolve_device(settings.device)
    detector = build_detector(settings, device)
    comparison = build_comparison(settings.embed.embedder, settings.parts, device)
    loaded = load_probes(pictures, detector, comparison, settings.quality, listener)
    searching = Search(loaded, comparison, settings.search, settings.parts)
    run = _FootageRun(detector, comparison, settings, listener, stop, keep_stills)
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
        "exhibits": [_describe_exhibit(exhibit) for exhibit in run.exhibits],
        "versions": versions(),
    }
    return _result(searching, run.coverage(), record)


def _result(searching: Search, coverage: Coverage, record: dict[str, object]) -> SearchResult:
    hits, candidates = searching.appearances()
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


class _StoppedError(Exception):
    """The caller stopped the run while a file was being digested."""


class _FootageRun:
    """One pass over footage: gives tracklets, remembers what was and was not looked at."""

    def __init__(
        self,
        detector: Detector,
        comparison: Comparison,
        settings: Settings,
        listener: Listener,
        stop: Callable[[], bool],
        keep_stills: bool,
    ) -> None:
        self.exhibits: list[Exhibit] = []
        self._detector, self._comparison = detector, comparison
        self._settings, self._listener, self._stop = settings, listener, stop
        self._keep_stills = keep_stills
        self._streams: list[StreamCoverage] = []
        self._unsearched: list[Unsearched] = []
        self._ignored: tuple[str, ...] = ()
        self._interrupted = False

    def tracklets(self, footage: Footage) -> Iterator[FoundTracklet]:
        """Every tracklet of every exhibit, as it ends."""
        self._ignored = footage.ignored
        for missing in footage.unreadable:
            self._skip(missing)
        sizes = sum(file.path.stat().st_size for file in footage.files if file.path.exists())
        self._listener(RunStarted(len(footage.files), sizes))
        for ordinal, file in enumerate(footage.files, 1):
            if self._interrupted or self._stop():
                self._interrupted = True
                self._unsearched.append(Unsearched(file.name, "the run was stopped before it was opened"))
                continue
            try:
                yield from self._exhibit(file, ordinal)
            except ExhibitError as error:
                self._skip(Unsearched(error.subject or file.name, error.reason, error.hint))
            except _StoppedError:
                self._interrupted = True
                self._unsearched.append(Unsearched(file.name, "the run was stopped while it was digested"))

    def coverage(self) -> Coverage:
        return Coverage(tuple(self._streams), tuple(self._unsearched), self._ignored, self._interrupted)

    def _skip(self, missing: Unsearched) -> None:
        self._unsearched.append(missing)
        self._listener(Skipped(missing.subject, missing.reason, missing.hint))

    def _exhibit(self, file: FootageFile, ordinal: int) -> Iterator[FoundTracklet]:
        exhibit = open_exhibit(file, self._while_digesting)
        self.exhibits.append(exhibit)
        declared = [s.declared_seconds for s in exhibit.streams if s.declared_seconds is not None]
        self._listener(ExhibitStarted(exhibit.name, ordinal, float(sum(declared)) if declared else None))
        before = len(self._streams)
        for stream in exhibit.streams:
            if not self._interrupted:
                yield from self._stream(exhibit, stream)
        searched = sum(float(s.searched_seconds) for s in self._streams[before:])
        self._listener(ExhibitFinished(exhibit.name, searched))

    def _while_digesting(self, _bytes: int) -> None:
        """The digest of a long recording takes minutes, and a person who stops the run should not wait for it."""
        if self._stop():
            raise _StoppedError

    def _stream(self, exhibit: Exhibit, stream: VideoStream) -> Iterator[FoundTracklet]:
        finder = FaceFinder(
            exhibit,
            self._detector,
            self._comparison,
            self._settings,
            keep_stills=self._keep_stills,
        )
        with read_samples(exhibit, stream.index, self._settings.sampling) as reader:
            samples = iter(reader)
            while batch := self._batch(samples):
                yield from finder.look_at(batch)
                position = float(batch[-1].frame.seconds)
                facts = reader.coverage_facts
                self._listener(Advanced(exhibit.name, position, facts.samples, finder.counts.found))
            yield from finder.finish()
            self._close_stream(exhibit, stream, reader, finder)

    def _batch(self, samples: Iterator[Sample]) -> list[Sample]:
        """The next few samples; none where the footage or the caller's patience is at its end."""
        if self._stop():
            self._interrupted = True
            return []
        return list(islice(samples, self._settings.detect.batch_frames))

    def _close_stream(
        self, exhibit: Exhibit, stream: VideoStream, reader: SampleReader, finder: FaceFinder
    ) -> None:
        facts, counts = reader.coverage_facts, finder.counts
        problems = list(facts.problems)
        if self._interrupted:
            reached = format_seconds(facts.last_seconds or Fraction(0))
            problems.append(f"searched to {reached}, then the run was stopped")
        if not facts.frames:
            reason = "; ".join(problems) or "the decoder gave no picture"
            self._skip(Unsearched(f"{exhibit.name}, stream {stream.index}", reason))
            return
        self._streams.append(
            StreamCoverage(
                exhibit=exhibit.name,
                exhibit_sha256=exhibit.sha256,
                stream=stream.index,
                declared_seconds=stream.declared_seconds,
                searched_seconds=facts.searched_seconds,
                frames=facts.frames,
                samples=facts.samples,
                damaged_packets=facts.damaged_packets,
                faces=counts.found,
                faces_unfit=counts.unfit,
                unfit_reasons=tuple(counts.reasons.most_common()),
                problems=tuple(problems),
                notes=tuple(facts.notes),
            )
        )


def _describe_detector(detector: Detector) -> dict[str, object]:
    weights = [{"name": w.name, "sha256": w.sha256, "licence": w.licence} for w in detector.weights]
    return {"name": detector.name, "weights": weights}


def _describe_exhibit(exhibit: Exhibit) -> dict[str, object]:
    streams = [
        {"index": s.index, "codec": s.codec, "width": s.width, "height": s.height} for s in exhibit.streams
    ]
    return {
        "name": exhibit.name,
        "path": str(exhibit.path),
        "sha256": exhibit.sha256,
        "size_bytes": exhibit.size_bytes,
        "container": exhibit.container,
        "clock": exhibit.clock.source,
        "streams": streams,
    }
