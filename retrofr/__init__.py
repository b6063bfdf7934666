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
    from retrofr.case.store import Case, create_case, open_case
    from retrofr.case_search import search_case
    from retrofr.case_selection import CaseSelection
    from retrofr.errors import RetrofrError
    from retrofr.indexing import index
    from retrofr.inspection import inspect
    from retrofr.pipeline import search
    from retrofr.probes import ProbeSpec
    from retrofr.request import FootageRequest
    from retrofr.results import Appearance, Coverage, SearchResult
    from retrofr.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Appearance",
    "Case",
    "CaseSelection",
    "Coverage",
    "FootageRequest",
    "ProbeSpec",
    "RetrofrError",
    "SearchResult",
    "Settings",
    "__version__",
    "create_case",
    "index",
    "inspect",
    "open_case",
    "search",
    "search_case",
]

# Loaded when first used: `retrofr --help` must not wait for torch.
_HOMES = {
    "Appearance": "results",
    "Case": "case.store",
    "CaseSelection": "case_selection",
    "Coverage": "results",
    "FootageRequest": "request",
    "ProbeSpec": "probes",
    "RetrofrError": "errors",
    "SearchResult": "results",
    "Settings": "settings",
    "create_case": "case.store",
    "index": "indexing",
    "inspect": "inspection",
    "open_case": "case.store",
    "search": "pipeline",
    "search_case": "case_search",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retrofr' has no attribute {name!r}")
    return getattr(import_module(f"retrofr.{_HOMES[name]}"), name)
