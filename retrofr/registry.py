"""Finds interchangeable parts by file name and loads one when it is asked for.

A part of kind ``detectors`` is a file ``retrofr/detectors/<name>.py`` with ``SETTINGS`` (a StageSettings
class) and ``build(settings, ...)``; a file whose name starts with ``_``, and ``base.py``, is not a part. Names
use ``-`` where files use ``_``. Other packages add parts with entry points in the group ``retrofr.<kind>``.
A part that cannot load is listed with its reason; it is never replaced by another.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from retrofr.errors import ModelError, UsageError
from retrofr.settings import StageSettings

KINDS = ("detectors", "embedders", "indexes", "engines", "exporters")


@dataclass(frozen=True)
class PartStatus:
    """One part as a listing shows it: name, first line of documentation, why it cannot load (or None)."""

    name: str
    summary: str
    problem: str | None


def names(kind: str) -> list[str]:
    """Names of all parts of a kind, sorted, without importing any of them."""
    return sorted({*_own_files(kind), *_foreign(kind)})


def load(kind: str, name: str) -> ModuleType:
    """Import the part ``name`` of a kind and give its module.

    Raises:
        UsageError: there is no part of that name; the known ones are named.
        ModelError: the part is there and cannot be imported; the reason is in the message.
    """
    singular = {"indexes": "index"}.get(kind, kind.removesuffix("s"))
    try:
        if name in _own_files(kind):
            return importlib.import_module(f"retrofr.{kind}.{name.replace('-', '_')}")
        if name in _foreign(kind):
            module = _foreign(kind)[name].load()
            assert isinstance(module, ModuleType)
            return module
    except ImportError as error:
        raise ModelError(
            f"cannot be loaded ({error})",
            subject=f"{singular} {name}",
            hint="`retrofr doctor` shows what is missing",
        ) from error
    raise UsageError(f"no {singular} is called {name!r}", hint=f"there are: {', '.join(names(kind))}")


def load_with_settings(
    kind: str, name: str, parts: Mapping[str, Mapping[str, Any]]
) -> tuple[ModuleType, StageSettings]:
    """The part ``name`` and its settings, taken from ``parts`` (as ``Settings.parts`` holds them) or default.

    Raises:
        UsageError, ModelError: as :func:`load`.
        SettingsError: a setting of the part is unknown or refused.
    """
    part = load(kind, name)
    settings: StageSettings = part.SETTINGS.from_mapping(parts.get(name, {}))
    return part, settings


def listing(kind: str) -> list[PartStatus]:
    """Every part of a kind with the reason where it cannot load."""
    statuses = []
    for name in names(kind):
        try:
            module = load(kind, name)
        except ModelError as error:
            statuses.append(PartStatus(name, "", str(error)))
        else:
            statuses.append(PartStatus(name, (module.__doc__ or "").strip().split("\n")[0], None))
    return statuses


def _own_files(kind: str) -> list[str]:
    folder = Path(__file__).parent / kind
    stems = (path.stem for path in folder.glob("*.py"))
    return [stem.replace("_", "-") for stem in stems if stem != "base" and not stem.startswith("_")]


def _foreign(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"retrofr.{kind}")}
