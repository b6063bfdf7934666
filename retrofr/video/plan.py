"""How one video stream of an exhibit is to be read. Travels to the decoder process, so it is plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from retrofr.settings import SamplingSettings, VideoSettings


@dataclass(frozen=True)
class Resume:
    """Where to go on after a decoder died.

    Args:
        from_slice: decoding begins at the first packet of this slice.
        after_packet: frames are dropped up to and including the one made from this packet of the stream; None
            drops none. They were given out before.
        first_ordinal: number of the first frame that is given out.
        first_segment: segment of the last frame that was given out before; the reader counts on from it.
    """

    from_slice: int
    after_packet: int | None
    first_ordinal: int
    first_segment: int


@dataclass(frozen=True)
class ReadingPlan:
    """Which frames of a stream are looked at, and how they are made.

    Args:
        sampling, video: the settings of these stages.
        pixel_aspect: width of a pixel over its height, as an examiner gives it; it goes before the container's.
        frame_rate: frames a second of a stream that has no times, as an examiner gives it.
        windows: media time [start, end) to look at, in order, None for open ends; empty for all.
        resume: not None after a decoder died.
    """

    sampling: SamplingSettings
    video: VideoSettings = field(default_factory=VideoSettings)
    pixel_aspect: Fraction | None = None
    frame_rate: Fraction | None = None
    windows: tuple[tuple[Fraction | None, Fraction | None], ...] = ()
    resume: Resume | None = None
