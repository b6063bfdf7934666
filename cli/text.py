"""Small pieces of text that a person reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def shown(text: str) -> str:
    """Text of unknown origin made safe for a terminal.

    File names may hold control characters that move the cursor, change colours or turn the direction of
    writing; these, and bytes that are not UTF-8, become visible escapes.
    """
    return "".join(c if _harmless(c) else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """``1 face``, ``12,345 faces``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def enumerated(items: Iterable[str], most: int) -> str:
    """The first few items joined by commas, and how many more there are."""
    items = list(items)
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more:,} more" if more > 0 else "")


def human_bytes(size: float) -> str:
    """``37.4 MB``, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
