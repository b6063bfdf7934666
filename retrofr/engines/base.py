"""What every engine takes and gives.

An engine is a file of this folder with ``SETTINGS`` (a StageSettings class) and
``build(settings, prepare, count, tell, stop) -> Engine``: ``count`` is how many tasks may be under way, ``tell`` is
told of their progress, ``stop`` is asked often, and once it says True the tasks under way end soon; their last
pieces still come. It is given tasks and a function to run on them; it knows nothing of footage. What a task gives
comes back piece by piece, each piece exactly once, those of one task in their order.

An engine whose workers may be on other machines says ``ELSEWHERE = True``. Its settings then have ``cpus_a_worker``,
which is also how many threads a worker's nets use, and ``shared_out(workers, device, cores)``, which settles for a run
what a worker is given and how many there are to be; ``count`` 0 lets the engine say that by what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from retrofr.events import Listener

Work = Callable[[Any, Listener, Callable[[], bool]], Iterator[Any]]
"""Works on a task: ``work(task, tell, stop)``. It tells of its progress, and ends soon once ``stop()`` is True.
Where it has a ``close()``, that is called when the engine is left or its process ends by itself."""

Prepare = Callable[[], Work]
"""Makes the work, once in each process that runs it. It is sent there, so it is a module-level function, a partial
of one, or an instance of a module-level class; what it holds, the tasks and the pieces are sent as well. Where it has
``for_worker(number)``, that gives what prepares worker ``number`` of several, from 0, on one machine."""


@dataclass(frozen=True, eq=False)
class Gave:
    """A piece of a task."""

    task: Any
    piece: Any


@dataclass(frozen=True)
class Done:
    """A task is over; all its pieces were given."""

    task: Any


@dataclass(frozen=True)
class Raised:
    """A task ended with an error of retrofr. Other exceptions are bugs, and come out of ``receive``."""

    task: Any
    error: Exception


@dataclass(frozen=True)
class Died:
    """The process that worked on a task is no more; ``how`` is part of a sentence. Pieces that came before stand."""

    task: Any
    how: str


Outcome = Gave | Done | Raised | Died


class Engine(Protocol):
    """Runs tasks; a context manager that ends what it started."""

    name: str

    def __enter__(self) -> Engine: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def has_room(self) -> bool:
        """Whether it would begin another task at once."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        ...

    def submit(self, task: Any) -> None:
        """Begin a task; only where ``has_room``."""
        ...

    def receive(self) -> Outcome:
        """What comes next; only while ``busy``.

        Raises:
            RetrofrError: the work could not be prepared.
        """
        ...
