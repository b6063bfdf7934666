"""Exact or annoy, whichever was measured to be faster (benchmarks/search.py, docs/search.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from retrofr.indexes import annoy, exact
from retrofr.indexes.base import Index
from retrofr.records import Floats
from retrofr.settings import StageSettings, setting


@dataclass(frozen=True)
class Settings(StageSettings):
    """From what sizes on annoy is tried.

    Up to a million templates and 5,000 probes, the most that was measured, it never was the better one: where it is
    faster it misses too much, and a search falls back.
    """

    stage: ClassVar[str] = "parts.auto"
    annoy_templates: int = setting(
        2_000_000,
        unit="templates",
        bounds=(1, 10**12),
        help="An open index of a case is used from so many templates on.",
    )
    annoy_pictures: int = setting(
        10,
        unit="probe pictures",
        bounds=(1, 10**9),
        help="An open index of a case is used for at most so many probe pictures.",
    )
    annoy_probes: int = setting(
        1_000_000,
        unit="probe pictures",
        bounds=(1, 10**9),
        help="An index over the probe pictures themselves is built from so many on.",
    )


SETTINGS = Settings


def build(settings: Settings, vectors: Floats) -> Index:
    """Index ``vectors`` (M, D) float32 under ids 0 to M-1, with the default settings of whichever it is."""
    if len(vectors) < settings.annoy_probes:
        return exact.build(exact.Settings(), vectors)
    return annoy.build(annoy.Settings(), vectors)
