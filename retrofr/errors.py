"""The errors retrofr raises, each with the exit code the command line gives it.

    RetrofrError                     70  a bug, if it is raised bare
    ├── UsageError                    2  what was asked for makes no sense
    │   ├── SettingsError             2  a setting is unknown, of the wrong kind or out of bounds
    │   └── ProbeError                2  a probe image cannot be used as given
    ├── ExhibitError                  3  footage cannot be read
    ├── IntegrityError                4  something was altered since it was recorded
    ├── CaseError                     5  a case cannot be opened, or not be used like this
    │   └── CaseBusyError             5  another process is writing to it
    ├── ModelError                    6  a detector, embedder, device or weights file cannot be used
    │   └── WeightsError              6  a weights file is missing, incomplete or not what it says
    ├── OutputError                   7  a result cannot be written
    └── RefusedError                  8  refused by policy: retrofr does not do this
        └── GrowingError              8  footage that is still being written to; also an ExhibitError

A message has up to three parts: what was being worked on, what is wrong, and what to do next.
Third-party exceptions are turned into these in the one file that wraps the library that raises them.
"""

from __future__ import annotations

from typing import ClassVar


class RetrofrError(Exception):
    """An error with an exit code.

    Args:
        reason: what is wrong, one sentence without a full stop, naming the subject where it is not given.
        subject: the file, probe or setting being worked on; printed in front of the reason.
        hint: what the user can do next; printed on a line of its own.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, reason: str, *, subject: str | None = None, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.subject = subject
        self.hint = hint

    def __str__(self) -> str:
        text = self.reason if self.subject is None else f"{self.subject}: {self.reason}"
        return text if self.hint is None else f"{text}\n{self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; the default would drop the keyword arguments.
        return (_rebuild, (type(self), self.reason, self.subject, self.hint))


def _rebuild(kind: type[RetrofrError], reason: str, subject: str | None, hint: str | None) -> RetrofrError:
    return kind(reason, subject=subject, hint=hint)


class UsageError(RetrofrError):
    """What was asked for makes no sense or is incomplete."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is unknown, of the wrong kind or out of bounds."""


class ProbeError(UsageError):
    """A probe image cannot be used as given."""


class ExhibitError(RetrofrError):
    """Footage cannot be read."""

    exit_code = 3


class IntegrityError(RetrofrError):
    """Something was altered since it was recorded."""

    exit_code = 4


class CaseError(RetrofrError):
    """A case cannot be opened, or not be used like this."""

    exit_code = 5


class CaseBusyError(CaseError):
    """Another process is writing to the case."""


class ModelError(RetrofrError):
    """A detector, embedder, device or weights file cannot be used."""

    exit_code = 6


class WeightsError(ModelError):
    """A weights file is missing, incomplete or not what it says it is."""


class OutputError(RetrofrError):
    """A result cannot be written."""

    exit_code = 7


class RefusedError(RetrofrError):
    """Refused by policy: retrofr does not do this."""

    exit_code = 8


class GrowingError(RefusedError, ExhibitError):
    """Footage that is still being written to: it is no recording yet."""


EXIT_FINISHED = 0
EXIT_DIFFERS = 1
EXIT_GAPS = 10
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
