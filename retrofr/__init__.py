"""Search recorded footage for a face and list where to look.

import retrofr
result = retrofr.search(footage=["footage/"], probes=["suspect.jpg"])
for hit in result.hits:
    print(hit.exhibit, hit.start_seconds, hit.end_seconds, hit.score)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrofr.errors import RetrofrError
    from retrofr.inspection import inspect
    from retrofr.pipeline import search
    from retrofr.probes import ProbeSpec
    from retrofr.request import FootageRequest
    from retrofr.results import Appearance, Coverage, SearchResult
    from retrofr.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Appearance",
    "Coverage",
    "FootageRequest",
    "ProbeSpec",
    "RetrofrError",
    "SearchResult",
    "Settings",
    "__version__",
    "inspect",
    "search",
]

# Loaded when first used: `retrofr --help` must not wait for torch.
_HOMES = {
    "Appearance": "results",
    "Coverage": "results",
    "FootageRequest": "request",
    "ProbeSpec": "probes",
    "RetrofrError": "errors",
    "SearchResult": "results",
    "Settings": "settings",
    "inspect": "inspection",
    "search": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retrofr' has no attribute {name!r}")
    return getattr(import_module(f"retrofr.{_HOMES[name]}"), name)
