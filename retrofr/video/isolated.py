"""Reading footage in a process of its own, so that a crash or a hang of a native library costs a slice, not the run.

    with DecoderProcess(settings.video) as decoder:
        facts = decoder.call(read_container, path, name, subject=name)
        with decoder.read_samples(exhibit, stream, plan) as reader:
            for sample in reader: ...

The process starts when it is first needed and serves one job after the other. It runs with the rights of its
parent: it guards against crashes, and is no sandbox.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from types import TracebackType
from typing import Any, Self, TypeVar

from retrofr.processes.child import Child, DiedError
from retrofr.records import Exhibit
from retrofr.settings import VideoSettings
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.isolation.messages import Answer, Call, Failed, Progress
from retrofr.video.isolation.reader import IsolatedReader, call_off, died_error, raise_failure
from retrofr.video.plan import ReadingPlan
from retrofr.video.reader import read_samples

_PROCESS = "retrofr.video.isolation.worker"
# For glibc: pictures of some megabytes come and go, and their memory is kept. Given back to the system each time, it
# costs a decoder a tenth of its processor time to get it again page by page.
_MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}

__all__ = ["DecoderProcess", "IsolatedReader"]

T = TypeVar("T")


class DecoderProcess:
    """A process that reads footage for this one; a context manager. For one thread at a time.

    Args:
        settings: ``stall_seconds`` says how long it may be silent.
        open_reader: what reads a stream in the process; a module-level function that keeps the contract of
            :func:`retrofr.video.reader.read_samples`.
    """

    def __init__(
        self, settings: VideoSettings | None = None, *, open_reader: Callable[..., Any] = read_samples
    ) -> None:
        self._child = Child(
            _PROCESS, "the decoder", (settings or VideoSettings()).stall_seconds, _MEMORY_KEPT
        )
        self._open_reader = open_reader
        self._reader: IsolatedReader | None = None

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Start the process now, so that it loads its libraries while something else is done."""
        self._child.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; a later job would start a new one."""
        self._child.close()

    def call(
        self,
        function: Callable[..., T],
        *arguments: Any,
        subject: str,
        on_progress: Callable[..., None] | None = None,
    ) -> T:
        """Run a function in the process and give what it returns.

        A call that crashes is tried once more; one that hangs is not.

        Args:
            function: module-level, its result and arguments picklable.
            subject: name of the file that it reads, for errors.
            on_progress: where not None, the function is given a callable of this name, which it has to call
                at least every ``stall_seconds``; what it passes arrives here, at most about twice a second.
                Without it the whole call may take no longer than that. What this raises ends the call.

        Raises:
            ExhibitError: the process crashed or hung while it ran.
            RetrofrError: as the function raised it. Other exceptions of it come through as well; they are bugs.
        """
        self._expect_idle()
        job = Call(function, arguments, on_progress is not None)
        result: T
        try:
            result = self._run(job, on_progress)
        except DiedError as died:
            if died.hung:
                raise died_error(died, subject) from None
            try:
                result = self._run(job, on_progress)
            except DiedError as again:
                raise died_error(again, subject) from None
        return result

    def _run(self, job: Call, on_progress: Callable[..., None] | None) -> Any:
        self._child.send(job)
        finished = False
        try:
            while True:
                match self._child.receive():
                    case Answer(value):
                        finished = True
                        return value
                    case Progress(arguments) if on_progress is not None:
                        on_progress(*arguments)
                    case Failed() as failed:
                        finished = True
                        raise_failure(failed, self._child)
        finally:
            if not finished:
                call_off(self._child)

    def read_samples(
        self,
        exhibit: Exhibit,
        stream: int,
        plan: ReadingPlan,
        *,
        on_position: Callable[[Fraction], None] | None = None,
        before: CoverageFacts | None = None,
    ) -> IsolatedReader:
        """Open one video stream for reading, as :func:`retrofr.video.reader.read_samples` does.

        Nothing else can be asked of the process until the reader is at its end or closed.

        Args:
            before: the facts of an earlier reading, which this one goes on from where ``plan.resume`` says; both
                as :meth:`IsolatedReader.so_far` gave them. This reading's facts then tell of both.

        Raises:
            ExhibitError: as there, or the process crashed or hung each time it opened the stream.
        """
        self._expect_idle()
        self._reader = IsolatedReader(
            self._child, self._open_reader, exhibit, stream, plan, on_position, before
        )
        return self._reader

    def _expect_idle(self) -> None:
        if self._reader is not None and self._reader.under_way:
            raise RuntimeError("the decoder is still reading; close that reader first")
