"""From an exhibit to the samples that are looked at.

Media time zero is the earliest start of the exhibit's video streams, so times of two cameras in one file
agree. A time is ``pts × time_base`` less that zero, an exact fraction. A frame's time may be negative where
a damaged stream starts before what its container declares.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from retrofr.records import Exhibit
from retrofr.settings import SamplingSettings
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.decoding.error_log import ErrorLog, ErrorMeter
from retrofr.video.decoding.sequence import Hooks
from retrofr.video.decoding.slices import SliceStart
from retrofr.video.plan import ReadingPlan
from retrofr.video.sample_reader import SampleReader

__all__ = ["CoverageFacts", "Hooks", "SampleReader", "SliceStart", "read_samples"]


def read_samples(
    exhibit: Exhibit,
    stream: int,
    plan: ReadingPlan | SamplingSettings,
    *,
    on_position: Callable[[Fraction], None] | None = None,
    on_packet: Callable[[int], None] | None = None,
    on_slice: Callable[[SliceStart], None] | None = None,
    on_wait: Callable[[], None] | None = None,
    errors: ErrorMeter | None = None,
) -> SampleReader:
    """Open one video stream of an exhibit for reading.

    Args:
        exhibit: from :func:`retrofr.video.container.open_exhibit`.
        stream: the ``index`` of one of its streams.
        plan: which frames are looked at and how they are made; bare sampling settings stand for a plan of them.
        on_position: called now and then with the media time that decoding has reached.
        on_packet: called with the size in bytes of each packet that was read, of any stream, also of those
            that are skipped. What it raises comes out of the reader.
        on_slice: called when the first packet of a slice is about to be decoded, or was decoded ahead.
        on_wait: called now and then while nothing is read because what was read is still being decoded.
        errors: tells of FFmpeg's error messages; the log installed in this process where None.

    Raises:
        ExhibitError: the file is gone or differs in size from when its digest was taken, or the stream has no
            decoder. Damage inside the stream never raises; it is in the reader's ``coverage_facts``.
    """
    if isinstance(plan, SamplingSettings):
        plan = ReadingPlan(plan)
    hooks = Hooks(on_position, on_packet, on_slice, on_wait)
    return SampleReader(exhibit, stream, plan, hooks, errors or ErrorLog.of_this_process())
