"""A decoded frame: what its decoder says of it, and its picture for as long as somebody may look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType, VideoFrame

from retrofr.video.shots import points_of


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame.

    Args:
        packet: number of the packet it was made from; None where the decoder does not say.
        pts, dts, duration: in ticks; None where there is none.
        is_keyframe: nothing in it is predicted from other frames.
        is_corrupt: the decoder reports damage in it.
        is_interlaced: it is flagged as made of two fields.
        points: the luma that tells cuts, int16.
        picture: None where nobody will look at it.
    """

    packet: int | None
    pts: int | None
    dts: int | None
    duration: int | None
    is_keyframe: bool
    is_corrupt: bool
    is_interlaced: bool
    points: npt.NDArray[np.int16]
    picture: VideoFrame | None

    def without_picture(self) -> Frame:
        """The same, once nobody will look at it."""
        return replace(self, picture=None)


def frame_of(decoded: VideoFrame) -> Frame:
    """As the decoder gave it."""
    return Frame(
        packet=int(decoded.opaque) if isinstance(decoded.opaque, int) else None,
        pts=decoded.pts,
        dts=decoded.dts,
        duration=decoded.duration,
        is_keyframe=bool(decoded.key_frame) and decoded.pict_type == PictureType.I,
        is_corrupt=decoded.is_corrupt,
        is_interlaced=decoded.interlaced_frame,
        points=points_of(decoded),
        picture=decoded,
    )
