"""Opening files with PyAV, restricted: one regular file of a known format, and nothing that it points at.

This folder is the only place that imports av. What av raises is turned into ExhibitError here and in the
files beside this one.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.codec.hwaccel
import av.container
import av.video.stream

from retrofr.errors import ExhibitError
from retrofr.video.headers.diagnosis import why_not_opened

InputContainer = av.container.InputContainer
AvStream = av.video.stream.VideoStream

# What av is known to raise on damaged files. FFmpegError covers its own tree; the others are Python's, from
# bad indices, odd sizes, undecodable text, missing decoders and absurd numbers in headers. TypeError and
# AttributeError are not among them: they say that av itself has changed, and no file may be blamed for that.
AV_FAILURES: tuple[type[Exception], ...] = (
    av.FFmpegError,
    ArithmeticError,
    AssertionError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)

# Demuxers of recordings. Left out on purpose: everything that opens other files or the network (concat, hls,
# dash, sdp, imf, image2), pictures (*_pipe, ico, webp), text and subtitles (tty, srt, vobsub), devices,
# sound.
FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,h261,h263,h264,hevc,evc,m4v,mjpeg,mpjpeg,smjpeg,vc1,obu,av1,ivf,"
    "cavsvideo,avs2,avs3,dirac,dnxhd,dhav,hxvs,ifv,iv8,mxg,nc,pva,nsv,nuv,asf,asf_o,flv,live_flv,kux,rm,ivr,ogg,"
    "nut,mxf,gxf,lxf,wtv,ty,dv,lmlm4,luodat,vivo,viv,gif,xmv,moflex"
)

# Dispositions of tracks that are no recording: cover art, thumbnails, stills and the tiles of a still.
_STILL_FLAGS = 0x0400 | 0x0800 | 0x80000 | 0x100000
_STILL_BRANDS = frozenset({"heic", "heix", "mif1", "avif"})


def open_container(path: Path, name: str, hwaccel: av.codec.hwaccel.HWAccel | None = None) -> InputContainer:
    """Open one file, read only, with no way to any other file; ``hwaccel`` decodes what it can of it.

    Raises:
        ExhibitError: with the reason as far as the file's content shows it.
    """
    try:
        # "file:" keeps names such as "concat:a|b" from being taken for a protocol.
        return av.open(
            f"file:{path.absolute()}",
            mode="r",
            metadata_errors="replace",
            hwaccel=hwaccel,
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
        )
    except AV_FAILURES as error:
        reason, hint = why_not_opened(path)
        raise ExhibitError(reason, subject=name, hint=hint) from error


def recorded_streams(container: InputContainer) -> list[AvStream]:
    """The video streams that are recordings: no cover art, no stills."""
    if container.metadata.get("major_brand", "").strip() in _STILL_BRANDS:
        return []
    return [stream for stream in container.streams.video if not int(stream.disposition) & _STILL_FLAGS]


def has_decoder(stream: AvStream) -> bool:
    return getattr(stream, "codec_context", None) is not None


def average_rate(stream: AvStream) -> Fraction | None:
    """Frames per second as the container has it, None where it has none or nonsense."""
    try:
        rate = stream.average_rate or stream.guessed_rate
    except AV_FAILURES:
        return None
    return Fraction(rate.numerator, rate.denominator) if rate and 0 < rate <= 1000 else None


def time_base(stream: AvStream) -> Fraction:
    base = stream.time_base
    if not base or base <= 0:
        return Fraction(1, 90_000)
    return Fraction(base.numerator, base.denominator)
