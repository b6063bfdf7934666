"""Reads the burnt-in clock of exhibits: chooses the frames, has them decoded, reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction

from retrofr.errors import ExhibitError
from retrofr.overlay.reading import NoOverlayClock, OverlayReading, read_overlay_clock
from retrofr.overlay.text_reader import open_text_reader
from retrofr.records import Exhibit, Sample, VideoStream
from retrofr.video.isolated import DecoderProcess
from retrofr.video.overlay import choose_samples, overlay_plan, overlay_times
from retrofr.video.survey import survey


class OverlayClocks:
    """Reads one exhibit after the other.

    Args:
        decoder: decodes the frames.

    Raises:
        ModelError: the extra ``ocr`` is not installed.
        WeightsError: its weights are not what they should be.
    """

    def __init__(self, decoder: DecoderProcess) -> None:
        self._decoder = decoder
        self._reader = open_text_reader(min(4, os.cpu_count() or 1))

    def read(self, exhibit: Exhibit, check: Callable[[], None]) -> OverlayReading | NoOverlayClock:
        """The burnt-in clock of the exhibit's first stream, from at most 20 of its frames.

        Args:
            exhibit: its clock is not looked at.
            check: called between frames; what it raises ends the reading.
        """
        try:
            return self._read(exhibit, check)
        except ExhibitError as error:
            return NoOverlayClock(error.reason, 0)

    def _read(self, exhibit: Exhibit, check: Callable[[], None]) -> OverlayReading | NoOverlayClock:
        stream = exhibit.streams[0]
        end = self._end(exhibit, stream)
        with self._decoder.read_samples(exhibit, stream.index, overlay_plan(Fraction(0), end)) as reader:

            def samples() -> Iterator[Sample]:
                for sample in reader:
                    check()
                    yield sample

            return read_overlay_clock(
                choose_samples(samples(), overlay_times(Fraction(0), end)), self._reader
            )

    def _end(self, exhibit: Exhibit, stream: VideoStream) -> Fraction:
        if stream.declared_seconds is not None:
            return stream.declared_seconds
        found = self._decoder.call(survey, exhibit.path, exhibit.name, subject=exhibit.name)
        lengths = [each.recorded_seconds for each in found.streams if each.index == stream.index]
        return lengths[0] if lengths and lengths[0] is not None else Fraction(1)


def said_of(overlay: OverlayReading | NoOverlayClock | None) -> tuple[str, ...]:
    """What a person must know of the burnt-in clock before believing in it."""
    if isinstance(overlay, NoOverlayClock):
        return (f"burnt-in clock: {overlay.reason}",)
    return () if overlay is None else tuple(f"burnt-in clock: {problem}" for problem in overlay.problems)
