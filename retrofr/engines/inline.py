"""Works in this process, on one task at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from retrofr.engines.base import Done, Gave, Outcome, Prepare, Raised, Work
from retrofr.errors import RetrofrError
from retrofr.events import Listener
from retrofr.settings import StageSettings


@dataclass(frozen=True)
class InlineSettings(StageSettings):
    """Working in this process has no settings."""

    stage: ClassVar[str] = "parts.inline"


SETTINGS = InlineSettings
IN_THIS_PROCESS = True
"""What is prepared for it need not travel, and may share what the caller has."""


class InlineEngine:
    """Makes a piece when it is asked for one, so nothing waits in memory."""

    name = "inline"

    def __init__(self, prepare: Prepare, tell: Listener, stop: Callable[[], bool]) -> None:
        self._prepare, self._tell, self._stop = prepare, tell, stop
        self._work: Work | None = None
        self._task: Any = None
        self._pieces: Iterator[Any] | None = None

    def __enter__(self) -> InlineEngine:
        return self

    def __exit__(self, *_: object) -> None:
        for held in (self._pieces, self._work):
            close = getattr(held, "close", None)
            if close is not None:
                close()
        self._pieces = self._work = None

    @property
    def has_room(self) -> bool:
        return self._pieces is None

    @property
    def busy(self) -> bool:
        return self._pieces is not None

    def submit(self, task: Any) -> None:
        self._work = self._work or self._prepare()
        self._task, self._pieces = task, self._work(task, self._tell, self._stop)

    def receive(self) -> Outcome:
        if self._pieces is None:
            raise RuntimeError("no task is under way")
        try:
            return Gave(self._task, next(self._pieces))
        except StopIteration:
            outcome: Outcome = Done(self._task)
        except RetrofrError as error:
            outcome = Raised(self._task, error)
        self._pieces = None
        return outcome


def build(
    settings: InlineSettings,  # noqa: ARG001
    prepare: Prepare,
    count: int,  # noqa: ARG001
    tell: Listener,
    stop: Callable[[], bool],
) -> InlineEngine:
    """See ``base``; one task at a time, whatever ``count`` says."""
    return InlineEngine(prepare, tell, stop)
