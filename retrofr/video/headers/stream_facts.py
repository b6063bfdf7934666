"""The facts of one video stream, from the headers that the demuxer has read."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from retrofr.records import VideoStream
from retrofr.video._pyav import AV_FAILURES, AvStream, InputContainer, average_rate, has_decoder, time_base
from retrofr.video.decoding.upright import believable_aspect
from retrofr.video.facts import StreamFacts, Tags

_MICROSECONDS = 1_000_000
_MAX_RATE = 1000
# AVFieldOrder: T and B are the fields; the first letter is the one coded first, the second the one shown first.
_FIELD_ORDERS = {
    1: "progressive",
    2: "interlaced, top field first",
    3: "interlaced, bottom field first",
    4: "interlaced, bottom field shown first",
    5: "interlaced, top field shown first",
}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_MAX_TAG = 200


def stream_facts(container: InputContainer, stream: AvStream, *, encrypted: bool) -> StreamFacts:
    """What the headers say of one recorded video stream."""
    start = stream.start_time
    own_start = None if start is None else start * time_base(stream)
    tags = plain_tags(stream.metadata)
    if not has_decoder(stream):
        plain = VideoStream(stream.index, "unknown", 0, 0, average_rate(stream), None)
        return StreamFacts(plain, start_seconds=own_start, tags=tags, encrypted=encrypted, decodable=False)
    context = stream.codec_context
    pixels = context.format
    level = context.level if context.level > 0 else None
    return StreamFacts(
        stream=VideoStream(
            index=stream.index,
            codec=context.codec.canonical_name,
            width=context.width,
            height=context.height,
            average_rate=average_rate(stream),
            declared_seconds=declared_seconds(container, stream),
        ),
        profile=context.profile or None,
        level=level,
        pixel_format=context.pix_fmt,
        bit_depth=max((component.bits for component in pixels.components), default=None) if pixels else None,
        full_range=context.color_range == _FULL_RANGE or (context.pix_fmt or "").startswith("yuvj"),
        pixel_aspect=_stated_aspect(stream),
        field_order=_FIELD_ORDERS.get(int(context.field_order)),
        reordered=bool(context.has_b_frames),
        start_seconds=own_start,
        declared_frames=stream.frames or None,
        codec_rate=_codec_rate(stream),
        tags=tags,
        encrypted=encrypted,
    )


def plain_tags(metadata: Mapping[str, str]) -> Tags:
    """Metadata as sorted pairs, long values cut."""
    return tuple(sorted((name, value.strip("\0 ")[:_MAX_TAG]) for name, value in metadata.items()))


def _stated_aspect(stream: AvStream) -> Fraction | None:
    """Width of a pixel over its height where it is stated, by the container or by the codec."""
    stated = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not stated or stated <= 0:
        return None
    return believable_aspect(Fraction(stated.numerator, stated.denominator))


def _codec_rate(stream: AvStream) -> Fraction | None:
    """Frames a second as H.264, HEVC and MPEG headers state them; a clock's ticks are none."""
    try:
        rate = stream.codec_context.framerate
    except AV_FAILURES:
        return None
    if not rate or not 0 < rate <= _MAX_RATE:
        return None
    return Fraction(rate.numerator, rate.denominator)


def declared_seconds(container: InputContainer, stream: AvStream) -> Fraction | None:
    """How long the stream says it is. A bare elementary stream only has a guess from its bit rate: None."""
    if stream.start_time is None or container.format.name == "mpegvideo":
        return None
    declared = []
    if stream.duration is not None:
        declared.append(stream.duration * time_base(stream))
    elif (tagged := _from_tag(stream.metadata.get("DURATION", ""))) is not None:
        declared.append(tagged - stream.start_time * time_base(stream))
    elif container.duration is not None:
        declared.append(Fraction(container.duration, _MICROSECONDS))
    rate = average_rate(stream)
    if container.format.name == "avi" and stream.frames and rate:
        # A cut AVI's duration is made to fit what is left; its header still counts the frames it had.
        declared.append(stream.frames / rate)
    longest = max(declared, default=Fraction(0))
    return longest if longest > 0 else None


def _from_tag(text: str) -> Fraction | None:
    """Matroska's per-track ``DURATION``, ``00:01:02.340000000``: the time at which the track ends."""
    try:
        hours, minutes, seconds = text.strip("\0 ").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
