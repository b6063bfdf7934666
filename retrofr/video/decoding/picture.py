"""From a frame that is looked at to its picture: whole, RGB, upright, with square pixels."""

from __future__ import annotations

from fractions import Fraction

from av.video.frame import VideoFrame

from retrofr.records import Pixels
from retrofr.video._pyav import AV_FAILURES, AvStream
from retrofr.video.decoding.deinterlace import Deinterlacer
from retrofr.video.decoding.upright import believable_aspect, upright_rgb
from retrofr.video.hardware import Hardware, in_planes
from retrofr.video.plan import ReadingPlan


class PictureMaker:
    """Makes pictures of one stream's frames.

    ``deinterlaced`` counts those that were deinterlaced, ``woven`` those that should have been and could not be.

    Args:
        stream, plan: what is read, and how.
        hardware: what decodes it.
    """

    def __init__(self, stream: AvStream, plan: ReadingPlan, hardware: Hardware) -> None:
        self.hardware = hardware
        context = stream.codec_context
        self._stream = stream
        self._given = plan.pixel_aspect
        self._aspect = believable_aspect(stream.sample_aspect_ratio)
        self._size = (context.width, context.height)
        self._deinterlacer = Deinterlacer() if plan.video.deinterlace == "flagged" else None
        self.deinterlaced = self.woven = 0

    def picture(
        self, before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None
    ) -> Pixels | None:
        """(H, W, 3) uint8 RGB; None where the frame cannot be converted.

        Args:
            before, after: its neighbours as shown; None where there is none.
        """
        try:
            own = self.hardware.planar(frame)
            return upright_rgb(self._whole(before, own, after), self._aspect_of(frame), frame.rotation)
        except AV_FAILURES:
            return None

    def _whole(self, before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None) -> VideoFrame:
        if self._deinterlacer is None or not frame.interlaced_frame:
            return frame
        near = [None if one is None else in_planes(one) for one in (before, after)]
        whole = self._deinterlacer.whole(near[0], frame, near[1])
        if whole is None:
            self.woven += 1
            return frame
        self.deinterlaced += 1
        return whole

    def _aspect_of(self, frame: VideoFrame) -> Fraction:
        """As given, else the container's; the decoder's where the picture has changed its size since."""
        if self._given is not None:
            return self._given
        if (frame.width, frame.height) == self._size:
            return self._aspect
        return believable_aspect(self._stream.codec_context.sample_aspect_ratio)
