"""Passes over footage as a search does, and keeps for measuring what a search forgets: every tracklet, and where
faces were found in every frame that was looked at.

It lives in memory, and ends with the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrofr.detectors.base import Detector
from retrofr.engines.inline import InlineEngine
from retrofr.events import Listener, ignore, never
from retrofr.faces import FaceFinder, FoundTracklet
from retrofr.footage_run import FootageRun
from retrofr.intake import TakenIn, check_request
from retrofr.nets import Nets
from retrofr.notes import FootageNotes
from retrofr.rates.comparisons import Scores
from retrofr.records import Detections, FrameRef, Pixels, Sample, Tracklet, VideoStream
from retrofr.request import FootageRequest
from retrofr.results import Coverage, StreamCoverage
from retrofr.runtime import usable_cores
from retrofr.settings import Settings
from retrofr.stream_work import SliceEnd, StreamTask, StreamWork, with_decoding_threads
from retrofr.video.footage import Footage
from retrofr.video.isolated import DecoderProcess
from retrofr.weights import WeightsFile


@dataclass(frozen=True, eq=False)
class Look:
    """A frame that was looked at, of which recording and of what width, and the boxes (k, 4) of its faces."""

    exhibit: str
    frame: FrameRef
    width: int
    boxes: Scores


@dataclass(eq=False)
class Watched:
    """What was seen of footage."""

    tracklets: list[Tracklet] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


def watch(
    footage: Footage,
    nets: Nets,
    settings: Settings,
    listener: Listener = ignore,
    stop: Callable[[], bool] = never,
) -> Watched:
    """Look at footage with these settings.

    Args:
        footage: from :func:`retrofr.video.footage.find_footage`.
        nets: ready.
        settings: of the run.
        listener: is told what happens.
        stop: asked often; once it says True the run ends with what it has.
    """
    request = FootageRequest(FootageNotes.under(settings.clock))
    check_request(request, footage.files)
    watched = Watched()
    with DecoderProcess(settings.video) as decoder:
        alone = with_decoding_threads(settings, usable_cores())
        work = _WatchingWork(nets, decoder, alone, watched)
        with InlineEngine(lambda: work, listener, stop) as engine:
            run = FootageRun(engine, decoder, _Keeping(watched), request, listener, stop)
            run.run(footage)
    watched.coverage = run.coverage()
    return watched


class _Keeping:
    """Takes every tracklet."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def begin(self, taken: TakenIn, stream: VideoStream) -> None:
        """Nothing is known of any stream."""

    def take(self, task: StreamTask, piece: object) -> None:  # noqa: ARG002
        """Keep it."""
        if isinstance(piece, FoundTracklet):
            self._watched.tracklets.append(piece.tracklet)

    def finish(self, taken: TakenIn, stream: VideoStream, coverage: StreamCoverage) -> None:
        """The run keeps the account."""


class _NotingDetector:
    """Notes what a detector finds; ``samples`` are those that it is given next."""

    def __init__(self, inner: Detector, watched: Watched, exhibit: str) -> None:
        self.name: str = inner.name
        self.weights: tuple[WeightsFile, ...] = tuple(inner.weights)
        self.samples: Sequence[Sample] = ()
        self._inner, self._watched, self._exhibit = inner, watched, exhibit

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        """See :class:`retrofr.detectors.base.Detector`."""
        found = self._inner.detect(frames)
        for sample, faces in zip(self.samples, found, strict=True):
            boxes = np.asarray(faces.boxes, np.float64)
            self._watched.looks.append(Look(self._exhibit, sample.frame, sample.image.shape[1], boxes))
        return found


class _WatchingFinder(FaceFinder[SliceEnd]):
    """Tells the noting detector which samples it is given."""

    noting: _NotingDetector

    def look_at(self, samples: Sequence[Sample]) -> Iterator[FoundTracklet | SliceEnd]:
        self.noting.samples = samples
        yield from super().look_at(samples)


class _WatchingWork(StreamWork):
    """Work on a stream whose finder is watched."""

    def __init__(self, nets: Nets, decoder: DecoderProcess, settings: Settings, watched: Watched) -> None:
        super().__init__(nets, decoder, settings, "nothing")
        self._watched = watched

    def finder(self, task: StreamTask) -> FaceFinder[SliceEnd]:
        noting = _NotingDetector(self._nets.detector, self._watched, task.taken.exhibit.name)
        finder = _WatchingFinder(
            task.taken.exhibit,
            noting,
            self._nets.comparison,
            self._settings,
            keeps="nothing",
            aside=self._aside,
        )
        finder.noting = noting
        return finder
