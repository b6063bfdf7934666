"""What every reader of samples is: an iterator that closes itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self

from retrofr.records import Sample


class SampleIterator(Iterator[Sample]):
    """Gives the samples of ``_samples``, which a subclass sets; a context manager that closes it at its end."""

    _samples: Generator[Sample, None, None]

    def __next__(self) -> Sample:
        return next(self._samples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Stop reading; may be called more than once."""
