"""The samples of a stream that a decoder process reads, through all its deaths."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from fractions import Fraction
from typing import Any, NoReturn

from retrofr.errors import ExhibitError, RetrofrError
from retrofr.processes.child import Child, DiedError
from retrofr.records import Exhibit, Sample
from retrofr.video.decoding.coverage import CoverageFacts
from retrofr.video.isolation.legs import Legs
from retrofr.video.isolation.messages import (
    Answer,
    Cancel,
    Cancelled,
    Ended,
    Failed,
    Fed,
    Looked,
    Opened,
    Position,
    Reading,
)
from retrofr.video.plan import ReadingPlan, Resume
from retrofr.video.samples import SampleIterator

_OBEYS_SECONDS = 1.0
_WORK_ON_A_COPY = "it is damaged or made to harm; try to repair a copy"


class IsolatedReader(SampleIterator):
    """Iterates over the samples of one stream that another process decodes; a context manager.

    ``coverage_facts`` are up to date with the last sample, also where the decoder died. Where it dies, a new one
    goes on; where it dies twice in a slice, the rest of the slice is in the facts as ``lost``. ``under_way`` is
    True until the reading is over or closed.
    """

    def __init__(
        self,
        child: Child,
        open_reader: Callable[..., Any],
        exhibit: Exhibit,
        stream: int,
        plan: ReadingPlan,
        on_position: Callable[[Fraction], None] | None,
        before: CoverageFacts | None = None,
    ) -> None:
        self._child, self._on_position = child, on_position
        self._job = Reading(open_reader, exhibit, stream, plan)
        self._legs = Legs(plan.resume, before)
        self.coverage_facts = self._legs.facts
        self.under_way = False
        self._open()
        self._samples = self._read()

    def so_far(self) -> tuple[CoverageFacts, Resume]:
        """A copy of the facts as they are now, and how another reading goes on right behind what they tell of.

        After a sample was given they end with that sample's frame.
        """
        return self._legs.so_far()

    def close(self) -> None:
        """Stop reading; may be called more than once."""
        self._samples.close()
        if self.under_way:
            self.under_way = False
            last = call_off(self._child)
            # What it read ahead of the last sample that was taken is not searched, so its facts are not either.
            if isinstance(last, Cancelled):
                self._legs.left(last.problems, last.notes)
            self._legs.conclude(None)

    def _open(self) -> None:
        try:
            self._begin(self._job.plan.resume)
        except DiedError:
            self._legs.restarts += 1
            try:
                self._begin(self._job.plan.resume)
            except DiedError as died:
                raise died_error(died, self._job.exhibit.name) from None

    def _begin(self, resume: Resume | None) -> None:
        """Start a leg and wait until its stream is open."""
        plan = dataclasses.replace(self._job.plan, resume=resume)
        self._child.send(dataclasses.replace(self._job, plan=plan))
        self.under_way = True
        try:
            while True:
                match self._child.receive():
                    case Opened():
                        return
                    case Failed() as failed:
                        self.under_way = False
                        raise_failure(failed, self._child)
        except BaseException:
            if self.under_way:  # dead, or interrupted by the user
                self.under_way = False
                self._child.kill()
            raise

    def _read(self) -> Generator[Sample, None, None]:
        while True:
            try:
                yield from self._leg()
                break
            except DiedError as died:
                if not self._go_on(died):
                    break
        self._legs.conclude(self._declared_end())

    def _go_on(self, died: DiedError) -> bool:
        """Start the next leg; False where the rest is given up."""
        self.under_way = False
        # Nothing is decoded ahead any more, so that the next death is at the place that caused it.
        plan = self._job.plan
        careful = dataclasses.replace(plan, video=dataclasses.replace(plan.video, threads=1))
        self._job = dataclasses.replace(self._job, plan=careful)
        while (resume := self._legs.died(str(died))) is not None:
            try:
                self._begin(resume)
            except DiedError as again:
                died = again
            except ExhibitError as error:  # gone, or changed, since the last leg
                self._legs.give_up(error.reason)
                return False
            else:
                return True
        return False

    def _leg(self) -> Generator[Sample, None, None]:
        while True:
            match self._child.receive():
                case Looked(sample, account):
                    yield self._legs.look(sample, account)
                case Position(seconds, account):
                    self._legs.take(account)
                    if seconds is not None and self._on_position is not None:
                        self._on_position(seconds)
                case Fed(number, packet):
                    self._legs.fed(number, packet)
                case Ended(facts, endless):
                    self.under_way = False
                    self._legs.ended(facts, endless)
                    return
                case Failed() as failed:
                    self.under_way = False
                    raise_failure(failed, self._child)

    def _declared_end(self) -> Fraction | None:
        declared = {facts.index: facts.declared_seconds for facts in self._job.exhibit.streams}
        seconds = declared.get(self._job.stream)
        first = self.coverage_facts.first_seconds
        return None if seconds is None else seconds + (first or 0)


def call_off(child: Child) -> object:
    """End the job that is under way: the process is asked to leave it, and killed if it does not.

    Returns:
        The last message of the job; None where the process was killed or died.
    """
    if not child.can_be_told:
        child.kill()
        return None
    try:
        child.send(Cancel())
        while True:
            message = child.receive(_OBEYS_SECONDS)
            if isinstance(message, Cancelled | Answer | Ended | Failed):
                return message
    except DiedError:
        return None


def raise_failure(failed: Failed, child: Child) -> NoReturn:
    """Raise what the job raised; a process that met a bug is done with."""
    error = failed.error
    if not isinstance(error, RetrofrError):
        child.kill()  # it ends itself after a bug
        error.add_note(f"in the decoder process:\n{failed.trace}")
    raise error


def died_error(died: DiedError, subject: str) -> ExhibitError:
    """The error for a file whose reading ends with the process."""
    return ExhibitError(f"{died} while it was read", subject=subject, hint=_WORK_ON_A_COPY)
