"""What a reading knows of the frame that was shown last, until the time of the next one is known."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.video.frame import VideoFrame

from retrofr.video.decoding.course import Step
from retrofr.video.decoding.sequence import Timed


@dataclass(frozen=True)
class Shown:
    """What was known of a frame when it was shown; ``timed`` is None where it was not decoded.

    ``before`` is the frame that it followed. ``due``: it is a sample; ``looked_at``: and not one that shows nothing
    new. ``still``: it stands behind such a one.
    """

    packet: int | None
    ordinal: int
    suspect: bool
    still: bool
    timed: Timed | None = None
    shot: int = 0
    before: VideoFrame | None = None
    due: bool = False
    looked_at: bool = False


@dataclass(frozen=True)
class Latest:
    """The latest frame; it is finished when the time of the next one is known.

    ``shown`` is None where its packet was skipped and it is in no account but that of the windows. ``billed`` is
    False for what an earlier reading has told of.
    """

    seconds: Fraction
    step: Step
    billed: bool
    shown: Shown | None = None
