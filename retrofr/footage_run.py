"""One pass over footage: exhibits in their order, their streams given to an engine, and an account of it all."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from retrofr.engines.base import Died, Done, Engine, Gave, Outcome, Raised
from retrofr.errors import ExhibitError, IntegrityError
from retrofr.events import (
    ExhibitFinished,
    ExhibitStarted,
    Listener,
    RunStarted,
    Skipped,
    StoppedError,
)
from retrofr.indexed import IndexedSlice, StreamProgress
from retrofr.intake import Intake, NotAskedForError, TakenIn
from retrofr.records import VideoStream
from retrofr.request import FootageRequest
from retrofr.results import Coverage, StreamCoverage, Unsearched
from retrofr.stream_account import account_of, named
from retrofr.stream_work import CollectedPiece, Piece, SliceEnd, StreamEnd, StreamTask
from retrofr.video.container import is_mere_program
from retrofr.video.footage import Footage, FootageFile
from retrofr.video.isolated import DecoderProcess

_DEATHS_A_SLICE = 2
_TaskKey = tuple[str, int]


class Keeper(Protocol):
    """What a run gives its results to, and asks what is known already."""

    def begin(self, taken: TakenIn, stream: VideoStream) -> StreamCoverage | StreamProgress | None:
        """A stream is about to be worked on; its coverage where it was finished before, else how far that came.

        Raises:
            ExhibitError, IntegrityError: it is not to be worked on.
            NotAskedForError: neither, and nothing is wrong with that.
        """
        ...

    def take(self, task: StreamTask, piece: Piece | CollectedPiece) -> None:
        """A piece of a stream."""
        ...

    def finish(self, taken: TakenIn, stream: VideoStream, coverage: StreamCoverage) -> None:
        """A stream is at its end, and its exhibit was digested once more."""
        ...


@dataclass(eq=False)
class _Exhibit:
    """An exhibit that is worked on."""

    taken: TakenIn
    ordinal: int
    waiting: list[VideoStream] = field(default_factory=list)
    fresh: dict[int, StreamCoverage] = field(default_factory=dict)
    known: list[StreamCoverage] = field(default_factory=list)
    stopped: bool = False


class FootageRun:
    """Passes over footage and remembers what was and was not looked at.

    Every file is decoded in a process of its own, so that one which crashes or hangs the decoder costs a slice
    of itself and not the run.

    Args:
        engine: works on the streams; its pieces go to the keeper.
        decoder: reads what containers say.
        keeper: takes the results.
        request: what is known of the footage and which part of it is searched; checked by
            :func:`retrofr.intake.check_request`.
        listener: is told what happens.
        stop: asked often; once it says True the run ends with what it has.
        intake: takes the files in; built as :class:`retrofr.intake.Intake` is.
    """

    def __init__(
        self,
        engine: Engine,
        decoder: DecoderProcess,
        keeper: Keeper,
        request: FootageRequest,
        listener: Listener,
        stop: Callable[[], bool],
        intake: Callable[..., Intake] = Intake,
    ) -> None:
        self.taken: list[TakenIn] = []
        self._engine, self._decoder, self._keeper = engine, decoder, keeper
        self._request, self._listener, self._stop = request, listener, stop
        self._new_intake = intake
        self._streams: list[tuple[int, StreamCoverage]] = []
        self._unsearched: list[tuple[int, Unsearched]] = []
        self._left_out: list[tuple[int, Unsearched]] = []
        self._ignored: list[str] = []
        self._not_in_footage: tuple[str, ...] = ()
        self._interrupted = False
        self._exhibits: dict[str, _Exhibit] = {}
        self._again: deque[StreamTask] = deque()
        self._deaths: dict[_TaskKey, int] = {}
        self._progress: dict[_TaskKey, StreamProgress] = {}

    def run(self, footage: Footage) -> None:
        """Work on every stream of every exhibit.

        Raises:
            RetrofrError: the work cannot be done at all.
        """
        self._intake = self._new_intake(
            self._request, footage.files, self._decoder, self._listener, self._stop_if_asked
        )
        self._not_in_footage = self._intake.not_in_footage
        self._ignored = list(footage.ignored)
        for missing in footage.unreadable:
            self._skip(0, missing)
        self._listener(RunStarted(len(footage.files), footage.total_bytes()))
        tasks = self._tasks(footage)
        while True:
            while self._engine.has_room:
                task = self._again.popleft() if self._again else next(tasks, None)
                if task is None:
                    break
                self._engine.submit(task)
            if not self._engine.busy:
                return
            self._hear(self._engine.receive())

    def coverage(self) -> Coverage:
        """What was looked at so far, and what was not."""
        streams = sorted(self._streams, key=lambda entry: (entry[0], entry[1].stream))
        return Coverage(
            streams=tuple(stream for _, stream in streams),
            unsearched=tuple(item for _, item in sorted(self._unsearched, key=lambda entry: entry[0])),
            ignored=tuple(self._ignored),
            interrupted=self._interrupted,
            not_in_footage=self._not_in_footage,
            left_out=tuple(item for _, item in sorted(self._left_out, key=lambda entry: entry[0])),
        )

    def _tasks(self, footage: Footage) -> Iterator[StreamTask]:
        for ordinal, file in enumerate(footage.files, 1):
            taken = self._take_in(file, ordinal)
            if taken is not None:
                yield from self._exhibit(taken, ordinal)

    def _take_in(self, file: FootageFile, ordinal: int) -> TakenIn | None:
        if self._interrupted or self._stop():
            self._interrupted = True
            reason = "the run was stopped before it was opened"
            self._unsearched.append((ordinal, Unsearched(file.name, reason, kind="stopped")))
            return None
        try:
            return self._intake.take_in(file)
        except NotAskedForError as error:
            self._left_out.append((ordinal, Unsearched(file.name, error.reason)))
        except ExhibitError as error:
            if is_mere_program(file, error):
                self._ignored.append(file.name)
            else:
                self._skip(ordinal, Unsearched.because(error, file.name))
        except IntegrityError as error:
            self._skip(ordinal, Unsearched.because(error, file.name))
        except StoppedError:
            self._interrupted = True
            reason = "the run was stopped while it was digested"
            self._unsearched.append((ordinal, Unsearched(file.name, reason, kind="stopped")))
        return None

    def _skip(self, ordinal: int, missing: Unsearched) -> None:
        self._unsearched.append((ordinal, missing))
        self._listener(Skipped(missing.subject, missing.reason, missing.hint))

    def _stop_if_asked(self) -> None:
        """The digest of a long recording takes minutes, and a person who stops the run should not wait for it."""
        if self._stop():
            raise StoppedError

    def _exhibit(self, taken: TakenIn, ordinal: int) -> Iterator[StreamTask]:
        exhibit = taken.exhibit
        self.taken.append(taken)
        work = _Exhibit(taken, ordinal)
        tasks = []
        for stream in exhibit.streams:
            if not self._request.selection.takes_stream(stream.index):
                asked = ", ".join(map(str, self._request.selection.streams))
                reason = f"it was not asked for (--stream {asked})"
                self._left_out.append((ordinal, Unsearched(named(taken, stream), reason)))
                continue
            try:
                known = self._keeper.begin(taken, stream)
            except NotAskedForError as error:
                self._left_out.append((ordinal, Unsearched(named(taken, stream), error.reason)))
                continue
            except (ExhibitError, IntegrityError) as error:
                self._skip(ordinal, Unsearched.because(error, named(taken, stream)))
                continue
            if isinstance(known, StreamCoverage):
                work.known.append(known)
                continue
            work.waiting.append(stream)
            tasks.append(StreamTask(taken, stream, known))
        self._listener(ExhibitStarted(exhibit.name, ordinal, exhibit.declared_seconds()))
        self._exhibits[_key(taken)] = work
        if not tasks:
            self._close_exhibit(work)
        for task in tasks:
            if self._interrupted:
                self._leave(work, task.stream)
            else:
                yield task

    def _hear(self, outcome: Outcome) -> None:
        task: StreamTask = outcome.task
        work = self._exhibits[_key(task.taken)]
        match outcome:
            case Gave(_, StreamEnd() as end):
                self._close_stream(work, task, end)
            case Gave(_, piece):
                self._keeper.take(task, piece)
                if isinstance(piece, SliceEnd | IndexedSlice):
                    self._progress[_key_of(task)] = piece.progress
                    self._deaths.pop(_key_of(task), None)
            case Done():
                self._leave(work, task.stream)
            case Raised(_, ExhibitError() as error):
                self._skip(work.ordinal, Unsearched(task.name, error.reason, error.hint))
                self._leave(work, task.stream)
            case Raised(_, error):
                raise error
            case Died(_, how):
                self._mourn(work, task, how)

    def _mourn(self, work: _Exhibit, task: StreamTask, how: str) -> None:
        """A worker died: try once more from where it was, then leave the stream with what there is."""
        key = _key_of(task)
        self._deaths[key] = self._deaths.get(key, 0) + 1
        progress = self._progress.get(key, task.progress)
        if self._deaths[key] < _DEATHS_A_SLICE:
            self._again.append(dataclasses.replace(task, progress=progress))
            return
        reason = f"{how} each time it was worked on"
        account = None if progress is None else account_of(task.taken, task.stream, _ended(progress))
        if isinstance(account, StreamCoverage):
            account = dataclasses.replace(
                account, problems=(*account.problems, f"not searched to its end: {reason}")
            )
            self._streams.append((work.ordinal, account))
        else:
            self._skip(work.ordinal, Unsearched(task.name, reason))
        self._leave(work, task.stream)

    def _close_stream(self, work: _Exhibit, task: StreamTask, end: StreamEnd) -> None:
        self._interrupted = self._interrupted or end.stopped
        work.stopped = work.stopped or end.stopped
        account = account_of(task.taken, task.stream, end)
        if isinstance(account, Unsearched):
            self._skip(work.ordinal, account)
        else:
            work.fresh[task.stream.index] = account

    def _leave(self, work: _Exhibit, stream: VideoStream) -> None:
        work.waiting.remove(stream)
        if not work.waiting:
            self._close_exhibit(work)

    def _close_exhibit(self, work: _Exhibit) -> None:
        if work.fresh and not self._interrupted:
            self._check_unchanged(work)
        done = [*work.known, *work.fresh.values()]
        self._streams += [(work.ordinal, coverage) for coverage in done]
        if not self._interrupted:
            streams = {stream.index: stream for stream in work.taken.exhibit.streams}
            for index, coverage in work.fresh.items():
                self._keeper.finish(work.taken, streams[index], coverage)
        del self._exhibits[_key(work.taken)]
        searched = float(sum((coverage.searched_seconds for coverage in done), Fraction(0)))
        self._listener(ExhibitFinished(work.taken.exhibit.name, searched))

    def _check_unchanged(self, work: _Exhibit) -> None:
        """Digest the exhibit once more and note it with those of its streams that were searched."""
        change: dict[str, object] = {}
        try:
            change["sha256_after"] = self._intake.digest_again(work.taken.exhibit)
        except ExhibitError as error:
            change["problems"] = (f"its digest could not be taken again after the search: {error.reason}",)
        except StoppedError:
            self._interrupted = True
            change["notes"] = ("the run was stopped before its digest was taken again",)
        for index, coverage in work.fresh.items():
            added = {
                name: (*getattr(coverage, name), *value) if isinstance(value, tuple) else value
                for name, value in change.items()
            }
            work.fresh[index] = dataclasses.replace(coverage, **added)  # type: ignore[arg-type]


def _key(taken: TakenIn) -> str:
    return str(taken.exhibit.path)


def _key_of(task: StreamTask) -> _TaskKey:
    return _key(task.taken), task.stream.index


def _ended(progress: StreamProgress) -> StreamEnd:
    return StreamEnd(progress, progress.facts.last_seconds or Fraction(0), stopped=False)
