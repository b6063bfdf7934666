"""Decoding by a GPU's own decoder where that is asked for, and saying so where it cannot be had.

Only NVIDIA's (NVDEC, through CUDA). H.264 and HEVC say exactly what a decoder must give, so pictures of sound footage
are the same; of damaged footage hardware shows what it made of it and reports next to nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from av.codec import Codec
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame

from retrofr.errors import ExhibitError
from retrofr.records import Exhibit
from retrofr.settings import VideoSettings
from retrofr.video._pyav import AV_FAILURES, AvStream, InputContainer
from retrofr.video.container import reopen_stream
from retrofr.video.plan import ReadingPlan

_KIND = "cuda"
# How hardware lays pictures out, and what FFmpeg's own decoders give: the same numbers, with the colours in planes of
# their own. From these alone FFmpeg makes the same RGB: out of NV12 it spreads colours over points in another way.
_PLANAR = {
    "nv12": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p210le": "yuv422p10le",
}
_FULL_RANGE = 2  # FFmpeg's AVCOL_RANGE_JPEG; its decoders then name the pixel format otherwise
_OF_FULL_RANGE = {"yuv420p": "yuvj420p", "yuv422p": "yuvj422p", "yuv444p": "yuvj444p"}

_NOT_TAKEN = "the hardware decoder does not take this stream"
_REQUIRED_HINT = "`--set video.hardware=auto` decodes in software what hardware does not take"


class Hardware:
    """What decodes one stream.

    ``in_use``: it was opened for hardware; the frames tell whether that took it. ``frames`` of those that pictures were
    made of came from hardware, ``software_frames`` did not.

    Args:
        wanted: the setting ``video.hardware``.
        name: of the exhibit, for messages.
        why_not: why hardware cannot be used, as part of a sentence; None where it can.

    Raises:
        ExhibitError: it is required and cannot be used.
    """

    def __init__(self, wanted: str, name: str, why_not: str | None = None) -> None:
        self.in_use = wanted != "off" and why_not is None
        self.frames = self.software_frames = 0
        self._wanted, self._name, self._why_not = wanted, name, why_not
        if why_not is not None:
            self._refuse_if_required(why_not)

    def plan(self, plan: ReadingPlan) -> ReadingPlan:
        """The plan of a reading; hardware decodes nothing ahead, since only software says where damage is."""
        if not self.in_use:
            return plan
        return replace(plan, video=replace(plan.video, threads=1))

    def planar(self, frame: VideoFrame) -> VideoFrame:
        """The frame as a software decoder lays it out.

        Raises:
            ExhibitError: hardware is required, and the frame does not come from there.
        """
        if not self.in_use:
            return frame
        if frame.format.name in _PLANAR:
            self.frames += 1
        else:
            self.software_frames += 1
            self._refuse_if_required(_NOT_TAKEN)
        return in_planes(frame)

    def reports_damage(self, codec_does: bool) -> bool:
        """Whether what decodes reports nearly all damage; ``codec_does``: FFmpeg's own decoder would."""
        only_software = self.software_frames > 0 and self.frames == 0
        return codec_does and (not self.in_use or only_software)

    def notes(self) -> list[str]:
        """What decoded the stream, in sentences; nothing where software was asked for."""
        if self._why_not is not None:
            return [f"decoded in software: {self._why_not}"]
        if self.frames == 0:
            return [f"decoded in software: {_NOT_TAKEN}"] if self.software_frames else []
        told = ["decoded in hardware (NVDEC)"]
        if self.software_frames:
            told.append(f"{self.software_frames} pictures decoded in software: {_NOT_TAKEN}")
        return told

    def _refuse_if_required(self, why_not: str) -> None:
        if self._wanted == "require":
            raise ExhibitError(
                f"cannot be decoded in hardware, which is required: {why_not}",
                subject=self._name,
                hint=_REQUIRED_HINT,
            )


def in_planes(frame: VideoFrame) -> VideoFrame:
    """A frame of a hardware decoder, laid out as a software decoder would; any other as it is."""
    planes = _PLANAR.get(frame.format.name)
    if planes is None:
        return frame
    if frame.color_range == _FULL_RANGE:
        planes = _OF_FULL_RANGE.get(planes, planes)
    # One thread: several race for the rows between their slices, and chroma comes out wrong there.
    return frame.reformat(format=planes, threads=1)


def open_for_decoding(
    exhibit: Exhibit, index: int, video: VideoSettings
) -> tuple[InputContainer, AvStream, Hardware]:
    """Open one video stream for decoding, in hardware where the settings want it and it can be; see ``reopen_stream``.

    Raises:
        ExhibitError: as ``reopen_stream``; or hardware is required and cannot be used.
    """
    wanted = video.hardware
    why_not = None if wanted == "off" else why_unusable(video.hardware_gpu)
    if wanted == "off" or why_not is not None:
        hardware = Hardware(wanted, exhibit.name, why_not)
        return *reopen_stream(exhibit, index), hardware
    try:
        container, stream = reopen_stream(exhibit, index, _accelerated(video.hardware_gpu))
    except ExhibitError:
        # Damaged, or no room on the GPU: what is the matter with the file is told by opening it without.
        container, stream = reopen_stream(exhibit, index)
        why_not = "the GPU did not take it when it was opened"
    else:
        if not _is_accelerated(stream):
            why_not = f"there is no hardware decoder for {stream.codec_context.codec.canonical_name}"
    try:
        return container, stream, Hardware(wanted, exhibit.name, why_not)
    except ExhibitError:
        container.close()
        raise


@lru_cache(maxsize=16)
def why_unusable(gpu: int) -> str | None:
    """Why no stream at all can be decoded by that GPU, as part of a sentence; None where one can."""
    try:
        _accelerated(gpu).create(Codec("h264", "r"))
    except AV_FAILURES as error:
        detail = getattr(error, "strerror", None) or str(error)
        return f"the decoder of GPU {gpu} cannot be opened ({detail})"
    return None


def _is_accelerated(stream: AvStream) -> bool:
    return bool(stream.codec_context.is_hwaccel)


def _accelerated(gpu: int) -> HWAccel:
    # Software is fallen back to where hardware does not take a stream, which shows only at its first frames.
    return HWAccel(_KIND, device=str(gpu), allow_software_fallback=True)
