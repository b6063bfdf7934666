"""What every exporter takes and gives.

An exporter is a file of this folder with ``SETTINGS`` (a StageSettings class) and ``build(settings) -> Exporter``.
It turns records into bytes in an open file; it never invents a path, prints, or closes what it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from retrofr.results import Appearance, SearchResult


class Exporter(Protocol):
    """Writes results in one format.

    ``suffix`` is what its files are called by, with the dot. ``states_coverage`` is True where :meth:`write`
    says what was not searched; where it is False, the caller has to say it somewhere else.
    """

    name: str
    suffix: str
    states_coverage: bool

    def write(self, result: SearchResult, file: BinaryIO) -> None:
        """Write a whole result: hits, then candidates, then, where the format can hold them, coverage and run."""
        ...

    def write_appearances(self, appearances: Sequence[Appearance], file: BinaryIO) -> None:
        """Write records alone, in the order given, one each; the same fields under the same names as :meth:`write`."""
        ...
