"""The facts of one file of footage: what it is, what is in it, and its digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from retrofr.clock import ClockOrigin, clock_from_file_name
from retrofr.errors import ExhibitError, RefusedError
from retrofr.integrity import sha256_file
from retrofr.records import Exhibit, VideoStream
from retrofr.video._diagnosis import why_index_unusable
from retrofr.video._pyav import (
    AV_FAILURES,
    AvStream,
    InputContainer,
    average_rate,
    has_decoder,
    open_container,
    recorded_streams,
    time_base,
)
from retrofr.video.footage import FootageFile

_MICROSECONDS = 1_000_000
_FINISHED_ONLY = "only finished recordings can be searched; wait for it, or search a copy"
_OWN_FORMAT = "it may be in a maker's own format; export it from the recorder as MP4 or AVI"


def open_exhibit(file: FootageFile, progress: Callable[[int], None] | None = None) -> Exhibit:
    """Read the facts of a file: digest, container, its video streams, where its wall clock comes from.

    All video streams are given but attached pictures and stills. Opening is restricted to known recording
    formats and to this one file: a playlist, or a file that names others, is refused.

    Args:
        file: from :func:`retrofr.video.footage.find_footage`.
        progress: called with the number of bytes digested so far.

    Raises:
        ExhibitError: it cannot be read, is not video, holds no video stream or none that can be decoded, or
            changed while it was read; the file's name is the subject.
    """
    before = _look_at(file)
    container = open_container(file.path, file.name)
    try:
        streams = _streams(container, file.path, file.name)
        kind = container.format.name
        clock = _clock(container, file.path.name)
    except AV_FAILURES as error:
        raise ExhibitError(f"its header cannot be read ({error})", subject=file.name) from error
    finally:
        container.close()
    digest = _digest(file, before.st_size, progress)
    after = _look_at(file)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(file)
    return Exhibit(file.path, file.name, digest, after.st_size, kind, streams, clock)


def _digest(file: FootageFile, size: int, progress: Callable[[int], None] | None) -> str:
    def told(done: int) -> None:
        if done > size:  # a file that grows could be read for ever
            raise _changed(file)
        if progress is not None:
            progress(done)

    try:
        return sha256_file(file.path, told)
    except ExhibitError as error:
        raise ExhibitError(error.reason, subject=file.name, hint=error.hint) from error


def _changed(file: FootageFile) -> ExhibitError:
    return ExhibitError("changed while it was being read", subject=file.name, hint=_FINISHED_ONLY)


def _look_at(file: FootageFile) -> os.stat_result:
    try:
        facts = file.path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise RefusedError("is not a regular file; only recorded files are searched", subject=file.name)
        with file.path.open("rb"):
            return facts
    except FileNotFoundError as error:
        raise ExhibitError("does not exist any more", subject=file.name) from error
    except PermissionError as error:
        raise ExhibitError(
            "no permission to read it",
            subject=file.name,
            hint="change its permissions, or run as a user who may read it",
        ) from error
    except OSError as error:
        raise ExhibitError(f"cannot be read ({error.strerror})", subject=file.name) from error


def _streams(container: InputContainer, path: Path, name: str) -> tuple[VideoStream, ...]:
    recorded = recorded_streams(container)
    if not recorded:
        if container.streams.video:
            raise ExhibitError("holds still pictures only, no recorded video", subject=name)
        if container.streams.audio:
            raise ExhibitError("holds sound only, no video stream", subject=name)
        reason = why_index_unusable(path) or "no video stream in this file"
        raise ExhibitError(reason, subject=name)
    if not any(has_decoder(stream) for stream in recorded):
        raise ExhibitError(
            "no decoder for its video",
            subject=name,
            hint=_OWN_FORMAT,
        )
    return tuple(_facts(container, stream) for stream in recorded)


def _facts(container: InputContainer, stream: AvStream) -> VideoStream:
    if not has_decoder(stream):
        return VideoStream(stream.index, "unknown", 0, 0, average_rate(stream), None)
    context = stream.codec_context
    return VideoStream(
        index=stream.index,
        codec=context.codec.canonical_name,
        width=context.width,
        height=context.height,
        average_rate=average_rate(stream),
        declared_seconds=_declared_seconds(container, stream),
    )


def _declared_seconds(container: InputContainer, stream: AvStream) -> Fraction | None:
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


def _clock(container: InputContainer, file_name: str) -> ClockOrigin:
    """The recorder's own clock where the container carries it (DHAV), else the file name's."""
    if container.format.name == "dhav":
        starts = [
            stream.start_time * time_base(stream)
            for stream in recorded_streams(container)
            if stream.start_time is not None
        ]
        if starts and min(starts) > 0:
            # The recorder writes its local time; the demuxer counts it as if it were UTC.
            at = datetime(1970, 1, 1) + timedelta(microseconds=round(min(starts) * _MICROSECONDS))
            return ClockOrigin(at, "recorder clock in the container (DHAV)")
    return clock_from_file_name(file_name)


def reopen_stream(exhibit: Exhibit, index: int) -> tuple[InputContainer, AvStream]:
    """Open one video stream of an exhibit for decoding; the caller closes the container.

    Raises:
        ExhibitError: the file is gone, has another size than when its digest was taken, or has no such
            stream or no decoder for it.
    """
    try:
        size = exhibit.path.stat().st_size
    except OSError as error:
        raise ExhibitError(f"cannot be read any more ({error.strerror})", subject=exhibit.name) from error
    if size != exhibit.size_bytes:
        raise ExhibitError(
            f"has {size} bytes and had {exhibit.size_bytes} when its digest was taken",
            subject=exhibit.name,
            hint=_FINISHED_ONLY,
        )
    container = open_container(exhibit.path, exhibit.name)
    stream = next((found for found in recorded_streams(container) if found.index == index), None)
    if stream is not None and has_decoder(stream):
        return container, stream
    container.close()
    if stream is None:
        raise ExhibitError(f"has no video stream {index}", subject=exhibit.name)
    raise ExhibitError(f"no decoder for the video of stream {index}", subject=exhibit.name, hint=_OWN_FORMAT)
