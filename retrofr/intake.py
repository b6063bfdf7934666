"""From a file that was named to an exhibit, and to how it is read.

What the examiner knows of the footage (notes), asks of it (selection) and was given with it (a hash list) is
applied here. Nothing of a file is decoded before all of that is settled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrofr.errors import ExhibitError, RetrofrError, UsageError
from retrofr.events import Digesting, Listener, Warned
from retrofr.integrity import algorithms_for, check_as_listed
from retrofr.notes import ExhibitNotes
from retrofr.overlay.reading import NoOverlayClock, OverlayReading
from retrofr.overlay.text_reader import check_installed
from retrofr.overlay_run import OverlayClocks, said_of
from retrofr.records import Exhibit
from retrofr.request import FootageRequest
from retrofr.selection import MediaWindow, Selection
from retrofr.settings import Settings
from retrofr.video.container import (
    as_exhibit,
    digest_unchanged,
    look_at,
    read_container,
    refuse_unsearchable,
)
from retrofr.video.facts import ContainerFacts
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan


@dataclass(frozen=True)
class TakenIn:
    """An exhibit that may be read.

    Args:
        exhibit: with its clock and camera as far as they are known.
        notes: what the examiner knows about it.
        windows: the media time that is looked at; empty for all.
        overlay: what was read of the burnt-in clock; None where nobody asked.
        hash_check: what the hash list says of it; None where there is no list.
        notices: what the container's facts tell an examiner.
        facts: what the container says of itself.
    """

    exhibit: Exhibit
    notes: ExhibitNotes
    windows: tuple[MediaWindow, ...]
    hash_check: str | None
    notices: tuple[str, ...]
    facts: ContainerFacts
    overlay: OverlayReading | NoOverlayClock | None = None

    def plan(self, settings: Settings) -> ReadingPlan:
        """How its streams are read."""
        return ReadingPlan(
            sampling=settings.sampling,
            video=settings.video,
            pixel_aspect=self.notes.pixel_aspect,
            frame_rate=self.notes.frame_rate,
            windows=self.windows,
        )


class NotAskedForError(Exception):
    """The examiner's selection leaves this recording out; ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_request(request: FootageRequest, files: Sequence[FootageFile]) -> None:
    """Refuse what cannot be meant, before anything slow begins.

    Raises:
        UsageError: the notes or the hash list do not go with these files, or a camera was asked for that no
            recording is of.
        ModelError: burnt-in clocks are to be read, and the extra ``ocr`` is not installed.
    """
    named = [(file.path, file.name) for file in files]
    request.notes.check(named)
    _refuse_unknown_cameras(request.selection, [request.notes.for_exhibit(*each) for each in named])
    if request.hashes is not None:
        request.hashes.assigned(dict(named))
    if request.ocr:
        check_installed()


def cameras_of(
    request: FootageRequest, files: Iterable[FootageFile]
) -> Iterator[tuple[str, None, str | None]]:
    """Name and camera of each file as far as they are known, with None in between: no digest was taken yet."""
    for file in files:
        yield file.name, None, request.notes.for_exhibit(file.path, file.name).camera


class Intake:
    """Takes in one file after the other.

    Args:
        request: what is known and asked; :func:`check_request` has passed it for these files.
        files: all files of the run.
        decoder: reads the containers.
        listener: is told of warnings and of the digests' progress.
        check: called often while a file is digested; what it raises ends that.
    """

    def __init__(
        self,
        request: FootageRequest,
        files: Sequence[FootageFile],
        decoder: DecoderProcess,
        listener: Listener,
        check: Callable[[], None],
    ) -> None:
        self._request, self._decoder = request, decoder
        self._listener, self._check = listener, check
        named = [(file.path, file.name) for file in files]
        for row in request.notes.unused(named):
            listener(Warned(row, "names no recording of this run"))
        self._notes = {file.path: request.notes.for_exhibit(file.path, file.name) for file in files}
        self._overlays = OverlayClocks(decoder) if request.ocr else None
        hashes = request.hashes
        self._expected = hashes.assigned(dict(named)) if hashes is not None else {}

    @property
    def not_in_footage(self) -> tuple[str, ...]:
        """What the hash list names and no file of the run is."""
        hashes = self._request.hashes
        return tuple(entry.name for entry in hashes.unused(self._expected.values())) if hashes else ()

    def take_in(self, file: FootageFile) -> TakenIn:
        """Read a file's facts and digest, and settle what is known and asked of it.

        Raises:
            NotAskedForError: the selection leaves it out.
            IntegrityError: its digest is not the one listed.
            ExhibitError: it cannot be read or searched, or it changed meanwhile, or a time window cannot be
                placed on it.
        """
        notes = self._notes[file.path]
        selection = self._request.selection
        _leave_out(selection.why_not_camera(notes.camera) or selection.why_not_exhibit(file.name))
        before = look_at(file)
        expected = self._expected.get(file.path)
        facts = self._facts(file)
        if isinstance(facts, RetrofrError) and expected is None:
            raise facts
        told = self._told(file.name, before.st_size)
        digests = digest_unchanged(file, before, told, algorithms_for(expected))
        hash_check = None
        if self._request.hashes is not None:
            # Before anything else that may be wrong with it: an altered file is no evidence of anything.
            hash_check = check_as_listed(file.name, digests, expected)
        if isinstance(facts, RetrofrError):
            raise facts
        _leave_out(selection.why_not_exhibit(file.name, digests["sha256"]))
        exhibit = as_exhibit(file, facts, digests["sha256"], before.st_size, notes)
        overlay = self._overlays.read(exhibit, self._check) if self._overlays is not None else None
        if overlay is not None:
            clock = notes.clock((*facts.origins, overlay.origin))
            exhibit = dataclasses.replace(exhibit, clock=clock)
        window = selection.window
        windows = () if window.is_open else window.media_windows(exhibit.clock, file.name)
        notices = (*facts.notices, *said_of(overlay))
        return TakenIn(exhibit, notes, windows, hash_check, notices, facts, overlay)

    def digest_again(self, exhibit: Exhibit) -> str:
        """SHA-256 of an exhibit after its search.

        Raises:
            ExhibitError: it cannot be read any more, or is being written to.
        """
        file = FootageFile(exhibit.path, exhibit.name)
        told = self._told(exhibit.name, exhibit.size_bytes, after=True)
        return digest_unchanged(file, look_at(file), told, ("sha256",))["sha256"]

    def _facts(self, file: FootageFile) -> ContainerFacts | ExhibitError:
        try:
            facts = self._decoder.call(read_container, file.path, file.name, subject=file.name)
            refuse_unsearchable(file, facts)
        except ExhibitError as error:
            return error
        return facts

    def _told(self, name: str, total: int, *, after: bool = False) -> Callable[[int], None]:
        def told(done: int) -> None:
            self._check()
            self._listener(Digesting(name, done, total, after))

        return told


def _leave_out(reason: str | None) -> None:
    if reason is not None:
        raise NotAskedForError(reason)


def _refuse_unknown_cameras(selection: Selection, notes: Sequence[ExhibitNotes]) -> None:
    unknown = selection.unused_cameras(note.camera for note in notes)
    if not unknown:
        return
    known = sorted({note.camera for note in notes if note.camera is not None})
    raise UsageError(
        f"no recording is of camera {unknown[0]}",
        subject="--camera",
        hint=f"known cameras: {', '.join(known)}"
        if known
        else "cameras are known from a sidecar (--sidecar) or a file-name pattern with {camera}",
    )
