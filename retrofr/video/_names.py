"""How the files of a run are called in outputs, and in which order names come."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key that orders numbers inside names by value: cam2 before cam10. Ties fall to the exact text."""
    parts: list[tuple[int, int, str]] = [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in re.split(r"([0-9]+)", text.casefold())
        if part
    ]
    return [*parts, (-1, 0, text)]


def printable(text: str) -> str:
    """A file name as it can be shown: what cannot be decoded or printed becomes the replacement character."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in readable)


def unique_names(files: Sequence[tuple[Path, str]]) -> list[str]:
    """Names of files, given with their paths; those that occur twice get parent folders until they differ."""
    absolute = [Path(os.path.normpath(path.absolute())).parts for path, _ in files]
    names = _numbered([name for _, name in files], [parts[:-1] for parts in absolute])
    while True:
        counts = Counter(names)
        longer = [
            _with_parent(name, parts) if counts[name] > 1 else name
            for name, parts in zip(names, absolute, strict=True)
        ]
        if longer == names:
            break
        names = longer
    return _numbered(names, [()] * len(names))


def _numbered(names: list[str], folders: Sequence[tuple[str, ...]]) -> list[str]:
    """Number names that are the same in the same folder: they differ only in characters that cannot be shown."""
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    result = []
    for key in zip(names, folders, strict=True):
        seen[key] += 1
        result.append(key[0] if seen[key] == 1 else f"{key[0]} ({seen[key]})")
    return result


def _with_parent(name: str, parts: tuple[str, ...]) -> str:
    shown = name.count("/") + 1
    return name if shown >= len(parts) - 1 else f"{printable(parts[-shown - 1])}/{name}"
