"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import fakes
import privileges
from retrofr import registry
from retrofr.converted_nets import CACHE_VARIABLE

ROOT = Path(__file__).resolve().parent.parent

# Tests start hundreds of processes; where a machine forbids to keep byte code, each would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Machines are shared, so that a slow example says nothing; CI tries the same examples each time.
hypothesis.settings.register_profile("retrofr", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("retrofr")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Converted nets are kept for this run of the suite, by all of its processes; nothing of the user's is touched."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(common / "retrofr-cache"))
        patch.setenv("RETROFR_AUDIT", str(base / "audit"))
        patch.setenv("RETROFR_KEYS", str(base / "keys"))
        patch.setenv("XDG_CONFIG_HOME", str(base / "config"))  # no policy of the machine or the user counts
        patch.setenv("XDG_CONFIG_DIRS", str(base / "config-of-the-machine"))
        for name in ("RETROFR_AUTHORITY", "RETROFR_POLICY", "RETROFR_OPERATOR"):
            patch.delenv(name, raising=False)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests first: else one process is left alone with the longest at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Footage and faces that may be tested on and not committed; tests that need them are skipped without."""
    folder = Path(os.environ.get("RETROFR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared test data, which is not at {folder}")
    return folder


@pytest.fixture
def fake_parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
    """Register the fake detector and embedder; gives the settings that choose them."""
    found = {"detectors": fakes.FAKE_DETECTOR, "embedders": fakes.FAKE_EMBEDDER}

    def foreign(kind: str) -> dict[str, object]:
        return {"fake": fakes.as_entry_point(found[kind])} if kind in found else {}

    monkeypatch.setattr(registry, "_foreign", foreign)
    return {
        "detect": {"detector": "fake"},
        "embed": {"embedder": "fake"},
        "search": {"threshold": 0.8},
        "index": {"engine": "inline"},  # other processes do not know these parts
    }


@pytest.fixture
def permissions_hold() -> Iterator[None]:
    """File permissions hold in this test, also for root."""
    with privileges.permissions_hold():
        yield
