"""Windows of media time that are looked at."""

from __future__ import annotations

from fractions import Fraction

Window = tuple[Fraction | None, Fraction | None]


def in_windows(seconds: Fraction, windows: tuple[Window, ...]) -> bool:
    """Whether a media time lies in one of the windows; without windows every time does."""
    return not windows or any(
        (start is None or seconds >= start) and (end is None or seconds < end) for start, end in windows
    )
