"""Files that do not come to an end: containers whose indices or links make a demuxer go round in them for ever."""

from __future__ import annotations

from retrofr.errors import ExhibitError

# Subtitles, repeated headers and interleaving let packets add up to a little more than the file; never to this.
_FILE_SIZES = 8
_SPARE_BYTES = 16 << 20


class EndlessError(ExhibitError):
    """More came out of a file than it can hold."""


class EndGuard:
    """Adds up what a demuxer gives and says when that is more than the file can hold.

    Args:
        size_bytes: of the file.
        subject: its name, for the error.
    """

    def __init__(self, size_bytes: int, subject: str) -> None:
        self._left = _FILE_SIZES * size_bytes + _SPARE_BYTES
        self._subject = subject

    def took(self, packet_bytes: int) -> None:
        """A packet came.

        Raises:
            EndlessError: there were more than the file can hold.
        """
        # An empty packet costs something too, or a stream of nothing but those would never be noticed.
        self._left -= max(1, packet_bytes)
        if self._left < 0:
            raise EndlessError(
                "the file does not come to an end: more was read from it than it can hold",
                subject=self._subject,
            )
