"""One pass over footage: exhibits in their order, their streams, the tracklets in them, and an account of it all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Protocol

from retrofr.clock import format_seconds
from retrofr.errors import ExhibitError, IntegrityError
from retrofr.events import (
    Advanced,
    ExhibitFinished,
    ExhibitStarted,
    Listener,
    RunStarted,
    Skipped,
    StoppedError,
)
from retrofr.faces import FaceFinder, FoundTracklet
from retrofr.intake import Intake, NotAskedForError, TakenIn
from retrofr.records import Exhibit, Sample, VideoStream
from retrofr.request import FootageRequest
from retrofr.results import Coverage, StreamCoverage, Unsearched, UnsearchedKind
from retrofr.settings import Settings
from retrofr.video.container import is_mere_program
from retrofr.video.footage import Footage, FootageFile
from retrofr.video.isolated import DecoderProcess, IsolatedReader


class FinderOf(Protocol):
    """Makes what looks for faces in one stream of an exhibit."""

    def __call__(self, exhibit: Exhibit) -> FaceFinder: ...


class FootageRun:
    """Gives the tracklets of footage and remembers what was and was not looked at.

    Every file is decoded in a process of its own, so that one which crashes or hangs the decoder costs a slice
    of itself and not the run.

    Args:
        finder_of: makes the face finder of each stream.
        settings: of the run.
        request: what is known of the footage and which part of it is searched; checked by
            :func:`retrofr.intake.check_request`.
        listener: is told what happens.
        stop: asked often; once it says True the run ends with what it has.
    """

    def __init__(
        self,
        finder_of: FinderOf,
        settings: Settings,
        request: FootageRequest,
        listener: Listener,
        stop: Callable[[], bool],
    ) -> None:
        self.taken: list[TakenIn] = []
        self._finder_of, self._settings, self._request = finder_of, settings, request
        self._listener, self._stop = listener, stop
        self._streams: list[StreamCoverage] = []
        self._unsearched: list[Unsearched] = []
        self._left_out: list[Unsearched] = []
        self._ignored: list[str] = []
        self._not_in_footage: tuple[str, ...] = ()
        self._interrupted = False

    def tracklets(self, footage: Footage) -> Iterator[FoundTracklet]:
        """Every tracklet of every exhibit, as it ends."""
        with DecoderProcess(self._settings.video) as decoder:
            intake = Intake(self._request, footage.files, decoder, self._listener, self._stop_if_asked)
            self._not_in_footage = intake.not_in_footage
            self._ignored = list(footage.ignored)
            for missing in footage.unreadable:
                self._skip(missing)
            self._listener(RunStarted(len(footage.files), footage.total_bytes()))
            for ordinal, file in enumerate(footage.files, 1):
                yield from self._file(intake, decoder, file, ordinal)

    def coverage(self) -> Coverage:
        """What was looked at so far, and what was not."""
        return Coverage(
            streams=tuple(self._streams),
            unsearched=tuple(self._unsearched),
            ignored=tuple(self._ignored),
            interrupted=self._interrupted,
            not_in_footage=self._not_in_footage,
            left_out=tuple(self._left_out),
        )

    def _file(
        self, intake: Intake, decoder: DecoderProcess, file: FootageFile, ordinal: int
    ) -> Iterator[FoundTracklet]:
        if self._interrupted or self._stop():
            self._interrupted = True
            reason = "the run was stopped before it was opened"
            self._unsearched.append(Unsearched(file.name, reason, kind="stopped"))
            return
        try:
            taken = intake.take_in(file)
        except NotAskedForError as error:
            self._left_out.append(Unsearched(file.name, error.reason))
        except ExhibitError as error:
            if is_mere_program(file, error):
                self._ignored.append(file.name)
            else:
                self._skip(Unsearched.because(error, file.name))
        except IntegrityError as error:
            self._skip(Unsearched.because(error, file.name))
        except StoppedError:
            self._interrupted = True
            reason = "the run was stopped while it was digested"
            self._unsearched.append(Unsearched(file.name, reason, kind="stopped"))
        else:
            yield from self._exhibit(intake, decoder, taken, ordinal)

    def _skip(self, missing: Unsearched) -> None:
        self._unsearched.append(missing)
        self._listener(Skipped(missing.subject, missing.reason, missing.hint))

    def _stop_if_asked(self) -> None:
        """The digest of a long recording takes minutes, and a person who stops the run should not wait for it."""
        if self._stop():
            raise StoppedError

    def _while_decoding(self, _seconds: Fraction) -> None:
        self._stop_if_asked()

    def _exhibit(
        self, intake: Intake, decoder: DecoderProcess, taken: TakenIn, ordinal: int
    ) -> Iterator[FoundTracklet]:
        exhibit = taken.exhibit
        self.taken.append(taken)
        self._listener(ExhibitStarted(exhibit.name, ordinal, exhibit.declared_seconds()))
        before = len(self._streams)
        for stream in exhibit.streams:
            if not self._request.selection.takes_stream(stream.index):
                reason = (
                    f"it was not asked for (--stream {', '.join(map(str, self._request.selection.streams))})"
                )
                self._left_out.append(Unsearched(_named(exhibit, stream), reason))
            elif not self._interrupted:
                yield from self._stream(decoder, taken, stream)
        searched = sum(float(s.searched_seconds) for s in self._streams[before:])
        self._check_unchanged(intake, exhibit, before)
        self._listener(ExhibitFinished(exhibit.name, searched))

    def _check_unchanged(self, intake: Intake, exhibit: Exhibit, first: int) -> None:
        """Digest the exhibit once more and note it with those of its streams that were searched."""
        if self._interrupted or len(self._streams) == first:
            return
        change: dict[str, object] = {}
        try:
            change["sha256_after"] = intake.digest_again(exhibit)
        except ExhibitError as error:
            change["problems"] = (f"its digest could not be taken again after the search: {error.reason}",)
        except StoppedError:
            self._interrupted = True
            change["notes"] = ("the run was stopped before its digest was taken again",)
        for n in range(first, len(self._streams)):
            stream = self._streams[n]
            added = {
                name: (*getattr(stream, name), *value) if isinstance(value, tuple) else value
                for name, value in change.items()
            }
            self._streams[n] = dataclasses.replace(stream, **added)  # type: ignore[arg-type]

    def _stream(
        self, decoder: DecoderProcess, taken: TakenIn, stream: VideoStream
    ) -> Iterator[FoundTracklet]:
        exhibit = taken.exhibit
        finder = self._finder_of(exhibit)
        reached = Fraction(0)

        try:
            reader = decoder.read_samples(
                exhibit, stream.index, taken.plan(self._settings), on_position=self._while_decoding
            )
        except ExhibitError as error:
            self._skip(Unsearched(_named(exhibit, stream), error.reason, error.hint))
            return
        with reader:
            samples = iter(reader)
            while batch := self._batch(samples):
                yield from finder.look_at(batch)
                reached = batch[-1].frame.seconds
                samples_done = reader.coverage_facts.samples
                self._listener(Advanced(exhibit.name, float(reached), samples_done, finder.counts.found))
            yield from finder.finish()
        self._close_stream(taken, stream, reader, finder, reached)

    def _batch(self, samples: Iterator[Sample]) -> list[Sample]:
        """The next few samples; none where the footage or the caller's patience is at its end."""
        batch: list[Sample] = []
        try:
            while len(batch) < self._settings.detect.batch_frames:
                self._stop_if_asked()
                batch.append(next(samples))
        except StopIteration:
            pass
        except StoppedError:
            self._interrupted = True
        return batch

    def _close_stream(
        self,
        taken: TakenIn,
        stream: VideoStream,
        reader: IsolatedReader,
        finder: FaceFinder,
        reached: Fraction,
    ) -> None:
        exhibit, facts = taken.exhibit, reader.coverage_facts
        losses = taken.facts.losses({stream.index: facts.frames})
        problems = [*losses, *facts.problems]
        if self._interrupted:
            problems.append(f"searched to {format_seconds(reached)}, then the run was stopped")
        if not facts.frames and not facts.outside_seconds:
            reason = "; ".join(problems) or "the decoder gave no picture"
            kind: UnsearchedKind = "stopped" if self._interrupted else "unreadable"
            self._skip(Unsearched(_named(exhibit, stream), reason, kind=kind))
            return
        counted = {
            field.name: getattr(facts, field.name)
            for field in dataclasses.fields(StreamCoverage)
            if hasattr(facts, field.name) and field.name not in _OWN
        }
        self._streams.append(
            StreamCoverage(
                exhibit=exhibit.name,
                exhibit_sha256=exhibit.sha256,
                stream=stream.index,
                declared_seconds=stream.declared_seconds,
                ranges=tuple(facts.ranges),
                faces=finder.counts.found,
                faces_unfit=finder.counts.unfit,
                unfit_reasons=tuple(finder.counts.reasons.most_common()),
                problems=tuple(problems),
                notes=(*taken.notices, *facts.notes),
                camera=exhibit.camera,
                clock=exhibit.clock,
                hash_check=taken.hash_check,
                **counted,
            )
        )


_OWN = frozenset({"declared_seconds", "ranges", "problems", "notes"})


def _named(exhibit: Exhibit, stream: VideoStream) -> str:
    return f"{exhibit.name}, stream {stream.index}"
