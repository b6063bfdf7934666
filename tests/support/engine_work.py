"""Work for engines that needs no footage; it runs in other processes, so it stands in a module of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retrofr.engines.base import Work
from retrofr.errors import ExhibitError, ModelError
from retrofr.events import Listener, Warned


def prepare() -> Work:
    """Work on tasks (what to do, a number or a text)."""
    return work


@dataclass(frozen=True)
class Numbered:
    """Prepares work that knows the number of its worker, which a task ("number", any) asks for."""

    number: int | None = None

    def for_worker(self, number: int) -> Numbered:
        return Numbered(number)

    def __call__(self) -> Work:
        return partial(_numbered_work, self.number)


def _numbered_work(
    number: int | None, task: tuple[str, Any], tell: Listener, stop: Callable[[], bool]
) -> Iterator[Any]:
    if task[0] == "number":
        yield number
    else:
        yield from work(task, tell, stop)


def prepare_in_vain() -> Work:
    raise ModelError("there is no such net", subject="model")


def work(task: tuple[str, Any], tell: Listener, stop: Callable[[], bool]) -> Iterator[Any]:
    what, value = task
    match what:
        case "count":
            for number in range(value):
                tell(Warned("count", str(number)))
                yield number
        case "pid":
            yield os.getpid()
        case "sleep":
            time.sleep(value)
            yield value
        case "raise":
            yield "before"
            raise ExhibitError(value, subject="cam1.mp4")
        case "bug":
            yield "before"
            raise ZeroDivisionError(value)
        case "die":
            yield "before"
            os.kill(os.getpid(), signal.SIGKILL)
        case "die once":
            if not Path(value).exists():
                Path(value).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield "survived"
        case "until stopped":
            yield "begun"
            while not stop():
                time.sleep(0.005)
            yield "stopped"
