"""Which listener the user sees the library through: a bar, JSON lines, plain lines or nothing."""

from __future__ import annotations

import sys

from .reporters import JsonReporter, LineReporter, MessageReporter, Reporter

MODES = ("auto", "bar", "json", "none")


def reporter(mode: str, *, quiet: bool) -> Reporter:
    """The reporter for ``--progress`` and ``--quiet``."""
    if mode == "json":
        return JsonReporter()
    if quiet:
        return Reporter()
    if mode == "bar" or (mode == "auto" and sys.stderr.isatty()):
        from .bar import BarReporter

        return BarReporter(forced=mode == "bar")
    return LineReporter() if mode == "auto" else MessageReporter()
