"""The facts of one file of footage: what it is, what is in it, and its digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

from av.codec.hwaccel import HWAccel

from retrofr.clock import WallClock, choose_origin
from retrofr.clock_names import read_name
from retrofr.errors import ExhibitError, GrowingError, RefusedError
from retrofr.integrity import digest_file
from retrofr.notes import ExhibitNotes
from retrofr.records import Exhibit
from retrofr.video._pyav import (
    AV_FAILURES,
    AvStream,
    InputContainer,
    has_decoder,
    open_container,
    recorded_streams,
)
from retrofr.video.facts import ContainerFacts, Refusal, StreamFacts
from retrofr.video.footage import FootageFile
from retrofr.video.headers.clues import container_origins
from retrofr.video.headers.diagnosis import PROGRAM, why_index_unusable
from retrofr.video.headers.encryption import encrypted_streams
from retrofr.video.headers.ending import cut_off
from retrofr.video.headers.stream_facts import plain_tags, stream_facts
from retrofr.video.headers.wrapping import notices

_MICROSECONDS = 1_000_000
_FINISHED_ONLY = "only finished recordings can be searched; wait for it, or search a copy"
_OWN_FORMAT = "it may be in a maker's own format; export it from the recorder as MP4 or AVI"
ENCRYPTED = Refusal(
    "its video is encrypted, so none of it could be searched",
    "export it from the recorder without encryption or a password, or decrypt a copy with the maker's player",
)


def read_container(path: Path, name: str) -> ContainerFacts:
    """Read what a file's headers say of it; nothing is decoded.

    Opening is restricted to known recording formats and to this one file: a playlist, or a file that names
    others, is refused. All video streams are given but attached pictures and stills. A file that opens and
    of which nothing can be searched is given with its ``refusal``.

    Args:
        path: the file.
        name: how errors call it.

    Raises:
        ExhibitError: it does not open, or its header cannot be read.
    """
    container = open_container(path, name)
    try:
        encrypted = encrypted_streams(container, path)
        streams = tuple(
            stream_facts(container, stream, encrypted=stream.index in encrypted)
            for stream in recorded_streams(container)
        )
        duration = container.duration
        return ContainerFacts(
            format=container.format.name,
            long_name=container.format.long_name,
            streams=streams,
            others=_others(container),
            declared_seconds=Fraction(duration, _MICROSECONDS) if duration else None,
            tags=plain_tags(container.metadata),
            origins=container_origins(container),
            notices=tuple(notices(path, container.format.name)),
            problems=tuple(cut_off(path, container.format.name)),
            refusal=_refusal(container, streams, path),
        )
    except AV_FAILURES as error:
        raise ExhibitError(f"its header cannot be read ({error})", subject=name) from error
    finally:
        container.close()


def open_exhibit(
    file: FootageFile,
    progress: Callable[[int], None] | None = None,
    notes: ExhibitNotes | None = None,
) -> Exhibit:
    """Read the facts of a file: digest, container, its video streams, where its wall clock comes from.

    Args:
        file: from :func:`retrofr.video.footage.find_footage`.
        progress: called with the number of bytes digested so far.
        notes: what the examiner knows of it; only the file itself is asked where None.

    Raises:
        ExhibitError: it cannot be read, is not video, holds no video stream or none that can be decoded, or
            changed while it was read; the file's name is the subject.
    """
    before = look_at(file)
    facts = read_container(file.path, file.name)
    refuse_unsearchable(file, facts)
    digests = digest_unchanged(file, before, progress)
    return as_exhibit(file, facts, digests["sha256"], before.st_size, notes)


def as_exhibit(
    file: FootageFile,
    facts: ContainerFacts,
    sha256: str,
    size_bytes: int,
    notes: ExhibitNotes | None = None,
) -> Exhibit:
    """The exhibit that a file with these facts is."""
    return Exhibit(
        path=file.path,
        name=file.name,
        sha256=sha256,
        size_bytes=size_bytes,
        container=facts.format,
        streams=tuple(stream.stream for stream in facts.streams),
        clock=clock_of(file, facts, notes),
        camera=notes.camera if notes is not None else read_name(file.path).camera,
    )


def clock_of(file: FootageFile, facts: ContainerFacts, notes: ExhibitNotes | None = None) -> WallClock:
    """The wall clock from the file and its name, and what the examiner knows; those trusted less are its hints."""
    if notes is not None:
        return notes.clock(facts.origins)
    return choose_origin([*facts.origins, read_name(file.path).origin])


def refuse_unsearchable(file: FootageFile, facts: ContainerFacts) -> None:
    """Raise where nothing of a file can be searched.

    Raises:
        ExhibitError: with the reason of the facts' refusal.
    """
    if facts.refusal is not None:
        raise ExhibitError(facts.refusal.reason, subject=file.name, hint=facts.refusal.hint)


def is_mere_program(file: FootageFile, error: ExhibitError) -> bool:
    """Whether a file that could not be opened is a program found in a folder that holds no recording.

    Such a file belongs to what was ignored; it is no gap in a search.
    """
    return file.tentative and error.reason == PROGRAM


def digest_unchanged(
    file: FootageFile,
    before: os.stat_result,
    progress: Callable[[int], None] | None = None,
    algorithms: Iterable[str] = ("sha256",),
) -> dict[str, str]:
    """Digests, by algorithm, of a file that has not changed since it was looked at.

    Raises:
        ExhibitError: it cannot be read to its end, or it changed.
    """

    def told(done: int) -> None:
        if done > before.st_size:  # a file that grows could be read for ever
            raise _growing(file)
        if progress is not None:
            progress(done)

    try:
        digests = digest_file(file.path, algorithms, told)
    except GrowingError:
        raise
    except ExhibitError as error:
        raise ExhibitError(error.reason, subject=file.name, hint=error.hint) from error
    after = look_at(file)
    if after.st_size > before.st_size:
        raise _growing(file)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(file)
    return digests


def _changed(file: FootageFile) -> ExhibitError:
    return ExhibitError("changed while it was being read", subject=file.name, hint=_FINISHED_ONLY)


def _growing(file: FootageFile) -> GrowingError:
    return GrowingError("is still being written to", subject=file.name, hint=_FINISHED_ONLY)


def look_at(file: FootageFile) -> os.stat_result:
    """Size and times of a file that is a regular one and can be opened.

    Raises:
        ExhibitError: it is gone or may not be read.
        RefusedError: it is a device, a pipe or a folder.
    """
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


def _refusal(container: InputContainer, streams: tuple[StreamFacts, ...], path: Path) -> Refusal | None:
    if not streams:
        if container.streams.video:
            return Refusal("holds still pictures only, no recorded video")
        if container.streams.audio:
            return Refusal("holds sound only, no video stream")
        return Refusal(why_index_unusable(path) or "no video stream in this file")
    if all(stream.encrypted for stream in streams):
        return ENCRYPTED
    if not any(stream.decodable for stream in streams):
        return Refusal("no decoder for its video", _OWN_FORMAT)
    return None


def _others(container: InputContainer) -> tuple[str, ...]:
    recorded = {stream.index for stream in recorded_streams(container)}
    told = []
    for stream in container.streams:
        if stream.index in recorded:
            continue
        kind = {"audio": "sound", "video": "still picture"}.get(stream.type, str(stream.type))
        context = getattr(stream, "codec_context", None)
        told.append(f"{kind} ({context.name})" if context is not None else kind)
    return tuple(told)


def reopen_stream(
    exhibit: Exhibit, index: int, hwaccel: HWAccel | None = None
) -> tuple[InputContainer, AvStream]:
    """Open one video stream of an exhibit for decoding, with ``hwaccel``; the caller closes the container.

    Raises:
        ExhibitError: the file is gone, has another size than when its digest was taken, or has no such
            stream or no decoder for it; or the stream is encrypted.
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
    container = open_container(exhibit.path, exhibit.name, hwaccel)
    stream = next((found for found in recorded_streams(container) if found.index == index), None)
    encrypted = stream is not None and index in encrypted_streams(container, exhibit.path)
    if stream is not None and has_decoder(stream) and not encrypted:
        return container, stream
    container.close()
    if stream is None:
        raise ExhibitError(f"has no video stream {index}", subject=exhibit.name)
    if encrypted:
        raise ExhibitError(ENCRYPTED.reason, subject=exhibit.name, hint=ENCRYPTED.hint)
    raise ExhibitError(f"no decoder for the video of stream {index}", subject=exhibit.name, hint=_OWN_FORMAT)
